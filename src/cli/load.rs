//! From paths to stacks: opens each PATH, finds its stacks, and loads them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::diff::mask::Sensitivity;
use crate::diff::render::{Look, Palette};
use crate::model::finding::{self, Finding, Severity};
use crate::model::name::{SourceName, StackName};
use crate::model::place::Place;
use crate::model::secret::Redacted;
use crate::settings::{Settings, StackSettings};
use crate::sources::{self, Snapshot, SourceTree};
use crate::spec::dependencies::{self, Cycle};
use crate::spec::discover::{Discovery, Scope, Start, discover, same_name};
use crate::spec::interpolate::Variables;
use crate::spec::load::{self, Input, Options};
use crate::spec::stack::Stack;
use crate::swarm::Registry;

use super::args::{GlobalArgs, ReadingArgs};
use super::error::CommandError;
use super::findings;
use super::inputs::inputs;
use super::lock_file::LockFile;
use super::origin::{Origin, chosen};
use super::proxy::DeclaredProxy;
use super::repository;
use super::saved;
use super::settings::Setup;
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
    /// Whether neither the command line nor settings said where stacks are, so that it is where the user stands.
    is_guess: bool,
    /// What was read, where all of it has one revision.
    pub(super) revision: Option<String>,
    /// Whether the settings have errors, so that nothing may be done on their behalf.
    pub(super) settings_are_broken: bool,
    /// What tags mean, as far as it is written down.
    pub(super) lock: LockFile,
    /// How the settings log in to registries.
    pub(super) registries: Vec<Registry>,
    /// The proxy of the settings.
    pub(super) proxy: DeclaredProxy,
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
        Self::of_paths(Setup::load(global.config.as_deref(), paths)?, paths, args)
    }

    /// The same with the settings in `setup`.
    ///
    /// # Errors
    /// As [`Stacks::load`].
    pub(super) fn of_paths(
        setup: Setup,
        paths: &[PathBuf],
        args: &ReadingArgs,
    ) -> Result<Self, CommandError> {
        saved::refuse(paths)?;
        let origin = Origin::of(&setup.settings, &setup.directory, paths, args)?;
        let listed = origin.listed(&setup.settings);
        let is_guess = paths.is_empty() && setup.text.is_none();
        let mut all = Self::new(setup, origin.name, origin.is_whole);
        all.is_guess = is_guess;
        if args.name.is_some() && origin.paths.len() > 1 {
            return Err(not_for_several());
        }
        for path in origin.paths.iter().cloned() {
            let root = args.root.as_deref().or(origin.root.as_deref());
            let (tree, start) = sources::open(&path, root)?;
            all.take(path, SourceTree::Directory(tree), &start, &listed, args)?;
        }
        all.lock = LockFile::load(&origin.paths, &mut all.findings)?;
        all.lock.is_of_these_alone &= all.whole && origin.paths.len() == 1;
        Ok(all.finished())
    }

    /// Loads the stacks of `paths`, or of the repository that the settings name instead of them. What is wrong with the
    /// files is in the findings.
    ///
    /// # Errors
    /// When an argument makes no sense, or the repository cannot be read.
    pub(super) async fn read(
        global: &GlobalArgs,
        paths: &[PathBuf],
        args: &ReadingArgs,
    ) -> Result<Self, CommandError> {
        let setup = Setup::load(global.config.as_deref(), paths)?;
        let source = match chosen(&setup.settings, paths, args)? {
            Some(declared) if declared.path().is_none() => {
                repository::source(declared, &setup.directory, &repository::repositories())
            }
            Some(_) | None => return Self::of_paths(setup, paths, args),
        };
        if setup.findings.iter().any(Finding::is_error) {
            // Nothing is fetched on behalf of settings that may mean something else.
            return Ok(Self::new(setup, source.name, false).finished());
        }
        let snapshot = repository::fetch(&source).await?;
        Self::of_snapshot(setup, snapshot, args)
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
        let listed = setup.settings.stacks_of(&source);
        let mut all = Self::new(setup, source.clone(), true);
        let lock = LockFile::of_tree(&tree, &start, &mut all.findings);
        all.take(PathBuf::from(source.as_str()), tree, &start, &listed, args)?;
        all.lock = lock;
        Ok(all.finished())
    }

    fn new(setup: Setup, source: SourceName, whole: bool) -> Self {
        let (registries, proxy) = (setup.registries(), DeclaredProxy::of(&setup));
        let Setup { settings, findings, text, .. } = setup;
        Self {
            source,
            good: Vec::new(),
            invalid: BTreeSet::new(),
            whole,
            settings_are_broken: findings.iter().any(Finding::is_error),
            registries,
            proxy,
            is_guess: false,
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
    fn take(
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
    /// for that. Not if nobody named the directory: then it is the wrong one, and no stack is absent from it.
    pub(super) fn accept_emptiness(&mut self) {
        let is_empty = self.findings.iter().any(|finding| finding.code == NO_STACKS);
        if self.is_guess && is_empty {
            self.whole = false;
            return;
        }
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

fn not_for_several() -> CommandError {
    CommandError::usage("--name is for one stack, and PATH holds more")
        .hint("give the stack's own file or directory as PATH")
}
