//! Reads the files that make up one stack, within a budget for all of them.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::spec::decode::{Located, Report};
use crate::spec::interpolate::{Interpolated, Origin, Use, Variables, interpolate, parse_dotenv};
use crate::spec::resolve::{ReadFailure, is_remote};
use crate::spec::tree::{ReadError, Tree, join};
use crate::spec::yaml::{self, budget::Budget, node::Node, node::Value};

/// How many files one stack may be made of, each counted as often as it is included.
const FILES: usize = 200;
/// How many bytes these files may have together, their variables included.
const BYTES: usize = 16 * 1024 * 1024;
/// How many values they may have together, those that `extends` repeats included.
const VALUES: usize = 500_000;

/// Who names a file: for messages, and the path against which the file resolves.
pub(super) struct Naming<'a> {
    /// The key path, such as `services.web.extends.file`.
    pub(super) key: &'a str,
    /// The path as written.
    pub(super) path: &'a Located<String>,
    /// The directory against which it resolves.
    pub(super) directory: &'a str,
}

/// The files of one stack.
pub(super) struct Documents<'a> {
    pub(super) tree: &'a dyn Tree,
    files: usize,
    bytes: usize,
    values: usize,
    is_spent: bool,
    /// The variables that they use.
    pub(super) uses: Vec<Use>,
    /// Documents that `extends` refers to, by path and by the project whose variables they have.
    extended: HashMap<(String, usize), Option<Rc<Node>>>,
}

impl<'a> Documents<'a> {
    pub(super) fn new(tree: &'a dyn Tree) -> Self {
        Self {
            tree,
            files: 0,
            bytes: 0,
            values: 0,
            is_spent: false,
            uses: Vec::new(),
            extended: HashMap::new(),
        }
    }

    /// Reads the stack's own file `path`.
    pub(super) fn own(
        &mut self,
        path: &str,
        variables: &Variables,
        report: &mut Report,
    ) -> Option<Node> {
        let file: Arc<str> = self.tree.display(path).into();
        match self.read(path) {
            Ok(bytes) => self.parse(&bytes, file, variables, report),
            Err(error) => {
                report.push(unreadable(&file, &error));
                None
            }
        }
    }

    /// Reads the file `path` that another file names.
    pub(super) fn named(
        &mut self,
        path: &str,
        naming: &Naming<'_>,
        variables: &Variables,
        report: &mut Report,
    ) -> Option<Node> {
        self.spend_file(&naming.path.place, report)?;
        let file: Arc<str> = self.tree.display(path).into();
        match self.read(path) {
            Ok(bytes) => self.parse(&bytes, file, variables, report),
            Err(error) => {
                let failure = ReadFailure::new(naming.key, naming.path, Some(&file), error);
                report.push(*failure.finding);
                None
            }
        }
    }

    /// The file `path` that `extends` names, read once for each of the projects.
    pub(super) fn extended(
        &mut self,
        path: &str,
        naming: &Naming<'_>,
        project: usize,
        variables: &Variables,
        report: &mut Report,
    ) -> Option<Rc<Node>> {
        let key = (path.to_owned(), project);
        if let Some(known) = self.extended.get(&key) {
            return known.clone();
        }
        let node = self.named(path, naming, variables, report).map(Rc::new);
        self.extended.insert(key, node.clone());
        node
    }

    /// Adds what a `.env` or another file of variables sets, and whether it could be read.
    pub(super) fn variables(
        &mut self,
        path: &str,
        naming: Option<&Naming<'_>>,
        variables: &mut Variables,
        report: &mut Report,
    ) -> bool {
        let file: Arc<str> = self.tree.display(path).into();
        match (self.read(path), naming) {
            (Ok(bytes), _) => {
                let (assignments, findings) = parse_dotenv(&bytes, &file, variables);
                report.extend(findings);
                variables.add_file(assignments, Origin::DotEnv);
                true
            }
            (Err(ReadError::Missing), None) => true,
            (Err(error), None) => {
                report.push(unreadable(&file, &error));
                false
            }
            (Err(error), Some(naming)) => {
                let failure = ReadFailure::new(naming.key, naming.path, Some(&file), error);
                report.push(*failure.finding);
                false
            }
        }
    }

