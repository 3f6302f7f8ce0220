//! The settings file as a whole.

use std::collections::HashMap;

use schemars::{JsonSchema, Schema, schema_for};

use super::engine::EngineSettings;
use super::history::HistorySettings;
use super::intervals::Intervals;
use super::notifications::NotificationSettings;
use super::proxy::ProxySettings;
use super::registry::RegistrySettings;
use super::source::{Source, located_name};
use super::stack::StackSettings;
use super::status::StatusSettings;
use crate::diff::mask::{SENSITIVE, Sensitivity};
use crate::model::finding::Finding;
use crate::model::name::{FleetName, SourceName};
use crate::model::place::Place;
use crate::reconciler::controller::agenda::Timing;
use crate::reconciler::controller::drift::{DriftMode, DriftModes};
use crate::reconciler::policy::{Adoption, ResolveImage};
use crate::spec::compose::duration::Duration;
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report, closest};

/// The settings of skep. Every key may be left out; a flag of the same meaning wins.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, title = "skep settings", rename = "skep.yaml")]
pub struct Settings {
    /// The installation of skep. Objects of other fleets are left alone; `default` if absent.
    #[schemars(with = "Option<String>", length(max = 52), example = &"production")]
    pub fleet: Option<Located<FleetName>>,
    /// Where the engine is. `--host`, `SKEP_HOST`, `DOCKER_HOST` and `DOCKER_CONTEXT` win; without any of them docker's
    /// current context counts, else its default socket.
    pub engine: Option<EngineSettings>,
    /// Where stacks come from when no PATH is given.
    #[schemars(with = "Option<Vec<Source>>")]
    pub sources: Vec<Source>,
    /// How to log in to registries.
    #[schemars(with = "Option<Vec<RegistrySettings>>")]
    pub registries: Vec<RegistrySettings>,
    /// What to know about single stacks.
    #[schemars(with = "Option<Vec<StackSettings>>")]
    pub stacks: Vec<StackSettings>,
    /// Whether objects that the files no longer declare are removed.
    #[schemars(example = true)]
    pub prune: Option<bool>,
    /// Whether a whole stack that is no longer declared is removed; needs `prune`.
    #[schemars(example = false)]
    pub prune_stacks: Option<bool>,
    /// Whether objects that skep did not make are taken over.
    #[schemars(example = Adoption::IfUnowned)]
    pub adopt: Option<Adoption>,
    /// How many superseded versions of a config or secret are kept although nothing uses them.
    #[schemars(example = 1)]
    pub retention: Option<u32>,
    /// Whether warnings about the stack files count as errors.
    #[schemars(example = true)]
    pub strict: Option<bool>,
    /// When registries are asked which image a tag means.
    #[schemars(example = ResolveImage::Changed)]
    pub resolve_image: Option<ResolveImage>,
    /// Whether what Swarm cannot update may be removed and made again, which means downtime.
    #[schemars(example = false)]
    pub allow_replace: Option<bool>,
    /// How long an apply waits for health before it gives up.
    #[schemars(with = "Option<Duration>", example = &"10m")]
    pub timeout: Option<Duration>,
    /// What the controller does about changes that somebody made by hand; `correct` if absent.
    #[schemars(example = DriftMode::Report)]
    pub drift: Option<DriftMode>,
    /// How often and how soon the controller looks.
    pub intervals: Option<Intervals>,
    /// The socket on which the running controller is asked; by default below `$XDG_RUNTIME_DIR/skep` or `/run/skep`.
    #[schemars(example = &"/run/skep/production.sock")]
    pub socket: Option<String>,
    /// What the running controller serves over HTTP; nothing if absent.
    pub status: Option<StatusSettings>,
    /// Where the running controller keeps what happened.
    pub history: Option<HistorySettings>,
    /// Who is told of what happens.
    pub notifications: Option<NotificationSettings>,
    /// The proxy in front of the Swarm; without one, routes are not written.
    pub proxy: Option<ProxySettings>,
    /// More names whose values are never shown; `*` stands for anything.
    #[schemars(example = ["*_LICENSE"])]
    pub sensitive: Option<Vec<String>>,
}

impl Settings {
    /// The schema of the file, for editors.
    pub fn schema() -> Schema {
        schema_for!(Self)
    }

    /// What is said about stacks of `source`. Those that name no source are of the first.
    pub fn stacks_of(&self, source: &SourceName) -> Vec<StackSettings> {
        let first = self.sources.first().map(|source| &source.name.value);
        let is_of_source = |stack: &&StackSettings| {
            let of = stack.source.as_ref().map(|source| &source.value).or(first);
            of.is_none_or(|of| of == source)
        };
        self.stacks.iter().filter(is_of_source).cloned().collect()
    }

