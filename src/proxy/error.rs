//! What goes wrong with Caddy's admin API.

/// What Linux says of a machine (Go's `syscall` has the same words), for which no route is to blame.
const OF_MACHINE: [&str; 5] = [
    "address already in use",
    "cannot assign requested address",
    "too many open files",
    "no space left on device",
    "resource temporarily unavailable",
];

/// An operation on Caddy's admin API that failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The client could not be made.
    #[error("cannot prepare for {endpoint}")]
    Prepare {
        /// Which Caddy.
        endpoint: String,
        /// Why.
        source: reqwest::Error,
    },
    /// Caddy was not reached, or did not answer to the end.
    #[error("cannot {operation} the configuration of Caddy at {endpoint}")]
    Unreachable {
        /// `read` or `write`.
        operation: &'static str,
        /// Which Caddy.
        endpoint: String,
        /// Why.
        source: reqwest::Error,
    },
    /// Caddy does not let this client in.
    #[error("Caddy at {endpoint} does not let skep in: {words}")]
    Forbidden {
        /// Which Caddy.
        endpoint: String,
        /// Caddy's own words.
        words: String,
    },
    /// Caddy has another configuration than the one that was read.
    #[error("the configuration of Caddy at {endpoint} was changed in between")]
    Stale {
        /// Which Caddy.
        endpoint: String,
    },
    /// Caddy does not take the configuration; the one before stays.
    #[error("Caddy at {endpoint} refuses the configuration: {words}")]
    Refused {
        /// Which Caddy.
        endpoint: String,
        /// Caddy's own words.
        words: String,
        /// The version or module that is needed, if that is the reason.
        needed: Option<&'static str>,
    },
    /// An answer that is none of Caddy's.
    #[error("{endpoint} answers {status} as Caddy does not: {words}")]
    Unexpected {
        /// Which Caddy.
        endpoint: String,
        /// The status.
        status: u16,
        /// The beginning of the answer.
        words: String,
    },
    /// Caddy took the configuration, and has another one.
    #[error("Caddy at {endpoint} has another configuration than was written")]
    Lost {
        /// Which Caddy.
        endpoint: String,
    },
}

impl AdminError {
    /// Whether it may be gone without anybody doing anything: another writer, a Caddy that is not there at the moment, a
    /// machine that has something else on the port.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Stale { .. } | Self::Lost { .. } => true,
            Self::Refused { words, .. } => is_of_machine(words),
            Self::Prepare { .. } | Self::Forbidden { .. } | Self::Unexpected { .. } => false,
        }
    }

    /// Whether nobody answered for as long as one waits.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => source.is_timeout(),
            Self::Prepare { .. }
            | Self::Forbidden { .. }
            | Self::Stale { .. }
            | Self::Refused { .. }
            | Self::Unexpected { .. }
            | Self::Lost { .. } => false,
        }
    }

    /// What to do about it, where there is something to do.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Forbidden { .. } => Some(
                "name the host and port of `proxy.admin` in `admin.origins` of Caddy, or localhost for a socket, or the certificate in `admin.remote`",
            ),
            Self::Unexpected { .. } => Some("is `proxy.admin` the address of Caddy's admin API?"),
            Self::Prepare { .. }
            | Self::Unreachable { .. }
            | Self::Stale { .. }
            | Self::Refused { .. }
            | Self::Lost { .. } => None,
        }
    }
}

/// Whether `words` end as Go ends what the machine said: `: <its words>`. In the middle they may be a name that Caddy
/// repeats.
fn is_of_machine(words: &str) -> bool {
    let words = words.trim_end_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    OF_MACHINE.iter().any(|end| words.strip_suffix(end).is_some_and(|rest| rest.ends_with(": ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_words_are_those_of_the_machine() {
        for (words, is_passing) in [
            ("listening on :80: listen tcp :80: bind: address already in use", true),
            ("creating /data: \"mkdir /data: no space left on device\"\n", true),
            ("unknown module: http.handlers.x: address already in use; perhaps misspelt", false),
            ("loading module 'x: too many open files': unknown module: x", false),
            ("this address already in use", false),
        ] {
            assert_eq!(is_of_machine(words), is_passing, "{words}");
        }
    }
}
