//! What a server says first: the protocol that it speaks, and the references that it has.

use bytes::Bytes;

use super::packet::text;
use super::reference::oid;

/// A name on the server and the object behind it; of an annotated tag the tag itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ref {
    /// Such as `refs/heads/main`.
    pub(super) name: String,
    /// The object.
    pub(super) id: git2::Oid,
}

/// The references of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refs {
    /// Those that were asked for, or all.
    pub(super) all: Vec<Ref>,
    /// What `HEAD` is a name for, if the server says so.
    pub(super) head: Option<String>,
}

impl Refs {
    pub(super) fn find(&self, name: &str) -> Option<&Ref> {
        self.all.iter().find(|found| found.name == name)
    }

    /// Takes up a line of version 2's `ls-refs`: `ID NAME [symref-target:NAME] …`.
    pub(super) fn add_listed(&mut self, line: &[u8]) -> Option<()> {
        let line = text(line);
        let mut words = line.split(' ');
        let (id, name) = (words.next()?, words.next()?);
        if id == "unborn" {
            return Some(());
        }
        if name == "HEAD" {
            let target = words.find_map(|word| word.strip_prefix("symref-target:"));
            self.head = target.map(str::to_owned);
        }
        self.all.push(Ref { name: name.to_owned(), id: oid(id)? });
        Some(())
    }
}

/// What a server says before it is asked anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Greeting {
    /// Version 2: what it can do; references are asked for.
    Version2 {
        /// `command` or `command=feature feature`, one a line.
        capabilities: Vec<String>,
    },
    /// Version 0 or 1: everything at once.
    Version0 {
        /// Its capabilities, some with `=value`.
        capabilities: Vec<String>,
        /// All of its branches and tags.
        refs: Refs,
    },
}

impl Greeting {
    /// Reads the lines of a greeting. `None` if they are none.
    pub(super) fn read(lines: &[Bytes]) -> Option<Self> {
        let (first, rest) = lines.split_first()?;
        match text(first).as_str() {
            "version 2" => {
                let capabilities = rest.iter().map(|line| text(line)).collect();
                Some(Self::Version2 { capabilities })
            }
            "version 1" => Self::read_version_0(rest),
            _ => Self::read_version_0(lines),
        }
    }

    fn read_version_0(lines: &[Bytes]) -> Option<Self> {
        let mut capabilities = Vec::new();
        let mut refs = Refs::default();
        for (number, line) in lines.iter().enumerate() {
            let line = text(line);
            let (line, extra) = line.split_once('\0').unwrap_or((&line, ""));
            if number == 0 {
                capabilities = extra.split_ascii_whitespace().map(str::to_owned).collect();
            }
            let (id, name) = line.split_once(' ')?;
            let is_kept = name == "HEAD"
                || ((name.starts_with("refs/heads/") || name.starts_with("refs/tags/"))
                    // The line of a tag's commit follows that of the tag.
                    && !name.ends_with("^{}"));
            if is_kept {
                refs.all.push(Ref { name: name.to_owned(), id: oid(id)? });
            }
        }
        let head = capabilities.iter().find_map(|one| one.strip_prefix("symref=HEAD:"));
        refs.head = head.map(str::to_owned);
        Some(Self::Version0 { capabilities, refs })
    }

    /// Whether the server can leave out the history.
    pub(super) fn can_be_shallow(&self) -> bool {
        self.has("shallow")
    }

    /// Whether it can leave out large files.
    pub(super) fn can_filter(&self) -> bool {
        self.has("filter")
    }

    /// Whether it gives objects that no reference points to.
    pub(super) fn gives_any_commit(&self) -> bool {
        match self {
            Self::Version2 { .. } => true,
            Self::Version0 { .. } => {
                self.has("allow-reachable-sha1-in-want") || self.has("allow-any-sha1-in-want")
            }
        }
    }

    /// How objects are named, `sha1` unless it says otherwise.
    pub(super) fn object_format(&self) -> &str {
        let (Self::Version2 { capabilities } | Self::Version0 { capabilities, .. }) = self;
        let format = capabilities.iter().find_map(|one| one.strip_prefix("object-format="));
        format.unwrap_or("sha1")
    }

    /// Whether a capability, or a feature of the command `fetch`, is there.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Version2 { capabilities } => capabilities
                .iter()
                .filter_map(|line| line.strip_prefix("fetch="))
                .any(|features| features.split(' ').any(|feature| feature == name)),
            Self::Version0 { capabilities, .. } => capabilities.iter().any(|one| one == name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f2c9e1000000000000000000000000000000000";

    fn greeting(lines: &[String]) -> Option<Greeting> {
        Greeting::read(&lines.iter().map(|line| Bytes::from(line.clone())).collect::<Vec<_>>())
    }

    #[test]
    fn both_kinds_of_greeting_are_understood() {
        let old = greeting(&[
            format!("{ID} HEAD\0 side-band-64k shallow symref=HEAD:refs/heads/main\n"),
            format!("{ID} refs/heads/main\n"),
            format!("{ID} refs/pull/1/head\n"),
            format!("{ID} refs/tags/v1\n"),
            format!("{ID} refs/tags/v1^{{}}\n"),
        ]);
        let Some(Greeting::Version0 { refs, .. }) = &old else { panic!("{old:?}") };
        let names: Vec<&str> = refs.all.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["HEAD", "refs/heads/main", "refs/tags/v1"]);
        assert_eq!(refs.head.as_deref(), Some("refs/heads/main"));
        let old = old.expect("a greeting");
        assert!(old.can_be_shallow() && !old.can_filter() && !old.gives_any_commit());

        let new = greeting(&[
            "version 2\n".to_owned(),
            "ls-refs=unborn\n".to_owned(),
            "fetch=shallow filter\n".to_owned(),
            "object-format=sha256\n".to_owned(),
        ])
        .expect("a greeting");
        assert!(new.can_be_shallow() && new.can_filter() && new.gives_any_commit());
        assert_eq!(new.object_format(), "sha256");

        let mut listed = Refs::default();
        let line = format!("{ID} HEAD symref-target:refs/heads/main\n");
        assert!(listed.add_listed(line.as_bytes()).is_some());
        assert!(listed.add_listed(b"unborn HEAD symref-target:refs/heads/main\n").is_some());
        assert_eq!((listed.all.len(), listed.head.as_deref()), (1, Some("refs/heads/main")));
        assert!(listed.add_listed(b"nonsense\n").is_none());
        assert_eq!(greeting(&["<html>".to_owned()]), None);
    }

    #[test]
    fn an_empty_repository_has_no_references() {
        let zero = "0".repeat(40);
        let greeting = greeting(&[format!("{zero} capabilities^{{}}\0shallow\n")]);
        let Some(Greeting::Version0 { refs, .. }) = greeting else { panic!("{greeting:?}") };
        assert_eq!(refs, Refs::default());
    }
}
