//! Both directions at once, and many threads on one connection (RFC 6455 §5.1, §5.4, §6.1).
//!
//! ```text
//!   8 MiB ─▶ ◀─ 8 MiB       nobody waits for the other to read
//!   thread, thread, … ─▶    whole frames, each thread's in its order
//!   write ─▶                leaves when the thread blocks in a read, or ends
//! ```
//!
//! A connection whose peer does not read is in `backpressure.rs`.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{Client, Role, WebSocket};
use common::frame::{BINARY, CONTINUATION, Frame, TEXT};
use common::{ROLES, RawPeer};
use raw::*;
use std::net::TcpListener;
use std::thread;

const MIB: usize = 1 << 20;

/// 8 MiB in which no two blocks are alike.
fn big(seed: usize) -> Vec<u8> {
    (0..8 * MIB).map(|i| ((i >> 8).wrapping_mul(31) ^ i ^ seed) as u8).collect()
}

/// Our client and our server, connected to each other.
fn both_ours() -> (WebSocket, WebSocket) {
    let (near, far, address) = tcp_pair();
    let accepting = thread::spawn(move || clearsocket::accept(near).expect("accept").0);
    let client = Client::new().handshake(&format!("ws://{address}/"), far).expect("handshake").0;
    (in_time(accepting), client)
}

fn unmasked(frame: Option<Frame>) -> Frame {
    Frame { mask: None, ..frame.expect("a frame") }
}

// ---- Two big messages that meet ----

#[test]
fn eight_mebibytes_each_way_at_once_by_one_thread_on_each_side() {
    let (server, client) = both_ours();
    let one_side = |mut ws: WebSocket, ours: usize, theirs: usize| {
        thread::spawn(move || {
            ws.send(big(ours)).expect("send");
            // RFC 6455 §5.1/g
            let message = ws.read().expect("read").expect("a message");
            assert!(message.as_bytes() == big(theirs), "the message has changed on its way");
            ws.send("done").expect("send");
            assert_eq!(ws.read().expect("read"), Some("done".into()));
        })
    };
    let sides = [one_side(server, 1, 2), one_side(client, 2, 1)];
    sides.into_iter().for_each(in_time);
}

#[test]
fn eight_mebibytes_each_way_at_once_by_two_threads_on_each_side() {
    let (server, client) = both_ours();
    let one_side = |ws: WebSocket, ours: usize, theirs: usize| {
        let (mut receiver, sender) = ws.split();
        let sending = thread::spawn(move || {
            for _ in 0..4 {
                sender.send(&big(ours)[..2 * MIB]).expect("send");
            }
        });
        let reading = thread::spawn(move || {
            for _ in 0..4 {
                let message = receiver.read().expect("read").expect("a message");
                assert!(message.as_bytes() == &big(theirs)[..2 * MIB]);
            }
            receiver
        });
        (sending, reading)
    };
    let (sides, readers): (Vec<_>, Vec<_>) =
        [one_side(server, 1, 2), one_side(client, 2, 1)].into_iter().unzip();
    sides.into_iter().for_each(in_time);
    let receivers = readers.into_iter().map(in_time).collect::<Vec<_>>();
    let dropping = receivers.into_iter().map(|receiver| thread::spawn(move || drop(receiver)));
    dropping.collect::<Vec<_>>().into_iter().for_each(in_time);
}

#[test]
fn a_peer_that_reads_only_when_it_has_written_everything_holds_nobody_up() {
    for role in ROLES {
        let (mut ws, mut peer) = pair(role);
        let ours = thread::spawn(move || {
            ws.send(big(1)).expect("send");
            let message = ws.read().expect("read").expect("a message").into_owned();
            (ws, message)
        });
        peer.send(Frame::binary(big(2)));
        let frame = unmasked(peer.read());
        assert!(frame.payload == big(1));
        let (ws, message) = in_time(ours);
        assert!(message.as_bytes() == big(2));
        wait_until("nothing is buffered", || ws.buffered_amount() == 0);
        ws.abort();
    }
}

// ---- Many threads ----

