//! A terminal client: what you type is sent, what comes is printed.
//!
//!     cargo run --release --example connect -- ws://127.0.0.1:9001/
//!
//! Each line of standard input is sent as a text message; each message is printed on a line of its own. At the end of
//! the input it closes with 1000 and waits for the server's Close. It ends with 0 after a clean close, and with 1 and
//! one line on standard error after anything else, so it works in scripts and pipes.

use clearsocket::{Client, Deflate, Error, HandshakeError, Message, Sender};
use std::io::{BufRead, Write};
use std::process::ExitCode;

const USAGE: &str = "\
A WebSocket client for the terminal.

Usage: connect [OPTIONS] ws://HOST[:PORT]/PATH

Options:
  --header 'NAME: VALUE'   send a further header; may be repeated
  --subprotocol NAME       offer a subprotocol; may be repeated, the preferred one first
  --origin ORIGIN          send this Origin
  --no-deflate             do not offer to compress messages
  --help                   print this help";

fn main() -> ExitCode {
    let (client, url) = match parse_args(std::env::args().skip(1)) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("connect: {problem} (--help tells more)");
            return ExitCode::from(2);
        }
    };
    match talk(&client, &url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("connect: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn parse_args(mut args: impl Iterator<Item = String>) -> Result<Option<(Client, String)>, String> {
    let (mut client, mut subprotocols, mut url) = (Client::new(), Vec::new(), None);
    let mut deflate = true;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--header" => {
                let line = value()?;
                let (name, value) = line.split_once(':').ok_or("a header is written as 'NAME: VALUE'")?;
                client = client.header(name.trim(), value.trim());
            }
            "--subprotocol" => subprotocols.push(value()?),
            "--origin" => client = client.origin(&value()?),
            "--no-deflate" => deflate = false,
            flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
            _ if url.is_some() => return Err("there is more than one URL".into()),
            _ => url = Some(arg),
        }
    }
    let url = url.ok_or("the URL is missing")?;
    if deflate {
        client = client.deflate(Deflate::default());
    }
    Ok(Some((client.subprotocols(subprotocols), url)))
}

fn talk(client: &Client, url: &str) -> Result<(), String> {
    let (ws, _response) = client.connect(url).map_err(explain)?;
    let (mut receiver, sender) = ws.split();
    std::thread::spawn(move || send_lines(&sender));
    while let Some(message) = receiver.read().map_err(explain)? {
        // Whoever reads our output may stop before we do, as `head` does.
        if print(&message).is_err() {
            return Ok(());
        }
    }
    let end = receiver.close_event();
    if end.was_clean { Ok(()) } else { Err(format!("the connection did not end cleanly ({})", end.code)) }
}

/// Sends standard input line by line, then closes.
fn send_lines(sender: &Sender) {
    for line in std::io::stdin().lock().lines() {
        // A connection that has ended is the reading thread's to report.
        let Ok(line) = line else { break };
        if sender.send(line).is_err() {
            return;
        }
    }
    let _ = sender.close(1000, "");
}

fn print(message: &Message<'_>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match message {
        Message::Text(text) => writeln!(out, "{text}")?,
        Message::Binary(data) => writeln!(out, "<{} bytes of binary data>", data.len())?,
    }
    out.flush()
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
