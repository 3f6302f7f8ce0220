//! The sources of a running controller: those of the settings, else the PATHs of the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::model::error::chain;
use crate::model::name::{FleetName, SourceName};
use crate::reconciler::caddy::{ProxyAddress, ProxyAim};
use crate::reconciler::controller::bell::{Bell, Trigger};
use crate::reconciler::controller::declared::{Declared, Stale};
use crate::reconciler::controller::drift::DriftMode;
use crate::reconciler::controller::report::SettingsReport;
use crate::reconciler::controller::source::{FetchFailure, Remedy};
use crate::reconciler::controller::sources::{Look, Otherwise, Plan, Planned, Sources};
use crate::reconciler::controller::watch_proxy::watch_proxy;
use crate::settings::{self, Settings};
use crate::sources::git::{self, Repositories};
use crate::sources::{DirectoryWatch, FetchError, Snapshot, Source, Timing};

use super::super::args::{GlobalArgs, PolicyArgs, ReadingArgs};
use super::super::error::CommandError;
use super::super::load::Stacks;
use super::super::proxy::DeclaredProxy;
use super::super::repository::{repositories, source};
use super::super::request::{Showing, request, retry};
use super::super::settings::Setup;
use super::fixed::Fixed;

/// The name of the source that PATHs are.
const COMMAND_LINE: &str = "cli";

/// What the command line says about every look at a source.
#[derive(Debug)]
pub(in crate::cli) struct Wanted {
    pub(in crate::cli) global: GlobalArgs,
    /// The installation of skep; another one in the settings counts after a restart.
    pub(in crate::cli) fleet: FleetName,
    pub(in crate::cli) paths: Vec<PathBuf>,
    pub(in crate::cli) reading: ReadingArgs,
    pub(in crate::cli) policy: PolicyArgs,
    pub(in crate::cli) drift: Option<DriftMode>,
}

impl Wanted {
    /// The settings as they are now.
    ///
    /// # Errors
    /// When they cannot be read, or are gone although they `were_there`: nobody takes that for settings that say
    /// nothing, least of all for other sources.
    fn setup(&self, were_there: bool) -> Result<Setup, CommandError> {
        let setup = Setup::load(self.global.config.as_deref(), &self.paths)?;
        if were_there && setup.text.is_none() {
            let error = anyhow::Error::msg("the settings file is gone");
            return Err(
                CommandError::failed(error).hint("put it back, or start the controller anew")
            );
        }
        Ok(setup)
    }
}

/// The sources of a running controller.
#[derive(Debug)]
pub(in crate::cli) struct RunSources {
    wanted: Arc<Wanted>,
    repositories: Repositories,
    bell: Bell,
    stop: CancellationToken,
    /// The text of the settings that the rest was made from.
    text: Option<Vec<u8>>,
    plan: Plan,
    /// What stays as it was at the start.
    fixed: Fixed,
    /// The sources of the settings; none of them are PATHs.
    known: BTreeMap<SourceName, Arc<Source>>,
    watches: Vec<JoinHandle<()>>,
    /// What has settings that could not be followed read again: what was wrong may be around them.
    again: Option<JoinHandle<()>>,
}

impl RunSources {
    /// The sources that `setup` lists, or without any the PATHs. Directories are watched, and ring `bell`. Looks end
    /// early when `stop` is cancelled.
    ///
    /// # Errors
    /// When the PATHs cannot have a name.
    pub(in crate::cli) fn new(
        wanted: Wanted,
        setup: &Setup,
        bell: Bell,
        stop: CancellationToken,
    ) -> Result<Self, CommandError> {
        let mut sources = Self {
            fixed: Fixed::of(setup, &wanted.global),
            wanted: Arc::new(wanted),
            repositories: repositories(),
            bell,
            stop,
            text: None,
            plan: Plan {
                sources: Vec::new(),
                timing: setup.settings.timing(),
                settings: SettingsReport::default(),
            },
            known: BTreeMap::new(),
            watches: Vec::new(),
            again: None,
        };
        sources.follow(setup)?;
        Ok(sources)
    }

