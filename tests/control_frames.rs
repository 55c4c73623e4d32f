//! Close, Ping and Pong: RFC 6455 §5.5, §5.5.2, §5.5.3.
//!
//! ```text
//!  a control frame   FIN always, at most 125 bytes, allowed between fragments
//!  a Ping            is answered by a Pong with the same payload, until the peer's Close has come
//! ```
//!
//! What a Close means is in `closing.rs`.

mod common;

use clearsocket::proto::{Heartbeat, Silence};
use clearsocket::{Config, Error, ProtocolError, ReadyState, Role};
use common::frame::{BINARY, CLOSE, PING, PONG};
use common::*;
use std::slice::from_ref;
use std::time::Duration;

const CONTROL: [u8; 3] = [CLOSE, PING, PONG];

// ---- §5.5, all control frames ----

#[test]
fn a_payload_of_up_to_125_bytes_is_received() {
    for role in ROLES {
        for len in 0..=125 {
            let payload = vec![len as u8; len];
            // RFC 6455 §5.5/a
            receive(role, &[Frame::pong(&payload)]).assert_open(&[Seen::pong(&payload)]);
            let outcome = receive(role, &[Frame::ping(&payload)]);
            assert_eq!(outcome.seen, [Seen::ping(&payload)]);
            // RFC 6455 §5.5.3/a
            assert_eq!(outcome.sent, [Frame::pong(&payload)]);
        }
    }
}

#[test]
fn a_longer_payload_fails_the_connection() {
    for role in ROLES {
        for opcode in CONTROL {
            for len in [126, 127, 128, 65535, 65536] {
                let frame = Frame::new(opcode, vec![b'x'; len]);
                // RFC 6455 §5.5/a
                receive(role, from_ref(&frame)).assert_failed(ProtocolError::ControlFrameTooLong);
                // The header is enough to know.
                let header = frame.sent_to(role).header();
                receive_bytes(role, &Config::default(), &header)
                    .assert_failed(ProtocolError::ControlFrameTooLong);
            }
        }
    }
}

#[test]
fn a_fragmented_control_frame_fails_the_connection() {
    for role in ROLES {
        for opcode in CONTROL {
            for payload in [&b""[..], &[3, 232]] {
                let frame = Frame::new(opcode, payload).more();
                // RFC 6455 §5.4/d §5.5/b
                receive(role, from_ref(&frame)).assert_failed(ProtocolError::FragmentedControlFrame);
                receive(role, &[frame.clone(), Frame::continuation("")])
                    .assert_failed(ProtocolError::FragmentedControlFrame);
                // Inside a fragmented message it is no better.
                let frames = [Frame::text("a").more(), frame, Frame::continuation("b")];
                receive(role, &frames).assert_failed(ProtocolError::FragmentedControlFrame);
            }
        }
    }
}

#[test]
fn a_control_frame_may_stand_alone_or_in_a_row() {
    for role in ROLES {
        let frames = [Frame::pong("1"), Frame::pong(""), Frame::text("x"), Frame::pong("2")];
        // RFC 6455 §6.2/b
        receive(role, &frames).assert_open(&[
            Seen::pong("1"),
            Seen::pong(""),
            Seen::text("x"),
            Seen::pong("2"),
        ]);
    }
}

#[test]
fn the_caller_cannot_send_a_longer_payload() {
    for role in ROLES {
        let mut connection = connection(role);
        for len in [126, 127, 1000] {
            let payload = vec![0; len];
            // RFC 6455 §5.5/a
            let error = connection.ping(&payload).unwrap_err();
            assert!(matches!(error, Error::ControlPayloadTooLong(n) if n == len), "{error:?}");
            let error = connection.pong(&payload).unwrap_err();
            assert!(matches!(error, Error::ControlPayloadTooLong(n) if n == len), "{error:?}");
        }
        assert!(connection.to_transmit().is_empty());
        assert_eq!(connection.ready_state(), ReadyState::Open);

        connection.ping(&[1; 125]).unwrap();
        connection.pong(&[2; 125]).unwrap();
        assert_eq!(take_sent(role, &mut connection), [Frame::ping([1; 125]), Frame::pong([2; 125])]);
    }
}

