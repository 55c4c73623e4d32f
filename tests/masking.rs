//! Who masks, and how: RFC 6455 §5.1, §5.3.
//!
//! ```text
//!  client ──▶ server   every frame masked, each with a key of its own
//!  server ──▶ client   no frame masked
//!  octet i             is XORed with octet i mod 4 of the key
//! ```

mod common;

use clearsocket::proto::{Encoder, apply_mask};
use clearsocket::{Config, Message, ProtocolError, Role, SharedFrame};
use common::frame::{CLOSE, DEFINED};
use common::*;

// ---- §5.1, who masks ----

#[test]
fn a_server_closes_on_a_frame_that_is_not_masked() {
    for opcode in DEFINED {
        for payload in ["", "x"] {
            let bytes = Frame::new(opcode, payload).bytes();
            // RFC 6455 §5.1/b §5.1/c
            receive_bytes(Role::Server, &Config::default(), &bytes)
                .assert_failed(ProtocolError::UnmaskedFrame);
        }
    }
}

#[test]
fn a_client_closes_on_a_frame_that_is_masked() {
    for opcode in DEFINED {
        for payload in ["", "x"] {
            let bytes = Frame::new(opcode, payload).masked().bytes();
            // RFC 6455 §5.1/e §5.1/f
            receive_bytes(Role::Client, &Config::default(), &bytes).assert_failed(ProtocolError::MaskedFrame);
        }
    }
}

#[test]
fn a_masking_key_of_zeros_is_a_mask_too() {
    let bytes = Frame::text("Hi").mask([0; 4]).bytes();
    receive_bytes(Role::Server, &Config::default(), &bytes).assert_open(&[Seen::text("Hi")]);
    receive_bytes(Role::Client, &Config::default(), &bytes).assert_failed(ProtocolError::MaskedFrame);
}

#[test]
fn the_mask_is_judged_in_every_frame() {
    for role in ROLES {
        let good = Frame::text("Hi").sent_to(role).bytes();
        let other = if role == Role::Client { Role::Server } else { Role::Client };
        for bad in [Frame::text("Hi"), Frame::ping("Hi"), Frame::close(1000, "")] {
            let bytes = [good.clone(), bad.sent_to(other).bytes(), good.clone()].concat();
            let outcome = receive_bytes(role, &Config::default(), &bytes);
            // RFC 6455 §5.1/b §5.1/e §7.1.7/g
            assert_eq!(outcome.seen.len(), 2, "{outcome:?}");
            let expected = match role {
                Role::Server => ProtocolError::UnmaskedFrame,
                Role::Client => ProtocolError::MaskedFrame,
            };
            outcome.assert_failed(expected);
        }
    }
}

#[test]
fn a_client_masks_every_frame() {
    let mut client = connection(Role::Client);
    fill(&mut client, &Frame::ping("answer me").bytes());
    send_everything(&mut client);
    let frames = read_frames(client.to_transmit());
    assert_eq!(frames.len(), 8);
    // RFC 6455 §5.1/a §5.3/a §5.5.1/e §6.1/g
    assert!(frames.iter().all(|frame| frame.mask.is_some()), "{frames:?}");

    // The Close that answers a Close, and the one that fails the connection.
    for received in [Frame::close(1000, ""), Frame::new(3, "")] {
        let mut client = connection(Role::Client);
        fill(&mut client, &received.bytes());
        let frames = read_frames(client.to_transmit());
        // RFC 6455 §5.5.1/e
        assert!(matches!(&frames[..], [Frame { opcode: CLOSE, mask: Some(_), .. }]), "{frames:?}");
    }
}

#[test]
fn a_server_masks_nothing() {
    let mut server = connection(Role::Server);
    fill(&mut server, &Frame::ping("answer me").masked().bytes());
    send_everything(&mut server);
    let frames = read_frames(server.to_transmit());
    assert_eq!(frames.len(), 8);
    // RFC 6455 §5.1/d
    assert!(frames.iter().all(|frame| frame.mask.is_none()), "{frames:?}");
}

// ---- §5.3, the mask ----

