//! Which stacks a path holds, and what an absence under it means.

use super::tree::{EntryKind, ReadError, Tree};
use super::yaml::{self, budget::Budget};
use crate::model::finding::Finding;
use crate::model::name::StackName;
use crate::model::place::Place;

/// The file names that make their directory a stack, each with `.yaml` or `.yml`.
const CANONICAL: [&str; 4] = ["stack", "compose", "docker-stack", "docker-compose"];

/// Where in a tree to look for stacks; paths are those of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// One stack file.
    File(String),
    /// A directory that is a stack or holds stacks; `""` is the root.
    Directory(String),
}

/// What an absence means: only a directory of stacks can lack a stack that it once had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One stack; nothing is known about others.
    Stack,
    /// A directory of stacks; a stack that is not in it is gone.
    Directory,
}

/// The files of one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFiles {
    /// The name that its files' place gives it. A top-level `name:` wins, so only the name that is left after reading
    /// the files has to be valid, and unlike those of other stacks; see [`same_name`].
    pub name: String,
    /// Its files, merged in this order.
    pub files: Vec<String>,
    /// The directory against which its relative paths resolve.
    pub directory: String,
}

/// What was found under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The stacks, by name of their directory or file.
    pub stacks: Vec<StackFiles>,
    /// What an absence means.
    pub scope: Scope,
    /// What is wrong or doubtful about the files' places.
    pub findings: Vec<Finding>,
}

/// Finds the stacks of a path.
///
/// A file is a stack. A directory with a file of a canonical name is a stack. Any other directory holds stacks: each
/// subdirectory with such a file, and each other `*.yaml` or `*.yml` file in it with a top-level `services:`. Names
/// that begin with `.` or `_`, and the settings file `skep.yaml`, are passed over. It goes one level deep.
pub fn discover(tree: &dyn Tree, start: &Start) -> Discovery {
    let mut findings = Vec::new();
    let directory = match start {
        Start::File(path) => {
            let stacks = vec![one_file(tree, path)];
            return Discovery { stacks, scope: Scope::Stack, findings };
        }
        Start::Directory(directory) => directory,
    };
    let entries = list(tree, directory, &mut findings);
    if let Some(stack) = canonical(tree, directory, &entries, &mut findings) {
        warn_of_stacks_below(tree, directory, &entries, &stack, &mut findings);
        return Discovery { stacks: vec![stack], scope: Scope::Stack, findings };
    }
    let mut stacks = Vec::new();
    for (name, kind) in entries.iter().filter(|(name, _)| !is_passed_over(name)) {
        let path = below(directory, name);
        match kind {
            EntryKind::Directory => {
                let entries = list(tree, &path, &mut findings);
                stacks.extend(canonical(tree, &path, &entries, &mut findings));
            }
            EntryKind::File if is_stack(tree, &path, name, &mut findings) => {
                stacks.push(one_file(tree, &path));
            }
            EntryKind::File => {}
        }
    }
    if stacks.is_empty() && findings.is_empty() {
        findings.push(nothing_found(tree, directory, &entries));
    }
    Discovery { stacks, scope: Scope::Directory, findings }
}

/// The findings for stacks of one name, given each name and where it comes from, in the order of the stacks.
pub fn same_name(names: &[(StackName, Place)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, (name, place)) in names.iter().enumerate() {
        if let Some((_, first)) = names.iter().take(index).find(|(other, _)| other == name) {
            findings.push(
                Finding::error(
                    "same-stack-name",
                    place.clone(),
                    format!("a second stack is named `{name}`"),
                )
                .related(first.clone(), "the first one is here")
                .hint("rename one, or give it a top-level `name:`"),
            );
        }
    }
    findings
}

fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

