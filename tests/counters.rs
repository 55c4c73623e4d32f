//! What a server counts (`ServerHandle::counters`), for a thread for each connection and, by way of
//! `tests/event_loop.rs`, for an event loop.

mod common;
#[path = "common/raw.rs"]
mod raw;
#[path = "common/served.rs"]
mod served;

use clearsocket::handshake::Response;
use clearsocket::{Counters, Handler, Hub, Membership, Message, Overflow, Sender};
use common::frame::{Frame, PING};
use common::raw_peer::request;
use common::{RawPeer, Seen};
use raw::*;
use served::{Told, serve, serve_narrow};
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Waits until the counters are as they should be, and gives them.
#[track_caller]
fn wait_for(server: &TestServer, what: &str, condition: impl Fn(&Counters) -> bool) -> Counters {
    wait_until(what, || condition(&server.counters()));
    server.counters()
}

/// Waits until nobody is in the middle of something: what was accepted has become something, and what was opened is
/// open or has ended.
#[track_caller]
fn settled(server: &TestServer) -> Counters {
    wait_for(server, "the sums are right", |now| {
        let answered = now.opened + now.http + now.abandoned + now.refused.values().sum::<u64>();
        let ended = now.closed.values().sum::<u64>();
        now.handshaking == 0 && now.accepted == answered && now.opened == now.open as u64 + ended
    })
}

/// Waits until everybody has gone, too.
#[track_caller]
fn all_gone(server: &TestServer) -> Counters {
    wait_until("everybody has gone", || server.connections() == 0);
    settled(server)
}

fn one(key: u16, count: u64) -> BTreeMap<u16, u64> {
    BTreeMap::from([(key, count)])
}

fn say_goodbye(mut peer: RawPeer) {
    peer.send(Frame::close(1000, ""));
    assert_eq!(read_close_code(&mut peer), 1000);
}

// ---- Messages ----

#[test]
fn a_server_that_has_done_nothing_counts_nothing() {
    assert_eq!(TestServer::echo(server()).counters(), Counters::default());
}

#[test]
fn messages_and_their_payload_are_counted_both_ways() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::connect(server.address);
    // Control frames are no messages, and a fragmented message is one.
    for frame in [
        Frame::text("hello"),
        Frame::ping("are you there?"),
        Frame::text("fragm").fin(false),
        Frame::continuation("ents"),
        Frame::binary(vec![1; 100_000]),
        Frame::text(""),
    ] {
        peer.send(frame);
    }
    let mut messages = 0;
    while messages < 4 {
        messages += usize::from(peer.read().expect("a frame").opcode != common::frame::PONG);
    }
    let now = server.counters();
    assert_eq!((now.messages_in, now.bytes_in), (4, 100_014));
    assert_eq!((now.messages_out, now.bytes_out), (4, 100_014));
    assert_eq!((now.accepted, now.handshaking, now.opened, now.open), (1, 0, 1, 1));

    say_goodbye(peer);
    let after = all_gone(&server);
    // Nothing is lost with the connection.
    let mut expected = now;
    (expected.closed, expected.open, expected.buffered_amount) = (one(1000, 1), 0, 0);
    assert_eq!(after, expected);
}

#[test]
fn a_broadcast_counts_for_each_of_its_receivers() {
    let hub = Hub::new();
    let room = hub.clone();
    let server = TestServer::start(server(), move |_| Member { hub: room.clone(), membership: None });
    let mut peers: Vec<_> = (0..10).map(|_| RawPeer::connect(server.address)).collect();
    wait_until("all are members", || hub.len() == 10);
    for text in ["one", "three"] {
        peers[3].send(Frame::text(text));
        peers.iter_mut().for_each(|peer| assert_eq!(peer.read(), Some(Frame::text(text))));
    }
    let now = server.counters();
    assert_eq!((now.messages_in, now.bytes_in), (2, 8));
    assert_eq!((now.messages_out, now.bytes_out), (20, 80));
}

/// Everything it hears is for everybody.
struct Member {
    hub: Hub,
    membership: Option<Membership>,
}

impl Handler for Member {
    fn on_open(&mut self, sender: &Sender, _: &clearsocket::Request) -> Result<(), clearsocket::Error> {
        self.membership = Some(self.hub.join(sender.clone()));
        Ok(())
    }

    fn on_message(&mut self, _: &Sender, message: Message<'_>) -> Result<(), clearsocket::Error> {
        self.hub.write(message);
        Ok(())
    }
}

