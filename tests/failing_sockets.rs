//! Ends that are not in order, over real sockets (RFC 6455 §7.1.1, §7.1.7, §7.2.1).
//!
//! ```text
//!   nonsense ─▶ ◀─ Close   with the code that fits, then FIN, and nothing is looked at any more
//!   FIN, RST ─▶            lost: 1006
//!   ◀─ Close    silence    cut at the close deadline
//! ```
//!
//! Every test runs twice, for our server against a raw client and for our client against a raw server.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{CloseEvent, Config, Error, ProtocolError, ReadyState, Role, Timeout};
use common::ROLES;
use common::frame::Frame;
use raw::*;
use std::io::Write;
use std::net::Shutdown;
use std::thread;

fn event(code: u16, reason: &str, was_clean: bool) -> CloseEvent {
    CloseEvent { code: code.into(), reason: reason.into(), was_clean }
}

fn with_close_timeout() -> Config {
    config(|config| config.close_timeout = SHORT)
}

// ---- The peer breaks the protocol ----

/// What the peer sends, and the code that it is answered with.
fn violations(role: Role) -> Vec<(Vec<u8>, u16, ProtocolError)> {
    let wrong_mask = match role {
        Role::Server => (Frame::text("x").bytes(), 1002, ProtocolError::UnmaskedFrame),
        Role::Client => (Frame::text("x").masked().bytes(), 1002, ProtocolError::MaskedFrame),
    };
    let bytes = |frame: Frame| frame.sent_to(role).bytes();
    vec![
        // RFC 6455 §5.1/b §5.1/e
        wrong_mask,
        // RFC 6455 §5.2/d
        (bytes(Frame::new(3, "x")), 1002, ProtocolError::ReservedOpcode),
        // RFC 6455 §8.1/a
        (bytes(Frame::text([0xff])), 1007, ProtocolError::InvalidUtf8),
        // RFC 6455 §10.4/a
        (Frame::binary("").sent_to(role).announcing(1 << 40).header(), 1009, ProtocolError::FrameTooBig),
    ]
}

#[test]
fn a_violation_is_answered_with_its_code_and_then_the_end_of_tcp() {
    for role in ROLES {
        for (bytes, code, rule) in violations(role) {
            let (mut ws, mut peer) = pair(role);
            peer.send(Frame::text("good"));
            peer.send_bytes(&bytes);
            assert!(matches!(ws.read(), Ok(Some(_))));
            let error = ws.read().expect_err("an error");
            assert!(matches!(error, Error::Protocol(broken) if broken == rule), "{error:?}");
            // RFC 6455 §7.1.7/e §10.7/c
            let (frames, payload) = read_to_close(&mut peer);
            assert_eq!((frames, code_of(&payload)), (vec![], code), "{role:?}");
            assert!(matches!(ws.read(), Ok(None)), "after an error, reads give None");
            assert!(matches!(ws.send("?"), Err(Error::NotOpen(_))));
            let dropping = thread::spawn(move || drop(ws));
            // RFC 6455 §7.1.7/a §7.1.7/c §7.2.1/a
            assert_eq!(read_end(&mut peer), End::Fin);
            drop(peer);
            in_time(dropping);
        }
    }
}

#[test]
fn a_violation_ends_tcp_also_if_the_application_keeps_the_connection() {
    for role in ROLES {
        let (mut ws, mut peer) = pair_with(role, with_close_timeout());
        peer.send(Frame::new(3, "x"));
        assert!(matches!(ws.read(), Err(Error::Protocol(_))));
        assert!(matches!(ws.read(), Ok(None)));
        assert_eq!(read_close_code(&mut peer), 1002);
        // RFC 6455 §7.1.7/a §7.1.7/c
        assert_eq!(read_end(&mut peer), End::Fin, "{role:?}");
        assert_eq!(ws.close_event(), event(1006, "", false));
    }
}

