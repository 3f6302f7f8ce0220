//! From paths to stacks: opens each PATH, finds its stacks, and loads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::diff::mask::Sensitivity;
use crate::diff::render::{Look, Palette};
use crate::model::finding::{self, Finding, Severity};
use crate::model::name::{SourceName, StackName};
use crate::model::place::Place;
use crate::model::secret::Redacted;
use crate::settings::{Settings, Source, StackSettings};
use crate::sources::{self, Snapshot, SourceTree};
use crate::spec::dependencies::{self, Cycle};
use crate::spec::discover::{Discovery, Scope, Start, discover, same_name};
use crate::spec::interpolate::Variables;
use crate::spec::load::{self, Input, Options};
use crate::spec::lock::{self, Lock};
use crate::spec::stack::Stack;
use crate::spec::tree::{ReadError, Tree as _};
use crate::spec::yaml::budget::Budget;
use crate::swarm::Registry;

use super::args::{GlobalArgs, ReadingArgs};
use super::error::CommandError;
use super::findings;
use super::inputs::inputs;
use super::settings::{self, Setup};
use super::variables;

/// What the PATHs of a command line hold.
#[derive(Debug)]
pub(super) struct Stacks {
    /// The settings that go with them.
    pub(super) settings: Settings,
    /// The name of where they come from.
    pub(super) source: SourceName,
    /// The stacks that can be used, by name.
    pub(super) good: Vec<Stack>,
    /// The names of those that cannot be used.
    pub(super) invalid: BTreeSet<StackName>,
    /// Whether a stack that is not among them is absent.
    pub(super) whole: bool,
    /// Everything that was found, sorted.
    pub(super) findings: Vec<Finding>,
    /// What was read, where all of it has one revision.
    pub(super) revision: Option<String>,
    /// Whether the settings have errors, so that nothing may be done on their behalf.
    pub(super) settings_are_broken: bool,
    /// What tags mean, as far as it is written down.
    pub(super) lock: LockFile,
    /// How the settings log in to registries.
    pub(super) registries: Vec<Registry>,
    /// The settings file and what it says, if there is one.
    settings_text: Option<(PathBuf, Vec<u8>)>,
    trees: Vec<(PathBuf, SourceTree)>,
    variables: Vec<Variables>,
}

/// What a run depends on besides its arguments and the Swarm.
#[derive(Debug)]
pub(super) struct Sources {
    /// Content by what it is, such as `the settings in skep.yaml`. A revision stands for the files of a PATH.
    pub(super) contents: BTreeMap<String, Redacted<Vec<u8>>>,
    /// The variables that were used and are in none of them.
    pub(super) variables: BTreeMap<String, Redacted<String>>,
}

/// The file that locks images.
#[derive(Debug, Default)]
pub(super) struct LockFile {
    /// Where it is, or would be.
    pub(super) path: PathBuf,
    /// What it says.
    pub(super) content: Lock,
    /// Whether no other stacks than those of the command line can be in it.
    pub(super) is_of_these_alone: bool,
    /// Whether it has errors, so that nobody knows what tags mean.
    pub(super) is_broken: bool,
    /// Its text, if it is there.
    text: Option<Vec<u8>>,
}

/// The code of the finding on a directory without stacks.
const NO_STACKS: &str = "no-stacks";

impl Stacks {
    /// Loads the stacks of `paths`. What is wrong with the files is in the findings.
    ///
    /// # Errors
    /// When a PATH or another argument makes no sense.
    pub(super) fn load(
        global: &GlobalArgs,
        paths: &[PathBuf],
        args: &ReadingArgs,
    ) -> Result<Self, CommandError> {
        let setup = Setup::load(global.config.as_deref(), paths)?;
        let origin = Origin::of(&setup.settings, &setup.directory, paths, args)?;
        let listed = origin.listed(&setup.settings);
        let mut all = Self::new(setup, origin.name, origin.is_whole);
        if args.name.is_some() && origin.paths.len() > 1 {
            return Err(not_for_several());
        }
        for path in origin.paths.iter().cloned() {
            let root = args.root.as_deref().or(origin.root.as_deref());
            let (tree, start) = sources::open(&path, root)?;
            all.read(path, SourceTree::Directory(tree), &start, &listed, args)?;
        }
        all.lock = LockFile::load(&origin.paths, &mut all.findings)?;
        all.lock.is_of_these_alone &= all.whole && origin.paths.len() == 1;
        Ok(all.finished())
    }

