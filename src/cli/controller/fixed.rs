//! Settings that count for as long as the controller runs: what changes in them counts after a restart.

use std::path::PathBuf;

use crate::history::Limits;
use crate::settings::{HistorySettings, Listen, NotificationSettings, StatusSettings};
use crate::swarm::{Declared, Surroundings};

use super::super::args::GlobalArgs;
use super::super::settings::Setup;

/// The settings that are fixed, as far as neither flags nor variables say something else.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fixed {
    fleet: Option<String>,
    engine: Option<Declared>,
    socket: Option<PathBuf>,
    status: Option<(Option<Listen>, Option<bool>)>,
    history: Option<History>,
    notifications: Option<NotificationSettings>,
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
        let status = |status: &StatusSettings| {
            let StatusSettings { listen, metrics } = status;
            (listen.as_ref().map(|listen| listen.value.clone()), *metrics)
        };
        let history = |history: &HistorySettings| {
            let HistorySettings { enabled, path, age: _, events: _, releases: _ } = history;
            let path = path.as_ref().map(|path| directory.join(path.as_str()));
            (*enabled, path, history.limits())
        };
        Self {
            fleet: fleet.filter(|_| global.fleet.is_none()),
            engine: engine.filter(|_| !is_told),
            socket: settings.socket.as_ref().map(PathBuf::from),
            status: settings.status.as_ref().map(status),
            history: settings.history.as_ref().map(history),
            notifications: settings.notifications.clone(),
        }
    }

    /// The keys whose values are others than in `now`.
    pub(super) fn changed(&self, now: &Self) -> Vec<&'static str> {
        let Self { fleet, engine, socket, status, history, notifications } = self;
        let changed = [
            (*fleet != now.fleet, "fleet"),
            (*engine != now.engine, "engine"),
            (*socket != now.socket, "socket"),
            (*status != now.status, "status"),
            (*history != now.history, "history"),
            (*notifications != now.notifications, "notifications"),
        ];
        changed.into_iter().filter_map(|(is, key)| is.then_some(key)).collect()
    }
}
