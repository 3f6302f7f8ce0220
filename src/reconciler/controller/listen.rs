//! Listening to the engine's events, for as long as the controller runs, and to another manager's when one falls silent.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::model::error::chain;
use crate::swarm::{Events, Managers, SwarmError};

use super::backoff::Backoff;
use super::bell::{Bell, Trigger};
use super::reason::Reason;

/// The longest pause between attempts to hear the engine's events. One attempt is one small request.
const DEAF: Duration = Duration::from_secs(15);
/// How long nothing may be heard before the engine is listened to anew: a quiet Swarm and a dead stream sound alike.
const SILENCE: Duration = Duration::from_secs(300);

/// Rings `bell` whenever one of `managers` tells of a change, and after every gap in what they tell. They are listened to
/// anew when `reopened` tells that passes had to begin anew, too. It never ends.
pub async fn listen(mut managers: Managers, bell: Bell, reopened: &Notify, chance: fn() -> f64) {
    let listener = Listener { bell, silence: SILENCE };
    let mut backoff = Backoff::transient(DEAF);
    loop {
        let error = match listener.hear(&mut managers, &mut backoff, reopened).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        tracing::debug!(reason = chain(&error), "the engine's events cannot be heard");
        sleep(backoff.next(chance())).await;
    }
}

struct Listener {
    bell: Bell,
    silence: Duration,
}

impl Listener {
    async fn hear(
        &self,
        managers: &mut Managers,
        backoff: &mut Backoff,
        reopened: &Notify,
    ) -> Result<Infallible, SwarmError> {
        let mut events = open(managers).await?;
        self.bell.ring(Trigger::Pass(Reason::Gap));
        loop {
            let told = tokio::select! {
                told = self.tell(&mut events) => Some(told),
                () = sleep(self.silence) => None,
                () = reopened.notified() => None,
            };
            match told {
                Some(told) => {
                    told.inspect_err(|error| {
                        managers.failed(error);
                    })?;
                    backoff.reset();
                }
                None => events = self.renew(events, managers).await?,
            }
        }
    }

    /// Rings for the next event.
    async fn tell(&self, events: &mut Events) -> Result<(), SwarmError> {
        let event = events.next().await?;
        tracing::trace!(
            kind = event.kind,
            action = event.action,
            name = event.object.attributes.name,
            "event"
        );
        self.bell.ring(Trigger::Pass(Reason::Event));
        Ok(())
    }

    /// Listens anew in place of `events`, which may be dead, unless they speak meanwhile. That is no gap but at another
    /// manager: what was missed of the same one, the next comparison of everything sees.
    async fn renew(
        &self,
        mut events: Events,
        managers: &mut Managers,
    ) -> Result<Events, SwarmError> {
        let of = |managers: &Managers| managers.current().map(|one| one.endpoint.clone());
        let before = of(managers);
        let fresh = tokio::select! {
            biased;
            // How they end does not matter any more.
            Ok(()) = self.tell(&mut events) => return Ok(events),
            fresh = open(managers) => fresh?,
        };
        if of(managers) != before {
            self.bell.ring(Trigger::Pass(Reason::Gap));
        }
        Ok(fresh)
    }
}