    /// Loads the stacks of a snapshot that the settings in `setup` declare the source of.
    ///
    /// # Errors
    /// When an argument makes no sense.
    pub(super) fn of_snapshot(
        setup: Setup,
        snapshot: Snapshot,
        args: &ReadingArgs,
    ) -> Result<Self, CommandError> {
        let Snapshot { source, tree, start, commit: _ } = snapshot;
        let first = setup.settings.sources.first().map(|source| &source.name.value);
        let of_source = |stack: &&StackSettings| {
            let of = stack.source.as_ref().map(|source| &source.value).or(first);
            of.is_none_or(|of| *of == source)
        };
        let listed: Vec<StackSettings> =
            setup.settings.stacks.iter().filter(of_source).cloned().collect();
        let mut all = Self::new(setup, source.clone(), true);
        let lock = LockFile::of_tree(&tree, &start, &mut all.findings);
        all.read(PathBuf::from(source.as_str()), tree, &start, &listed, args)?;
        all.lock = lock;
        Ok(all.finished())
    }

    fn new(setup: Setup, source: SourceName, whole: bool) -> Self {
        let registries = setup.registries();
        let Setup { settings, findings, text, .. } = setup;
        Self {
            source,
            good: Vec::new(),
            invalid: BTreeSet::new(),
            whole,
            settings_are_broken: findings.iter().any(Finding::is_error),
            registries,
            lock: LockFile::default(),
            findings,
            revision: None,
            settings_text: text,
            trees: Vec::new(),
            variables: Vec::new(),
            settings,
        }
    }

    /// Loads the stacks of one tree.
    fn read(
        &mut self,
        path: PathBuf,
        tree: SourceTree,
        start: &Start,
        listed: &[StackSettings],
        args: &ReadingArgs,
    ) -> Result<(), CommandError> {
        let discovery = discover(&tree, start);
        if args.name.is_some() && discovery.stacks.len() > 1 {
            return Err(not_for_several());
        }
        let variables = variables::gather(args, &mut self.findings)?;
        let Discovery { stacks, scope, findings } = discovery;
        let whole = scope == Scope::Directory;
        self.accept(findings, whole);
        let inputs = inputs(&tree, stacks, listed, whole, &variables, &mut self.findings);
        self.add(&tree, &inputs, args);
        self.trees.push((path, tree));
        self.variables.push(variables);
        Ok(())
    }

    /// What only all stacks together can tell.
    fn finished(mut self) -> Self {
        if let [(_, tree)] = self.trees.as_slice() {
            self.revision = Some(tree.revision().to_string());
        }
        self.refuse_same_names();
        self.refuse_cycles();
        self.tell_of_undeclared();
        self.good.sort_by(|a, b| a.name.cmp(&b.name));
        finding::sort(&mut self.findings);
        self
    }

    /// Takes over what discovery found.
    fn accept(&mut self, findings: Vec<Finding>, whole: bool) {
        // What could not be listed may hold anything.
        let unsure = findings.iter().any(|finding| finding.is_error() && finding.code != NO_STACKS);
        self.whole &= whole && !unsure;
        self.findings.extend(findings);
    }

    fn add(&mut self, tree: &SourceTree, inputs: &[Input], args: &ReadingArgs) {
        let options = Options {
            strict: args.strict || self.settings.strict == Some(true),
            profiles: args.profile.clone(),
            name: args.name.clone(),
            bind_root: None,
        };
        let load::Loaded { stacks, failed, findings } = load::load(tree, inputs, &options);
        self.findings.extend(findings);
        self.good.extend(stacks);
        for failed in failed {
            match failed.name.parse() {
                Ok(name) => {
                    self.invalid.insert(name);
                }
                // Whatever it was called in the Swarm, it must not be taken for absent.
                Err(_) => self.whole = false,
            }
        }
    }

