//! What goes through an encrypted connection, and how it ends (RFC 6455 §4.1, §5.5.1, §7.1): the same as without TLS.
//!
//! ```text
//!   64 MiB ─▶ ◀─ 64 MiB         nobody waits for the other to read
//!   a peer that reads no more   is cut at its deadline, wherever in a record it stopped
//!   close_notify, or none       without a Close frame before it, both are 1006
//! ```
//!
//! How it begins is in `tls.rs`.

mod common;
#[path = "common/raw.rs"]
mod raw;
#[path = "common/tls.rs"]
mod tls_peer;

use clearsocket::tls::TlsStream;
use clearsocket::{Config, Error, Overflow, Role, ServerOptions, Transport, WebSocket, accept_with};
use common::frame::{BINARY, CLOSE, Frame, PONG, TEXT};
use common::raw_peer::{DEADLINE, request};
use common::{ROLES, Seen};
use raw::*;
use socket2::SockRef;
use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tls_peer::*;

const MIB: usize = 1 << 20;

/// Our connection in `role`, and the peer at its other end.
#[track_caller]
fn tls_pair(role: Role, config: Config) -> (WebSocket, TlsPeer) {
    let (near, far, address) = tcp_pair();
    for stream in [&near, &far] {
        SockRef::from(stream).set_send_buffer_size(128 << 10).expect("set_send_buffer_size");
        SockRef::from(stream).set_recv_buffer_size(128 << 10).expect("set_recv_buffer_size");
    }
    match role {
        Role::Client => {
            let client = client().config(config);
            let ours = thread::spawn(move || client.handshake("wss://localhost/", near));
            let peer = TlsPeer::accept(far);
            (in_time(ours).expect("handshake").0, peer)
        }
        Role::Server => {
            let ours = thread::spawn(move || {
                let stream = TlsStream::accept(near, &SERVER.config(), DEADLINE)?;
                accept_with(stream, &ServerOptions::default(), &config)
            });
            let mut peer = TlsPeer::client(far);
            peer.write(request(address, "/", "").as_bytes());
            assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
            (in_time(ours).expect("accept").0, peer)
        }
    }
}

/// Our client and our server, connected to each other.
fn both_ours() -> (WebSocket, WebSocket) {
    let (near, far, _) = tcp_pair();
    let accepting = thread::spawn(move || {
        let stream = TlsStream::accept(near, &SERVER.config(), DEADLINE).expect("TLS");
        clearsocket::accept(stream).expect("accept").0
    });
    let client = client().handshake("wss://localhost/", far).expect("handshake").0;
    (in_time(accepting), client)
}

/// A block in which no two pieces are alike, for the message of this number.
fn block(number: usize) -> Vec<u8> {
    (0..MIB).map(|i| ((i >> 8).wrapping_mul(31) ^ i ^ number) as u8).collect()
}

// ---- Both directions ----

#[test]
fn sixty_four_mebibytes_each_way_at_once_over_split_halves() {
    const BLOCKS: usize = 64;
    let blocks: Arc<Vec<_>> = Arc::new((0..4).map(block).collect());
    let (server, client) = both_ours();
    let begin = Instant::now();
    let one_side = |ws: WebSocket| {
        let (mut receiver, sender) = ws.split();
        let (ours, theirs) = (blocks.clone(), blocks.clone());
        let sending =
            thread::spawn(move || (0..BLOCKS).for_each(|n| sender.send(&ours[n % 4]).expect("send")));
        let reading = thread::spawn(move || {
            for number in 0..BLOCKS {
                let message = receiver.read().expect("read").expect("a message");
                assert!(message.as_bytes() == theirs[number % 4], "message {number} has changed on its way");
            }
            receiver
        });
        (sending, reading)
    };
    // RFC 6455 §5.1/g: whoever sends all of it before it reads would wait for ever.
    let (senders, readers): (Vec<_>, Vec<_>) = [server, client].into_iter().map(one_side).unzip();
    senders.into_iter().for_each(in_time);
    let receivers: Vec<_> = readers.into_iter().map(in_time).collect();
    println!("64 MiB each way in {:?}", begin.elapsed());
    let dropping = receivers.into_iter().map(|receiver| thread::spawn(move || drop(receiver)));
    dropping.collect::<Vec<_>>().into_iter().for_each(in_time);
}

