//! The settings file of a run: which one it is, and what it says.

use std::env;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use crate::model::finding::Finding;
use crate::settings::{self, FILE_NAME, NotificationSettings, RegistrySettings, Settings};
use crate::spec::decode::Located;
use crate::spec::yaml::budget::Budget;
use crate::swarm::{Declared, Registry, RegistryIdentity};

use super::error::CommandError;

/// The settings of a run.
#[derive(Debug, Default)]
pub(super) struct Setup {
    /// What the file says; nothing if there is none.
    pub(super) settings: Settings,
    /// The directory of the file, which the paths in it start from.
    pub(super) directory: PathBuf,
    /// Whether the user named the file, and it did not just lie beside the stacks.
    is_named: bool,
    /// The file and its text, if there is one.
    pub(super) text: Option<(PathBuf, Vec<u8>)>,
    /// What is wrong with it.
    pub(super) findings: Vec<Finding>,
}

impl Setup {
    /// Reads the file that the command line names, else `skep.yaml` beside the stacks of `paths`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn load(named: Option<&Path>, paths: &[PathBuf]) -> Result<Self, CommandError> {
        let Some(path) = Self::file(named, paths) else {
            let findings = passed_by(paths).into_iter().collect();
            return Ok(Self { findings, ..Self::default() }.with_variables());
        };
        let text = read(&path).map_err(|error| {
            CommandError::failed(error).context(format!("cannot read {}", path.display()))
        })?;
        let (settings, findings) = settings::parse(&text, path.display().to_string().into());
        let directory = path.parent().map(Path::to_owned).unwrap_or_default();
        let settings = settings.unwrap_or_default();
        let text = Some((path, text));
        Ok(Self { settings, directory, is_named: named.is_some(), text, findings }.with_variables())
    }

    /// The file that counts, if there is one.
    pub(super) fn file(named: Option<&Path>, paths: &[PathBuf]) -> Option<PathBuf> {
        named.map(Path::to_owned).or_else(|| find(paths, FILE_NAME))
    }

    /// The same with what variables of the environment say, which win over the file.
    fn with_variables(mut self) -> Self {
        self.findings.extend(self.settings.follow(|name| env::var(name).ok()));
        self
    }

    /// Ends what needs settings without errors.
    ///
    /// # Errors
    /// When they have some; the first of them is named.
    pub(super) fn refuse_errors(&self) -> Result<(), CommandError> {
        let mut errors = self.findings.iter().filter(|finding| finding.is_error());
        let Some(first) = errors.next() else { return Ok(()) };
        let place = first.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        let more = match errors.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let message = format!("the settings have errors: {place}{}{more}", first.message);
        Err(CommandError::failed(anyhow::Error::msg(message))
            .hint("skep validate shows all of them"))
    }

    /// Where the engine is. A file that came with the stacks cannot say it: whoever writes stacks would else choose
    /// where their secrets go.
    ///
    /// # Errors
    /// When the settings have errors, or say it although nobody named them.
    pub(super) fn engine(&self) -> Result<Option<Declared>, CommandError> {
        self.refuse_errors()?;
        let (Some(engine), Some((path, _))) = (&self.settings.engine, &self.text) else {
            return Ok(None);
        };
        if !self.is_named {
            return Err(not_named(path, "where the engine is", ", or the engine with --host"));
        }
        Ok(Some(engine.declared(&self.directory)))
    }

    /// The file, if nobody named it and it just lay beside the stacks.
    pub(super) fn unnamed(&self) -> Option<&Path> {
        let (path, _) = self.text.as_ref()?;
        (!self.is_named).then_some(path)
    }

    /// The file in which the history is kept, if it is another one than usual. A file that came with the stacks cannot
    /// say it: whoever writes stacks would else choose a file of this machine that is written to.
    ///
    /// # Errors
    /// When it is said although nobody named the settings.
    pub(super) fn history_path(&self) -> Result<Option<PathBuf>, CommandError> {
        let Some(path) = self.settings.history.as_ref().and_then(|history| history.path.as_ref())
        else {
            return Ok(None);
        };
        // The variable wins over the file.
        if let (Some(file), None) = (self.unnamed(), env::var_os("SKEP_HISTORY_PATH")) {
            return Err(not_named(file, "where the history is kept", ""));
        }
        Ok(Some(self.directory.join(path.as_str())))
    }

    /// Who is told of what happens. A file that came with the stacks cannot say it: whoever writes stacks would else have
    /// files of this machine sent to themselves.
    ///
    /// # Errors
    /// When the settings have errors, or say it although nobody named them.
    pub(super) fn notifications(&self) -> Result<Option<&NotificationSettings>, CommandError> {
        self.refuse_errors()?;
        let (Some(notifications), Some((path, _))) = (&self.settings.notifications, &self.text)
        else {
            return Ok(None);
        };
        if !self.is_named {
            return Err(not_named(path, "who is told of what happens", ""));
        }
        Ok(Some(notifications))
    }

    /// How to log in to registries. A file that came with the stacks may name files beside and below it only: whoever
    /// writes stacks would else send any file of this machine to a registry of their own.
    pub(super) fn registries(&self) -> Vec<Registry> {
        let beside = Path::new(".").join(&self.directory);
        let entries = self.settings.registries.iter().filter_map(|entry| {
            let RegistrySettings { host, username, password_file, identity_token_file } = entry;
            let file = |file: &Located<String>| self.directory.join(&file.value);
            let identity = match (username, password_file, identity_token_file) {
                (Some(username), Some(password), _) => {
                    RegistryIdentity::Password { username: username.clone(), file: file(password) }
                }
                (_, _, Some(token)) => RegistryIdentity::IdentityToken { file: file(token) },
                _ => return None,
            };
            let confined_to = (!self.is_named).then(|| beside.clone());
            Some(Registry { host: host.value.clone(), identity, confined_to })
        });
        entries.collect()
    }
}

