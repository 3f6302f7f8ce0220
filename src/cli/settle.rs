//! A plan that may be carried out: it is shown, asked about, carried out, and what came of it is told.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::diff::render;
use crate::model::live::Observed;
use crate::reconciler::consent::Consent;
use crate::reconciler::event::Event;
use crate::reconciler::logs;
use crate::reconciler::pass::{Ended, Reader, Request, Wait, Writer, scrub};
use crate::reconciler::plan::Plan;
use crate::swarm::SwarmError;

use super::args::GlobalArgs;
use super::ending;
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::{Format, json};
use super::output::{self, Output};
use super::progress::{Progress, Tally};
use super::signals::Signals;

/// How often the sign of work moves.
const TICK: Duration = Duration::from_millis(120);

/// In which manner a plan is carried out.
pub(super) struct Manner<'a> {
    /// The options of every command.
    pub(super) global: &'a GlobalArgs,
    /// Whether it is waited for.
    pub(super) wait: Wait,
    /// Whether nobody is asked.
    pub(super) yes: bool,
    /// What was agreed to already, by a saved plan.
    pub(super) consent: Option<Consent>,
    /// What is asked.
    pub(super) question: &'a str,
    /// What to do where nobody can be asked.
    pub(super) hint: &'static str,
    /// The form of the plan; beside JSON, everything else is talk.
    pub(super) format: Format,
}

/// Shows the plan that was made from what is observed, asks, and carries it out.
pub(super) async fn settle(
    reader: Reader,
    request: &Request,
    seen: (Plan, Observed),
    manner: Manner<'_>,
    invalid: bool,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let Manner { global, wait, yes, consent, question, hint, format } = manner;
    let (plan, observed) = seen;
    show(&plan, format, output)?;
    let settled = plan.steps.is_empty() && !plan.is_waiting();
    if settled && (wait == Wait::No || !plan.is_progressing()) {
        let mut ended = Ended {
            plan,
            observed,
            performed: 0,
            interrupted: false,
            stalled: false,
            stale: Vec::new(),
        };
        add_logs(&reader, request, &mut ended).await;
        return finish(&ended, wait, &Tally::default(), invalid, format, output);
    }
    let mut signals = Signals::new()?;
    // What only waits now would be written later, so it is asked for too.
    if plan.document.summary.pending() > 0 && !yes {
        let refusal = match answer((question, hint), output, &mut signals).await? {
            Answer::Yes => None,
            Answer::No => Some(ExitCode::Failed),
            Answer::Interrupted => Some(ExitCode::Interrupted),
        };
        if let Some(code) = refusal {
            output::talk("Nothing was written.\n");
            return Ok(code);
        }
    }
    let live = output.can_redraw() && global.verbose == 0;
    let progress = Mutex::new(Progress::new(output.talk_look(), live));
    let consent = consent.or_else(|| (!yes).then(|| Consent::to(&plan, &observed)));
    // While a person thinks, the Swarm goes on.
    let images = plan.images.clone();
    let seen = yes.then_some((plan, observed));
    // What a tag meant when it was agreed to is what is deployed, whatever is pushed meanwhile.
    let mut request = request.clone();
    if !yes {
        request.pinned.extend(images);
    }
    let request = &request;
    let writer = Writer::new(reader, engine::fresh_key()?);
    let ended = carry_out(&writer, request, wait, consent.as_ref(), seen, &progress, &mut signals);
    let ended = Box::pin(ended).await?;
    let tally = lock(&progress).tally().clone();
    match ended {
        Some(mut ended) => {
            tokio::select! {
                () = add_logs(writer.reader(), request, &mut ended) => {}
                () = signals.next() => {}
            }
            finish(&ended, wait, &tally, invalid, format, output)
        }
        None => Ok(ExitCode::Interrupted),
    }
}

/// Shows the plan where it can be read before the question is answered.
fn show(plan: &Plan, format: Format, output: &mut Output) -> Result<(), CommandError> {
    if output.can_ask() && !output.is_terminal() {
        output::talk(&render::text(&plan.document, output.talk_look()));
    }
    output.result(&match format {
        Format::Text => render::text(&plan.document, output.look()),
        Format::Json => json(&plan.document)?,
    })?;
    Ok(())
}

/// What came of the question.
enum Answer {
    Yes,
    No,
    Interrupted,
}

async fn answer(
    (question, hint): (&str, &'static str),
    output: &Output,
    signals: &mut Signals,
) -> Result<Answer, CommandError> {
    if !output.can_ask() {
        return Err(
            CommandError::usage("nothing was written: there is no terminal to ask on").hint(hint)
        );
    }
    let question = format!("\n{question} [y/N] ");
    tokio::select! {
        answer = output::ask(&question) => {
            let is_yes =
                |answer: String| matches!(answer.to_lowercase().as_str(), "y" | "yes");
            Ok(if answer?.is_some_and(is_yes) { Answer::Yes } else { Answer::No })
        }
        () = signals.next() => {
            output::talk("\n");
            Ok(Answer::Interrupted)
        }
    }
}

/// Makes passes until everything has settled. The first signal ends it after the step that is under way, the second at
/// once; then there is nothing to tell.
async fn carry_out(
    writer: &Writer,
    request: &Request,
    wait: Wait,
    consent: Option<&Consent>,
    seen: Option<(Plan, Observed)>,
    progress: &Mutex<Progress>,
    signals: &mut Signals,
) -> Result<Option<Ended>, CommandError> {
    let (stop, stopped) = watch::channel(false);
    let mut sink = |event: Event<'_>| {
        let text = lock(progress).event(&event);
        output::talk(&text);
    };
    let interrupted = async {
        signals.next().await;
        stop.send_replace(true);
        let line =
            "Stopping after the writes that are under way; press Ctrl-C again to stop at once.\n";
        let text = lock(progress).say(line);
        output::talk(&text);
        signals.next().await;
    };
    let ticks = async {
        loop {
            tokio::time::sleep(TICK).await;
            let mut progress = lock(progress);
            if let Some((columns, lines)) = output::terminal_size() {
                progress.fit(columns, lines);
            }
            output::talk(&progress.tick());
        }
    };
    let ended: Option<Result<Ended, SwarmError>> = tokio::select! {
        ended = writer.converge(request, wait, consent, seen, stopped, &mut sink) => Some(ended),
        () = interrupted => None,
        () = ticks => None,
    };
    let text = lock(progress).erase();
    output::talk(&text);
    Ok(ended.transpose()?)
}

/// Reads the ends of the logs of tasks that fail.
async fn add_logs(reader: &Reader, request: &Request, ended: &mut Ended) {
    let Ended { plan, observed, interrupted, .. } = ended;
    if *interrupted || plan.health.values().all(|health| health.failure.is_none()) {
        return;
    }
    let healths = plan.health.iter_mut().map(|(name, health)| (name.as_str(), health));
    logs::add(reader.observer(), observed, &scrub(request, observed), healths).await;
}

fn finish(
    ended: &Ended,
    wait: Wait,
    tally: &Tally,
    invalid: bool,
    format: Format,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    match format {
        Format::Text => {
            output.result(&format!("\n{}", ending::text(ended, wait, tally, output.look())))?;
        }
        Format::Json => output::talk(&ending::text(ended, wait, tally, output.talk_look())),
    }
    Ok(ending::exit(ended, wait, tally, invalid))
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
