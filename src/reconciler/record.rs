//! The fleet record: one Swarm config that holds a fleet's random key, and in its labels refusals and what was applied.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::fleet::{FleetKey, KEY_LENGTH};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels::{self, Labels};
use crate::model::live::{Live, Observed};
use crate::model::name::{FleetName, StackName};
use crate::model::store::{ConfigSpec, Data};

use super::step::{RouteNote, Target};

/// The layout of the record's data: the key's bytes and nothing else.
const LAYOUT: &str = "1";
/// The prefix of a label that remembers a refused release; the name of the service follows.
const REFUSED: &str = "skep.refused.";
/// The prefix of a label that remembers what was last applied to a service; the name of the service follows.
const APPLIED: &str = "skep.applied.";
/// The prefix of a label that remembers the routes of a stack; its name follows. The value has a line for each.
const ROUTES: &str = "skep.routes.";
/// The prefix of a label that remembers whose the routes of a stack are; its name follows. No object of the Swarm may tell.
const ROUTED: &str = "skep.routed.";
/// How the value of such a label ends for a stack that loses nothing.
const PROTECTED: &str = "protected";
/// How many digits of a fingerprint are remembered: enough to tell releases of one service apart.
const BRIEF: usize = 16;
/// What the value of a refusal begins with once a person has allowed another try; the version of the service follows.
const ALLOWED: &str = "allowed:";

/// What a fleet remembers in its Swarm.
#[derive(Debug, Clone)]
pub struct FleetRecord {
    /// The key of fingerprints.
    pub key: FleetKey,
    /// Services with a release that Swarm rolled back.
    pub refused: BTreeMap<String, Refusal>,
    /// Services that were applied and not removed by skep since, with the digits of [`brief`].
    pub applied: BTreeMap<String, String>,
    /// The routes that were written and not removed by skep since, by stack and name.
    pub routes: BTreeMap<String, BTreeMap<String, RouteMemo>>,
    /// The stacks with such routes.
    pub routed: BTreeMap<String, Routed>,
    /// The config that holds it, for writes.
    pub target: Target,
    /// The config as it is, without its data.
    pub labels: Labels,
}

/// What is remembered of a release that Swarm rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// This release is not tried again.
    Refused {
        /// Its fingerprint.
        release: String,
        /// The Engine's id of the service that was rolled back. Records of older versions do not say it.
        service: Option<String>,
    },
    /// A person allowed one more try while the service was at this version. Any write ends that.
    Allowed(u64),
}

/// What is remembered of a route that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMemo {
    /// A few digits that tell what it was.
    pub brief: String,
    /// A few digits that tell where it led; older records have none.
    pub led: Option<String>,
}

impl RouteMemo {
    /// Reads what stands before the route in a line of a label: `3f9c2e11d0a4b5c6:7d20b1c9`.
    fn parse(word: &str) -> Self {
        match word.split_once(':') {
            Some((brief, led)) => Self { brief: brief.to_owned(), led: Some(led.to_owned()) },
            None => Self { brief: word.to_owned(), led: None },
        }
    }
}

impl fmt::Display for RouteMemo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { brief, led } = self;
        f.write_str(brief)?;
        led.as_ref().map_or(Ok(()), |led| write!(f, ":{led}"))
    }
}

/// What is remembered of a stack that has routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// The source that declares it.
    pub source: String,
    /// A few digits that tell what the proxy was given for it beside the routes.
    pub beside: String,
    /// Whether it loses nothing (`x-skep.protect`).
    pub is_protected: bool,
}

impl Routed {
    /// Reads the value of a label: `main 3f9c2e11d0a4b5c6 protected`.
    fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_whitespace();
        let (source, beside) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some(Self { source, beside, is_protected: words.next() == Some(PROTECTED) })
    }
}

impl fmt::Display for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, beside, is_protected } = self;
        write!(f, "{source} {beside}")?;
        if *is_protected { write!(f, " {PROTECTED}") } else { Ok(()) }
    }
}

