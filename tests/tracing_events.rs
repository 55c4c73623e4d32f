//! What the crate `tracing` is told (feature `tracing`): a span for each connection, and what happens in it.
//!
//! The subscriber below keeps everything as text. There is one for all tests of this file, since a server has threads of
//! its own, so each test asks for the spans of its own peers.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{Client, Error, HandshakeError, Message, Response, Sender};
use common::frame::Frame;
use common::raw_peer::request;
use common::{RawPeer, raw_peer};
use raw::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

// ---- A subscriber that remembers ----

#[derive(Default)]
struct Memory {
    spans: HashMap<u64, Span>,
    /// Events outside of all spans.
    outside: Vec<String>,
    next_id: u64,
}

#[derive(Clone, Debug, Default)]
struct Span {
    fields: HashMap<&'static str, String>,
    /// As `LEVEL message field=value field=value`.
    events: Vec<String>,
    handles: usize,
}

static MEMORY: LazyLock<Mutex<Memory>> = LazyLock::new(Mutex::default);

fn memory() -> MutexGuard<'static, Memory> {
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

struct Remember;

impl Subscriber for Remember {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "clearsocket" || metadata.target() == "a_handler"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        let mut memory = memory();
        memory.next_id += 1;
        let id = memory.next_id;
        memory.spans.insert(id, Span { fields: fields.0.into_iter().collect(), events: vec![], handles: 1 });
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = memory().spans.get_mut(&id.into_u64()) {
            span.fields.extend(fields.0);
        }
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = event.metadata().level().to_string();
        for (name, value) in fields.0 {
            line += &if name == "message" { format!(" {value}") } else { format!(" {name}={value}") };
        }
        let entered = ENTERED.with_borrow(|entered| entered.last().copied());
        let parent = event.parent().map(Id::into_u64).or(entered.filter(|_| event.is_contextual()));
        let mut memory = memory();
        match parent.and_then(|id| memory.spans.get_mut(&id)) {
            Some(span) => span.events.push(line),
            None => memory.outside.push(line),
        }
    }

    fn enter(&self, id: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
    }

    fn exit(&self, id: &Id) {
        let left = ENTERED.with_borrow_mut(Vec::pop);
        assert_eq!(left, Some(id.into_u64()), "spans are left in order");
    }

    fn clone_span(&self, id: &Id) -> Id {
        memory().spans.entry(id.into_u64()).and_modify(|span| span.handles += 1);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut memory = memory();
        let span = memory.spans.get_mut(&id.into_u64()).expect("a span");
        span.handles -= 1;
        span.handles == 0
    }
}