    /// Takes up what the settings say, or nothing of it.
    fn follow(&mut self, setup: &Setup) -> Result<(), CommandError> {
        let Setup { settings, directory, text, .. } = setup;
        let proxy = DeclaredProxy::of(setup).aim(self.wanted.global.caddy.as_ref())?;
        let name = COMMAND_LINE.parse().map_err(CommandError::failed)?;
        let Wanted { paths, reading, .. } = &*self.wanted;
        let is_listed = paths.is_empty() && !settings.sources.is_empty();
        self.known = if is_listed { self.listed(settings, directory) } else { BTreeMap::new() };
        let timing = settings.timing();
        let one = |name: SourceName| vec![Planned { name, poll: timing.poll }];
        let sources = match &reading.source {
            Some(name) => one(name.clone()),
            None if is_listed => {
                settings.sources.iter().map(|source| planned(source, timing.poll)).collect()
            }
            None => one(name),
        };
        self.known.retain(|name, _| sources.iter().any(|planned| planned.name == *name));
        let settings = self.plan.settings.clone();
        self.plan = Plan { sources, timing, settings };
        self.text = text.as_ref().map(|(_, text)| text.clone());
        self.watch(proxy);
        Ok(())
    }

    fn listed(&self, settings: &Settings, directory: &Path) -> BTreeMap<SourceName, Arc<Source>> {
        let source = |declared: &settings::Source| {
            let source = source(declared, directory, &self.repositories);
            (source.name.clone(), Arc::new(source))
        };
        settings.sources.iter().map(source).collect()
    }

    /// Has the settings read again when sources are looked at again, too.
    fn reload_later(&mut self) {
        let (bell, pause) = (self.bell.clone(), self.plan.timing.poll);
        let later = tokio::spawn(async move {
            sleep(pause).await;
            bell.ring(Trigger::Settings);
        });
        if let Some(before) = self.again.replace(later) {
            before.abort();
        }
    }

    /// Watches every directory anew, and the proxy.
    fn watch(&mut self, proxy: Option<ProxyAim>) {
        self.watches.drain(..).for_each(|watch| watch.abort());
        let bell = self.bell.clone();
        self.watches.extend(proxy.map(|aim| tokio::spawn(watch_proxy(aim, bell))));
        let of_settings = self
            .known
            .values()
            .filter_map(|source| Some((source.name.clone(), source.directory()?.to_owned())));
        let mut directories: Vec<(SourceName, PathBuf)> = of_settings.collect();
        if let (true, [Planned { name, poll: _ }]) =
            (self.known.is_empty(), self.plan.sources.as_slice())
        {
            let here = [PathBuf::from(".")];
            let paths = &self.wanted.paths;
            let paths = if paths.is_empty() { &here } else { paths.as_slice() };
            directories.extend(paths.iter().map(|path| (name.clone(), path.clone())));
        }
        for (name, path) in directories {
            let bell = self.bell.clone();
            self.watches.push(tokio::spawn(async move {
                let mut watch = DirectoryWatch::start(&path, Timing::default());
                loop {
                    watch.changed().await;
                    bell.ring(Trigger::Look(name.clone()));
                }
            }));
        }
    }
}

impl Sources for RunSources {
    fn look(&self, source: &SourceName, asked: Instant, otherwise: Otherwise) -> Look {
        let (wanted, stop) = (Arc::clone(&self.wanted), self.stop.clone());
        let were_there = self.text.is_some();
        let known = self.known.get(source).cloned();
        Box::pin(async move {
            let (snapshot, stale) = match known {
                Some(source) => match source.fetch(asked, &stop).await.map_err(not_fetched) {
                    Ok(snapshot) => (Some(snapshot), None),
                    Err(failure) => {
                        let (snapshot, stale) =
                            recalled(&source, otherwise, failure, &stop).await?;
                        (Some(snapshot), Some(stale))
                    }
                },
                None => (None, None),
            };
            let commit = snapshot.as_ref().and_then(|snapshot| snapshot.commit.clone());
            // A file system that does not answer holds this thread, and nobody else.
            let looked = spawn_blocking(move || {
                let setup = wanted.setup(were_there)?;
                let stacks = match snapshot {
                    Some(snapshot) => Stacks::of_snapshot(setup, snapshot, &wanted.reading)?,
                    None => Stacks::of_paths(setup, &wanted.paths, &wanted.reading)?,
                };
                let declared = declared(&wanted, stacks);
                Ok::<_, CommandError>(declared.map(|declared| Declared {
                    commit,
                    stale,
                    ..declared
                }))
            });
            match looked.await {
                Ok(Ok(declared)) => declared,
                Ok(Err(error)) => Err(failure(&error, Remedy::Retry)),
                Err(error) => {
                    let reason = error.to_string();
                    Err(FetchFailure { reason, hint: None, remedy: Remedy::Retry })
                }
            }
        })
    }

