//! A conversation with a git server as it was recorded, up to where objects are asked for.

use bytes::Bytes;

use super::packet::{Packet, Packets};
use super::reference::Reference;
use super::refs::{Greeting, Refs};

/// The full name of the object that `reference` stands for on a server that has said `bytes`: its greeting, and in
/// version 2 of the protocol the references that it was asked for. `None` if it has none such, or is no git server.
pub fn find(reference: &Reference, bytes: &[u8]) -> Option<String> {
    let mut packets = Packets::default();
    packets.push(bytes);
    let mut greeting = message(&mut packets)?;
    if greeting.first().is_some_and(|line| line.starts_with(b"# service=")) {
        greeting = message(&mut packets)?;
    }
    let refs = match Greeting::read(&greeting)? {
        Greeting::Version0 { refs, .. } => refs,
        Greeting::Version2 { .. } => {
            let mut refs = Refs::default();
            for line in message(&mut packets)? {
                refs.add_listed(&line)?;
            }
            refs
        }
    };
    reference.find(&refs).ok().map(|target| target.id.to_string())
}

/// The lines up to the end of a message.
fn message(packets: &mut Packets) -> Option<Vec<Bytes>> {
    let mut lines = Vec::new();
    loop {
        match packets.take().ok()?? {
            Packet::Data(line) => lines.push(line),
            Packet::Delimiter => {}
            Packet::Flush | Packet::End => return Some(lines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_server_is_understood_in_every_version_of_the_protocol() {
        let of = |seed: &[u8], reference: &Reference| find(reference, seed);
        let branch = Reference::Branch("main".to_owned());
        let version_2 = include_bytes!("../../../fuzz/seeds/git_server/version-2");
        let version_0 = include_bytes!("../../../fuzz/seeds/git_server/version-0-http");
        for seed in [&version_2[..], &version_0[..]] {
            assert_eq!(of(seed, &branch), Some("1".repeat(40)));
            assert_eq!(of(seed, &Reference::Tag("v1".to_owned())), Some("2".repeat(40)));
            assert_eq!(of(seed, &Reference::Tag("v2".to_owned())), None);
            let cut = &seed[..seed.len() - 1];
            assert_eq!(of(cut, &branch), None, "a message that has no end is none");
        }
        let empty = include_bytes!("../../../fuzz/seeds/git_server/empty");
        assert_eq!(of(empty, &Reference::Head), None);
    }
}
