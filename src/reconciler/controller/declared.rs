//! What a source declares: its newest revision, and where that has errors the last good one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::finding::Finding;
use crate::model::name::{SourceName, StackName};
use crate::reconciler::pass::Request;
use crate::sources::git::Commit;
use crate::spec::stack::Stack;

use super::drift::DriftModes;
use super::source::FetchFailure;

/// What one look at a source yielded.
#[derive(Debug, Clone)]
pub struct Declared {
    /// What passes are asked to do with it.
    pub request: Request,
    /// Which content it is; equal content has an equal revision.
    pub revision: String,
    /// What else it was made from, such as the settings; equal input has an equal digest.
    pub digest: Vec<u8>,
    /// What is wrong or doubtful.
    pub findings: Vec<Finding>,
    /// What becomes of changes by hand.
    pub drift: DriftModes,
    /// The commit, if the source is a repository.
    pub commit: Option<Commit>,
    /// Set if the source could not be read, and this is what was last read of it.
    pub stale: Option<Stale>,
}

/// Why what a source declares is not its newest, and how old it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Why the source could not be read.
    pub failure: FetchFailure,
    /// When what is there instead was fetched.
    pub fetched_at: Timestamp,
}

/// What the controller works with: the newest of everything that is free of errors.
#[derive(Debug)]
pub struct Current {
    /// What passes are asked to do.
    pub request: Request,
    /// What becomes of changes by hand.
    pub drift: DriftModes,
    /// The newest revision.
    pub revision: String,
    /// Its commit, if the source is a repository.
    pub commit: Option<Commit>,
    digest: Vec<u8>,
    /// What is wrong with it or doubtful.
    pub findings: Vec<Finding>,
    /// The revision that each stack is of.
    revisions: BTreeMap<StackName, String>,
    /// The revision that last changed each stack; none of what nobody has seen change since the first look.
    changed: BTreeMap<StackName, String>,
    /// Stacks that another source declares, too.
    doubled: Vec<Arc<Stack>>,
    /// Stacks that have errors in the newest revision, and go on with an older one.
    pub kept: BTreeSet<StackName>,
    /// When it was fetched, if the source could not be read since the start. Something newer may have been applied.
    pub stale: Option<Timestamp>,
}

impl Current {
    /// What a first look yielded.
    pub fn new(declared: Declared) -> Self {
        let Declared { request, revision, digest, findings, drift, commit, stale } = declared;
        // Made again, and in one piece: what was read lies among everything that was thrown away while it was read, and
        // for as long as it does, hardly anything of that goes back to the system.
        let again = |stack: &Arc<Stack>| Arc::new(Stack::clone(stack));
        let request = Request { stacks: request.stacks.iter().map(again).collect(), ..request };
        let stale = stale.map(|stale| stale.fetched_at);
        let revisions = revisions(&request.stacks, &revision);
        // Which commits made of the stacks what they are, one look does not tell.
        let (changed, doubled, kept) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        Self {
            request,
            drift,
            revision,
            commit,
            digest,
            findings,
            revisions,
            changed,
            doubled,
            kept,
            stale,
        }
    }

    /// Whether a look yielded what is known already.
    pub fn is(&self, declared: &Declared) -> bool {
        let is_as_new = self.stale.is_none() || declared.stale.is_some();
        is_as_new && self.revision == declared.revision && self.digest == declared.digest
    }

