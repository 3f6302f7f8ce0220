//! `skep apply`: makes the Swarm what the stack files declare, and says when it is healthy.

use std::fmt::Write as _;

use clap::Args;

use crate::diff::render::clean;
use crate::model::nanos::Nanos;
use crate::reconciler::pass::{Reader, Wait};

use super::args::{GlobalArgs, PolicyArgs, StackArgs};
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::Format;
use super::load::Stacks;
use super::output::{self, Output};
use super::request::{Showing, request};
use super::saved::{self, Arguments, Saved};
use super::settle::{Manner, settle};
use super::suspended;

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

    /// What other programs call skep plan
    #[arg(long, hide = true)]
    dry_run: bool,

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
    if args.dry_run {
        return Err(CommandError::usage("apply has no --dry-run: skep plan is the dry run")
            .hint("skep plan takes the same PATH and options, and writes nothing"));
    }
    let Some(saved) = saved::find(&args.stacks.paths)? else {
        let apply = carry_on(global, args, &args.stacks, &args.policy, None, output);
        return Box::pin(apply).await;
    };
    let Arguments { global, stacks, policy } =
        saved.arguments(global, &args.stacks, &args.policy)?;
    Box::pin(carry_on(&global, args, &stacks, &policy, Some(&saved), output)).await
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
    let mut stacks = Stacks::read(global, &from.paths, &from.reading).await?;
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
    let reader = Reader::new(engine::connect(global, paths).await?)?;
    let (plan, observed) = reader.judge_at_first(&request).await?;
    if let Some(saved) = saved {
        let stale = saved.check(&request.scope.fleet, &plan, &observed)?;
        if !stale.is_empty() {
            let stale: Vec<String> = stale.iter().map(ToString::to_string).collect();
            return Ok(tell_stale(saved, &stale));
        }
    }
    suspended::tell(global, &request.scope.fleet, &plan.document, &observed);
    let consent = saved.map(|saved| saved.consent(&plan, &observed));
    let wait = if args.no_wait { Wait::No } else { Wait::UntilSettled };
    let manner = Manner {
        global,
        wait,
        yes: args.yes,
        consent,
        question: "Apply these changes?",
        hint: "--yes applies without a question; skep plan only shows what would change",
        format: Format::Text,
    };
    settle(reader, &request, (plan, observed), manner, invalid, output).await
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

pub(super) fn parse_timeout(text: &str) -> Result<Nanos, String> {
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