/// The name of the config that holds the record of `fleet`.
pub fn name(fleet: &FleetName) -> String {
    format!("skep_{fleet}_record")
}

/// The record of `fleet` among `configs`, if there is one that can be read.
pub fn find(configs: &[Live<ConfigSpec>], fleet: &FleetName) -> Option<FleetRecord> {
    let name = name(fleet);
    let config = configs.iter().find(|config| config.spec.name == name)?;
    read(config)
}

/// Those of `configs` that hold the record of a fleet.
pub fn only_records(configs: &[Live<ConfigSpec>]) -> Vec<Live<ConfigSpec>> {
    let is_record = |config: &&Live<ConfigSpec>| config.spec.labels.contains_key(labels::RECORD);
    configs.iter().filter(is_record).cloned().collect()
}

/// Whether there is a record of `fleet` whose key is unknown: a file of `skep observe` has none.
pub fn is_without_key(observed: &Observed, fleet: &FleetName) -> bool {
    let name = name(fleet);
    observed.configs.iter().any(|config| {
        config.spec.name == name
            && config.spec.labels.contains_key(labels::RECORD)
            && config.spec.data.is_empty()
    })
}

fn read(config: &Live<ConfigSpec>) -> Option<FleetRecord> {
    let spec = &config.spec;
    if spec.labels.get(labels::RECORD).map(String::as_str) != Some(LAYOUT) {
        return None;
    }
    let bytes: [u8; KEY_LENGTH] = spec.data.0.as_slice().try_into().ok()?;
    let refused = spec.labels.iter().filter_map(|(label, value)| {
        let service = label.strip_prefix(REFUSED)?;
        let refusal = if let Some(version) = value.strip_prefix(ALLOWED) {
            Refusal::Allowed(version.parse().ok()?)
        } else {
            let mut words = value.split(' ').map(str::to_owned);
            Refusal::Refused { release: words.next()?, service: words.next() }
        };
        Some((service.to_owned(), refusal))
    });
    let applied = spec.labels.iter().filter_map(|(label, value)| {
        Some((label.strip_prefix(APPLIED)?.to_owned(), value.clone()))
    });
    let routes = spec
        .labels
        .iter()
        .filter_map(|(label, value)| Some((label.strip_prefix(ROUTES)?.to_owned(), lines(value))));
    let stacks = spec.labels.iter().filter_map(|(label, value)| {
        Some((label.strip_prefix(ROUTED)?.to_owned(), Routed::parse(value)?))
    });
    Some(FleetRecord {
        key: FleetKey::new(bytes),
        refused: refused.collect(),
        applied: applied.collect(),
        routes: routes.collect(),
        routed: stacks.collect(),
        target: Target { id: config.id.clone(), version: config.version },
        labels: spec.labels.clone(),
    })
}

/// Remembers in the record's labels that Swarm refused the release `fingerprint` of `service`, which has this `id`.
pub fn refuse(labels: &mut Labels, service: &str, fingerprint: &str, id: &str) {
    labels.insert(format!("{REFUSED}{service}"), format!("{fingerprint} {id}"));
}

/// Allows the refused release of `service`, now at `version`, to be tried once more.
pub fn allow(labels: &mut Labels, service: &str, version: u64) {
    labels.insert(format!("{REFUSED}{service}"), format!("{ALLOWED}{version}"));
}

/// The part of a fingerprint (`hmac:<key id>:<digits>`) that the record remembers.
pub fn brief(fingerprint: &str) -> &str {
    let digits = fingerprint.rsplit(':').next().unwrap_or(fingerprint);
    digits.get(..BRIEF).unwrap_or(digits)
}

/// Remembers in the record's labels that the release with these digits of [`brief`] was applied to `service`.
pub fn remember(labels: &mut Labels, service: &str, brief: &str) {
    labels.insert(format!("{APPLIED}{service}"), brief.to_owned());
}

