//! What differs between two configs or secrets, and between two generations of their data.

use similar::{ChangeTag, TextDiff};

use crate::model::store::{ConfigSpec, SecretSpec};

use super::compare::{compare, to_json};
use super::difference::ObjectDiff;
use super::document::Content;
use super::fields::{CONFIG, SECRET};

/// What differs between the declared and the live config of one name.
pub fn config(desired: &ConfigSpec, live: &ConfigSpec) -> ObjectDiff {
    compare(&CONFIG, to_json(live), to_json(desired), &[])
}

/// What differs between the declared and the live secret of one name. Their data is not compared: the Engine never
/// gives it, so that only a fingerprint can tell.
pub fn secret(desired: &SecretSpec, live: &SecretSpec) -> ObjectDiff {
    compare(&SECRET, to_json(live), to_json(desired), &[])
}

/// Whether the data itself goes into the document. Configs can hold secrets: only when a person asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowContent {
    /// Counts of lines only.
    Counts,
    /// The lines that differ, too.
    Lines,
}

/// How `data` differs from the data of the `earlier` generation, named.
pub fn content(earlier: Option<(&str, &[u8])>, data: &[u8], show: ShowContent) -> Content {
    let Some((name, before)) = earlier else { return Content::New { bytes: data.len() } };
    let (Ok(before_text), Ok(after_text)) = (str::from_utf8(before), str::from_utf8(data)) else {
        return Content::Binary {
            from: name.to_owned(),
            before_bytes: before.len(),
            after_bytes: data.len(),
        };
    };
    let diff = TextDiff::from_lines(before_text, after_text);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    let unified = || diff.unified_diff().context_radius(3).to_string();
    Content::Lines {
        from: name.to_owned(),
        added: count(ChangeTag::Insert),
        removed: count(ChangeTag::Delete),
        unified: (show == ShowContent::Lines).then(unified),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_counted_and_shown_only_when_asked_for() {
        let before = Some(("shop_a-1", b"one\ntwo\nthree\n".as_slice()));
        let lines = |show| content(before, b"one\n2\nthree\nfour\n", show);
        let counts =
            Content::Lines { from: "shop_a-1".into(), added: 2, removed: 1, unified: None };
        assert_eq!(lines(ShowContent::Counts), counts);
        let Content::Lines { unified: Some(unified), .. } = lines(ShowContent::Lines) else {
            panic!("no text");
        };
        assert_eq!(unified, "@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four\n");
        assert_eq!(content(None, b"abc", ShowContent::Lines), Content::New { bytes: 3 });
        let binary = content(before, b"\xff", ShowContent::Lines);
        let expected =
            Content::Binary { from: "shop_a-1".into(), before_bytes: 14, after_bytes: 1 };
        assert_eq!(binary, expected);
    }
}
