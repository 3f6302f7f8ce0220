//! The frames in which the Engine streams what a container without a terminal wrote.
//!
//! They are (moby `api/swagger.yaml`, "Stream format") a byte for the stream, three that are zero, four for the length, and
//! the bytes. A third stream carries the Engine's own complaints, such as that the driver cannot be read.

/// The bytes before each frame.
const HEAD: usize = 8;
/// What the Engine's complaints begin with (moby `api/server/httputils/write_log_stream.go`).
pub(super) const COMPLAINT: &str = "Error grabbing logs: ";

/// Where what is in a frame comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogStream {
    /// Standard output; with a terminal everything.
    Output,
    /// Standard error.
    Error,
}

/// The beginning of a frame.
pub(super) struct Head<'a> {
    /// `None` for the Engine's own complaints.
    pub(super) stream: Option<LogStream>,
    /// How many bytes the frame has.
    pub(super) length: usize,
    /// What comes after the head: its bytes, as far as they are there, and the frames after it.
    pub(super) after: &'a [u8],
}

/// The frame at the beginning of `bytes`; `None` if not even its head is whole.
pub(super) fn head(bytes: &[u8]) -> Option<Head<'_>> {
    let (head, after) = bytes.split_first_chunk::<HEAD>()?;
    let [stream, _, _, _, length @ ..] = *head;
    let stream = match stream {
        2 => Some(LogStream::Error),
        3 => None,
        _ => Some(LogStream::Output),
    };
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    Some(Head { stream, length, after })
}

/// The words of a complaint.
pub(super) fn complaint(bytes: &[u8]) -> String {
    let words = String::from_utf8_lossy(bytes);
    let words = words.trim();
    words.strip_prefix(COMPLAINT).unwrap_or(words).to_owned()
}

/// A frame as the Engine sends it.
#[cfg(test)]
pub(super) fn framed(stream: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[stream, 0, 0, 0], &length, text.as_bytes()].concat()
}