#[test]
fn nothing_behind_a_violation_is_processed_and_not_even_a_close() {
    for role in ROLES {
        let (mut ws, mut peer) = pair(role);
        let frames = [Frame::new(3, "x"), Frame::ping("?"), Frame::text("more"), Frame::close(1000, "")];
        peer.send_bytes(
            &frames.into_iter().flat_map(|frame| frame.sent_to(role).bytes()).collect::<Vec<_>>(),
        );
        assert!(matches!(ws.read_event(), Err(Error::Protocol(ProtocolError::ReservedOpcode))));
        // RFC 6455 §7.1.7/g
        assert!(matches!(ws.read_event(), Ok(None)));
        assert_eq!(ws.close_event(), event(1006, "", false));
        assert_eq!(read_to_close(&mut peer).0, [], "the ping is not answered");
        let dropping = thread::spawn(move || drop(ws));
        assert_eq!(read_end(&mut peer), End::Fin);
        drop(peer);
        in_time(dropping);
    }
}

#[test]
fn the_close_is_not_lost_when_the_peer_goes_on_sending_megabytes() {
    for role in ROLES {
        let (mut ws, mut peer) = pair(role);
        let failing = thread::spawn(move || {
            let error = ws.read().map(|_| ()).expect_err("an error");
            drop(ws);
            error
        });
        peer.send(Frame::new(3, "x"));
        // The peer looks for an answer only when it has written everything.
        let frame = Frame::binary(vec![7; 64 << 10]).sent_to(role).bytes();
        for _ in 0..128 {
            if peer.stream.write_all(&frame).is_err() {
                break;
            }
        }
        // RFC 6455 §7.1.7/e §7.1.1/a
        assert_eq!(read_close_code(&mut peer), 1002, "{role:?}");
        assert_eq!(read_end(&mut peer), End::Fin, "{role:?}");
        drop(peer);
        assert!(matches!(in_time(failing), Error::Protocol(_)));
    }
}

#[test]
fn a_peer_that_breaks_the_protocol_and_never_leaves_is_left_at_the_deadline() {
    for role in ROLES {
        let (mut ws, peer) = pair_with(role, with_close_timeout());
        let mut writer = peer.stream.try_clone().expect("try_clone");
        let writing = thread::spawn(move || while writer.write_all(&[0xff; 4096]).is_ok() {});
        assert!(matches!(ws.read(), Err(Error::Protocol(_))));
        in_time(thread::spawn(move || drop(ws)));
        in_time(writing);
    }
}

#[test]
fn a_violation_after_our_close_fails_the_connection_without_a_second_close() {
    for role in ROLES {
        let (mut ws, mut peer) = pair(role);
        ws.close(1000, "").expect("close");
        assert_eq!(read_close_code(&mut peer), 1000);
        peer.send(Frame::new(3, "x"));
        assert!(matches!(ws.read(), Err(Error::Protocol(_))));
        let dropping = thread::spawn(move || drop(ws));
        // RFC 6455 §5.5.1/f §7.1.7/g
        assert_eq!(read_end(&mut peer), End::Fin);
        drop(peer);
        in_time(dropping);
    }
}

// ---- The peer is gone, or never answers ----

#[test]
fn the_end_of_tcp_without_a_close_is_a_loss_and_1006() {
    for role in ROLES {
        let half_a_frame = Frame::binary("half").sent_to(role).bytes();
        for last_bytes in [&b""[..], &half_a_frame[..1], &half_a_frame[..half_a_frame.len() - 1]] {
            let (mut ws, mut peer) = pair(role);
            peer.send(Frame::text("hello"));
            peer.send_bytes(last_bytes);
            peer.stream.shutdown(Shutdown::Write).expect("shutdown");
            assert!(matches!(ws.read(), Ok(Some(_))));
            // RFC 6455 §7.2.1/b
            assert!(matches!(ws.read(), Err(Error::ConnectionLost)));
            // RFC 6455 §7.1.5/c §7.1.4/a
            assert_eq!((ws.ready_state(), ws.close_event()), (ReadyState::Closed, event(1006, "", false)));
            assert!(matches!(ws.read(), Ok(None)), "after an error, reads give None");
            assert!(matches!(ws.send("?"), Err(Error::NotOpen(ReadyState::Closed))));
        }
    }
}