#[test]
fn shared_messages_and_fragments_are_counted_too() {
    let (served, mut peer) = serve(config(|_| {}));
    served.sender.send_shared(&clearsocket::SharedFrame::new(&"shared".into())).expect("send");
    served.sender.write_fragment("frag", false).expect("write_fragment");
    served.sender.send("held back").expect("send");
    served.sender.write_fragment("ment", true).expect("write_fragment");
    served.sender.flush();
    served.sender.send(vec![0; 1 << 20]).expect("send"); // from where it is
    served.sender.ping(b"no message").expect("ping");
    while peer.read().expect("a frame").opcode != PING {}
    let now = served.server.counters();
    assert_eq!((now.messages_out, now.bytes_out), (4, 6 + 8 + 9 + (1 << 20)));
    // What comes too late is not sent, and not counted.
    served.sender.close(1000, "").expect("close");
    assert!(served.sender.send("too late").is_err());
    assert_eq!(served.server.counters().messages_out, 4);
}

/// Compressed or not, what counts is what the handler sees.
#[cfg(feature = "deflate")]
#[test]
fn compressed_messages_count_as_they_are_read() {
    let server = TestServer::echo(server().deflate(clearsocket::Deflate::default()));
    let url = format!("ws://{}/", server.address);
    let client = clearsocket::Client::new().deflate(clearsocket::Deflate::default());
    let (mut ws, _) = client.connect(&url).expect("connect");
    ws.send("a".repeat(5000)).expect("send");
    assert_eq!(ws.read().expect("read").map(|message| message.len()), Some(5000));
    let now = server.counters();
    assert_eq!((now.bytes_in, now.bytes_out), (5000, 5000));
}

/// Nothing is lost or counted twice on the way from the list of connections to the past: the sums never go down, and are
/// right in the end.
#[test]
fn what_is_read_while_connections_end_never_goes_down() {
    const PEERS: u64 = 40;
    let server = TestServer::echo(server());
    let (handle, done) = (server.handle.clone(), Arc::new(AtomicBool::new(false)));
    let watching = thread::spawn({
        let done = done.clone();
        move || {
            let mut before = handle.counters();
            while !done.load(Ordering::Relaxed) {
                let now = handle.counters();
                let sums = |counters: &Counters| {
                    let closed: u64 = counters.closed.values().sum();
                    [counters.messages_in, counters.bytes_in, counters.messages_out, counters.opened, closed]
                };
                let pairs = sums(&before).into_iter().zip(sums(&now));
                assert!(pairs.clone().all(|(before, now)| before <= now), "{before:?}\n{now:?}");
                before = now;
            }
        }
    });
    for _ in 0..PEERS {
        let mut peer = RawPeer::connect(server.address);
        (0..5).for_each(|_| assert_echoes(&mut peer, "12345"));
        say_goodbye(peer);
    }
    let now = all_gone(&server);
    done.store(true, Ordering::Relaxed);
    in_time(watching);
    assert_eq!((now.messages_in, now.bytes_in), (PEERS * 5, PEERS * 25));
    assert_eq!((now.messages_out, now.bytes_out), (PEERS * 5, PEERS * 25));
    assert_eq!((now.opened, now.closed), (PEERS, one(1000, PEERS)));
}

// ---- Slow peers ----

#[test]
fn the_backlog_of_a_slow_peer_shows_until_it_has_read() {
    let (served, mut peer) = serve_narrow(config(|_| {}), served::Answer::Nothing);
    served.sender.send(vec![7; 4 << 20]).expect("send");
    let now = wait_for(&served.server, "there is a backlog", |now| now.slow == 1);
    // Part of it is in the network. What is left may be on its way just now.
    assert!(now.buffered_amount <= 4 << 20, "{now:?}");
    wait_until("it shows", || served.server.counters().buffered_amount > 1 << 20);
    assert_eq!(peer.read().map(|frame| frame.payload.len()), Some(4 << 20));
    wait_until("it has gone", || {
        let now = served.server.counters();
        (now.slow, now.buffered_amount) == (0, 0)
    });
}

#[test]
fn messages_that_a_full_queue_has_cost_are_counted() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let (served, mut peer) = serve_narrow(
            config(|config| (config.overflow, config.max_backlog) = (overflow, 256 << 10)),
            served::Answer::Nothing,
        );
        for _ in 0..100 {
            served.sender.send(vec![7; 64 << 10]).expect("send");
        }
        served.sender.ping(b"the last").expect("ping");
        let mut arrived = 0;
        while peer.read().expect("a frame").opcode != PING {
            arrived += 1;
        }
        let now = served.server.counters();
        assert_eq!(now.dropped + arrived, 100, "{overflow:?}");
        let never_queued = if overflow == Overflow::DropNewest { now.dropped } else { 0 };
        assert_eq!(now.messages_out + never_queued, 100, "{overflow:?}");
    }
}

