//! `skep apply`: makes the Swarm what the stack files declare, and says when it is healthy.

use std::fmt::Write as _;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;

use crate::diff::render::{self, clean};
use crate::model::live::Observed;
use crate::model::nanos::Nanos;
use crate::reconciler::consent::Consent;
use crate::reconciler::event::Event;
use crate::reconciler::pass::{Ended, Reader, Request, Wait, Writer};
use crate::reconciler::plan::{Learned, Plan};
use crate::swarm::SwarmError;

use super::args::{GlobalArgs, PolicyArgs, StackArgs};
use super::ending;
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::load::Stacks;
use super::output::{self, Output};
use super::progress::{Progress, Tally};
use super::request::{Showing, request};
use super::saved::{self, Arguments, Saved};
use super::signals::Signals;

/// How often the sign of work moves.
const TICK: Duration = Duration::from_millis(120);

/// Make the Swarm what the stack files declare, and wait until it is healthy
#[derive(Debug, Args)]
#[command(after_help = "\
The plan is shown first, and on a terminal you are asked. What needs something else first (a job
after its database, a service after the job) waits for it. What cannot be done without you is left
and named at the end. Ctrl-C ends it after the writes that are under way.

Examples:
  skep apply stacks/
  skep apply shop/stack.yaml --var TAG=1.4 --yes
  skep apply stacks/ --prune                 also remove what is no longer declared
  skep apply stacks/ --yes --timeout 2m      give up after two minutes without progress
  skep apply shop.plan                       just what skep plan --out shop.plan has saved

Exit codes: 0 done and healthy, 1 failed or answered no, 3 the plan agreed to is stale,
4 applied but not healthy, 5 blocked by a guard, 64 neither a terminal nor --yes, 130 interrupted.")]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    stacks: StackArgs,

    #[command(flatten)]
    policy: PolicyArgs,

    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,

    /// Write what is ready and end without waiting for health; exit with 4 if something still waits
    #[arg(long)]
    no_wait: bool,

    /// How long a service may go without a new healthy task, such as 90s or 10m [default: from its own health check and
    /// update settings, at least 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout, conflicts_with = "no_wait")]
    timeout: Option<Nanos>,
}

pub(super) async fn apply(
    global: &GlobalArgs,
    args: &ApplyArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let Some(saved) = saved::find(&args.stacks.paths)? else {
        return carry_on(global, args, &args.stacks, &args.policy, None, output).await;
    };
    let Arguments { global, stacks, policy } =
        saved.arguments(global, &args.stacks, &args.policy)?;
    carry_on(&global, args, &stacks, &policy, Some(&saved), output).await
}

/// Applies what `stacks` and `policy` name, which need not be those of the command line.
async fn carry_on(
    global: &GlobalArgs,
    args: &ApplyArgs,
    from: &StackArgs,
    policy: &PolicyArgs,
    saved: Option<&Saved>,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let mut stacks = Stacks::load(global, &from.paths, &from.reading)?;
    if let Some(saved) = saved {
        let stale = saved.compare(&stacks.sources())?;
        if !stale.is_empty() {
            return Ok(tell_stale(saved, &stale));
        }
    }
    stacks.accept_emptiness();
    let invalid = stacks.has_errors();
    output::talk(&stacks.findings_text(output.talk_look()));
    let showing = Showing::default();
    let (paths, reading) = (&from.paths, &from.reading);
    let mut request = request(global, paths, reading, policy, stacks, args.timeout, showing)?;
    if let Some(saved) = saved {
        request.pinned = saved.images();
    }
    let reader = Reader::new(engine::connect(global).await?)?;
    let (plan, observed) = reader.judge(&request, &Learned::default()).await?;
    if let Some(saved) = saved {
        let stale = saved.check(&request.scope.fleet, &plan, &observed)?;
        if !stale.is_empty() {
            let stale: Vec<String> = stale.iter().map(ToString::to_string).collect();
            return Ok(tell_stale(saved, &stale));
        }
    }
    show(&plan, output)?;
    let wait = if args.no_wait { Wait::No } else { Wait::UntilSettled };
    let settled = plan.steps.is_empty() && !plan.is_waiting();
    if settled && (wait == Wait::No || !plan.is_progressing()) {
        let ended =
            Ended { plan, performed: 0, interrupted: false, stalled: false, stale: Vec::new() };
        return finish(&ended, wait, &Tally::default(), invalid, output);
    }
    let mut signals = Signals::new()?;
    // What only waits now would be written later, so it is asked for too.
    if plan.document.summary.pending() > 0 && !args.yes {
        let refusal = match answer(output, &mut signals).await? {
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
    let consent = match saved {
        Some(saved) => Some(saved.consent(&observed)),
        None => (!args.yes).then(|| Consent::to(&plan.document, &observed)),
    };
    // While a person thinks, the Swarm goes on.
    let seen = args.yes.then_some((plan, observed));
    let writer = Writer::new(reader, engine::fresh_key()?);
    let ended = carry_out(&writer, &request, wait, consent.as_ref(), seen, &progress, &mut signals);
    let ended = Box::pin(ended).await?;
    let tally = lock(&progress).tally().clone();
    match ended {
        Some(ended) => finish(&ended, wait, &tally, invalid, output),
        None => Ok(ExitCode::Interrupted),
    }
}

/// Tells why a saved plan is not carried out.
fn tell_stale(saved: &Saved, reasons: &[String]) -> ExitCode {
    let path = saved.path().display();
    let mut text = format!("The plan in {path} is stale, and nothing was written.\n");
    for reason in reasons {
        let _ = writeln!(text, "  {}", clean(reason));
    }
    text.push_str("Plan again to see what would change now.\n");
    output::talk(&text);
    ExitCode::StalePlan
}

/// Shows the plan where it can be read before the question is answered.
fn show(plan: &Plan, output: &mut Output) -> io::Result<()> {
    if output.can_ask() && !output.is_terminal() {
        output::talk(&render::text(&plan.document, output.talk_look()));
    }
    output.result(&render::text(&plan.document, output.look()))
}

/// What came of the question.
enum Answer {
    Yes,
    No,
    Interrupted,
}

async fn answer(output: &Output, signals: &mut Signals) -> Result<Answer, CommandError> {
    if !output.can_ask() {
        return Err(CommandError::usage("nothing was written: there is no terminal to ask on")
            .hint("--yes applies without a question; skep plan only shows what would change"));
    }
    tokio::select! {
        answer = output::ask("\nApply these changes? [y/N] ") => {
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

fn finish(
    ended: &Ended,
    wait: Wait,
    tally: &Tally,
    invalid: bool,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    output.result(&format!("\n{}", ending::text(ended, wait, tally, output.look())))?;
    Ok(ending::exit(ended, wait, tally, invalid))
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

fn parse_timeout(text: &str) -> Result<Nanos, String> {
    let duration: jiff::SignedDuration = text.parse().map_err(|_| "write it as 90s or 10m")?;
    let nanos = i64::try_from(duration.as_nanos()).map_err(|_| "that is too long")?;
    if nanos > 0 { Ok(Nanos(nanos)) } else { Err("it must be longer than nothing".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_positive_duration() {
        assert_eq!(parse_timeout("90s"), Ok(Nanos::seconds(90)));
        assert_eq!(parse_timeout("1m30s"), Ok(Nanos::seconds(90)));
        for wrong in ["", "90", "0s", "-5m", "soon", "99999999999h"] {
            assert!(parse_timeout(wrong).is_err(), "{wrong}");
        }
    }
}
