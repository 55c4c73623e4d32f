//! The end of a connection, over real sockets (RFC 6455 §5.5.1, §7.1, §7.2).
//!
//! ```text
//!   Close ─▶ ◀─ Close      then the server ends TCP (FIN), and the client waits for that
//! ```
//!
//! Most tests run twice, for our server against a raw client and for our client against a raw server. The
//! raw peer never closes its socket before it has seen ours end, unless the test says so. Ends that are not
//! in order are in `failing_sockets.rs`.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{CloseEvent, Config, Error, Event, ReadyState, Role, WebSocket};
use common::frame::{CLOSE, Frame};
use common::{ROLES, RawPeer};
use raw::*;
use std::net::Shutdown;
use std::thread::{self, JoinHandle};

/// Reads until the end, which must be clean; gives the connection back.
fn read_to_end(mut ws: WebSocket) -> JoinHandle<WebSocket> {
    thread::spawn(move || {
        while ws.read().expect("a clean end is no error").is_some() {}
        ws
    })
}

fn event(code: u16, reason: &str, was_clean: bool) -> CloseEvent {
    CloseEvent { code: code.into(), reason: reason.into(), was_clean }
}

fn with_close_timeout() -> Config {
    config(|config| config.close_timeout = SHORT)
}

/// The peer as a server ends TCP; as a client it sees that we have.
#[track_caller]
fn end_tcp(peer: &mut RawPeer) {
    if peer.role == Role::Server {
        peer.stream.shutdown(Shutdown::Write).expect("shutdown");
    }
    assert_eq!(read_end(peer), End::Fin);
}

// ---- The peer closes first ----

#[test]
fn a_close_is_answered_with_its_code_and_then_the_server_ends_tcp_first() {
    let (ws, mut peer) = pair(Role::Server);
    let reading = read_to_end(ws);
    peer.send(Frame::close(4001, "bye"));
    // RFC 6455 §5.5.1/g §5.5.1/h
    let (frames, payload) = read_to_close(&mut peer);
    assert_eq!((frames, payload), (vec![], 4001u16.to_be_bytes().to_vec()));
    // RFC 6455 §5.5.1/k §5.5.1/l §7.1.1/c §7.1.2/b
    assert_eq!(read_end(&mut peer), End::Fin);
    let ws = in_time(reading);
    // RFC 6455 §7.1.4/a §7.1.5/a §7.1.6/a
    assert_eq!((ws.ready_state(), ws.close_event()), (ReadyState::Closed, event(4001, "bye", true)));
}

#[test]
fn a_close_is_answered_with_its_code_and_then_the_client_waits_for_the_servers_end_of_tcp() {
    let (ws, mut peer) = pair(Role::Client);
    let reading = read_to_end(ws);
    peer.send(Frame::close(1000, "bye"));
    // RFC 6455 §5.5.1/e §5.5.1/g §5.1/a
    let answer = peer.read().expect("an answer");
    assert!(answer.mask.is_some());
    assert_eq!((answer.opcode, answer.payload), (CLOSE, 1000u16.to_be_bytes().to_vec()));
    // RFC 6455 §5.5.1/m §7.1.1/f
    assert_quiet(&mut peer);
    assert!(!reading.is_finished());
    peer.stream.shutdown(Shutdown::Write).expect("shutdown");
    // RFC 6455 §5.5.1/k
    assert_eq!(read_end(&mut peer), End::Fin);
    let ws = in_time(reading);
    assert_eq!((ws.ready_state(), ws.close_event()), (ReadyState::Closed, event(1000, "bye", true)));
}

#[test]
fn a_client_does_not_wait_for_ever_for_the_servers_end_of_tcp() {
    let (ws, mut peer) = pair_with(Role::Client, with_close_timeout());
    let reading = read_to_end(ws);
    peer.send(Frame::close(1000, ""));
    assert_eq!(read_close_code(&mut peer), 1000);
    // RFC 6455 §5.5.1/n §7.1.1/d
    assert_eq!(read_end(&mut peer), End::Fin);
    assert_eq!(in_time(reading).close_event(), event(1000, "", true));
}

#[test]
fn a_close_without_a_code_is_1005_and_is_answered_by_one_without_a_code() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        let reading = read_to_end(ws);
        peer.send(Frame::close_empty());
        // RFC 6455 §7.4.1/c
        assert_eq!(read_to_close(&mut peer), (vec![], vec![]));
        end_tcp(&mut peer);
        // RFC 6455 §7.1.5/b
        assert_eq!(in_time(reading).close_event(), event(1005, "", true), "{role:?}");
    }
}

