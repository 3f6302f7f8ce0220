//! The certificates that the proxy shows for the hosts of routes, looked at now and then: it tells nobody of new ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::model::error::chain;
use crate::proxy::{HandshakeError, ShownCertificate, reach, shown_certificate};
use crate::reconciler::route_status::{CertificateStatus, RouteStatus};

use super::backoff::Backoff;
use super::report::Report;
use super::routes::RoutesSight;

/// After how long a certificate that clients take is looked at again.
const AGAIN: Duration = Duration::from_secs(3600);
/// How many handshakes are made at a time.
const AT_ONCE: usize = 4;

/// The certificates that were seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificates {
    /// Why the entry point cannot be reached, while it cannot.
    pub problem: Option<String>,
    /// What is shown for each name that was asked for.
    pub by_name: BTreeMap<String, CertificateStatus>,
}

impl Certificates {
    /// What is shown for the host of `route`, as far as it was looked at.
    pub fn of(&self, route: &RouteStatus) -> Option<&CertificateStatus> {
        self.by_name.get(&route.name_to_ask()?)
    }
}

/// The entry point of a proxy, as `host:port`.
trait Entrance {
    /// Whether it is there at all.
    async fn reach(&self, entry: &str) -> Result<(), HandshakeError>;
    /// What it shows for a host.
    async fn show(&self, entry: &str, host: &str) -> Result<ShownCertificate, HandshakeError>;
}

/// The one on the network.
struct Network;

impl Entrance for Network {
    async fn reach(&self, entry: &str) -> Result<(), HandshakeError> {
        reach(entry).await
    }

    async fn show(&self, entry: &str, host: &str) -> Result<ShownCertificate, HandshakeError> {
        shown_certificate(entry, host).await
    }
}

/// When something is tried again, and how much later after that while it goes on failing.
#[derive(Debug)]
struct Turn {
    at: Instant,
    pause: Backoff,
}

impl Turn {
    /// The first one, which is at once.
    fn first() -> Self {
        Self { at: Instant::now(), pause: Backoff::handshake() }
    }

    fn is_due(&self) -> bool {
        self.at <= Instant::now()
    }

    /// It went well.
    fn done(&mut self) {
        self.pause.reset();
        self.at = Instant::now() + AGAIN;
    }

    /// It did not. Most often that is soon over: Caddy begins to get a certificate when it is given the route.
    fn failed(&mut self) {
        self.at = Instant::now() + self.pause.next(0.0);
    }
}

/// What is looked at when, and what was seen.
#[derive(Debug, Default)]
struct Watch {
    told: watch::Sender<Arc<Certificates>>,
    /// By name, of those that were looked at.
    turns: BTreeMap<String, Turn>,
    /// Where they were seen.
    entry: Option<String>,
    /// When an entry point that could not be reached is tried again.
    retry: Option<Turn>,
}

impl Watch {
    /// Looks at what is due, tells each thing that is seen at once, and returns when something is next.
    async fn renew(&mut self, routes: &RoutesSight, entrance: &impl Entrance) -> Option<Instant> {
        // While Caddy cannot be asked, nobody knows which hosts it has; what was seen of them stays true.
        let entry = routes.entry.as_deref()?;
        let names: BTreeSet<String> =
            routes.routes.iter().filter_map(RouteStatus::name_to_ask).collect();
        if self.entry.as_deref() != Some(entry) || names.is_empty() {
            self.entry = Some(entry.to_owned());
            self.retry = None;
            self.forget(None);
        }
        self.turns.retain(|name, _| names.contains(name));
        self.told.send_if_modified(|known| {
            let is_over = known.by_name.keys().any(|name| !names.contains(name));
            if is_over {
                Arc::make_mut(known).by_name.retain(|name, _| names.contains(name));
            }
            is_over
        });
        if let Some(retry) = self.retry.as_ref().filter(|retry| !retry.is_due()) {
            return Some(retry.at);
        }
        let is_due = |name: &String| self.turns.get(name).is_none_or(Turn::is_due);
        let names: Vec<String> = names.into_iter().filter(is_due).collect();
        if !names.is_empty() {
            // Whoever cannot be reached is not asked for each host.
            if let Err(error) = entrance.reach(entry).await {
                self.forget(Some(chain(&error)));
                let retry = self.retry.get_or_insert_with(Turn::first);
                retry.failed();
                return Some(retry.at);
            }
            self.retry = None;
            self.told.send_modify(|known| Arc::make_mut(known).problem = None);
        }
        let look = async |name: String| {
            let shown = entrance.show(entry, &name).await;
            (name, shown)
        };
        let mut looks = stream::iter(names).map(look).buffer_unordered(AT_ONCE);
        while let Some((name, shown)) = looks.next().await {
            let certificate = CertificateStatus::of(&shown, Timestamp::now());
            let turn = self.turns.entry(name.clone()).or_insert_with(Turn::first);
            if certificate.problem.is_none() {
                turn.done();
            } else {
                turn.failed();
            }
            self.told.send_modify(|known| {
                Arc::make_mut(known).by_name.insert(name, certificate);
            });
        }
        self.turns.values().map(|turn| turn.at).min()
    }

