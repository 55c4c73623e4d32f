//! A chat server with its page, on one port.
//!
//!     cargo run --release --example chat
//!
//! Open the printed address in two browser windows. The page (`page.html`) is served by the `on_http` hook; the
//! WebSocket is at `/chat` and speaks JSON, as `command.rs` tells. `rooms.rs` knows who is where. The page's own
//! origin may connect and no other, as is the library's default. Each visitor has a thread, or, with `--event-loop`, a
//! turn in one of a few: the [`Visitor`] is the same.
//!
//!     cargo run --release --example chat -- --tls-cert cert.pem --tls-key key.pem
//!
//! serves all of it encrypted, the page as https and its WebSocket as wss.

mod command;
mod rooms;

use clearsocket::http::{HeaderValue, StatusCode};
use clearsocket::{
    CloseEvent, Config, Deflate, Error, Handler, HandshakeError, Message, Request, Response, Sender, Server,
    ServerError, tls,
};
use command::Command;
use rooms::{Chat, Seat};
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

const USAGE: &str = "\
A chat for your browser.

Usage: chat [--listen ADDR] [--event-loop] [--no-deflate] [--tls-cert FILE --tls-key FILE]

Options:
  --listen ADDR   address and port to listen on [default: 127.0.0.1:8080]
  --event-loop    few threads for all visitors, in place of one for each
  --no-deflate    do not compress messages
  --tls-cert FILE certificate in PEM, and those between it and its authority: https and wss
  --tls-key FILE  its private key in PEM
  --help          print this help";

fn main() -> ExitCode {
    let options = match parse_args(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("chat: {problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let listen = &options.listen;
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ Error::InvalidArgument(_)) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("chat: cannot listen on {listen}: {error}");
            if matches!(&error, Error::Io(io) if io.kind() == std::io::ErrorKind::AddrInUse) {
                eprintln!(
                    "chat: something else uses that port; choose another, such as --listen 127.0.0.1:0"
                );
            }
            ExitCode::FAILURE
        }
    }
}

struct Options {
    listen: String,
    event_loop: bool,
    deflate: bool,
    tls_cert: Option<String>,
    tls_key: Option<String>,
}

/// The options, or `None` for `--help`.
fn parse_args(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        listen: "127.0.0.1:8080".to_string(),
        event_loop: false,
        deflate: true,
        tls_cert: None,
        tls_key: None,
    };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--listen" => {
                options.listen = args.next().ok_or("--listen needs an address, such as 127.0.0.1:8080")?;
            }
            "--tls-cert" => options.tls_cert = Some(args.next().ok_or("--tls-cert needs a file")?),
            "--tls-key" => options.tls_key = Some(args.next().ok_or("--tls-key needs a file")?),
            "--event-loop" => options.event_loop = true,
            "--no-deflate" => options.deflate = false,
            other => match other.strip_prefix("--listen=") {
                Some(address) => options.listen = address.to_string(),
                None => return Err(format!("unknown argument {other:?}")),
            },
        }
    }
    match (&options.tls_cert, &options.tls_key) {
        (None, None) => Ok(Some(options)),
        (Some(_), Some(_)) if options.event_loop => {
            Err("--event-loop has no TLS: leave one of them out".into())
        }
        (Some(_), Some(_)) => Ok(Some(options)),
        _ => Err("--tls-cert and --tls-key go together".into()),
    }
}

