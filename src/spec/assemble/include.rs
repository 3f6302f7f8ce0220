//! `include`: other projects whose objects become those of a stack.

use std::rc::Rc;

use super::documents::{Naming, locate};
use super::project::{Assembly, Project};
use super::relocate::Move;
use super::scopes::Scopes;
use crate::model::finding::Finding;
use crate::spec::compose::include::{Include, Includes};
use crate::spec::decode::{Cursor, KeyPath, Located};
use crate::spec::interpolate::Variables;
use crate::spec::yaml::node::{Entry, Node, Value};

/// How deep files may include each other.
const DEPTH: usize = 20;

impl Assembly<'_> {
    /// Puts what the file `path` includes beside what it declares, and says whether all of it could be read.
    pub(super) fn include(
        &mut self,
        path: &str,
        layer: &mut Node,
        below: Option<&Node>,
        project: &mut Project,
    ) -> bool {
        let Some(entry) = take(layer, "include") else { return true };
        let at = Cursor { node: &entry.value, path: KeyPath::default().key("include") };
        let Some(Includes(includes)) = at.get(self.report) else { return false };
        if self.open.is_empty() {
            self.open.push((path.to_owned(), None));
        }
        let mut is_complete = true;
        for include in &includes {
            match self.included(include, project) {
                Some((document, inner)) => self.import(layer, below, document, &inner, project),
                None => is_complete = false,
            }
        }
        if self.open.len() == 1 {
            self.open.clear();
        }
        is_complete
    }

    /// A project as one document, with its paths written as the outer one would write them.
    fn included(&mut self, include: &Include, outer: &Project) -> Option<(Node, Project)> {
        let naming = |key, path| Naming { key, path, directory: &outer.directory };
        let mut paths = Vec::new();
        for path in &include.path {
            paths.push(locate(&naming("include", path), self.report)?);
        }
        let directory = match &include.project_directory {
            Some(path) => {
                let naming = naming("include.project_directory", path);
                locate(&naming, self.report)?
            }
            None => paths.first()?.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned(),
        };
        for (path, written) in paths.iter().zip(&include.path) {
            if self.is_too_deep(path, written) {
                return None;
            }
        }
        let variables = self.variables_of(include, &directory, outer)?;
        let scopes = Scopes::new(Rc::clone(&variables));
        let mut inner = Project { id: self.projects, directory, variables, scopes, failed: false };
        self.projects += 1;
        let mut layers = Vec::new();
        for (path, written) in paths.into_iter().zip(&include.path) {
            let shown = self.documents.tree.display(&path);
            self.trail.brings(&shown, &written.place, "included here");
            let naming = naming("include", written);
            let node = self.documents.named(&path, &naming, &inner.variables, self.report);
            layers.push((path, node));
        }
        let opened = self.open.len();
        let places = layers.iter().zip(&include.path);
        self.open.extend(places.map(|((path, _), at)| (path.clone(), Some(at.place.clone()))));
        let document = self.merged(layers, &mut inner);
        self.open.truncate(opened);
        let mut document = document.filter(|_| !inner.failed)?;
        if let Some(movement) = Move::between(&inner.directory, &outer.directory) {
            movement.document(&mut document);
        }
        Some((document, inner))
    }

    /// Whether a file includes itself, or there is no end of files that include each other.
    fn is_too_deep(&mut self, path: &str, written: &Located<String>) -> bool {
        let place = written.place.clone();
        let cycle: Vec<_> = self.open.iter().skip_while(|(open, _)| open != path).collect();
        if let Some(((first, _), rest)) = cycle.split_first() {
            let shown = |path: &str| format!("`{}`", self.documents.tree.display(path));
            let names: Vec<String> = cycle.iter().map(|(open, _)| shown(open)).collect();
            let message = if rest.is_empty() {
                format!("{} includes itself", shown(first))
            } else {
                format!("files include each other: {} → {}", names.join(" → "), shown(first))
            };
            let finding = Finding::error("include-cycle", place, message);
            let places = rest.iter().filter_map(|(_, place)| place.clone());
            let finding = places.fold(finding, |f, place| f.related(place, "included here"));
            self.report.push(finding.hint("remove one of the includes"));
            return true;
        }
        let is_deep = self.open.len() > DEPTH;
        if is_deep {
            let message = format!("files include each other more than {DEPTH} levels deep");
            self.report.push(Finding::error("include-too-deep", place, message));
        }
        is_deep
    }

    /// The outer variables, and behind them those of the project's own files.
    fn variables_of(
        &mut self,
        include: &Include,
        directory: &str,
        outer: &Project,
    ) -> Option<Rc<Variables>> {
        let own = Located::new(".env".to_owned(), include.place.clone());
        let default = (&own, directory);
        let files: Vec<(&Located<String>, &str)> = match &include.env_file {
            Some(files) => files.0.iter().map(|file| (file, &*outer.directory)).collect(),
            None if directory == outer.directory => return Some(Rc::clone(&outer.variables)),
            None => vec![default],
        };
        let mut variables = (*outer.variables).clone();
        // What is set stays, and the last of several files counts.
        for (path, directory) in files.into_iter().rev() {
            let naming = Naming { key: "include.env_file", path, directory };
            let found = locate(&naming, self.report)?;
            let naming = include.env_file.as_ref().map(|_| &naming);
            if !self.documents.variables(&found, naming, &mut variables, self.report) {
                return None;
            }
        }
        self.documents.spend_bytes(variables.size(), &include.place, self.report)?;
        Some(Rc::new(variables))
    }
}

/// Takes an entry out of a mapping.
pub(super) fn take(node: &mut Node, key: &str) -> Option<Entry> {
    let Value::Mapping(mapping) = &mut node.value else { return None };
    let index = mapping.entries.iter().position(|entry| entry.key == key)?;
    Some(mapping.entries.remove(index))
}
