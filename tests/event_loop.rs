//! A server that runs an event loop (`Server::event_loop`).
//!
//! It keeps the same rules, limits and deadlines as one with a thread for each connection. So the tests of the files
//! that are named here run twice: by themselves with threads, and as modules of this crate in an event loop, which is what
//! `Driver::of_this_crate` gives. Below are the tests that concern an event loop alone.

#![cfg(feature = "event-loop")]
#![allow(clippy::duplicate_mod, reason = "each of these files names the modules it shares with the others")]

mod common;
#[path = "common/raw.rs"]
mod raw;

#[path = "counters.rs"]
mod counters;
#[cfg(feature = "deflate")]
#[path = "deflate_sockets.rs"]
mod deflate_sockets;
#[path = "handler.rs"]
mod handler;
#[path = "handler_backpressure.rs"]
mod handler_backpressure;
#[path = "handler_sockets.rs"]
mod handler_sockets;
#[path = "hub_sockets.rs"]
mod hub_sockets;
#[path = "server_hooks.rs"]
mod server_hooks;
#[path = "server_sockets.rs"]
mod server_sockets;
#[path = "shutdown.rs"]
mod shutdown;

use clearsocket::{Error, Handler, Hub, Membership, Message, Overflow, Request, Sender, Server};
use common::frame::{BINARY, Frame};
use common::raw_peer::DEADLINE;
use common::{RawPeer, raw_peer};
use raw::*;
use socket2::SockRef;
use std::collections::HashSet;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// An echo server with so many workers.
#[track_caller]
fn echo_with(workers: usize, server: Server) -> TestServer {
    TestServer::echo_on(Driver::EventLoop(workers), server)
}

#[track_caller]
fn start_with<H: Handler + 'static>(
    workers: usize,
    new_handler: impl Fn() -> H + Send + Sync + 'static,
) -> TestServer {
    let driver = Driver::EventLoop(workers);
    TestServer::from(driver.start(server(), move |_| new_handler()).expect("the server starts"))
}

// ---- Workers ----

#[test]
fn any_number_of_workers_serves_two_hundred_connections() {
    for workers in [1, 2, 4] {
        let server = echo_with(workers, server());
        let mut peers: Vec<_> = (0..200).map(|_| RawPeer::connect(server.address)).collect();
        assert_eq!(server.connections(), 200);
        for round in 0..3 {
            for (number, peer) in peers.iter_mut().enumerate() {
                peer.send(Frame::text(format!("{round} {number}")));
            }
            for (number, peer) in peers.iter_mut().enumerate() {
                assert_eq!(peer.read(), Some(Frame::text(format!("{round} {number}"))), "{workers} workers");
            }
        }
        // Half of them go in order, half of them do not.
        for (number, mut peer) in peers.into_iter().enumerate() {
            if number % 2 == 0 {
                peer.send(Frame::close(1000, ""));
                assert_eq!(read_close_code(&mut peer), 1000);
            }
        }
        wait_until("nobody is connected", || server.connections() == 0);
        assert_echoes(&mut RawPeer::connect(server.address), "the next one");
    }
}

#[test]
fn a_room_of_two_hundred_on_several_workers_hears_everything_in_order() {
    let hub = Hub::new();
    let room = hub.clone();
    let server = start_with(4, move || Member { hub: room.clone(), membership: None });
    let mut peers: Vec<_> = (0..200).map(|_| RawPeer::connect(server.address)).collect();
    wait_until("all are members", || hub.len() == 200);
    for number in 0..20 {
        peers[number].send(Frame::text(format!("hello from {number}")));
        for peer in &mut peers {
            assert_eq!(peer.read(), Some(Frame::text(format!("hello from {number}"))));
        }
    }
    let stopping = thread::spawn({
        let handle = server.handle.clone();
        move || handle.shutdown(Duration::from_secs(15))
    });
    for peer in &mut peers {
        // RFC 6455 §7.3/a
        assert_eq!(read_close_code(peer), 1001);
        peer.send(Frame::close(1001, ""));
    }
    drop(peers);
    assert!(in_time(stopping), "all have left in time");
}

