//! The end of a connection: RFC 6455 §5.5.1, §7.1.2 to §7.1.6, §7.4.
//!
//! ```text
//!  closing handshake   Close ──▶ ◀── Close, then TCP ends: clean, with the code that was received
//!  failing             the peer broke a rule: one Close that says so, and nothing more is processed
//!  losing              TCP ends without a Close: 1006
//! ```
//!
//! `failing.rs` has every way to fail. What TCP does at the end is a matter of sockets and tested with them.

mod common;

use clearsocket::proto::Connection;
use clearsocket::{CloseCode, CloseEvent, Config, Error, ProtocolError, ReadyState, Role};
use common::frame::CLOSE;
use common::*;
use std::collections::HashSet;

/// The codes that may stand in a Close frame: those of §7.4.1 without the reserved ones, three registered later
/// (1012 to 1014), and the ranges of §7.4.2 for libraries and applications.
fn allowed_on_the_wire(code: u16) -> bool {
    let defined = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    defined.contains(&code) || (3000..5000).contains(&code)
}

fn close_event(code: u16, reason: &str, was_clean: bool) -> CloseEvent {
    CloseEvent { code: code.into(), reason: reason.into(), was_clean }
}

// ---- §5.5.1, the Close frame ----

#[test]
fn every_close_code_on_the_wire() {
    for role in ROLES {
        for code in 0..=u16::MAX {
            let outcome = receive_whole(
                role,
                &Config::default(),
                &wire(role, &[Frame::close(code, ""), Frame::text("x")]),
            );
            if allowed_on_the_wire(code) {
                // RFC 6455 §7.4.2/b §7.4.2/c §7.4.2/d §5.5.1/g §5.5.1/h
                assert_eq!(outcome.seen, [Seen::close(code, "")]);
                assert_eq!(outcome.sent, [Frame::close(code, "")]);
                assert_eq!(outcome.close_event, close_event(code, "", true));
            } else {
                // RFC 6455 §7.4.1/c §7.4.1/d §7.4.1/f §7.4.2/a §7.4.2/b
                assert_eq!(outcome.seen, [Seen::Error(ProtocolError::InvalidCloseCode)], "{code}");
                outcome.assert_failed(ProtocolError::InvalidCloseCode);
            }
        }
    }
}

#[test]
fn close_codes_however_they_are_cut() {
    for role in ROLES {
        for code in [0, 999, 1000, 1004, 1005, 1006, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535] {
            let outcome = receive(role, &[Frame::close(code, "reason")]);
            if allowed_on_the_wire(code) {
                // RFC 6455 §5.5.1/b
                assert_eq!(outcome.seen, [Seen::close(code, "reason")]);
            } else {
                outcome.assert_failed(ProtocolError::InvalidCloseCode);
            }
        }
    }
}

#[test]
fn a_close_code_knows_whether_it_may_be_sent() {
    for code in 0..=u16::MAX {
        // RFC 6455 §7.4.1/a §7.4.2/a §7.4.2/b
        assert_eq!(CloseCode::from(code).may_be_sent(), allowed_on_the_wire(code), "{code}");
        assert_eq!(CloseCode::from(code).get(), code);
    }
}

#[test]
fn a_close_without_a_body_is_answered_without_one() {
    for role in ROLES {
        let outcome = receive(role, &[Frame::close_empty()]);
        // RFC 6455 §5.5.1/a §5.5.1/g §5.5.1/h
        assert_eq!((outcome.seen, outcome.sent), (vec![Seen::Close(None)], vec![Frame::close_empty()]));
        // RFC 6455 §7.1.5/b §7.4.1/c
        assert_eq!(outcome.close_event, close_event(1005, "", true));
    }
}

#[test]
fn a_body_of_one_byte_fails_the_connection() {
    for role in ROLES {
        for byte in 0..=255 {
            // RFC 6455 §5.5.1/b
            receive(role, &[Frame::new(CLOSE, [byte])]).assert_failed(ProtocolError::ClosePayloadTooShort);
        }
    }
}

