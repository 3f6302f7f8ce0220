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
    load_files(&tree, 2)
}

/// Loads `stack.yaml`, laid over itself as often as it is to be there.
fn load_files(tree: &MemoryTree, times: usize) -> Loaded {
    let files = StackFiles {
        name: "s".to_owned(),
        files: vec!["stack.yaml".to_owned(); times],
        directory: String::new(),
    };
    load(tree, &[Input { files, variables: Variables::new() }], &Options::default())
}

/// A line by its number.
type Line = fn(usize) -> String;

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
        repeat(
            &format!("{service}    ports:\n"),
            |n| format!("      - {{target: {}, published: \"1-65535\"}}", n + 1),
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

/// A stack that names the same file or variable again and again, beside files of these sizes in KiB.
fn load_beside(text: &str, sizes: &[(&str, usize)]) -> Loaded {
    let content = |kib: usize| format!("A={}\n", "x".repeat(kib * 1024 - 3)).into_bytes();
    let files = sizes.iter().map(|(path, kib)| ((*path).to_owned(), content(*kib)));
    let stack = ("stack.yaml".to_owned(), text.as_bytes().to_vec());
    load_files(&MemoryTree(files.chain([stack]).collect()), 1)
}

#[test]
fn a_stack_that_names_too_much_is_refused_where_it_does() {
    let service = "services:\n  a:\n    image: a\n";
    let cases: [(String, Line); 6] = [
        ("services:\n".to_owned(), |n| format!("  s{n}: {{image: a, env_file: a.env}}")),
        ("services:\n".to_owned(), |n| format!("  s{n}: {{image: a, environment: [A]}}")),
        (format!("{service}    env_file:\n"), |_| "      - a.env".to_owned()),
        (format!("{service}configs:\n"), |n| format!("  c{n}: {{file: a.env}}")),
        (format!("{service}configs:\n"), |n| format!("  c{n}: {{environment: A}}")),
        (format!("{service}secrets:\n"), |n| format!("  c{n}: {{file: a.env}}")),
    ];
    for (before, line) in cases {
        let text = repeat(&before, line, "");
        let loaded = load_beside(&text, &[("a.env", 499), (".env", 499)]);
        let [finding] = loaded.findings.as_slice() else { panic!("{:?}", loaded.findings) };
        let line = finding.place.as_ref().map_or(0, |place| place.line);
        assert!(finding.code == "too-large" && (100..300).contains(&line), "{finding:?}");
    }
}

#[test]
fn a_file_of_names_alone_cannot_multiply_a_large_variable() {
    let tree = MemoryTree(
        [
            ("stack.yaml", "services: {a: {image: a, env_file: a.env}}".to_owned()),
            (".env", format!("BIG={}\n", "x".repeat(1024 * 1024))),
            ("a.env", "BIG\n".repeat(10_000)),
        ]
        .map(|(path, text)| (path.to_owned(), text.into_bytes()))
        .into(),
    );
    let loaded = load_files(&tree, 1);
    let codes: Vec<_> = loaded.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["interpolation-too-long"]);
}

#[test]
fn a_stack_that_is_only_large_is_read() {
    let mut text = String::from("services:\n");
    for n in 0..1_000 {
        let _ = writeln!(text, "  s{n}: {{image: a, env_file: [a.env, b.env, a.env]}}");
    }
    text.push_str("configs:\n");
    for n in 0..50 {
        let _ = writeln!(text, "  c{n}: {{file: large}}");
    }
    let loaded = load_beside(&text, &[("a.env", 4), ("b.env", 4), ("large", 999)]);
    assert_eq!((loaded.stacks.len(), loaded.findings.len()), (1, 0));
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
