//! The top-level `configs` and `secrets`.

use schemars::JsonSchema;

use super::definitions::Define;
use super::external::{self, External};
use super::pairs::{Options, Pairs};
use crate::model::finding::Finding;
use crate::model::secret::Redacted;
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report};

/// A config that the stack creates, or uses if it is external.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// Its name in the Swarm; `<stack>_<key>-<hash of its data>` by default.
    pub name: Option<Located<String>>,
    /// The file that holds its data, relative to the stack file.
    #[schemars(example = &"./nginx.conf")]
    pub file: Option<Located<String>>,
    /// Its data.
    #[schemars(with = "Option<String>")]
    pub content: Option<Located<Redacted<String>>>,
    /// The variable of the stack that holds its data.
    pub environment: Option<Located<String>>,
    /// Whether it exists already.
    pub external: Option<External>,
    /// Labels.
    pub labels: Option<Located<Pairs>>,
    /// What fills placeholders in its data when a container starts; `golang` is the one there is.
    #[schemars(example = &"golang")]
    pub template_driver: Option<Located<String>>,
}

/// A secret that the stack creates, or uses if it is external.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Secret {
    /// Its name in the Swarm; `<stack>_<key>-<keyed hash of its data>` by default.
    pub name: Option<Located<String>>,
    /// The file that holds its data, relative to the stack file.
    #[schemars(example = &"./db_password.txt")]
    pub file: Option<Located<String>>,
    /// The variable of the stack that holds its data.
    #[schemars(example = &"DB_PASSWORD")]
    pub environment: Option<Located<String>>,
    /// Whether it exists already.
    pub external: Option<External>,
    /// Labels.
    pub labels: Option<Located<Pairs>>,
    /// The plugin that has its data.
    pub driver: Option<Located<String>>,
    /// Options of the plugin.
    pub driver_opts: Option<Located<Options>>,
    /// What fills placeholders in its data when a container starts; `golang` is the one there is.
    #[schemars(example = &"golang")]
    pub template_driver: Option<Located<String>>,
}

/// Where the data of a config can be; nowhere, if it is external.
pub const CONFIG_SOURCES: [&str; 3] = ["file", "content", "environment"];
/// Where the data of a secret can be; nowhere, if it is external.
pub const SECRET_SOURCES: [&str; 3] = ["file", "environment", "driver"];

impl Config {
    /// Whether it exists already.
    pub fn is_external(&self) -> bool {
        self.external.as_ref().is_some_and(|external| external.external)
    }
}

impl Secret {
    /// Whether it exists already.
    pub fn is_external(&self) -> bool {
        self.external.as_ref().is_some_and(|external| external.external)
    }
}

impl Define for Config {
    fn define(key: &str, at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let mut config = Self {
            name: fields.get("name", report),
            file: fields.get("file", report),
            content: fields.get("content", report),
            environment: fields.get("environment", report),
            external: fields.get("external", report),
            labels: fields.get("labels", report),
            template_driver: fields.get("template_driver", report),
        };
        one_source(&mut fields, config.is_external(), &CONFIG_SOURCES, report);
        fields.finish(report);
        external::settle(at, key, &mut config.name, config.external.as_ref(), report);
        Some(config)
    }
}

impl Define for Secret {
    fn define(key: &str, at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let mut secret = Self {
            name: fields.get("name", report),
            file: fields.get("file", report),
            environment: fields.get("environment", report),
            external: fields.get("external", report),
            labels: fields.get("labels", report),
            driver: fields.get("driver", report),
            driver_opts: fields.get("driver_opts", report),
            template_driver: fields.get("template_driver", report),
        };
        if let Some(place) = fields.key_place("content") {
            let message = format!("{} cannot hold the data of a secret", at.path.key("content"));
            report.push(
                Finding::error("secret-in-file", place.clone(), message)
                    .hint("use `file` or `environment`, so that it is not in the stack file"),
            );
        } else {
            one_source(&mut fields, secret.is_external(), &SECRET_SOURCES, report);
        }
        fields.finish(report);
        external::settle(at, key, &mut secret.name, secret.external.as_ref(), report);
        Some(secret)
    }
}

/// The data must come from exactly one of `sources`, and from none if the object is external.
fn one_source(
    fields: &mut Fields<'_>,
    external: bool,
    sources: &[&'static str],
    report: &mut Report,
) {
    let at = fields.cursor().clone();
    let given: Vec<_> =
        sources.iter().filter_map(|key| Some((*key, fields.key_place(key)?.clone()))).collect();
    let list = sources.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    match (given.as_slice(), external) {
        ([], false) => report.push(
            at.error("missing-key", "does not say where its data is")
                .hint(format!("give one of {list}, or `external: true`")),
        ),
        ([(key, place), ..], true) => {
            let mut finding = at.error(
                "conflicting-keys",
                format_args!("is external, so it cannot have a `{key}`"),
            );
            finding.place = Some(place.clone());
            report.push(finding.hint(format!("remove `{key}`, or `external`")));
        }
        ([(first, first_place), (second, place), ..], false) => {
            let says = format_args!("has its data from both `{first}` and `{second}`");
            let mut finding = at.error("conflicting-keys", says);
            finding.place = Some(place.clone());
            report.push(finding.related(first_place.clone(), "the other").hint("keep one"));
        }
        _ => {}
    }
}

impl Decode for Redacted<String> {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        at.get(report).map(Self::new)
    }
}
