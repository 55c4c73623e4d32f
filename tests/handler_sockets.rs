//! What comes and goes on a connection that a handler serves, over real sockets (RFC 6455 §5, §6, §7).
//!
//! ```text
//!   raw peer ─ frames, however the network cuts them ─▶ handler ─▶ and back
//!            ─ Close, nonsense, FIN, RST, silence ─────▶ on_error, on_close, and the peer's answer
//! ```
//!
//! These run in either kind of server; see `event_loop.rs`.

mod common;
#[path = "common/raw.rs"]
mod raw;
#[path = "common/served.rs"]
mod served;

use clearsocket::{Config, ReadyState, Server};
use common::frame::{Frame, PING, PONG};
use common::{RawPeer, Seen, raw_peer};
use raw::*;
use served::*;
use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Far more than the machine will need.
const PATIENT: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(100);

/// `size` bytes of UTF-8 that are not all the same.
fn letters(size: usize) -> Vec<u8> {
    (0..size).map(|i| b'a' + (i / 7 % 26) as u8).collect()
}

fn with_close_timeout() -> Config {
    config(|config| config.close_timeout = SHORT)
}

/// Sends the same frame until the connection is cut.
fn flood(peer: &RawPeer, frame: &Frame) -> JoinHandle<()> {
    let (mut writer, bytes) = (peer.stream.try_clone().expect("try_clone"), frame.clone().masked().bytes());
    thread::spawn(move || while writer.write_all(&bytes).is_ok() {})
}

// ---- Messages ----

#[test]
fn messages_of_every_kind_and_size_come_back() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::connect(server.address);
    for size in [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 1 << 20] {
        for frame in [Frame::text(letters(size)), Frame::binary(letters(size))] {
            let expected = frame.clone();
            peer.send(frame);
            assert!(peer.read() == Some(expected), "{size} bytes");
        }
    }
}

#[test]
fn a_fragmented_message_comes_back_with_control_frames_between_its_fragments() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::connect(server.address);
    for size in [4, 1000, 100_000, 1 << 20] {
        let whole = letters(size);
        for (number, piece) in whole.chunks(size / 4).enumerate() {
            let frame = if number == 0 { Frame::text(piece) } else { Frame::continuation(piece) };
            peer.send(frame.fin(number == 3));
            if number < 3 {
                // RFC 6455 §5.4/g
                peer.send(Frame::ping([number as u8]));
            }
        }
        for number in 0..3 {
            assert_eq!(peer.read(), Some(Frame::pong([number])));
        }
        assert!(peer.read() == Some(Frame::text(whole)), "{size} bytes");
    }
}

#[test]
fn frames_that_come_byte_by_byte_are_understood() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::connect(server.address);
    let frames = [Frame::text("slow"), Frame::binary(letters(300)), Frame::text(""), Frame::ping("ping")];
    for byte in frames.iter().flat_map(|frame| frame.clone().masked().bytes()) {
        // RFC 6455 §6.2/a
        peer.send_bytes(&[byte]);
    }
    let [one, two, three, _] = frames;
    for expected in [one, two, three, Frame::pong("ping")] {
        assert_eq!(peer.read(), Some(expected));
    }
}

#[test]
fn a_burst_comes_back_in_order() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::connect(server.address);
    let burst: Vec<u8> = (0..1000).flat_map(|n| Frame::text(n.to_string()).masked().bytes()).collect();
    peer.send_bytes(&burst);
    for number in 0..1000 {
        assert_eq!(peer.read(), Some(Frame::text(number.to_string())));
    }
}

#[test]
fn an_echo_of_more_than_the_network_holds_comes_back_to_a_peer_that_writes_it_all_first() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::connect(server.address);
    for number in 0..16 {
        peer.send(Frame::binary(vec![number; 512 << 10]));
    }
    for number in 0..16 {
        assert!(peer.read() == Some(Frame::binary(vec![number; 512 << 10])), "message {number}");
    }
}

#[test]
fn pings_between_messages_are_answered_in_their_place() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::connect(server.address);
    for number in 0..50 {
        peer.send(Frame::text(number.to_string()));
        peer.send(Frame::ping(number.to_string()));
    }
    let (mut pongs, mut texts) = (0, 0);
    while pongs + texts < 100 {
        let frame = peer.read().expect("a frame");
        let count = if frame.opcode == PONG { &mut pongs } else { &mut texts };
        // RFC 6455 §5.5.2/b §5.5.3/a
        assert_eq!(frame.payload, count.to_string().as_bytes());
        *count += 1;
    }
    assert_eq!((pongs, texts), (50, 50));
}

