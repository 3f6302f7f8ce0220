//! The short form of a port: `127.0.0.1:8080-8090:80/tcp`.

use std::net::IpAddr;
use std::ops::RangeInclusive;

/// A parsed short form (docker/go-connections `nat.ParsePortSpec`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The host address, unless it is absent or stands for every address.
    pub ip: Option<String>,
    /// The ports on the host; `None` lets the Swarm choose.
    pub published: Option<PortRange>,
    /// The ports in the container.
    pub target: PortRange,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

impl Spec {
    /// How many ports it stands for.
    pub fn count(&self) -> usize {
        self.published.unwrap_or(self.target).count().max(self.target.count())
    }
}

/// One port, or consecutive ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub first: u32,
    /// The last; the first itself for a single port.
    pub last: u32,
}

impl PortRange {
    /// Reads `80` or `80-90`.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.parse::<u16>().ok().map(u32::from);
        let range = Self { first: number(first)?, last: number(last)? };
        (range.first <= range.last).then_some(range)
    }

    /// Whether it is one port.
    pub fn is_single(self) -> bool {
        self.first == self.last
    }

    /// How many they are.
    pub fn count(self) -> usize {
        self.numbers().count()
    }

    /// The ports.
    pub fn numbers(self) -> RangeInclusive<u32> {
        self.first..=self.last
    }
}

/// Why a short form cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// No port in the container.
    #[error("there is no container port in \"{0}\"")]
    NoTarget(String),
    /// A part is neither a port nor a range.
    #[error("\"{0}\" is neither a port nor a range of ports")]
    Range(String),
    /// Two ranges of different lengths.
    #[error("the ranges \"{0}\" and \"{1}\" differ in length")]
    Lengths(String, String),
    /// No address.
    #[error("\"{0}\" is no address")]
    Address(String),
    /// Another protocol.
    #[error("\"{0}\" is no protocol; use tcp, udp or sctp")]
    Protocol(String),
}

impl PortError {
    /// The same without the text.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::NoTarget(_) => "there is no container port",
            Self::Range(_) => "a part of it is neither a port nor a range of ports",
            Self::Lengths(..) => "its ranges differ in length",
            Self::Address(_) => "its address is no address",
            Self::Protocol(_) => "its protocol is not known; use tcp, udp or sctp",
        }
    }
}

/// Reads a short form.
pub fn parse(text: &str) -> Result<Spec, PortError> {
    let (host, container) = match text.rsplit_once(':') {
        Some((host, container)) => (Some(host), container),
        None => (None, text),
    };
    let (container, protocol) = container.split_once('/').unwrap_or((container, "tcp"));
    let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol.to_lowercase() };
    if container.is_empty() {
        return Err(PortError::NoTarget(text.to_owned()));
    }
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(PortError::Protocol(protocol));
    }
    let range =
        |text: &str| PortRange::parse(text).ok_or_else(|| PortError::Range(text.to_owned()));
    let target = range(container)?;
    let (ip, published) = match host {
        None => ("", ""),
        Some(host) => host.rsplit_once(':').unwrap_or(("", host)),
    };
    let ip = address(ip)?;
    let published = if published.is_empty() { None } else { Some(range(published)?) };
    if let Some(published) = published
        && !target.is_single()
        && published.last - published.first != target.last - target.first
    {
        return Err(PortError::Lengths(
            format!("{}-{}", published.first, published.last),
            container.to_owned(),
        ));
    }
    Ok(Spec { ip, published, target, protocol })
}

fn address(text: &str) -> Result<Option<String>, PortError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if bare.is_empty() {
        return Ok(None);
    }
    match bare.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => Ok(None),
        Ok(address) => Ok(Some(address.to_string())),
        Err(_) => Err(PortError::Address(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(u32, u32, u32, u32, String)> {
        let spec = parse(text).ok()?;
        let published = spec.published.unwrap_or(PortRange { first: 0, last: 0 });
        Some((published.first, published.last, spec.target.first, spec.target.last, spec.protocol))
    }

    #[test]
    fn short_forms_are_read_as_docker_reads_them() {
        let tcp = || "tcp".to_owned();
        assert_eq!(read("80"), Some((0, 0, 80, 80, tcp())));
        assert_eq!(read("80/"), Some((0, 0, 80, 80, tcp())));
        assert_eq!(read("8080:80"), Some((8080, 8080, 80, 80, tcp())));
        assert_eq!(read("8080-8082:80"), Some((8080, 8082, 80, 80, tcp())));
        assert_eq!(read("90-91:90-91/UDP"), Some((90, 91, 90, 91, "udp".to_owned())));
        assert_eq!(read("[::1]:81:81"), Some((81, 81, 81, 81, tcp())));
        assert_eq!(read("127.0.0.1::81"), Some((0, 0, 81, 81, tcp())));
        for bad in
            ["", "80:", "a", "80:80/icmp", "70000", "9-8", "1-2:1-3", "host:80:80", "80/tcp/x"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(parse("127.0.0.1:81:81").unwrap().ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(parse("0.0.0.0:81:81").unwrap().ip, None);
    }
}