/// Forgets what was applied to `service`, and what Swarm refused of it.
pub fn forget(labels: &mut Labels, service: &str) {
    labels.remove(&format!("{APPLIED}{service}"));
    forgive(labels, service);
}

/// Forgets what Swarm refused of `service`.
pub fn forgive(labels: &mut Labels, service: &str) {
    labels.remove(&format!("{REFUSED}{service}"));
}

/// Remembers in the record's labels what routes were written as, or forgets them.
pub fn note_routes<'n>(labels: &mut Labels, notes: impl IntoIterator<Item = &'n RouteNote>) {
    // There may be a thousand of one stack, which have one label.
    let mut stacks: BTreeMap<&StackName, Vec<&RouteNote>> = BTreeMap::new();
    for note in notes {
        stacks.entry(&note.stack).or_default().push(note);
    }
    for (stack, notes) in stacks {
        let label = format!("{ROUTES}{stack}");
        let mut routes = labels.get(&label).map(|value| lines(value)).unwrap_or_default();
        for RouteNote { route, stack: _, memo } in notes {
            match memo {
                Some(memo) => routes.insert(route.clone(), memo.clone()),
                None => routes.remove(route),
            };
        }
        if routes.is_empty() {
            forget_routes(labels, stack);
            continue;
        }
        let routes: Vec<String> =
            routes.into_iter().map(|(route, memo)| format!("{memo} {route}")).collect();
        labels.insert(label, routes.join("\n"));
    }
}

/// Forgets all routes of `stack`, and whose they were.
pub fn forget_routes(labels: &mut Labels, stack: &StackName) {
    for prefix in [ROUTES, ROUTED] {
        labels.remove(&format!("{prefix}{stack}"));
    }
}

/// Remembers in the record's labels whose the routes of `stack` are, if routes of it are remembered.
pub fn note_routed(labels: &mut Labels, stack: &StackName, routed: &Routed) {
    if labels.contains_key(&format!("{ROUTES}{stack}")) {
        labels.insert(format!("{ROUTED}{stack}"), routed.to_string());
    }
}

/// The routes in the value of a label, with what is remembered of each.
fn lines(value: &str) -> BTreeMap<String, RouteMemo> {
    let line = |line: &str| {
        let (memo, route) = line.split_once(' ')?;
        Some((route.to_owned(), RouteMemo::parse(memo)))
    };
    value.lines().filter_map(line).collect()
}

/// The labels of a new record.
pub fn labels(fleet: &FleetName) -> Labels {
    let object = ObjectKey::new(Kind::Config, name(fleet));
    Labels::from([
        (labels::FLEET.to_owned(), fleet.to_string()),
        (labels::OBJECT.to_owned(), object.to_string()),
        (labels::RECORD.to_owned(), LAYOUT.to_owned()),
    ])
}

/// A new record with these random bytes.
pub fn create(name: String, labels: Labels, bytes: &[u8; KEY_LENGTH]) -> ConfigSpec {
    ConfigSpec { name, labels, data: Data(bytes.to_vec()), templating: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_the_longest_fleet_has_the_longest_name_that_swarm_takes() {
        let fleet = "x".repeat(52).parse().unwrap();
        assert_eq!(name(&fleet).len(), 64);
    }

    #[test]
    fn what_is_remembered_of_routes_is_read_as_it_was_written_also_by_an_older_skep() {
        let memo = |led: Option<&str>| RouteMemo { brief: "3f9c".into(), led: led.map(Into::into) };
        for (line, expected) in [
            ("3f9c a.example.com/*", memo(None)),
            ("3f9c:7d20 a.example.com/*", memo(Some("7d20"))),
        ] {
            let read = lines(line);
            assert_eq!(read, [("a.example.com/*".to_owned(), expected.clone())].into());
            assert_eq!(format!("{expected} a.example.com/*"), line);
        }
    }
}