    /// Forgets what was seen, because of `problem` or because nobody wants to know any more.
    fn forget(&mut self, problem: Option<String>) {
        self.turns.clear();
        self.told.send_replace(Arc::new(Certificates { problem, by_name: BTreeMap::new() }));
    }
}

/// Keeps `told` up to date with what the proxy shows for the routes of `reports`. It never ends while there are some.
pub async fn watch_certificates(
    mut reports: watch::Receiver<Arc<Report>>,
    told: watch::Sender<Arc<Certificates>>,
) {
    let mut watch = Watch { told, ..Watch::default() };
    loop {
        let sight = reports.borrow_and_update().sight.clone();
        let due = match sight {
            Some(sight) => watch.renew(&sight.routes, &Network).await,
            None => None,
        };
        let is_due = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = reports.changed() => if changed.is_err() { return },
            () = is_due => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::io;

    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::model::name::FleetName;
    use crate::proxy::{Features, Live};
    use crate::reconciler::controller::example;
    use crate::reconciler::route_status::{Known, fold};

    /// Live routes for these hosts.
    fn routes(hosts: &[&str]) -> RoutesSight {
        let fleet: FleetName = "default".parse().unwrap();
        let routes: Vec<_> = hosts
            .iter()
            .map(|host| json!({ "@id": format!("skep:default:shop:https:{host}~*") }))
            .collect();
        let servers = json!({ "srv0": { "routes": routes } });
        let live = Live {
            config: json!({ "apps": { "http": { "servers": servers } } }),
            etag: None,
            features: Features::MODERN,
        };
        let status = example::report().status.unwrap();
        let elsewhere = BTreeSet::new();
        let (fleet, live, status, elsewhere) = (&fleet, Some(&live), &status, &elsewhere);
        let known = Known { fleet, live, declared: None, elsewhere, status };
        let entry = Some("127.0.0.1:443".to_owned());
        RoutesSight { entry, routes: fold(&known), ..RoutesSight::default() }
    }

    fn shown() -> ShownCertificate {
        let expires = Timestamp::now() + SignedDuration::from_hours(900);
        ShownCertificate { issuer: "R11".to_owned(), expires, fits: true }
    }

    /// An entrance that shows a certificate for everybody, and for `b.example.com` one of others.
    #[derive(Default)]
    struct Fake {
        is_gone: Cell<bool>,
        asked: RefCell<Vec<String>>,
        /// What was told when each of them was asked for.
        told: RefCell<Vec<usize>>,
        known: Option<watch::Receiver<Arc<Certificates>>>,
    }

    impl Entrance for Fake {
        async fn reach(&self, entry: &str) -> Result<(), HandshakeError> {
            let source = io::ErrorKind::ConnectionRefused.into();
            let gone = HandshakeError::Connect { address: entry.to_owned(), source };
            if self.is_gone.get() { Err(gone) } else { Ok(()) }
        }

        async fn show(&self, entry: &str, host: &str) -> Result<ShownCertificate, HandshakeError> {
            self.asked.borrow_mut().push(format!("{entry} {host}"));
            let told = self.known.iter().map(|known| known.borrow().by_name.len());
            self.told.borrow_mut().extend(told);
            Ok(ShownCertificate { fits: host != "b.example.com", ..shown() })
        }
    }

    /// What is known by now.
    fn known(watch: &Watch) -> Arc<Certificates> {
        Arc::clone(&watch.told.borrow())
    }

    /// The pauses, in seconds, after which something is tried again.
    async fn pauses(watch: &mut Watch, sight: &RoutesSight, fake: &Fake) -> [u64; 7] {
        let mut pauses = [0; 7];
        for pause in &mut pauses {
            let due = watch.renew(sight, fake).await.unwrap();
            *pause = (due - Instant::now()).as_secs();
            tokio::time::advance(due - Instant::now()).await;
        }
        pauses
    }

    const PAUSES: [u64; 7] = [5, 10, 20, 40, 80, 120, 120];

    #[tokio::test(start_paused = true)]
    async fn certificates_are_looked_at_once_and_again_after_a_while_and_bad_ones_sooner() {
        let fake = Fake::default();
        let mut watch = Watch::default();
        let sight = routes(&["a.example.com", "b.example.com"]);
        assert_eq!(pauses(&mut watch, &sight, &fake).await, PAUSES);
        let [a, b] = ["a", "b"].map(|name| format!("127.0.0.1:443 {name}.example.com"));
        let mut asked = fake.asked.take();
        assert_eq!((asked.remove(0), asked.len()), (a.clone(), 7));
        assert!(asked.iter().all(|asked| *asked == b), "{asked:?}");
        let seen = known(&watch);
        let of = |at: usize| {
            let certificate = seen.of(&sight.routes[at]).unwrap();
            (certificate.issuer.as_deref().unwrap(), certificate.problem.as_deref())
        };
        assert_eq!((of(0), of(1)), (("R11", None), ("R11", Some("is for other names"))));
        watch.renew(&sight, &fake).await;
        fake.asked.take();
        watch.renew(&sight, &fake).await;
        assert_eq!(fake.asked.take(), [""; 0]);
        tokio::time::advance(AGAIN).await;
        watch.renew(&sight, &fake).await;
        assert_eq!(fake.asked.take(), [a, b]);

        // A pass that could not ask Caddy tells nothing about them, and at another entry point all is looked at anew.
        assert_eq!(watch.renew(&RoutesSight::default(), &fake).await, None);
        assert_eq!(known(&watch).by_name.len(), 2);
        watch.renew(&sight, &fake).await;
        assert_eq!(fake.asked.take(), [""; 0]);
        let moved = RoutesSight { entry: Some("127.0.0.2:443".to_owned()), ..sight.clone() };
        watch.renew(&moved, &fake).await;
        let there = ["a", "b"].map(|name| format!("127.0.0.2:443 {name}.example.com"));
        assert_eq!(fake.asked.take(), there);
        // Of routes that are gone nothing is kept.
        let fewer = RoutesSight { routes: moved.routes[..1].to_vec(), ..moved.clone() };
        watch.renew(&fewer, &fake).await;
        assert_eq!((known(&watch).by_name.len(), watch.turns.len()), (1, 1));
        assert_eq!(watch.renew(&RoutesSight { routes: Vec::new(), ..moved }, &fake).await, None);
        assert!(known(&watch).by_name.is_empty() && watch.turns.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_point_that_cannot_be_reached_is_left_alone_for_a_while() {
        let hosts: Vec<String> = (0..300).map(|number| format!("h{number}.example.com")).collect();
        let sight = routes(&hosts.iter().map(String::as_str).collect::<Vec<_>>());
        let mut watch = Watch::default();
        let fake = Fake { known: Some(watch.told.subscribe()), ..Fake::default() };
        watch.renew(&sight, &fake).await;
        assert_eq!((fake.asked.take().len(), known(&watch).by_name.len()), (300, 300));
        // Nobody waits for the last one to be told of the first.
        assert!(fake.told.take().iter().enumerate().all(|(at, told)| at < told + AT_ONCE));

        fake.is_gone.set(true);
        tokio::time::advance(AGAIN).await;
        assert_eq!(pauses(&mut watch, &sight, &fake).await, PAUSES);
        let problem = known(&watch).problem.clone().unwrap();
        assert!(problem.starts_with("cannot connect to 127.0.0.1:443: "), "{problem}");
        assert_eq!(known(&watch).of(&sight.routes[0]), None);
        // It is there again, and nobody looks before the time has come.
        let due = watch.renew(&sight, &fake).await.unwrap();
        fake.is_gone.set(false);
        watch.renew(&sight, &fake).await;
        assert_eq!((fake.asked.take().len(), known(&watch).problem.is_some()), (0, true));
        tokio::time::advance(due - Instant::now()).await;
        watch.renew(&sight, &fake).await;
        assert_eq!((fake.asked.take().len(), known(&watch).problem.clone()), (300, None));
        assert_eq!(known(&watch).by_name.len(), 300);

        // Where nothing is to be asked for any more, it does not matter who can be reached.
        fake.is_gone.set(true);
        tokio::time::advance(AGAIN).await;
        watch.renew(&sight, &fake).await;
        let none = RoutesSight { routes: Vec::new(), ..sight.clone() };
        assert_eq!(watch.renew(&none, &fake).await, None);
        assert_eq!(*known(&watch), Certificates::default());
        fake.is_gone.set(false);
        watch.renew(&sight, &fake).await;
        assert_eq!(fake.asked.take().len(), 300);
    }
}