fn is_passed_over(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

/// The name of a YAML file without its ending.
fn yaml_stem(name: &str) -> Option<&str> {
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"))
}

fn is_canonical(name: &str) -> bool {
    yaml_stem(name).is_some_and(|stem| CANONICAL.contains(&stem))
}

/// The stack that a file makes: named after its directory if its own name is canonical.
fn one_file(tree: &dyn Tree, path: &str) -> StackFiles {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = match yaml_stem(name) {
        Some(_) if is_canonical(name) => directory_name(tree, directory),
        Some(stem) => stem.to_owned(),
        None => name.to_owned(),
    };
    StackFiles { name, files: vec![path.to_owned()], directory: directory.to_owned() }
}

/// The stack that a directory is, if it has a file of a canonical name; two of them are an error.
fn canonical(
    tree: &dyn Tree,
    directory: &str,
    entries: &[(String, EntryKind)],
    findings: &mut Vec<Finding>,
) -> Option<StackFiles> {
    let mut files = entries
        .iter()
        .filter(|(name, kind)| *kind == EntryKind::File && is_canonical(name))
        .map(|(name, _)| below(directory, name));
    let first = files.next()?;
    for second in files {
        let message = format!("`{}` already makes this directory a stack", tree.display(&first));
        findings.push(
            Finding::error("two-stack-files", Place::file(tree.display(&second)), message)
                .related(Place::file(tree.display(&first)), "the first one")
                .hint("keep one, give the one you mean as PATH, or list both under `stacks:` in skep.yaml"),
        );
    }
    Some(one_file(tree, &first))
}

/// The last part of a directory's path; for the root what the tree is called.
fn directory_name(tree: &dyn Tree, directory: &str) -> String {
    match directory.rsplit('/').next() {
        None | Some("") => tree.name(),
        Some(name) => name.to_owned(),
    }
}

fn list(tree: &dyn Tree, directory: &str, findings: &mut Vec<Finding>) -> Vec<(String, EntryKind)> {
    tree.list(directory).unwrap_or_else(|error| {
        findings.push(unreadable(tree, directory, &error));
        Vec::new()
    })
}

fn unreadable(tree: &dyn Tree, path: &str, error: &ReadError) -> Finding {
    Finding::error(
        "unreadable-file",
        Place::file(tree.display(path)),
        format!("cannot be read: {error}"),
    )
}

/// Whether a file that lies beside others is a stack. What looks like one but is broken counts, so that it is reported
/// rather than taken for absent.
fn is_stack(tree: &dyn Tree, path: &str, name: &str, findings: &mut Vec<Finding>) -> bool {
    if yaml_stem(name).is_none_or(|stem| stem == "skep") {
        return false;
    }
    let budget = Budget::default();
    let text = match tree.read(path, budget.bytes) {
        Ok(text) => text,
        Err(error) => {
            findings.push(unreadable(tree, path, &error));
            return false;
        }
    };
    let says_so = |line: &[u8]| {
        let rest = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).strip_prefix(b"services");
        rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
    };
    text.split(|byte| *byte == b'\n').any(says_so)
        || yaml::parse(&text, tree.display(path).into(), &budget)
            .is_ok_and(|root| root.get("services").is_some())
}

/// A directory that is a stack hides those below it, which nobody should find out from their absence.
fn warn_of_stacks_below(
    tree: &dyn Tree,
    directory: &str,
    entries: &[(String, EntryKind)],
    stack: &StackFiles,
    findings: &mut Vec<Finding>,
) {
    let hidden: Vec<&str> = entries
        .iter()
        .filter(|(name, kind)| *kind == EntryKind::Directory && !is_passed_over(name))
        .filter(|(name, _)| is_canonical_stack(tree, &below(directory, name)))
        .map(|(name, _)| name.as_str())
        .collect();
    let (Some(file), false) = (stack.files.first(), hidden.is_empty()) else { return };
    let message = format!(
        "this file makes its directory one stack, so the stacks in {} are not looked at",
        hidden.iter().map(|name| format!("`{name}/`")).collect::<Vec<_>>().join(", ")
    );
    findings.push(
        Finding::warning("stacks-below-a-stack", Place::file(tree.display(file)), message)
            .hint("move it into a directory of its own beside them"),
    );
}

fn nothing_found(tree: &dyn Tree, directory: &str, entries: &[(String, EntryKind)]) -> Finding {
    let shown = tree.display(directory);
    let shown = match shown.trim_end_matches('/') {
        "" => "this directory",
        shown => shown,
    };
    let message = format!("no stack in {shown}");
    let mut below = subdirectories(directory, entries);
    if let Some(below) = below.find(|below| holds_stacks(tree, below)) {
        let below = tree.display(&below);
        return Finding::error("stacks-further-down", None, message)
            .hint(format!("there are some further down: did you mean {below}?"));
    }
    Finding::error("no-stacks", None, message).hint("a stack is a subdirectory with stack.yaml, compose.yaml, docker-stack.yaml or docker-compose.yaml, or a YAML file with `services:`")
}

/// The subdirectories in which stacks may be.
fn subdirectories(
    directory: &str,
    entries: &[(String, EntryKind)],
) -> impl Iterator<Item = String> {
    let is_one = |(name, kind): &&(String, EntryKind)| {
        *kind == EntryKind::Directory && !is_passed_over(name)
    };
    entries.iter().filter(is_one).map(move |(name, _)| below(directory, name))
}

/// Whether a subdirectory of `directory` is a stack.
fn holds_stacks(tree: &dyn Tree, directory: &str) -> bool {
    let entries = tree.list(directory).unwrap_or_default();
    subdirectories(directory, &entries).any(|directory| is_canonical_stack(tree, &directory))
}

