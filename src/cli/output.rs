//! Everything that is printed: results on standard output, talk on standard error.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::thread;

use tokio::sync::oneshot;

use crate::diff::render::{Glyphs, Look, Palette};

/// Columns where nobody says how many there are.
const WIDTH: usize = 100;

/// When colours are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ColorChoice {
    /// On terminals, unless `NO_COLOR` is set; `CLICOLOR_FORCE` makes it always.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two streams of the process.
///
/// A reader of standard output that goes away (`skep plan | head`) ends the output and nothing else: an apply must not
/// stop half-way because of it.
#[derive(Debug)]
pub(super) struct Output {
    results: Stream,
    talk: Stream,
    closed: bool,
}

/// One stream: what it is connected to and how text looks there.
#[derive(Debug, Clone, Copy)]
struct Stream {
    is_terminal: bool,
    look: Look,
}

impl Output {
    /// The streams of this process.
    pub(super) fn new(colors: ColorChoice) -> Self {
        Self {
            results: Stream::of(&io::stdout(), colors),
            talk: Stream::of(&io::stderr(), colors),
            closed: false,
        }
    }

    /// How text looks on standard output.
    pub(super) fn look(&self) -> Look {
        self.results.look
    }

    /// How text looks on standard error.
    pub(super) fn talk_look(&self) -> Look {
        self.talk.look
    }

    /// Whether standard output is a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.results.is_terminal
    }

    /// Whether standard error is a terminal that can take lines back.
    pub(super) fn can_redraw(&self) -> bool {
        self.talk.is_terminal && env::var("TERM").is_ok_and(|term| term != "dumb")
    }

    /// Whether a question can be asked and answered.
    pub(super) fn can_ask(&self) -> bool {
        self.talk.is_terminal && io::stdin().is_terminal()
    }

    /// Whether nobody reads standard output any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes a result to standard output as it is.
    ///
    /// # Errors
    /// When the stream cannot take it, such as a full disk. A closed one is no error.
    pub(super) fn result(&mut self, text: &str) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            written => written,
        }
    }
}

/// The answer to a question: one line of standard input without its line feed; `None` at the end of input.
///
/// # Errors
/// When standard input cannot be read.
pub(super) async fn ask(question: &str) -> io::Result<Option<String>> {
    let (tell, told) = oneshot::channel();
    talk(question);
    // A read of a terminal cannot be called off: it has a thread of its own, for which nobody waits.
    thread::Builder::new().spawn(move || drop(tell.send(io::stdin().lines().next())))?;
    let Ok(Some(answer)) = told.await else {
        talk("\n");
        return Ok(None);
    };
    Ok(Some(answer?.trim().to_owned()))
}

/// Writes to standard error as it is. There is nowhere to complain if that fails.
pub(super) fn talk(text: &str) {
    let mut stderr = io::stderr().lock();
    let written = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    drop(written);
}

impl Stream {
    fn of(stream: &impl anstream::stream::RawStream, colors: ColorChoice) -> Self {
        let is_terminal = stream.is_terminal();
        let palette = match colors {
            ColorChoice::Always => Palette::Ansi,
            ColorChoice::Never => Palette::Plain,
            ColorChoice::Auto => match anstream::AutoStream::choice(stream) {
                anstream::ColorChoice::Never => Palette::Plain,
                _ => Palette::Ansi,
            },
        };
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            is_terminal,
            look: Look { width: width(is_terminal), palette, glyphs: glyphs(variable) },
        }
    }
}

/// Columns and lines of the terminal, if there is one that knows.
pub(super) fn terminal_size() -> Option<(usize, usize)> {
    let (terminal_size::Width(columns), terminal_size::Height(lines)) =
        terminal_size::terminal_size()?;
    (columns > 0 && lines > 0).then(|| (usize::from(columns), usize::from(lines)))
}

/// The terminal's own width, else `COLUMNS`.
fn width(is_terminal: bool) -> usize {
    match terminal_size().filter(|_| is_terminal) {
        Some((columns, _)) => columns,
        None => env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(WIDTH),
    }
}

/// A dumb terminal, or a locale that is known not to be UTF-8, has only ASCII.
fn glyphs(variable: impl Fn(&str) -> Option<String>) -> Glyphs {
    if variable("TERM").is_some_and(|term| term == "dumb") {
        return Glyphs::Ascii;
    }
    let locale = variable("LC_ALL").or_else(|| variable("LC_CTYPE")).or_else(|| variable("LANG"));
    let is_utf8 = locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    if is_utf8 { Glyphs::Unicode } else { Glyphs::Ascii }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_ascii_where_the_surroundings_say_so() {
        let of = |variables: &[(&str, &str)]| {
            glyphs(|name| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), Glyphs::Unicode);
        assert_eq!(of(&[("TERM", "xterm"), ("LANG", "en_US.UTF-8")]), Glyphs::Unicode);
        assert_eq!(of(&[("LANG", "C.utf8")]), Glyphs::Unicode);
        assert_eq!(of(&[("TERM", "dumb")]), Glyphs::Ascii);
        assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]), Glyphs::Ascii);
        assert_eq!(of(&[("LANG", "de_DE.ISO-8859-1")]), Glyphs::Ascii);
    }
}