/// Serves until Ctrl-C (or a polite kill), then says 1001 to everybody.
fn run(options: &Options) -> Result<(), Error> {
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = stop.send(());
    })
    .map_err(std::io::Error::other)?;

    let mut config = Config::default();
    config.max_message_size = 64 << 10; // far beyond what anybody may say; more is no chat
    let chat = Arc::new(Chat::default());
    let visitor =
        move |request: &Request| Visitor { chat: chat.clone(), peer: request.peer_addr(), seat: None };
    let mut server = Server::bind(&options.listen)?;
    if options.deflate {
        server = server.deflate(Deflate::default());
    }
    let mut scheme = "http";
    if let (Some(cert), Some(key)) = (&options.tls_cert, &options.tls_key) {
        scheme = "https";
        server = server.tls(tls::server_config_from_files(cert, key)?);
    }
    let server = server
        .config(config)
        .stack_size(1 << 20) // JSON may be nested, and reading it recurses: 256 KiB are too few without optimization
        .subprotocols(["clearsocket-chat"])
        .paths(["/chat"])
        .on_http(page)
        .on_error(log_error);
    let server = match options.event_loop {
        true => server.event_loop(0).spawn_handlers(visitor)?,
        false => server.spawn_handlers(visitor)?,
    };
    say(&format!("The chat is at {scheme}://{}/  (Ctrl-C ends it)", server.local_addr()?));

    let _ = stopped.recv();
    say(&format!("Closing {} connection(s) ...", server.connections()));
    server.shutdown(Duration::from_secs(5));
    Ok(())
}

/// One visitor, from open to close.
struct Visitor {
    chat: Arc<Chat>,
    peer: Option<SocketAddr>,
    seat: Option<Seat>,
}

impl Visitor {
    fn obey(&mut self, command: Command, sender: &Sender) -> Result<(), String> {
        match (command, &self.seat) {
            (Command::Join { name, room }, _) => {
                self.seat = None; // leave the old room before entering the new one
                self.seat = Some(self.chat.join(&name, &room, sender)?);
            }
            (Command::Say { text }, Some(seat)) => seat.say(&text),
            (Command::Say { .. }, None) => return Err("join a room first".to_string()),
        }
        Ok(())
    }
}

impl Handler for Visitor {
    fn on_open(&mut self, _sender: &Sender, _request: &Request) -> Result<(), Error> {
        log(self.peer, "open");
        Ok(())
    }

    fn on_message(&mut self, sender: &Sender, message: Message<'_>) -> Result<(), Error> {
        let outcome = Command::parse(&message).and_then(|command| self.obey(command, sender));
        outcome.or_else(|problem| sender.write(command::error(&problem)))
    }

    fn on_close(&mut self, _sender: &Sender, end: &CloseEvent) {
        let clean = if end.was_clean { "" } else { " (not clean)" };
        log(self.peer, &format!("close {} {:?}{clean}", end.code, end.reason));
    }
}

/// Answers plain HTTP requests: the page, and nothing else.
fn page(request: &Request) -> Response {
    let (status, body) = match request.path() {
        "/" => (StatusCode::OK, include_bytes!("page.html").to_vec()),
        "/chat" => (StatusCode::UPGRADE_REQUIRED, b"a WebSocket lives here; the page is at /".to_vec()),
        _ => (StatusCode::NOT_FOUND, b"there is only / and its WebSocket at /chat".to_vec()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::OK {
        headers.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
        // Even if a message were ever taken for HTML, the browser would load and send nothing for it.
        headers.insert("content-security-policy", HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    } else if status == StatusCode::UPGRADE_REQUIRED {
        headers.insert("upgrade", HeaderValue::from_static("websocket"));
        headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
    }
    response
}

fn log_error(error: &ServerError<'_>) {
    match error {
        // Opened and closed without a word, as browsers do to be quick later.
        ServerError::Handshake { error: Error::Handshake(HandshakeError::ConnectionClosed), .. } => {}
        ServerError::Handshake { peer, error } => log(Some(*peer), &format!("refused: {error}")),
        ServerError::Connection { peer, error } => log(Some(*peer), &format!("error: {error}")),
        ServerError::Panic { peer } => {
            log(Some(*peer), "the chat panicked; this connection is closed with 1011")
        }
        other => log(None, &format!("{other:?}")),
    }
}

/// A line with the time of day (UTC) and the peer.
fn log(peer: Option<SocketAddr>, what: &str) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
    let (hours, minutes, seconds) = (now / 3600, now / 60 % 60, now % 60);
    let peer = peer.map_or("server".to_string(), |peer| peer.to_string());
    say(&format!("{hours:02}:{minutes:02}:{seconds:02} {peer} {what}"));
}

/// Whoever reads our output may have gone, as `head` does. The chat goes on.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
     connect-src 'self' ws: wss:; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