/// Everything it hears is for everybody.
struct Member {
    hub: Hub,
    membership: Option<Membership>,
}

impl Handler for Member {
    fn on_message(&mut self, _sender: &Sender, message: Message<'_>) -> Result<(), Error> {
        self.hub.write(message);
        Ok(())
    }

    fn on_open(&mut self, sender: &Sender, _request: &clearsocket::Request) -> Result<(), Error> {
        self.membership = Some(self.hub.join(sender.clone()));
        Ok(())
    }
}

#[test]
fn all_connections_of_one_worker_are_served_by_one_thread() {
    let (tell, told) = mpsc::channel::<ThreadId>();
    let server = start_with(1, move || {
        let tell = tell.clone();
        move |sender: &Sender, message: Message<'_>| {
            let _ = tell.send(thread::current().id());
            sender.write(message)
        }
    });
    let mut peers: Vec<_> = (0..20).map(|_| RawPeer::connect(server.address)).collect();
    peers.iter_mut().for_each(|peer| assert_echoes(peer, "hello"));
    let threads: HashSet<_> = told.try_iter().collect();
    assert_eq!(threads.len(), 1);
}

#[test]
fn a_flood_does_not_keep_a_small_talker_waiting() {
    let server = echo_with(1, server());
    let floods: Vec<_> = (0..3)
        .map(|_| {
            let peer = RawPeer::connect(server.address);
            let mut writer = peer.stream.try_clone().expect("try_clone");
            let frames = Frame::binary(vec![7; 4000]).masked().bytes().repeat(64);
            let writing = thread::spawn(move || while writer.write_all(&frames).is_ok() {});
            let mut reader = RawPeer::new(peer.stream.try_clone().expect("try_clone"), peer.role);
            let reading =
                thread::spawn(move || while reader.read().is_some_and(|frame| frame.opcode == BINARY) {});
            (peer, writing, reading)
        })
        .collect();
    let mut talker = RawPeer::connect(server.address);
    for number in 0..50 {
        assert_echoes(&mut talker, &number.to_string());
    }
    // A newcomer has its turn, too.
    assert_echoes(&mut RawPeer::connect(server.address), "I am new here");
    let still_flooding =
        floods.iter().all(|(_, writing, reading)| !writing.is_finished() && !reading.is_finished());
    assert!(still_flooding, "the floods have gone on all the time");
    server.shutdown(Duration::ZERO);
    for (peer, writing, reading) in floods {
        end_flood(&peer, writing);
        in_time(reading);
    }
}

