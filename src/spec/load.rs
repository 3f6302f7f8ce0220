//! Files to stacks: reads, interpolates, decodes and checks each stack for itself.

use std::sync::Arc;

use super::check;
use super::compose::{self, ComposeFile};
use super::consequences::drop_consequences;
use super::decode::Report;
use super::discover::{StackFiles, same_name};
use super::interpolate::{Origin, Variables, interpolate, parse_dotenv};
use super::resolve::{self, BindBase, Files};
use super::stack::Stack;
use super::tree::{ReadError, Tree};
use super::yaml::{self, budget::Budget, node::Node};
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
    let stack = read_stack(tree, input, &file, options, &mut report);
    let known = stack.as_ref().map(|stack| stack.name.to_string());
    let mut findings = report.into_findings();
    drop_consequences(&mut findings);
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
    tree: &dyn Tree,
    input: &Input,
    file: &Arc<str>,
    options: &Options,
    report: &mut Report,
) -> Option<Stack> {
    let files = Files { tree, directory: &input.files.directory };
    let variables = with_dotenv(tree, input, report);
    // The tree of nodes goes right away, so that what comes next reuses its memory.
    let mut compose =
        compose::decode(&document(tree, &input.files.files, &variables, report)?, report)?;
    drop_inactive(&mut compose, &options.profiles);
    let name = name(&compose, input, file, options, report)?;
    let base = bind_base(tree, input, options);
    resolve::resolve_binds(&mut compose, &base, &variables, report);
    let stack = Stack {
        name,
        file: Arc::clone(file),
        environments: resolve::environments(&compose, files, &variables, report),
        configs: resolve::configs(&compose, files, &variables, report),
        secrets: resolve::secrets(&compose, files, &variables, report),
        compose,
    };
    check::check(&stack, report);
    Some(stack)
}

/// The variables of a stack with those of the `.env` beside its files, which are the weakest.
fn with_dotenv(tree: &dyn Tree, input: &Input, report: &mut Report) -> Variables {
    let mut variables = input.variables.clone();
    let path = super::tree::join(&input.files.directory, ".env");
    let Ok(path) = path else { return variables };
    let file: Arc<str> = tree.display(&path).into();
    match tree.read(&path, Budget::default().bytes) {
        Ok(bytes) => {
            let (assignments, findings) = parse_dotenv(&bytes, &file, &variables);
            report.extend(findings);
            variables.add_file(assignments, Origin::DotEnv);
        }
        Err(ReadError::Missing) => {}
        Err(error) => report.push(unreadable(&file, &error)),
    }
    variables
}

fn unreadable(file: &Arc<str>, error: &ReadError) -> Finding {
    let place = Place::file(Arc::clone(file));
    Finding::error("unreadable-file", place, format!("the file cannot be read: {error}"))
}

/// The files of a stack as one document.
fn document(
    tree: &dyn Tree,
    paths: &[String],
    variables: &Variables,
    report: &mut Report,
) -> Option<Node> {
    let mut merged: Option<Node> = None;
    let mut complete = true;
    for path in paths {
        let Some(node) = one_document(tree, path, variables, report) else {
            complete = false;
            continue;
        };
        merged = Some(match merged {
            None => node,
            Some(base) => super::merge::merge(base, node),
        });
    }
    merged.filter(|_| complete)
}

fn one_document(
    tree: &dyn Tree,
    path: &str,
    variables: &Variables,
    report: &mut Report,
) -> Option<Node> {
    let budget = Budget::default();
    let file: Arc<str> = tree.display(path).into();
    let bytes = match tree.read(path, budget.bytes) {
        Ok(bytes) => bytes,
        Err(ReadError::TooLarge { .. }) => {
            report.push(yaml::too_large(&file, budget.bytes));
            return None;
        }
        Err(error) => {
            report.push(unreadable(&file, &error));
            return None;
        }
    };
    match yaml::parse(&bytes, file, &budget) {
        Ok(mut node) => {
            let mut findings = Vec::new();
            interpolate(&mut node, variables, &mut findings);
            report.extend(findings);
            Some(node)
        }
        Err(findings) => {
            report.extend(findings);
            None
        }
    }
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
    let root = options.bind_root.clone().or_else(|| tree.base());
    BindBase(root.map(|root| format!("{root}/{}", input.files.directory)))
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