    fn reload(&mut self) -> Plan {
        let known = self.plan.settings.trouble.take();
        let setup = self.wanted.setup(self.text.is_some());
        let followed = setup.and_then(|setup| {
            setup.refuse_errors()?;
            let needs_restart = self.fixed.changed(&Fixed::of(&setup, &self.wanted.global));
            self.plan.settings = SettingsReport { needs_restart, trouble: None };
            let text = setup.text.as_ref().map(|(_, text)| text);
            if text == self.text.as_ref() { Ok(()) } else { self.follow(&setup) }
        });
        if let Err(error) = followed {
            let (reason, hint) = error.in_short();
            let hint = hint.unwrap_or_default();
            if known.as_ref() != Some(&reason) {
                tracing::error!(hint, "the settings stay as they were: {reason}");
            }
            self.plan.settings.trouble = Some(reason);
            self.reload_later();
        } else if known.is_some() {
            tracing::info!("the settings are followed again");
        }
        self.plan.clone()
    }
}

impl Drop for RunSources {
    fn drop(&mut self) {
        self.watches.drain(..).chain(self.again.take()).for_each(|task| task.abort());
    }
}

/// A source of the settings, which may say itself how often it is looked at.
fn planned(source: &settings::Source, poll: Duration) -> Planned {
    let own = match &source.files {
        settings::SourceFiles::Git(git) => git.interval.map(|interval| interval.0.to_std()),
        settings::SourceFiles::Path(_) => None,
    };
    Planned { name: source.name.value.clone(), poll: own.unwrap_or(poll) }
}

/// What was last read of a source that does not answer, if that is wanted and somebody remembers.
async fn recalled(
    source: &Source,
    otherwise: Otherwise,
    failure: FetchFailure,
    stop: &CancellationToken,
) -> Result<(Snapshot, Stale), FetchFailure> {
    // What a server has refused counts.
    if otherwise == Otherwise::Failure || failure.remedy == Remedy::Change {
        return Err(failure);
    }
    match source.recall(stop).await {
        Ok(Some((snapshot, fetched_at))) => Ok((snapshot, Stale { failure, fetched_at })),
        Ok(None) => Err(failure),
        Err(error) => {
            let reason = chain(&error);
            tracing::warn!(source = %source.name, "what is in the cache cannot be used: {reason}");
            Err(failure)
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn not_fetched(error: FetchError) -> FetchFailure {
    let remedy = match error.remedy() {
        git::Remedy::Retry => Remedy::Retry,
        git::Remedy::Change => Remedy::Change,
    };
    FetchFailure { reason: chain(&error), hint: error.hint(), remedy }
}

fn failure(error: &CommandError, remedy: Remedy) -> FetchFailure {
    let (reason, hint) = error.in_short();
    FetchFailure { reason, hint, remedy }
}

/// What `stacks` declare.
///
/// # Errors
/// When the settings or the lock have errors: only a change of them helps.
fn declared(wanted: &Wanted, mut stacks: Stacks) -> Result<Declared, FetchFailure> {
    let Wanted { global, fleet, paths, reading, policy, drift } = wanted;
    stacks.accept_emptiness();
    let mut modes = stacks.settings.drift_modes();
    modes.default = drift.unwrap_or(modes.default);
    let findings = stacks.findings.clone();
    let revision = stacks.revision.clone().unwrap_or_default();
    let mut digest = digest(&stacks);
    let request = request(global, paths, reading, policy, stacks, None, Showing::default());
    let mut request = request.map_err(|error| failure(&error, Remedy::Change))?;
    if let Some(aim) = &request.proxy {
        // Files of certificates are exchanged without a word in the settings.
        let ProxyAddress { endpoint: _, identity, authority, entry: _ } = &aim.address;
        let identity = identity.as_ref().map(|identity| identity.expose().as_slice());
        for file in [identity, authority.as_deref()] {
            digest.extend(Sha256::digest(file.unwrap_or_default()));
        }
    }
    if request.scope.fleet != *fleet {
        request.scope.fleet = fleet.clone();
        request.view.retry = retry(global, fleet);
    }
    Ok(Declared { request, revision, digest, findings, drift: modes, commit: None, stale: None })
}

/// A digest of everything that was read. It stays in this process, and so may be of secrets.
fn digest(stacks: &Stacks) -> Vec<u8> {
    let read = stacks.sources();
    let mut all = Sha256::new();
    let mut add = |name: &str, content: &[u8]| {
        // Digests have one length, so that nothing can be moved from one to the next unseen.
        all.update(Sha256::digest(name.as_bytes()));
        all.update(Sha256::digest(content));
    };
    for (what, content) in &read.contents {
        add(what, content.expose());
    }
    for (name, value) in &read.variables {
        add(name, value.expose().as_bytes());
    }
    all.finalize().to_vec()
}
