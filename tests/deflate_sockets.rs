//! permessage-deflate over real sockets (RFC 7692): from the offer to the echo, in rooms, under attack.

#![cfg(feature = "deflate")]

mod common;
#[path = "common/deflate.rs"]
mod deflate;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::compression::Context;
use clearsocket::handshake::{Request, ServerOptions};
use clearsocket::{
    Client, Config, Deflate, Error, Handler, Hub, Membership, Message, Overflow, ProtocolError, Role, Sender,
    ServerError, accept_with,
};
use common::*;
use deflate::*;
use raw::*;
use std::sync::mpsc;
use std::thread;

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// A raw peer's handshake with an offer; and what is agreed on.
#[track_caller]
fn connect_offering(server: &TestServer, offer: &str) -> (RawPeer, String) {
    let line =
        if offer.is_empty() { String::new() } else { format!("Sec-WebSocket-Extensions: {offer}\r\n") };
    let (peer, head) = RawPeer::connect_with(server.address, "/", &line);
    let extensions = values(&head, "Sec-WebSocket-Extensions").join(", ");
    (peer, extensions)
}

/// A message of the peer's echo server, decompressed if it came so; and whether it did.
#[track_caller]
fn read_message(peer: &mut RawPeer, inflate: &mut Inflate) -> (Seen, bool) {
    let frame = peer.read().expect("a message");
    assert!(frame.fin && (frame.rsv == 0 || frame.rsv == RSV1), "{frame:?}");
    let payload = if frame.rsv == RSV1 { inflate.message(&frame.payload) } else { frame.payload };
    let seen = match frame.opcode {
        1 => Seen::Text(String::from_utf8(payload).expect("text")),
        2 => Seen::Binary(payload),
        opcode => panic!("opcode {opcode}"),
    };
    (seen, frame.rsv == RSV1)
}

fn sizes() -> impl Iterator<Item = usize> {
    [0, 1, 125, 126, 127, 128, 129, 1000, 1023, 4096, 65_535, 65_536, 300_000].into_iter()
}

// ---- Both ends are ours ----

#[test]
fn both_ends_name_what_they_agree_on_and_every_message_comes_back() {
    for (servers, clients, extensions) in [
        (options(|_| ()), options(|_| ()), "permessage-deflate"),
        (
            options(|it| it.server_no_context_takeover = true),
            options(|it| it.client_no_context_takeover = true),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            options(|it| it.client_max_window_bits = 9),
            options(|it| it.server_max_window_bits = 10),
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
        ),
        (
            options(|it| (it.server_max_window_bits, it.client_max_window_bits) = (8, 8)),
            options(|it| it.level = 9),
            "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
        ),
    ] {
        let (tell, told) = mpsc::channel();
        let server = TestServer::spawn(server().deflate(servers), move |ws, _| {
            tell.send(ws.extensions().to_owned()).expect("the test listens");
            echo(ws)
        });
        let (mut ws, _) =
            Client::new().deflate(clients).connect(&format!("ws://{}/", server.address)).expect("connect");
        assert_eq!((ws.extensions(), &next(&told)[..]), (extensions, extensions));
        let mut dice = Dice(23);
        for size in sizes() {
            for message in [Message::from(dice.json(size)), dice.noise(size).into(), vec![0; size].into()] {
                ws.send(message.clone()).expect("send");
                assert_eq!(ws.read().expect("read"), Some(message));
            }
        }
        ws.close(1000, "").expect("close");
        assert_eq!(ws.read().expect("read"), None);
        assert!(ws.close_event().was_clean);
    }
}

#[test]
fn nothing_is_compressed_unless_both_want_it() {
    let text = "x".repeat(10_000);
    for (ours, theirs) in [(true, false), (false, true), (false, false)] {
        let servers = if ours { server().deflate(Deflate::default()) } else { server() };
        let server = TestServer::spawn(servers, |ws, _| {
            assert_eq!(ws.extensions(), "");
            assert!(ws.sender().deflate().is_none());
            echo(ws)
        });
        let client = if theirs { Client::new().deflate(Deflate::default()) } else { Client::new() };
        let (mut ws, response) = client.connect(&format!("ws://{}/", server.address)).expect("connect");
        assert_eq!(ws.extensions(), "");
        assert!(!response.headers().contains_key("sec-websocket-extensions"));
        ws.send(&text[..]).expect("send");
        assert_eq!(ws.read().expect("read"), Some(Message::from(&text[..])));
        // A raw peer sees it.
        let (mut peer, extensions) =
            connect_offering(&server, if theirs { "permessage-deflate" } else { "" });
        assert_eq!(extensions, "");
        peer.send(Frame::text(&text));
        assert_eq!(peer.read(), Some(Frame::text(&text)));
        // And may not compress.
        peer.send(zipped_text(HELLO));
        assert_eq!(read_close_code(&mut peer), 1002);
    }
}