    /// Two PATHs may declare stacks of one name; neither is used then.
    fn refuse_same_names(&mut self) {
        let names: Vec<(StackName, Place)> = self
            .good
            .iter()
            .map(|stack| (stack.name.clone(), Place::file(stack.file.clone())))
            .collect();
        self.findings.extend(same_name(&names));
        let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
        for (name, _) in names {
            if !seen.insert(name.clone()) {
                twice.insert(name);
            }
        }
        self.good.retain(|stack| !twice.contains(&stack.name));
        self.invalid.extend(twice);
    }

    /// Stacks that wait for each other would wait for ever.
    fn refuse_cycles(&mut self) {
        for Cycle { stacks, finding } in dependencies::cycles(&self.good) {
            self.good.retain(|stack| !stacks.contains(&stack.name));
            self.invalid.extend(stacks);
            self.findings.push(finding);
        }
    }

    /// Tells of needed stacks that are not declared, unless another source may declare them.
    fn tell_of_undeclared(&mut self) {
        if !self.whole || self.settings.sources.len() > 1 {
            return;
        }
        let known = self.good.iter().map(|stack| &stack.name).chain(&self.invalid);
        let known = known.cloned().collect();
        self.findings.extend(dependencies::undeclared(&self.good, &known));
    }

    /// What declares the stack `name`, well or badly: its file, where that is known.
    pub(super) fn declaring(&self, name: &StackName) -> Option<String> {
        let good = self.good.iter().find(|stack| stack.name == *name);
        let paths = || self.trees.iter().map(|(path, _)| path.display().to_string());
        let good = good.map(|stack| stack.file.to_string());
        good.or_else(|| self.invalid.contains(name).then(|| paths().collect::<Vec<_>>().join(", ")))
    }

    /// Whether something is wrong, and not only doubtful.
    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }

    /// What was read. Where it is equal, the same arguments declare the same.
    pub(super) fn sources(&self) -> Sources {
        let trees = self.trees.iter().map(|(path, tree)| {
            (
                format!("the files of {}", path.display()),
                tree.revision().as_str().as_bytes().to_vec(),
            )
        });
        let settings = self
            .settings_text
            .iter()
            .map(|(path, text)| (format!("the settings in {}", path.display()), text.clone()));
        let lock = self.lock.text.iter().map(|text| {
            (format!("the locked images in {}", self.lock.path.display()), text.clone())
        });
        let contents = trees.chain(settings).chain(lock);
        Sources {
            contents: contents.map(|(what, content)| (what, Redacted::new(content))).collect(),
            variables: self.variables.iter().flat_map(Variables::asked_from_outside).collect(),
        }
    }

    /// Takes a directory without stacks for what it may be: one whose last stack was deleted. The planner has a guard
    /// for that.
    pub(super) fn accept_emptiness(&mut self) {
        for finding in &mut self.findings {
            if finding.code == NO_STACKS {
                finding.severity = Severity::Warning;
            }
        }
    }

    /// Which values are never shown.
    pub(super) fn sensitivity(&self) -> Sensitivity {
        self.settings.sensitivity()
    }

    /// The findings as people read them, with the lines that they are about and a count; nothing if there are none.
    pub(super) fn findings_text(&self, look: Look) -> String {
        if self.findings.is_empty() {
            return String::new();
        }
        let colors = look.palette == Palette::Ansi;
        let look = findings::Look { color: colors, width: look.width.max(40) };
        let read = |path: &str| {
            let known = self.trees.iter().find_map(|(_, tree)| tree.content_of(path));
            // The settings and files of variables are in no tree; reading from a pipe could wait for ever.
            let path = Some(Path::new(path)).filter(|path| path.is_file());
            known.or_else(|| variables::read(path?).ok())
        };
        let (shown, left_out) = findings::shortened(&self.findings);
        let text = findings::text(&shown, &read, &self.sensitivity(), look);
        let more = match left_out {
            0 => String::new(),
            count => format!("\n{count} more; skep validate --format json has them\n"),
        };
        format!("{text}{more}\n{}\n", findings::summary(&self.findings))
    }
}