#[test]
fn octet_i_is_combined_with_octet_i_modulo_4_of_the_key() {
    for key in [KEY, [0; 4], [0xff; 4], [1, 2, 4, 8]] {
        for len in (0..=70).chain(250..=300) {
            let payload: Vec<u8> = (0..len).map(|i| (i * 37) as u8).collect();
            let frame = Frame::binary(&payload).mask(key);
            // RFC 6455 §5.3/e §6.2/f
            let outcome = receive_bytes(Role::Server, &Config::default(), &frame.bytes());
            outcome.assert_open(&[Seen::binary(&payload)]);

            let mut masked = payload.clone();
            apply_mask(&mut masked, key, 0);
            assert_eq!(masked, xor(&payload, key));
            apply_mask(&mut masked, key, 0);
            assert_eq!(masked, payload);
        }
    }
}

#[test]
fn the_count_goes_on_when_a_payload_comes_in_pieces() {
    let payload: Vec<u8> = (0..=99).collect();
    let masked = xor(&payload, KEY);
    for at in 0..payload.len() {
        for end in at..payload.len() {
            let mut pieces = masked.clone();
            apply_mask(&mut pieces[..at], KEY, 0);
            apply_mask(&mut pieces[at..end], KEY, at);
            apply_mask(&mut pieces[end..], KEY, end);
            // RFC 6455 §5.3/e
            assert_eq!(pieces, payload, "cut at {at} and {end}");
        }
    }
}

#[test]
fn the_count_begins_anew_with_every_frame() {
    // A fragment of three bytes, so that a count that went on would be off by three.
    let [one, two, three] = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]];
    let bytes = [
        Frame::text("Hel").more().mask(one).bytes(),
        Frame::ping("x").mask(two).bytes(),
        Frame::continuation("lo, world").mask(three).bytes(),
    ]
    .concat();
    // RFC 6455 §5.3/e
    let outcome = receive_bytes(Role::Server, &Config::default(), &bytes);
    assert_eq!(outcome.seen, [Seen::ping("x"), Seen::text("Hello, world")]);
}

#[test]
fn every_frame_has_a_key_of_its_own() {
    let mut client = connection(Role::Client);
    fill(&mut client, &Frame::ping("answer me").bytes());
    send_everything(&mut client);
    let keys: Vec<_> = read_frames(client.to_transmit()).iter().filter_map(|frame| frame.mask).collect();
    let expected: Vec<_> = (1..=8u32).map(|key| Some(key.to_be_bytes())).collect();
    // The source of this client counts 1, 2, 3: each frame took the next one, and none was left out.
    // RFC 6455 §5.3/b §10.3/a
    assert_eq!(keys.into_iter().map(Some).collect::<Vec<_>>(), expected);
}

#[test]
fn a_shared_frame_is_masked_anew_by_every_client() {
    let shared = SharedFrame::new(&"Hello".into());
    assert_eq!(shared.as_bytes(), b"\x81\x05Hello");
    assert_eq!((shared.payload_len(), shared.message()), (5, "Hello".into()));

    let mut out = Vec::new();
    // RFC 6455 §5.1/d
    Encoder::server().shared(&shared, &mut out);
    assert_eq!(out, b"\x81\x05Hello");

    let mut key = 0;
    let mut client = Encoder::client(Box::new(move || {
        key += 1;
        [key; 4]
    }));
    out.clear();
    client.shared(&shared, &mut out);
    client.shared(&shared.clone(), &mut out);
    // RFC 6455 §5.1/a §5.3/b
    assert_eq!(read_frames(&out), [Frame::text("Hello").mask([1; 4]), Frame::text("Hello").mask([2; 4])]);
}

#[test]
fn what_is_queued_no_longer_depends_on_the_callers_data() {
    for role in ROLES {
        let mut connection = connection(role);
        let mut data = b"before".to_vec();
        connection.send(&Message::from(&data)).unwrap();
        let queued = connection.to_transmit().to_vec();
        data.copy_from_slice(b"after!");
        // RFC 6455 §10.3/b
        assert_eq!(connection.to_transmit(), queued);
        assert_eq!(read_frames(&queued)[0].payload, b"before");
    }
}
