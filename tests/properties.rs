//! What must hold for every input, tried with random ones (RFC 6455 §5.2 to §5.6, §6.2, §8.1).
//!
//! - What one end sends arrives at the other, however it is fragmented, interleaved and cut.
//! - The mask is the RFC's sentence about octet *i*; the length is that of the frame builder.
//! - UTF-8 in pieces fails at the byte at which `std` says that no continuation could save it.
//! - Any bytes at all give the same events and the same answer as a whole and in pieces, and no panic.
//!
//! The fuzz targets in `fuzz/` look at the last of these for longer.

mod common;

use clearsocket::proto::{Utf8Progress, apply_mask, from_utf8};
use clearsocket::{Config, Message, Role};
use common::*;
use proptest::collection::vec;
use proptest::prelude::*;

// ---- Messages ----

/// What a sender does.
#[derive(Clone, Debug)]
enum Action {
    Send(Message<'static>),
    /// A message in these fragments, with a ping after each but the last.
    Fragments(Vec<Message<'static>>, Option<Vec<u8>>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => ".{0,20}", 2 => "\\PC{0,300}", 1 => vec(any::<char>(), 0..80).prop_map(String::from_iter)]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..40),
        2 => vec(any::<u8>(), 120..135),
        1 => (65530..65545usize, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ]
}

fn control() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=125)
}

fn action() -> impl Strategy<Value = Action> {
    let texts = vec(text(), 1..6).prop_map(|parts| parts.into_iter().map(Message::from).collect());
    let datas = vec(data(), 1..6).prop_map(|parts| parts.into_iter().map(Message::from).collect());
    let parts = prop_oneof![texts, datas];
    prop_oneof![
        3 => text().prop_map(|text| Action::Send(text.into())),
        3 => data().prop_map(|data| Action::Send(data.into())),
        3 => (parts, proptest::option::of(control())).prop_map(|(parts, ping)| Action::Fragments(parts, ping)),
        1 => control().prop_map(Action::Ping),
        1 => control().prop_map(Action::Pong),
    ]
}

/// Does all of it on a connection of `role`; gives the bytes and what the peer has to see.
fn perform(role: Role, actions: &[Action]) -> (Vec<u8>, Vec<Seen>) {
    let mut connection = connection(role);
    let mut expected = Vec::new();
    for action in actions {
        match action {
            Action::Send(message) => {
                connection.send(message).unwrap();
                expected.push(seen(message));
            }
            Action::Ping(data) => {
                connection.ping(data).unwrap();
                expected.push(Seen::ping(data));
            }
            Action::Pong(data) => {
                connection.pong(data).unwrap();
                expected.push(Seen::pong(data));
            }
            Action::Fragments(parts, ping) => {
                for (i, part) in parts.iter().enumerate() {
                    let fin = i + 1 == parts.len();
                    connection.send_fragment(part, fin).unwrap();
                    if let (Some(data), false) = (ping, fin) {
                        connection.ping(data).unwrap();
                        expected.push(Seen::ping(data));
                    }
                }
                expected.push(match &parts[0] {
                    Message::Text(_) => Seen::Text(parts.iter().filter_map(Message::as_text).collect()),
                    Message::Binary(_) => {
                        Seen::Binary(parts.iter().flat_map(Message::as_bytes).copied().collect())
                    }
                });
            }
        }
    }
    (connection.to_transmit().to_vec(), expected)
}

fn seen(message: &Message<'_>) -> Seen {
    match message {
        Message::Text(text) => Seen::text(text),
        Message::Binary(data) => Seen::binary(data),
    }
}

/// Feeds `bytes` in pieces of these sizes, over and over, without any answer being transmitted.
fn receive_in_pieces(role: Role, bytes: &[u8], sizes: &[usize]) -> Outcome {
    let mut connection = connection(role);
    let mut seen = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at(rest.len().min(*size));
        seen.extend(fill(&mut connection, piece));
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    Outcome {
        seen,
        sent: take_sent(role, &mut connection),
        ready_state: connection.ready_state(),
        finished: connection.is_finished(),
        close_event: connection.close_event(),
    }
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![vec(1..10usize, 1..10), vec(1..5000usize, 1..10), Just(vec![usize::MAX])]
}