#[test]
fn accept_with_compresses_too() {
    let (near, far, address) = tcp_pair();
    let server = thread::spawn(move || {
        let mut options = ServerOptions::default();
        options.deflate = Some(Deflate::default());
        let (ws, _) = accept_with(near, &options, &Config::default()).expect("accept");
        assert_eq!(ws.extensions(), "permessage-deflate");
        echo(ws)
    });
    let client = Client::new().deflate(Deflate::default());
    let (mut ws, _) = client.handshake(&format!("ws://{address}/"), far).expect("handshake");
    ws.send("x".repeat(1000)).expect("send");
    assert_eq!(ws.read().expect("read"), Some("x".repeat(1000).into()));
    ws.close(1000, "").expect("close");
    assert_eq!(ws.read().expect("read"), None);
    in_time(server).expect("a clean end");
}

// ---- What is on the wire ----

#[test]
fn a_raw_client_sees_compressed_frames() {
    for (offer, extensions, context) in [
        ("permessage-deflate", "permessage-deflate", TAKEOVER),
        (
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
            NO_TAKEOVER,
        ),
        (
            "permessage-deflate; server_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=9",
            Context { no_takeover: false, window_bits: 9 },
        ),
        (
            "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=\"12\"",
            "permessage-deflate; server_max_window_bits=12",
            Context { no_takeover: false, window_bits: 12 },
        ),
    ] {
        let server = TestServer::echo(server().deflate(Deflate::default()));
        let (mut peer, agreed) = connect_offering(&server, offer);
        assert_eq!(agreed, extensions);
        let (mut zip, mut inflate, mut dice) = (Zip::new(TAKEOVER), Inflate::new(context), Dice(29));
        for size in sizes() {
            let text = dice.json(size);
            peer.send(zipped_text(zip.message(text.as_bytes())));
            assert_eq!(read_message(&mut peer, &mut inflate), (Seen::text(&text), text.len() >= 128));
            let noise = dice.noise(size);
            peer.send(Frame::binary(&noise));
            assert_eq!(read_message(&mut peer, &mut inflate), (Seen::binary(&noise), false));
        }
        peer.send(Frame::ping("ping"));
        assert_eq!(peer.read(), Some(Frame::pong("ping")));
        peer.send(Frame::close(1000, ""));
        assert_eq!(read_close_code(&mut peer), 1000);
    }
}

#[test]
fn a_raw_server_sees_compressed_frames() {
    let (near, far, address) = tcp_pair();
    let client = thread::spawn(move || {
        let client = Client::new().deflate(Deflate::default());
        let (mut ws, _) = client.handshake(&format!("ws://{address}/"), far).expect("handshake");
        assert_eq!(ws.extensions(), "permessage-deflate; client_max_window_bits=10");
        ws.send("x".repeat(1000)).expect("send");
        assert_eq!(ws.read().expect("read"), Some("Hello".into()));
        assert_eq!(ws.read().expect("read"), Some("Hello".into()));
        ws.send("x".repeat(1000)).expect("send");
        ws
    });
    let (mut peer, head) = RawPeer::accept_with(
        near,
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n",
    );
    assert_eq!(values(&head, "Sec-WebSocket-Extensions"), ["permessage-deflate; client_max_window_bits"]);
    let mut inflate = Inflate::new(Context { no_takeover: false, window_bits: 10 });
    assert_eq!(read_message(&mut peer, &mut inflate), (Seen::text(&"x".repeat(1000)), true));
    peer.send(zipped_text(HELLO));
    peer.send(zipped_text(HELLO_AGAIN));
    assert_eq!(read_message(&mut peer, &mut inflate), (Seen::text(&"x".repeat(1000)), true));
    in_time(client).abort();
}

