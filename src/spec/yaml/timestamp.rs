//! Which plain scalars go-yaml takes for a date or time.

use jiff::civil::Date;

/// Whether go-yaml v3 reads `text` as a timestamp: `2024-1-31`, `2024-01-31 10:00:00.5` or RFC 3339 with `T` or `t`.
///
/// It tries the layouts of its `allowedTimestampFormats` with Go's `time.Parse`, whose leniency is kept: one digit is
/// enough everywhere but in the year, spaces may repeat, and a comma may begin the fraction.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some(rest) = date(text) else { return false };
    if let Some(rest) = rest.strip_prefix(['T', 't']) {
        return time(rest).is_some_and(is_zone);
    }
    rest.is_empty() || (rest.starts_with(' ') && time(rest.trim_start_matches(' ')) == Some(""))
}

/// Reads `2024-1-31` and gives what follows.
fn date(text: &str) -> Option<&str> {
    let (year, rest) = text.split_once('-')?;
    if year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (month, rest) = number(rest)?;
    let (day, rest) = number(rest.strip_prefix('-')?)?;
    Date::new(year.parse().ok()?, month, day).ok()?;
    Some(rest)
}

/// Reads `1:2:3.5` and gives what follows.
fn time(text: &str) -> Option<&str> {
    let (hour, rest) = number(text)?;
    let (minute, rest) = number(rest.strip_prefix(':')?)?;
    let (second, rest) = number(rest.strip_prefix(':')?)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = rest.strip_prefix(['.', ',']).unwrap_or("");
    let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    Some(if after.len() < fraction.len() { after } else { rest })
}

/// `Z`, or `+02:00` with two digits each.
fn is_zone(text: &str) -> bool {
    if text == "Z" {
        return true;
    }
    let Some((hours, minutes)) =
        text.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'))
    else {
        return false;
    };
    let at_most = |part: &str, limit| {
        part.len() == 2 && matches!(number(part), Some((value, "")) if value <= limit)
    };
    at_most(hours, 24) && at_most(minutes, 60)
}

/// Reads one or two digits and gives what follows.
fn number(text: &str) -> Option<(i8, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}
