//! What can go wrong between skep and the engine, told apart by what is to be done about it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use crate::model::key::ObjectKey;
use crate::model::live::ApiVersion;

use super::transport::FLOOR;

/// A source of an error that is only ever shown.
pub(super) type Cause = Box<dyn StdError + Send + Sync>;

/// One operation on the engine that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation}")]
pub struct SwarmError {
    /// What was tried, as it fits after "cannot": `list services`.
    pub operation: Cow<'static, str>,
    /// Why it failed.
    #[source]
    pub failure: Failure,
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody listens.
    #[error("no engine listens at {address}")]
    NoEngine {
        /// Where it was looked for.
        address: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The socket may not be opened.
    #[error("this user may not open {address}")]
    PermissionDenied {
        /// The socket.
        address: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The connection could not be made, or broke. A write that was under way may have happened.
    #[error("the connection to {address} failed")]
    Disconnected {
        /// Where it went.
        address: String,
        /// What broke.
        #[source]
        source: Cause,
    },
    /// No answer in time. A write may have happened.
    #[error("{address} did not answer within {} s", after.as_secs())]
    TimedOut {
        /// Where it went.
        address: String,
        /// How long was waited.
        after: Duration,
    },
    /// The engine is older than any that skep speaks with.
    #[error("the engine speaks API {server} at most, skep wants {FLOOR} or newer (Docker 20.10)")]
    TooOld {
        /// The newest API version of the engine.
        server: ApiVersion,
    },
    /// The engine takes no part in a swarm, or as a worker.
    #[error("the engine is not a swarm manager: {message}")]
    NotManager {
        /// The engine's words.
        message: String,
    },
    /// Of several engines none can be worked with.
    #[error("none of the managers can be worked with: {tried}")]
    NoManager {
        /// Each with its reason.
        tried: String,
    },
    /// The engine manages another swarm than the managers that it was listed with.
    #[error("the engine manages another Swarm than the others of the list")]
    OtherSwarm,
    /// The swarm cannot decide anything: too few managers are reachable.
    #[error("the swarm has no leader: {message}")]
    NoLeader {
        /// The engine's words.
        message: String,
    },
    /// The swarm did not come to a decision: its leader lost the others. A write may still happen.
    #[error("the swarm did not decide in time: {message}")]
    Undecided {
        /// The engine's words.
        message: String,
    },
    /// The object was written since it was observed.
    #[error("it was changed by someone else since it was observed")]
    OutOfSequence,
    /// Another object has the name.
    #[error("the name is taken: {message}")]
    NameTaken {
        /// The engine's words.
        message: String,
    },
    /// Another service has a published port; also for a moment after that gave it up.
    #[error("the port is taken: {message}")]
    PortTaken {
        /// The engine's words.
        message: String,
    },
    /// Something uses the object.
    #[error("still in use: {message}")]
    InUse {
        /// The engine's words.
        message: String,
    },
    /// The object is not there.
    #[error("not found: {message}")]
    NotFound {
        /// The engine's words.
        message: String,
    },
    /// Swarm compared the data of a config or secret with what was sent: they differ.
    #[error("its data is not what was declared")]
    DataDiffers,
    /// The engine understood and said no; the same request will be refused again.
    #[error("the engine refused: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// The engine is in trouble of its own.
    #[error("the engine failed ({status}): {message}")]
    Engine {
        /// HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("the engine's answer is not understood")]
    Unreadable {
        /// What is wrong with it.
        #[source]
        source: Cause,
    },
    /// What is to be written refers to an object that was not observed.
    #[error("it refers to {0}, which does not exist")]
    Unresolved(ObjectKey),
}

impl SwarmError {
    pub(super) fn new(operation: impl Into<Cow<'static, str>>, failure: Failure) -> Self {
        Self { operation: operation.into(), failure }
    }

    /// Whether what was planned with is out of date: the next pass must look again.
    pub fn is_conflict(&self) -> bool {
        matches!(
            self.failure,
            Failure::OutOfSequence | Failure::NameTaken { .. } | Failure::PortTaken { .. }
        )
    }

    /// Whether a write that ended so may have been made all the same, because its answer was lost.
    pub fn may_have_happened(&self) -> bool {
        matches!(
            self.failure,
            Failure::Disconnected { .. }
                | Failure::TimedOut { .. }
                | Failure::Undecided { .. }
                | Failure::Unreadable { .. }
        )
    }

    /// Whether the swarm had nobody to decide, as during the election of a leader.
    pub fn is_leaderless(&self) -> bool {
        matches!(self.failure, Failure::NoLeader { .. } | Failure::Undecided { .. })
    }

    /// Whether something still uses the object.
    pub fn in_use(&self) -> bool {
        matches!(self.failure, Failure::InUse { .. })
    }

    /// Whether the object is not there.
    pub fn not_found(&self) -> bool {
        matches!(self.failure, Failure::NotFound { .. })
    }

    /// Whether it tells of the engine that was asked, so that another manager of the swarm may do better.
    pub fn is_of_engine(&self) -> bool {
        match &self.failure {
            Failure::NoEngine { .. }
            | Failure::PermissionDenied { .. }
            | Failure::Disconnected { .. }
            | Failure::TimedOut { .. }
            | Failure::TooOld { .. }
            | Failure::NotManager { .. }
            | Failure::NoManager { .. }
            | Failure::OtherSwarm
            | Failure::NoLeader { .. }
            | Failure::Undecided { .. }
            | Failure::Engine { .. }
            | Failure::Unreadable { .. } => true,
            Failure::OutOfSequence
            | Failure::NameTaken { .. }
            | Failure::PortTaken { .. }
            | Failure::InUse { .. }
            | Failure::NotFound { .. }
            | Failure::DataDiffers
            | Failure::Refused { .. }
            | Failure::Unresolved(_) => false,
        }
    }

    /// What to do about it, if we know.
    pub fn hint(&self) -> Option<&'static str> {
        match &self.failure {
            Failure::NoEngine { .. } => Some(
                "is the engine running? --host, DOCKER_HOST or a docker context name another one",
            ),
            Failure::PermissionDenied { .. } => Some(
                "run as a member of the group that owns the socket (usually docker), or as root",
            ),
            Failure::NotManager { .. } => {
                Some("ask a manager of the swarm, or make this engine one: docker swarm init")
            }
            Failure::OtherSwarm => Some("list managers of one Swarm only"),
            Failure::Refused { message, .. } if message.contains("HTTP request to an HTTPS") => {
                Some(
                    "the engine wants TLS: DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or `engine.tls` in the settings",
                )
            }
            Failure::Disconnected { address, .. } if address.starts_with("ssh://") => {
                Some("try it by hand: ssh -o BatchMode=yes HOST docker system dial-stdio")
            }
            Failure::NoLeader { .. } | Failure::Undecided { .. } => {
                Some("bring back enough managers for a majority; nothing is changed until then")
            }
            _ => None,
        }
    }
}

impl Failure {
    /// Sorts an answer that is no success. `message` is the engine's `message`, or the whole body.
    pub(super) fn of_answer(status: u16, message: &str) -> Self {
        let words = without_rpc_prefix(message);
        let message = words.to_owned();
        let says = |text: &str| words.contains(text);
        match status {
            _ if says("update out of sequence") => Self::OutOfSequence,
            412 => Self::OutOfSequence,
            409 => Self::NameTaken { message },
            404 => Self::NotFound { message },
            400 if says("only updates to Labels are allowed") => Self::DataDiffers,
            // Swarm compares with what its allocator has given out, too, and that lags behind the specs (swarmkit
            // `manager/controlapi/service.go`, `checkPortConflicts`).
            400 if words.starts_with("port ") && says(" is already in use by service ") => {
                Self::PortTaken { message }
            }
            // A network is also held by containers outside of services.
            400 | 403 if says(" is in use by ") || says("has active endpoints") => {
                Self::InUse { message }
            }
            // A manager that has just been started, or lost the others (moby `daemon/cluster/swarm.go`).
            503 if says("Manager is being prepared or has trouble") => Self::NoLeader { message },
            503 if says("is not a swarm manager") => Self::NotManager { message },
            500 | 503 if says("does not have a leader") => Self::NoLeader { message },
            500 | 503 if says("context deadline exceeded") || says("lost leader") => {
                Self::Undecided { message }
            }
            501 => Self::Refused { status, message },
            500.. => Self::Engine { status, message },
            _ => Self::Refused { status, message },
        }
    }

    /// Sorts an error of the connection.
    pub(super) fn of_connection(address: String, error: impl Into<Cause>) -> Self {
        let source: Cause = error.into();
        let mut cause: Option<&(dyn StdError + 'static)> = Some(source.as_ref());
        while let Some(error) = cause {
            if let Some(system) = error.downcast_ref::<io::Error>() {
                let kind = system.kind();
                let code = system.raw_os_error();
                let source = code.map_or_else(|| kind.into(), io::Error::from_raw_os_error);
                match kind {
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                        return Self::NoEngine { address, source };
                    }
                    io::ErrorKind::PermissionDenied => {
                        return Self::PermissionDenied { address, source };
                    }
                    _ => {}
                }
            }
            cause = error.source();
        }
        Self::Disconnected { address, source: told_once(source.as_ref()) }
    }
}

/// A foreign error and its causes as one message. Many libraries repeat a cause in the words of what it caused.
pub(super) fn told_once(error: &(dyn StdError + 'static)) -> Cause {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text.into()
}

/// The words of a gRPC error that the engine passes through.
fn without_rpc_prefix(message: &str) -> &str {
    let message = message.trim();
    message
        .strip_prefix("rpc error: code = ")
        .and_then(|rest| rest.split_once(" desc = "))
        .map_or(message, |(_code, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, message: &str) -> SwarmError {
        SwarmError::new("write", Failure::of_answer(status, message))
    }

    /// Messages of Docker 20.10, 26.1 and 28.5, which are the same in all three.
    #[test]
    fn answers_of_real_engines_are_sorted_by_what_to_do() {
        let stale = "rpc error: code = Unknown desc = update out of sequence";
        assert!(of(500, stale).is_conflict());
        assert!(of(400, "update out of sequence").is_conflict());
        let taken = "rpc error: code = AlreadyExists desc = name conflicts with an existing object";
        assert!(of(409, taken).is_conflict());
        let used = "rpc error: code = InvalidArgument desc = config 'c' is in use by the following service: s";
        assert!(of(400, used).in_use());
        let used = "rpc error: code = FailedPrecondition desc = network n is in use by task t";
        assert!(of(400, used).in_use());
        let port = "rpc error: code = InvalidArgument desc = port '80' is already in use by service 's' (i) as an ingress port";
        assert!(!of(400, port).in_use() && of(400, port).is_conflict());
        assert!(of(404, "service s not found").not_found());
        let data = "rpc error: code = InvalidArgument desc = only updates to Labels are allowed";
        assert!(matches!(of(400, data).failure, Failure::DataDiffers));
        let worker = "This node is not a swarm manager. Use \"docker swarm init\"";
        assert!(matches!(of(503, worker).failure, Failure::NotManager { .. }));
        let alone =
            "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible";
        assert!(of(500, alone).is_of_engine());
        assert!(matches!(of(503, alone).failure, Failure::NoLeader { .. }));
        let slow = "rpc error: code = DeadlineExceeded desc = context deadline exceeded";
        assert!(of(500, slow).is_leaderless() && of(500, slow).may_have_happened());
        assert!(of(503, alone).is_leaderless() && !of(503, alone).may_have_happened());
        let mode =
            of(501, "rpc error: code = Unimplemented desc = service mode change is not allowed");
        assert!(!mode.is_of_engine());
        assert_eq!(
            mode.failure.to_string(),
            "the engine refused: service mode change is not allowed"
        );
    }

    #[test]
    fn a_connection_that_fails_says_whether_there_is_an_engine_at_all() {
        let of = |kind| Failure::of_connection("unix:///d".into(), io::Error::from(kind));
        assert!(matches!(of(io::ErrorKind::NotFound), Failure::NoEngine { .. }));
        assert!(matches!(of(io::ErrorKind::ConnectionRefused), Failure::NoEngine { .. }));
        assert!(matches!(of(io::ErrorKind::PermissionDenied), Failure::PermissionDenied { .. }));
        assert!(matches!(of(io::ErrorKind::BrokenPipe), Failure::Disconnected { .. }));
    }

    #[test]
    fn a_cause_that_a_library_repeats_is_told_once() {
        let source = io::Error::from(io::ErrorKind::BrokenPipe);
        let error = bollard::errors::Error::IOError { err: source };
        let error =
            SwarmError::new("list networks", Failure::of_connection("unix:///d".into(), error));
        assert_eq!(
            crate::model::error::chain(&error),
            "cannot list networks: the connection to unix:///d failed: broken pipe"
        );
    }
}
