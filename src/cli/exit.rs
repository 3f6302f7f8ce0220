//! Exit codes: one table for all commands.

use std::panic::{self, AssertUnwindSafe};
use std::process;

/// How a run ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// All is well, or there was nothing to do.
    Fine = 0,
    /// It failed, or the user said no.
    Failed = 1,
    /// Changes are pending (`plan --detailed-exitcode`, `status --exit-code`).
    ChangesPending = 2,
    /// The plan no longer fits what is there.
    StalePlan = 3,
    /// Applied, but not healthy; releases that Swarm rolled back count too.
    NotHealthy = 4,
    /// A guard is in the way.
    Blocked = 5,
    /// The command line makes no sense.
    Usage = 64,
    /// A bug in skep.
    Bug = 70,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl ExitCode {
    /// The one that a caller must hear about, where parts of a run ended differently.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    /// The code that a number stands for; unknown ones are failures.
    pub(super) fn of(number: u8) -> Self {
        let known =
            [Self::Fine, Self::ChangesPending, Self::StalePlan, Self::NotHealthy, Self::Blocked];
        known.into_iter().find(|code| *code as u8 == number).unwrap_or(Self::Failed)
    }

    fn rank(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::ChangesPending => 1,
            Self::NotHealthy => 2,
            Self::Blocked => 3,
            Self::StalePlan => 4,
            Self::Failed => 5,
            Self::Interrupted => 6,
            Self::Usage => 7,
            Self::Bug => 8,
        }
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// Runs `command`; a panic in it ends as [`ExitCode::Bug`], after `report` was told where it happened.
pub(super) fn guard(
    command: impl FnOnce() -> ExitCode,
    report: impl Fn(&str) + Send + Sync + 'static,
) -> ExitCode {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |details| report(&details.to_string())));
    let code = panic::catch_unwind(AssertUnwindSafe(command)).unwrap_or(ExitCode::Bug);
    panic::set_hook(previous);
    code
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn the_worst_wins_in_the_documented_order() {
        let order = [70, 64, 1, 3, 5, 4, 2, 0];
        let all = [
            ExitCode::Fine,
            ExitCode::Failed,
            ExitCode::ChangesPending,
            ExitCode::StalePlan,
            ExitCode::NotHealthy,
            ExitCode::Blocked,
            ExitCode::Usage,
            ExitCode::Bug,
        ];
        let place = |code: ExitCode| order.iter().position(|other| *other == code as u8);
        for a in all {
            for b in all {
                let worst = if place(a) <= place(b) { a } else { b };
                assert_eq!(a.worst(b), worst, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn a_panic_is_a_reported_bug() {
        let told = Arc::new(Mutex::new(String::new()));
        let report = Arc::clone(&told);
        let code = guard(
            || panic!("the bees are gone"),
            move |details| details.clone_into(&mut report.lock().unwrap()),
        );
        assert_eq!(code, ExitCode::Bug);
        assert!(told.lock().unwrap().contains("the bees are gone"));
    }
}
