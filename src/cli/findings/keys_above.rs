//! The keys that a line of a file stands below, as far as its indentation tells them.

/// A key that a line is below of.
pub(super) struct Key<'a> {
    pub(super) name: &'a str,
    /// What follows its colon on its line.
    pub(super) value: &'a str,
    /// Whether it stands on the line itself.
    pub(super) is_own: bool,
    /// Whether its value stands on the lines below it.
    pub(super) opens: bool,
}

/// The keys above a line, from its own, where it has one, up to that at the left margin; as far as lines have keys.
pub(super) fn keys_above<'a>(line: &'a str, above: &'a [String]) -> Vec<Key<'a>> {
    let mut keys: Vec<Key<'a>> = key(line, true).into_iter().collect();
    let mut depth = depth_of(line);
    for parent in above.iter().rev() {
        // A comment may stand anywhere, and is above nothing.
        let is_said = !matches!(parent.trim_start().chars().next(), None | Some('#'));
        if is_said && depth_of(parent) < depth {
            depth = depth_of(parent);
            keys.extend(key(parent, false));
        }
    }
    keys
}

fn key(line: &str, is_own: bool) -> Option<Key<'_>> {
    let (name, value) = line.split_once(':')?;
    let name = bare(name);
    let value = value.trim();
    let opens = value.is_empty() || value.starts_with(['|', '>', '"', '\'', '#', '&']);
    Some(Key { name, value, is_own, opens: opens && !is_own })
}

/// A key without what stands around it: blanks, quotes, the dash of a list, and the brace of a mapping.
pub(super) fn bare(name: &str) -> &str {
    let before = |c: char| c.is_whitespace() || "{[-\"'".contains(c);
    name.trim_start_matches(before).trim_end().trim_end_matches(['"', '\'']).trim_end()
}

/// How deep a line stands. An item of a list may stand below its key without being indented.
fn depth_of(line: &str) -> usize {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let is_item = text == "-" || text.starts_with("- ");
    2 * indent + usize::from(is_item)
}
