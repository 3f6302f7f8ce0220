//! The commands: arguments in, text or JSON out. Nothing else prints.

mod apply;
mod args;
mod command;
mod completions;
mod controller;
mod ending;
mod engine;
mod error;
mod events;
mod exit;
pub mod findings;
mod format;
mod headline;
mod health;
mod history;
mod init;
mod inputs;
mod known;
mod load;
mod lock;
mod lock_file;
mod log_lines;
mod logging;
mod logs;
mod notifications;
mod observe;
mod origin;
mod output;
mod paragraph;
mod plan;
mod progress;
mod proxy;
mod remove;
mod render;
mod repository;
mod request;
mod retry;
mod routes;
mod routes_text;
mod run;
mod saved;
mod schema;
mod settings;
mod settle;
mod signals;
mod status;
mod suspend;
mod suspended;
mod sync;
mod trace;
mod trouble;
mod validate;
mod variables;

use std::ffi::OsString;
use std::time::Duration;

use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};

use command::{Cli, Command};
use error::CommandError;
pub use exit::ExitCode;
use logging::{Logging, goes_to_journal};
use output::Output;

/// How long is waited in the end for threads that nobody waits for any more: they may be about to tidy up.
const GRACE: Duration = Duration::from_millis(500);

/// What a person can do about a bug.
const BUG: &str = "\
This is a bug in skep, not in your files. Please report it, with the command, the lines above, and the output of
`skep observe`, which holds no secrets. Running the command again is safe: skep starts from what it observes.
";

/// Runs the program with these arguments, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let report = |details: &str| output::talk(&format!("\nskep {details}\n{BUG}"));
    exit::guard(|| dispatch(arguments), report)
}

fn dispatch(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let Cli { global, command } = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            drop(error.print());
            return ExitCode::Usage;
        }
        // Help and the version; a reader that has gone away is no failure.
        Err(error) => {
            drop(error.print());
            return ExitCode::Fine;
        }
    };
    let mut output = Output::new(global.color);
    let is_controller = matches!(command, Command::Run(_));
    let logging = Logging {
        // A controller has nobody to show its work to but the log.
        verbosity: global.verbose.max(u8::from(is_controller)),
        times: is_controller && !goes_to_journal(),
        directives: std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty()),
        format: global.log_format,
        colors: output.talk_look().palette == crate::diff::render::Palette::Ansi,
    };
    let result = logging.start().and_then(|()| match command {
        Command::Init(args) => init::init(&args, &mut output),
        Command::Validate(args) => block_on(validate::validate(&global, &args, &mut output)),
        Command::Render(args) => block_on(render::render(&global, &args, &mut output)),
        Command::Plan(args) => plan::plan(&global, &args, &mut output),
        Command::Apply(args) => block_on(apply::apply(&global, &args, &mut output)),
        Command::Remove(args) => block_on(remove::remove(&global, &args, &mut output)),
        Command::Sync(args) => block_on(sync::sync(&global, &args, &mut output)),
        Command::Suspend(args) => block_on(suspend::suspend(&global, &args, &mut output)),
        Command::Resume(args) => block_on(suspend::resume(&global, &args, &mut output)),
        Command::Run(args) => block_on(run::run(&global, &args)),
        Command::Health(args) => block_on(health::health(&global, &args, &mut output)),
        Command::Lock(args) => block_on(lock::lock(&global, &args, &mut output)),
        Command::Status(args) => block_on(status::status(&global, &args, &mut output)),
        Command::History(args) => history::history(&global, &args, &mut output),
        Command::Events(args) => block_on(events::events(&global, &args, &mut output)),
        Command::Logs(args) => block_on(logs::logs(&global, &args, &mut output)),
        Command::Notify(args) => block_on(notifications::notify(&global, &args, &mut output)),
        Command::Routes(args) => block_on(routes::routes(&global, &args, &mut output)),
        Command::Retry(args) => block_on(retry::retry(&global, &args, &mut output)),
        Command::Trace(args) => block_on(trace::trace(&global, &args, &mut output)),
        Command::Observe(args) => block_on(observe::observe(&global, &args, &mut output)),
        Command::Schema(args) => schema::schema(&args, &mut output),
        Command::Completions(args) => completions::completions(&args, &mut output),
        Command::Version => {
            let version = format!("skep {}\n", env!("CARGO_PKG_VERSION"));
            output.result(&version).map(|()| ExitCode::Fine).map_err(CommandError::from)
        }
    });
    result.unwrap_or_else(|error| {
        output::talk(&error.render(output.talk_look()));
        error.exit()
    })
}

/// Runs a command that speaks with an engine, or what it reads before.
fn block_on<T>(command: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = runtime()?;
    let ended = runtime.block_on(command);
    // A file system or a resolver that does not answer holds its thread for as long as it likes.
    runtime.shutdown_timeout(GRACE);
    ended
}

/// One thread is enough for a few requests at a time.
fn runtime() -> Result<Runtime, CommandError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| CommandError::failed(error).context("cannot start the runtime"))
}