#[test]
fn a_client_does_not_connect_on_terms_that_it_cannot_keep() {
    // RFC 7692 §5.1; the values that have brought others down.
    for params in ["=7", "=16", "=99", "=08", "", "=x"] {
        let (near, far, address) = tcp_pair();
        let client = thread::spawn(move || {
            Client::new().deflate(Deflate::default()).handshake(&format!("ws://{address}/"), far).map(|_| ())
        });
        let line =
            format!("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits{params}\r\n");
        let (_peer, _) = RawPeer::accept_with(near, &line);
        let error = in_time(client).expect_err(params);
        assert!(matches!(error, Error::Handshake(_)), "{error:?}");
    }
}

// ---- Rooms ----

/// Every message is answered to its sender alone, beside what everybody gets.
struct Member {
    room: Hub,
    membership: Option<Membership>,
}

impl Handler for Member {
    fn on_open(&mut self, sender: &Sender, _request: &Request) -> Result<(), Error> {
        self.membership = Some(self.room.join(sender.clone()));
        Ok(())
    }

    fn on_message(&mut self, _sender: &Sender, message: Message<'_>) -> Result<(), Error> {
        self.membership.as_ref().expect("it has joined").sender().send(message)
    }
}

#[test]
fn a_broadcast_is_the_same_for_whoever_listens() {
    let hub = Hub::new();
    let room = hub.clone();
    let server = TestServer::start(server().deflate(Deflate::default()), move |_| Member {
        room: room.clone(),
        membership: None,
    });
    let mut members: Vec<(RawPeer, Inflate, &str)> = [
        ("", TAKEOVER),
        ("permessage-deflate", TAKEOVER),
        ("permessage-deflate; server_no_context_takeover", NO_TAKEOVER),
        ("permessage-deflate; server_max_window_bits=9", Context { no_takeover: false, window_bits: 9 }),
        ("permessage-deflate; server_max_window_bits=8", Context { no_takeover: false, window_bits: 8 }),
        (
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=14",
            Context { no_takeover: true, window_bits: 14 },
        ),
        ("permessage-deflate; client_no_context_takeover", TAKEOVER),
    ]
    .into_iter()
    .map(|(offer, context)| {
        let (peer, extensions) = connect_offering(&server, offer);
        assert_eq!(extensions, offer);
        (peer, Inflate::new(context), offer)
    })
    .collect();
    wait_until("everybody has joined", || hub.len() == members.len());

    let mut dice = Dice(31);
    for round in 0..60 {
        let size = dice.below(4000);
        let text = dice.json(size);
        if round % 4 == 3 {
            hub.broadcast(dice.noise(0));
            hub.broadcast(&text[..]);
        } else {
            hub.broadcast(&text[..]);
        }
        for (peer, inflate, offer) in &mut members {
            if round % 4 == 3 {
                assert_eq!(read_message(peer, inflate).0, Seen::binary(""));
            }
            let (seen, compressed) = read_message(peer, inflate);
            assert_eq!(seen, Seen::text(&text), "{offer}");
            if ["permessage-deflate", "permessage-deflate; server_no_context_takeover"].contains(offer) {
                assert_eq!(compressed, text.len() >= 128, "{offer}");
            }
            assert!(!compressed || !offer.is_empty());
            // A message of its own in between.
            if round % 3 == 1 {
                peer.send(Frame::text(&text));
                assert_eq!(read_message(peer, inflate).0, Seen::text(&text), "{offer}");
            }
        }
    }
}

#[test]
fn a_slow_member_that_loses_messages_can_read_those_it_gets() {
    // What is dropped from a queue must not be referred to by what comes after it (RFC 7692 §7.2.1).
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        for shared in [false, true] {
            lossy(overflow, shared);
        }
    }
}

