//! Who is told of what happens, and how.

use schemars::JsonSchema;

use crate::model::nanos::Nanos;
use crate::notify::{Pace, Pattern, Route, Target, WrittenTarget};
use crate::reconciler::journal::Severity;
use crate::spec::compose::duration::Duration;
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report, closest};

/// Who is told of what happens. It counts only in a file that is named with `--config` or `SKEP_CONFIG`; whoever writes
/// stacks could else send files of this machine to themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NotificationSettings {
    /// Where messages go.
    #[schemars(with = "Vec<Written>")]
    pub targets: Vec<NamedTarget>,
    /// Which events go where; without any, warnings and errors go to every target.
    pub routes: Option<Vec<Route>>,
    /// How long is waited for more that belongs into the same message; `10s` if absent.
    #[schemars(with = "Option<Duration>", example = &"30s")]
    pub group: Option<Duration>,
    /// How long something must be over before that is told; `30s` if absent.
    #[schemars(with = "Option<Duration>", example = &"2m")]
    pub settle: Option<Duration>,
    /// After how long is told again of what goes on; `4h` if absent.
    #[schemars(with = "Option<Duration>", example = &"24h")]
    pub repeat: Option<Duration>,
}

/// A target with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedTarget {
    /// Its name.
    pub name: String,
    /// What it is.
    pub target: Target,
}

/// A target as it is written: its name, and exactly one kind.
#[derive(JsonSchema)]
#[schemars(rename = "NotificationTarget")]
#[expect(dead_code, reason = "it only describes the schema")]
struct Written {
    /// Its name, by which routes and `skep notify test` call it.
    #[schemars(example = &"chat")]
    name: String,
    #[schemars(flatten)]
    kind: WrittenTarget,
}

impl NotificationSettings {
    /// How soon and how often people are told.
    pub fn pace(&self) -> Pace {
        let or = |wanted: Option<Duration>, default| wanted.map_or(default, |d| d.0.to_std());
        let default = Pace::default();
        Pace {
            group: or(self.group, default.group),
            settle: or(self.settle, default.settle),
            repeat: or(self.repeat, default.repeat),
        }
    }

    /// Which events go where.
    pub fn routes(&self) -> Vec<Route> {
        let all = || vec![Route::to_all(self.targets.iter().map(|target| target.name.clone()))];
        self.routes.clone().unwrap_or_else(all)
    }
}

impl Decode for NotificationSettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        if fields.lacks("targets") {
            let finding = at.error("missing-key", "needs `targets`");
            report.push(finding.hint("write `targets: [{ name: chat, slack: { url_file: … } }]`"));
        }
        let targets = fields.at("targets").map(|at| targets(&at, report)).unwrap_or_default();
        let names: Vec<&str> = targets.iter().map(|(name, _)| name.as_str()).collect();
        let routes = fields.at("routes").and_then(|at| routes(&at, &names, report));
        let group = time(&mut fields, "group", Nanos(0), report);
        let settle = time(&mut fields, "settle", Nanos(0), report);
        let repeat = time(&mut fields, "repeat", Nanos::seconds(60), report);
        fields.finish(report);
        let complete = |(name, target): (Located<String>, Option<Target>)| {
            Some(NamedTarget { name: name.value, target: target? })
        };
        let targets = targets.into_iter().filter_map(complete).collect();
        Some(Self { targets, routes, group, settle, repeat })
    }
}

fn targets(at: &Cursor<'_>, report: &mut Report) -> Vec<(Located<String>, Option<Target>)> {
    let mut targets: Vec<(Located<String>, Option<Target>)> = Vec::new();
    for at in at.items(report).into_iter().flatten() {
        let Some(mut fields) = at.fields(report) else { continue };
        if fields.lacks("name") {
            let finding = at.error("missing-key", "needs `name`");
            report.push(finding.hint("write `- name: chat`"));
        }
        let name: Option<Located<String>> = fields.get("name", report);
        let target = Target::decode(&mut fields, report);
        fields.finish(report);
        let Some(name) = name else { continue };
        if let Some((first, _)) = targets.iter().find(|(known, _)| known.value == name.value) {
            let finding = at.error("listed-twice", "has the name of another target");
            report.push(finding.related(first.place.clone(), "first listed here"));
        } else {
            targets.push((name, target));
        }
    }
    targets
}

fn routes(at: &Cursor<'_>, names: &[&str], report: &mut Report) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    for at in at.items(report)? {
        let Some(mut fields) = at.fields(report) else { continue };
        let stacks: Option<Vec<Pattern>> = fields.get("stacks", report);
        let words = Severity::ALL.map(Severity::as_str);
        let word = fields.choice("severity", &words, report);
        let severity = Severity::ALL
            .into_iter()
            .find(|severity| word.as_ref().is_some_and(|word| word.value == severity.as_str()));
        if fields.lacks("to") {
            let finding = at.error("missing-key", "needs `to`");
            report.push(finding.hint("list the names of targets: `to: [chat]`"));
        }
        let to = fields.at("to").map(|at| known(&at, names, report)).unwrap_or_default();
        fields.finish(report);
        routes.push(Route { stacks, severity: severity.unwrap_or(Severity::Warning), to });
    }
    Some(routes)
}

/// Names of targets, those that there are.
fn known(at: &Cursor<'_>, names: &[&str], report: &mut Report) -> Vec<String> {
    let mut known = Vec::new();
    for at in at.items(report).into_iter().flatten() {
        let Some(name) = at.get::<Located<String>>(report) else { continue };
        if names.contains(&name.as_str()) {
            known.push(name.value);
            continue;
        }
        let says =
            format_args!("names the target {}, which is not there", name.quoted(name.as_str()));
        let finding = at.error("unknown-target", says);
        report.push(match closest(name.as_str(), names.iter().copied()) {
            Some(meant) => finding.hint(format!("did you mean `{meant}`?")),
            None => finding.hint("list it under `notifications.targets`"),
        });
    }
    known
}

fn time(
    fields: &mut Fields<'_>,
    key: &'static str,
    least: Nanos,
    report: &mut Report,
) -> Option<Duration> {
    let at = fields.at(key)?;
    let time: Duration = at.get(report)?;
    if time.0 < least {
        report.push(at.error("out-of-range", format_args!("must be {least} or longer")));
        return None;
    }
    Some(time)
}
