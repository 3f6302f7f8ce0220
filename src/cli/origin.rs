//! Where the stacks of a run come from: the PATHs of the command line, or the source in the settings that they belong to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::name::SourceName;
use crate::settings::{Settings, Source, StackSettings};

use super::args::ReadingArgs;
use super::error::CommandError;

/// Where the stacks of a run come from.
pub(super) struct Origin {
    /// Its name.
    pub(super) name: SourceName,
    /// The stack files, or directories of stacks.
    pub(super) paths: Vec<PathBuf>,
    /// The directory of the source in the settings that the paths belong to.
    pub(super) root: Option<PathBuf>,
    /// Whether the paths are all there is of the source.
    pub(super) is_whole: bool,
}

impl Origin {
    /// The source in the settings that `paths` or `--source` mean; `directory` is that of the settings file.
    ///
    /// # Errors
    /// When nothing tells which source is meant, or it is a repository.
    pub(super) fn of(
        settings: &Settings,
        directory: &Path,
        paths: &[PathBuf],
        args: &ReadingArgs,
    ) -> Result<Self, CommandError> {
        let place = |source: &Source| source.path().map(|path| directory.join(path));
        let mut known = settings.sources.iter();
        if let Some(source) = chosen(settings, paths, args)? {
            let Some(path) = place(source) else { return Err(needs_checkout(source)) };
            return Ok(Self {
                name: source.name.value.clone(),
                root: path.is_dir().then(|| path.clone()),
                paths: vec![path],
                is_whole: true,
            });
        }
        let paths = if paths.is_empty() { vec![PathBuf::from(".")] } else { paths.to_vec() };
        let real = |path: &Path| fs::canonicalize(path).ok();
        let source = known.find(|source| {
            let Some(root) = place(source).and_then(|path| real(&path)) else { return false };
            args.source.as_ref().is_none_or(|name| source.name.value == *name)
                && paths.iter().all(|path| real(path).is_some_and(|path| path.starts_with(&root)))
        });
        let name = match (&args.source, source) {
            (Some(name), _) => name.clone(),
            (None, Some(source)) => source.name.value.clone(),
            (None, None) => "cli".parse().map_err(CommandError::failed)?,
        };
        let root = source.and_then(place).filter(|path| path.is_dir());
        // A part of a source says nothing about the rest of it.
        let is_all = |root: &PathBuf| paths.iter().any(|path| real(path) == real(root));
        let is_whole = source.is_none() || root.as_ref().is_some_and(is_all);
        // Settings that list stacks and no sources speak of what lies beside them.
        let beside = Path::new(".").join(directory);
        let is_beside = settings.sources.is_empty()
            && !settings.stacks.is_empty()
            && real(&beside).is_some_and(|beside| {
                paths.iter().all(|path| real(path).is_some_and(|path| path.starts_with(&beside)))
            });
        let root = root.or_else(|| is_beside.then_some(beside));
        // A checkout that is called by the name of a repository stands for it.
        let is_git = |source: &Source| source.path().is_none() && source.name.value == name;
        let checkout =
            paths.first().filter(|path| path.is_dir() && settings.sources.iter().any(is_git));
        let root = root.or_else(|| checkout.cloned());
        Ok(Self { name, paths, root, is_whole })
    }

    /// What the settings say about stacks of this source.
    pub(super) fn listed(&self, settings: &Settings) -> Vec<StackSettings> {
        if self.root.is_some() { settings.stacks_of(&self.name) } else { Vec::new() }
    }
}

/// The source in the settings that a run without PATHs reads; `None` if there are PATHs, or no sources.
///
/// # Errors
/// When nothing tells which one is meant.
pub(super) fn chosen<'a>(
    settings: &'a Settings,
    paths: &[PathBuf],
    args: &ReadingArgs,
) -> Result<Option<&'a Source>, CommandError> {
    if !paths.is_empty() || settings.sources.is_empty() {
        return Ok(None);
    }
    let source = match (&args.source, settings.sources.as_slice()) {
        (Some(name), sources) => sources.iter().find(|source| source.name.value == *name),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    source.map(Some).ok_or_else(|| which_source(settings))
}

fn needs_checkout(source: &Source) -> CommandError {
    let name = source.name.as_str();
    let error = CommandError::usage(format!(
        "the source {name} is a repository, and this command reads files"
    ));
    error.hint(format!("give the PATH of its stacks in a checkout, and --source {name}"))
}

fn which_source(settings: &Settings) -> CommandError {
    let names: Vec<&str> =
        settings.sources.iter().map(|source| source.name.value.as_str()).collect();
    CommandError::usage("the settings list several sources, and a run reads one")
        .hint(format!("name it with --source ({}), or give a PATH", names.join(", ")))
}
