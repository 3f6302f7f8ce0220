//! The phrases of a plan, shared by text and Markdown.

use crate::diff::document::{
    Action, Cause, Change, Content, Document, Effect, FieldChange, Hold, HoldClass, HoldCode,
    Impact, StackSection, Summary,
};
use crate::model::key::Kind;
use crate::model::labels;
use crate::model::place::Place;

/// `1 task`, `2 tasks`.
pub(super) fn count(number: impl Into<u64>, one: &str) -> String {
    match number.into() {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    }
}

fn many(number: usize, one: &str) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX), one)
}

/// The first words of a plan, and the counts that follow them.
pub(super) fn verdict(document: &Document) -> (String, Vec<String>) {
    let Summary { stacks, services, held, retained, .. } = document.summary;
    if document.summary.pending() > 0 {
        return ("Plan:".to_owned(), counts(&document.summary));
    }
    if held > 0 {
        let words = if held == 1 { "1 change is held." } else { "changes are held." };
        let held = if held == 1 { words.to_owned() } else { format!("{held} {words}") };
        return (format!("Nothing to do now. {held}"), Vec::new());
    }
    let invalid: Vec<&str> = document
        .stacks
        .iter()
        .filter(|stack| is_invalid(stack))
        .map(|stack| stack.name.as_str())
        .collect();
    if let [first, rest @ ..] = invalid.as_slice() {
        let words = match rest.len() {
            0 => format!("stack {first} has errors."),
            rest => format!("stack {first} and {} have errors.", many(rest, "other")),
        };
        return (format!("Nothing to do now: {words}"), Vec::new());
    }
    if let Some(stack) = document.stacks.iter().find(|stack| is_refused(stack)) {
        return (format!("Nothing to do now: stack {} is held.", stack.name), Vec::new());
    }
    let waits = |stack: &&StackSection| stack.holds.iter().any(|hold| !hold.is_standing());
    if let Some(stack) = document.stacks.iter().find(waits) {
        return (format!("Nothing to do now: stack {} waits.", stack.name), Vec::new());
    }
    let kept = match retained {
        0 => String::new(),
        1 => " 1 superseded object is kept.".to_owned(),
        retained => format!(" {retained} superseded objects are kept."),
    };
    let are = if services == 1 { "is" } else { "are" };
    let (stacks, services) = (many(stacks, "stack"), many(services, "service"));
    (format!("No changes. {stacks}, {services} {are} as declared.{kept}"), Vec::new())
}

/// Totals that are not zero: `1 create`, `2 rolls (8 tasks)`.
pub(super) fn counts(summary: &Summary) -> Vec<String> {
    let Summary {
        stacks: _,
        services: _,
        create,
        roll,
        roll_tasks,
        rerun,
        in_place,
        replace,
        remove,
        adopt,
        moved,
        routes,
        waiting,
        held,
        retained,
        unchanged,
    } = *summary;
    let rolls = format!("{} ({})", many(roll, "roll"), count(roll_tasks, "task"));
    [
        (create, many(create, "create")),
        (roll, rolls),
        (rerun, many(rerun, "job run")),
        (in_place, format!("{in_place} in place")),
        (replace, many(replace, "replace")),
        (remove, many(remove, "remove")),
        (adopt, many(adopt, "adopt")),
        (moved, many(moved, "move")),
        (routes, many(routes, "route")),
        (waiting, format!("{waiting} waiting")),
        (held, format!("{held} held")),
        (retained, format!("{retained} kept")),
        (unchanged, format!("{unchanged} unchanged")),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(_, words)| words)
    .collect()
}

/// The totals of one stack.
pub(super) fn stack_counts(stack: &StackSection) -> Vec<String> {
    counts(&Summary::count(&[], &[], std::slice::from_ref(stack)))
}

/// Whether people want to read the section: it says more than that nothing changes.
pub(super) fn is_worth_reading(stack: &StackSection) -> bool {
    !stack.changes.is_empty() || !stack.holds.is_empty()
}

/// Whether the stack is declared and cannot be read.
pub(super) fn is_invalid(stack: &StackSection) -> bool {
    stack.holds.iter().any(|hold| hold.code == HoldCode::InvalidStack)
}

/// Whether the stack as a whole is not what it is taken for; one that its author has paused is.
fn is_refused(stack: &StackSection) -> bool {
    stack.holds.iter().any(|hold| hold.is_standing() && hold.code != HoldCode::Paused)
}

/// Where a stack is declared, in words.
pub(super) fn declaration(stack: &StackSection) -> &str {
    match &stack.file {
        Some(file) => file,
        None if is_invalid(stack) => "",
        None => "no longer declared",
    }
}

/// What a change costs, in words; the second part is what costs availability.
pub(super) fn effect(change: &Change) -> (String, Option<String>) {
    let verb = match change.action {
        Action::Replace => "removed and made again",
        Action::Adopt => "taken over",
        Action::Move => "moved",
        Action::Create | Action::Update | Action::Remove => "",
    };
    let (mut words, cost) = cost(&change.effect);
    if let Some(target) = &change.target {
        words = format!("to {target}");
    }
    let words = match (verb.is_empty(), words.is_empty()) {
        (false, false) => format!("{verb}, {words}"),
        _ => format!("{verb}{words}"),
    };
    match (&change.content, words.is_empty()) {
        (Some(content), true) => (self::content(content), cost),
        (Some(content), false) => (format!("{words}, {}", self::content(content)), cost),
        (None, _) => (words, cost),
    }
}