#[test]
fn a_reason_of_up_to_123_bytes_is_received() {
    for role in ROLES {
        for len in [0, 1, 2, 122, 123] {
            let reason = "r".repeat(len);
            let outcome = receive(role, &[Frame::close(1000, &reason)]);
            // RFC 6455 §5.5.1/c §7.1.6/a
            assert_eq!(outcome.seen, [Seen::close(1000, &reason)]);
            assert_eq!(outcome.close_event, close_event(1000, &reason, true));
        }
        // With characters of several bytes, the longest that fits: 61 times 2 and one of 1.
        let reason = "é".repeat(61) + "!";
        assert_eq!(
            receive(role, &[Frame::close(4000, &reason)]).close_event,
            close_event(4000, &reason, true)
        );
    }
}

#[test]
fn a_reason_of_124_bytes_fails_the_connection() {
    for role in ROLES {
        let frame = Frame::close(1000, "r".repeat(124));
        // RFC 6455 §5.5/a §5.5.1/c
        receive(role, &[frame]).assert_failed(ProtocolError::ControlFrameTooLong);
    }
}

#[test]
fn a_reason_that_is_not_utf8_fails_the_connection() {
    let bad: [&[u8]; 8] = [
        b"\xff",
        b"ok until here \xc3\x28",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf4\x90\x80\x80",
        b"\x80",
        b"unfinished \xe2\x82",
        b"\xf0\x9f\x98",
    ];
    for role in ROLES {
        for reason in bad {
            // RFC 6455 §7.1.6/b §8.1/a
            receive(role, &[Frame::close(1000, reason)]).assert_failed(ProtocolError::InvalidCloseReason);
        }
        // So long that it fills the frame.
        let reason = [&[b'x'; 122][..], b"\xc3"].concat();
        receive(role, &[Frame::close(1000, reason)]).assert_failed(ProtocolError::InvalidCloseReason);
    }
}

#[test]
fn the_answer_is_ready_when_the_user_hears_of_the_close() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send(&"queued before".into()).unwrap();
        fill(&mut connection, &Frame::close(3000, "bye").sent_to(role).bytes());
        // RFC 6455 §5.5.1/g §5.5.1/h §5.5.1/i
        assert_eq!(take_sent(role, &mut connection), [Frame::text("queued before"), Frame::close(3000, "")]);
    }
}

#[test]
fn a_close_is_answered_once() {
    for role in ROLES {
        let frames = [Frame::close(1000, "first"), Frame::close(1001, "second"), Frame::close_empty()];
        let outcome = receive(role, &frames);
        // RFC 6455 §5.5.1/g §7.1.5/a §7.1.6/a
        assert_eq!(outcome.seen, [Seen::close(1000, "first")]);
        assert_eq!(outcome.sent, [Frame::close(1000, "")]);
        assert_eq!(outcome.close_event, close_event(1000, "first", true));
    }
}

#[test]
fn nothing_is_processed_after_the_peers_close() {
    for role in ROLES {
        let good = wire(role, &[Frame::text("before"), Frame::close(1000, "")]);
        let after: [Vec<u8>; 5] = [
            wire(role, &[Frame::text("late")]),
            wire(role, &[Frame::ping("late")]),
            wire(role, &[Frame::new(3, "")]),
            Frame::text("wrong mask").sent_to(other(role)).bytes(),
            vec![0xff; 300],
        ];
        for after in after {
            let outcome = receive_bytes(role, &Config::default(), &[&good[..], &after].concat());
            // RFC 6455 §5.5.2/b §7.1.5/a
            assert_eq!(outcome.seen, [Seen::text("before"), Seen::close(1000, "")]);
            assert_eq!(outcome.sent, [Frame::close(1000, "")]);
            assert_eq!(outcome.close_event, close_event(1000, "", true));
        }
    }
}

// ---- §7.1.2, closing by ourselves ----

#[test]
fn our_close_carries_the_code_and_the_reason() {
    for role in ROLES {
        for (code, reason) in [(1000, ""), (1000, "done"), (3000, "€"), (4999, "é😀")] {
            let mut connection = connection(role);
            connection.close(code, reason).unwrap();
            // RFC 6455 §7.1.2/a §7.3/c §5.5.1/b §5.5.1/c
            assert_eq!(take_sent(role, &mut connection), [Frame::close(code, reason)]);
        }
        for len in [122, 123] {
            let reason = "r".repeat(len);
            let mut connection = connection(role);
            connection.close(1000, &reason).unwrap();
            assert_eq!(take_sent(role, &mut connection), [Frame::close(1000, &reason)]);
        }
    }
}