#[test]
fn a_close_is_answered_before_the_application_hears_of_it_and_messages_before_it_arrive() {
    for role in ROLES {
        let (mut ws, mut peer) = pair(role);
        peer.send(Frame::text("last words"));
        peer.send(Frame::close(3000, "enough"));
        let message = ws.read_event().expect("an event").expect("a message");
        assert_eq!(message, Event::Message("last words".into()));
        let close = ws.read_event().expect("an event");
        assert!(
            matches!(close, Some(Event::Close(Some(frame))) if frame.code == 3000 && frame.reason == "enough")
        );
        // RFC 6455 §5.5.1/i
        assert_eq!(read_close_code(&mut peer), 3000);
        // RFC 6455 §6.1/a
        assert!(matches!(ws.send("too late"), Err(Error::NotOpen(_))));
        peer.stream.shutdown(Shutdown::Write).expect("shutdown");
        assert!(matches!(ws.read_event(), Ok(None)));
        assert_eq!(ws.ready_state(), ReadyState::Closed);
        assert_eq!(read_end(&mut peer), End::Fin);
    }
}

#[test]
fn a_ping_behind_the_peers_close_is_not_answered() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        let reading = read_to_end(ws);
        let to = if role == Role::Server { Role::Server } else { Role::Client };
        let frames = [Frame::close(1000, ""), Frame::ping("?"), Frame::text("more")];
        let bytes: Vec<u8> = frames.into_iter().flat_map(|frame| frame.sent_to(to).bytes()).collect();
        peer.send_bytes(&bytes);
        // RFC 6455 §5.5.2/b
        assert_eq!(read_to_close(&mut peer).0, []);
        end_tcp(&mut peer);
        assert_eq!(in_time(reading).close_event(), event(1000, "", true));
    }
}

// ---- We close first ----

#[test]
fn a_server_that_closes_first_sends_code_and_reason_and_ends_tcp_when_the_answer_has_come() {
    let (ws, mut peer) = pair(Role::Server);
    ws.close(1012, "a new version").expect("close");
    // RFC 6455 §7.1.3/a
    assert_eq!(ws.ready_state(), ReadyState::Closing);
    let reading = read_to_end(ws);
    // RFC 6455 §7.1.2/a §5.5.1/b §7.3/c
    assert_eq!(peer.read(), Some(Frame::close(1012, "a new version")));
    assert_quiet(&mut peer);
    peer.send(Frame::close(1012, ""));
    // RFC 6455 §5.5.1/k §5.5.1/l
    assert_eq!(read_end(&mut peer), End::Fin);
    let ws = in_time(reading);
    assert_eq!((ws.ready_state(), ws.close_event()), (ReadyState::Closed, event(1012, "", true)));
}

#[test]
fn a_client_that_closes_first_waits_for_the_answer_and_for_the_servers_end_of_tcp() {
    let (ws, mut peer) = pair(Role::Client);
    ws.close(3001, "done").expect("close");
    assert_eq!(ws.ready_state(), ReadyState::Closing);
    let reading = read_to_end(ws);
    // RFC 6455 §7.1.2/a
    let (_, payload) = read_to_close(&mut peer);
    assert_eq!(payload, [&3001u16.to_be_bytes()[..], b"done"].concat());
    peer.send(Frame::close(1000, "so long"));
    // RFC 6455 §7.1.1/f
    assert_quiet(&mut peer);
    end_tcp(&mut peer);
    // RFC 6455 §7.1.5/a §7.1.6/a
    assert_eq!(in_time(reading).close_event(), event(1000, "so long", true));
}

#[test]
fn messages_that_were_on_their_way_arrive_after_our_close() {
    for role in ROLES {
        let (mut ws, mut peer) = pair(role);
        ws.close(1000, "").expect("close");
        peer.send(Frame::text("crossed"));
        peer.send(Frame::close(1000, ""));
        // RFC 6455 §5.1/g
        assert_eq!(
            ws.read().expect("read").and_then(|m| m.as_text().map(str::to_owned)).as_deref(),
            Some("crossed")
        );
        let reading = read_to_end(ws);
        assert_eq!(read_close_code(&mut peer), 1000);
        end_tcp(&mut peer);
        assert!(in_time(reading).close_event().was_clean);
    }
}

