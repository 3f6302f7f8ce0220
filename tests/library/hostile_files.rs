//! Files that are made to hurt: whatever they say, loading ends soon, in bounded memory, and without a panic.

use std::fmt::Write as _;

use proptest::prelude::*;
use skep::spec::compose::{cpus, duration, mount_text, port_text, size, words};
use skep::spec::discover::StackFiles;
use skep::spec::image::Reference;
use skep::spec::interpolate::Variables;
use skep::spec::load::{Input, Loaded, Options, load};
use skep::spec::tree::MemoryTree;

fn load_text(text: &str) -> Loaded {
    let tree = MemoryTree([("stack.yaml".to_owned(), text.as_bytes().to_vec())].into());
    let files = StackFiles {
        name: "s".to_owned(),
        files: vec!["stack.yaml".to_owned(), "stack.yaml".to_owned()],
        directory: String::new(),
    };
    load(&tree, &[Input { files, variables: Variables::new() }], &Options::default())
}

/// `before`, then many lines, then `after`.
fn repeat(before: &str, line: impl Fn(usize) -> String, after: &str) -> String {
    let mut text = before.to_owned();
    for index in 0..5_000 {
        let _ = writeln!(text, "{}", line(index));
    }
    text + after
}

#[test]
fn large_files_of_nonsense_are_refused_soon() {
    let service = "services:\n  a:\n    image: a\n";
    let cases = [
        repeat(service, |n| format!("    k{n}: x"), ""),
        repeat(
            &format!("{service}    ports:\n"),
            |n| format!("      - {}-65535:80", n % 9 + 1),
            "",
        ),
        repeat(&format!("{service}    volumes:\n"), |n| format!("      - v{n}:/same"), ""),
        repeat(&format!("{service}    networks:\n"), |n| format!("      - n{n}"), ""),
        repeat(&format!("{service}    environment:\n"), |n| format!("      - A={n}"), ""),
        repeat(&format!("{service}    dns:\n"), |_| "      - same".to_owned(), ""),
        repeat(
            "services:\n",
            |n| format!("  s{n}: {{image: a, ports: ['80:80'], depends_on: [s{}]}}", n + 1),
            "",
        ),
    ];
    for text in cases {
        let loaded = load_text(&text);
        assert!(loaded.findings.len() <= 1001, "{}", text.get(..80).unwrap_or_default());
    }
}

proptest! {
    #[test]
    fn every_short_form_is_read_or_refused(text in "[-+0-9a-zA-Z.:/,@ \\[\\]'\"#\\\\é]{0,40}") {
        let _ = (duration::parse(&text), size::parse(&text), cpus::parse(&text));
        let _ = (port_text::parse(&text), mount_text::parse(&text), words::split(&text));
        if let Ok(reference) = Reference::parse(&text) {
            let shown = reference.tagged().to_string();
            prop_assert_eq!(Reference::parse(&shown).map(|again| again.to_string()), Ok(shown));
        }
    }

    #[test]
    fn every_value_of_every_key_is_read_or_refused(
        key in "(image|command|ports|volumes|networks|environment|deploy|configs|healthcheck|ulimits|extra_hosts|depends_on|x-skep|labels|restart|stop_grace_period)",
        value in "[a-z0-9:/=\\[\\]{}, \"'&*!~|-]{0,30}",
    ) {
        load_text(&format!("services:\n  a:\n    image: a\n    {key}: {value}\n"));
        load_text(&format!("{key}: {value}\nservices: {{a: {{image: a, deploy: {{{key}: {value}}}}}}}\n"));
    }
}
