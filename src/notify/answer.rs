//! What a target answered: in short, without the secrets that it may repeat, and when it wants to be asked again.

use std::time::Duration;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::diff::render::clean;
use crate::model::secret::{MASK, Redacted};

use super::message::short;

/// How much of an answer is told, in characters.
const SHOWN: usize = 200;
/// What is shorter is no secret, and stands in too many other words.
const SHORTEST: usize = 4;
/// What is no longer in the path of an address is rather a word than a secret.
const WORD: usize = 8;
/// The longest pause that a target may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// The beginning of an answer, in which `secrets` are masked. Of one that is not whole, the end may be half a secret.
pub(super) fn words(answer: &str, is_whole: bool, mut secrets: Vec<Redacted<String>>) -> String {
    // One may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    secrets.retain(|secret| secret.expose().len() >= SHORTEST);
    let mask = |text: String, secret: &Redacted<String>| text.replace(secret.expose(), MASK);
    let mut text = secrets.iter().fold(answer.to_owned(), mask);
    if !is_whole {
        let doubtful = secrets.first().map_or(0, |longest| longest.expose().len());
        let sure = text.chars().count().saturating_sub(doubtful);
        text = text.chars().take(sure).collect();
    }
    short(&clean(text.trim()), SHOWN)
}

/// The parts of an address that may be a secret, as they are written and as they are meant.
pub(super) fn secrets(url: &Url) -> Vec<Redacted<String>> {
    let query = url.query().unwrap_or_default();
    let values = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let segments = url.path().split('/').filter(|segment| segment.len() > WORD);
    let written = [url.as_str(), url.path(), query, url.password().unwrap_or_default()];
    let written = written.into_iter().chain(segments).chain(values);
    let meant = |part: &str| {
        let part = part.replace('+', " ");
        percent_decode_str(&part).decode_utf8_lossy().into_owned()
    };
    written.flat_map(|part| [part.to_owned(), meant(part)]).map(Redacted::new).collect()
}

/// How long the target wants to be left alone: in seconds, or until a date. No longer than a day.
pub(super) fn after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 => {
            Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_PAUSE)
        }
        Ok(_) => return None,
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(date.duration_since(now)).ok()?
        }
    };
    Some(pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(answer: &str, is_whole: bool, url: &str, more: &[&str]) -> String {
        let mut all = secrets(&Url::parse(url).unwrap());
        all.extend(more.iter().map(|text| Redacted::new((*text).to_owned())));
        words(answer, is_whole, all)
    }

    #[test]
    fn no_part_of_an_address_and_no_token_is_repeated_however_it_is_written() {
        let url = "https://h.example/services/T00000000/s3cr3t-p4th%20x?key=k3y%21&1&wait";
        let said = said(
            "/services/T00000000/s3cr3t-p4th%20x s3cr3t-p4th x T00000000 k3y%21 k3y! t0ken 1",
            true,
            url,
            &["t0ken"],
        );
        for secret in ["s3cr3t", "T0000", "k3y", "t0ken"] {
            assert!(!said.contains(secret), "{said}");
        }
        assert!(said.ends_with(" 1") && said.contains(MASK), "{said}");
    }

    #[test]
    fn what_is_cut_off_leaves_no_half_of_a_secret() {
        let (path, url) = (format!("/{}", "s3cr3t".repeat(20)), "https://h.example");
        let url = format!("{url}{path}");
        for filler in 0..300 {
            let answer = format!("{} {path}", "x".repeat(filler));
            let told = said(&answer, true, &url, &[]);
            assert!(!told.contains("s3c"), "{filler}: {told}");
            let half = answer.get(..answer.len() - 40).unwrap();
            let told = said(half, false, &url, &[]);
            assert!(!told.contains("s3c"), "{filler}: {told}");
        }
        assert_eq!(said(&"y".repeat(4_000), true, &url, &[]).chars().count(), SHOWN + 1);
    }

    #[test]
    fn a_target_cannot_ask_for_more_than_a_day() {
        let now = Timestamp::UNIX_EPOCH;
        for (text, expected) in [
            ("7", Some(Duration::from_secs(7))),
            ("0.5", Some(Duration::from_millis(500))),
            ("18446744073709551615", Some(LONGEST_PAUSE)),
            ("1e300", Some(LONGEST_PAUSE)),
            ("inf", Some(LONGEST_PAUSE)),
            ("-1", None),
            ("NaN", None),
            ("soon", None),
            ("Thu, 01 Jan 1970 00:01:00 GMT", Some(Duration::from_secs(60))),
            ("Thu, 31 Dec 9998 00:00:00 GMT", Some(LONGEST_PAUSE)),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(after(&headers, now), expected, "{text}");
        }
    }
}