fn lossy(overflow: Overflow, shared: bool) {
    let (near, far, _) = tcp_pair();
    socket2::SockRef::from(&near).set_send_buffer_size(16 << 10).expect("set_send_buffer_size");
    socket2::SockRef::from(&far).set_recv_buffer_size(16 << 10).expect("set_recv_buffer_size");
    let address = near.local_addr().expect("local_addr");
    let ours = thread::spawn(move || {
        let mut options = ServerOptions::default();
        options.deflate = Some(Deflate::default());
        let config = config(|config| (config.overflow, config.max_backlog) = (overflow, 64 << 10));
        accept_with(near, &options, &config).expect("accept").0
    });
    let mut peer = RawPeer::new(far, Role::Client);
    peer.send_bytes(raw_peer::request(address, "/", OFFER).as_bytes());
    assert!(peer.read_head().contains("permessage-deflate"));
    let ws = in_time(ours);
    let hub = Hub::with_overflow(overflow, 64 << 10);
    let _member = hub.join(ws.sender());
    // Text that becomes smaller, but far from nothing: half of each message is noise in letters.
    let mut dice = Dice(37);
    let common = dice.json(2000);
    let texts: Vec<String> = (0..2000)
        .map(|number| {
            let noise: String = dice.noise(1500).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{number} {common}{noise}{common}")
        })
        .collect();
    for (number, text) in texts.iter().enumerate() {
        if shared && number % 2 == 0 { hub.broadcast(&text[..]) } else { ws.send(&text[..]).expect("send") }
    }
    // Now the peer reads, as one that decompresses does, until the last that got through.
    let closing = thread::spawn(move || {
        wait_until("the queue is read", || ws.buffered_amount() == 0);
        ws.send("that was all").expect("send");
        ws
    });
    let mut inflate = Inflate::new(TAKEOVER);
    let (mut count, mut last) = (0, None);
    loop {
        let (seen, _) = read_message(&mut peer, &mut inflate);
        let Seen::Text(text) = seen else { panic!("a text was sent") };
        if text == "that was all" {
            break;
        }
        let number: usize = text.split(' ').next().and_then(|it| it.parse().ok()).expect("a number");
        assert!(texts[number] == text, "message {number} is what was sent");
        assert!(last < Some(number), "in order");
        (count, last) = (count + 1, Some(number));
    }
    assert!(count < texts.len(), "nothing was dropped, so this test has not tested anything");
    in_time(closing).abort();
}

// ---- Attacks ----

#[test]
fn a_bomb_ends_in_1009() {
    let server = TestServer::echo(server().deflate(Deflate::default()));
    let part = zip_part(vec![0; 1 << 20]);
    for broken in [false, true] {
        let mut bomb = part.repeat(64);
        if broken {
            bomb.push(0x06);
        }
        let (mut peer, _) = connect_offering(&server, "permessage-deflate");
        peer.send(zipped_binary(bomb));
        assert_eq!(read_close_code(&mut peer), 1009);
        // One Close, and nothing behind it.
        assert_eq!(peer.read(), None);
    }
    // The server is as it was.
    let (mut peer, _) = connect_offering(&server, "permessage-deflate");
    peer.send(zipped_text(HELLO));
    assert_eq!(peer.read(), Some(Frame::text("Hello")));
}

#[test]
fn what_cannot_be_decompressed_ends_in_1007() {
    let (tell, told) = mpsc::channel();
    let servers = server().deflate(Deflate::default()).on_error(move |error| {
        let broken = matches!(
            error,
            ServerError::Connection { error: Error::Protocol(ProtocolError::InvalidDeflate), .. }
        );
        tell.send(broken).expect("the test listens");
    });
    let server = TestServer::echo(servers);
    for frame in [zipped_text([0x06]), zipped_binary(HELLO_AGAIN), zipped_text([0x06]).more()] {
        let (mut peer, _) = connect_offering(&server, "permessage-deflate");
        peer.send(frame);
        assert_eq!(read_close_code(&mut peer), 1007);
        drop(peer);
        assert!(next(&told));
    }
}

// ---- Silence ----

#[test]
fn memory_given_back_in_silence_harms_nothing() {
    let servers = server()
        .deflate(Deflate::default())
        .config(config(|config| config.ping_interval = Some(std::time::Duration::from_millis(50))));
    let server = TestServer::echo(servers);
    let (mut peer, _) = connect_offering(&server, "permessage-deflate");
    let (mut zip, mut inflate, mut dice) = (Zip::new(TAKEOVER), Inflate::new(TAKEOVER), Dice(41));
    let text = dice.json(2000);
    for _ in 0..4 {
        peer.send(zipped_text(zip.message(text.as_bytes())));
        let mut frame = peer.read().expect("a frame");
        while frame.opcode != 1 {
            frame = peer.read().expect("a frame");
        }
        assert_eq!((frame.rsv, inflate.message(&frame.payload)), (RSV1, text.clone().into_bytes()));
        // The ping says that there was silence.
        assert_eq!(peer.read(), Some(Frame::ping("")));
        peer.send(Frame::pong(""));
    }
}
