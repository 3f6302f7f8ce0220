//! A plan as Markdown, made for comments on pull requests.

use crate::diff::document::{Action, Change, Document, FieldChange, Hold, Shown};
use crate::model::finding::Finding;

use super::line::clean;
use super::look::Glyphs;
use super::phrases::{
    count, counts, declaration, effect, held, is_worth_reading, position, reason, remarks,
    shown_fields, stack_counts, verdict,
};
use super::value::one_line;

/// GitHub takes 65,536 characters for a comment; the rest is for whoever posts it.
const LIMIT: usize = 60_000;
/// Up to so many stacks are unfolded.
const UNFOLDED: usize = 3;

/// `document` as GitHub-flavoured Markdown: the verdict, then a folded section for each stack that changes.
///
/// Sections that would make it longer than a comment may be are counted instead.
pub fn markdown(document: &Document) -> String {
    let mut markdown = head(document);
    let mut sections = Vec::new();
    if !document.fleet_changes.is_empty() {
        let title = format!("fleet <b>{}</b>", html(&document.fleet));
        sections.push(section(&title, &body(&[], &document.fleet_changes, None)));
    }
    for stack in document.stacks.iter().filter(|stack| is_worth_reading(stack)) {
        let file = match (&stack.file, declaration(stack)) {
            (Some(file), _) => format!(" — <code>{}</code>", html(file)),
            (None, "") => String::new(),
            (None, words) => format!(" — {words}"),
        };
        let title = format!(
            "stack <b>{}</b>: {}{file}",
            html(&stack.name),
            html(&stack_counts(stack).join(" · ")),
        );
        sections.push(section(&title, &body(&stack.holds, &stack.changes, stack.file.as_deref())));
    }
    if !document.findings.is_empty() {
        let number = u64::try_from(document.findings.len()).unwrap_or(u64::MAX);
        let findings: Vec<String> = document.findings.iter().map(finding).collect();
        sections.push(section(&count(number, "finding"), &findings.join("\n")));
    }
    let open = if sections.len() <= UNFOLDED { " open" } else { "" };
    let mut left_out = 0_u64;
    for section in sections {
        if markdown.len() + section.len() > LIMIT {
            left_out += 1;
        } else {
            markdown.extend(["\n<details", open, ">", &section, "</details>\n"]);
        }
    }
    if left_out > 0 {
        let sections = count(left_out, "section");
        markdown.extend(["\n", &sections, " left out for length; `skep plan` shows all.\n"]);
    }
    markdown
}

fn head(document: &Document) -> String {
    let (words, _) = verdict(document);
    let mut head = match document.summary.pending() {
        0 => format!("**{words}**\n"),
        _ => format!("**{words}** {}\n", counts(&document.summary).join(" · ")),
    };
    let mut origin = Vec::new();
    if let Some(source) = &document.source {
        let revision = source.revision.as_deref().map(|revision| format!(" {revision}"));
        origin.push(format!("source {}{}", source.name, revision.unwrap_or_default()));
    }
    origin.push(format!("fleet {}", document.fleet));
    origin.push(format!("engine {}, API {}", document.engine.version, document.engine.api));
    head.extend(["\n<sub>", &html(&origin.join(" · ")), "</sub>\n"]);
    if !document.holds.is_empty() {
        let lines: Vec<String> = document.holds.iter().flat_map(hold).collect();
        head.extend(["\n", &fenced(&lines)]);
    }
    head
}

fn section(title: &str, body: &str) -> String {
    format!("<summary>{title}</summary>\n\n{body}\n")
}

fn body(holds: &[Hold], changes: &[Change], file: Option<&str>) -> String {
    let mut lines: Vec<String> = holds.iter().flat_map(hold).collect();
    for one in changes {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(change(one, file));
    }
    fenced(&lines)
}

/// The first column says how GitHub colours the line: green, red, orange or grey.
fn change(change: &Change, file: Option<&str>) -> Vec<String> {
    let sign = match change.action {
        Action::Create => '+',
        Action::Remove => '-',
        Action::Update | Action::Replace | Action::Adopt | Action::Move => '!',
    };
    let (words, cost) = effect(change);
    let mut head = format!("{sign} {} {}", change.action, change.object);
    for words in [Some(words).filter(|words| !words.is_empty()), cost].into_iter().flatten() {
        head.extend([": ", &words]);
    }
    let reason = reason(&change.causes, change.place.as_ref(), file);
    if !reason.is_empty() {
        head.extend([" (", &reason, ")"]);
    }
    let mut lines = vec![head];
    let (fields, further) = shown_fields(change);
    lines.extend(fields.into_iter().flat_map(|one| field(one, change.action, file)));
    lines.extend(further.map(|further| format!("#   {further}")));
    lines.extend(change.told_after().map(|after| format!("#   after {after}")));
    lines.extend(change.notes.iter().map(|note| format!("#   {note}")));
    lines.extend(change.holds.iter().flat_map(hold));
    lines
}

fn field(field: &FieldChange, action: Action, file: Option<&str>) -> Vec<String> {
    let side = |sign: char, value: &Option<Shown>| {
        let value = value.as_ref()?;
        Some(format!("{sign}   {}: {}", field.path, one_line(value, Glyphs::Unicode)))
    };
    let mut remarks = remarks(field, action);
    if field.causes_roll {
        remarks.insert(0, "causes the roll".to_owned());
    }
    remarks.extend(field.place.as_ref().map(|place| position(place, file)));
    let remark = Some(format!("#     {}", remarks.join(", "))).filter(|_| !remarks.is_empty());
    [side('-', &field.before), side('+', &field.after), remark].into_iter().flatten().collect()
}

fn hold(hold: &Hold) -> Vec<String> {
    let (word, reason) = held(hold);
    let mut lines = vec![format!("!   {word}: {reason} [{}]", hold.code)];
    lines.extend(hold.unblock.as_ref().map(|unblock| format!("!     → {unblock}")));
    lines
}

fn finding(finding: &Finding) -> String {
    let mut lines = vec![format!("! {}: {}", finding.code, finding.message)];
    lines.extend(finding.place.as_ref().map(|place| format!("#   at {place}")));
    lines.extend(finding.hint.as_ref().map(|hint| format!("#   hint: {hint}")));
    fenced(&lines)
}

/// A block that nothing in `lines` can end.
fn fenced(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| clean(line)).collect();
    let mut longest = 0;
    let mut run = 0;
    for c in lines.iter().flat_map(|line| line.chars().chain(['\n'])) {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}diff\n{}\n{fence}\n", lines.join("\n"))
}

/// Text between tags: GitHub reads Markdown there, too.
fn html(text: &str) -> String {
    let mut html = String::new();
    for c in clean(text).chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' | '`' | '*' | '_' | '[' | ']' | '\\' | '|' | '~' | '@'
            | '#' => html.extend(["&#", &u32::from(c).to_string(), ";"]),
            c => html.push(c),
        }
    }
    html
}
