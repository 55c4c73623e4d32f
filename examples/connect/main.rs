//! A terminal client: what you type is sent, what comes is printed.
//!
//!     cargo run --release --example connect -- ws://127.0.0.1:9001/
//!     cargo run --release --example connect -- --frames ws://127.0.0.1:9001/
//!
//! ```text
//!   input.rs   a thread: standard input ─▶ messages
//!   main.rs    this thread: messages ─▶ screen.rs, until the connection has ended
//!   frames.rs  in between, with --frames: every byte of it, made readable
//!   trust.rs   for wss://: whose certificate is taken
//! ```
//!
//! `options.rs` says what it can be told, and what its exit status means. It works in pipes: standard output has the
//! messages and nothing else.

mod frames;
mod input;
mod options;
mod screen;
#[cfg(feature = "tls")]
mod trust;

use clearsocket::{Backoff, CloseEvent, Error, Event, HandshakeError, Interruption, WebSocket};
use frames::Shown;
use input::Line;
use options::{Options, USAGE};
use screen::{Colour, Screen};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let screen = Screen::new();
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            screen.error(&format!("{problem} (--help tells more)"));
            return ExitCode::from(2);
        }
    };
    match run(&options, screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            screen.error(&problem);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, screen: Screen) -> Result<(), String> {
    let (line, start) = (Arc::new(Line::default()), Instant::now());
    close_on_interrupt(line.clone())?;
    let (input, binary) = (line.clone(), options.binary);
    thread::spawn(move || input::send_input(&input, binary));
    if let Some(every) = options.ping {
        let line = line.clone();
        thread::spawn(move || input::send_pings(&line, every, start));
    }
    if options.insecure {
        screen.warn("no certificate is checked; whoever is on the way can read and change everything");
    }
    let mut delays = Backoff::new();
    loop {
        let begin = Instant::now();
        let why = match connect(options, screen).map_err(Failure::Connection) {
            Ok(ws) => talk(ws, &line, start, screen),
            Err(failure) => Err(failure),
        };
        if let Some(problem) = line.ended() {
            return Err(problem);
        }
        let why = match why {
            Ok(end) => Interruption::Closed(end),
            Err(Failure::Connection(error)) => Interruption::Failed(error),
            Err(Failure::NoReader) => return Ok(()),
            Err(Failure::Output(error)) => return Err(format!("standard output: {error}")),
        };
        if begin.elapsed() > STABLE {
            delays.reset();
        }
        let again = options.reconnect && !line.is_over() && why.is_worth_retrying();
        let Some(delay) = delays.next().filter(|_| again) else { return verdict(why) };
        screen.tell("*", Colour::Grey, &format!("{why}; again in {delay:.1?}"));
        if line.wait(delay) {
            return verdict(why);
        }
    }
}

/// What it means that this was the end.
fn verdict(why: Interruption) -> Result<(), String> {
    match why {
        Interruption::Closed(end) if end.was_clean => Ok(()),
        Interruption::Closed(end) => Err(format!("the connection did not end cleanly ({})", end.code)),
        Interruption::Failed(error) => Err(explain(error)),
    }
}

/// Why there is nothing more to print.
enum Failure {
    Connection(Error),
    /// Whoever has read our output has stopped, as `head` does.
    NoReader,
    Output(io::Error),
}

/// Connects, with everything shown that passes if that is wanted.
fn connect(options: &Options, screen: Screen) -> Result<WebSocket, Error> {
    let Options { client, url, .. } = options;
    let (ws, _response) = match options.frames {
        true => client.handshake(url, Shown::new(client.dial(url)?, screen))?,
        false => client.connect(url)?,
    };
    let agreed = [ws.subprotocol().unwrap_or_default(), ws.extensions()];
    let agreed: String =
        agreed.iter().filter(|part| !part.is_empty()).map(|part| format!(", {part}")).collect();
    screen.remark(&format!("connected{agreed}"));
    Ok(ws)
}

/// Prints what comes until the connection has ended, and tells how it did.
fn talk(ws: WebSocket, line: &Arc<Line>, start: Instant, screen: Screen) -> Result<CloseEvent, Failure> {
    let (mut receiver, sender) = ws.split();
    line.open(sender);
    while let Some(event) = receiver.read_event().map_err(Failure::Connection)? {
        match event {
            Event::Message(message) => match screen.message(&message) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    line.close_soon();
                    return Err(Failure::NoReader);
                }
                result => result.map_err(Failure::Output)?,
            },
            Event::Pong(payload) => {
                if let Some(time) = input::round_trip(payload, start) {
                    screen.tell("*", Colour::Grey, &format!("pong after {time:.1?}"));
                }
            }
            Event::Ping(_) | Event::Close(_) => {}
        }
    }
    let end = receiver.close_event();
    let reason = if end.reason.is_empty() { String::new() } else { format!(" {:?}", end.reason) };
    screen.remark(&format!("closed: {}{reason}", end.code));
    Ok(end)
}

/// The first Ctrl-C, or polite kill, closes; the second ends at once. So does the first while nothing is connected.
fn close_on_interrupt(line: Arc<Line>) -> Result<(), String> {
    let interrupt = move || {
        let before = line.is_over();
        if before || !line.close_soon() {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(interrupt).map_err(|error| error.to_string())
}

/// One line for the terminal.
fn explain(error: Error) -> String {
    match &error {
        Error::Handshake(HandshakeError::Refused(response)) => {
            let body = String::from_utf8_lossy(response.body());
            let first_line = body.lines().next().unwrap_or_default().trim();
            match first_line {
                "" => format!("the server refused: {}", response.status()),
                line => format!("the server refused: {}: {line}", response.status()),
            }
        }
        _ => error.to_string(),
    }
}

/// A connection that has stood for so long was a good one: the delays begin anew.
const STABLE: Duration = Duration::from_secs(60);
