//! The stacks to load: those that were found, and what the settings say about them.

use std::sync::Arc;

use crate::model::finding::Finding;
use crate::settings::StackSettings;
use crate::spec::decode::Located;
use crate::spec::discover::StackFiles;
use crate::spec::interpolate::{Origin, Variables, parse_dotenv};
use crate::spec::load::Input;
use crate::spec::tree::{ReadError, Tree, join};
use crate::spec::yaml::budget::Budget;

/// Puts together what was found and what the settings list. Stacks that only the settings name belong to the `whole`
/// of a source.
pub(super) fn inputs(
    tree: &dyn Tree,
    found: Vec<StackFiles>,
    listed: &[StackSettings],
    whole: bool,
    variables: &Variables,
    findings: &mut Vec<Finding>,
) -> Vec<Input> {
    let mut stacks = found;
    for settings in listed.iter().filter(|settings| !settings.files.is_empty()) {
        let name = settings.name.value.as_str();
        let place = stacks.iter().position(|stack| stack.name == name);
        let Some(files) = files(settings, findings) else { continue };
        match place.and_then(|place| stacks.get_mut(place)) {
            Some(stack) => *stack = files,
            None if whole => stacks.push(files),
            None => {}
        }
    }
    let of_stack = |files: StackFiles| {
        let settings = listed.iter().find(|settings| settings.name.value.as_str() == files.name);
        let mut variables = variables.clone();
        if let Some(settings) = settings {
            add_variables(tree, settings, &mut variables, findings);
        }
        Input { files, variables }
    };
    stacks.into_iter().map(of_stack).collect()
}

/// The files that the settings list for a stack.
fn files(settings: &StackSettings, findings: &mut Vec<Finding>) -> Option<StackFiles> {
    let paths: Vec<String> =
        settings.files.iter().filter_map(|path| inside(path, findings)).collect();
    let first = paths.first()?;
    let directory = first.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
    let complete = paths.len() == settings.files.len();
    let name = settings.name.value.to_string();
    complete.then_some(StackFiles { name, files: paths, directory })
}

/// A path of the settings in the tree of the source.
fn inside(path: &Located<String>, findings: &mut Vec<Finding>) -> Option<String> {
    match join("", &path.value) {
        Ok(path) => Some(path),
        Err(error) => {
            findings.push(unreadable(path, &error));
            None
        }
    }
}

fn unreadable(path: &Located<String>, error: &ReadError) -> Finding {
    let message = format!("`{}` cannot be read: {error}", path.value);
    Finding::error("unreadable-file", path.place.clone(), message)
        .hint("paths in the settings start at the path of the source")
}

fn add_variables(
    tree: &dyn Tree,
    settings: &StackSettings,
    variables: &mut Variables,
    findings: &mut Vec<Finding>,
) {
    variables.add_file(settings.variables.clone(), Origin::Settings);
    for path in settings.env_files.iter().rev() {
        let Some(inside) = inside(path, findings) else { continue };
        match tree.read(&inside, Budget::default().bytes) {
            Ok(text) => {
                let file: Arc<str> = tree.display(&inside).into();
                let (assignments, wrong) = parse_dotenv(&text, &file, variables);
                findings.extend(wrong);
                variables.add_file(assignments, Origin::Settings);
            }
            Err(error) => findings.push(unreadable(path, &error)),
        }
    }
}