#[test]
fn a_ping_behind_our_own_close_is_answered() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        ws.close(1000, "").expect("close");
        let reading = read_to_end(ws);
        assert_eq!(read_close_code(&mut peer), 1000);
        peer.send(Frame::ping("still there?"));
        let mut pong = peer.read().expect("a pong");
        pong.mask = None;
        // RFC 6455 §5.5.2/b §5.5.3/a
        assert_eq!(pong, Frame::pong("still there?"));
        peer.send(Frame::close(1000, ""));
        end_tcp(&mut peer);
        in_time(reading);
    }
}

#[test]
fn two_closes_that_cross_are_one_closing_handshake() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        peer.send(Frame::close(4002, "mine"));
        ws.close(4001, "ours").expect("close");
        let reading = read_to_end(ws);
        // RFC 6455 §5.5.1/o §5.5.1/g
        assert_eq!(peer.read().map(|frame| frame.payload), Some(Frame::close(4001, "ours").payload));
        end_tcp(&mut peer);
        // RFC 6455 §7.1.5/a
        assert_eq!(in_time(reading).close_event(), event(4002, "mine", true));
    }
}

#[test]
fn closing_twice_is_closing_once() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        let sender = ws.sender();
        ws.close(3001, "first").expect("close");
        ws.close(3002, "second").expect("a second close does nothing");
        sender.close(3003, "third").expect("a third close does nothing");
        let reading = read_to_end(ws);
        let (_, payload) = read_to_close(&mut peer);
        assert_eq!(payload, Frame::close(3001, "first").payload);
        peer.send(Frame::close(3001, ""));
        end_tcp(&mut peer);
        let ws = in_time(reading);
        ws.close(3004, "after the end").expect("a close after the end does nothing");
    }
}

#[test]
fn nothing_is_sent_after_our_close_and_what_is_refused_counts_as_buffered() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        ws.close(1000, "").expect("close");
        assert_eq!(ws.buffered_amount(), 0);
        // RFC 6455 §6.1/a §5.5.1/f
        assert!(matches!(ws.send("12345"), Err(Error::NotOpen(ReadyState::Closing))));
        assert!(matches!(ws.sender().write(&[0; 10]), Err(Error::NotOpen(_))));
        assert!(matches!(ws.write_fragment("abc", false), Err(Error::NotOpen(_))));
        assert!(matches!(ws.ping(b""), Err(Error::NotOpen(_))));
        assert!(matches!(ws.pong(b""), Err(Error::NotOpen(_))));
        assert_eq!(ws.buffered_amount(), 18);
        let reading = read_to_end(ws);
        assert_eq!(read_to_close(&mut peer).0, []);
        peer.send(Frame::close(1000, ""));
        end_tcp(&mut peer);
        let ws = in_time(reading);
        assert!(matches!(ws.send("12"), Err(Error::NotOpen(ReadyState::Closed))));
        assert_eq!(ws.buffered_amount(), 20, "it is not reset when the connection ends");
    }
}

#[test]
fn what_was_written_before_leaves_before_the_close() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        for number in 0..100 {
            ws.write(number.to_string()).expect("write");
        }
        ws.close(1000, "").expect("close");
        let reading = read_to_end(ws);
        // RFC 6455 §6.1/b §6.1/h
        let (frames, _) = read_to_close(&mut peer);
        assert_eq!(frames, (0..100).map(|number| Frame::text(number.to_string())).collect::<Vec<_>>());
        peer.send(Frame::close(1000, ""));
        end_tcp(&mut peer);
        in_time(reading);
    }
}

// ---- What may be said ----

#[test]
fn a_client_may_say_1000_and_3000_to_4999() {
    let (ws, mut peer) = pair(Role::Client);
    for code in [0, 999, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1011, 1014, 1015, 1016, 2999, 5000, 65535]
    {
        // RFC 6455 §7.4.1/c §7.4.1/d §7.4.1/f §7.4.2/a
        assert!(matches!(ws.close(code, ""), Err(Error::InvalidCloseCode(c)) if c == code), "{code}");
        assert!(matches!(ws.sender().close(code, ""), Err(Error::InvalidCloseCode(_))), "{code}");
    }
    assert_eq!(ws.ready_state(), ReadyState::Open);
    ws.send("nothing was sent").expect("send");
    assert_eq!(peer.read().map(|frame| frame.payload), Some(b"nothing was sent".to_vec()));
    for code in [1000, 3000, 3999, 4000, 4999] {
        let (ws, mut peer) = pair(Role::Client);
        ws.close(code, "").expect("close");
        // RFC 6455 §7.4.2/c §7.4.2/d
        assert_eq!(read_close_code(&mut peer), code);
        ws.abort();
    }
}

