//! Where stacks come from, by name.

use schemars::JsonSchema;

use crate::model::name::SourceName;
use crate::spec::decode::{Cursor, Decode, Located, Report};

/// A source of stacks. Its name is written on every object, and only stacks of the same source can be missing from it.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Source {
    /// Its name.
    #[schemars(with = "String", example = &"main")]
    pub name: Located<SourceName>,
    /// The stack file or directory of stacks, relative to the settings file.
    #[schemars(with = "String", example = &"stacks")]
    pub path: Located<String>,
}

impl Decode for Source {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let name = fields.at("name").map(|at| located_name(&at, report));
        let path: Option<Option<Located<String>>> = fields.at("path").map(|at| at.get(report));
        for (key, is_missing) in [("name", name.is_none()), ("path", path.is_none())] {
            if is_missing {
                let finding = at.error("missing-key", format_args!("needs `{key}`"));
                report.push(finding.hint("write `- name: main` and `path: stacks`"));
            }
        }
        fields.finish(report);
        Some(Self { name: name??, path: path?? })
    }
}

/// A name, or the finding that says why it is none.
pub(super) fn located_name<N>(at: &Cursor<'_>, report: &mut Report) -> Option<Located<N>>
where
    N: std::str::FromStr,
    N::Err: std::fmt::Display,
{
    let text: Located<String> = at.get(report)?;
    match text.value.parse() {
        Ok(name) => Some(Located::new(name, text.place)),
        Err(error) => {
            report.push(at.error("invalid-name", format_args!("cannot be used: {error}")));
            None
        }
    }
}