#[test]
fn messages_of_all_sizes_arrive_whole_in_both_roles() {
    for role in ROLES {
        let (mut ws, mut peer) = tls_pair(role, Config::default());
        // Around the size of a record, of what is encrypted at once, and of our buffers.
        for len in [0, 1, 125, 126, 4095, 4096, 16_383, 16_384, 16_385, 65_535, 65_536, 70_000, 300_000] {
            let payload: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let sent = payload.clone();
            let sending = thread::spawn(move || {
                ws.send(&sent).expect("send");
                let same = ws.read().expect("read").expect("a message").as_bytes() == sent;
                (ws, same)
            });
            assert!(peer.read() == Frame::binary(payload.clone()), "{len} bytes");
            peer.send(Frame::binary(payload));
            let same;
            (ws, same) = in_time(sending);
            assert!(same, "{len} bytes");
        }
        ws.abort();
    }
}

#[test]
fn records_may_be_cut_and_joined_anywhere() {
    let (mut ws, mut peer) = tls_pair(Role::Server, Config::default());
    let mut records = Vec::new();
    for text in ["one", "two", "three"] {
        records.extend(peer.encrypted_bytes(&Frame::text(text).sent_to(Role::Server).bytes()));
    }
    let mut tcp = peer.tcp.try_clone().expect("try_clone");
    let dripping = thread::spawn(move || {
        for byte in records {
            std::io::Write::write_all(&mut tcp, &[byte]).expect("write");
            thread::yield_now();
        }
    });
    for text in ["one", "two", "three"] {
        assert_eq!(ws.read().expect("read"), Some(text.into()));
    }
    in_time(dripping);
    // A frame in many records, and many frames in one.
    for byte in Frame::text("in pieces").sent_to(Role::Server).bytes() {
        peer.write(&[byte]);
    }
    peer.write(
        &[Frame::text("a"), Frame::text("b")].map(|frame| frame.sent_to(Role::Server).bytes()).concat(),
    );
    for text in ["in pieces", "a", "b"] {
        assert_eq!(ws.read().expect("read"), Some(text.into()));
    }
    ws.abort();
}

#[test]
fn keys_may_change_on_the_way() {
    for role in ROLES {
        let (mut ws, mut peer) = tls_pair(role, Config::default());
        for round in 0..4 {
            // RFC 8446 §4.6.3: and the other side is asked to do the same.
            peer.tls.refresh_traffic_keys().expect("TLS 1.3");
            peer.send(Frame::text(format!("with key {round}")));
            assert_eq!(ws.read().expect("read"), Some(format!("with key {round}").into()));
            ws.send("and ours").expect("send");
            assert_eq!(peer.read(), Frame::text("and ours"));
        }
        ws.abort();
    }
}

#[test]
fn a_thread_may_look_for_input_without_sleeping() {
    let config = config(|config| config.spin = Duration::from_millis(1));
    let (mut ws, mut peer) = tls_pair(Role::Server, config);
    for number in 0..20 {
        peer.send(Frame::text(number.to_string()));
        assert_eq!(ws.read().expect("read"), Some(number.to_string().into()));
    }
    ws.abort();
}

#[test]
fn what_many_threads_send_arrives_whole() {
    let (server, client) = both_ours();
    let (mut receiver, _sender) = client.split();
    let threads: Vec<_> = (0..8)
        .map(|id: usize| {
            let sender = server.sender();
            thread::spawn(move || {
                for number in 0..200 {
                    sender.send(format!("{id} {number} {}", "x".repeat(id * number))).expect("send");
                }
            })
        })
        .collect();
    let mut next_number = [0; 8];
    for _ in 0..8 * 200 {
        let message = receiver.read().expect("read").expect("a message");
        let mut words = message.as_text().expect("text").split(' ');
        let mut number = || words.next().and_then(|word| word.parse::<usize>().ok()).expect("a number");
        let (id, number) = (number(), number());
        assert_eq!(number, next_number[id], "thread {id}");
        next_number[id] += 1;
        assert_eq!(words.next().map(str::len), Some(id * number));
    }
    threads.into_iter().for_each(in_time);
    server.abort();
}