async fn open(managers: &mut Managers) -> Result<Events, SwarmError> {
    let connection = managers.connect().await?;
    let opened = Events::open(&connection).await;
    opened.inspect_err(|error| {
        managers.failed(error);
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use tempfile::TempDir;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::{broadcast, watch};
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;
    use crate::swarm::{Address, Endpoint, Origin};

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(20);
    const GREETING: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nContent-Length: 0\r\n\r\n";
    const INFO: &str = r#"{"Swarm": {"ControlAvailable": true, "Cluster": {"ID": "one"}}}"#;
    const BEGIN: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const EVENT: &str = r#"{"Type": "service", "Action": "update", "Actor": {}}"#;

    /// A manager that tells events to those who begin to listen while it does.
    struct Manager {
        path: PathBuf,
        events: broadcast::Sender<()>,
        /// How often somebody began to listen.
        heard: watch::Receiver<usize>,
        accepting: JoinHandle<()>,
    }

    impl Manager {
        fn start(folder: &TempDir, name: &str) -> Self {
            let path = folder.path().join(name);
            let listener = UnixListener::bind(&path).unwrap();
            let (events, _) = broadcast::channel(8);
            let (begun, heard) = watch::channel(0);
            let told = events.clone();
            let accepting = tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, told.clone(), begun.clone()));
                }
            });
            Self { path, events, heard, accepting }
        }

        fn endpoint(&self) -> Endpoint {
            Endpoint { address: Address::Unix(self.path.clone()), origin: Origin::Flag }
        }

        async fn is_heard(&mut self, times: usize) {
            let heard = self.heard.wait_for(|heard| *heard >= times);
            timeout(LONG, heard).await.expect("somebody listens").unwrap();
        }
    }

    async fn answer(
        stream: UnixStream,
        events: broadcast::Sender<()>,
        begun: watch::Sender<usize>,
    ) {
        let mut stream = BufReader::new(stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            if head.contains("/_ping") {
                stream.write_all(GREETING.as_bytes()).await.unwrap();
            } else if head.contains("/info") {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", INFO.len());
                stream.write_all((head + INFO).as_bytes()).await.unwrap();
            } else {
                let mut told = events.subscribe();
                stream.write_all(BEGIN.as_bytes()).await.unwrap();
                begun.send_modify(|begun| *begun += 1);
                while told.recv().await.is_ok() {
                    let chunk = format!("{:x}\r\n{EVENT}\n\r\n", EVENT.len() + 1);
                    if stream.write_all(chunk.as_bytes()).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Somebody who listens to these.
    fn begin(managers: &[&Manager], silence: Duration, reopened: Arc<Notify>) -> Bell {
        let mut managers = Managers::new(managers.iter().map(|one| one.endpoint()).collect());
        let bell = Bell::default();
        let listener = Listener { bell: bell.clone(), silence };
        tokio::spawn(async move {
            let mut backoff = Backoff::transient(DEAF);
            listener.hear(&mut managers, &mut backoff, &reopened).await
        });
        bell
    }

    async fn rung(bell: &Bell) -> Vec<Trigger> {
        timeout(LONG, bell.rung()).await.expect("it rings").into_iter().collect()
    }

    #[tokio::test]
    async fn a_silent_engine_is_listened_to_anew_and_that_alone_is_no_reason_for_a_pass() {
        let folder = tempfile::tempdir().unwrap();
        let mut manager = Manager::start(&folder, "engine");
        let bell = begin(&[&manager], Duration::from_millis(100), Arc::default());
        assert_eq!(rung(&bell).await, [Trigger::Pass(Reason::Gap)]);
        manager.is_heard(3).await;
        manager.events.send(()).unwrap();
        assert_eq!(rung(&bell).await, [Trigger::Pass(Reason::Event)]);
    }

    #[tokio::test]
    async fn where_passes_had_to_begin_anew_another_manager_is_listened_to() {
        let folder = tempfile::tempdir().unwrap();
        let [mut first, mut second] = ["first", "second"].map(|name| Manager::start(&folder, name));
        let reopened = Arc::new(Notify::new());
        let bell = begin(&[&first, &second], SILENCE, Arc::clone(&reopened));
        assert_eq!(rung(&bell).await, [Trigger::Pass(Reason::Gap)]);
        first.is_heard(1).await;
        // It is gone, and its end of the stream does not say so.
        first.accepting.abort();
        assert!((&mut first.accepting).await.is_err());
        reopened.notify_one();
        second.is_heard(1).await;
        assert_eq!(rung(&bell).await, [Trigger::Pass(Reason::Gap)]);
        second.events.send(()).unwrap();
        assert_eq!(rung(&bell).await, [Trigger::Pass(Reason::Event)]);
    }
}
