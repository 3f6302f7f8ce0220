//! Hosts, paths and addresses of a route.

use crate::model::route::{HostPattern, IpRange, PathError, PathPattern};
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

impl Decode for HostPattern {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let text: String = at.get(report)?;
        match Self::parse(&text) {
            Ok(host) => Some(host),
            Err(error) => {
                let says = format_args!("{error}: {}", at.quoted(&text));
                report.push(at.error("invalid-host", says).hint(error.hint()));
                None
            }
        }
    }
}

impl Decode for IpRange {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let text: String = at.get(report)?;
        let range = Self::parse(&text);
        if range.is_none() {
            let says = format_args!("is no range of addresses: {}", at.quoted(&text));
            report.push(
                at.error("invalid-range", says)
                    .hint("write 10.0.0.0/8, with zeros behind the length, or one address"),
            );
        }
        range
    }
}

/// A path and everything below it.
pub(super) fn prefix(at: &Cursor<'_>, report: &mut Report) -> Option<Located<PathPattern>> {
    path(at, PathPattern::prefix, report)
}

/// One path alone.
pub(super) fn exact(at: &Cursor<'_>, report: &mut Report) -> Option<Located<PathPattern>> {
    path(at, PathPattern::exact, report)
}

fn path(
    at: &Cursor<'_>,
    parse: fn(&str) -> Result<PathPattern, PathError>,
    report: &mut Report,
) -> Option<Located<PathPattern>> {
    let text: String = at.get(report)?;
    match parse(&text) {
        Ok(path) => Some(Located::at(at, path)),
        Err(error) => {
            let says = format_args!("{error}: {}", at.quoted(&text));
            report.push(at.error("invalid-path", says).hint(error.hint()));
            None
        }
    }
}

/// One value or a list of them.
pub(super) fn one_or_more<T: Decode>(at: &Cursor<'_>, report: &mut Report) -> Vec<T> {
    match &at.node.value {
        Value::Sequence(_) => at.get(report).unwrap_or_default(),
        Value::Scalar(_) | Value::Mapping(_) => at.get(report).into_iter().collect(),
    }
}
