//! Sending: RFC 6455 §6.1, our own fragments (§5.4), and the `bufferedAmount` of the WebSocket API.
//!
//! ```text
//!  send             one message, one frame
//!  send_fragment    one frame of a message; a message sent meanwhile waits for the last of them
//!  buffered_amount  payload of messages that is queued and not transmitted, without any framing
//! ```

mod common;

use clearsocket::proto::{Connection, Encoder};
use clearsocket::{CloseFrame, Error, Message, ReadyState, Role, SharedFrame};
use common::*;

// ---- §6.1, a message ----

#[test]
fn a_message_is_one_frame() {
    for role in ROLES {
        let messages: [(Message, Frame); 4] = [
            ("Hello, wörld".into(), Frame::text("Hello, wörld")),
            (b"\x00\xff".into(), Frame::binary([0, 255])),
            ("".into(), Frame::text("")),
            (Vec::new().into(), Frame::binary("")),
        ];
        for (message, frame) in messages {
            let mut connection = connection(role);
            connection.send(&message).unwrap();
            // RFC 6455 §6.1/c §6.1/e §6.1/f §6.1/g §6.1/h
            assert_eq!(take_sent(role, &mut connection), [frame]);
        }
    }
}

#[test]
fn messages_are_sent_in_the_order_of_the_calls() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send(&"1".into()).unwrap();
        connection.ping(b"2").unwrap();
        connection.send(&b"3".into()).unwrap();
        connection.pong(b"4").unwrap();
        connection.send(&"5".into()).unwrap();
        connection.close(1000, "6").unwrap();
        // RFC 6455 §5.1/g §6.1/h
        assert_eq!(
            take_sent(role, &mut connection),
            [
                Frame::text("1"),
                Frame::ping("2"),
                Frame::binary("3"),
                Frame::pong("4"),
                Frame::text("5"),
                Frame::close(1000, "6")
            ]
        );
    }
}

#[test]
fn a_message_is_only_sent_while_open() {
    for role in ROLES {
        let mut closing = connection(role);
        closing.close(1000, "").unwrap();
        let mut closed = connection(role);
        closed.received_eof();
        for (mut connection, state) in [(closing, ReadyState::Closing), (closed, ReadyState::Closed)] {
            take_sent(role, &mut connection);
            // RFC 6455 §6.1/a
            let result = connection.send(&"late".into());
            assert!(matches!(result, Err(Error::NotOpen(s)) if s == state), "{result:?}");
            let result = connection.send_fragment(&"late".into(), true);
            assert!(matches!(result, Err(Error::NotOpen(s)) if s == state), "{result:?}");
            assert!(connection.to_transmit().is_empty());
        }
    }
}

#[test]
fn what_is_sent_arrives_at_the_other_end() {
    for (from, to) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
        let (mut sender, mut receiver) = (connection(from), connection(to));
        sender.send(&"text".into()).unwrap();
        sender.ping(b"ping").unwrap();
        sender.send_fragment(&b"bin".into(), false).unwrap();
        sender.send(&"held".into()).unwrap();
        sender.send_fragment(&b"ary".into(), true).unwrap();
        sender.close(4000, "bye").unwrap();
        let seen = fill(&mut receiver, sender.to_transmit());
        // RFC 6455 §6.1/h §6.2/a
        assert_eq!(
            seen,
            [
                Seen::text("text"),
                Seen::ping("ping"),
                Seen::binary("binary"),
                Seen::text("held"),
                Seen::close(4000, "bye")
            ]
        );
        let answer = receiver.to_transmit().to_vec();
        assert_eq!(fill(&mut sender, &answer), [Seen::pong("ping"), Seen::close(4000, "")]);
        assert!(sender.is_finished() && receiver.is_finished());
    }
}