proptest! {
    #[test]
    fn what_is_sent_arrives(actions in vec(action(), 1..12), sizes in sizes()) {
        for (from, to) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            let (bytes, expected) = perform(from, &actions);
            // RFC 6455 §5.4/e §6.1/h §6.2/a §6.2/c §6.2/d
            prop_assert_eq!(receive_in_pieces(to, &bytes, &sizes).seen, expected);
        }
    }

    #[test]
    fn what_is_sent_is_read_by_the_tests_own_parser(actions in vec(action(), 1..8)) {
        for role in ROLES {
            let frames = read_frames(&perform(role, &actions).0);
            for frame in frames {
                // RFC 6455 §5.1/a §5.1/d §5.2/b §5.2/h
                prop_assert_eq!(frame.mask.is_some(), role == Role::Client);
                prop_assert_eq!((frame.rsv, frame.form), (0, Form::Shortest));
            }
        }
    }

    // ---- The mask ----

    #[test]
    fn the_mask_is_the_sentence_of_the_rfc(
        payload in vec(any::<u8>(), 0..700),
        key in any::<[u8; 4]>(),
        offset in prop_oneof![0..20usize, any::<usize>()],
        start in 0..40usize,
    ) {
        // Any place in memory, any place in the payload.
        let start = start.min(payload.len());
        let mut masked = payload[start..].to_vec();
        apply_mask(&mut masked, key, offset);
        for (i, (masked, plain)) in masked.iter().zip(&payload[start..]).enumerate() {
            // RFC 6455 §5.3/e
            prop_assert_eq!(*masked, plain ^ key[(offset % 4 + i) % 4]);
        }
        let mut in_place = payload.clone();
        apply_mask(&mut in_place[start..], key, offset);
        prop_assert_eq!(&in_place[..start], &payload[..start]);
        prop_assert_eq!(&in_place[start..], &masked[..]);
    }

    // ---- UTF-8 ----

    #[test]
    fn utf8_in_pieces_fails_where_no_continuation_could_save_it(bytes in near_utf8(), sizes in vec(0..7usize, 1..9)) {
        let mut progress = Utf8Progress::default();
        let (mut at, mut failed) = (0, None);
        for size in sizes.iter().cycle().take(10 * bytes.len() + 10) {
            let end = bytes.len().min(at + size);
            if progress.push(&bytes[at..end]).is_err() {
                failed = Some((at, end));
                break;
            }
            at = end;
        }
        // `error_len` is `None` when only the end of the text is missing.
        let hopeless = |bytes: &[u8]| std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_some());
        match failed {
            // RFC 6455 §8.1/a
            Some((at, end)) => prop_assert!(hopeless(&bytes[..end]) && !hopeless(&bytes[..at])),
            None => prop_assert!(!hopeless(&bytes[..at])),
        }
        prop_assert_eq!(from_utf8(&bytes), std::str::from_utf8(&bytes).ok());
    }

    #[test]
    fn text_in_fragments_is_what_std_calls_utf8(bytes in near_utf8(), size in 1..9usize, empty in any::<bool>()) {
        let mut frames: Vec<Frame> = bytes.chunks(size).map(|c| Frame::continuation(c).more()).collect();
        if empty || frames.is_empty() {
            frames.insert(frames.len() / 2, Frame::continuation("").more());
            frames.push(Frame::continuation(""));
        }
        frames[0].opcode = 1;
        frames.last_mut().unwrap().fin = true;
        let expected = match std::str::from_utf8(&bytes) {
            Ok(text) => Seen::text(text),
            Err(_) => Seen::Error(clearsocket::ProtocolError::InvalidUtf8),
        };
        for role in ROLES {
            // RFC 6455 §5.6/a §8.1/a
            let outcome = receive_whole(role, &Config::default(), &wire(role, &frames));
            prop_assert_eq!(&outcome.seen, std::slice::from_ref(&expected));
        }
    }

    // ---- Any bytes ----

    #[test]
    fn any_bytes_give_the_same_in_pieces(bytes in vec(any::<u8>(), 0..200), sizes in sizes()) {
        for role in ROLES {
            let whole = receive_whole(role, &Config::default(), &bytes);
            // RFC 6455 §6.2/a
            prop_assert_eq!(&receive_in_pieces(role, &bytes, &[1]), &whole);
            prop_assert_eq!(&receive_in_pieces(role, &bytes, &sizes), &whole);
        }
    }

    #[test]
    fn nearly_good_frames_give_the_same_in_pieces(frames in vec(nearly_good_frame(), 1..12), sizes in sizes()) {
        for role in ROLES {
            let bytes = wire(role, &frames);
            let whole = receive_whole(role, &Config::default(), &bytes);
            // RFC 6455 §6.2/a
            prop_assert_eq!(&receive_in_pieces(role, &bytes, &[1]), &whole);
            prop_assert_eq!(&receive_in_pieces(role, &bytes, &sizes), &whole);
        }
    }
}

/// Text with a mistake in it, or without: random bytes would hardly ever come near.
fn near_utf8() -> impl Strategy<Value = Vec<u8>> {
    let damage = vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let damaged = (vec(any::<char>(), 0..60), damage).prop_map(|(text, damage)| {
        let mut bytes = String::from_iter(text).into_bytes();
        for (index, byte) in damage {
            if !bytes.is_empty() {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes
    });
    let cut = (vec(any::<char>(), 1..100), 0..4usize).prop_map(|(text, n)| {
        let mut bytes = String::from_iter(text).into_bytes();
        bytes.truncate(bytes.len().saturating_sub(n));
        bytes
    });
    prop_oneof![damaged, cut, vec(0x80..=0xffu8, 0..6), vec(any::<u8>(), 0..20)]
}

/// Mostly good frames with small payloads: long rows of them reach every state.
fn nearly_good_frame() -> impl Strategy<Value = Frame> {
    let opcode = prop_oneof![8 => 0..=2u8, 4 => 9..=10u8, 1 => Just(8), 1 => 0..=15u8];
    let payload = prop_oneof![
        4 => "[a-zé€😀]{0,6}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..6),
        1 => vec(b'a'..=b'z', 120..130),
        1 => Just(vec![3, 232]),
    ];
    let rsv = prop_oneof![30 => Just(0u8), 1 => 0..=7u8];
    let form = prop_oneof![30 => Just(Form::Shortest), 1 => Just(Form::Bits16), 1 => Just(Form::Bits64)];
    (opcode, payload, any::<bool>(), rsv, form).prop_map(|(opcode, payload, more, rsv, form)| {
        let fin = opcode >= 8 || !more;
        Frame::new(opcode, payload).fin(fin).rsv(rsv).form(form)
    })
}