#[test]
fn every_code_that_an_application_may_close_with() {
    for role in ROLES {
        for code in 0..=u16::MAX {
            // A client's application has the codes of the WebSocket API; a server's has all but 1010,
            // which "is not used by the server".
            let allowed = match role {
                Role::Client => code == 1000 || (3000..5000).contains(&code),
                Role::Server => allowed_on_the_wire(code) && code != 1010,
            };
            let mut connection = connection(role);
            let result = connection.close(code, "");
            // RFC 6455 §7.4.1/c §7.4.1/d §7.4.1/f §7.4.2/a
            match result {
                Ok(()) => assert!(allowed, "{role:?} {code}"),
                Err(Error::InvalidCloseCode(told)) => assert!(!allowed && told == code, "{role:?} {code}"),
                Err(error) => panic!("{role:?} {code}: {error:?}"),
            }
            let expected = if allowed { vec![Frame::close(code, "")] } else { vec![] };
            assert_eq!(take_sent(role, &mut connection), expected);
            let state = if allowed { ReadyState::Closing } else { ReadyState::Open };
            assert_eq!(connection.ready_state(), state);
        }
    }
}

#[test]
fn a_reason_that_does_not_fit_is_the_callers_error() {
    for role in ROLES {
        for reason in ["r".repeat(124), "é".repeat(62), "😀".repeat(31)] {
            let mut connection = connection(role);
            let error = connection.close(1000, &reason).unwrap_err();
            // RFC 6455 §5.5/a §5.5.1/c
            assert!(matches!(error, Error::CloseReasonTooLong(124)), "{error:?}");
            assert!(connection.to_transmit().is_empty());
            // It can still be closed with a shorter one.
            assert_eq!(connection.ready_state(), ReadyState::Open);
            connection.close(1000, "shorter").unwrap();
            assert_eq!(take_sent(role, &mut connection), [Frame::close(1000, "shorter")]);
        }
    }
}

#[test]
fn a_second_close_does_nothing() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.close(1000, "first").unwrap();
        connection.close(4000, "second").unwrap();
        // RFC 6455 §5.5.1/f §7.1.2/a
        assert_eq!(take_sent(role, &mut connection), [Frame::close(1000, "first")]);

        fill(&mut connection, &Frame::close(1000, "").sent_to(role).bytes());
        connection.close(4000, "third").unwrap();
        assert!(connection.to_transmit().is_empty());
    }
}

#[test]
fn a_close_of_ours_is_completed_by_the_peers() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.close(1000, "ours").unwrap();
        assert_eq!(take_sent(role, &mut connection), [Frame::close(1000, "ours")]);
        assert!(!connection.is_finished());

        let seen = fill(&mut connection, &Frame::close(4001, "theirs").sent_to(role).bytes());
        assert_eq!(seen, [Seen::close(4001, "theirs")]);
        // RFC 6455 §5.5.1/k §7.1.2/b
        assert!(connection.is_finished());
        // RFC 6455 §5.5.1/g
        assert!(connection.to_transmit().is_empty(), "a Close is not answered after our own");
        // RFC 6455 §7.1.5/a §7.1.6/a
        assert_eq!(connection.close_event(), close_event(4001, "theirs", true));
    }
}

#[test]
fn messages_that_come_before_the_peers_close_are_delivered() {
    for role in ROLES {
        let mut connection = connection(role);
        fill(&mut connection, &wire(role, &[Frame::text("half").more()]));
        connection.close(1000, "").unwrap();
        let frames =
            [Frame::continuation(" whole"), Frame::binary("b"), Frame::pong(""), Frame::close_empty()];
        // The peer may send until it sends its Close.
        // RFC 6455 §5.1/g §5.5.1/f
        assert_eq!(
            fill(&mut connection, &wire(role, &frames)),
            [Seen::text("half whole"), Seen::binary("b"), Seen::pong(""), Seen::Close(None)]
        );
    }
}