#[test]
fn bytes_can_be_transmitted_in_any_pieces() {
    for role in ROLES {
        for size in [1, 2, 3, 7, 1000] {
            let mut connection = connection(role);
            let mut wire = Vec::new();
            for i in 0..5 {
                connection.send(&format!("message {i}").into()).unwrap();
                let n = connection.to_transmit().len().min(size);
                wire.extend_from_slice(&connection.to_transmit()[..n]);
                connection.transmitted(n);
            }
            while !connection.to_transmit().is_empty() {
                let n = connection.to_transmit().len().min(size);
                wire.extend_from_slice(&connection.to_transmit()[..n]);
                connection.transmitted(n);
            }
            let texts: Vec<Vec<u8>> = read_frames(&wire).into_iter().map(|frame| frame.payload).collect();
            // RFC 6455 §6.1/h
            assert_eq!(texts, (0..5).map(|i| format!("message {i}").into_bytes()).collect::<Vec<_>>());
        }
    }
}

// ---- §5.4, our own fragments ----

#[test]
fn a_message_may_be_sent_in_fragments() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send_fragment(&"one ".into(), false).unwrap();
        connection.send_fragment(&"two ".into(), false).unwrap();
        connection.send_fragment(&"three".into(), true).unwrap();
        // RFC 6455 §5.4/b §5.4/n §6.1/d §6.1/e §6.1/f
        assert_eq!(
            take_sent(role, &mut connection),
            [Frame::text("one ").more(), Frame::continuation("two ").more(), Frame::continuation("three")]
        );

        connection.send_fragment(&b"".into(), false).unwrap();
        connection.send_fragment(&b"".into(), true).unwrap();
        assert_eq!(take_sent(role, &mut connection), [Frame::binary("").more(), Frame::continuation("")]);

        connection.send_fragment(&"first and last".into(), true).unwrap();
        assert_eq!(take_sent(role, &mut connection), [Frame::text("first and last")]);
    }
}

#[test]
fn text_and_binary_are_not_mixed_in_one_message() {
    for role in ROLES {
        let mut connection = connection(role);
        for fin in [false, true] {
            connection.send_fragment(&"te".into(), false).unwrap();
            let result = connection.send_fragment(&b"xt".into(), fin);
            // RFC 6455 §5.4/n
            assert!(matches!(result, Err(Error::InvalidArgument(_))), "{result:?}");
            // The message goes on as if nothing had been said.
            connection.send_fragment(&"xt".into(), true).unwrap();
            assert_eq!(
                take_sent(role, &mut connection),
                [Frame::text("te").more(), Frame::continuation("xt")]
            );
        }
    }
}

#[test]
fn a_message_sent_between_fragments_waits_for_the_last_of_them() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send_fragment(&"be".into(), false).unwrap();
        connection.send(&"first".into()).unwrap();
        connection.ping(b"not held").unwrap();
        connection.send_fragment(&"gin".into(), false).unwrap();
        connection.send(&b"second".into()).unwrap();
        // RFC 6455 §5.4/c §5.4/f
        assert_eq!(
            take_sent(role, &mut connection),
            [Frame::text("be").more(), Frame::ping("not held"), Frame::continuation("gin").more()]
        );
        connection.send_fragment(&"ning".into(), true).unwrap();
        connection.send(&"third".into()).unwrap();
        // RFC 6455 §5.4/e §5.4/f
        assert_eq!(
            take_sent(role, &mut connection),
            [
                Frame::continuation("ning"),
                Frame::text("first"),
                Frame::binary("second"),
                Frame::text("third")
            ]
        );
    }
}

#[test]
fn a_shared_frame_waits_as_well() {
    let shared = SharedFrame::new(&"shared".into());
    for (role, mut encoder) in
        [(Role::Server, Encoder::server()), (Role::Client, Encoder::client(Box::new(|| KEY)))]
    {
        let mut out = Vec::new();
        assert!(encoder.fragment(&"a".into(), false, &mut out));
        assert!(encoder.is_fragmenting());
        encoder.shared(&shared, &mut out);
        assert_eq!(read_frames(&out).len(), 1);
        assert!(encoder.fragment(&"b".into(), true, &mut out));
        assert!(!encoder.is_fragmenting() && encoder.held().is_empty());
        let payloads: Vec<Vec<u8>> = read_frames(&out).into_iter().map(|frame| frame.payload).collect();
        // RFC 6455 §5.4/f
        assert_eq!(payloads, [&b"a"[..], b"b", b"shared"], "{role:?}");
    }
}

