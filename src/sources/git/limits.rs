//! How much one repository may ask of us.

use std::time::Duration;

/// Limits on time, transfer and reading, so that no server and no commit can hold skep up or fill its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a connection may take to be made, TLS and login included.
    pub connect: Duration,
    /// How long a server may be silent in the middle of a conversation.
    pub idle: Duration,
    /// How long one fetch may take in all.
    pub total: Duration,
    /// How many bytes one transfer may have.
    pub transfer_bytes: u64,
    /// How many objects one transfer may have: commits, directories, files.
    pub objects: u32,
    /// How many bytes a file may have to be fetched where the server can leave files out. No larger one is ever read.
    pub file_bytes: u64,
    /// How many bytes one object may have that is built in memory: a commit, a directory, whatever is stored as a
    /// difference, and what that is a difference from.
    pub object_bytes: u64,
    /// How many bytes all objects of one transfer may have once they are unfolded.
    pub unfolded_bytes: u64,
    /// How many entries a directory may have to be listed.
    pub entries: usize,
    /// How many bytes may be read from one snapshot, a file that is read again counted again.
    pub read_bytes: u64,
}

/// Far more than a repository of stacks needs, and little enough for a small machine.
impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(300),
            transfer_bytes: 512 * 1024 * 1024,
            objects: 1_000_000,
            file_bytes: 8 * 1024 * 1024,
            object_bytes: 64 * 1024 * 1024,
            unfolded_bytes: 8 * 1024 * 1024 * 1024,
            entries: 10_000,
            read_bytes: 256 * 1024 * 1024,
        }
    }
}
