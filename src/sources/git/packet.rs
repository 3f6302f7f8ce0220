//! Packet lines, the frames in which git servers and clients talk.

use bytes::{Buf, Bytes, BytesMut};

/// The longest packet that the protocol allows, with its four digits.
const MAX_PACKET: usize = 65_520;

/// One frame of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet {
    /// A line of text, or a part of a pack.
    Data(Bytes),
    /// The end of a message.
    Flush,
    /// What separates the sections of a message in version 2.
    Delimiter,
    /// The end of a response in version 2 over HTTP.
    End,
}

/// Bytes that are no packet, as a server that does not speak the protocol sends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a packet line")]
pub(super) struct NotAPacket;

/// Bytes as they arrive, cut into packets.
#[derive(Debug, Default)]
pub(super) struct Packets {
    buffer: BytesMut,
}

impl Packets {
    /// Adds bytes that have arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether nothing has arrived that is not yet taken.
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The next packet, if it has arrived as a whole.
    pub(super) fn take(&mut self) -> Result<Option<Packet>, NotAPacket> {
        let Some(digits) = self.buffer.get(..4) else { return Ok(None) };
        let digits = std::str::from_utf8(digits).map_err(|_| NotAPacket)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAPacket);
        }
        let length = usize::from_str_radix(digits, 16).map_err(|_| NotAPacket)?;
        let mark = match length {
            0 => Packet::Flush,
            1 => Packet::Delimiter,
            2 => Packet::End,
            4..=MAX_PACKET => {
                if self.buffer.len() < length {
                    return Ok(None);
                }
                let mut packet = self.buffer.split_to(length);
                packet.advance(4);
                return Ok(Some(Packet::Data(packet.freeze())));
            }
            _ => return Err(NotAPacket),
        };
        self.buffer.advance(4);
        Ok(Some(mark))
    }
}

/// A request that is being put together.
#[derive(Debug, Default)]
pub(super) struct Request(Vec<u8>);

impl Request {
    /// Adds a line of text; its line feed is added. Longer ones than a packet holds are never sent by skep.
    pub(super) fn line(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(format!("{:04x}", text.len() + 5).as_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'\n');
        self
    }

    /// Ends the message.
    pub(super) fn flush(&mut self) -> &mut Self {
        self.0.extend_from_slice(b"0000");
        self
    }

    /// Begins the arguments of a command.
    pub(super) fn delimiter(&mut self) -> &mut Self {
        self.0.extend_from_slice(b"0001");
        self
    }

    /// The bytes to send.
    pub(super) fn into_bytes(self) -> Bytes {
        self.0.into()
    }
}

/// A line without its line feed, as text.
pub(super) fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_however_the_bytes_arrive() {
        let mut request = Request::default();
        request.line("command=ls-refs").delimiter().line("peel").flush();
        let bytes = request.into_bytes();
        assert_eq!(&bytes[..], b"0014command=ls-refs\n00010009peel\n0000");
        for size in 1..=bytes.len() {
            let (mut packets, mut found) = (Packets::default(), Vec::new());
            for chunk in bytes.chunks(size) {
                packets.push(chunk);
                while let Some(packet) = packets.take().expect("packets") {
                    found.push(packet);
                }
            }
            let data = |text: &'static str| Packet::Data(Bytes::from(text));
            let expected =
                [data("command=ls-refs\n"), Packet::Delimiter, data("peel\n"), Packet::Flush];
            assert_eq!(found, expected);
            assert!(packets.is_empty());
        }
    }

    #[test]
    fn what_is_no_packet_is_refused_at_once() {
        for text in ["<!DOCTYPE html>", "0003", "fff5", "+001", "00\u{e9}"] {
            let mut packets = Packets::default();
            packets.push(text.as_bytes());
            assert_eq!(packets.take(), Err(NotAPacket), "{text}");
        }
    }
}
