//! Reading with a deadline, and without waiting (RFC 6455 §6.2, for people with a loop of their own).
//!
//! ```text
//!   read_timeout, try_read ─▶ Some(message) | NotYet, and nothing is lost | End
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{Client, Error, Event, Incoming, Message, ReadWrite, ReadyState, Role, Timeout, WebSocket};
use common::RawPeer;
use common::frame::{BINARY, Frame, PING};
use raw::*;
use std::thread;
use std::time::{Duration, Instant};

/// What comes first that is not [`Incoming::NotYet`], asked for again and again without waiting.
#[track_caller]
fn poll(ws: &mut WebSocket) -> Result<Option<Message<'static>>, Error> {
    let mut result = Ok(None);
    wait_until("something comes", || {
        match ws.try_read() {
            Ok(Incoming::NotYet) => return false,
            Ok(Incoming::Some(message)) => result = Ok(Some(message.into_owned())),
            Ok(Incoming::End) => {}
            Err(error) => result = Err(error),
        }
        true
    });
    result
}

/// Longer than any wait of a test that something comes in.
const LONG: Duration = Duration::from_secs(20);

fn text(text: &str) -> Incoming<Message<'_>> {
    Incoming::Some(text.into())
}

#[test]
fn a_deadline_that_passes_is_told_apart_from_a_message_and_from_the_end() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair(role);
        assert_eq!(ws.try_read().expect("open"), Incoming::NotYet);
        let begin = Instant::now();
        assert_eq!(ws.read_timeout(SHORT).expect("open"), Incoming::NotYet);
        assert!(begin.elapsed() >= SHORT);
        peer.send(Frame::text("hello"));
        assert_eq!(ws.read_timeout(LONG).expect("open"), text("hello"));
        peer.send(Frame::text("again"));
        assert_eq!(poll(&mut ws).expect("open"), Some("again".into()));
        assert_eq!(ws.read_deadline(Instant::now() + SHORT).expect("open"), Incoming::NotYet);
        peer.send(Frame::text("for ever"));
        assert_eq!(ws.read_timeout(Duration::MAX).expect("open"), text("for ever"));
        peer.send(Frame::close(1000, "bye"));
        let ending = thread::spawn(move || {
            // RFC 6455 §7.1.1/a: a client waits for the server to end TCP.
            assert_eq!(read_close_code(&mut peer), 1000);
            drop(peer);
        });
        assert_eq!(poll(&mut ws).expect("a clean end"), None);
        assert_eq!((ws.close_event().code.get(), ws.close_event().was_clean), (1000, true));
        assert_eq!(ws.try_read().expect("the end"), Incoming::End);
        assert_eq!(ws.read_timeout(LONG).expect("the end"), Incoming::End);
        drop(ws);
        in_time(ending);
    });
}

#[test]
fn a_deadline_in_the_middle_of_a_frame_loses_nothing() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair(role);
        let frames = [
            Frame::text("in one piece: äöü€").more(),
            Frame::continuation(" and another 🦀"),
            Frame::binary(vec![7; 300]),
        ];
        for frame in frames {
            let fin = frame.fin;
            for (index, byte) in frame.clone().sent_to(role).bytes().into_iter().enumerate() {
                // RFC 6455 §6.2/d
                assert_eq!(ws.try_read().expect("open"), Incoming::NotYet);
                if index % 8 == 7 {
                    assert_eq!(ws.read_timeout(Duration::from_millis(1)).expect("open"), Incoming::NotYet);
                }
                peer.send_bytes(&[byte]);
            }
            if fin {
                let message = ws.read_timeout(LONG).expect("open");
                let Incoming::Some(message) = message else { panic!("no message") };
                match frame.opcode {
                    BINARY => assert_eq!(message, vec![7u8; 300].into()),
                    _ => assert_eq!(message, "in one piece: äöü€ and another 🦀".into()),
                }
            }
        }
        // A read without a deadline goes on from there too.
        let bytes = Frame::text("half and half").sent_to(role).bytes();
        peer.send_bytes(&bytes[..9]);
        assert_eq!(ws.read_timeout(A_WHILE).expect("open"), Incoming::NotYet);
        peer.send_bytes(&bytes[9..]);
        assert_eq!(ws.read().expect("open"), Some("half and half".into()));
    });
}

