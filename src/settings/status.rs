//! Where the running controller serves how it is, for people, probes and those who collect metrics, and who may read it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;

use crate::model::finding::Finding;
use crate::spec::decode::{Cursor, Decode, Located, Report};

/// What the running controller serves over HTTP. Nothing is served unless `listen` or `metrics_listen` is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StatusSettings {
    /// The address of this machine that is listened on, `127.0.0.1:9323` or `[::1]:9323`, or a unix socket, as
    /// `unix:///path`.
    #[schemars(with = "Option<String>", example = &"127.0.0.1:9323")]
    pub listen: Option<Located<Listen>>,
    /// Whether metrics are served at all; `true` if absent.
    #[schemars(example = true)]
    pub metrics: Option<bool>,
    /// Where metrics are served by themselves, and not at `listen` any more. Nobody is asked who they are there; other
    /// machines may be let in, as with `0.0.0.0:9324`.
    #[schemars(with = "Option<String>", example = &"0.0.0.0:9324")]
    pub metrics_listen: Option<Located<Listen>>,
    /// Whether pages and the same as JSON are served at `listen`; `true` if absent.
    #[schemars(example = true)]
    pub page: Option<bool>,
    /// The file with a token that whoever reads must know, relative to the settings file. `/healthz`, `/readyz` and
    /// badges need none.
    #[schemars(with = "Option<String>", example = &"status-token")]
    pub token_file: Option<Located<String>>,
    /// The header that a proxy in front sets for those whom it has let through, and takes from everybody else:
    /// requests with it need no token, and without a token every request needs it.
    #[schemars(with = "Option<String>", example = &"x-forwarded-user")]
    pub trusted_header: Option<Located<String>>,
}

/// Where is listened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// At an address that only this machine can reach.
    Loopback(SocketAddr),
    /// At an address that other machines can reach, too; for metrics only.
    Network(SocketAddr),
    /// At a unix socket.
    Unix(PathBuf),
}

/// `127.0.0.1:9323` or `unix:///run/skep/http.sock`
impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Loopback(address) | Self::Network(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// Why a text names nothing that may be listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// It has another form.
    #[error("is no address to listen on")]
    Form,
    /// Others than this machine could reach it.
    #[error("can be reached from other machines, and whoever asks there is not asked who they are")]
    Exposed,
}

impl ListenError {
    /// What to write instead.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Form => "write `127.0.0.1:9323`, or `unix:///run/skep/http.sock`",
            Self::Exposed => {
                "listen on `127.0.0.1` or a unix socket, and put a proxy that checks who asks in front of it; for \
                 metrics alone there is `metrics_listen`"
            }
        }
    }
}

impl Listen {
    /// What may be listened on where nobody is told more than numbers and names: addresses of other networks, too.
    ///
    /// # Errors
    /// When `text` has another form.
    pub fn anywhere(text: &str) -> Result<Self, ListenError> {
        let path = text.strip_prefix("unix://").unwrap_or(text);
        if Path::new(path).is_absolute() {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        // A name could mean another address tomorrow; this one cannot.
        let numbers = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        let address: SocketAddr =
            numbers.as_deref().unwrap_or(text).parse().map_err(|_| ListenError::Form)?;
        Ok(if address.ip().is_loopback() {
            Self::Loopback(address)
        } else {
            Self::Network(address)
        })
    }

    /// Whether the system cannot listen on both: they are the same, or one is every address of this machine.
    pub fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unix(path), Self::Unix(other)) => path == other,
            (
                Self::Loopback(address) | Self::Network(address),
                Self::Loopback(other) | Self::Network(other),
            ) => {
                let (ip, other_ip) = (address.ip(), other.ip());
                // `[::]` takes the addresses of version 4 along; `0.0.0.0` none of version 6.
                let covers = |all: IpAddr, one: IpAddr| {
                    all.is_unspecified() && (all.is_ipv6() || one.is_ipv4())
                };
                let is_shared = ip == other_ip || covers(ip, other_ip) || covers(other_ip, ip);
                // For port 0 the system chooses one that is free.
                address.port() != 0 && address.port() == other.port() && is_shared
            }
            (Self::Unix(_), Self::Loopback(_) | Self::Network(_))
            | (Self::Loopback(_) | Self::Network(_), Self::Unix(_)) => false,
        }
    }
}

impl std::str::FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        match Self::anywhere(text)? {
            Self::Network(_) => Err(ListenError::Exposed),
            listen @ (Self::Loopback(_) | Self::Unix(_)) => Ok(listen),
        }
    }
}

impl Decode for StatusSettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let settings = Self {
            listen: fields
                .at("listen")
                .and_then(|at| listen(&at, str::parse, ListenError::hint, report)),
            metrics: fields.get("metrics", report),
            metrics_listen: fields
                .at("metrics_listen")
                .and_then(|at| listen(&at, Listen::anywhere, |_| METRICS_HINT, report)),
            page: fields.get("page", report),
            token_file: fields.get("token_file", report),
            trusted_header: fields.at("trusted_header").and_then(|at| header(&at, report)),
        };
        if let Some(at) = fields.at("token") {
            let finding = at.error("secret-in-settings", "does not belong into this file");
            report.push(finding.hint("put it into a file of its own: `token_file`"));
        }
        fields.finish(report);
        report.extend(settings.doubled());
        Some(settings)
    }
}

impl StatusSettings {
    /// What is wrong if pages and metrics are to be listened for at the same place.
    pub(super) fn doubled(&self) -> Option<Finding> {
        let (listen, metrics) = (self.listen.as_ref()?, self.metrics_listen.as_ref()?);
        listen.value.excludes(&metrics.value).then(|| {
            let message = "status.metrics_listen cannot be where status.listen is";
            let finding = Finding::error("invalid-value", metrics.place.clone(), message);
            finding
                .related(listen.place.clone(), "pages are served here")
                .hint("take another port; without `metrics_listen`, metrics are served at `listen`")
        })
    }
}

/// The name of a header (RFC 9110, 5.6.2), in lower case.
fn header(at: &Cursor<'_>, report: &mut Report) -> Option<Located<String>> {
    let name: Located<String> = at.get(report)?;
    let is_name = |name: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        !name.is_empty() && name.chars().all(fits)
    };
    if !is_name(name.as_str()) {
        let finding = at.error("invalid-value", "is no name of a header");
        report.push(finding.hint("write `x-forwarded-user`, or what your proxy sets"));
        return None;
    }
    let lower = name.as_str().to_ascii_lowercase();
    // Clients send these themselves.
    if matches!(lower.as_str(), "host" | "authorization" | "cookie" | "accept" | "user-agent") {
        let finding = at.error("invalid-value", "is sent by everybody");
        report
            .push(finding.hint("write one that only your proxy sets, such as `x-forwarded-user`"));
        return None;
    }
    Some(name.with(lower))
}

/// What may stand where metrics are listened for.
const METRICS_HINT: &str = "write `127.0.0.1:9324`, `0.0.0.0:9324` for other machines too, or `unix:///run/skep/metrics.sock`";

fn listen(
    at: &Cursor<'_>,
    read: impl Fn(&str) -> Result<Listen, ListenError>,
    hint: impl Fn(ListenError) -> &'static str,
    report: &mut Report,
) -> Option<Located<Listen>> {
    let text: Located<String> = at.get(report)?;
    match read(text.as_str()) {
        Ok(listen) => Some(text.with(listen)),
        Err(error) => {
            report.push(at.error("invalid-value", error).hint(hint(error)));
            None
        }
    }
}