#[test]
fn what_comes_in_one_piece_with_the_request_is_answered_also_if_the_peer_has_nothing_more_to_say() {
    for ends in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("local_addr");
        // All of it is there before the server is.
        let mut peer = RawPeer::tcp(address);
        let mut bytes = raw_peer::request(address, "/", "").into_bytes();
        for frame in [Frame::text("one"), Frame::ping("two"), Frame::binary(letters(1000))] {
            bytes.extend(frame.masked().bytes());
        }
        peer.send_bytes(&bytes);
        if ends {
            peer.stream.shutdown(Shutdown::Write).expect("shutdown");
        }
        let _server = TestServer::echo(Server::from_listener(listener));
        assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
        for expected in [Frame::text("one"), Frame::pong("two"), Frame::binary(letters(1000))] {
            assert_eq!(peer.read(), Some(expected), "the peer has ended: {ends}");
        }
        if ends {
            assert_eq!(read_end(&mut peer), End::Fin);
        }
    }
}

#[test]
fn what_comes_right_before_the_end_of_tcp_is_answered() {
    let server = TestServer::echo(server());
    for size in [5, 70_000] {
        let mut peer = RawPeer::connect(server.address);
        let mut bytes = Frame::binary(letters(size)).masked().bytes();
        bytes.extend(Frame::text("last words").masked().bytes());
        peer.send_bytes(&bytes);
        peer.stream.shutdown(Shutdown::Write).expect("shutdown");
        assert!(peer.read() == Some(Frame::binary(letters(size))), "{size} bytes");
        assert_eq!(peer.read(), Some(Frame::text("last words")));
        assert_eq!(read_end(&mut peer), End::Fin);
    }
}

#[test]
fn what_many_threads_send_arrives_whole_and_in_each_threads_order_while_messages_come_in() {
    const THREADS: usize = 6;
    const MESSAGES: usize = 200;
    let (served, mut peer) = serve_echoing();
    let sending: Vec<_> = (0..THREADS)
        .map(|id| {
            let sender = served.sender.clone();
            thread::spawn(move || {
                for number in 0..MESSAGES {
                    sender.send(format!("{id} {number}")).expect("send");
                }
            })
        })
        .collect();
    for number in 0..MESSAGES {
        peer.send(Frame::text(format!("{THREADS} {number}")));
    }
    let mut counts = [0; THREADS + 1];
    for _ in 0..(THREADS + 1) * MESSAGES {
        let text = String::from_utf8(peer.read().expect("a frame").payload).expect("text");
        let (id, number) = text.split_once(' ').expect("two numbers");
        let count = &mut counts[id.parse::<usize>().expect("a number")];
        // RFC 6455 §5.4/e
        assert_eq!(number, count.to_string(), "of thread {id}");
        *count += 1;
    }
    sending.into_iter().for_each(in_time);
}

fn serve_echoing() -> (Served, RawPeer) {
    serve_narrow(Config::default(), Answer::Echo)
}

// ---- Ends in order ----

#[test]
fn a_close_is_answered_with_its_code_and_the_server_ends_tcp() {
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        let (served, mut peer) = serve(Config::default());
        peer.send(Frame::text("last words"));
        peer.send(Frame::close(code, "enough"));
        served.assert_saw("last words");
        served.assert_ends(None, (code, "enough", true));
        // RFC 6455 §5.5.1/g §5.5.1/h §5.5.1/l
        assert_eq!(read_to_close(&mut peer), (vec![], code.to_be_bytes().to_vec()));
        assert_eq!(read_end(&mut peer), End::Fin);
        assert_eq!(served.sender.ready_state(), ReadyState::Closed);
    }
    let (served, mut peer) = serve(Config::default());
    peer.send(Frame::close_empty());
    // RFC 6455 §7.1.5/b
    served.assert_ends(None, (1005, "", true));
    assert_eq!(read_to_close(&mut peer), (vec![], vec![]));
}

#[test]
fn nothing_behind_the_peers_close_is_looked_at() {
    let (served, mut peer) = serve(Config::default());
    let frames = [Frame::close(1000, ""), Frame::ping("?"), Frame::text("more"), Frame::new(3, "nonsense")];
    peer.send_bytes(&frames.into_iter().flat_map(|frame| frame.masked().bytes()).collect::<Vec<_>>());
    served.assert_ends(None, (1000, "", true));
    // RFC 6455 §5.5.2/b
    assert_eq!(read_to_close(&mut peer).0, []);
    assert_eq!(read_end(&mut peer), End::Fin);
}