#[test]
fn what_was_written_leaves_before_the_wait() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair(role);
        ws.write("first").expect("write");
        assert_eq!(ws.try_read().expect("open"), Incoming::NotYet);
        assert_eq!(peer.read().map(|frame| frame.payload), Some(b"first".to_vec()));
        ws.write("second").expect("write");
        assert_eq!(ws.read_timeout(Duration::from_millis(1)).expect("open"), Incoming::NotYet);
        assert_eq!(peer.read().map(|frame| frame.payload), Some(b"second".to_vec()));
    });
}

#[test]
fn a_ping_is_answered_by_a_read_that_does_not_wait() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair(role);
        peer.send(Frame::ping("are you there?"));
        let mut pong = None;
        peer.stream.set_nonblocking(true).expect("set_nonblocking");
        wait_until("a pong comes", || {
            assert_eq!(ws.try_read().expect("open"), Incoming::NotYet);
            pong = peer.stream.peek(&mut [0]).ok();
            pong.is_some()
        });
        peer.stream.set_nonblocking(false).expect("set_nonblocking");
        // RFC 6455 §5.5.2/b
        assert_eq!(peer.read().map(|frame| frame.payload), Some(b"are you there?".to_vec()));
        peer.send(Frame::ping("1"));
        let event = ws.read_event_deadline(Instant::now() + LONG).expect("open");
        assert_eq!(event, Incoming::Some(Event::Ping(b"1")));
        assert_eq!(ws.try_read_event().expect("open"), Incoming::NotYet);
    });
}

#[test]
fn a_flood_of_pings_does_not_hold_up_a_read_that_does_not_wait() {
    let (mut ws, peer) = pair(Role::Server);
    let mut writer = peer.stream.try_clone().expect("try_clone");
    let flooding = thread::spawn(move || {
        let pings = Frame::ping("x").masked().bytes().repeat(1000);
        while std::io::Write::write_all(&mut writer, &pings).is_ok() {}
    });
    let reading = thread::spawn(move || {
        for _ in 0..20 {
            assert_eq!(ws.try_read().expect("open"), Incoming::NotYet);
            assert_eq!(ws.read_timeout(Duration::from_millis(5)).expect("open"), Incoming::NotYet);
        }
        ws.abort();
    });
    in_time(reading);
    end_flood(&peer, flooding);
}

#[test]
fn a_read_that_does_not_wait_works_over_any_stream() {
    let (near, far, address) = tcp_pair();
    near.set_nonblocking(true).expect("set_nonblocking");
    let connecting =
        thread::spawn(move || Client::new().handshake(&format!("ws://{address}/"), ReadWrite::new(near)));
    let mut peer = RawPeer::accept(far);
    let (mut ws, _) = in_time(connecting).expect("connect");
    assert_eq!(ws.try_read().expect("open"), Incoming::NotYet);
    peer.send(Frame::text("hello"));
    assert_eq!(poll(&mut ws).expect("open"), Some("hello".into()));
    peer.send(Frame::close(1000, ""));
    drop(peer);
    assert_eq!(poll(&mut ws).expect("a clean end"), None);
}

// ---- The deadlines that every read keeps ----

