//! An apply that somebody watches: the question, Ctrl-C, and windows that change or go away.

use std::os::unix::process::ExitStatusExt as _;

use crate::engine::Engine;
use crate::stage::Stage;
use crate::terminal::Terminal;

const APPLY: [&str; 4] = ["apply", "stacks", "--resolve-image", "never"];
const QUESTION: &str = "Apply these changes? [y/N]";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

const GOOD: &str = "
services:
  web: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick } }
";

/// Never healthy, and never given up within the time of a test.
const STUBBORN: &str = "
services:
  web: { image: 'skep-demo/web:1', command: [crash], deploy: { <<: *quick } }
";

#[test]
fn on_a_terminal_apply_asks_and_yes_makes_it_so() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", GOOD);
    let mut terminal = Terminal::run(stage.command(&APPLY), 100);
    terminal.shows(QUESTION);
    assert!(terminal.screen().contains("starts 1 task"), "{}", terminal.screen());
    assert_eq!(stage.names("service"), [""; 0], "nothing is written before the answer");
    terminal.press("y\n");
    assert_eq!(terminal.ends().code(), Some(0), "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(screen.contains("\nApplied: 2 created. The service is healthy."), "{screen}");
    assert!(!screen.contains("rolling ("), "the block is taken away at the end: {screen}");
    assert!(terminal.written().contains("rolling (0/1)"), "{}", terminal.written());
    assert_eq!(stage.names("service"), ["shop_web"]);
}

#[test]
fn whatever_is_not_a_yes_writes_nothing() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", GOOD);
    for (keys, code) in [("n\n", 1), ("\n", 1), ("yes, but\n", 1), (CTRL_D, 1), (CTRL_C, 130)] {
        let mut terminal = Terminal::run(stage.command(&APPLY), 80);
        terminal.shows(QUESTION);
        terminal.press(keys);
        assert_eq!(terminal.ends().code(), Some(code), "{keys:?}: {}", terminal.screen());
        assert!(terminal.screen().ends_with("\nNothing was written."), "{}", terminal.screen());
    }
    assert!(stage.objects().is_empty());
}

#[test]
fn ctrl_c_in_a_rollout_ends_it_and_the_next_apply_goes_on() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", STUBBORN);
    let mut terminal = Terminal::run(stage.command(&[&APPLY[..], &["--yes"]].concat()), 80);
    terminal.shows("failing (0/1, ");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ends().code(), Some(130), "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(screen.contains("\nStopping after the writes that are under way"), "{screen}");
    assert!(screen.contains("\nInterrupted. Nothing is half-written"), "{screen}");
    stage.stack("shop", GOOD);
    stage.apply_well(&[]).ends(0, &["1 updated"]);
}

#[test]
fn a_terminal_that_hangs_up_ends_the_program_and_the_next_apply_goes_on() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", STUBBORN);
    let mut terminal = Terminal::run(stage.command(&[&APPLY[..], &["--yes"]].concat()), 80);
    terminal.shows("(0/1");
    assert_eq!(terminal.hang_up().signal(), Some(1));
    stage.stack("shop", GOOD);
    stage.apply_well(&[]).ends(0, &["1 updated"]);
}

#[test]
fn a_window_made_narrower_has_each_line_once() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", STUBBORN);
    let mut terminal = Terminal::run(stage.command(&[&APPLY[..], &["--yes"]].concat()), 120);
    terminal.shows("failing (0/1, ");
    terminal.resize(50);
    // What somebody types meanwhile is echoed behind the block.
    terminal.press("   ");
    let (mut turns, mut last) = (0, String::new());
    terminal.until("each line once after some turns", |screen| {
        turns += usize::from(last != screen);
        screen.clone_into(&mut last);
        // A line that wraps is not taken back as a whole, so that its beginnings pile up and stay. What is seen may be half of
        // a turn.
        turns > 12 && screen.matches("(0/1").count() <= 1
    });
    terminal.press(CTRL_C);
    assert_eq!(terminal.ends().code(), Some(130), "{}", terminal.screen());
}

#[test]
fn colours_and_redrawing_are_left_out_where_they_are_not_wanted() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", GOOD);
    let run = |name: &str, value: &str| {
        let mut command = stage.command(&APPLY);
        command.env(name, value);
        let mut terminal = Terminal::run(command, 80);
        terminal.shows(QUESTION);
        terminal.press("n\n");
        terminal.ends();
        terminal.written()
    };
    assert!(run("TERM", "xterm-256color").contains("\x1b["), "a terminal has colours");
    assert!(!run("NO_COLOR", "1").contains("\x1b["));
    assert!(run("TERM", "dumb").is_ascii());

    let mut command = stage.command(&[&APPLY[..], &["--yes"]].concat());
    command.env("TERM", "dumb");
    let mut terminal = Terminal::run(command, 80);
    assert_eq!(terminal.ends().code(), Some(0), "{}", terminal.screen());
    assert!(terminal.written().contains("\r\nservice "), "news are lines: {}", terminal.written());
    assert!(!terminal.written().contains('\x1b'), "{}", terminal.written());
}
