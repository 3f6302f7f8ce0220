//! Where stacks come from, by name.

use std::borrow::Cow;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::git::GitSettings;
use crate::model::name::SourceName;
use crate::sources::git::{GitSource, Repositories};
use crate::sources::{self, DirectorySource};
use crate::spec::decode::{Cursor, Decode, Located, Report};

/// A source of stacks. Its name is written on every object, and only stacks of the same source can be missing from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: Located<SourceName>,
    /// Where its files are.
    pub files: SourceFiles,
    /// The file with the secret that its server signs webhooks with; without one, there is no hook.
    pub webhook_secret_file: Option<Located<String>>,
}

/// Where the files of a source are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceFiles {
    /// In a stack file or a directory of stacks, relative to the settings file.
    Path(Located<String>),
    /// In a repository.
    Git(Box<GitSettings>),
}

impl Source {
    /// The source itself, ready to be fetched; relative paths are taken from the `directory` of the settings file.
    pub fn open(&self, directory: &Path, repositories: &Repositories) -> sources::Source {
        let files = match &self.files {
            SourceFiles::Path(path) => sources::SourceFiles::Directory(DirectorySource {
                path: directory.join(path.as_str()),
                root: None,
            }),
            SourceFiles::Git(git) => {
                let git = GitSource::new(repositories, git.declaration(directory));
                sources::SourceFiles::Git(git)
            }
        };
        sources::Source { name: self.name.value.clone(), files }
    }

    /// The path of a source on this machine, relative to the settings file.
    pub fn path(&self) -> Option<&str> {
        match &self.files {
            SourceFiles::Path(path) => Some(path.as_str()),
            SourceFiles::Git(_) => None,
        }
    }
}

/// A source of stacks: a `path` of this machine, or a repository.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename = "Source",
    extend("oneOf" = [{ "required": ["path"] }, { "required": ["git"] }])
)]
#[expect(dead_code, reason = "it only describes the schema")]
struct Written {
    /// Its name. Written on every object, and only stacks of the same source can be missing from it.
    #[schemars(example = &"main")]
    name: String,
    /// The stack file or directory of stacks, relative to the settings file.
    #[schemars(example = &"stacks")]
    path: Option<String>,
    /// The repository with the stacks, instead of `path`.
    git: Option<GitSettings>,
    /// The file with the secret that its server signs webhooks with, relative to the settings file. With it, the status
    /// page takes them at `/hooks/` and the name of the source.
    #[schemars(example = &"webhook-secret")]
    webhook_secret_file: Option<String>,
}

impl JsonSchema for Source {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl Decode for Source {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let name = fields.at("name").map(|at| located_name(&at, report));
        if name.is_none() {
            let finding = at.error("missing-key", "needs `name`");
            report.push(finding.hint("write `- name: main` and `path: stacks`"));
        }
        let path: Option<Option<Located<String>>> = fields.at("path").map(|at| at.get(report));
        let git: Option<Option<GitSettings>> = fields.at("git").map(|at| at.get(report));
        let files = match (path, git) {
            (Some(path), None) => path.map(SourceFiles::Path),
            (None, Some(git)) => git.map(|git| SourceFiles::Git(Box::new(git))),
            (Some(_), Some(_)) => {
                let finding = at.error("conflicting-keys", "has both `path` and `git`");
                report.push(finding.hint("the path in the repository is `git.path`"));
                None
            }
            (None, None) => {
                let finding = at.error("missing-key", "needs `path` or `git`");
                report.push(
                    finding.hint("write `path: stacks`, or `git:` with the `url` of a repository"),
                );
                None
            }
        };
        let webhook_secret_file = fields.get("webhook_secret_file", report);
        if let Some(at) = fields.at("webhook_secret") {
            let finding = at.error("secret-in-settings", "does not belong into this file");
            report.push(finding.hint("put it into a file of its own: `webhook_secret_file`"));
        }
        fields.finish(report);
        Some(Self { name: name??, files: files?, webhook_secret_file })
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
