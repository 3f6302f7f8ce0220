//! `logging` of a service.

use schemars::JsonSchema;

use super::pairs::Options;
use crate::spec::decode::{Cursor, Decode, Located, Report};

/// Where the output of a container goes.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Logging {
    /// The logging driver.
    #[schemars(example = &"json-file")]
    pub driver: Option<Located<String>>,
    /// Its options.
    pub options: Option<Options>,
}

impl Decode for Logging {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let logging =
            Self { driver: fields.get("driver", report), options: fields.get("options", report) };
        fields.finish(report);
        Some(logging)
    }
}