    /// Takes `count` values from the budget; `None` when there are too many, which is told once.
    pub(super) fn spend_values(
        &mut self,
        count: usize,
        place: &Place,
        report: &mut Report,
    ) -> Option<()> {
        self.values = self.values.saturating_add(count);
        let finding = || {
            let message = format!(
                "the files of this stack have more than {VALUES} values, aliases and `extends` expanded"
            );
            Finding::error("yaml-too-many-values", place.clone(), message)
        };
        self.check(self.values <= VALUES, finding, report)
    }

    /// Takes `count` bytes from the budget; `None` when there are too many, which is told once.
    pub(super) fn spend_bytes(
        &mut self,
        count: usize,
        place: &Place,
        report: &mut Report,
    ) -> Option<()> {
        self.bytes = self.bytes.saturating_add(count);
        let finding = || {
            let message = format!(
                "the files and variables of this stack have together more than {} MiB",
                BYTES / 1024 / 1024
            );
            Finding::error("yaml-too-large", place.clone(), message)
        };
        self.check(self.bytes <= BYTES, finding, report)
    }

    fn spend_file(&mut self, place: &Place, report: &mut Report) -> Option<()> {
        self.files = self.files.saturating_add(1);
        let finding = || {
            let message = format!("this stack is made of more than {FILES} files");
            Finding::error("too-many-files", place.clone(), message)
        };
        self.check(self.files <= FILES, finding, report)
    }

    fn check(
        &mut self,
        is_enough: bool,
        finding: impl Fn() -> Finding,
        report: &mut Report,
    ) -> Option<()> {
        if is_enough && !self.is_spent {
            return Some(());
        }
        if !self.is_spent {
            self.is_spent = true;
            report.push(finding());
        }
        None
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        self.tree.read(path, Budget::default().bytes)
    }

    fn parse(
        &mut self,
        bytes: &[u8],
        file: Arc<str>,
        variables: &Variables,
        report: &mut Report,
    ) -> Option<Node> {
        let place = Place::file(Arc::clone(&file));
        self.spend_bytes(bytes.len(), &place, report)?;
        match yaml::parse(bytes, file, &Budget::default()) {
            Ok(mut node) => {
                let mut findings = Vec::new();
                let Interpolated { bytes, uses } = interpolate(&mut node, variables, &mut findings);
                self.uses.extend(uses);
                report.extend(findings);
                self.spend_bytes(bytes, &place, report)?;
                self.spend_values(values(&node), &place, report)?;
                Some(node)
            }
            Err(findings) => {
                report.extend(findings);
                None
            }
        }
    }
}

/// The path of a file that another one names. `None` if it cannot be one of the source.
pub(super) fn locate(naming: &Naming<'_>, report: &mut Report) -> Option<String> {
    if is_remote(naming.path) {
        let message =
            format!("{} names a remote file; skep reads files of the source only", naming.key);
        report.push(
            Finding::error("outside-source", naming.path.place.clone(), message)
                .hint("copy the file into the source"),
        );
        return None;
    }
    match join(naming.directory, naming.path) {
        Ok(path) => Some(path),
        Err(error) => {
            report.push(*ReadFailure::new(naming.key, naming.path, None, error).finding);
            None
        }
    }
}

/// How many values a value has, itself included.
pub(super) fn values(node: &Node) -> usize {
    let below: usize = match &node.value {
        Value::Scalar(_) => 0,
        Value::Sequence(items) => items.iter().map(values).sum(),
        Value::Mapping(mapping) => mapping.entries.iter().map(|entry| values(&entry.value)).sum(),
    };
    below.saturating_add(1)
}

fn unreadable(file: &Arc<str>, error: &ReadError) -> Finding {
    if let ReadError::TooLarge { limit } = error {
        return yaml::too_large(file, *limit);
    }
    let place = Place::file(Arc::clone(file));
    Finding::error("unreadable-file", place, format!("the file cannot be read: {error}"))
}