    /// Takes over what a newer look yielded. A stack that has errors in it goes on as it was, unless nobody knows
    /// whether that was still in force.
    pub fn renew(&mut self, declared: Declared) {
        let mut old = std::mem::replace(self, Self::new(declared));
        if old.stale.is_some() {
            return;
        }
        self.changed.clone_from(&self.revisions);
        let mut known = old.request.stacks;
        known.append(&mut old.doubled);
        let is_locked_alike = old.request.lock == self.request.lock;
        for stack in &known {
            let newer = self.request.stacks.iter().find(|newer| newer.name == stack.name);
            // One that has errors goes on as it was.
            let is_same = newer.is_none_or(|newer| is_locked_alike && newer == stack);
            if is_same {
                self.changed.remove(&stack.name);
                let changed = old.changed.remove(&stack.name);
                self.changed.extend(changed.map(|changed| (stack.name.clone(), changed)));
            }
        }
        let old_lock = old.request.lock;
        for stack in known {
            if self.request.scope.invalid.remove(&stack.name) {
                let revision = old.revisions.remove(&stack.name).unwrap_or_default();
                self.revisions.insert(stack.name.clone(), revision);
                self.kept.insert(stack.name.clone());
                let lock = old.request.older_locks.remove(&stack.name);
                let lock = lock.unwrap_or_else(|| Arc::clone(&old_lock));
                self.request.older_locks.insert(stack.name.clone(), lock);
                self.request.stacks.push(stack);
            }
        }
        self.request.stacks.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// The revision that the stack of this name is of, if it is known.
    pub fn revision_of(&self, stack: &str) -> Option<&str> {
        let mut known = self.revisions.iter().filter(|(name, _)| name.as_str() == stack);
        known.next().map(|(_, revision)| revision.as_str())
    }

    /// The revision that last changed the stack of this name, if that was seen: most commits change others, and so did
    /// perhaps the one of the first look.
    pub fn release_of(&self, stack: &str) -> Option<&str> {
        let mut known = self.changed.iter().filter(|(name, _)| name.as_str() == stack);
        known.next().map(|(_, revision)| revision.as_str())
    }

    /// The names of all stacks that it declares, those with errors included.
    pub(super) fn names(&self) -> impl Iterator<Item = &StackName> {
        let good = self.request.stacks.iter().chain(&self.doubled).map(|stack| &stack.name);
        let invalid = self.request.scope.invalid.iter();
        good.chain(invalid.filter(|name| self.doubled.iter().all(|stack| stack.name != **name)))
    }

    /// Takes stacks that another source declares, too, out of what is done; and puts back those that it no longer does.
    fn set_aside(&mut self, doubled: &BTreeMap<StackName, Vec<SourceName>>) {
        let scope = &mut self.request.scope;
        for stack in self.doubled.drain(..) {
            scope.invalid.remove(&stack.name);
            self.request.stacks.push(stack);
        }
        let aside = |stack: &mut Arc<Stack>| doubled.contains_key(&stack.name);
        self.doubled.extend(self.request.stacks.extract_if(.., aside));
        scope.invalid.extend(self.doubled.iter().map(|stack| stack.name.clone()));
        self.request.stacks.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

fn revisions(stacks: &[Arc<Stack>], revision: &str) -> BTreeMap<StackName, String> {
    stacks.iter().map(|stack| (stack.name.clone(), revision.to_owned())).collect()
}

/// Takes stacks of which several sources say what they are out of all of them, because nobody knows who is right. Returns
/// them with those sources.
pub fn set_doubled_aside(sources: &mut [&mut Current]) -> BTreeMap<StackName, Vec<SourceName>> {
    let mut owners: BTreeMap<StackName, Vec<SourceName>> = BTreeMap::new();
    for source in sources.iter() {
        for name in source.names() {
            owners.entry(name.clone()).or_default().push(source.request.scope.source.clone());
        }
    }
    owners.retain(|_, sources| sources.len() > 1);
    for source in sources {
        source.set_aside(&owners);
    }
    owners
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::diff::ShowContent;
    use crate::diff::mask::Sensitivity;
    use crate::reconciler::pass::declare;
    use crate::reconciler::plan::View;
    use crate::reconciler::policy::{Elsewhere, Policy, ResolveImage, Scope};
    use crate::sources::git::Signature;
    use crate::spec::discover::StackFiles;
    use crate::spec::interpolate::Variables;
    use crate::spec::load::{Input, Options, load};
    use crate::spec::lock::{Lock, Locked};
    use crate::spec::tree::MemoryTree;
    use crate::swarm::Credentials;

    /// What a look yields at a source with these stacks of one service each, and with `invalid` ones.
    pub(in super::super) fn declared(
        source: &str,
        revision: &str,
        good: &[&str],
        invalid: &[&str],
    ) -> Declared {
        let file = |name: &str| format!("{name}/stack.yaml");
        let text = b"services: { web: { image: 'acme/web:1' } }".to_vec();
        let tree = MemoryTree(good.iter().map(|name| (file(name), text.clone())).collect());
        let inputs: Vec<Input> = good
            .iter()
            .map(|name| {
                let (name, files, directory) = ((*name).to_owned(), vec![file(name)], name);
                let files = StackFiles { name, files, directory: (*directory).to_owned() };
                Input { files, variables: Variables::default() }
            })
            .collect();
        let scope = Scope {
            fleet: "f".parse().unwrap(),
            source: source.parse().unwrap(),
            whole: true,
            invalid: invalid.iter().map(|name| name.parse().unwrap()).collect(),
            elsewhere: Elsewhere::default(),
        };
        let view = View {
            revision: None,
            sensitivity: Sensitivity::default(),
            reveal: false,
            contents: ShowContent::Counts,
            command: "skep apply".to_owned(),
            retry: "skep retry".to_owned(),
            docker: "docker".to_owned(),
            findings: Vec::new(),
        };
        let request = Request {
            stacks: load(&tree, &inputs, &Options::default())
                .stacks
                .into_iter()
                .map(Arc::new)
                .collect(),
            lock: Arc::default(),
            older_locks: BTreeMap::new(),
            scope,
            policy: Policy::default(),
            credentials: Credentials::default(),
            resolve: ResolveImage::default(),
            pinned: BTreeMap::new(),
            proxy: None,
            view,
        };
        let (revision, digest) = (revision.to_owned(), Vec::new());
        let drift = DriftModes::default();
        Declared {
            request,
            revision,
            digest,
            findings: Vec::new(),
            drift,
            commit: None,
            stale: None,
        }
    }

    pub(in super::super) fn commit() -> Commit {
        Commit {
            url: "https://git.example.com/stacks".to_owned(),
            id: "4f2c9e1000000000000000000000000000000000".parse().unwrap(),
            branch: None,
            tag: None,
            author: String::new(),
            time: Timestamp::UNIX_EPOCH,
            subject: String::new(),
            signature: Signature::NotChecked,
        }
    }

    #[test]
    fn a_stack_that_goes_on_as_it_was_keeps_what_tags_meant_then() {
        let at = |digit: &str, good: &[&str], invalid: &[&str]| {
            let mut declared = declared("main", digit, good, invalid);
            let digest = format!("sha256:{}", digit.repeat(64));
            let locked = Locked { digest, platforms: Vec::new() };
            declared.request.lock = Lock([("acme/web:1".to_owned(), locked)].into()).into();
            declared
        };
        let images = |current: &Current| -> Vec<String> {
            let desired = declare(&current.request, &[]);
            let services = desired.stacks.values().flat_map(|stack| &stack.services);
            let digit = |image: &String| image.chars().last().into_iter().collect();
            let containers =
                services.filter_map(|of| of.spec.task_template.container_spec.as_ref());
            containers.map(|container| digit(&container.image)).collect()
        };
        let mut current = Current::new(at("a", &["blog", "shop"], &[]));
        assert_eq!(images(&current), ["a", "a"]);
        current.renew(at("b", &["blog"], &["shop"]));
        assert_eq!(images(&current), ["b", "a"]);
        current.renew(at("c", &[], &["blog", "shop"]));
        assert_eq!(images(&current), ["b", "a"], "each the lock of its own revision");
        current.renew(at("d", &["blog", "shop"], &[]));
        assert_eq!(images(&current), ["d", "d"]);
    }

    #[test]
    fn a_commit_that_changes_other_stacks_is_no_release_of_this_one() {
        let mut current = Current::new(declared("main", "a", &["shop"], &[]));
        current.renew(declared("main", "b", &["blog", "shop"], &[]));
        let releases = |current: &Current| {
            ["blog", "shop"].map(|name| current.release_of(name).unwrap_or("none").to_owned())
        };
        assert_eq!(releases(&current), ["b", "none"], "of the first look nobody knows");
        assert_eq!(current.revision_of("shop"), Some("b"));
        // With errors in it, it goes on as it was; without, it is the same again.
        current.renew(declared("main", "c", &["blog"], &["shop"]));
        current.renew(declared("main", "d", &["blog", "shop"], &[]));
        assert_eq!(releases(&current), ["b", "none"]);
        let mut changed = declared("main", "e", &["blog", "shop"], &[]);
        Arc::make_mut(&mut changed.request.stacks[0])
            .configs
            .insert("one".to_owned(), b"1".to_vec());
        current.renew(changed.clone());
        assert_eq!(releases(&current), ["e", "none"]);
        changed.revision = "f".to_owned();
        Arc::make_mut(&mut changed.request.stacks[1])
            .configs
            .insert("two".to_owned(), b"2".to_vec());
        current.renew(changed);
        assert_eq!(releases(&current), ["e", "f"]);
    }
}
