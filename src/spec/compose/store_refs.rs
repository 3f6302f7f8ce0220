//! `configs` and `secrets` of a service.

use schemars::{JsonSchema, json_schema};

use super::file_mode::FileMode;
use super::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

/// A config or secret as a container sees it.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StoreRef {
    /// Its key in the top-level `configs` or `secrets`.
    pub source: Located<String>,
    /// The path in the container; its key by default, below `/` for configs and `/run/secrets/` for secrets.
    #[schemars(example = &"/etc/nginx/nginx.conf")]
    pub target: Option<Located<String>>,
    /// The numeric owner of the file; `"0"` by default.
    pub uid: Option<Located<String>>,
    /// The numeric group of the file; `"0"` by default.
    pub gid: Option<Located<String>>,
    /// The permission bits of the file; `0444` by default.
    pub mode: Option<Located<FileMode>>,
}

impl StoreRef {
    /// The path in the container as the Engine gets it.
    pub fn target(&self) -> &str {
        self.target.as_ref().map_or(&self.source, |target| target)
    }
}

/// The configs or secrets of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreRefs(pub Vec<Located<StoreRef>>);

impl Decode for StoreRefs {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        at.get(report).map(Self)
    }
}

impl Decode for StoreRef {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if !matches!(at.node.value, Value::Mapping(_)) {
            let source = at.get(report)?;
            return Some(Self { source, target: None, uid: None, gid: None, mode: None });
        }
        let mut fields = at.fields(report)?;
        let source: Option<Located<String>> = fields.get("source", report);
        if fields.lacks("source") {
            report.push(at.error("missing-key", "needs a `source`"));
        }
        // An empty target is what a blank variable leaves; docker takes the key then.
        let target =
            fields.get("target", report).filter(|target: &Located<String>| !target.is_empty());
        let (uid, gid) = (fields.get("uid", report), fields.get("gid", report));
        let mode = fields.get("mode", report);
        fields.finish(report);
        Some(Self { source: source?, target, uid, gid, mode })
    }
}

inline_schema!(StoreRefs, |generator| json_schema!({
    "type": "array",
    "items": { "anyOf": [{ "type": "string" }, generator.subschema_for::<StoreRef>()] }
}));