#[test]
fn when_both_close_at_once_each_sees_the_others_code() {
    let mut client = connection(Role::Client);
    let mut server = connection(Role::Server);
    client.close(3001, "from the client").unwrap();
    server.close(1001, "from the server").unwrap();
    let (from_client, from_server) = (client.to_transmit().to_vec(), server.to_transmit().to_vec());
    assert_eq!(fill(&mut client, &from_server), [Seen::close(1001, "from the server")]);
    assert_eq!(fill(&mut server, &from_client), [Seen::close(3001, "from the client")]);
    // RFC 6455 §7.1.5/a §7.1.6/a
    assert_eq!(client.close_event(), close_event(1001, "from the server", true));
    assert_eq!(server.close_event(), close_event(3001, "from the client", true));
    // RFC 6455 §5.5.1/k §5.5.1/o
    assert!(client.is_finished() && server.is_finished());
    assert_eq!((client.to_transmit(), server.to_transmit()), (&from_client[..], &from_server[..]));
}

#[test]
fn no_data_is_sent_after_our_close() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.close(1000, "").unwrap();
        assert_nothing_can_be_sent(&mut connection, ReadyState::Closing);
        assert_eq!(take_sent(role, &mut connection), [Frame::close(1000, "")]);

        fill(&mut connection, &Frame::close_empty().sent_to(role).bytes());
        assert_nothing_can_be_sent(&mut connection, ReadyState::Closing);
        connection.received_eof();
        assert_nothing_can_be_sent(&mut connection, ReadyState::Closed);
        assert!(connection.to_transmit().is_empty());
    }
}

#[test]
fn no_data_is_sent_after_the_answer_to_a_close() {
    for role in ROLES {
        let mut connection = connection(role);
        fill(&mut connection, &Frame::close(1001, "").sent_to(role).bytes());
        assert_nothing_can_be_sent(&mut connection, ReadyState::Closing);
        assert_eq!(take_sent(role, &mut connection), [Frame::close(1001, "")]);
    }
}

#[test]
fn no_data_is_sent_after_failing() {
    for role in ROLES {
        let mut connection = connection(role);
        fill(&mut connection, &Frame::new(3, "").sent_to(role).bytes());
        assert_nothing_can_be_sent(&mut connection, ReadyState::Closing);
        assert_eq!(take_sent(role, &mut connection).len(), 1);
    }
}

#[test]
fn a_fragmented_message_of_ours_is_given_up_by_a_close() {
    for role in ROLES {
        // By our own Close, and by the answer to the peer's.
        for ours in [true, false] {
            let mut connection = connection(role);
            connection.send_fragment(&"begun".into(), false).unwrap();
            match ours {
                true => connection.close(1000, "").unwrap(),
                false => drop(fill(&mut connection, &Frame::close(1000, "").sent_to(role).bytes())),
            }
            let result = connection.send_fragment(&"never ended".into(), true);
            // RFC 6455 §5.5.1/f §6.1/b
            assert!(matches!(result, Err(Error::NotOpen(ReadyState::Closing))), "{result:?}");
            assert_eq!(
                take_sent(role, &mut connection),
                [Frame::text("begun").more(), Frame::close(1000, "")]
            );
        }
    }
}

// ---- §7.1.3 and §7.1.4, the states ----

#[test]
fn the_state_is_closing_from_the_first_close_to_the_end_of_tcp() {
    for role in ROLES {
        let theirs = Frame::close(1000, "").sent_to(role).bytes();
        for ours_first in [true, false] {
            let mut connection = connection(role);
            assert_eq!((connection.ready_state(), connection.is_finished()), (ReadyState::Open, false));
            if ours_first {
                connection.close(1000, "").unwrap();
                // RFC 6455 §7.1.3/a
                assert_eq!(
                    (connection.ready_state(), connection.is_finished()),
                    (ReadyState::Closing, false)
                );
            }
            fill(&mut connection, &theirs);
            // RFC 6455 §7.1.3/a §5.5.1/k
            assert_eq!((connection.ready_state(), connection.is_finished()), (ReadyState::Closing, true));
            connection.received_eof();
            // RFC 6455 §7.1.4/a
            assert_eq!((connection.ready_state(), connection.is_finished()), (ReadyState::Closed, true));
            assert_eq!(connection.close_event(), close_event(1000, "", true));
        }
    }
}

