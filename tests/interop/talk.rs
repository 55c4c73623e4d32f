//! One conversation, held by our server with their client or by our client with their server.
//!
//! For the next editor: our part runs in a thread of its own, so that a peer that falls silent costs a check and not the
//! whole run.

use crate::certificates::LOCALHOST;
use crate::tls_peer::TRUSTED;
use clearsocket::http::{HeaderMap, HeaderValue};
use clearsocket::{Client, Config, Deflate, Error, HandshakeError, Response, Server, WebSocket};
use serde_json::Value;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// What we say and expect to hear, and what the peer has to report in the end.
pub struct Talk {
    pub name: String,
    /// What the peer is set to do about compression and TLS.
    pub setting: &'static str,
    pub path: &'static str,
    /// What the client offers, be it theirs or ours.
    pub subprotocols: &'static [&'static str],
    /// What our end is set to do about compression.
    pub deflate: Option<Deflate>,
    /// The largest frame that our end takes, in bytes.
    pub max_frame_size: usize,
    /// How often it may be held until it is as it should: more than once only where both act at the same time.
    pub attempts: u32,
    /// What the peer must be able to do.
    pub needs: Vec<Need>,
    pub part: Part,
}

/// Our part in a conversation.
pub enum Part {
    /// Gets the connection and the headers of the other end's handshake; returns what the peer's report must hold.
    Open(Box<OpenPart>),
    /// The server refuses; the client's report must hold this.
    Refused(Value),
}

/// Something that not every peer can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Fragments,
    Ping,
    /// Send a Close with 1001.
    GoingAway,
    /// Send a Close without a code.
    NoCode,
    /// Tell of a Close that has crossed its own.
    CrossingClose,
    /// Keep U+FEFF at the beginning of a text.
    ByteOrderMark,
    /// Have permessage-deflate.
    Deflate,
    /// Not only decompress.
    Compress,
    /// Agree to a window of 10 bits.
    SmallWindow,
    /// Have it, and not use it.
    DeflateOff,
    /// Go on when the server has taken none of the subprotocols that were offered.
    NoneTaken,
    /// See the status of a refusal.
    Status,
    /// See the body of a refusal.
    Body,
    SendHeaders,
    SeeHeaders,
}

type OpenPart = dyn Fn(WebSocket, &HeaderMap) -> Outcome<Value> + Send + Sync;

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A running peer, in one of its roles.
pub trait Partner {
    fn hold(&mut self, talk: &'static Talk) -> Outcome<()>;
}

/// A running client of theirs.
pub trait TheirClient {
    /// Has it connect.
    fn connect(&mut self, url: &str, talk: &Talk) -> Outcome<()>;
    /// Waits for what it has to say about that connection, when it has ended.
    fn report(&mut self) -> Outcome<Value>;
}

impl<C: TheirClient> Partner for C {
    fn hold(&mut self, talk: &'static Talk) -> Outcome<()> {
        let (done, part) = mpsc::channel();
        let server = our_server(talk)?.spawn(move |ws, request| {
            // Nobody waits any more if it took too long.
            let _ = done.send(talk.open(ws, request.headers()));
            Ok(())
        })?;
        self.connect(&talk.url(server.local_addr()?.port()), talk)?;
        let expected = match &talk.part {
            Part::Open(_) => wait(&part),
            Part::Refused(expected) => Ok(expected.clone()),
        };
        if expected.is_err() {
            server.shutdown(Duration::ZERO); // so that their report comes now, and not instead of a later one
        }
        let report = self.report();
        server.shutdown(PATIENCE);
        compare(expected, report)
    }
}

/// Our client, and what it sees of a server of theirs.
pub fn with_their_server(
    port: u16,
    talk: &'static Talk,
    report: impl FnOnce() -> Outcome<Value>,
) -> Outcome<()> {
    let url = talk.url(port);
    let (opened, connection) = mpsc::channel();
    let (done, part) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = done.send(match our_client(talk).connect(&url) {
            Ok((ws, response)) => {
                let _ = opened.send(ws.sender());
                talk.open(ws, response.headers())
            }
            Err(Error::Handshake(HandshakeError::Refused(response))) => talk.refused(&response),
            Err(error) => Err(error.into()),
        });
    });
    let expected = wait(&part);
    let Ok(sender) = connection.try_recv() else {
        return expected.map(drop); // their server never had a connection to report
    };
    if expected.is_err() {
        sender.abort(); // as above
    }
    compare(expected, report())
}

