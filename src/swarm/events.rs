//! The Engine's stream of events, as far as it tells that a Swarm changed.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::Deserialize;

use super::error::{Cause, Failure, SwarmError};
use super::transport::{Call, Connection};

const LISTEN: &str = "listen to the engine's events";
/// Services, networks, configs, secrets and nodes of the Swarm; what containers of this one node do is left out. Swarm
/// tells nothing of tasks.
const PATH: &str = "/events?filters=%7B%22scope%22%3A%5B%22swarm%22%5D%2C%22type%22%3A%5B%22service%22%2C%22network%22%2C\
                    %22config%22%2C%22secret%22%2C%22node%22%5D%7D";
/// So much without the end of an event is no event.
const LONGEST: usize = 1024 * 1024;

/// An open stream of events. What it tells of may be over already, and what happened before it was opened is not told.
#[derive(Debug)]
pub struct Events {
    connection: Connection,
    body: Incoming,
    pending: Vec<u8>,
}

/// Something that changed in the Swarm.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Happening {
    /// The kind of object, such as `service`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// What happened to it, such as `update`.
    pub action: String,
    /// The object.
    #[serde(rename = "Actor")]
    pub object: Actor,
}

/// The object that something happened to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Actor {
    /// What the Engine tells of it.
    #[serde(rename = "Attributes", default)]
    pub attributes: Attributes,
}

/// What the Engine tells of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Attributes {
    /// Its name.
    #[serde(default)]
    pub name: String,
}

impl Events {
    /// Begins to listen. Once this returns, nothing is missed until [`Events::next`] fails.
    ///
    /// # Errors
    /// When the engine cannot be reached.
    pub async fn open(connection: &Connection) -> Result<Self, SwarmError> {
        let body = connection.stream(Call::get(LISTEN, PATH)).await?;
        Ok(Self { connection: connection.clone(), body, pending: Vec::new() })
    }

    /// The next event. It may be dropped and called again.
    ///
    /// # Errors
    /// When the stream has ended, or nobody understands it.
    pub async fn next(&mut self) -> Result<Happening, SwarmError> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return serde_json::from_slice(&line).map_err(unreadable);
            }
            if self.pending.len() > LONGEST {
                return Err(unreadable("an event without an end"));
            }
            let piece = match self.body.frame().await {
                Some(Ok(frame)) => frame.into_data().unwrap_or_else(|_trailers| Bytes::new()),
                Some(Err(error)) => return Err(self.connection.broken_off(LISTEN, error)),
                None => {
                    return Err(self.connection.broken_off(LISTEN, "the engine ended the stream"));
                }
            };
            self.pending.extend_from_slice(&piece);
        }
    }
}

fn unreadable(error: impl Into<Cause>) -> SwarmError {
    SwarmError::new(LISTEN, Failure::Unreadable { source: error.into() })
}