/// The error about a file that says `what` although nobody named it; `otherwise` is another way out.
pub(super) fn not_named(path: &Path, what: &str, otherwise: &str) -> CommandError {
    let path = path.display();
    let message = format!("{path} says {what}, which counts only in a file that is named");
    CommandError::failed(anyhow::Error::msg(message))
        .hint(format!("name it with -c {path} or SKEP_CONFIG{otherwise}"))
}

/// The directory of the first path.
pub(super) fn start(paths: &[PathBuf]) -> PathBuf {
    let path = paths.first().map_or_else(|| Path::new("."), PathBuf::as_path);
    let directory = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    directory.components().filter(|part| *part != Component::CurDir).collect()
}

/// The file `name` in the directory of the first path, or above it up to where the user stands.
pub(super) fn find(paths: &[PathBuf], name: &str) -> Option<PathBuf> {
    let directory = start(paths);
    // Above a directory that is not below us there is nothing that the user has in mind.
    let height = if is_below(&directory) { usize::MAX } else { 1 };
    let files = directory.ancestors().take(height).map(|directory| directory.join(name));
    files.into_iter().find(|file| file.is_file())
}

/// Tells of settings above where the user stands, which nobody looks at: whoever keeps some there may think that they
/// count.
fn passed_by(paths: &[PathBuf]) -> Option<Finding> {
    if !is_below(&start(paths)) {
        return None;
    }
    let here = env::current_dir().ok()?;
    let files = here.ancestors().skip(1).map(|above| above.join(FILE_NAME));
    let file = files.into_iter().find(|file| file.is_file())?;
    let file = file.display();
    let finding = Finding::warning("settings-above", None, format!("{file} is not read"));
    Some(finding.hint(format!("call skep in its directory, or name it with -c {file}")))
}

/// Whether a directory is the one in which the user stands, or below it.
fn is_below(directory: &Path) -> bool {
    directory.components().all(|part| matches!(part, Component::Normal(_)))
}

pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let limit = Budget::default().bytes;
    let mut text = Vec::new();
    // One byte more, so that the parser sees that it is too large.
    File::open(path)?.take(limit + 1).read_to_end(&mut text)?;
    Ok(text)
}