// ---- Beginnings and ends ----

#[test]
fn opening_handshakes_are_counted_by_what_became_of_them() {
    let server = server().on_http(|_| Response::new(b"a page".to_vec())).on_request(|request, _| {
        if request.path() == "/boom" {
            resume_unwind(Box::new("boom"));
        }
        let mut refusal = Response::new(b"a teapot".to_vec());
        *refusal.status_mut() = http::StatusCode::IM_A_TEAPOT;
        if request.path() == "/tea" { Err(refusal.into()) } else { Ok(()) }
    });
    let server = TestServer::echo(server.paths(["/", "/tea", "/boom"]));
    let page = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (bytes, expected) in [
        (page.to_owned(), 200),
        (request(server.address, "/tea", ""), 418),
        (request(server.address, "/tea", ""), 418),
        (request(server.address, "/boom", ""), 500),
        (request(server.address, "/nowhere", ""), 404),
        (request(server.address, "/", "Origin: http://evil.example\r\n"), 403),
        ("nonsense\r\n\r\n".to_owned(), 400),
    ] {
        assert_eq!(status(&http(server.address, bytes)), expected);
    }
    drop(RawPeer::tcp(server.address)); // who leaves without a word
    let peer = RawPeer::connect(server.address);
    let waiting = RawPeer::tcp(server.address);
    let now = wait_for(&server, "one waits", |now| now.handshaking == 1 && now.accepted == 10);
    assert_eq!((now.opened, now.open, now.http), (1, 1, 1));
    drop(waiting);
    let now = settled(&server);
    assert_eq!((now.accepted, now.http, now.abandoned, now.panics), (10, 1, 2, 1));
    assert_eq!(now.refused, BTreeMap::from([(400, 1), (403, 1), (404, 1), (418, 2), (500, 1)]));
    drop(peer);
}

#[test]
fn who_is_turned_away_or_too_slow_to_ask_is_counted() {
    let short = config(|config| config.handshake_timeout = SHORT);
    let server = TestServer::echo(server().max_connections(1).config(short));
    let peer = RawPeer::connect(server.address);
    assert_eq!(status(&http(server.address, "")), 503);
    say_goodbye(peer);
    wait_until("the place is free", || server.connections() == 0);
    assert_eq!(status(&http(server.address, "GET")), 408);
    let now = all_gone(&server);
    assert_eq!((now.accepted, now.opened), (3, 1));
    assert_eq!(now.refused, BTreeMap::from([(408, 1), (503, 1)]));
}

#[test]
fn connections_are_counted_by_how_they_ended() {
    let server = TestServer::echo(server());
    for code in [1000, 1001, 4000, 4000] {
        let mut peer = RawPeer::connect(server.address);
        peer.send(Frame::close(code, "that was all"));
        assert_eq!(read_close_code(&mut peer), code);
    }
    let mut wrong = RawPeer::connect(server.address);
    wrong.send_bytes(&Frame::text("not masked").bytes());
    assert_eq!(read_close_code(&mut wrong), 1002);
    drop(wrong);
    drop(RawPeer::connect(server.address)); // without a Close
    let now = all_gone(&server);
    assert_eq!(now.closed, BTreeMap::from([(1000, 1), (1001, 1), (4000, 2), (1006, 2)]));
    assert_eq!((now.unclean, now.panics, now.open), (2, 0, 0));
}

#[test]
fn panics_are_counted() {
    let server = TestServer::start(server(), |_| {
        |_: &Sender, _: Message<'_>| -> Result<(), clearsocket::Error> { resume_unwind(Box::new("boom")) }
    });
    let mut peer = RawPeer::connect(server.address);
    peer.send(Frame::text("boom"));
    assert_eq!(read_close_code(&mut peer), 1011);
    peer.send(Frame::close(1011, ""));
    drop(peer);
    let now = all_gone(&server);
    assert_eq!((now.panics, now.closed, now.unclean), (1, one(1011, 1), 0));
}

#[test]
fn the_numbers_are_there_after_the_end_of_the_server() {
    let (served, mut peer) = serve(config(|_| {}));
    peer.send(Frame::text("hello"));
    assert_eq!(served.next(), Told::Saw(Seen::text("hello")));
    let stopping = thread::spawn({
        let handle = served.server.handle.clone();
        move || handle.shutdown(common::raw_peer::DEADLINE)
    });
    assert_eq!(read_close_code(&mut peer), 1001);
    peer.send(Frame::close(1001, ""));
    drop(peer);
    assert!(in_time(stopping));
    let now = all_gone(&served.server);
    assert_eq!((now.messages_in, now.closed, now.open), (1, one(1001, 1), 0));
}