impl LockFile {
    /// Reads the lock in the directory of the first path, or above it as the settings are looked for.
    fn load(paths: &[PathBuf], findings: &mut Vec<Finding>) -> Result<Self, CommandError> {
        let here = settings::start(paths).join(lock::FILE_NAME);
        let Some(path) = settings::find(paths, lock::FILE_NAME) else {
            return Ok(Self { path: here, is_of_these_alone: true, ..Self::default() });
        };
        let text = settings::read(&path).map_err(|error| {
            CommandError::failed(error).context(format!("cannot read {}", path.display()))
        })?;
        let is_of_these_alone = path == here;
        Ok(Self { is_of_these_alone, ..Self::read(path, text, findings) })
    }

    /// Reads the lock of a snapshot: beside its stacks, or above them in the same tree.
    fn of_tree(tree: &SourceTree, start: &Start, findings: &mut Vec<Finding>) -> Self {
        let mut directory = match start {
            Start::Directory(directory) => directory.as_str(),
            Start::File(file) => file.rsplit_once('/').map_or("", |(directory, _)| directory),
        };
        loop {
            let path = match directory {
                "" => lock::FILE_NAME.to_owned(),
                directory => format!("{directory}/{}", lock::FILE_NAME),
            };
            match tree.read(&path, Budget::default().bytes) {
                Ok(text) => return Self::read(tree.display(&path).into(), text, findings),
                Err(ReadError::Missing) if directory.is_empty() => return Self::default(),
                Err(ReadError::Missing) => {
                    directory = directory.rsplit_once('/').map_or("", |(above, _)| above);
                }
                Err(error) => {
                    let message = format!("`{}` cannot be read: {error}", tree.display(&path));
                    findings.push(Finding::error("unreadable-file", None, message));
                    return Self { is_broken: true, ..Self::default() };
                }
            }
        }
    }

    fn read(path: PathBuf, text: Vec<u8>, findings: &mut Vec<Finding>) -> Self {
        let (content, found) = lock::parse(&text, path.display().to_string().into());
        let is_broken = found.iter().any(Finding::is_error);
        findings.extend(found);
        Self { path, content, is_broken, text: Some(text), is_of_these_alone: false }
    }
}

fn not_for_several() -> CommandError {
    CommandError::usage("--name is for one stack, and PATH holds more")
        .hint("give the stack's own file or directory as PATH")
}

/// Where the stacks of a run come from.
struct Origin {
    name: SourceName,
    paths: Vec<PathBuf>,
    /// The directory of the source in the settings that the paths belong to.
    root: Option<PathBuf>,
    /// Whether the paths are all there is of the source.
    is_whole: bool,
}

impl Origin {
    fn of(
        settings: &Settings,
        directory: &Path,
        paths: &[PathBuf],
        args: &ReadingArgs,
    ) -> Result<Self, CommandError> {
        let place = |source: &Source| source.path().map(|path| directory.join(path));
        let mut known = settings.sources.iter();
        if paths.is_empty() && !settings.sources.is_empty() {
            let source = match (&args.source, settings.sources.as_slice()) {
                (Some(name), _) => known.find(|source| source.name.value == *name),
                (None, [only]) => Some(only),
                (None, _) => None,
            };
            let Some(source) = source else { return Err(which_source(settings)) };
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
}

impl Origin {
    /// What the settings say about stacks of this source.
    fn listed(&self, settings: &Settings) -> Vec<StackSettings> {
        let first = settings.sources.first().map(|source| &source.name.value);
        let of_source = |stack: &&StackSettings| {
            let source = stack.source.as_ref().map(|source| &source.value).or(first);
            self.root.is_some() && source.is_none_or(|source| *source == self.name)
        };
        settings.stacks.iter().filter(of_source).cloned().collect()
    }
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
