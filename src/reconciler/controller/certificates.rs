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

use super::report::Report;
use super::routes::RoutesSight;

/// After how long a certificate that clients take is looked at again.
const AGAIN: Duration = Duration::from_secs(3600);
/// After how long one that they do not take is, or an entry point that could not be reached. Most often it is just
/// being got.
const SOON: Duration = Duration::from_secs(120);
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

/// What is known, and when it is looked at again.
#[derive(Debug, Default)]
struct Watch {
    known: Certificates,
    due: BTreeMap<String, Instant>,
    /// Where they were seen.
    entry: Option<String>,
    /// When an entry point that could not be reached is tried again.
    retry: Option<Instant>,
}

impl Watch {
    /// Looks at what is due, and tells when something is next.
    async fn renew(&mut self, routes: &RoutesSight, entrance: &impl Entrance) -> Option<Instant> {
        let names: BTreeSet<String> =
            routes.routes.iter().filter_map(RouteStatus::name_to_ask).collect();
        if self.entry != routes.entry {
            *self = Self { entry: routes.entry.clone(), ..Self::default() };
        }
        self.known.by_name.retain(|name, _| names.contains(name));
        self.due.retain(|name, _| names.contains(name));
        let entry = routes.entry.as_deref().filter(|_| !names.is_empty())?;
        let now = Instant::now();
        if let Some(retry) = self.retry.filter(|retry| *retry > now) {
            return Some(retry);
        }
        self.retry = None;
        let is_due = |name: &String| self.due.get(name).is_none_or(|due| *due <= now);
        let names: Vec<String> = names.into_iter().filter(is_due).collect();
        if !names.is_empty() {
            // Whoever cannot be reached is not asked for each host.
            let reached = entrance.reach(entry).await;
            self.known.problem = reached.err().map(|error| chain(&error));
            if self.known.problem.is_some() {
                self.retry = Some(Instant::now() + SOON);
                return self.retry;
            }
        }
        let look = async |name: String| {
            let shown = entrance.show(entry, &name).await;
            (name, shown)
        };
        let mut looks = stream::iter(names).map(look).buffer_unordered(AT_ONCE);
        while let Some((name, shown)) = looks.next().await {
            let certificate = CertificateStatus::of(&shown, Timestamp::now());
            let pause = if certificate.problem.is_none() { AGAIN } else { SOON };
            self.due.insert(name.clone(), Instant::now() + pause);
            self.known.by_name.insert(name, certificate);
        }
        self.due.values().copied().min()
    }
}

/// Keeps `told` up to date with what the proxy shows for the routes of `reports`. It never ends while there are some.
pub async fn watch_certificates(
    mut reports: watch::Receiver<Arc<Report>>,
    told: watch::Sender<Arc<Certificates>>,
) {
    let mut watch = Watch::default();
    loop {
        let sight = reports.borrow_and_update().sight.clone();
        let due = match sight {
            Some(sight) => {
                let due = watch.renew(&sight.routes, &Network).await;
                if **told.borrow() != watch.known {
                    told.send_replace(Arc::new(watch.known.clone()));
                }
                due
            }
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
    use std::cell::RefCell;
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
        let known = Known { fleet: &fleet, live: Some(&live), declared: None, status: &status };
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
        is_gone: bool,
        asked: RefCell<Vec<String>>,
    }

    impl Entrance for Fake {
        async fn reach(&self, entry: &str) -> Result<(), HandshakeError> {
            let source = io::ErrorKind::ConnectionRefused.into();
            let gone = HandshakeError::Connect { address: entry.to_owned(), source };
            if self.is_gone { Err(gone) } else { Ok(()) }
        }

        async fn show(&self, entry: &str, host: &str) -> Result<ShownCertificate, HandshakeError> {
            self.asked.borrow_mut().push(format!("{entry} {host}"));
            Ok(ShownCertificate { fits: host != "b.example.com", ..shown() })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn certificates_are_looked_at_once_and_again_after_a_while_and_bad_ones_sooner() {
        let fake = Fake::default();
        let handshake = &fake;
        let asked = &fake.asked;
        let mut watch = Watch::default();
        let sight = routes(&["a.example.com", "b.example.com"]);
        let begin = Instant::now();
        let due = watch.renew(&sight, handshake).await.unwrap();
        assert_eq!(due - begin, SOON);
        let both = ["127.0.0.1:443 a.example.com", "127.0.0.1:443 b.example.com"];
        assert_eq!(asked.take(), both);
        let of = |known: &Certificates, at: usize| {
            let certificate = known.of(&sight.routes[at]).unwrap();
            (certificate.issuer.clone().unwrap(), certificate.problem.clone())
        };
        assert_eq!(of(&watch.known, 0), ("R11".to_owned(), None));
        assert_eq!(of(&watch.known, 1), ("R11".to_owned(), Some("is for other names".to_owned())));
        watch.renew(&sight, handshake).await;
        assert_eq!(asked.take(), [""; 0]);
        tokio::time::advance(SOON).await;
        watch.renew(&sight, handshake).await;
        assert_eq!(asked.take(), both[1..]);
        tokio::time::advance(AGAIN).await;
        watch.renew(&sight, handshake).await;
        assert_eq!(asked.take(), both);
        // Of routes that are gone nothing is kept, and at another entry point all is looked at anew.
        assert_eq!(
            watch.renew(&RoutesSight { routes: Vec::new(), ..sight }, handshake).await,
            None
        );
        assert!(watch.known.by_name.is_empty() && watch.due.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_point_that_cannot_be_reached_is_left_alone_for_a_while() {
        let gone = Fake { is_gone: true, ..Fake::default() };
        let hosts: Vec<String> = (0..300).map(|number| format!("h{number}.example.com")).collect();
        let sight = routes(&hosts.iter().map(String::as_str).collect::<Vec<_>>());
        let mut watch = Watch::default();
        let begin = Instant::now();
        let due = watch.renew(&sight, &gone).await.unwrap();
        assert_eq!(due - begin, SOON);
        let problem = watch.known.problem.clone().unwrap();
        assert!(problem.starts_with("cannot connect to 127.0.0.1:443: "), "{problem}");
        assert_eq!(watch.known.of(&sight.routes[0]), None);
        // It is there again, and nobody looks before the time has come.
        let fake = Fake::default();
        watch.renew(&sight, &fake).await;
        assert_eq!((fake.asked.take().len(), watch.known.problem.is_some()), (0, true));
        tokio::time::advance(SOON).await;
        watch.renew(&sight, &fake).await;
        assert_eq!((fake.asked.take().len(), watch.known.problem.clone()), (300, None));
        assert_eq!(watch.known.by_name.len(), 300);
    }
}