#[test]
fn control_frames_go_out_between_our_own_fragments() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send_fragment(&"a".into(), false).unwrap();
        connection.ping(b"now").unwrap();
        fill(&mut connection, &Frame::ping("you?").sent_to(role).bytes());
        connection.send_fragment(&"b".into(), true).unwrap();
        // RFC 6455 §5.4/c §5.5.2/c
        assert_eq!(
            take_sent(role, &mut connection),
            [Frame::text("a").more(), Frame::ping("now"), Frame::pong("you?"), Frame::continuation("b")]
        );
    }
}

// ---- §5.5.2 and §5.5.3, Ping and Pong ----

#[test]
fn a_ping_is_answered_by_a_pong_with_the_same_data() {
    for role in ROLES {
        let all: Vec<u8> = (0..=255).collect();
        for payload in [&b""[..], b"Hello", &all[..125], &all[131..], &[0xff; 125]] {
            let outcome = receive(role, &[Frame::ping(payload)]);
            // RFC 6455 §5.5.2/a §5.5.2/b §5.5.3/a
            assert_eq!((outcome.seen, outcome.sent), (vec![Seen::ping(payload)], vec![Frame::pong(payload)]));
            assert_eq!(outcome.ready_state, ReadyState::Open);
        }
    }
}

#[test]
fn the_pong_is_ready_when_the_user_hears_of_the_ping() {
    for role in ROLES {
        let mut connection = connection(role);
        assert_eq!(fill(&mut connection, &Frame::ping("soon").sent_to(role).bytes()), [Seen::ping("soon")]);
        // RFC 6455 §5.5.2/c
        assert_eq!(read_frames(connection.to_transmit()).len(), 1);
    }
}

#[test]
fn while_output_flows_every_ping_is_answered_in_order() {
    for role in ROLES {
        let pings: Vec<Frame> = (0..10).map(|i| Frame::ping([i])).collect();
        let pongs: Vec<Frame> = (0..10).map(|i| Frame::pong([i])).collect();
        // RFC 6455 §5.5.2/b
        assert_eq!(receive(role, &pings).sent, pongs);
    }
}

#[test]
fn of_many_pings_the_last_is_answered_and_memory_stays_small() {
    for role in ROLES {
        let mut connection = connection(role);
        let mut most = 0;
        for i in 0..20_000u32 {
            let mut payload = [0; 125];
            payload[..4].copy_from_slice(&i.to_be_bytes());
            fill(&mut connection, &Frame::ping(payload).sent_to(role).bytes());
            most = most.max(connection.to_transmit().len());
        }
        // RFC 6455 §5.5.3/b
        assert!(most <= 64 << 10, "{most} bytes of pongs wait for a peer that does not read");
        let sent = take_sent(role, &mut connection);
        let numbers: Vec<u32> =
            sent.iter().map(|pong| u32::from_be_bytes(pong.payload[..4].try_into().unwrap())).collect();
        assert!(sent.iter().all(|frame| frame.opcode == PONG && frame.payload.len() == 125));
        assert!(numbers.is_sorted_by(|a, b| a < b), "each at most once, in order");
        // RFC 6455 §5.5.2/b
        assert_eq!(numbers.last(), Some(&19_999));
    }
}

#[test]
fn a_sender_that_never_rests_still_answers_a_ping() {
    for role in ROLES {
        let mut connection = connection(role);
        let block = vec![0; 40 << 10];
        connection.send(&(&block).into()).unwrap();
        fill(&mut connection, &Frame::ping("are you there?").sent_to(role).bytes());

        // The queue moves all the time, but a new message always comes before it is empty.
        let mut transmitted = Vec::new();
        for _ in 0..50 {
            connection.send(&(&block).into()).unwrap();
            let n = connection.to_transmit().len() - 1;
            transmitted.extend_from_slice(&connection.to_transmit()[..n]);
            connection.transmitted(n);
        }
        transmitted.extend_from_slice(connection.to_transmit());
        let frames = read_frames(&transmitted);
        let pong = frames.iter().position(|frame| frame.opcode == PONG);
        // RFC 6455 §5.5.2/b §5.5.2/c
        assert!(pong.is_some(), "no Pong in {} frames, {} bytes", frames.len(), transmitted.len());
    }
}

