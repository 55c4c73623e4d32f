//! A terminal client: what you type is sent, what comes is printed.
//!
//!     cargo run --release --example connect -- ws://127.0.0.1:9001/
//!     cargo run --release --example connect -- --frames ws://127.0.0.1:9001/
//!
//! ```text
//!   input.rs   a thread: standard input ─▶ messages
//!   main.rs    this thread: messages ─▶ screen.rs, until the connection has ended
//!   frames.rs  in between, with --frames: every byte of it, made readable
//! ```
//!
//! `options.rs` says what it can be told, and what its exit status means. It works in pipes: standard output has the
//! messages and nothing else.

mod frames;
mod input;
mod options;
mod screen;

use clearsocket::{Error, Event, HandshakeError, WebSocket};
use frames::Shown;
use input::Line;
use options::{Options, USAGE};
use screen::{Colour, Screen};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

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
    let ws = connect(options, screen).map_err(explain)?;
    talk(ws, &line, start, screen)
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

/// Prints what comes until the connection has ended.
fn talk(ws: WebSocket, line: &Arc<Line>, start: Instant, screen: Screen) -> Result<(), String> {
    let (mut receiver, sender) = ws.split();
    line.open(sender);
    while let Some(event) = receiver.read_event().map_err(explain)? {
        match event {
            Event::Message(message) => match screen.message(&message) {
                // Whoever reads our output may stop before we do, as `head` does.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    line.close_soon();
                    return Ok(());
                }
                result => result.map_err(|error| format!("standard output: {error}"))?,
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
    match line.ended() {
        Some(problem) => Err(problem),
        None if end.was_clean => Ok(()),
        None => Err(format!("the connection did not end cleanly ({})", end.code)),
    }
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