/// Names and values in their order, the message first.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let at = if field.name() == "message" { 0 } else { self.0.len() };
        self.0.insert(at, (field.name(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

fn remember() {
    static ONCE: LazyLock<()> = LazyLock::new(|| {
        tracing::subscriber::set_global_default(Remember).expect("there is no other");
    });
    LazyLock::force(&ONCE);
}

/// The one span with this role and peer, once it has ended.
#[track_caller]
fn ended(role: &str, peer: impl ToString) -> Span {
    let peer = peer.to_string();
    let find = || {
        let memory = memory();
        let of_peer = |span: &&Span| span.fields["role"] == role && span.fields["peer"] == peer;
        let found: Vec<_> = memory.spans.values().filter(of_peer).cloned().collect();
        assert!(found.len() <= 1, "one span a connection: {found:?}");
        found.into_iter().next()
    };
    wait_until("the span has ended", || find().is_some_and(|span| span.handles == 0));
    find().expect("it is there")
}

fn local(peer: &RawPeer) -> SocketAddr {
    peer.stream.local_addr().expect("local_addr")
}

#[track_caller]
fn echo_on(driver: Driver) -> TestServer {
    remember();
    TestServer::echo_on(driver, server())
}

// ---- Servers ----

#[test]
fn a_connection_has_a_span_from_open_to_closed() {
    for &driver in DRIVERS {
        let server = echo_on(driver);
        let (mut peer, _) = RawPeer::connect_with(server.address, "/chat?token=secret", "");
        assert_echoes(&mut peer, "hello");
        peer.send(Frame::close(4000, "so \x1b[31m it ends"));
        assert_eq!(read_close_code(&mut peer), 4000);
        let address = local(&peer);
        drop(peer);
        let span = ended("server", address);
        assert_eq!(span.fields["path"], "/chat", "without the query");
        let expected = [
            "DEBUG open extensions=",
            "DEBUG closed code=4000 reason=\"so \\u{1b}[31m it ends\" was_clean=true \
             messages_in=1 bytes_in=5 messages_out=1 bytes_out=5",
        ];
        assert_eq!(span.events, expected, "{driver:?}");
    }
}

#[test]
fn what_a_handler_tells_is_told_within_its_connection() {
    remember();
    for &driver in DRIVERS {
        let handler = |sender: &Sender, message: Message<'_>| {
            tracing::info!(target: "a_handler", "a handler speaks");
            sender.write(message)
        };
        let server = TestServer::from(driver.start(server(), move |_| handler).expect("the server starts"));
        let mut peer = RawPeer::connect(server.address);
        assert_echoes(&mut peer, "hello");
        let address = local(&peer);
        drop(peer);
        assert!(ended("server", address).events.contains(&"INFO a handler speaks".into()), "{driver:?}");
    }
}

#[test]
fn a_refused_handshake_is_told_with_its_status_and_without_credentials() {
    remember();
    for &driver in DRIVERS {
        let server = server().on_request(|_, _| {
            let mut refusal = Response::new(b"who are you?".to_vec());
            *refusal.status_mut() = http::StatusCode::UNAUTHORIZED;
            Err(refusal.into())
        });
        let server = TestServer::echo_on(driver, server);
        let mut peer = RawPeer::tcp(server.address);
        let more = "Authorization: Basic c2VjcmV0\r\nCookie: id=c2VjcmV0\r\n";
        peer.send_bytes(request(server.address, "/private?c2VjcmV0", more).as_bytes());
        assert_eq!(status(&peer.read_head()), 401);
        let address = local(&peer);
        drop(peer);
        let span = ended("server", address);
        assert_eq!(span.fields["path"], "/private");
        assert_eq!(span.events.len(), 1, "{:?}", span.events);
        assert!(span.events[0].starts_with("INFO refused status=401 error="), "{:?}", span.events);
        assert!(!format!("{span:?}").contains("c2VjcmV0"));
    }
}

#[test]
fn who_is_turned_away_is_told_of_too() {
    remember();
    for &driver in DRIVERS {
        let server = TestServer::echo_on(driver, server().max_connections(0));
        let mut peer = RawPeer::tcp(server.address);
        assert_eq!(status(&peer.read_head()), 503);
        let address = local(&peer);
        drop(peer);
        let span = ended("server", address);
        assert!(span.events[0].starts_with("INFO refused status=503"), "{:?}", span.events);
    }
}

#[test]
fn a_breach_of_the_protocol_is_a_warning_and_a_lost_connection_is_not() {
    for &driver in DRIVERS {
        let server = echo_on(driver);
        let mut wrong = RawPeer::connect(server.address);
        wrong.send_bytes(&Frame::text("not masked: a secret").bytes());
        assert_eq!(read_close_code(&mut wrong), 1002);
        let lost = RawPeer::connect(server.address);
        let addresses = [local(&wrong), local(&lost)];
        drop((wrong, lost));
        let [wrong, lost] = addresses.map(|address| ended("server", address).events);
        let course = ["DEBUG open", "DEBUG failed error=", "DEBUG closed code=1006"];
        for (events, level) in [(&wrong, "WARN ended with an error"), (&lost, "INFO lost")] {
            assert_eq!(events.len(), 4, "{events:?}");
            for begin in course.into_iter().chain([level]) {
                assert!(events.iter().any(|event| event.starts_with(begin)), "{begin}: {events:?}");
            }
        }
        assert!(wrong[1].contains("§5.1") && !format!("{wrong:?}").contains("secret"), "{wrong:?}");
    }
}

#[test]
fn a_panic_is_an_error() {
    remember();
    for &driver in DRIVERS {
        let handler = |_: &Sender, _: Message<'_>| -> Result<(), Error> { resume_unwind(Box::new("boom")) };
        let server = TestServer::from(driver.start(server(), move |_| handler).expect("the server starts"));
        let mut peer = RawPeer::connect(server.address);
        peer.send(Frame::text("boom"));
        assert_eq!(read_close_code(&mut peer), 1011);
        let address = local(&peer);
        drop(peer);
        let span = ended("server", address);
        assert!(span.events.contains(&"ERROR panicked".into()), "{driver:?}: {:?}", span.events);
    }
}

#[test]
fn an_accepted_stream_has_a_span_too() {
    remember();
    let (near, far, address) = tcp_pair();
    let ours = thread::spawn(move || echo(clearsocket::accept(near).expect("accept").0));
    let mut peer = RawPeer::new(far, clearsocket::Role::Client);
    peer.send_bytes(raw_peer::request(address, "/here", "").as_bytes());
    assert_eq!(status(&peer.read_head()), 101);
    peer.send(Frame::close(1000, ""));
    assert_eq!(read_close_code(&mut peer), 1000);
    let address = local(&peer);
    drop(peer);
    in_time(ours).expect("a clean end");
    assert_eq!(ended("server", address).events.len(), 2);
}

// ---- Clients ----

#[test]
fn a_client_has_a_span_too() {
    let server = echo_on(Driver::Threads);
    let url = format!("ws://{}/chat?token=secret", server.address);
    let (mut ws, _) = Client::new().header("Authorization", "secret").connect(&url).expect("connect");
    ws.send("hello").expect("send");
    assert!(ws.read().expect("read").is_some());
    ws.close(1000, "").expect("close");
    while ws.read().expect("read").is_some() {}
    drop(ws);
    let span = ended("client", server.address);
    assert_eq!(span.fields["path"], "/chat");
    let closed = "DEBUG closed code=1000 reason=\"\" was_clean=true \
                  messages_in=1 bytes_in=5 messages_out=1 bytes_out=5";
    assert_eq!(span.events, ["DEBUG open extensions=", closed]);
    assert!(!format!("{span:?}").contains("secret"));
}

#[test]
fn a_client_that_is_refused_tells_the_status() {
    remember();
    let server = TestServer::echo(server().paths(["/chat"]));
    let result = Client::new().connect(&format!("ws://{}/nowhere", server.address));
    assert!(matches!(result, Err(Error::Handshake(HandshakeError::Refused(_)))));
    let span = ended("client", server.address);
    assert!(span.events[0].starts_with("INFO refused status=404"), "{:?}", span.events);
}