#[test]
fn no_pong_after_the_peers_close() {
    for role in ROLES {
        let outcome = receive(role, &[Frame::close(1000, ""), Frame::ping("too late")]);
        // RFC 6455 §5.5.2/b
        assert_eq!(outcome.sent, [Frame::close(1000, "")]);
        assert_eq!(outcome.seen, [Seen::close(1000, "")]);
    }
}

#[test]
fn a_ping_before_the_peers_close_is_answered() {
    for role in ROLES {
        let outcome = receive(role, &[Frame::ping("in time"), Frame::close(1000, "")]);
        // RFC 6455 §5.5.2/b
        assert_eq!(outcome.sent, [Frame::pong("in time"), Frame::close(1000, "")]);
    }
}

#[test]
fn a_ping_between_our_close_and_the_peers_is_answered() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.close(1000, "").unwrap();
        let seen = fill(&mut connection, &wire(role, &[Frame::ping("still?"), Frame::close(1000, "")]));
        assert_eq!(seen, [Seen::ping("still?"), Seen::close(1000, "")]);
        // "unless it already received a Close frame": having sent one is no excuse.
        // RFC 6455 §5.5.2/b §5.5.1/f
        assert_eq!(take_sent(role, &mut connection), [Frame::close(1000, ""), Frame::pong("still?")]);
    }
}

/// A connection with more output than the network takes, which has put a Ping's answer off.
fn connection_that_owes_a_pong(role: Role) -> clearsocket::proto::Connection {
    let mut connection = connection(role);
    connection.send(&(&[0; 200 << 10]).into()).unwrap();
    fill(&mut connection, &Frame::ping("owed").sent_to(role).bytes());
    connection
}

#[test]
fn a_pong_that_was_put_off_is_sent_in_the_end() {
    for role in ROLES {
        let mut connection = connection_that_owes_a_pong(role);
        fill(&mut connection, &Frame::ping("newer").sent_to(role).bytes());
        // RFC 6455 §5.5.2/b §5.5.3/b
        assert_eq!(take_sent(role, &mut connection).last(), Some(&Frame::pong("newer")));
    }
}

#[test]
fn a_pong_that_was_put_off_is_sent_in_spite_of_our_close() {
    for role in ROLES {
        let mut connection = connection_that_owes_a_pong(role);
        connection.close(1000, "").unwrap();
        // RFC 6455 §5.5.2/b
        assert!(take_sent(role, &mut connection).contains(&Frame::pong("owed")));
    }
}

#[test]
fn a_pong_that_was_put_off_goes_before_the_answer_to_a_close() {
    for role in ROLES {
        let mut connection = connection_that_owes_a_pong(role);
        fill(&mut connection, &Frame::close(1000, "").sent_to(role).bytes());
        let sent = take_sent(role, &mut connection);
        // The Ping came before the Close, so the exception does not hold for it.
        // RFC 6455 §5.5.2/b
        assert_eq!(sent[1..], [Frame::pong("owed"), Frame::close(1000, "")]);
    }
}

#[test]
fn a_pong_that_was_put_off_goes_before_the_close_that_fails_the_connection() {
    for role in ROLES {
        let mut connection = connection_that_owes_a_pong(role);
        fill(&mut connection, &Frame::new(3, "").sent_to(role).bytes());
        let opcodes: Vec<u8> = take_sent(role, &mut connection).iter().map(|frame| frame.opcode).collect();
        // No Close was received, so the Ping has its answer; and behind the Close nothing is left but to close TCP.
        // RFC 6455 §5.5.2/b §7.1.7/a §7.1.7/c
        assert_eq!(opcodes, [BINARY, PONG, CLOSE]);
    }
}

