//! The `@id` by which an object of Caddy is known as skep's, and as whose.
//!
//! Caddy finds objects by `@id` in the path of a URL, so an id has only letters, digits and `_.:*~-`.

use std::fmt;
use std::str::FromStr as _;

use crate::model::name::{FleetName, StackName};
use crate::model::route::{HostPattern, PathPattern, RouteKey};

/// What every id of skep begins with.
pub(super) const PREFIX: &str = "skep:";

/// Which of the proxy's entry points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entry {
    /// The one with TLS.
    Https,
    /// The one without.
    Http,
}

impl Entry {
    /// Its name in ids and names of servers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// Which route of whom: `skep:default:shop:https:shop.example.com~api~*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RouteId {
    /// The fleet that made it.
    pub fleet: FleetName,
    /// The stack that declares it.
    pub stack: StackName,
    /// Where it stands.
    pub entry: Entry,
    /// Which route.
    pub key: RouteKey,
}

impl RouteId {
    /// Reads an id; `None` if it is none of a route of skep.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(PREFIX)?.splitn(4, ':');
        let fleet = FleetName::from_str(parts.next()?).ok()?;
        let stack = StackName::from_str(parts.next()?).ok()?;
        let entry = match parts.next()? {
            "https" => Entry::Https,
            "http" => Entry::Http,
            _ => return None,
        };
        let rest = parts.next()?;
        let path = rest.find('~').unwrap_or(rest.len());
        let host = HostPattern::parse(rest.get(..path)?).ok()?;
        let path = rest.get(path..)?;
        let path = match path.strip_suffix("~*") {
            Some("") => PathPattern::root(),
            Some(prefix) => PathPattern::prefix(&unescape(prefix)?).ok()?,
            None => PathPattern::exact(&unescape(path)?).ok()?,
        };
        let id = Self { fleet, stack, entry, key: RouteKey { host, path } };
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fleet, stack, entry, key: RouteKey { host, path } } = self;
        write!(f, "{PREFIX}{fleet}:{stack}:{}:{host}{}", entry.as_str(), escape(path.as_str()))?;
        match path {
            PathPattern::Prefix(_) => f.write_str("~*"),
            PathPattern::Exact(_) => Ok(()),
        }
    }
}

/// A path with `~` for each slash, and `:` and two hexadecimal digits for what an id may not have.
fn escape(path: &str) -> String {
    let mut id = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' => id.push('~'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => {
                id.push(char::from(byte));
            }
            _ => {
                id.push(':');
                id.push_str(&hex::encode([byte]));
            }
        }
    }
    id
}

fn unescape(id: &str) -> Option<String> {
    let mut path = Vec::with_capacity(id.len());
    let mut rest = id.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'~' => path.push(b'/'),
            b':' => {
                let digits = [rest.next()?, rest.next()?];
                path.extend(hex::decode(digits).ok()?);
            }
            byte => path.push(byte),
        }
    }
    String::from_utf8(path).ok()
}

/// The id of an object that is no route and belongs to one stack.
pub(super) fn of_stack(fleet: &FleetName, stack: &StackName, what: &str) -> String {
    format!("{PREFIX}{fleet}:{stack}:{what}")
}

/// The id of an object that belongs to the whole fleet. No stack has a name that is empty.
pub(super) fn of_fleet(fleet: &FleetName, what: &str) -> String {
    format!("{PREFIX}{fleet}::{what}")
}

/// Whose an object is that skep made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// The fleet that made it.
    pub(super) fleet: FleetName,
    /// The stack that it belongs to; `None` if it is of the whole fleet.
    pub(super) stack: Option<StackName>,
}

impl Owner {
    /// Reads whose an object with this id is; `None` if skep made none with it.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.strip_prefix(PREFIX)?.splitn(3, ':');
        let fleet = parts.next()?.parse().ok()?;
        let stack = match parts.next()? {
            "" => None,
            stack => Some(stack.parse().ok()?),
        };
        parts.next()?;
        Some(Self { fleet, stack })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(host: &str, path: PathPattern) -> RouteId {
        RouteId {
            fleet: "default".parse().unwrap(),
            stack: "shop_1".parse().unwrap(),
            entry: Entry::Https,
            key: RouteKey { host: HostPattern::parse(host).unwrap(), path },
        }
    }

    #[test]
    fn an_id_is_read_back_as_what_it_was_made_of() {
        let prefix = |text| PathPattern::prefix(text).unwrap();
        let exact = |text| PathPattern::exact(text).unwrap();
        let cases = [
            (id("a.example.com", prefix("/")), "skep:default:shop_1:https:a.example.com~*"),
            (id("a.example.com", exact("/")), "skep:default:shop_1:https:a.example.com~"),
            (
                id("*.example.com", prefix("/api/v1")),
                "skep:default:shop_1:https:*.example.com~api~v1~*",
            ),
            (id("*", exact("/api/")), "skep:default:shop_1:https:*~api~"),
            (id("*", exact("/~a:b@c")), "skep:default:shop_1:https:*~:7ea:3ab:40c"),
        ];
        for (id, text) in cases {
            assert_eq!(id.to_string(), text);
            assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "_.:*~-".contains(c)));
            assert_eq!(RouteId::parse(text), Some(id));
        }
        for text in [
            "",
            "srv0",
            "skep:default:shop:https",
            "skep:default:shop:ftp:a.example.com~*",
            "skep:default::server:https",
            "skep:default:shop:https:a b~*",
            "skep:default:shop:https:a.example.com",
            "skep:default:shop:https:A.example.com~*",
            "skep:default:shop:https:a.example.com~:zz",
        ] {
            assert_eq!(RouteId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_id_tells_whose_an_object_is_also_if_it_is_no_route() {
        let (fleet, stack): (FleetName, StackName) =
            ("default".parse().unwrap(), "shop".parse().unwrap());
        let of =
            |stack: Option<&StackName>| Some(Owner { fleet: fleet.clone(), stack: stack.cloned() });
        for (id, owner) in [
            (of_stack(&fleet, &stack, "tls:*.example.com"), of(Some(&stack))),
            (
                id("a.example.com", PathPattern::root()).to_string().replace("shop_1", "shop"),
                of(Some(&stack)),
            ),
            (of_fleet(&fleet, "server:https"), of(None)),
            ("skep:default:shop".to_owned(), None),
            ("skep:default:sh op:acme".to_owned(), None),
            ("mine:default:shop:acme".to_owned(), None),
        ] {
            assert_eq!(Owner::parse(&id), owner, "{id}");
        }
    }
}
