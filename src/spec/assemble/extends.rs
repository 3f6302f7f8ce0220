//! `extends`: a service that begins with another one, of the same file or of another.

use std::collections::HashMap;
use std::rc::Rc;

use super::documents::{Naming, locate, values};
use super::include::take;
use super::merge::{merge_service, settle};
use super::project::{Assembly, Project};
use super::relocate::Move;
use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::spec::compose::extends::Extends;
use crate::spec::decode::{Cursor, KeyPath, Located, closest};
use crate::spec::yaml::alias::used_at;
use crate::spec::yaml::node::{Entry, Mapping, Node, Value};

/// How many services may extend each other in a row.
const DEPTH: usize = 50;

impl Assembly<'_> {
    /// Puts together the services of the file `path` that extend others. A service whose base cannot be found keeps its
    /// `extends`, which is what tells that it lacks something.
    pub(super) fn extend(
        &mut self,
        path: &str,
        layer: &mut Node,
        below: Option<&Node>,
        project: &mut Project,
    ) {
        let Value::Mapping(top) = &mut layer.value else { return };
        let Some(services) = top.entries.iter_mut().find(|entry| entry.key == "services") else {
            return;
        };
        let Value::Mapping(mapping) = &mut services.value.value else { return };
        if !mapping.entries.iter().any(|entry| entry.value.get("extends").is_some()) {
            return;
        }
        let own = Rc::new(std::mem::take(mapping));
        let mut sources = vec![Source::new(path, &project.directory, Rc::clone(&own))];
        if let Some(Value::Mapping(below)) =
            below.and_then(|below| below.get("services")).map(|services| &services.value)
        {
            sources.push(Source::new("", &project.directory, Rc::new(below.clone())));
        }
        let has_below = sources.len() > 1;
        let mut extender = Extender {
            assembly: self,
            project,
            sources,
            has_below,
            done: HashMap::new(),
            open: Vec::new(),
        };
        let mut entries = Vec::with_capacity(own.entries.len());
        for entry in &own.entries {
            let mut entry = entry.clone();
            if entry.value.get("extends").is_some()
                && let Some(service) = extender.service(0, &entry.key)
            {
                entry.value = (*service).clone();
            }
            entries.push(entry);
        }
        services.value.value = Value::Mapping(Mapping { entries });
    }
}

/// The services of one file.
struct Source {
    path: String,
    directory: String,
    services: Rc<Mapping>,
    index: HashMap<String, usize>,
}

impl Source {
    fn new(path: &str, directory: &str, services: Rc<Mapping>) -> Self {
        let index = services.entries.iter().enumerate();
        let index = index.map(|(index, entry)| (entry.key.clone(), index)).collect();
        Self { path: path.to_owned(), directory: directory.to_owned(), services, index }
    }

    fn service(&self, key: &str) -> Option<&Entry> {
        self.services.entries.get(*self.index.get(key)?)
    }
}

/// A service by the source that has it.
type Key = (usize, String);

struct Extender<'e, 'a> {
    assembly: &'e mut Assembly<'a>,
    project: &'e mut Project,
    /// The file itself, what lies below it if something does, and the files that are extended.
    sources: Vec<Source>,
    has_below: bool,
    done: HashMap<Key, Rc<Node>>,
    /// The services that are being put together, and where each extends the next.
    open: Vec<(Key, Place)>,
}

impl Extender<'_, '_> {
    /// A service with all that it extends. `None` if there is no such service.
    fn service(&mut self, source: usize, key: &str) -> Option<Rc<Node>> {
        let id = (source, key.to_owned());
        if let Some(done) = self.done.get(&id) {
            return Some(Rc::clone(done));
        }
        let from = self.sources.get(source)?;
        let mut service = from.service(key)?.value.clone();
        if let Some(movement) = Move::between(&from.directory, &self.project.directory) {
            movement.service(&mut service);
        }
        if let Some(extends) = take(&mut service, "extends") {
            let place = extends.value.used_at.as_deref().unwrap_or(&extends.key_place).clone();
            self.open.push((id.clone(), place.clone()));
            let base = self.base(source, key, &extends.value);
            self.open.pop();
            let base = base.and_then(|base| {
                let documents = &mut self.assembly.documents;
                documents.spend_values(values(&base), &place, self.assembly.report)?;
                Some(base)
            });
            if let Some(base) = base {
                service = merge_service(inherited(&base, &place), service);
            } else {
                self.project.failed = true;
                if let Value::Mapping(mapping) = &mut service.value {
                    mapping.entries.push(extends);
                }
            }
        }
        let service = Rc::new(service);
        self.done.insert(id, Rc::clone(&service));
        Some(service)
    }