/// A network that takes a few bytes at a time, and often none.
struct Trickle {
    tcp: TcpStream,
    calls: AtomicUsize,
}

impl Trickle {
    fn some<'a>(&self, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        match self.calls.fetch_add(1, Ordering::Relaxed) {
            call if call % 3 == 1 => Err(io::ErrorKind::WouldBlock.into()),
            call => Ok(&bytes[..bytes.len().min(1 + call * 613 % 9000)]),
        }
    }
}

impl Transport for Trickle {
    fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.tcp.recv(buf)
    }

    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.try_send(self.some(bytes)?)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.send(self.some(bytes)?)
    }

    fn set_recv_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.tcp.set_recv_timeout(timeout)
    }

    fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.tcp.set_send_timeout(timeout)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Transport::shutdown(&self.tcp, how)
    }
}

#[test]
fn what_could_not_leave_at_once_is_sent_once() {
    const MESSAGES: usize = 300;
    let (tcp, far, _) = tcp_pair();
    let ours = thread::spawn(move || {
        client().handshake("wss://localhost/", Trickle { tcp, calls: AtomicUsize::new(0) })
    });
    let mut peer = TlsPeer::accept(far);
    let (mut receiver, sender) = in_time(ours).expect("handshake").0.split();
    let reading = thread::spawn(move || while let Ok(Some(_)) = receiver.read() {});
    let also_sending = sender.clone();
    let sending = thread::spawn(move || {
        for number in 0..MESSAGES {
            also_sending.send(vec![number as u8; number * 997 % 70_000]).expect("send");
        }
    });
    let (mut blocks, mut pongs) = (0, 0);
    while blocks < MESSAGES {
        if blocks % 10 == 0 {
            peer.send(Frame::ping("?"));
        }
        let frame = peer.read();
        if frame.opcode == PONG {
            pongs += 1;
            continue;
        }
        let expected = vec![blocks as u8; blocks * 997 % 70_000];
        assert!(frame == Frame::binary(expected), "message {blocks} has changed on its way");
        blocks += 1;
    }
    if pongs == 0 {
        assert_eq!(peer.read(), Frame::pong("?"));
    }
    in_time(sending);
    wait_until("nothing is buffered", || sender.buffered_amount() == 0);
    sender.abort();
    in_time(reading);
}

// ---- A peer that reads no more ----

/// Sends blocks until the network takes no more of them.
fn jam(ws: &WebSocket) -> usize {
    let sender = ws.sender().with_overflow(Overflow::DropNewest, 4 * MIB);
    let mut sent = 0;
    let (mut before, mut unchanged) = (0, 0);
    while unchanged < 100 {
        if ws.buffered_amount() < MIB {
            sender.send(vec![sent as u8; 100_000]).expect("send");
            sent += 1;
        }
        let now = ws.buffered_amount();
        unchanged = if now == before && now > 0 { unchanged + 1 } else { 0 };
        before = now;
        thread::sleep(Duration::from_millis(1));
    }
    sent
}

#[test]
fn what_is_buffered_goes_up_while_the_peer_does_not_read_and_down_when_it_does() {
    for role in ROLES {
        let (ws, mut peer) = tls_pair(role, Config::default());
        let sent = jam(&ws);
        let buffered = ws.buffered_amount();
        assert!((MIB..=sent * 100_000).contains(&buffered), "{buffered} of {sent} blocks");
        // What is owed goes as soon as there is room, between two frames.
        peer.send(Frame::ping("are you there?"));
        let (mut receiver, sender) = ws.split();
        let reading = thread::spawn(move || while let Ok(Some(_)) = receiver.read() {});
        let (mut blocks, mut pongs, mut last) = (0, 0, buffered);
        while blocks < sent {
            let frame = peer.read();
            match frame.opcode {
                BINARY => {
                    assert!(
                        frame.payload == vec![blocks as u8; 100_000],
                        "block {blocks} has changed on its way"
                    );
                    blocks += 1;
                }
                PONG => pongs += 1,
                other => panic!("opcode {other}"),
            }
            let now = sender.buffered_amount();
            assert!(now <= last, "it only goes down: {last}, then {now}");
            last = now;
        }
        wait_until("nothing is buffered", || sender.buffered_amount() == 0);
        if pongs == 0 {
            assert_eq!(peer.read(), Frame::pong("are you there?"));
        }
        sender.send("through again").expect("send");
        assert_eq!(peer.read(), Frame::text("through again"));
        sender.abort();
        in_time(reading);
    }
}

