//! What a person sees, and what a pipe gets.
//!
//! | | standard output is a terminal | a pipe or a file |
//! | --- | --- | --- |
//! | text message | `< ` and the text, control characters escaped | the text and a line feed |
//! | binary message | `< `, its length, and a hex dump | its bytes, and nothing else |
//!
//! Everything else goes to standard error, so that a pipe has the messages alone: errors always, what was asked for by
//! an option (`--frames`, `--ping`), and remarks for somebody who sits there. Colours are for terminals, and for nobody who
//! has set `NO_COLOR` (no-color.org).

use clearsocket::Message;
use std::io::{self, IsTerminal, Write, stderr, stdin, stdout};

/// Where the output goes.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    out_is_terminal: bool,
    /// Somebody types, and reads what comes.
    attended: bool,
    colours_out: bool,
    colours_err: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
    Grey = 90,
}

impl Screen {
    pub fn new() -> Screen {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb");
        let out_is_terminal = stdout().is_terminal();
        Screen {
            out_is_terminal,
            attended: stdin().is_terminal() && stderr().is_terminal(),
            colours_out: colours && out_is_terminal,
            colours_err: colours && stderr().is_terminal(),
        }
    }

    /// Prints a message. An error of the kind `BrokenPipe` says that whoever has read our output has stopped.
    pub fn message(&self, message: &Message<'_>) -> io::Result<()> {
        let mut out = stdout().lock();
        let mark = paint(self.colours_out, Colour::Cyan, "<");
        match message {
            Message::Text(text) if self.out_is_terminal => writeln!(out, "{mark} {}", harmless(text))?,
            Message::Text(text) => writeln!(out, "{text}")?,
            Message::Binary(data) if self.out_is_terminal => {
                writeln!(out, "{mark} {} bytes", data.len())?;
                hex_dump(&mut out, data)?;
            }
            Message::Binary(data) => out.write_all(data)?,
        }
        out.flush()
    }

    /// Tells what was asked for.
    pub fn tell(&self, mark: &str, colour: Colour, text: &str) {
        self.say(colour, mark, text);
    }

    /// A remark for whoever sits there.
    pub fn remark(&self, text: &str) {
        if self.attended {
            self.say(Colour::Grey, "*", text);
        }
    }

    /// Something that must not be overlooked.
    pub fn warn(&self, text: &str) {
        self.say(Colour::Yellow, "connect: WARNING:", text);
    }

    pub fn error(&self, text: &str) {
        self.say(Colour::Red, "connect:", text);
    }

    /// Nobody can be told that standard error is closed.
    fn say(&self, colour: Colour, mark: &str, text: &str) {
        let line = format!("{} {}", paint(self.colours_err, colour, mark), harmless(text));
        let _ = writeln!(stderr().lock(), "{}", line.trim_end());
    }
}

fn paint(colours: bool, colour: Colour, text: &str) -> String {
    if colours { format!("\x1b[{}m{text}\x1b[0m", colour as u8) } else { text.to_string() }
}

/// The text as it is, but for characters that would move the cursor, change the title, or worse.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Sixteen bytes in a row, as digits and as characters; not more than a screen of them.
fn hex_dump(out: &mut impl Write, data: &[u8]) -> io::Result<()> {
    for (row, bytes) in data.chunks(16).take(ROWS).enumerate() {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
        let visible = |&byte: &u8| if byte.is_ascii_graphic() || byte == b' ' { byte as char } else { '.' };
        let characters: String = bytes.iter().map(visible).collect();
        writeln!(out, "  {:08x}  {digits:<48} {characters}", row * 16)?;
    }
    match data.len().saturating_sub(16 * ROWS) {
        0 => Ok(()),
        more => writeln!(out, "  ... {more} bytes more"),
    }
}

const ROWS: usize = 16;