impl Talk {
    fn is_secure(&self) -> bool {
        self.setting == "tls"
    }

    /// The certificate is for a name.
    fn url(&self, port: u16) -> String {
        let origin = if self.is_secure() { "wss://localhost" } else { "ws://127.0.0.1" };
        format!("{origin}:{port}{}", self.path)
    }

    fn open(&self, ws: WebSocket, headers: &HeaderMap) -> Outcome<Value> {
        match &self.part {
            Part::Open(part) => part(ws, headers),
            Part::Refused(_) => Err("it was not refused".into()),
        }
    }

    fn refused(&self, response: &Response) -> Outcome<Value> {
        let body = String::from_utf8_lossy(response.body());
        let seen = serde_json::json!({"status": response.status().as_u16(), "body": body.trim_end()});
        match &self.part {
            Part::Open(_) => Err(format!("it was refused: {seen}").into()),
            Part::Refused(expected) => compare(Ok(expected.clone()), Ok(seen)).map(|()| Value::Null),
        }
    }
}

fn our_server(talk: &Talk) -> Outcome<Server> {
    let mut server = Server::bind("127.0.0.1:0")?
        .config(config(talk))
        .subprotocols(["chat.v1"])
        .allow_any_origin() // for the browser, whose page is from elsewhere
        .on_request(|request, headers| {
            if request.path() == "/refuse" {
                let mut refusal = Response::new(b"not for you".to_vec());
                *refusal.status_mut() = clearsocket::http::StatusCode::FORBIDDEN;
                return Err(refusal.into());
            }
            headers.insert("x-interop", HeaderValue::from_static("from the server"));
            headers.insert("set-cookie", HeaderValue::from_static("seat=13"));
            Ok(())
        });
    if let Some(deflate) = &talk.deflate {
        server = server.deflate(deflate.clone());
    }
    if talk.is_secure() {
        server = server.tls(LOCALHOST.config());
    }
    Ok(server)
}

fn our_client(talk: &Talk) -> Client {
    let mut client = Client::new()
        .config(config(talk))
        .subprotocols(talk.subprotocols.iter().copied())
        .header("X-Interop", "from the client")
        .header("Cookie", "seat=12");
    if let Some(deflate) = &talk.deflate {
        client = client.deflate(deflate.clone());
    }
    if talk.is_secure() {
        client = client.tls(TRUSTED.client_config());
    }
    client
}

fn config(talk: &Talk) -> Config {
    let mut config = Config::default();
    config.max_frame_size = talk.max_frame_size;
    config.handshake_timeout = PATIENCE;
    config.close_timeout = PATIENCE;
    config
}

fn wait(part: &Receiver<Outcome<Value>>) -> Outcome<Value> {
    part.recv_timeout(PATIENCE).unwrap_or_else(|_| Err("our part has not come to its end".into()))
}

/// The peer's report must hold what we expect, and may tell more.
fn compare(expected: Outcome<Value>, report: Outcome<Value>) -> Outcome<()> {
    let (expected, report) = match (expected, report) {
        (Ok(expected), Ok(report)) => (expected, report),
        (Err(ours), report) => return Err(format!("{ours} (the peer reports {report:?})").into()),
        (Ok(_), Err(theirs)) => return Err(theirs),
    };
    let entries = expected.as_object().into_iter().flatten();
    for (key, value) in entries {
        if report[key] != *value {
            return Err(format!("expected {key}: {value}, the peer reports {report}").into());
        }
    }
    Ok(())
}

/// How long one side may take for its part of a conversation: far more than it needs.
pub const PATIENCE: Duration = Duration::from_secs(20);