#[test]
fn a_reset_is_a_loss_and_1006() {
    for role in ROLES {
        let (mut ws, peer) = pair(role);
        // A socket that is closed with unread bytes resets the connection.
        ws.send("unread").expect("send");
        wait_until("it has arrived", || peer.stream.peek(&mut [0]).is_ok());
        drop(peer);
        assert!(matches!(ws.read(), Err(Error::ConnectionLost)));
        assert_eq!((ws.ready_state(), ws.close_event()), (ReadyState::Closed, event(1006, "", false)));
    }
}

#[test]
fn the_end_of_tcp_in_answer_to_our_close_is_a_loss_and_not_clean() {
    for role in ROLES {
        let (mut ws, mut peer) = pair(role);
        ws.close(1000, "").expect("close");
        assert_eq!(read_close_code(&mut peer), 1000);
        drop(peer);
        // RFC 6455 §7.1.5/c
        assert!(matches!(ws.read(), Err(Error::ConnectionLost)));
        assert_eq!(ws.close_event(), event(1006, "", false));
    }
}

#[test]
fn a_peer_that_never_answers_our_close_is_cut_at_the_deadline() {
    for role in ROLES {
        let (mut ws, mut peer) = pair_with(role, with_close_timeout());
        ws.close(1000, "").expect("close");
        let reading = thread::spawn(move || {
            let result = ws.read().map(|message| message.map(|_| ()));
            (result, ws.ready_state(), ws.close_event())
        });
        let (result, state, event_seen) = in_time(reading);
        // RFC 6455 §7.1.1/b
        assert!(matches!(result, Err(Error::Timeout(Timeout::Close))), "{result:?}");
        assert_eq!((state, event_seen), (ReadyState::Closed, event(1006, "", false)));
        assert_eq!(read_close_code(&mut peer), 1000);
        read_end(&mut peer);
    }
}

#[test]
fn a_peer_that_never_answers_is_cut_also_when_another_thread_has_said_close() {
    for role in ROLES {
        let (ws, mut peer) = pair_with(role, with_close_timeout());
        let (mut receiver, sender) = ws.split();
        let reading = thread::spawn(move || {
            let result = receiver.read().map(|message| message.map(|_| ()));
            (result, receiver)
        });
        // It is blocked in its read when it has answered this.
        peer.send(Frame::ping(""));
        peer.read().expect("a pong");
        sender.close(1000, "").expect("close");
        let (result, receiver) = in_time(reading);
        assert!(matches!(result, Err(Error::Timeout(Timeout::Close))), "{result:?}");
        assert_eq!(sender.ready_state(), ReadyState::Closed);
        assert_eq!(read_close_code(&mut peer), 1000);
        read_end(&mut peer);
        drop(receiver);
    }
}

#[test]
fn a_peer_that_sends_messages_for_ever_in_place_of_its_close_is_cut_at_the_deadline() {
    for role in ROLES {
        let (ws, mut peer) = pair_with(role, with_close_timeout());
        ws.close(1000, "").expect("close");
        let mut writer = peer.stream.try_clone().expect("try_clone");
        let writing = thread::spawn(move || {
            let frame = Frame::text("one more").sent_to(role).bytes();
            while writer.write_all(&frame).is_ok() {}
        });
        let reading = thread::spawn(move || {
            let mut ws = ws;
            loop {
                match ws.read() {
                    Ok(Some(_)) => {}
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        });
        let result = in_time(reading);
        assert!(matches!(result, Err(Error::Timeout(Timeout::Close))), "{role:?}: {result:?}");
        in_time(writing);
        assert_eq!(read_close_code(&mut peer), 1000);
    }
}
