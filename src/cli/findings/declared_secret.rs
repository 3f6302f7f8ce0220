//! What a line says of a secret that a stack file declares, and must not be shown: all but where the secret is kept.

use std::ops::Range;

use super::keys_above::{Key, bare};
use super::line::is_variable;

/// The keys of a declared secret whose values are no secret. Whatever else stands there may be one, as a key that does not
/// exist is what a finding is about.
const SHOWN: [&str; 8] = [
    "file",
    "environment",
    "external",
    "name",
    "labels",
    "driver",
    "driver_opts",
    "template_driver",
];

/// What to hide of `line`, which stands below `keys`: in doubt all from the first value that may be a secret.
pub(super) fn data_of_secret(line: &str, keys: &[Key<'_>]) -> Option<Range<usize>> {
    keys.last().filter(|section| section.name == "secrets")?;
    let start = hidden_from(line, keys)?;
    let blanks = |text: &str| text.len() - text.trim_start().len();
    let start = start + line.get(start..).map_or(0, blanks);
    let end = line.trim_end().len();
    let data = line.get(start..end).filter(|data| !data.is_empty())?;
    (!is_variable(data.trim_matches(['"', '\'']))).then_some(start..end)
}

/// The byte from which a line may tell a secret.
fn hidden_from(line: &str, keys: &[Key<'_>]) -> Option<usize> {
    let Some((own, above)) = keys.split_first().filter(|(own, _)| own.is_own) else {
        // A value without a key, or the end of a mapping.
        let is_kept = matches!(keys, [.., kept, _, _] if is_shown(kept));
        let is_end = line.trim().chars().all(|c| "{}[],".contains(c));
        return (!is_kept && !is_end).then_some(0);
    };
    if let [.., kept, _, _] = above {
        return if is_shown(kept) { behind_brace(line) } else { Some(0) };
    }
    let first = line.len() - line.split_once(':')?.1.len();
    hidden_behind(line, first, own.name, above.len())
}

/// Whether what stands below a key of a secret may be seen: also no other key follows it on its line.
fn is_shown(key: &Key<'_>) -> bool {
    SHOWN.contains(&key.name) && hidden_behind(key.value, 0, key.name, ATTRIBUTE).is_none()
}

/// How many keys stand above one that says something of a secret: its name, and the section.
const ATTRIBUTE: usize = 2;

/// The byte behind the first colon of `line`, from `at` on, whose value may be a secret. `name` is the key before `at`, and
/// `level` the number of keys above it.
fn hidden_behind(line: &str, at: usize, name: &str, level: usize) -> Option<usize> {
    let (mut at, mut name, mut level) = (at, name, level);
    loop {
        let rest = line.get(at..)?;
        let value = rest.trim_start();
        let may_be_seen = match level {
            0 => value.is_empty() || value.starts_with(['{', '[']),
            1 => value.is_empty() || value.starts_with('{'),
            _ => SHOWN.contains(&name),
        };
        if !may_be_seen {
            return Some(at);
        }
        // The next key of a mapping on one line stands behind a brace or a comma; another colon belongs to the value.
        let colon = rest.match_indices(':').map(|(colon, _)| colon).find(|colon| {
            rest.get(..*colon).is_some_and(|before| before.contains(['{', ',', '[', '?']))
        })?;
        let before = rest.get(..colon)?;
        let opened = before.matches('{').count();
        level = (level + opened).saturating_sub(before.matches('}').count());
        name = bare(before.rsplit(['{', ',', '[']).next().unwrap_or(before));
        at += colon + 1;
    }
}

/// Where a mapping ends behind which there is another key.
fn behind_brace(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once('}').filter(|(_, rest)| rest.contains(':'))?;
    Some(line.len() - rest.len())
}