#[test]
fn a_close_by_another_thread_ends_in_order_and_messages_before_the_answer_still_come() {
    let (served, mut peer) = serve(Config::default());
    served.sender.send("first this").expect("send");
    served.sender.close(4001, "enough").expect("close");
    assert_eq!(read_to_close(&mut peer).0, [Frame::text("first this")]);
    peer.send(Frame::text("on its way"));
    // RFC 6455 §5.5.2/b: our own Close does not end this duty.
    peer.send(Frame::ping("still there?"));
    served.assert_saw("on its way");
    assert_eq!(served.next(), Told::Saw(Seen::ping("still there?")));
    assert_eq!(peer.read(), Some(Frame::pong("still there?")));
    peer.send(Frame::close(4001, "fine"));
    served.assert_ends(None, (4001, "fine", true));
    // RFC 6455 §5.5.1/k §7.1.1/c
    assert_eq!(read_end(&mut peer), End::Fin);
}

#[test]
fn a_peer_that_never_answers_our_close_is_cut_at_the_deadline() {
    let (served, mut peer) = serve(with_close_timeout());
    served.sender.close(1000, "").expect("close");
    // RFC 6455 §7.1.1/b
    served.assert_lost("Timeout(Close)");
    assert_eq!(read_close_code(&mut peer), 1000);
    read_end(&mut peer);
}

#[test]
fn a_peer_that_sends_messages_for_ever_in_place_of_its_close_is_cut_at_the_deadline() {
    let (served, mut peer) = serve(with_close_timeout());
    served.sender.close(1000, "").expect("close");
    let flooding = flood(&peer, &Frame::text("one more"));
    let last = served.told.iter().find(|told| !matches!(told, Told::Saw(_)));
    assert_eq!(last, Some(Told::Error("Timeout(Close)".into())));
    served.assert_ends(None, (1006, "", false));
    end_flood(&peer, flooding);
    assert_eq!(read_close_code(&mut peer), 1000);
}

#[test]
fn a_peer_that_has_said_close_and_does_not_end_tcp_is_left_at_the_deadline() {
    let (served, mut peer) = serve(with_close_timeout());
    peer.send(Frame::close(1000, ""));
    served.assert_ends(None, (1000, "", true));
    assert_eq!(read_close_code(&mut peer), 1000);
    let flooding = flood(&peer, &Frame::text("one more"));
    wait_until("nobody is connected", || served.server.connections() == 0);
    end_flood(&peer, flooding);
}

// ---- Ends that are not in order ----

#[test]
fn a_violation_is_answered_with_its_code_and_then_the_end_of_tcp() {
    for (bytes, code, rule) in [
        // RFC 6455 §5.1/b §5.1/e
        (Frame::text("x").bytes(), 1002, "UnmaskedFrame"),
        // RFC 6455 §5.2/d
        (Frame::new(3, "x").masked().bytes(), 1002, "ReservedOpcode"),
        // RFC 6455 §5.4/d
        (Frame::ping("").more().masked().bytes(), 1002, "FragmentedControlFrame"),
        // RFC 6455 §8.1/a
        (Frame::text([0xff]).masked().bytes(), 1007, "InvalidUtf8"),
        // RFC 6455 §10.4/a
        (Frame::binary("").masked().announcing(1 << 40).header(), 1009, "FrameTooBig"),
        // RFC 6455 §5.5.1/b §7.4.1/c
        (Frame::new(8, [3]).masked().bytes(), 1002, ""),
        (Frame::close(1005, "").masked().bytes(), 1002, ""),
        (Frame::close(1000, [0xff]).masked().bytes(), 1007, ""),
    ] {
        let (served, mut peer) = serve(Config::default());
        let behind = [Frame::ping("?"), Frame::text("more"), Frame::close(1000, "")];
        let mut all = Frame::text("good").masked().bytes();
        all.extend(&bytes);
        // RFC 6455 §7.1.7/g
        all.extend(behind.into_iter().flat_map(|frame| frame.masked().bytes()));
        peer.send_bytes(&all);
        served.assert_saw("good");
        let told = served.next();
        let expected = |text: &str| text.starts_with(&format!("Protocol({rule}"));
        assert!(matches!(&told, Told::Error(text) if expected(text)), "{told:?} is {rule}");
        served.assert_ends(None, (1006, "", false));
        // RFC 6455 §7.1.7/c §7.1.7/e §10.7/c
        let (frames, payload) = read_to_close(&mut peer);
        assert_eq!((frames, code_of(&payload)), (vec![], code), "{told:?}");
        assert_eq!(read_end(&mut peer), End::Fin);
    }
}

#[test]
fn the_close_is_not_lost_when_the_peer_goes_on_sending_megabytes() {
    let (served, mut peer) = serve(Config::default());
    peer.send(Frame::new(3, "x"));
    // The peer looks for an answer only when it has written everything.
    let frame = Frame::binary(vec![7; 64 << 10]).masked().bytes();
    for _ in 0..128 {
        if peer.stream.write_all(&frame).is_err() {
            break;
        }
    }
    // RFC 6455 §7.1.7/e §7.1.1/a
    assert_eq!(read_close_code(&mut peer), 1002);
    assert_eq!(read_end(&mut peer), End::Fin);
    served.assert_lost("Protocol(ReservedOpcode)");
}

