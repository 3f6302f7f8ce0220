//! How text looks: its width, its colours, its signs.

use anstyle::{AnsiColor, Style};

use crate::diff::document::Action;

/// How a rendered text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal. Text is laid out for at least 40.
    pub width: usize,
    /// Colours.
    pub palette: Palette,
    /// Signs.
    pub glyphs: Glyphs,
}

/// Whether there are colours. They never carry meaning alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// Text only.
    Plain,
    /// The sixteen colours of the terminal's own theme.
    Ansi,
}

/// Which signs can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// Arrows and dots.
    Unicode,
    /// Only what every terminal has. Names and values from outside stay as they are.
    Ascii,
}

/// What a piece of text is, from which its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Running text.
    Plain,
    /// What to read first.
    Strong,
    /// What to read last.
    Quiet,
    /// Something that comes.
    Added,
    /// Something that changes.
    Changed,
    /// Something that goes.
    Removed,
    /// The part of a value that comes.
    AddedPart,
    /// The part of a value that goes.
    RemovedPart,
    /// Something that costs availability.
    Costly,
    /// Something that goes on by itself.
    Waiting,
    /// Something that needs a person.
    Standing,
    /// Something to type.
    Command,
}

impl Palette {
    /// `text` in the colour of `role`; blanks have none.
    pub fn paint(self, role: Role, text: &str) -> String {
        let style = match self {
            Self::Ansi if text.chars().any(|c| c != ' ') => style(role),
            Self::Ansi | Self::Plain => Style::new(),
        };
        format!("{style}{text}{style:#}")
    }
}

fn style(role: Role) -> Style {
    let colour = |colour: AnsiColor| colour.on_default();
    match role {
        Role::Plain => Style::new(),
        Role::Strong | Role::Command => Style::new().bold(),
        Role::Quiet => Style::new().dimmed(),
        Role::Added => colour(AnsiColor::Green),
        Role::Changed => colour(AnsiColor::Yellow),
        Role::Removed => colour(AnsiColor::Red),
        Role::AddedPart => colour(AnsiColor::Green).bold().underline(),
        Role::RemovedPart => colour(AnsiColor::Red).bold().underline(),
        Role::Costly => colour(AnsiColor::Magenta).bold(),
        Role::Waiting => colour(AnsiColor::Cyan),
        Role::Standing => colour(AnsiColor::Yellow).bold(),
    }
}

impl Glyphs {
    pub(super) fn arrow(self) -> &'static str {
        match self {
            Self::Unicode => "→",
            Self::Ascii => "->",
        }
    }

    pub(super) fn dot(self) -> &'static str {
        match self {
            Self::Unicode => "·",
            Self::Ascii => "|",
        }
    }

    pub(super) fn ellipsis(self) -> &'static str {
        match self {
            Self::Unicode => "…",
            Self::Ascii => "...",
        }
    }

    /// One column wide each.
    pub(super) fn action(self, action: Action) -> &'static str {
        match (action, self) {
            (Action::Create, _) => "+",
            (Action::Update, _) => "~",
            (Action::Remove, _) => "-",
            (Action::Adopt, _) => "=",
            (Action::Move, _) => ">",
            (Action::Replace, Self::Unicode) => "±",
            (Action::Replace, Self::Ascii) => "!",
        }
    }
}

pub(super) fn role(action: Action) -> Role {
    match action {
        Action::Create => Role::Added,
        Action::Update => Role::Changed,
        Action::Remove => Role::Removed,
        Action::Replace => Role::Costly,
        Action::Adopt | Action::Move => Role::Waiting,
    }
}