#[test]
fn a_peer_that_stops_reading_in_the_middle_of_a_record_is_cut_and_the_others_are_not() {
    let config = config(|config| {
        (config.write_timeout, config.overflow, config.max_backlog) = (SHORT, Overflow::Wait, MIB);
    });
    let (tell, told) = mpsc::channel();
    let server = server().config(config).tls(SERVER.config()).on_error(move |error| {
        let _ = tell.send(format!("{error:?}"));
    });
    let server = TestServer::spawn(server, |mut ws, request| {
        while request.path() == "/flood" && ws.send(vec![7; 100_000]).is_ok() {}
        while let Some(message) = ws.read()?.map(|message| message.into_owned()) {
            ws.send(message)?;
        }
        Ok(())
    });
    let mut other = TlsPeer::connect(server.address);
    let mut stuck = TlsPeer::encrypted(server.address);
    stuck.write(request(server.address, "/flood", "").as_bytes());
    assert!(stuck.read_head().starts_with("HTTP/1.1 101 "));
    let mut part = [0; 1000];
    (&stuck.tcp).read_exact(&mut part).expect("a part of a record");
    while told.try_recv().map(|error| assert!(error.contains("Timeout(Write)"), "{error}")).is_err() {
        other.send(Frame::text("not held up"));
        assert_eq!(other.read(), Frame::text("not held up"));
    }
    wait_until("only the other is left", || server.connections() == 1);
}

#[test]
fn a_full_network_holds_up_no_reader_and_no_shutdown() {
    let (ws, mut peer) = tls_pair(Role::Server, Config::default());
    jam(&ws);
    let (mut receiver, sender) = ws.split();
    let (saw, seen) = mpsc::channel();
    let reading = thread::spawn(move || {
        while let Ok(Some(message)) = receiver.read() {
            let _ = saw.send(message.as_text().map(Seen::text));
        }
    });
    for text in ["a", "b", "c"] {
        peer.tls.refresh_traffic_keys().expect("TLS 1.3"); // obliges TLS to answer, for which there is no room
        peer.send(Frame::text(text));
        assert_eq!(next(&seen), Some(Seen::text(text)));
    }
    sender.abort();
    in_time(reading);
}

// ---- The end ----

#[test]
fn a_close_by_another_thread_ends_a_blocked_read_in_order() {
    for role in ROLES {
        let (ws, mut peer) = tls_pair(role, Config::default());
        let (mut receiver, sender) = ws.split();
        let barrier = Arc::new(Barrier::new(2));
        let reading = {
            let barrier = barrier.clone();
            thread::spawn(move || {
                barrier.wait();
                let end = receiver.read().map(|message| message.is_none());
                (end, receiver.close_event())
            })
        };
        barrier.wait();
        peer.send(Frame::ping(""));
        assert_eq!(peer.read(), Frame::pong("")); // so it reads
        sender.close(1000, "").expect("close");
        assert_eq!(peer.read().opcode, CLOSE);
        peer.send(Frame::close(1000, "fine"));
        if role == Role::Server {
            // RFC 6455 §7.1.1/a: the server ends TCP first, and before it TLS.
            assert_eq!(peer.read_frame(), Err(TlsEnd::CloseNotify));
        }
        peer.close_notify();
        let (end, event) = in_time(reading);
        assert!(matches!(end, Ok(true)), "{end:?}");
        assert_eq!((event.code.get(), event.reason.as_str(), event.was_clean), (1000, "fine", true));
        if role == Role::Client {
            assert_eq!(peer.read_frame(), Err(TlsEnd::CloseNotify));
        }
    }
}

