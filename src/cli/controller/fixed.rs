//! Settings that count for as long as the controller runs: what changes in them counts after a restart.

use std::path::PathBuf;

use crate::history::Limits;
use crate::model::place::Place;
use crate::settings::{HistorySettings, NotificationSettings, Settings, StatusSettings};
use crate::spec::decode::Located;
use crate::swarm::{Declared, Surroundings};

use super::super::args::GlobalArgs;
use super::super::settings::Setup;

/// The settings that are fixed, as far as neither flags nor variables say something else.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fixed {
    fleet: Option<String>,
    engine: Option<Declared>,
    socket: Option<PathBuf>,
    status: Option<StatusSettings>,
    history: Option<History>,
    notifications: Option<NotificationSettings>,
    badges: Vec<String>,
    hooks: Vec<(String, String)>,
}

/// Where the history is kept, and how much of it.
type History = (Option<bool>, Option<PathBuf>, Limits);

impl Fixed {
    /// Those in `setup`.
    pub(super) fn of(setup: &Setup, global: &GlobalArgs) -> Self {
        let Setup { settings, directory, .. } = setup;
        let is_told = global.host.is_some() || Surroundings::of_process().name_an_engine();
        let fleet = settings.fleet.as_ref().map(|fleet| fleet.value.to_string());
        let engine = settings.engine.as_ref().map(|engine| engine.declared(directory));
        let history = |history: &HistorySettings| {
            let HistorySettings { enabled, path, age: _, events: _, releases: _ } = history;
            let path = path.as_ref().map(|path| directory.join(path.as_str()));
            (*enabled, path, history.limits())
        };
        Self {
            fleet: fleet.filter(|_| global.fleet.is_none()),
            engine: engine.filter(|_| !is_told),
            socket: settings.socket.as_ref().map(PathBuf::from),
            status: settings.status.as_ref().map(nowhere),
            history: settings.history.as_ref().map(history),
            notifications: settings.notifications.clone(),
            badges: badges(settings),
            hooks: hooks(settings),
        }
    }

    /// The keys whose values are others than in `now`.
    pub(super) fn changed(&self, now: &Self) -> Vec<&'static str> {
        let Self { fleet, engine, socket, status, history, notifications, badges, hooks } = self;
        let changed = [
            (*fleet != now.fleet, "fleet"),
            (*engine != now.engine, "engine"),
            (*socket != now.socket, "socket"),
            (*status != now.status, "status"),
            (*history != now.history, "history"),
            (*notifications != now.notifications, "notifications"),
            (*badges != now.badges, "stacks.badge"),
            (*hooks != now.hooks, "sources.webhook_secret_file"),
        ];
        changed.into_iter().filter_map(|(is, key)| is.then_some(key)).collect()
    }
}

/// The stacks that have a badge.
pub(super) fn badges(settings: &Settings) -> Vec<String> {
    let wanted = settings.stacks.iter().filter(|stack| stack.badge == Some(true));
    wanted.map(|stack| stack.name.value.to_string()).collect()
}

/// The sources that have a hook, and the files with the secrets.
pub(super) fn hooks(settings: &Settings) -> Vec<(String, String)> {
    let hooks = settings.sources.iter().filter_map(|source| {
        let file = source.webhook_secret_file.as_ref()?;
        Some((source.name.value.to_string(), file.value.clone()))
    });
    hooks.collect()
}

/// The same settings wherever they stand in the file.
fn nowhere(status: &StatusSettings) -> StatusSettings {
    let StatusSettings { listen, metrics, metrics_listen, page, token_file, trusted_header } =
        status.clone();
    let place = || Place::file("");
    StatusSettings {
        listen: listen.map(|listen| Located::new(listen.value, place())),
        metrics,
        metrics_listen: metrics_listen.map(|listen| Located::new(listen.value, place())),
        page,
        token_file: token_file.map(|file| Located::new(file.value, place())),
        trusted_header: trusted_header.map(|name| Located::new(name.value, place())),
    }
}
