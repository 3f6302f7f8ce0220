//! Files to stacks: reads, interpolates, decodes and checks each stack for itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::assemble::{Assembled, Scopes, assemble, has_uses};
use super::check;
use super::compose::{self, ComposeFile};
use super::consequences::{drop_consequences, explain_by_origin};
use super::decode::Report;
use super::discover::{StackFiles, same_name};
use super::interpolate::Variables;
use super::resolve::{self, BindBase, Files};
use super::stack::Stack;
use super::tree::Tree;
use crate::model::finding::{self, Finding, Severity};
use crate::model::name::StackName;
use crate::model::place::Place;

/// How stacks are loaded.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether warnings are errors.
    pub strict: bool,
    /// The profiles that are asked for.
    pub profiles: Vec<String>,
    /// The name of the stack, whatever its files say; for one stack only.
    pub name: Option<StackName>,
    /// The directory on the nodes that holds what the tree holds; that of the tree if absent.
    pub bind_root: Option<String>,
}

/// A stack to load.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its files.
    pub files: StackFiles,
    /// The variables that it may use; those of the `.env` beside its files are added.
    pub variables: Variables,
}

/// What came of loading.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The stacks that can be used, by name.
    pub stacks: Vec<Stack>,
    /// The stacks that cannot be used. Nothing of them is to be changed.
    pub failed: Vec<Failed>,
    /// Everything that was found in all of them, sorted.
    pub findings: Vec<Finding>,
}

/// A stack that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its name, as far as it is known.
    pub name: String,
    /// The file that declares it, as people write it.
    pub file: Arc<str>,
    /// What was found in it, sorted; at least one is an error.
    pub findings: Vec<Finding>,
}

/// Loads stacks. What is wrong with one leaves the others alone.
pub fn load(tree: &dyn Tree, inputs: &[Input], options: &Options) -> Loaded {
    let mut loaded = Loaded::default();
    for input in inputs {
        let (result, findings) = load_one(tree, input, options);
        match result {
            Ok(stack) => loaded.stacks.push(stack),
            Err((name, file)) => {
                loaded.failed.push(Failed { name, file, findings: findings.clone() });
            }
        }
        loaded.findings.extend(findings);
    }
    refuse_same_names(&mut loaded);
    loaded.stacks.sort_by(|a, b| a.name.cmp(&b.name));
    warn_of_collisions(&mut loaded, options);
    loaded.failed.sort_by(|a, b| a.name.cmp(&b.name));
    finding::sort(&mut loaded.findings);
    loaded
}

type LoadedOne = (Result<Stack, (String, Arc<str>)>, Vec<Finding>);

fn load_one(tree: &dyn Tree, input: &Input, options: &Options) -> LoadedOne {
    let mut report = Report::default();
    let file: Arc<str> = match input.files.files.first() {
        Some(path) => tree.display(path).into(),
        None => tree.display(&input.files.directory).into(),
    };
    let StackFiles { name: _, files, directory } = &input.files;
    let Assembled { document, scopes, trail, uses } =
        assemble(tree, files, directory, &input.variables, &mut report);
    let compose = document.as_ref().and_then(|document| compose::decode(document, &mut report));
    // A tree of nodes that tells nothing more goes right away, so that what comes next reuses its memory.
    let document = document.filter(has_uses);
    let stack = compose
        .and_then(|compose| read_stack(compose, tree, input, &file, &scopes, options, &mut report));
    let known = stack.as_ref().map(|stack| stack.name.to_string());
    let mut findings = report.into_findings();
    drop_consequences(&mut findings);
    explain_by_origin(&mut findings, &uses);
    trail.tell(document.as_ref(), &mut findings);
    if options.strict {
        for finding in &mut findings {
            finding.severity = Severity::Error;
        }
    }
    finding::sort(&mut findings);
    let good = !findings.iter().any(Finding::is_error);
    match stack {
        Some(stack) if good => (Ok(stack), findings),
        _ => (Err((known.unwrap_or_else(|| input.files.name.clone()), file)), findings),
    }
}

