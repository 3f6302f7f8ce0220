//! The files of one project, laid over each other: the stack itself, or what it includes.

use std::rc::Rc;

use super::documents::Documents;
use super::merge::{merge, settle};
use super::scopes::Scopes;
use super::trail::Trail;
use crate::model::place::Place;
use crate::spec::decode::Report;
use crate::spec::interpolate::{Use, Variables};
use crate::spec::tree::{Tree, join};
use crate::spec::yaml::node::Node;

/// A stack as one document, and what is to be known of its files besides.
pub(in crate::spec) struct Assembled {
    /// The document, unless one of its files could not be read.
    pub(in crate::spec) document: Option<Node>,
    /// Whose variables its objects take.
    pub(in crate::spec) scopes: Scopes,
    /// How values came to where they are.
    pub(in crate::spec) trail: Trail,
    /// The variables that its files use.
    pub(in crate::spec) uses: Vec<Use>,
}

/// Reads the files of a stack, and all that they include and extend, as one document.
///
/// `variables` are those of the stack without its `.env`, which lies in `directory`; paths resolve against that, too.
pub(in crate::spec) fn assemble(
    tree: &dyn Tree,
    paths: &[String],
    directory: &str,
    variables: &Variables,
    report: &mut Report,
) -> Assembled {
    let mut documents = Documents::new(tree);
    let mut variables = variables.clone();
    if let Ok(path) = join(directory, ".env") {
        documents.variables(&path, None, &mut variables, report);
    }
    let variables = Rc::new(variables);
    let mut assembly =
        Assembly { documents, trail: Trail::default(), report, open: Vec::new(), projects: 1 };
    let mut project = Project {
        id: 0,
        directory: directory.to_owned(),
        scopes: Scopes::new(Rc::clone(&variables)),
        variables,
        failed: false,
    };
    let read = |path: &String| {
        let node = assembly.documents.own(path, &project.variables, assembly.report);
        (path.clone(), node)
    };
    let layers = paths.iter().map(read).collect();
    let document = assembly.merged(layers, &mut project);
    Assembled {
        document,
        scopes: project.scopes,
        trail: assembly.trail,
        uses: assembly.documents.uses,
    }
}

/// What putting one stack together needs.
pub(super) struct Assembly<'a> {
    pub(super) documents: Documents<'a>,
    pub(super) trail: Trail,
    pub(super) report: &'a mut Report,
    /// The files that are being put together, outermost first, and where each is included.
    pub(super) open: Vec<(String, Option<Place>)>,
    /// How many projects there are so far.
    pub(super) projects: usize,
}

/// Files with one directory and one set of variables.
pub(super) struct Project {
    /// Tells it from the stack's other projects.
    pub(super) id: usize,
    /// The directory against which its paths resolve.
    pub(super) directory: String,
    /// Its variables.
    pub(super) variables: Rc<Variables>,
    /// Whose variables its objects take.
    pub(super) scopes: Scopes,
    /// Whether a service could not be put together.
    pub(super) failed: bool,
}

impl Assembly<'_> {
    /// Files of one project by path as one document. `None` if a file is missing, as it is another stack without it.
    pub(super) fn merged(
        &mut self,
        layers: Vec<(String, Option<Node>)>,
        project: &mut Project,
    ) -> Option<Node> {
        let mut merged: Option<Node> = None;
        let mut is_complete = true;
        for (path, layer) in layers {
            let Some(mut layer) = layer else {
                is_complete = false;
                continue;
            };
            is_complete &= self.include(&path, &mut layer, merged.as_ref(), project);
            self.extend(&path, &mut layer, merged.as_ref(), project);
            let mut whole = match merged {
                None => layer,
                Some(base) => merge(base, layer),
            };
            settle(&mut whole);
            merged = Some(whole);
        }
        merged.filter(|_| is_complete)
    }
}