#[test]
fn a_message_that_waits_is_given_up_by_a_close() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send_fragment(&"begun".into(), false).unwrap();
        connection.send(&"held".into()).unwrap();
        connection.close(1000, "").unwrap();
        assert!(connection.send_fragment(&"end".into(), true).is_err());
        // RFC 6455 §5.5.1/f §6.1/b
        assert_eq!(take_sent(role, &mut connection), [Frame::text("begun").more(), Frame::close(1000, "")]);
        // Like all that will never be sent, it counts for ever.
        assert_eq!(connection.buffered_amount(), "held".len() + "end".len());
    }
}

#[test]
fn a_close_that_is_cut_is_cut_between_characters() {
    // The encoder cuts what does not fit, if its owner has not checked; what it sends is text nevertheless.
    for character in ["é", "€", "😀"] {
        for before in ["", "x", "xx", "xxx"] {
            let reason = before.to_string() + &character.repeat(100);
            let frame = CloseFrame { code: 1000.into(), reason: reason.clone().into() };
            let mut out = Vec::new();
            Encoder::server().close(Some(&frame), &mut out);
            let outcome = receive_bytes(Role::Client, &Default::default(), &out);
            let [Seen::Close(Some((1000, received)))] = &outcome.seen[..] else {
                // RFC 6455 §5.5.1/c
                panic!("{:?} for {before}{character}...", outcome.seen)
            };
            assert!(reason.starts_with(received) && received.len() > 119, "{received}");
        }
    }
}

// ---- bufferedAmount ----

#[test]
fn buffered_amount_is_the_payload_that_waits() {
    for role in ROLES {
        let mut connection = connection(role);
        assert_eq!(connection.buffered_amount(), 0);
        connection.send(&"Hello".into()).unwrap();
        assert_eq!(connection.buffered_amount(), 5);
        connection.send(&(&[0; 1000]).into()).unwrap();
        assert_eq!(connection.buffered_amount(), 1005);
        connection.send(&"é€".into()).unwrap(); // in bytes of UTF-8
        assert_eq!(connection.buffered_amount(), 1010);
        connection.send(&"".into()).unwrap();
        assert_eq!(connection.buffered_amount(), 1010);
        take_sent(role, &mut connection);
        assert_eq!(connection.buffered_amount(), 0);
    }
}

#[test]
fn control_frames_do_not_count_as_buffered() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.ping(b"ping").unwrap();
        connection.pong(b"pong").unwrap();
        fill(&mut connection, &Frame::ping("answer me").sent_to(role).bytes());
        connection.send(&"Hello".into()).unwrap();
        connection.close(1000, "reason").unwrap();
        assert_eq!(connection.buffered_amount(), 5);
        connection.transmitted(1);
        assert_eq!(connection.buffered_amount(), 5);
        connection.transmitted(connection.to_transmit().len());
        assert_eq!(connection.buffered_amount(), 0);
    }
}

#[test]
fn fragments_and_messages_that_wait_for_them_count() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send_fragment(&"12".into(), false).unwrap();
        assert_eq!(connection.buffered_amount(), 2);
        connection.send(&"held".into()).unwrap();
        assert_eq!(connection.buffered_amount(), 6);
        connection.send_fragment(&"345".into(), false).unwrap();
        assert_eq!(connection.buffered_amount(), 9);
        assert!(connection.send_fragment(&b"refused".into(), false).is_err());
        assert_eq!(connection.buffered_amount(), 9);

        take_sent(role, &mut connection);
        assert_eq!(connection.buffered_amount(), 4, "what is held has not been sent");
        connection.send_fragment(&"".into(), true).unwrap();
        assert_eq!(connection.buffered_amount(), 4);
        take_sent(role, &mut connection);
        assert_eq!(connection.buffered_amount(), 0);
    }
}

/// A queue with everything in it.
fn a_mixed_queue(role: Role) -> Connection {
    let mut connection = connection(role);
    connection.send(&"Hello".into()).unwrap();
    connection.ping(b"ping").unwrap();
    connection.send(&(&[0; 200]).into()).unwrap();
    connection.send(&"".into()).unwrap();
    connection.send_fragment(&"frag".into(), false).unwrap();
    connection.send(&"held".into()).unwrap();
    connection.pong(b"pong").unwrap();
    connection.send_fragment(&"ment".into(), true).unwrap();
    connection.close(1000, "bye").unwrap();
    connection
}