/// Calls `try_read` as a game would, until it fails.
#[track_caller]
fn play_until_the_end(ws: &mut WebSocket) -> Error {
    let begin = Instant::now();
    loop {
        match ws.try_read() {
            Ok(incoming) => assert_eq!(incoming, Incoming::NotYet),
            Err(error) => return error,
        }
        assert!(begin.elapsed() < LONG, "it goes on for ever");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn the_heartbeat_beats_when_nobody_ever_waits() {
    both_roles(|role| {
        let config = config(|config| (config.ping_interval, config.pong_timeout) = (Some(SHORT), SHORT));
        let (mut ws, mut peer) = pair_with(role, config);
        let begin = Instant::now();
        assert!(matches!(play_until_the_end(&mut ws), Error::Timeout(Timeout::Pong)));
        assert!(begin.elapsed() >= 2 * SHORT);
        // RFC 6455 §5.5.2/d
        assert_eq!(peer.read().map(|frame| (frame.opcode, frame.payload)), Some((PING, vec![])));
        assert_eq!(peer.read(), None);
        assert_eq!((ws.ready_state(), ws.close_event().code.get()), (ReadyState::Closed, 1006));
        assert_eq!(ws.try_read().expect("the error was told"), Incoming::End);
    });
}

#[test]
fn short_waits_add_up_to_a_silence() {
    let config = config(|config| (config.ping_interval, config.pong_timeout) = (Some(SHORT), SHORT));
    let (mut ws, mut peer) = pair_with(Role::Client, config);
    let error = loop {
        match ws.read_timeout(Duration::from_millis(20)) {
            Ok(incoming) => assert_eq!(incoming, Incoming::NotYet),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Timeout(Timeout::Pong)), "{error:?}");
    assert_eq!(peer.read().map(|frame| frame.opcode), Some(PING));
}

#[test]
fn who_looks_but_seldom_finds_the_pong_before_judging_the_silence() {
    let config = config(|config| (config.ping_interval, config.pong_timeout) = (Some(SHORT), SHORT));
    let (mut ws, mut peer) = pair_with(Role::Server, config);
    for _ in 0..3 {
        assert_eq!(ws.try_read().expect("open"), Incoming::NotYet);
        thread::sleep(SHORT + A_WHILE); // longer than each of the two
        assert_eq!(ws.try_read().expect("the peer is asked"), Incoming::NotYet);
        assert_eq!(peer.read().map(|frame| frame.opcode), Some(PING));
        peer.send(Frame::pong(""));
        thread::sleep(SHORT + A_WHILE);
        assert_eq!(ws.try_read().expect("it has answered"), Incoming::NotYet);
    }
}

#[test]
fn the_close_deadline_is_kept() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair_with(role, config(|config| config.close_timeout = SHORT));
        ws.close(1000, "").expect("close");
        // RFC 6455 §5.5.1/n §7.1.1/d
        assert!(matches!(play_until_the_end(&mut ws), Error::Timeout(Timeout::Close)));
        assert_eq!(read_close_code(&mut peer), 1000);
        read_end(&mut peer);
    });
}

#[test]
fn a_client_does_not_wait_for_a_server_that_never_ends_tcp() {
    let (mut ws, mut peer) = pair_with(Role::Client, config(|config| config.close_timeout = SHORT));
    peer.send(Frame::close(1001, ""));
    // RFC 6455 §7.1.1/b
    assert_eq!(poll(&mut ws).expect("a clean end"), None);
    assert_eq!(read_close_code(&mut peer), 1001);
    assert_eq!((ws.close_event().code.get(), ws.close_event().was_clean), (1001, true));
    drop(peer);
}

#[test]
fn a_connection_that_is_lost_is_told_once() {
    both_roles(|role| {
        let (mut ws, peer) = pair(role);
        drop(peer);
        assert!(matches!(poll(&mut ws), Err(Error::ConnectionLost)));
        assert_eq!(ws.try_read().expect("told"), Incoming::End);
    });
}

#[test]
fn a_peer_that_breaks_a_rule_is_told_so() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair(role);
        peer.send(Frame::text([0xff]));
        assert!(matches!(poll(&mut ws), Err(Error::Protocol(_))));
        // RFC 6455 §8.1/a
        assert_eq!(read_close_code(&mut peer), 1007);
        drop::<RawPeer>(peer);
    });
}