#[test]
fn output_that_has_almost_gone_puts_no_pong_off() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send(&(&[0; 60 << 10]).into()).unwrap();
        let mut sent = connection.to_transmit()[..50 << 10].to_vec();
        connection.transmitted(50 << 10);
        fill(&mut connection, &wire(role, &[Frame::ping("one"), Frame::ping("two")]));
        sent.extend_from_slice(connection.to_transmit());
        let pongs: Vec<Vec<u8>> = read_frames(&sent).into_iter().skip(1).map(|frame| frame.payload).collect();
        // RFC 6455 §5.5.2/b §5.5.2/c
        assert_eq!(pongs, [b"one", b"two"]);
    }
}

#[test]
fn a_pong_may_come_unasked_and_is_not_answered() {
    for role in ROLES {
        // RFC 6455 §5.5.3/c
        receive(role, &[Frame::pong("")]).assert_open(&[Seen::pong("")]);
        receive(role, &[Frame::pong("a"), Frame::pong("b")]).assert_open(&[Seen::pong("a"), Seen::pong("b")]);

        let mut connection = connection(role);
        connection.pong(b"unasked").unwrap();
        assert_eq!(take_sent(role, &mut connection), [Frame::pong("unasked")]);
    }
}

#[test]
fn a_pong_need_not_match_our_ping() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.ping(b"one").unwrap();
        connection.ping(b"two").unwrap();
        let seen = fill(&mut connection, &wire(role, &[Frame::pong("two"), Frame::pong("three")]));
        // Only the last Ping may have been answered, and a Pong may be unasked.
        // RFC 6455 §5.5.2/d §5.5.3/b §5.5.3/c
        assert_eq!(seen, [Seen::pong("two"), Seen::pong("three")]);
        assert_eq!(connection.ready_state(), ReadyState::Open);
    }
}

#[test]
fn a_ping_is_only_sent_while_open() {
    for role in ROLES {
        let mut connection = connection(role);
        // RFC 6455 §5.5.2/d
        connection.ping(b"").unwrap();
        assert_eq!(take_sent(role, &mut connection), [Frame::ping("")]);
        connection.received_eof();
        assert!(matches!(connection.ping(b""), Err(Error::NotOpen(ReadyState::Closed))));
        assert!(connection.to_transmit().is_empty());
    }
}

#[test]
fn bytes_that_are_no_text_are_fine_in_a_ping() {
    for role in ROLES {
        let outcome = receive(role, &[Frame::ping([0xff, 0xfe]), Frame::pong([0xed, 0xa0, 0x80])]);
        // RFC 6455 §5.5.3/a
        assert_eq!(outcome.sent, [Frame::pong([0xff, 0xfe])]);
        assert_eq!(outcome.seen, [Seen::ping([0xff, 0xfe]), Seen::pong([0xed, 0xa0, 0x80])]);
    }
}

// ---- The heartbeat: a Ping as a keepalive ----

#[test]
fn a_silent_peer_is_asked_and_then_given_up() {
    let mut config = Config::default();
    config.ping_interval = Some(Duration::from_secs(30));
    config.pong_timeout = Duration::from_secs(20);
    let mut heartbeat = Heartbeat::new();
    assert_eq!(heartbeat.patience(&config), Some(Duration::from_secs(30)));
    // RFC 6455 §5.5.2/d
    assert_eq!(heartbeat.silence(), Silence::Ping);
    assert_eq!(heartbeat.patience(&config), Some(Duration::from_secs(20)));
    assert_eq!(heartbeat.silence(), Silence::Lost);
}

#[test]
fn any_sign_of_life_calms_the_heartbeat() {
    let mut heartbeat = Heartbeat::new();
    assert!(!heartbeat.sign_of_life(), "nobody was asked");
    for _ in 0..3 {
        assert_eq!(heartbeat.silence(), Silence::Ping);
        assert!(heartbeat.sign_of_life());
        assert_eq!(heartbeat.patience(&Config::default()), Config::default().ping_interval);
    }
}

#[test]
fn a_heartbeat_can_be_turned_off() {
    let mut config = Config::default();
    config.ping_interval = None;
    assert_eq!(Heartbeat::new().patience(&config), None);
}