#[test]
fn after_a_close_it_does_not_matter_how_tls_ends() {
    for role in ROLES {
        for end in [TlsPeer::close_notify, TlsPeer::truncate] {
            let (mut ws, mut peer) = tls_pair(role, Config::default());
            peer.send(Frame::close(1000, "bye"));
            end(&mut peer);
            assert!(matches!(ws.read(), Ok(None)));
            let event = ws.close_event();
            assert_eq!((event.code.get(), event.was_clean), (1000, true));
            drop(ws);
            assert_eq!(peer.read().opcode, CLOSE);
        }
    }
}

#[test]
fn without_a_close_no_end_is_clean() {
    for role in ROLES {
        for end in [TlsPeer::close_notify, TlsPeer::truncate] {
            let (mut ws, mut peer) = tls_pair(role, Config::default());
            peer.send(Frame::text("the rest is cut off"));
            end(&mut peer);
            assert_eq!(ws.read().expect("read"), Some("the rest is cut off".into()));
            // RFC 6455 §7.1.5/c
            let error = ws.read().map(drop).expect_err("no clean end");
            assert!(matches!(error, Error::ConnectionLost), "{error:?}");
            let event = ws.close_event();
            assert_eq!((event.code.get(), event.was_clean), (1006, false));
        }
    }
}

#[test]
fn an_end_within_a_record_is_a_loss_too() {
    let (mut ws, mut peer) = tls_pair(Role::Server, Config::default());
    let record = peer.encrypted_bytes(&Frame::text("half of this").sent_to(Role::Server).bytes());
    std::io::Write::write_all(&mut peer.tcp, &record[..record.len() / 2]).expect("write");
    peer.truncate();
    let error = ws.read().map(drop).expect_err("no clean end");
    assert!(matches!(error, Error::ConnectionLost), "{error:?}");
}

#[test]
fn a_changed_record_ends_the_connection() {
    for role in ROLES {
        let (mut ws, mut peer) = tls_pair(role, Config::default());
        let to = if role == Role::Server { Role::Server } else { Role::Client };
        let good = peer.encrypted_bytes(&Frame::text("good").sent_to(to).bytes());
        let mut bad = peer.encrypted_bytes(&Frame::text("changed").sent_to(to).bytes());
        bad[10] ^= 1;
        std::io::Write::write_all(&mut peer.tcp, &[good, bad].concat()).expect("write");
        assert_eq!(ws.read().expect("what came before is good"), Some("good".into()));
        let error = ws.read().map(drop).expect_err("an error");
        assert!(matches!(error, Error::Tls(clearsocket::TlsError::Broken)), "{error:?}");
        assert_eq!(ws.close_event().code.get(), 1006);
    }
}

#[test]
fn a_violation_is_answered_before_the_end() {
    let (mut ws, mut peer) = tls_pair(Role::Server, Config::default());
    peer.send(Frame::text([0xff]));
    assert!(matches!(ws.read(), Err(Error::Protocol(_))));
    let close = peer.read();
    assert_eq!((close.opcode, code_of(&close.payload)), (CLOSE, 1007));
    assert_eq!(peer.read_frame(), Err(TlsEnd::CloseNotify));
}

#[test]
fn a_server_that_stops_says_1001() {
    let server = TestServer::echo(server().tls(SERVER.config()));
    let mut peer = TlsPeer::connect(server.address);
    peer.send(Frame::text("hello"));
    assert_eq!((peer.read().opcode, server.connections()), (TEXT, 1));
    let in_the_handshake = TcpStream::connect(server.address).expect("connect");
    wait_until("it is counted", || server.connections() == 2);
    let handle = server.handle.clone();
    let stopping = thread::spawn(move || handle.shutdown(DEADLINE));
    let close = peer.read();
    // RFC 6455 §7.3/a
    assert_eq!((close.opcode, code_of(&close.payload)), (CLOSE, 1001));
    peer.send(Frame::close(1001, ""));
    assert_eq!(peer.read_frame(), Err(TlsEnd::CloseNotify));
    drop(peer);
    assert!(in_time(stopping), "everybody has gone, and nobody was waited for in vain");
    drop(in_the_handshake);
}

#[test]
fn an_aborted_connection_ends_at_once() {
    let (ws, mut peer) = tls_pair(Role::Client, Config::default());
    ws.abort();
    peer.read_frame().expect_err("no frame");
}