#[test]
fn a_server_may_say_what_a_server_can_mean() {
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 4999] {
        let (ws, mut peer) = pair(Role::Server);
        ws.close(code, "").expect("close");
        // RFC 6455 §7.4.1/a
        assert_eq!(read_close_code(&mut peer), code);
        ws.abort();
    }
    let (ws, _peer) = pair(Role::Server);
    for code in [0, 999, 1004, 1005, 1006, 1010, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        // RFC 6455 §7.4.1/c §7.4.1/d §7.4.1/f §7.4.2/a §7.4.2/b
        assert!(matches!(ws.close(code, ""), Err(Error::InvalidCloseCode(c)) if c == code), "{code}");
    }
    assert_eq!(ws.ready_state(), ReadyState::Open);
    ws.abort();
}

#[test]
fn a_reason_has_up_to_123_bytes_of_utf8() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        // RFC 6455 §5.5/a §5.5.1/c
        assert!(matches!(ws.close(1000, &"x".repeat(124)), Err(Error::CloseReasonTooLong(124))));
        assert!(matches!(ws.close(1000, &"ü".repeat(62)), Err(Error::CloseReasonTooLong(124))));
        assert_eq!(ws.ready_state(), ReadyState::Open);
        let longest = format!("{}x", "ü".repeat(61));
        ws.close(1000, &longest).expect("close");
        let (_, payload) = read_to_close(&mut peer);
        assert_eq!(payload, Frame::close(1000, &longest).payload);
        ws.abort();
    }
}

// ---- abort and drop ----

#[test]
fn abort_wakes_a_blocked_reader_and_says_nothing() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        let (mut receiver, sender) = ws.split();
        let reading = thread::spawn(move || {
            let result = receiver.read().map(|message| message.map(|_| ()));
            (result, receiver.ready_state(), receiver.close_event())
        });
        peer.send(Frame::ping(""));
        peer.read().expect("a pong");
        sender.abort();
        let (result, state, event_seen) = in_time(reading);
        assert!(matches!(result, Err(Error::ConnectionLost)), "{result:?}");
        assert_eq!((state, event_seen), (ReadyState::Closed, event(1006, "", false)));
        assert!(matches!(sender.send("?"), Err(Error::NotOpen(ReadyState::Closed))));
        // RFC 6455 §7.1.1/b
        assert_eq!(peer.read(), None);
    }
}

#[test]
fn dropping_a_connection_says_1001_and_waits_for_the_answer() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        ws.write("written and not flushed").expect("write");
        let dropping = thread::spawn(move || drop(ws));
        let (frames, payload) = read_to_close(&mut peer);
        // RFC 6455 §7.3/c
        assert_eq!((frames, code_of(&payload)), (vec![Frame::text("written and not flushed")], 1001));
        assert!(!dropping.is_finished());
        peer.send(Frame::close(1001, ""));
        end_tcp(&mut peer);
        in_time(dropping);
    }
}

#[test]
fn dropping_the_receiver_ends_the_connection_and_dropping_a_sender_does_not() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        let (receiver, sender) = ws.split();
        drop(sender.clone());
        assert_quiet(&mut peer);
        let dropping = thread::spawn(move || drop(receiver));
        assert_eq!(read_close_code(&mut peer), 1001);
        assert!(matches!(sender.send("?"), Err(Error::NotOpen(_))));
        peer.send(Frame::close(1001, ""));
        end_tcp(&mut peer);
        in_time(dropping);
        assert_eq!(sender.close_event(), event(1001, "", true));
    }
}

#[test]
fn dropping_a_connection_whose_peer_is_silent_takes_the_close_timeout_and_no_longer() {
    for role in ROLES {
        let (ws, mut peer) = pair_with(role, with_close_timeout());
        in_time(thread::spawn(move || drop(ws)));
        assert_eq!(read_close_code(&mut peer), 1001);
        read_end(&mut peer);
    }
}
