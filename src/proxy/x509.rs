//! What people ask of a certificate: who issued it, and until when it is good (RFC 5280, in DER).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Who issued a certificate, and until when it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// Organisation and name of the issuer, as far as it has them.
    pub(super) issuer: String,
    /// When it expires.
    pub(super) expires: Timestamp,
}

const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const T61_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// `id-at-commonName`, 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `id-at-organizationName`, 2.5.4.10
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

/// Reads a certificate; `None` if it is none.
pub(super) fn facts(certificate: &[u8]) -> Option<Facts> {
    let mut signed = Der(Der(certificate).take(SEQUENCE)?);
    let mut body = Der(signed.take(SEQUENCE)?);
    if body.peek() == Some(VERSION) {
        body.take(VERSION)?;
    }
    body.take(INTEGER)?;
    body.take(SEQUENCE)?;
    let issuer = issuer(body.take(SEQUENCE)?);
    let mut validity = Der(body.take(SEQUENCE)?);
    validity.any()?;
    let expires = time(validity.any()?)?;
    Some(Facts { issuer, expires })
}

/// Values of DER that are left to read.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value: its tag and what is in it.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        // From 0x80 on, the low bits say how many bytes the length has.
        let (length, rest) = match first.checked_sub(0x80) {
            None => (usize::from(*first), rest),
            Some(count @ 1..=3) => {
                let (bytes, rest) = rest.split_at_checked(usize::from(count))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            Some(_) => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, value))
    }

    /// What is in the next value, if it has this tag.
    fn take(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.any().filter(|(tag, _)| *tag == wanted).map(|(_, value)| value)
    }
}

fn issuer(name: &[u8]) -> String {
    let (mut organization, mut common) = (None, None);
    let mut sets = Der(name);
    while let Some(set) = sets.take(SET) {
        let mut attributes = Der(set);
        while let Some(attribute) = attributes.take(SEQUENCE) {
            let mut attribute = Der(attribute);
            let kind = attribute.take(OBJECT_ID);
            let value = attribute.any().and_then(text);
            match kind {
                Some(COMMON_NAME) => common = value,
                Some(ORGANIZATION) => organization = value,
                _ => {}
            }
        }
    }
    match (organization, common) {
        (Some(organization), Some(common)) => format!("{organization}, {common}"),
        (Some(name), None) | (None, Some(name)) => name,
        (None, None) => "nobody who says a name".to_owned(),
    }
}

fn text((tag, value): (u8, &[u8])) -> Option<String> {
    matches!(tag, UTF8_STRING | PRINTABLE_STRING | T61_STRING | IA5_STRING)
        .then(|| String::from_utf8_lossy(value).into_owned())
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`; a year of two digits from 50 on is of the last century (RFC 5280, 4.1.2.5).
fn time((tag, value): (u8, &[u8])) -> Option<Timestamp> {
    let digits = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    let digits = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            format!("{}{digits}", if digits < "50" { "20" } else { "19" })
        }
        (GENERALIZED_TIME, 14) => digits.to_owned(),
        _ => return None,
    };
    let number = |at: std::ops::Range<usize>| digits.get(at)?.parse::<i8>().ok();
    let year = digits.get(..4)?.parse().ok()?;
    let at = DateTime::new(
        year,
        number(4..6)?,
        number(6..8)?,
        number(8..10)?,
        number(10..12)?,
        number(12..14)?,
        0,
    );
    at.ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(names: &[(DnType, &str)], year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["shop.example.com".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, name) in names {
            params.distinguished_name.push(kind.clone(), *name);
        }
        params.not_after = date_time_ymd(year, 2, 3);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn issuer_and_end_are_read_in_both_notations_of_time() {
        let both = [(DnType::OrganizationName, "Let's Encrypt"), (DnType::CommonName, "R11")];
        for (names, year, issuer) in [
            (&both[..], 2031, "Let's Encrypt, R11"),
            (&both[1..], 2049, "R11"),
            (&both[..1], 2050, "Let's Encrypt"),
        ] {
            let facts = facts(&certificate(names, year)).unwrap();
            assert_eq!(facts.issuer, issuer);
            assert_eq!(facts.expires.to_string(), format!("{year}-02-03T00:00:00Z"));
        }
    }

    #[test]
    fn nothing_else_is_taken_for_a_certificate() {
        let whole = certificate(&[(DnType::CommonName, "R11")], 2031);
        for length in 0..whole.len() {
            assert_eq!(facts(&whole[..length]), None, "{length}");
        }
        // Whatever byte is another one, it is read or not, and that is all.
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0xff;
            let _ = facts(&broken);
        }
    }
}