fn read_stack(
    mut compose: ComposeFile,
    tree: &dyn Tree,
    input: &Input,
    file: &Arc<str>,
    scopes: &Scopes,
    options: &Options,
    report: &mut Report,
) -> Option<Stack> {
    let mut files = Files::new(tree, &input.files.directory);
    drop_inactive(&mut compose, &options.profiles);
    let name = name(&compose, input, file, options, report)?;
    let base = bind_base(tree, input, options);
    resolve::resolve_binds(&mut compose, &base, scopes, report);
    resolve::add_label_files(&mut compose, &mut files, scopes, report);
    let stack = Stack {
        name,
        file: Arc::clone(file),
        environments: resolve::environments(&compose, &mut files, scopes, report),
        configs: resolve::configs(&compose, &mut files, scopes, report),
        secrets: resolve::secrets(&compose, &mut files, scopes, report),
        compose,
    };
    check::check(&stack, report);
    Some(stack)
}

/// Takes out the services whose profiles were not asked for.
fn drop_inactive(compose: &mut ComposeFile, profiles: &[String]) {
    compose.services.retain(|_, service| match &service.profiles {
        Some(own) if !own.0.is_empty() => {
            own.0.iter().any(|own| profiles.iter().any(|asked| *asked == own.value || asked == "*"))
        }
        _ => true,
    });
}

/// The name of a stack: the one asked for, else the one in its files, else that of their place.
fn name(
    compose: &ComposeFile,
    input: &Input,
    file: &Arc<str>,
    options: &Options,
    report: &mut Report,
) -> Option<StackName> {
    let given =
        options.name.clone().or_else(|| compose.name.as_ref().map(|name| name.value.clone()));
    if given.is_some() {
        return given;
    }
    match input.files.name.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            let place = Place::file(Arc::clone(file));
            report.push(
                Finding::error("invalid-name", place, format!("the stack needs a name: {error}"))
                    .hint("give the file a top-level `name:`, or rename its directory"),
            );
            None
        }
    }
}

fn bind_base(tree: &dyn Tree, input: &Input, options: &Options) -> BindBase {
    let below = |root: String| format!("{root}/{}", input.files.directory);
    match (&options.bind_root, tree.base()) {
        (Some(root), _) => BindBase::Nodes(below(root.clone())),
        (None, Some(root)) => BindBase::Here(below(root)),
        (None, None) => BindBase::Nowhere,
    }
}

/// Stacks of one name: none of them can be used.
fn refuse_same_names(loaded: &mut Loaded) {
    let places = loaded.stacks.iter().map(|stack| {
        let place = stack.compose.name.as_ref().map(|name| name.place.clone());
        (stack.name.clone(), place.unwrap_or_else(|| Place::file(stack.file.clone())))
    });
    let findings = same_name(&places.collect::<Vec<_>>());
    if findings.is_empty() {
        return;
    }
    let stacks = std::mem::take(&mut loaded.stacks);
    let is_double =
        |name: &StackName| stacks.iter().filter(|stack| stack.name == *name).count() > 1;
    for stack in &stacks {
        if is_double(&stack.name) {
            let about = |finding: &&Finding| {
                let places = finding.place.iter().chain(finding.related.iter().map(|r| &r.place));
                places.into_iter().any(|place| place.file == stack.file)
            };
            loaded.failed.push(Failed {
                name: stack.name.to_string(),
                file: Arc::clone(&stack.file),
                findings: findings.iter().filter(about).cloned().collect(),
            });
        } else {
            loaded.stacks.push(stack.clone());
        }
    }
    loaded.findings.extend(findings);
}

/// Stacks that publish a port of another, or have its route. Which of them gets it depends on what runs, and a plan tells;
/// the other waits.
fn warn_of_collisions(loaded: &mut Loaded, options: &Options) {
    let mut of_stacks: BTreeMap<usize, Vec<Finding>> = BTreeMap::new();
    let ports = check::same_ports(&loaded.stacks);
    let routes = check::same_routes(&loaded.stacks);
    for (index, finding) in ports.into_iter().chain(routes) {
        of_stacks.entry(index).or_default().push(finding);
    }
    // From the back, so that the indexes of those before it stay.
    for (index, mut findings) in of_stacks.into_iter().rev() {
        if options.strict {
            for finding in &mut findings {
                finding.severity = Severity::Error;
            }
            let stack = loaded.stacks.remove(index);
            let (name, file) = (stack.name.to_string(), stack.file);
            loaded.failed.push(Failed { name, file, findings: findings.clone() });
        }
        loaded.findings.extend(findings);
    }
}