    /// What becomes of changes by hand in each stack.
    pub fn drift_modes(&self) -> DriftModes {
        let own =
            self.stacks.iter().filter_map(|stack| Some((stack.name.value.clone(), stack.drift?)));
        DriftModes { default: self.drift.unwrap_or_default(), stacks: own.collect() }
    }

    /// How often and how soon the controller looks.
    pub fn timing(&self) -> Timing {
        self.intervals.as_ref().map_or_else(Timing::default, Intervals::timing)
    }

    /// Which values are never shown: the names that skep knows, and those of `sensitive`.
    pub fn sensitivity(&self) -> Sensitivity {
        let more = self.sensitive.iter().flatten().map(String::as_str);
        Sensitivity::new(&SENSITIVE.iter().copied().chain(more).collect::<Vec<_>>())
    }
}

impl Decode for Settings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let settings = Self {
            fleet: fields.at("fleet").and_then(|at| located_name(&at, report)),
            engine: fields.get("engine", report),
            sources: fields.get("sources", report).unwrap_or_default(),
            registries: fields.get("registries", report).unwrap_or_default(),
            stacks: fields.get("stacks", report).unwrap_or_default(),
            prune: fields.get("prune", report),
            prune_stacks: fields.get("prune_stacks", report),
            adopt: one_of(&mut fields, "adopt", &ADOPTIONS, report),
            retention: fields.get("retention", report),
            strict: fields.get("strict", report),
            resolve_image: one_of(&mut fields, "resolve_image", &RESOLUTIONS, report),
            allow_replace: fields.get("allow_replace", report),
            timeout: fields.at("timeout").and_then(|at| timeout(&at, report)),
            drift: one_of(&mut fields, "drift", &DRIFT_MODES, report),
            intervals: fields.get("intervals", report),
            socket: fields.get("socket", report),
            status: fields.get("status", report),
            history: fields.get("history", report),
            notifications: fields.get("notifications", report),
            proxy: fields.get("proxy", report),
            sensitive: fields.get("sensitive", report),
        };
        settings.check(report);
        fields.finish(report);
        Some(settings)
    }
}

fn timeout(at: &Cursor<'_>, report: &mut Report) -> Option<Duration> {
    let timeout: Duration = at.get(report)?;
    if timeout.0.0 <= 0 {
        report.push(at.error("out-of-range", "must be longer than nothing"));
        return None;
    }
    Some(timeout)
}

const ADOPTIONS: [(&str, Adoption); 3] =
    [("never", Adoption::Never), ("if-unowned", Adoption::IfUnowned), ("always", Adoption::Always)];

const RESOLUTIONS: [(&str, ResolveImage); 3] = [
    ("always", ResolveImage::Always),
    ("changed", ResolveImage::Changed),
    ("never", ResolveImage::Never),
];

pub(super) const DRIFT_MODES: [(&str, DriftMode); 3] =
    [("correct", DriftMode::Correct), ("report", DriftMode::Report), ("off", DriftMode::Off)];

pub(super) fn one_of<T: Copy>(
    fields: &mut Fields<'_>,
    key: &'static str,
    choices: &[(&str, T)],
    report: &mut Report,
) -> Option<T> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let text = fields.choice(key, &names, report)?;
    choices.iter().find(|(name, _)| *name == text.as_str()).map(|(_, value)| *value)
}

impl Settings {
    /// What single keys cannot know: names that are there twice, or that nothing has.
    fn check(&self, report: &mut Report) {
        let sources = self.sources.iter().map(|source| (source.name.as_str(), &source.name.place));
        report.extend(doubled("source", sources));
        let stacks = self.stacks.iter().map(|stack| (stack.name.as_str(), &stack.name.place));
        report.extend(doubled("stack", stacks));
        let registries =
            self.registries.iter().map(|entry| (entry.host.as_str(), &entry.host.place));
        report.extend(doubled("registry", registries));
        for name in self.stacks.iter().filter_map(|stack| stack.source.as_ref()) {
            let known = || self.sources.iter().map(|source| source.name.as_str());
            if known().any(|known| known == name.as_str()) {
                continue;
            }
            let message = format!("there is no source `{}`", name.value);
            let finding = Finding::error("unknown-source", name.place.clone(), message);
            report.push(match closest(name.as_str(), known()) {
                Some(known) => finding.hint(format!("did you mean `{known}`?")),
                None => finding.hint("list it under `sources`"),
            });
        }
    }
}

fn doubled<'a>(what: &str, names: impl Iterator<Item = (&'a str, &'a Place)>) -> Vec<Finding> {
    let mut first: HashMap<&str, &Place> = HashMap::new();
    let mut findings = Vec::new();
    for (name, place) in names {
        if let Some(first) = first.get(name) {
            let message = format!("the {what} `{name}` is listed twice");
            findings.push(
                Finding::error("listed-twice", place.clone(), message)
                    .related((*first).clone(), "first listed here")
                    .hint("keep one of the two"),
            );
        } else {
            first.insert(name, place);
        }
    }
    findings
}