#[test]
fn who_has_new_input_while_it_stands_in_line_gets_no_second_turn() {
    // Both have more input than one turn takes. Whenever the patient one is heard, the pushy one gets more.
    const FRAME: usize = 1024;
    const TURN: usize = 64 << 10;
    let (open_gate, gate) = mpsc::channel::<()>();
    let (gate, pushy) = (Arc::new(Mutex::new(gate)), Arc::new(OnceLock::<Mutex<Flood>>::new()));
    let (log, heard) = mpsc::channel();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    SockRef::from(&listener).set_recv_buffer_size(16 * TURN).expect("set_recv_buffer_size"); // or what the system permits
    let new_handler = {
        let pushy = pushy.clone();
        move |request: &Request| {
            let (who, gate, pushy, log) =
                (request.path().to_owned(), gate.clone(), pushy.clone(), log.clone());
            move |_: &Sender, _: Message<'_>| {
                match &*who {
                    "/gate" => gate.lock().unwrap().recv().expect("the gate opens"),
                    "/patient" => pushy.get().expect("it is connected").lock().unwrap().fill(),
                    _ => {}
                }
                log.send(who.clone()).map_err(|_| Error::InvalidArgument("nobody listens".into()))
            }
        }
    };
    let server = TestServer::from(
        Driver::EventLoop(1).start(Server::from_listener(listener), new_handler).expect("the server starts"),
    );
    let [mut at_gate, pushy_peer, mut patient] =
        ["/gate", "/pushy", "/patient"].map(|target| RawPeer::connect_with(server.address, target, "").0);
    let frame = Frame::binary(vec![7; FRAME - 8]).masked().bytes();
    assert_eq!(frame.len(), FRAME);
    at_gate.send(Frame::text("wait"));
    pushy_peer.stream.set_nonblocking(true).expect("set_nonblocking");
    let flood = Flood { stream: pushy_peer.stream, bytes: frame.repeat(2 * TURN / FRAME), at: 0 };
    pushy.get_or_init(|| Mutex::new(flood)).lock().unwrap().fill();
    patient.send_bytes(&frame.repeat(3 * TURN / FRAME));
    open_gate.send(()).expect("the worker waits");

    let mut order = Vec::new();
    while order.iter().filter(|who| *who == "/patient").count() < 3 * TURN / FRAME {
        order.push(heard.recv_timeout(DEADLINE).expect("everybody is heard"));
    }
    let turns: Vec<_> = order.chunk_by(|a, b| a == b).map(|turn| (&*turn[0], turn.len())).collect();
    let of_the_pushy: Vec<_> =
        turns.iter().skip_while(|turn| turn.0 != "/patient").filter(|turn| turn.0 == "/pushy").collect();
    assert!(!of_the_pushy.is_empty(), "the patient one has waited: {turns:?}");
    assert!(of_the_pushy.iter().all(|turn| turn.1 <= TURN / FRAME + 1), "{turns:?}");
}

/// Somebody whose frames never end.
struct Flood {
    stream: TcpStream,
    bytes: Vec<u8>,
    at: usize,
}

impl Flood {
    /// Sends what fits.
    fn fill(&mut self) {
        while let Ok(n) = self.stream.write(&self.bytes[self.at..]) {
            self.at = (self.at + n) % self.bytes.len();
        }
    }
}

#[test]
fn who_is_slow_to_ask_or_to_break_off_keeps_nobody_waiting() {
    let server = echo_with(1, server().config(config(|config| config.handshake_timeout = SHORT)));
    let _silent: Vec<_> = (0..20).map(|_| TcpStream::connect(server.address).expect("connect")).collect();
    let mut partial = RawPeer::tcp(server.address);
    partial.send_bytes(b"GET / HTTP/1.1\r\nHost: loc");
    let mut half_a_frame = RawPeer::connect(server.address);
    half_a_frame.send_bytes(&Frame::binary(vec![0; 1000]).masked().bytes()[..500]);
    let mut talker = RawPeer::connect(server.address);
    wait_until("the silent ones were sent away", || {
        assert_echoes(&mut talker, "hello");
        server.connections() == 2
    });
    assert_eq!(status(&partial.read_head()), 408);
    half_a_frame.send_bytes(&Frame::binary(vec![0; 1000]).masked().bytes()[500..]);
    assert_eq!(half_a_frame.read().map(|frame| frame.payload.len()), Some(1000));
}

#[test]
fn who_ends_tcp_together_with_the_request_is_not_waited_for() {
    let server = echo_with(1, server());
    let peers: Vec<_> = (0..50)
        .map(|_| {
            let mut peer = RawPeer::tcp(server.address);
            peer.send_bytes(raw_peer::request(server.address, "/", "").as_bytes());
            peer.stream.shutdown(std::net::Shutdown::Write).expect("shutdown");
            peer
        })
        .collect();
    let begun = std::time::Instant::now();
    for mut peer in peers {
        assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
        peer.read_to_end();
    }
    let handshake_timeout = clearsocket::Config::default().handshake_timeout;
    assert!(begun.elapsed() < handshake_timeout / 2, "{:?}", begun.elapsed());
}

