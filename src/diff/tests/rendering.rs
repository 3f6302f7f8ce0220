//! What people see of a plan, pinned.

use super::sample;
use crate::diff::document::{Document, Hold, HoldCode};
use crate::diff::render::{Glyphs, Look, Palette, markdown, text};

fn look(width: usize, palette: Palette) -> Look {
    Look { width, palette, glyphs: Glyphs::Unicode }
}

fn plain(document: &Document, width: usize) -> String {
    text(document, look(width, Palette::Plain))
}

#[test]
fn a_common_day_on_80_and_140_columns() {
    insta::assert_snapshot!("release_80", plain(&sample::release(), 80));
    insta::assert_snapshot!("release_140", plain(&sample::release(), 140));
    insta::assert_snapshot!("release_markdown", markdown(&sample::release()));
    insta::assert_json_snapshot!("release_json", sample::release());
}

#[test]
fn everything_on_80_and_140_columns_with_and_without_colour() {
    let document = sample::everything();
    for width in [80, 140] {
        insta::assert_snapshot!(format!("everything_{width}"), plain(&document, width));
        insta::assert_snapshot!(
            format!("everything_{width}_colour"),
            text(&document, look(width, Palette::Ansi)).replace('\x1b', "␛")
        );
    }
    insta::assert_snapshot!("everything_markdown", markdown(&document));
    let ascii = Look { glyphs: Glyphs::Ascii, ..look(80, Palette::Plain) };
    insta::assert_snapshot!("release_ascii", text(&sample::release(), ascii));
}

#[test]
fn no_changes_are_one_line() {
    insta::assert_snapshot!(plain(&sample::unchanged(), 80), @"No changes. 2 stacks, 14 services are as declared.  source cli main@sha1:4f2c9e1");
}

#[test]
fn a_plan_in_which_everything_is_held_says_so_first() {
    let mut document = sample::everything();
    document.stacks.truncate(2);
    document.fleet_changes.clear();
    document.findings.clear();
    document.holds = vec![
        Hold::new(HoldCode::GuardNoStacks, "the source holds no stacks").unblock("skep apply --x"),
    ];
    document.stacks.remove(0);
    insta::assert_snapshot!(plain(&document.counted(), 80), @r"
    Nothing to do now. 1 change is held.                source cli main@sha1:4f2c9e1
    held   the source holds no stacks [guard-no-stacks]
           → skep apply --x

    stack paused                                            stacks/paused/stack.yaml
      held   x-skep.paused is set in stacks/paused/stack.yaml [paused]
             → remove x-skep.paused (stacks/paused/stack.yaml:3)
      - service shop_legacy  stops 1 task                                        git
          note   not in stacks/shop/stack.yaml since 4f2c9e1

    - remove
    ");
}

#[test]
fn markdown_fits_into_a_comment() {
    let mut document = sample::everything();
    let one = document.stacks.remove(2);
    document.stacks = (0..100).map(|_| one.clone()).collect();
    let shown = markdown(&document.counted());
    assert!(shown.len() < 65_536, "{}", shown.len());
    assert!(shown.contains("sections left out for length"));
}

#[test]
fn no_line_is_wider_than_the_terminal_and_none_ends_in_blanks() {
    use unicode_width::UnicodeWidthStr;
    for document in [sample::release(), sample::everything(), sample::unchanged()] {
        for width in 40..160 {
            for line in plain(&document, width).lines() {
                assert!(line.width() <= width, "{width}: {line}");
                assert_eq!(line.trim_end(), line);
            }
        }
        // Below forty columns nothing could be read any more.
        for width in [0, 39] {
            assert_eq!(plain(&document, width), plain(&document, 40));
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let document = sample::everything();
    let coloured = text(&document, look(100, Palette::Ansi));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain(&document, 100));
}

#[test]
fn nothing_from_outside_steers_a_terminal_or_leaves_its_block() {
    let document = sample::everything();
    let shown = plain(&document, 100) + &markdown(&document);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    assert!(!shown.contains('\u{202e}'));
}

#[test]
fn the_document_satisfies_its_schema() {
    let schema = serde_json::to_value(crate::diff::document::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for document in [sample::release(), sample::everything(), sample::unchanged()] {
        let json = serde_json::to_value(document).unwrap();
        let errors: Vec<String> = validator.iter_errors(&json).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}