#[test]
fn what_many_threads_send_arrives_whole_and_in_each_threads_order() {
    const THREADS: usize = 16;
    const MESSAGES: usize = 500;
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        let threads: Vec<_> = (0..THREADS)
            .map(|id| {
                let sender = ws.sender();
                thread::spawn(move || {
                    for number in 0..MESSAGES {
                        let text = format!("{id} {number} {}", "x".repeat((id * number) % 300));
                        match number % 3 {
                            0 => sender.send(text).expect("send"),
                            1 => sender.write(text).expect("write"),
                            _ => sender.write(text).map(|()| sender.flush()).expect("write"),
                        }
                    }
                })
            })
            .collect();
        let mut next_number = [0; THREADS];
        for _ in 0..THREADS * MESSAGES {
            let frame = peer.read().expect("a frame");
            // RFC 6455 §6.1/c §6.1/e §6.1/f §6.1/g
            assert_eq!((frame.fin, frame.rsv, frame.opcode), (true, 0, TEXT));
            assert_eq!(frame.mask.is_some(), role == Role::Client);
            let text = String::from_utf8(frame.payload).expect("text");
            let mut words = text.split(' ');
            let mut number = || words.next().and_then(|word| word.parse::<usize>().ok()).expect("a number");
            let (id, number) = (number(), number());
            assert_eq!(number, next_number[id], "thread {id}");
            next_number[id] += 1;
            assert_eq!(words.next().map(str::len), Some((id * number) % 300));
        }
        threads.into_iter().for_each(in_time);
        wait_until("nothing is buffered", || ws.buffered_amount() == 0);
        ws.abort();
    }
}

#[test]
fn messages_of_other_threads_wait_for_the_last_fragment() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        let sender = ws.sender();
        let fragments = thread::spawn(move || {
            for number in 0..100 {
                for part in ["a", "b", "c"] {
                    sender.write_fragment(format!("{number}{part}"), part == "c").expect("write_fragment");
                    sender.flush();
                    thread::yield_now();
                }
            }
        });
        let others: Vec<_> = (0..4)
            .map(|_| {
                let sender = ws.sender();
                thread::spawn(move || {
                    for _ in 0..100 {
                        sender.send(b"whole").expect("send");
                        thread::yield_now();
                    }
                })
            })
            .collect();
        let (mut whole, mut fragmented) = (0, 0);
        while whole + fragmented < 500 {
            let frame = peer.read().expect("a frame");
            if frame.opcode == BINARY {
                assert!(frame.fin);
                whole += 1;
                continue;
            }
            // RFC 6455 §5.4/e §5.4/f §5.4/n
            let expected = |part| {
                Frame::new(if part == "a" { TEXT } else { CONTINUATION }, format!("{fragmented}{part}"))
            };
            assert_eq!(unmasked(Some(frame)), expected("a").more());
            assert_eq!(unmasked(peer.read()), expected("b").more());
            assert_eq!(unmasked(peer.read()), expected("c"));
            fragmented += 1;
        }
        assert_eq!((whole, fragmented), (400, 100));
        in_time(fragments);
        others.into_iter().for_each(in_time);
        wait_until("nothing is buffered", || ws.buffered_amount() == 0);
        ws.abort();
    }
}

#[test]
fn a_pong_does_not_wait_for_the_last_fragment() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        let (mut receiver, sender) = ws.split();
        sender.write_fragment("begin ", false).expect("write_fragment");
        sender.flush();
        sender.send(b"held back").expect("send");
        let reading = thread::spawn(move || while let Ok(Some(_)) = receiver.read() {});
        assert_eq!(unmasked(peer.read()), Frame::text("begin ").more());
        peer.send(Frame::ping("?"));
        // RFC 6455 §5.4/c §5.4/g
        assert_eq!(unmasked(peer.read()), Frame::pong("?"));
        sender.write_fragment("end", true).expect("write_fragment");
        sender.flush();
        assert_eq!(unmasked(peer.read()), Frame::continuation("end"));
        assert_eq!(unmasked(peer.read()), Frame::binary("held back"));
        sender.abort();
        in_time(reading);
    }
}

#[test]
fn sending_and_closing_at_once_leaves_whole_frames_and_nothing_behind_the_close() {
    for round in 0..20 {
        let role = ROLES[round % 2];
        let (ws, mut peer) = pair(role);
        let (mut receiver, sender) = ws.split();
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let sender = sender.clone();
                thread::spawn(move || {
                    let mut accepted = 0;
                    while sender.send("some words").is_ok() {
                        accepted += 1;
                    }
                    accepted
                })
            })
            .collect();
        let reading = thread::spawn(move || while let Ok(Some(_)) = receiver.read() {});
        let mut frames = vec![unmasked(peer.read())];
        sender.close(1000, "").expect("close");
        let (rest, _) = read_to_close(&mut peer);
        frames.extend(rest);
        let accepted: usize = senders.into_iter().map(in_time).sum();
        // RFC 6455 §6.1/b §5.5.1/f
        assert_eq!(
            frames,
            vec![Frame::text("some words"); accepted],
            "what was accepted went before the Close"
        );
        peer.send(Frame::close(1000, ""));
        if role == Role::Server {
            assert_eq!(read_end(&mut peer), End::Fin);
        }
        drop(peer);
        in_time(reading);
    }
}