fn cost(effect: &Effect) -> (String, Option<String>) {
    match *effect {
        Effect::None => (String::new(), None),
        Effect::InPlace { starts: 0, stops: 0 } => ("in place".to_owned(), None),
        Effect::InPlace { starts, stops: 0 } => {
            (format!("in place, starts {}", count(starts, "task")), None)
        }
        Effect::InPlace { starts: 0, stops } => {
            (format!("in place, stops {}", count(stops, "task")), None)
        }
        Effect::InPlace { starts, stops } => {
            (format!("in place, starts {} and stops {stops}", count(starts, "task")), None)
        }
        Effect::Starts { tasks: Some(tasks) } => (format!("starts {}", count(tasks, "task")), None),
        Effect::Starts { tasks: None } => ("starts a task on each node".to_owned(), None),
        Effect::Rolls { tasks, parallelism, order, keep_serving } => {
            let pace = match parallelism {
                _ if tasks <= 1 => String::new(),
                0 => ", all at once".to_owned(),
                parallelism if parallelism >= tasks => ", all at once".to_owned(),
                parallelism => format!(", {parallelism} at a time"),
            };
            let words = format!("rolls {}{pace}, {order}", count(tasks, "task"));
            match keep_serving {
                0 => (words, Some("nothing serves meanwhile".to_owned())),
                1 => (format!("{words}: at least 1 keeps serving"), None),
                serving => (format!("{words}: at least {serving} keep serving"), None),
            }
        }
        Effect::RunsJob { again, completions } => {
            let runs = if again { "runs the job again" } else { "runs the job" };
            match completions {
                Some(tasks) => (format!("{runs}, {}", count(tasks, "task")), None),
                None => (format!("{runs} on each node"), None),
            }
        }
        Effect::Downtime { tasks: 0 } => ("stops no task".to_owned(), None),
        Effect::Downtime { tasks } => {
            let words = format!("stops {} before new ones start", count(tasks, "task"));
            (words, Some("downtime".to_owned()))
        }
        Effect::Stops { tasks } => (format!("stops {}", count(tasks, "task")), None),
    }
}

fn content(content: &Content) -> String {
    match content {
        Content::New { bytes } => many(*bytes, "byte"),
        Content::Lines { from, added, removed, unified: _ } => {
            let lines = match (*added, *removed) {
                (added, 0) => format!("{} added", many(added, "line")),
                (0, removed) => format!("{} removed", many(removed, "line")),
                (added, removed) => format!("{} added, {removed} removed", many(added, "line")),
            };
            format!("{lines} since {from}")
        }
        Content::Binary { from, before_bytes, after_bytes } => {
            format!("{after_bytes} bytes instead of {before_bytes} in {from}")
        }
        Content::Hidden { from: Some(from) } => format!("other content than {from}"),
        Content::Hidden { from: None } => "content is not shown".to_owned(),
    }
}

/// `git, line 38`: why a change happens and where it is written. `file` is the stack's own.
pub(super) fn reason(causes: &[Cause], place: Option<&Place>, file: Option<&str>) -> String {
    let mut parts: Vec<String> = causes.iter().map(ToString::to_string).collect();
    parts.extend(place.map(|place| position(place, file)));
    parts.join(", ")
}

/// `line 38` of the stack's own `file`, or `other.yaml:38`.
pub(super) fn position(place: &Place, file: Option<&str>) -> String {
    if file == Some(&*place.file) {
        format!("line {}", place.line)
    } else {
        format!("{}:{}", place.file, place.line)
    }
}

/// The fields that are shown, and words for those that are not. What is made has too many to show all: those that
/// tell it apart do.
pub(super) fn shown_fields(change: &Change) -> (Vec<&FieldChange>, Option<String>) {
    let is_new = change.action == Action::Create;
    if is_new && change.object.kind == Kind::Route {
        // Where it leads is said beside its name.
        return (Vec::new(), None);
    }
    let tells_apart = |field: &&FieldChange| {
        let first = field.path.0.split('.').next().unwrap_or_default();
        !is_new
            || field.before.is_some()
            || matches!(first, "image" | "ports" | "volumes" | "driver")
    };
    // docker's own label repeats the image.
    let repeats = |field: &FieldChange| {
        field.path.0.strip_prefix("deploy.labels.") == Some(labels::IMAGE)
            && change.fields.iter().any(|field| field.path.0 == "image")
    };
    let fields: Vec<&FieldChange> = change.fields.iter().filter(|field| !repeats(field)).collect();
    let shown: Vec<&FieldChange> = fields.iter().copied().filter(tells_apart).collect();
    let hidden = fields.len() - shown.len();
    let further = match (hidden, change.unchanged_fields) {
        (0, 0) => None,
        (0, unchanged) if change.fields.is_empty() && unchanged > 0 => None,
        (0, unchanged) => Some(many(unchanged, "unchanged field")),
        (hidden, _) => Some(many(hidden, "further field")),
    };
    (shown, further)
}

/// What a hold is, in one word, and why, so that the two read as one sentence.
pub(super) fn held(hold: &Hold) -> (&'static str, &str) {
    match hold.class {
        HoldClass::Waiting => ("waits", hold.reason.strip_prefix("waits ").unwrap_or(&hold.reason)),
        HoldClass::Standing => ("held", &hold.reason),
    }
}

/// What to know about the change of one field, but for that it causes a roll.
pub(super) fn remarks(field: &FieldChange, action: Action) -> Vec<String> {
    let mut remarks = Vec::new();
    if field.impact == Impact::Replace && action != Action::Create {
        remarks.push("cannot be changed in place".to_owned());
    }
    match field.cause {
        Some(Cause::Drift) => remarks.push("drift: changed outside skep".to_owned()),
        Some(Cause::Image) => remarks.push("the tag has moved".to_owned()),
        Some(
            Cause::Git
            | Cause::Retry
            | Cause::Manual
            | Cause::Superseded
            | Cause::Ownership
            | Cause::Credentials,
        )
        | None => {}
    }
    remarks
}