fn is_canonical_stack(tree: &dyn Tree, directory: &str) -> bool {
    let entries = tree.list(directory).unwrap_or_default();
    entries.iter().any(|(name, kind)| *kind == EntryKind::File && is_canonical(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::tree::MemoryTree;

    /// Discovers in a tree of files with some content each.
    fn find(files: &[(&str, &str)], start: &Start) -> (Vec<String>, Scope, Vec<String>) {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        let Discovery { stacks, scope, findings } = discover(&MemoryTree(files.collect()), start);
        let stack =
            |s: StackFiles| format!("{} {} in {:?}", s.name, s.files.join("+"), s.directory);
        let finding = |f: Finding| {
            let place = f.place.map(|place| format!("{}: ", place.file)).unwrap_or_default();
            format!("{place}{}", f.message)
        };
        (
            stacks.into_iter().map(stack).collect(),
            scope,
            findings.into_iter().map(finding).collect(),
        )
    }

    const STACK: &str = "services: {}\n";

    /// A tree of one directory that is gone as soon as it was seen.
    struct Vanishing;

    impl Tree for Vanishing {
        fn list(&self, directory: &str) -> Result<Vec<(String, EntryKind)>, ReadError> {
            let shop = vec![("shop".to_owned(), EntryKind::Directory)];
            if directory.is_empty() { Ok(shop) } else { Err(ReadError::Missing) }
        }

        fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, ReadError> {
            Err(ReadError::Missing)
        }

        fn display(&self, path: &str) -> String {
            path.to_owned()
        }

        fn base(&self) -> Option<String> {
            None
        }
    }

    #[test]
    fn a_directory_that_goes_while_it_is_looked_at_is_no_absence() {
        let found = discover(&Vanishing, &Start::Directory(String::new()));
        let codes: Vec<&str> = found.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["unreadable-file"]);
    }

    #[test]
    fn a_directory_holds_a_stack_per_subdirectory_and_per_file() {
        let files = [
            ("shop/stack.yaml", STACK),
            ("shop/extra.yaml", STACK),
            ("web/docker-compose.yml", STACK),
            ("api/conf/compose.yaml", STACK),
            (".hidden/stack.yaml", STACK),
            ("_draft/stack.yaml", STACK),
            ("_draft.yaml", STACK),
            ("cron.yml", "version: '3'\nservices :\n  a: {}\n"),
            ("flow.yaml", "{services: {}}"),
            ("broken.yaml", "services:\n\t- x: y: z\n"),
            ("other.yaml", "site: x\n"),
            ("skep.yaml", "services: none\n"),
            ("README.md", STACK),
        ];
        let (stacks, scope, findings) = find(&files, &Start::Directory(String::new()));
        assert_eq!(
            stacks,
            [
                "broken broken.yaml in \"\"",
                "cron cron.yml in \"\"",
                "flow flow.yaml in \"\"",
                "shop shop/stack.yaml in \"shop\"",
                "web web/docker-compose.yml in \"web\"",
            ]
        );
        assert_eq!((scope, findings), (Scope::Directory, Vec::new()));
    }

    #[test]
    fn a_stack_file_or_its_directory_is_one_stack() {
        let files = [("a/shop/compose.yaml", STACK), ("a/shop/prod.yaml", STACK)];
        for (start, stack) in [
            (Start::Directory("a/shop".to_owned()), "shop a/shop/compose.yaml in \"a/shop\""),
            (
                Start::File("a/shop/compose.yaml".to_owned()),
                "shop a/shop/compose.yaml in \"a/shop\"",
            ),
            (Start::File("a/shop/prod.yaml".to_owned()), "prod a/shop/prod.yaml in \"a/shop\""),
        ] {
            assert_eq!(find(&files, &start), (vec![stack.to_owned()], Scope::Stack, Vec::new()));
        }
    }

    #[test]
    fn doubtful_places_are_reported() {
        let (stacks, _, findings) = find(
            &[("shop/stack.yaml", STACK), ("shop/docker-compose.yml", STACK)],
            &Start::Directory(String::new()),
        );
        assert_eq!(stacks.len(), 1);
        assert_eq!(
            findings,
            ["shop/stack.yaml: `shop/docker-compose.yml` already makes this directory a stack"]
        );
        let (_, scope, findings) = find(
            &[("stack.yaml", STACK), ("shop/stack.yaml", STACK)],
            &Start::Directory(String::new()),
        );
        assert_eq!(scope, Scope::Stack);
        assert_eq!(
            findings,
            [
                "stack.yaml: this file makes its directory one stack, so the stacks in `shop/` are not looked at"
            ]
        );
        let (stacks, scope, findings) = find(&[("a/b.txt", "")], &Start::Directory("a".to_owned()));
        assert_eq!((stacks, scope), (Vec::new(), Scope::Directory));
        assert_eq!(findings, ["no stack in a"]);
    }

    #[test]
    fn stacks_of_one_name_are_reported_with_both_places() {
        let name = |name: &str, file: &str| {
            (name.parse::<StackName>().expect("a name"), Place::file(file))
        };
        let findings =
            same_name(&[name("a", "a.yaml"), name("b", "b.yaml"), name("a", "a/stack.yaml")]);
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!(finding.place, Some(Place::file("a/stack.yaml")));
        assert_eq!(finding.related.first().map(|r| &r.place), Some(&Place::file("a.yaml")));
    }
}
