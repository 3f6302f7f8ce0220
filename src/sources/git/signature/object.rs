//! A commit or tag taken apart into what was signed and the signature.

/// In which way something is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Ssh,
    OpenPgp,
    X509,
}

/// How each kind of signature begins.
const ARMOURS: [(&[u8], Format); 4] = [
    (b"-----BEGIN SSH SIGNATURE-----", Format::Ssh),
    (b"-----BEGIN PGP SIGNATURE-----", Format::OpenPgp),
    (b"-----BEGIN PGP MESSAGE-----", Format::OpenPgp),
    (b"-----BEGIN SIGNED MESSAGE-----", Format::X509),
];

/// A signature, and the bytes that it is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SignedObject {
    pub(super) content: Vec<u8>,
    pub(super) signature: Vec<u8>,
    format: Format,
}

impl SignedObject {
    fn new(content: Vec<u8>, signature: Vec<u8>) -> Option<Self> {
        let format = format(&signature)?;
        Some(Self { content, signature, format })
    }

    pub(super) const fn format(&self) -> Format {
        self.format
    }

    /// A commit has its signature in a header, whose further lines begin with a space. Git signs the commit without
    /// that header and without the one for the other hash.
    pub(super) fn of_commit(raw: &[u8]) -> Option<Self> {
        let (mut content, mut signature) = (Vec::new(), Vec::new());
        let mut within = Within::Other;
        let mut rest = raw;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(end);
            if line == b"\n" {
                content.extend_from_slice(rest);
                break;
            }
            if let Some(first) = line.strip_prefix(b"gpgsig ") {
                // Of two, nobody could say which one was meant.
                if !signature.is_empty() {
                    return None;
                }
                within = Within::Signature;
                signature.extend_from_slice(first);
            } else if line.starts_with(b"gpgsig") {
                within = Within::Skipped;
            } else if let Some(more) = line.strip_prefix(b" ") {
                match within {
                    Within::Signature => signature.extend_from_slice(more),
                    Within::Skipped => {}
                    Within::Other => content.extend_from_slice(line),
                }
            } else {
                within = Within::Other;
                content.extend_from_slice(line);
            }
            rest = after;
        }
        Self::new(content, signature)
    }

    /// A tag has its signature behind its message.
    pub(super) fn of_tag(raw: &[u8]) -> Option<Self> {
        let ends = raw.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        let at = starts.rev().find(|at| raw.get(*at..).and_then(format).is_some())?;
        let (content, signature) = raw.split_at_checked(at)?;
        Self::new(content.to_vec(), signature.to_vec())
    }
}

/// Which header a line goes on with.
#[derive(Clone, Copy)]
enum Within {
    Signature,
    Skipped,
    Other,
}

fn format(signature: &[u8]) -> Option<Format> {
    ARMOURS.iter().find(|(armour, _)| signature.starts_with(armour)).map(|(_, format)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_signed_without_its_signatures() {
        let raw =
            b"tree 4f2c\nauthor A <a@b> 1 +0000\ngpgsig -----BEGIN SSH SIGNATURE-----\n abc\n \n \
                    def\ngpgsig-sha256 x\n y\nencoding UTF-8\n z\n\nsubject\n\ngpgsig no header\n";
        let object = SignedObject::of_commit(raw).expect("signed");
        assert_eq!(object.format(), Format::Ssh);
        assert_eq!(object.signature, b"-----BEGIN SSH SIGNATURE-----\nabc\n\ndef\n");
        let content: &[u8] =
            b"tree 4f2c\nauthor A <a@b> 1 +0000\nencoding UTF-8\n z\n\nsubject\n\n\
                               gpgsig no header\n";
        assert_eq!(object.content, content);
        assert_eq!(
            SignedObject::of_commit(b"tree 4f2c\n\ngpgsig -----BEGIN SSH SIGNATURE-----"),
            None
        );
        let twice =
            b"gpgsig -----BEGIN SSH SIGNATURE-----\ngpgsig -----BEGIN SSH SIGNATURE-----\n\n";
        assert_eq!(SignedObject::of_commit(twice), None);
    }

    #[test]
    fn a_tag_is_signed_up_to_its_last_signature() {
        let raw = b"object 4f2c\n\nv1\n-----BEGIN SSH SIGNATURE-----\nquoted\n-----BEGIN PGP SIGNATURE-----\nx\n";
        let object = SignedObject::of_tag(raw).expect("signed");
        assert_eq!(object.format(), Format::OpenPgp);
        assert!(object.content.ends_with(b"quoted\n"));
        assert_eq!(
            SignedObject::of_tag(b"object 4f2c\n\nv1 -----BEGIN PGP SIGNATURE-----\n"),
            None
        );
    }
}
