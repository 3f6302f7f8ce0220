//! Values that many keys of a route have: texts that are filled in, times, ports.

use crate::model::nanos::Nanos;
use crate::model::route::Template;
use crate::spec::compose::duration::Duration;
use crate::spec::decode::{Cursor, Decode, Fields, Report, go_text};

impl Decode for Template {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let Some(text) = go_text(at) else {
            report.push(at.expected("text"));
            return None;
        };
        match Self::parse(&text) {
            Ok(template) => Some(template),
            Err(name) => {
                let says =
                    format_args!("has the placeholder {}", at.quoted(&format!("{{{name}}}")));
                report.push(at.error("foreign-placeholder", says).hint(
                    "only what a request brings along can be filled in: {http.request.host}, {http.request.uri}",
                ));
                None
            }
        }
    }
}

/// A duration that is longer than nothing.
pub(super) fn time(
    fields: &mut Fields<'_>,
    key: &'static str,
    report: &mut Report,
) -> Option<Nanos> {
    let at = fields.at(key)?;
    let Duration(time) = at.get(report)?;
    if time.0 <= 0 {
        report.push(at.error("out-of-range", "must be longer than nothing"));
        return None;
    }
    Some(time)
}

/// A TCP port.
pub fn port(at: &Cursor<'_>, report: &mut Report) -> Option<u16> {
    let number: u32 = at.get(report)?;
    match u16::try_from(number) {
        Ok(port) if port > 0 => Some(port),
        _ => {
            let says = format_args!("has the port {}, which there is not", at.number(number));
            report.push(at.error("invalid-port", says));
            None
        }
    }
}

/// The status of an answer.
pub(super) fn status(at: &Cursor<'_>, report: &mut Report) -> Option<u16> {
    let number: u32 = at.get(report)?;
    if let Ok(status @ 100..=599) = u16::try_from(number) {
        return Some(status);
    }
    let says = format_args!("must be between 100 and 599, not {}", at.number(number));
    report.push(at.error("out-of-range", says));
    None
}
