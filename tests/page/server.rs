//! A server that shows a report, and plain requests to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use skep::http::{self, Access, Hooks, Limits, Listener, Page, Shown, serve};
use skep::reconciler::controller::certificates::Certificates;
use skep::reconciler::controller::metrics::{Exposition, Metrics};
use skep::reconciler::controller::pulse::Pulse;
use skep::reconciler::controller::report::Report;
use skep::reconciler::journal::News;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::routes;
use crate::world::{self, Still};

/// What is far longer than any of this takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A server that shows a report.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) reports: watch::Sender<Arc<Report>>,
    pub(crate) happening: watch::Sender<Arc<News>>,
    pub(crate) certificates: watch::Sender<Arc<Certificates>>,
    _stop: watch::Sender<bool>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Server {
    pub(crate) async fn of(report: Report) -> Self {
        Self::start(report, Access::default(), Hooks::default()).await
    }

    pub(crate) async fn start(report: Report, access: Access, hooks: Hooks) -> Self {
        let (reports, shown) = watch::channel(Arc::new(report));
        let (stop, stopped) = watch::channel(false);
        let (happening, _) = watch::channel(Arc::new(world::news()));
        let (certificates, _) = watch::channel(Arc::new(routes::certificates()));
        let metrics = Exposition::new(&Metrics::default(), shown.clone(), Vec::new());
        let page = Page {
            scenes: Some(Box::new(Still(Ok(Arc::new(world::scene()))))),
            news: Some(happening.subscribe()),
            certificates: Some(certificates.subscribe()),
            badges: BTreeSet::from(["shop".to_owned()]),
        };
        let shown = Shown {
            reports: shown,
            pulse: Pulse::new(Arc::default()),
            metrics: Some(metrics),
            access,
            hooks,
            page: Some(page),
        };
        let listener = Listener::tcp(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address().to_owned();
        let router = http::routes(shown);
        tokio::spawn(async move { serve(&listener, router, Limits::default(), stopped).await });
        Self { address, reports, happening, certificates, _stop: stop }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", b"").await
    }

    /// What is answered to who thinks that this is `host`.
    pub(crate) async fn under(&self, host: &str, path: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        self.exchange(&head, b"").await
    }

    /// The whole answer to a request. `headers` are lines that end with a line feed.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{length}{headers}\r\n"
        );
        self.exchange(&head, body).await
    }

    async fn exchange(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        // It may be refused before all of it was sent.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.expect("an end of the answer");
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: unchunked(head, body) }
    }
}

fn unchunked(head: &str, body: &str) -> String {
    if !head.contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let (mut whole, mut rest) = (String::new(), body);
    while let Some((length, more)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            break;
        }
        whole.push_str(&more[..length]);
        rest = &more[length + 2..];
    }
    whole
}