#[test]
fn a_peer_that_breaks_the_protocol_and_never_leaves_is_left_at_the_deadline() {
    let (served, peer) = serve(with_close_timeout());
    let flooding = flood(&peer, &Frame::new(3, vec![0xff; 4096]));
    served.assert_lost("Protocol(ReservedOpcode)");
    wait_until("nobody is connected", || served.server.connections() == 0);
    end_flood(&peer, flooding);
}

#[test]
fn the_end_of_tcp_without_a_close_is_a_loss() {
    let frame = Frame::binary("half").masked().bytes();
    for part in [0, 1, frame.len() - 1] {
        let (served, mut peer) = serve(Config::default());
        peer.send(Frame::text("hello"));
        peer.send_bytes(&frame[..part]);
        peer.stream.shutdown(Shutdown::Write).expect("shutdown");
        served.assert_saw("hello");
        // RFC 6455 §7.2.1/b
        served.assert_lost("ConnectionLost");
        assert_eq!(read_end(&mut peer), End::Fin);
    }
}

#[test]
fn a_reset_is_a_loss() {
    let (served, peer) = serve(Config::default());
    // A socket that is closed with unread bytes resets the connection.
    served.sender.send("unread").expect("send");
    wait_until("it has arrived", || peer.stream.peek(&mut [0]).is_ok());
    drop(peer);
    served.assert_lost("ConnectionLost");
    wait_until("nobody is connected", || served.server.connections() == 0);
}

#[test]
fn an_abort_by_another_thread_ends_the_connection_at_once_and_says_nothing() {
    let (served, mut peer) = serve(Config::default());
    served.sender.abort();
    served.assert_lost("ConnectionLost");
    // RFC 6455 §7.1.1/b
    assert_eq!(peer.read(), None);
    assert!(served.sender.send("?").is_err());
}

// ---- Silence ----

fn heartbeat(interval: Duration, patience: Duration) -> Config {
    config(|config| (config.ping_interval, config.pong_timeout) = (Some(interval), patience))
}

#[track_caller]
fn read_ping(peer: &mut RawPeer) -> Vec<u8> {
    let frame = peer.read().expect("a Ping");
    assert_eq!((frame.fin, frame.opcode), (true, PING));
    frame.payload
}

#[test]
fn any_frame_of_a_silent_peer_is_a_sign_of_life_after_the_ping() {
    let (served, mut peer) = serve(heartbeat(INTERVAL, PATIENT));
    for sign in [Frame::pong(""), Frame::text("busy"), Frame::pong("another one"), Frame::binary("").more()] {
        // RFC 6455 §5.5.2/d
        read_ping(&mut peer);
        // If it did not count, the patience with the Ping above would go on, and no other Ping would come.
        peer.send(sign);
    }
    read_ping(&mut peer);
    assert_eq!(served.sender.ready_state(), ReadyState::Open);
}

#[test]
fn a_peer_that_does_not_answer_the_ping_is_lost_whatever_is_sent_to_it() {
    for busy in [false, true] {
        let (served, mut peer) = serve(heartbeat(INTERVAL, SHORT));
        let sender = served.sender.clone();
        // What we send ourselves says nothing about the peer.
        let sending = thread::spawn(move || {
            while busy && sender.send("are you there?").is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
        });
        served.assert_lost("Timeout(Pong)");
        in_time(sending);
        let mut pings = 0;
        while let Some(frame) = peer.read() {
            pings += u32::from(frame.opcode == PING);
        }
        assert_eq!(pings, 1, "one Ping is enough");
    }
}

#[test]
fn a_message_that_arrives_byte_by_byte_is_a_sign_of_life() {
    let (served, mut peer) = serve(heartbeat(Duration::from_secs(2), SHORT));
    let text = "x".repeat(60);
    for byte in Frame::text(&text).masked().bytes() {
        peer.send_bytes(&[byte]);
        thread::sleep(Duration::from_millis(45));
    }
    served.assert_saw(&text);
    // No Ping came in more than 2.5 seconds.
    assert_quiet(&mut peer);
}

#[test]
fn without_an_interval_there_is_no_ping() {
    let (served, mut peer) = serve(config(|config| {
        config.ping_interval = None;
        config.pong_timeout = Duration::from_millis(1);
    }));
    assert_quiet(&mut peer);
    assert_quiet(&mut peer);
    peer.send(Frame::text("still here"));
    served.assert_saw("still here");
}