#[test]
fn the_end_of_tcp_without_a_close_is_1006() {
    for role in ROLES {
        for before in [vec![], wire(role, &[Frame::text("a").more()]), vec![0x82]] {
            for ours in [false, true] {
                let mut connection = connection(role);
                fill(&mut connection, &before);
                if ours {
                    connection.close(1000, "ours").unwrap();
                }
                connection.received_eof();
                // RFC 6455 §7.1.4/a §7.1.5/c §7.2.1/b
                assert_eq!(connection.close_event(), close_event(1006, "", false));
                assert_eq!((connection.ready_state(), connection.is_finished()), (ReadyState::Closed, true));
                // RFC 6455 §7.4.1/d
                let sent = take_sent(role, &mut connection);
                assert!(
                    !sent.iter().any(|frame| frame.payload.starts_with(&1006u16.to_be_bytes())),
                    "{sent:?}"
                );
            }
        }
    }
}

#[test]
fn a_close_in_the_last_bytes_counts_although_tcp_has_ended() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.close(1000, "").unwrap();
        connection.push(&wire(role, &[Frame::text("last words"), Frame::close(4000, "theirs")]));
        connection.received_eof();
        assert_eq!(drain(&mut connection), [Seen::text("last words"), Seen::close(4000, "theirs")]);
        // RFC 6455 §7.1.4/a §7.1.5/a
        assert_eq!(connection.close_event(), close_event(4000, "theirs", true));
    }
}

#[test]
fn it_is_not_clean_if_tcp_ends_before_our_answer() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.push(&wire(role, &[Frame::close(4000, "theirs")]));
        connection.received_eof();
        assert_eq!(drain(&mut connection), [Seen::close(4000, "theirs")]);
        // RFC 6455 §7.1.4/a §7.1.5/a
        assert_eq!(connection.close_event(), close_event(4000, "theirs", false));
        assert_eq!(take_sent(role, &mut connection), []);
    }
}

#[test]
fn a_ping_in_the_last_bytes_has_no_answer_once_tcp_has_ended() {
    for role in ROLES {
        let mut late = connection(role);
        late.push(&wire(role, &[Frame::ping("late")]));
        late.received_eof();
        assert_eq!(drain(&mut late), [Seen::ping("late")]);
        // RFC 6455 §7.1.4/a
        assert_eq!(take_sent(role, &mut late), []);

        // Nor has one whose answer was put off until then.
        let mut owing = connection(role);
        owing.send(&(&[0; 200 << 10]).into()).unwrap();
        fill(&mut owing, &wire(role, &[Frame::ping("owed")]));
        owing.received_eof();
        assert_eq!(take_sent(role, &mut owing), [Frame::binary([0; 200 << 10])]);
    }
}

#[test]
fn bytes_that_follow_the_end_are_thrown_away() {
    // "discarding any trailing bytes that may have been received": a driver that goes on reading, so
    // that its Close arrives, must not collect what nobody will look at. If the bytes are thrown
    // away, the space to receive into stays where it is.
    for role in ROLES {
        for end in [Frame::close(1000, ""), Frame::new(3, "")] {
            let mut connection = connection(role);
            fill(&mut connection, &end.sent_to(role).bytes());
            let mut places = HashSet::new();
            for _ in 0..2000 {
                let space = connection.recv_space();
                places.insert(space.as_ptr());
                let n = space.len().min(4096);
                connection.received(n);
                assert_eq!(drain(&mut connection), []);
            }
            // RFC 6455 §7.1.1/a §10.4/a
            assert!(places.len() < 100, "the bytes received after the end are kept");
        }
    }
}

// ---- Helpers ----

fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// Every way to send is refused, and not a byte is queued.
#[track_caller]
fn assert_nothing_can_be_sent(connection: &mut Connection, state: ReadyState) {
    let before = connection.to_transmit().to_vec();
    let results = [
        connection.send(&"text".into()),
        connection.send(&b"binary".into()),
        connection.send_fragment(&"part".into(), false),
        connection.send_fragment(&"part".into(), true),
        connection.ping(b""),
        connection.pong(b""),
    ];
    for result in results {
        // RFC 6455 §5.5.1/f §6.1/a
        assert!(matches!(result, Err(Error::NotOpen(s)) if s == state), "{result:?}");
    }
    assert_eq!(connection.to_transmit(), before);
    assert_eq!(connection.ready_state(), state);
}
