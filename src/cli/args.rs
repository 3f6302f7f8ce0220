//! Options that several commands share.

#![expect(
    clippy::doc_markdown,
    reason = "the comments are help texts, which show backticks as they are"
)]

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::model::name::{FleetName, SourceName, StackName};
use crate::proxy::{Endpoint, EndpointError};
use crate::reconciler::policy::{Adoption, ResolveImage, Unblock};

use super::logging::LogFormat;
use super::output::ColorChoice;

/// The heading of options that every command takes.
const GLOBAL: &str = "Global options";
/// The heading of options that say which stacks are read and how.
const STACKS: &str = "Stack options";
/// The heading of options that allow something.
const POLICY: &str = "What is allowed";

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub(super) struct GlobalArgs {
    /// Engine of a Swarm manager, such as unix:///path, tcp://host:port or ssh://user@host [default: SKEP_HOST, else
    /// DOCKER_HOST, else the settings', else docker's current context, else its socket]
    #[arg(long, short = 'H', global = true, value_name = "URL", help_heading = GLOBAL)]
    pub(super) host: Option<String>,

    /// Installation of skep whose objects are looked at; those of other fleets are left alone [default: the settings',
    /// else "default"]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "SKEP_FLEET",
        hide_env_values = true,
        help_heading = GLOBAL
    )]
    pub(super) fleet: Option<FleetName>,

    /// Settings file [default: skep.yaml beside the stacks, if there is one]
    #[arg(
        long,
        short = 'c',
        global = true,
        value_name = "FILE",
        env = "SKEP_CONFIG",
        hide_env_values = true,
        help_heading = GLOBAL
    )]
    pub(super) config: Option<PathBuf>,

    /// Admin API of Caddy, which routes are written to, such as unix:///run/caddy/admin.sock or http://127.0.0.1:2019
    /// [default: the settings']
    #[arg(
        long,
        global = true,
        value_name = "URL",
        value_parser = parse_endpoint,
        help_heading = GLOBAL
    )]
    pub(super) caddy: Option<Endpoint>,

    /// When to use colours: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        hide_possible_values = true,
        env = "SKEP_COLOR",
        hide_env_values = true,
        default_value = "auto",
        help_heading = GLOBAL
    )]
    pub(super) color: ColorChoice,

    /// Log more to standard error: -v steps, -vv details, -vvv everything; RUST_LOG is honoured
    #[arg(long, short = 'v', global = true, action = ArgAction::Count, help_heading = GLOBAL)]
    pub(super) verbose: u8,

    /// Form of log lines: text or json
    #[arg(
        long,
        global = true,
        value_name = "FORM",
        hide_possible_values = true,
        env = "SKEP_LOG_FORMAT",
        hide_env_values = true,
        default_value = "text",
        help_heading = GLOBAL
    )]
    pub(super) log_format: LogFormat,
}

/// Options of commands that read stacks.
#[derive(Debug, Clone, Args)]
pub(super) struct StackArgs {
    /// Stack files, or directories of stacks [default: the source in the settings, else "."]
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

/// How stacks are read, wherever they are named.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ReadingArgs {
    /// Name of the stack, where PATH is one stack [default: the name of its directory or file]
    #[arg(long, value_name = "NAME", help_heading = STACKS)]
    pub(super) name: Option<StackName>,

    /// Directory that files named by stacks may not leave [default: PATH]
    #[arg(long, value_name = "DIR", help_heading = STACKS)]
    pub(super) root: Option<PathBuf>,

    /// Set a variable of the stack files; wins over files
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_variable, help_heading = STACKS)]
    pub(super) var: Vec<(String, String)>,

    /// Read variables of the stack files from a file; a later file wins
    #[arg(long, value_name = "FILE", help_heading = STACKS)]
    pub(super) env_file: Vec<PathBuf>,

    /// Take variables of the stack files from this process's environment too
    #[arg(long, help_heading = STACKS)]
    pub(super) inherit_env: bool,

    /// Include services of this profile
    #[arg(long, value_name = "NAME", help_heading = STACKS)]
    pub(super) profile: Vec<String>,

    /// Take warnings about the stack files as errors
    #[arg(long, help_heading = STACKS)]
    pub(super) strict: bool,

    /// Name of where the stacks come from; only stacks of the same source can be missing from it [default: that of the
    /// source in the settings which holds PATH, else "cli"]
    #[arg(long, value_name = "NAME", help_heading = STACKS)]
    pub(super) source: Option<SourceName>,
}

/// What the user allows and asks for; plan and apply take the same, so that a plan shows what an apply does.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct PolicyArgs {
    /// Remove what the stack files no longer declare, and only that
    #[arg(long, help_heading = POLICY)]
    pub(super) prune: bool,

    /// Remove whole stacks that PATH no longer declares; needs --prune
    #[arg(long, help_heading = POLICY)]
    pub(super) prune_stacks: bool,

    /// Take over objects that skep did not make: never, if-unowned (what docker stack deploy made for the same stack)
    /// or always [default: if-unowned]
    #[arg(long, value_name = "WHEN", hide_possible_values = true, help_heading = POLICY)]
    pub(super) adopt: Option<Adoption>,

    /// Remove and make again what Swarm cannot update; that means downtime
    #[arg(long, help_heading = POLICY)]
    pub(super) allow_replace: bool,

    /// Write services also while a rollout of them is under way, without waiting for Swarm's verdict on it
    #[arg(long, help_heading = POLICY)]
    pub(super) now: bool,

    /// Lift a guard for this run, as a plan's hold names it: guard-most-services:shop
    #[arg(long, value_name = "GUARD[:STACK]", value_parser = parse_unblock, help_heading = POLICY)]
    pub(super) unblock: Vec<Unblock>,

    /// When to ask registries which image a tag means: always, changed (the reference in the file has) or never [default:
    /// changed]
    #[arg(long, value_name = "WHEN", hide_possible_values = true, help_heading = POLICY)]
    pub(super) resolve_image: Option<ResolveImage>,
}

fn parse_endpoint(text: &str) -> Result<Endpoint, EndpointError> {
    Endpoint::parse(text)
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is set as NAME=VALUE".to_owned()),
    }
}

/// Reads a guard; the names of other holds, which nobody can lift, are refused.
pub(super) fn parse_unblock(text: &str) -> Result<Unblock, String> {
    let unblock: Unblock = text.parse().map_err(|error| format!("{error}"))?;
    let guards = guards();
    if guards.contains(&unblock.guard.as_str()) {
        Ok(unblock)
    } else {
        Err(format!("guards are {}", guards.join(", ")))
    }
}

fn guards() -> Vec<&'static str> {
    use crate::diff::document::HoldCode;
    let codes = HoldCode::ALL.iter().map(|code| code.as_str());
    codes.filter(|code| code.starts_with("guard-")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_guards_can_be_lifted() {
        assert!(parse_unblock("guard-most-services:shop").is_ok());
        assert!(parse_unblock("guard-no-stacks").is_ok());
        let refused = parse_unblock("paused").unwrap_err();
        assert!(refused.contains("guard-whole-stack"), "{refused}");
        assert!(parse_unblock("guard-no-stacks:a b").is_err());
    }

    #[test]
    fn a_variable_needs_a_name() {
        assert_eq!(parse_variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(parse_variable("A="), Ok(("A".to_owned(), String::new())));
        assert!(parse_variable("=b").is_err() && parse_variable("A").is_err());
    }
}
