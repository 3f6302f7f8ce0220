//! What a git server says first, as packets: its greeting and its references.

use skep::sources::git::{Reference, VersionTags, find};

pub(crate) fn read(bytes: &[u8]) {
    let any = VersionTags { requirement: "*".parse().expect("any version"), prefix: String::new() };
    for reference in [
        Reference::Head,
        Reference::Branch("main".to_owned()),
        Reference::Tag("v1".to_owned()),
        Reference::Version(any),
    ] {
        let found = find(&reference, bytes);
        assert!(found.is_none_or(|id| id.len() == 40), "{reference} is no object");
    }
}