    /// The service that `extends` names.
    fn base(&mut self, source: usize, user: &str, extends: &Node) -> Option<Rc<Node>> {
        let path = KeyPath::default().key("services").key(user.to_owned()).key("extends");
        let at = Cursor { node: extends, path };
        let Extends { service, file } = at.get(self.assembly.report)?;
        let mut target = match &file {
            Some(file) => self.file(source, &at.path.key("file").to_string(), file)?,
            None => source,
        };
        let has = |target: usize| {
            self.sources.get(target).is_some_and(|source| source.service(&service).is_some())
        };
        if !has(target) && target == 0 && self.has_below && has(1) {
            target = 1;
        }
        if !has(target) {
            let finding = self.no_such_service(&at, &service, file.is_some(), target);
            self.assembly.report.push(finding);
            return None;
        }
        let id = (target, service.value.clone());
        if let Some(first) = self.open.iter().position(|(open, _)| *open == id) {
            let finding = self.cycle(first);
            self.assembly.report.push(finding);
            return None;
        }
        if self.open.len() >= DEPTH {
            let says = format_args!("is the end of a chain of more than {DEPTH} services");
            self.assembly.report.push(at.error("extends-too-deep", says));
            return None;
        }
        let base = self.service(target, &service)?;
        match &base.value {
            Value::Mapping(_) => Some(base),
            // What the same file has is read, and judged, for itself.
            _ if file.is_none() => None,
            _ => {
                let path = KeyPath::default().key("services").key(service.value.clone());
                let hint = "indent the keys of the service below it";
                let finding = Cursor { node: &base, path }.expected("a mapping").hint(hint);
                self.assembly.report.push(finding);
                None
            }
        }
    }

    /// The source that a file is.
    fn file(&mut self, source: usize, key: &str, file: &Located<String>) -> Option<usize> {
        let directory = self.sources.get(source)?.directory.clone();
        let naming = Naming { key, path: file, directory: &directory };
        let assembly = &mut *self.assembly;
        let path = locate(&naming, assembly.report)?;
        if let Some(known) = self.sources.iter().position(|source| source.path == path) {
            return Some(known);
        }
        assembly.trail.brings(
            &assembly.documents.tree.display(&path),
            &file.place,
            "extended here",
        );
        let Project { id, variables, .. } = &*self.project;
        let node = assembly.documents.extended(&path, &naming, *id, variables, assembly.report)?;
        let services = match node.get("services").map(|services| &services.value) {
            Some(Value::Mapping(mapping)) => Rc::new(mapping.clone()),
            _ => Rc::new(Mapping::default()),
        };
        let directory = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        self.sources.push(Source::new(&path, directory, services));
        Some(self.sources.len() - 1)
    }

    fn no_such_service(
        &self,
        at: &Cursor<'_>,
        service: &Located<String>,
        is_elsewhere: bool,
        target: usize,
    ) -> Finding {
        let source = self.sources.get(target);
        let file = match source.filter(|_| is_elsewhere) {
            Some(source) => format!("`{}`", self.assembly.documents.tree.display(&source.path)),
            None => "this file".to_owned(),
        };
        let shown = service.quoted(&service.value);
        let says = format_args!("names the service {shown}, which {file} does not have");
        let mut finding = at.error("undeclared", says);
        finding.place = Some(service.place.clone());
        let known = source.iter().flat_map(|source| &source.services.entries);
        match closest(service, known.map(|entry| &*entry.key)) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None if is_elsewhere => finding.hint(
                "name a service below `services:` of that file; what it includes is not looked at",
            ),
            None => finding
                .hint("if another file has it, name that: `extends: {file: FILE, service: NAME}`"),
        }
    }

    /// Services that extend each other, from the first open one on.
    fn cycle(&self, first: usize) -> Finding {
        let cycle = self.open.iter().skip(first);
        let shown = |(source, key): &Key| match self.sources.get(*source).filter(|_| *source > 0) {
            Some(other) => {
                format!("{key} of {}", self.assembly.documents.tree.display(&other.path))
            }
            None => key.clone(),
        };
        let keys: Vec<String> = cycle.clone().map(|(id, _)| shown(id)).collect();
        let message = match keys.as_slice() {
            [only] => format!("services.{only} extends itself"),
            [start, ..] => format!("services extend each other: {} → {start}", keys.join(" → ")),
            [] => String::new(),
        };
        let next = keys.iter().cycle().skip(1);
        let mut places = cycle
            .zip(next)
            .map(|((id, place), next)| (place.clone(), format!("{} extends {next}", shown(id))));
        let place = places.next().map(|(place, _)| place);
        let finding = Finding::error("extends-cycle", place, message);
        places
            .fold(finding, |finding, (place, message)| finding.related(place, message))
            .hint("remove one `extends`, or move what they share into a service of its own")
    }
}

/// What a service takes over from its base: all of it, but for what the base says of its own past.
fn inherited(base: &Node, place: &Place) -> Node {
    let mut inherited = used_at(base, place);
    settle(&mut inherited);
    if let Value::Mapping(mapping) = &mut inherited.value
        && let Some(extension) = mapping.entries.iter_mut().find(|entry| entry.key == "x-skep")
    {
        take(&mut extension.value, "previous_name");
    }
    inherited
}