// ---- Whom a handler must not wait for ----

const LIMIT: usize = 256 << 10;

#[test]
fn a_handler_that_answers_with_more_than_the_queue_holds_does_not_block() {
    const ANSWERS: u32 = 400;
    let config = config(|config| (config.overflow, config.max_backlog) = (Overflow::Wait, LIMIT));
    let server = TestServer::from(
        Driver::EventLoop(1)
            .start(server().config(config), |_| {
                |sender: &Sender, message: Message<'_>| match message.as_text() {
                    Some("much") => {
                        (0..ANSWERS).try_for_each(|n| sender.write(n.to_be_bytes().repeat(16 << 10)))
                    }
                    _ => sender.write(message),
                }
            })
            .expect("the server starts"),
    );
    let mut asking = RawPeer::connect(server.address);
    let mut talker = RawPeer::connect(server.address);
    asking.send(Frame::text("much"));
    asking.send(Frame::text("and this"));
    // The worker has time for others while 25 MiB wait for a peer that does not read.
    for _ in 0..10 {
        assert_echoes(&mut talker, "hello");
    }
    for number in 0..ANSWERS {
        assert!(asking.read() == Some(Frame::binary(number.to_be_bytes().repeat(16 << 10))), "{number}");
    }
    assert_eq!(asking.read(), Some(Frame::text("and this")));
}

/// Sends what it hears to somebody else.
fn forward_to(other: Sender) -> impl FnMut(&Sender, Message<'_>) -> Result<(), Error> + Send {
    move |sender, message| {
        let result = other.send(message);
        sender.write(format!("{:?}", result.is_ok()))
    }
}

#[test]
fn another_connection_that_is_full_is_ended_for_nobody_can_wait_for_it() {
    let config = config(|config| (config.overflow, config.max_backlog) = (Overflow::Wait, LIMIT));
    let (give, given) = mpsc::channel();
    let stuck_server = Driver::EventLoop(1).start(server().config(config), move |_| {
        let give = give.clone();
        AtOpen(move |sender: &Sender| {
            let _ = give.send(sender.clone());
            Ok(())
        })
    });
    let stuck_server = TestServer::from(stuck_server.expect("the server starts"));
    let stuck = RawPeer::connect(stuck_server.address);
    let other = next(&given);
    let server = start_with(1, move || forward_to(other.clone()));
    let mut peer = RawPeer::connect(server.address);
    let mut answers = Vec::new();
    while answers.last() != Some(&Frame::text("false")) {
        assert!(answers.len() < 1000, "it takes more than any network holds");
        peer.send(Frame::binary(vec![0; 64 << 10]));
        answers.extend(peer.read());
    }
    wait_until("the full one has gone", || stuck_server.connections() == 0);
    assert_echoes_not(&mut peer);
    drop(stuck);
}

/// The peer's own connection lives on: it hears that the other one is gone.
#[track_caller]
fn assert_echoes_not(peer: &mut RawPeer) {
    peer.send(Frame::text("still there?"));
    assert_eq!(peer.read(), Some(Frame::text("false")));
}

#[test]
fn what_another_thread_sends_wakes_a_worker_that_has_nothing_to_do() {
    let (give, given) = mpsc::channel();
    let server = start_with(2, move || {
        let give = give.clone();
        AtOpen(move |sender: &Sender| {
            let _ = give.send(sender.clone());
            Ok(())
        })
    });
    let mut peer = RawPeer::connect(server.address);
    let sender = next(&given);
    assert_quiet(&mut peer);
    sender.send("wake up").expect("send");
    assert_eq!(peer.read(), Some(Frame::text("wake up")));
    // More than the network holds: the worker has to send the rest.
    sender.send(vec![5; 16 << 20]).expect("send");
    assert_quiet_for_sender(&sender);
    assert!(peer.read() == Some(Frame::binary(vec![5; 16 << 20])));
    wait_until("nothing is buffered", || sender.buffered_amount() == 0);
    sender.close(1000, "").expect("close");
    assert_eq!(read_close_code(&mut peer), 1000);
    peer.send(Frame::close(1000, ""));
    assert_eq!(read_end(&mut peer), End::Fin);
}

