//! How often an engine was asked what, and how it answered: counts for those who watch skep at work.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use tokio::time::Instant;

/// Counts of requests. Who holds it sees all requests of the connections that were opened with it.
#[derive(Debug)]
pub struct Traffic(Mutex<Counts>);

#[derive(Debug)]
struct Counts {
    requests: BTreeMap<Request, u64>,
    last: Instant,
}

/// Requests that are counted together. There are a few dozen at most: nothing of it names an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: &'static str,
    /// What it is about: the first word of the path, such as `services`.
    pub kind: &'static str,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// With a success.
    Success,
    /// The engine says that the request is wrong, or comes too late.
    Refused,
    /// The engine says that it failed.
    Failed,
    /// Without an answer.
    Unanswered,
}

impl Outcome {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }

    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            0..400 => Self::Success,
            400..500 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PUT", "DELETE"];
const KINDS: [&str; 14] = [
    "_ping",
    "configs",
    "containers",
    "distribution",
    "events",
    "images",
    "info",
    "networks",
    "nodes",
    "secrets",
    "services",
    "swarm",
    "tasks",
    "volumes",
];

impl Default for Traffic {
    fn default() -> Self {
        Self(Mutex::new(Counts { requests: BTreeMap::new(), last: Instant::now() }))
    }
}

impl Traffic {
    /// How often was asked what.
    pub fn requests(&self) -> BTreeMap<Request, u64> {
        self.counts(|counts| counts.requests.clone())
    }

    /// For how long no request has ended; before the first one, for how long this exists.
    pub fn silence(&self) -> Duration {
        self.counts(|counts| counts.last.elapsed())
    }

    /// Counts a request to `path`, which begins with the API's version or not. `status` is that of the answer.
    pub(crate) fn ended(&self, method: &Method, path: &str, status: Option<StatusCode>) {
        let known = |all: &[&'static str], word: &str| {
            all.iter().find(|known| **known == word).copied().unwrap_or("other")
        };
        let is_version = |word: &&str| word.starts_with("v1.");
        let word = path.split(['/', '?']).filter(|word| !word.is_empty()).find(|w| !is_version(w));
        let request = Request {
            method: known(&METHODS, method.as_str()),
            kind: known(&KINDS, word.unwrap_or_default()),
            outcome: status.map_or(Outcome::Unanswered, Outcome::of),
        };
        self.counts(|counts| {
            *counts.requests.entry(request).or_default() += 1;
            counts.last = Instant::now();
        });
    }

    fn counts<T>(&self, f: impl FnOnce(&mut Counts) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_what_they_are_about_and_never_by_object() {
        let traffic = Traffic::default();
        let get = |path: &str, status: u16| {
            traffic.ended(&Method::GET, path, StatusCode::from_u16(status).ok());
        };
        get("/v1.51/services?status=true", 200);
        get("/v1.51/services/shop_web", 404);
        get("/v1.41/services/shop_web", 503);
        get("/_ping", 0);
        get("/v1.51/whatever/secret", 200);
        traffic.ended(&Method::PATCH, "/v1.51/services/a", None);
        let requests = traffic.requests().into_iter();
        let told: Vec<(String, u64)> = requests
            .map(|(Request { method, kind, outcome }, count)| {
                (format!("{method} {kind} {}", outcome.as_str()), count)
            })
            .collect();
        let expected = [
            "GET _ping unanswered",
            "GET other success",
            "GET services success",
            "GET services refused",
            "GET services failed",
            "other services unanswered",
        ];
        assert_eq!(told, expected.map(|words| (words.to_owned(), 1)));
    }
}