// ---- write, flush, send ----

#[test]
fn what_a_thread_has_written_leaves_when_it_blocks_in_a_read() {
    for role in ROLES {
        let (mut ws, mut peer) = pair(role);
        for number in 0..10 {
            ws.write(number.to_string()).expect("write");
        }
        assert_eq!(ws.buffered_amount(), 10);
        assert_quiet(&mut peer);
        let reading = thread::spawn(move || {
            let _ = ws.read();
            ws
        });
        // Another thread reads now, and it has promised nothing.
        peer.send(Frame::text("go on"));
        let ws = in_time(reading);
        ws.flush();
        for number in 0..10 {
            assert_eq!(unmasked(peer.read()), Frame::text(number.to_string()));
        }
        let mut ws = ws;
        let reading = thread::spawn(move || {
            ws.write("written before the read").expect("write");
            let _ = ws.read();
            ws
        });
        // RFC 6455 §6.1/h
        assert_eq!(unmasked(peer.read()), Frame::text("written before the read"));
        peer.send(Frame::text("go on"));
        in_time(reading).abort();
    }
}

#[test]
fn what_a_thread_has_written_to_another_connection_leaves_when_it_blocks_in_a_read() {
    let (mut read_from, mut silent) = pair(Role::Server);
    let (written_to, mut peer) = pair(Role::Server);
    let reading = thread::spawn(move || {
        written_to.write("to somebody else").expect("write");
        let _ = read_from.read();
        (written_to, read_from)
    });
    assert_eq!(peer.read(), Some(Frame::text("to somebody else")));
    silent.send(Frame::text("go on"));
    let (one, other) = in_time(reading);
    one.abort();
    other.abort();
}

#[test]
fn what_a_thread_has_written_leaves_when_it_ends() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        let sender = ws.sender();
        in_time(thread::spawn(move || sender.write("last words of a thread").expect("write")));
        // RFC 6455 §6.1/h
        assert_eq!(unmasked(peer.read()), Frame::text("last words of a thread"));
        ws.abort();
    }
}

#[test]
fn what_grows_beyond_64_kib_leaves_by_itself() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        ws.write(vec![1; 1000]).expect("write");
        assert_quiet(&mut peer);
        ws.write(vec![2; 64 << 10]).expect("write");
        assert_eq!(unmasked(peer.read()), Frame::binary(vec![1; 1000]));
        assert_eq!(unmasked(peer.read()), Frame::binary(vec![2; 64 << 10]));
        wait_until("nothing is buffered", || ws.buffered_amount() == 0);
        ws.abort();
    }
}

// ---- Closing while another thread reads ----

#[test]
fn a_close_by_another_thread_ends_a_blocked_read_in_order() {
    for role in ROLES {
        let (ws, mut peer) = pair(role);
        let (mut receiver, sender) = ws.split();
        let reading = thread::spawn(move || {
            let end = receiver.read().map(|message| message.is_none());
            (end, receiver.close_event())
        });
        peer.send(Frame::ping(""));
        peer.read().expect("a pong");
        sender.close(1000, "").expect("close");
        assert_eq!(read_close_code(&mut peer), 1000);
        peer.send(Frame::close(1000, "fine"));
        if role == Role::Server {
            assert_eq!(read_end(&mut peer), End::Fin);
        }
        drop(peer);
        let (end, event) = in_time(reading);
        assert!(matches!(end, Ok(true)), "{end:?}");
        assert_eq!((event.code.get(), event.reason.as_str(), event.was_clean), (1000, "fine", true));
    }
}

#[test]
fn a_connection_can_be_used_from_a_listener_of_ones_own() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let serving = thread::spawn(move || echo(clearsocket::accept(listener.accept()?.0)?.0));
    let mut peer = RawPeer::connect(address);
    assert_echoes(&mut peer, "hello");
    peer.send(Frame::close(1000, ""));
    assert_eq!(read_close_code(&mut peer), 1000);
    drop(peer);
    in_time(serving).expect("a clean end");
}
