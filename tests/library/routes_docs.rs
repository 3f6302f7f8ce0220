//! The examples of docs/routes.md: each is a whole stack file or whole settings, and nothing is wrong with it.

use std::fs;
use std::path::Path;

use skep::settings;
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::Variables;
use skep::spec::load::{Input, Options, load};
use skep::spec::tree::MemoryTree;

/// The indented blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in page.lines() {
        match (line.strip_prefix("    "), blocks.last_mut()) {
            (Some(line), Some(block)) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, Some(block)) if line.is_empty() && !block.is_empty() => block.push('\n'),
            _ => blocks.push(String::new()),
        }
    }
    blocks.retain(|block| !block.trim().is_empty());
    blocks
}

fn findings(block: &str) -> Vec<String> {
    let says = |found: Vec<skep::model::finding::Finding>| {
        found.into_iter().map(|finding| format!("{}: {}\n{block}", finding.code, finding.message))
    };
    if block.starts_with("proxy:") {
        return says(settings::parse(block.as_bytes(), "skep.yaml".into()).1).collect();
    }
    let services = if block.contains("services:") { "" } else { "services: {a: {image: 'a:1'}}\n" };
    let text = format!("{block}{services}");
    let tree = MemoryTree([("stack.yaml".to_owned(), text.into_bytes())].into());
    let files = StackFiles {
        name: "shop".to_owned(),
        files: vec!["stack.yaml".to_owned()],
        directory: String::new(),
    };
    let inputs = [Input { files, variables: Variables::new() }];
    says(load(&tree, &inputs, &Options::default()).findings).collect()
}

#[test]
fn nothing_is_wrong_with_the_examples_of_routes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/routes.md");
    let page = fs::read_to_string(path).expect("docs/routes.md");
    let is_command = |block: &String| block.starts_with("$ ");
    let blocks: Vec<_> = blocks(&page).into_iter().filter(|block| !is_command(block)).collect();
    assert!(blocks.len() > 8, "{blocks:#?}");
    let found: Vec<_> = blocks.iter().flat_map(|block| findings(block)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