/// It has not all left, for the peer does not read.
#[track_caller]
fn assert_quiet_for_sender(sender: &Sender) {
    thread::sleep(A_WHILE);
    assert!(sender.buffered_amount() > 0);
}

// ---- Panics ----

#[test]
fn a_panic_anywhere_in_a_handler_ends_its_connection_and_not_the_worker() {
    /// Panics where its path says.
    struct Panicking(&'static str);
    impl Panicking {
        fn at(&self, place: &str) {
            if self.0 == place {
                std::panic::resume_unwind(Box::new("boom"));
            }
        }
    }
    impl Handler for Panicking {
        fn on_open(&mut self, _sender: &Sender, _request: &clearsocket::Request) -> Result<(), Error> {
            self.at("open");
            Ok(())
        }
        fn on_message(&mut self, sender: &Sender, message: Message<'_>) -> Result<(), Error> {
            self.at("message");
            sender.write(message)
        }
        fn on_close(&mut self, _sender: &Sender, _event: &clearsocket::CloseEvent) {
            self.at("close");
        }
        fn on_error(&mut self, _sender: &Sender, _error: &Error) {
            self.at("error");
        }
    }
    const PLACES: [&str; 5] = ["new", "open", "message", "close", "error"];
    let driver = Driver::EventLoop(1);
    let server = driver.start(server(), |request| {
        let place = PLACES.into_iter().find(|place| request.path().ends_with(place));
        let handler = Panicking(place.unwrap_or("nowhere"));
        handler.at("new");
        handler
    });
    let server = TestServer::from(server.expect("the server starts"));
    let mut resident = RawPeer::connect(server.address);
    for place in PLACES {
        let (mut peer, _) = RawPeer::connect_with(server.address, &format!("/{place}"), "");
        let (last, code) = match place {
            "close" => (Frame::close(1000, ""), 1000),
            "error" => (Frame::new(3, "nonsense"), 1002),
            _ => (Frame::text("boom"), 1011),
        };
        let _ = peer.stream.write_all(&last.masked().bytes());
        assert_eq!(read_close_code(&mut peer), code, "{place}");
        drop(peer);
        assert_echoes(&mut resident, place);
    }
    wait_until("they have gone", || server.connections() == 1);
}

// ---- Requests ----

#[test]
fn a_response_with_large_headers_arrives() {
    let value = "x".repeat(200 << 10);
    let server = server().on_request(move |_, headers| {
        headers.insert("x-large", value.parse().expect("a value"));
        Ok(())
    });
    let server = echo_with(1, server);
    let mut peer = RawPeer::tcp(server.address);
    peer.send_bytes(raw_peer::request(server.address, "/", "").as_bytes());
    assert!(peer.read_head().len() > 200 << 10);
    assert_echoes(&mut peer, "hello");
}

#[test]
fn many_frames_behind_the_request_and_more_than_a_worker_receives_at_once_are_not_lost() {
    let server = echo_with(1, server());
    let mut peer = RawPeer::tcp(server.address);
    let mut bytes = raw_peer::request(server.address, "/", "").into_bytes();
    for number in 0..40u8 {
        bytes.extend(Frame::binary(vec![number; 5000]).masked().bytes());
    }
    let mut writer = peer.stream.try_clone().expect("try_clone");
    let writing = thread::spawn(move || writer.write_all(&bytes));
    assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
    for number in 0..40u8 {
        assert_eq!(peer.read(), Some(Frame::binary(vec![number; 5000])));
    }
    in_time(writing).expect("write");
}
