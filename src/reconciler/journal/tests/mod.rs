//! Reports in, events and history out.

mod problems;
mod releases;
mod restarts;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Entry, Event, EventKind, Journal, News, Outcome, Resumed, Severity, Told};
use crate::diff::document::{Cause, Hold, HoldCode};
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::TaskState;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::controller::example;
use crate::reconciler::controller::report::{CommitReport, Report, StackReport};
use crate::reconciler::health::{Reason, ServiceHealth, TaskFailure, Verdict};
use crate::reconciler::status::{Health, Mode, OpenHold, ServiceStatus, Sync};

/// A controller of one stack `shop` with a service `shop_web`, told to a journal report by report.
struct Stage {
    report: Report,
    journal: Journal,
    now: Timestamp,
}

impl Stage {
    /// All is well, and was told.
    fn well() -> Self {
        let mut report = example::report();
        report.sources.truncate(1);
        report.sources[0].findings.clear();
        report.suspended = None;
        report.stacks.remove("blog");
        let status = Arc::make_mut(report.status.as_mut().unwrap());
        status.stacks.retain(|stack| stack.name == "shop");
        let mut stage = Self {
            report,
            journal: Journal::default(),
            now: Timestamp::from_second(1_000).unwrap(),
        };
        stage.service(Verdict::Converged, None);
        assert_eq!(stage.kinds(), ["controller-started"]);
        stage
    }

    fn stack(&mut self) -> &mut StackReport {
        self.report.stacks.get_mut("shop").unwrap()
    }

    fn condition(&mut self, condition: Condition, reason: &str) -> &mut StackReport {
        let stack = self.stack();
        stack.condition = condition;
        stack.reason = (!reason.is_empty()).then(|| reason.to_owned());
        stack.code = None;
        stack.causes.clear();
        stack
    }

    fn service(&mut self, verdict: Verdict, reason: Option<Reason>) -> &mut ServiceHealth {
        let judged = ServiceHealth { reason, ..ServiceHealth::counted(verdict, 0, 1, 0) };
        let status = Arc::make_mut(self.report.status.as_mut().unwrap());
        status.stacks[0].services = vec![ServiceStatus {
            name: "shop_web".to_owned(),
            mode: Some(Mode::Replicated),
            image: None,
            sync: Sync::Synced,
            health: Health::Progressing,
            state: "as it is".to_owned(),
            judged: Some(judged),
        }];
        status.stacks[0].services[0].judged.as_mut().unwrap()
    }

    fn holds(&mut self, holds: &[(HoldCode, &str)]) {
        let status = Arc::make_mut(self.report.status.as_mut().unwrap());
        let open = |(code, reason): &(HoldCode, &str)| OpenHold {
            object: Some(ObjectKey::new(Kind::Service, "shop_web")),
            hold: Hold::new(*code, *reason),
        };
        status.stacks[0].holds = holds.iter().map(open).collect();
    }

    /// A revision that is being written.
    fn releases(&mut self, revision: &str) {
        self.service(Verdict::Rolling, None);
        let stack = self.condition(Condition::Progressing, "");
        stack.causes = vec![Cause::Git];
        stack.last_attempted_revision = Some(format!("sha1:{revision}"));
        stack.release.clone_from(&stack.last_attempted_revision);
    }

    /// The source is at a commit of `author`, and so is what passes work with; it may be about other stacks.
    fn commits(&mut self, revision: &str, author: &str) {
        let revision = Some(format!("sha1:{revision}"));
        self.report.sources[0].revision.clone_from(&revision);
        self.stack().last_attempted_revision = revision;
        self.report.sources[0].commit = Some(CommitReport {
            url: "https://git.example.com/ops.git".to_owned(),
            reference: None,
            author: author.to_owned(),
            time: Timestamp::UNIX_EPOCH,
            subject: format!("by {author}"),
            signed_by: None,
        });
    }

    /// Another controller, which has seen no change yet, knows what was told.
    fn restarts(&mut self, news: &News) {
        let events: BTreeMap<&String, &Event> =
            news.events().map(|told| (&told.event.key, &told.event)).collect();
        let newest = events.into_values().cloned().collect();
        let entries = news.history("shop").first().map(|entry| Entry::clone(entry));
        self.journal = Journal::resume(Resumed { newest, entries: entries.into_iter().collect() });
        self.stack().release = None;
    }

    /// What the next pass tells, ten seconds later.
    fn told(&mut self) -> Told {
        self.report.passes += 1;
        self.now += jiff::SignedDuration::from_secs(10);
        self.journal.follow(&Arc::new(self.report.clone()), self.now)
    }

    /// Events as `kind` or `kind recovered`, with their reason.
    fn kinds(&mut self) -> Vec<String> {
        self.told().events.iter().map(shown).collect()
    }
}

fn shown(event: &Event) -> String {
    let reason = event.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let end = if event.recovered { " recovered" } else { "" };
    format!("{}{end}{reason}", event.kind)
}