/// Bytes of payload of the data frames behind the first `sent` bytes, by the test's own reading of them.
fn payload_behind(wire: &[u8], sent: usize) -> usize {
    let (mut at, mut payload) = (0, 0);
    while let Some((frame, len)) = read_frame(&wire[at..]) {
        at += len;
        if frame.opcode < 8 {
            payload += frame.payload.len().min(at.saturating_sub(sent));
        }
    }
    payload
}

#[test]
fn buffered_amount_falls_with_every_byte_that_is_transmitted() {
    for role in ROLES {
        let wire = a_mixed_queue(role).to_transmit().to_vec();
        assert_eq!(payload_behind(&wire, 0), 5 + 200 + 4 + 4 + 4);

        // One byte after the other.
        let mut connection = a_mixed_queue(role);
        for sent in 0..wire.len() {
            assert_eq!(connection.buffered_amount(), payload_behind(&wire, sent), "after {sent} bytes");
            assert_eq!(connection.to_transmit(), &wire[sent..]);
            connection.transmitted(1);
        }
        assert_eq!(connection.buffered_amount(), 0);
    }
}

#[test]
fn buffered_amount_counts_a_message_that_comes_while_a_frame_is_on_its_way() {
    for role in ROLES {
        let queue = || {
            let mut connection = connection(role);
            connection.send(&"Hello".into()).unwrap();
            connection.ping(b"ping").unwrap();
            connection.send(&(&[1; 126]).into()).unwrap();
            connection
        };
        let wire = queue().to_transmit().to_vec();
        for sent in 0..wire.len() {
            let mut connection = queue();
            connection.transmitted(sent);
            connection.send(&"more".into()).unwrap();
            assert_eq!(connection.buffered_amount(), payload_behind(&wire, sent) + 4, "after {sent} bytes");
        }
    }
}

#[test]
fn a_queue_that_is_never_empty_does_not_keep_what_was_transmitted() {
    // If what has been transmitted is given back, the bytes to transmit next lie in a few places only.
    for role in ROLES {
        let mut connection = connection(role);
        let mut places = std::collections::HashSet::new();
        let block = [0; 4096];
        for _ in 0..10_000 {
            connection.send(&(&block).into()).unwrap();
            places.insert(connection.to_transmit().as_ptr());
            connection.transmitted(connection.to_transmit().len() - 1);
        }
        assert!(places.len() < 2000, "the queue grew by every block that went through it");
    }
}

#[test]
fn transmitting_more_than_there_is_transmits_all() {
    for role in ROLES {
        for before in [0, 3] {
            let mut connection = connection(role);
            connection.transmitted(100);
            connection.send(&"Hello".into()).unwrap();
            connection.transmitted(before);
            connection.transmitted(usize::MAX);
            assert!(connection.to_transmit().is_empty());
            assert_eq!(connection.buffered_amount(), 0);
            connection.send(&"again".into()).unwrap();
            assert_eq!(take_sent(role, &mut connection), [Frame::text("again")]);
        }
    }
}

#[test]
fn a_message_refused_after_the_close_counts_for_ever() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send(&"in time".into()).unwrap();
        connection.close(1000, "").unwrap();
        // RFC 6455 §6.1/a
        assert!(connection.send(&"too late".into()).is_err());
        assert_eq!(connection.buffered_amount(), 7 + 8);
        take_sent(role, &mut connection);
        assert_eq!(connection.buffered_amount(), 8);
        assert!(connection.send(&b"later".into()).is_err());
        assert!(connection.ping(b"control frames do not").is_err());
        assert_eq!(connection.buffered_amount(), 13);
        connection.received_eof();
        // "does not reset to zero once the connection closes"
        assert_eq!(connection.buffered_amount(), 13);
        assert!(connection.send(&"x".into()).is_err());
        assert_eq!(connection.buffered_amount(), 14);
    }
}
