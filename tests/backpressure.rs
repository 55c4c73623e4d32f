//! A peer that does not read, or reads slowly (RFC 6455 §5.5.3, §10.4; `Overflow`, `Config::max_backlog`).
//!
//! ```text
//!   send ─▶ the socket takes it ─▶ or it is queued ─▶ or, with max_backlog bytes queued, Overflow decides
//! ```
//!
//! [`jam`] sends until nothing moves any more. From then on, and until the peer reads, every queue is full
//! and stays so: what these tests look at does not depend on time. The connections are held by the tests; those that
//! a server's handler serves are in `handler_backpressure.rs`.

mod common;
#[path = "common/jam.rs"]
mod jam;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{CloseEvent, Config, Error, Overflow, ReadyState, Role, Timeout};
use common::frame::{Frame, PONG, TEXT};
use jam::*;
use raw::*;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

// ---- Overflow ----

#[test]
fn wait_blocks_the_sending_thread_until_there_is_room() {
    both_roles(|role| {
        let (ws, mut peer) = narrow_pair_with(role, full_at_limit(Overflow::Wait));
        let sender = ws.sender();
        jam(&sender);
        let sending = thread::spawn(move || sender.send("waited"));
        thread::sleep(A_WHILE);
        assert!(!sending.is_finished());
        assert_eq!(read_blocks(&mut peer), Frame::text("waited"));
        in_time(sending).expect("send");
        wait_until("nothing is buffered", || ws.buffered_amount() == 0);
        ws.abort();
    });
}

#[test]
fn abort_ends_the_wait_of_a_blocked_sender() {
    both_roles(|role| {
        let (ws, _peer) = narrow_pair_with(role, full_at_limit(Overflow::Wait));
        let sender = ws.sender();
        jam(&sender);
        let sending = thread::spawn(move || sender.send("waited"));
        thread::sleep(A_WHILE);
        ws.abort();
        assert!(matches!(in_time(sending), Err(Error::NotOpen(_))));
    });
}

#[test]
fn the_write_timeout_ends_the_wait_and_the_connection() {
    both_roles(|role| {
        let mut config = full_at_limit(Overflow::Wait);
        config.write_timeout = SHORT;
        let (ws, _peer) = narrow_pair_with(role, config);
        let (mut receiver, sender) = ws.split();
        let sending = thread::spawn(move || {
            loop {
                if let Err(error) = sender.send(vec![0; BLOCK]) {
                    return (error, sender);
                }
            }
        });
        let reading = thread::spawn(move || {
            let result = receiver.read().map(|message| message.map(|_| ()));
            (result, receiver.close_event())
        });
        let (error, _sender) = in_time(sending);
        assert!(matches!(error, Error::NotOpen(_) | Error::Timeout(Timeout::Write)), "{error:?}");
        let (result, event) = in_time(reading);
        assert!(matches!(result, Err(Error::Timeout(Timeout::Write))), "{result:?}");
        let lost = CloseEvent { code: 1006.into(), reason: String::new(), was_clean: false };
        assert_eq!(event, lost);
    });
}

#[test]
fn a_peer_that_reads_slowly_but_steadily_does_not_meet_the_write_timeout() {
    let config = config(|config| config.write_timeout = Duration::from_secs(1));
    let (ws, mut peer) = pair_with(Role::Server, config);
    let message: Vec<u8> = (0..8 << 20).map(|i: u32| (i >> 7) as u8).collect();
    let expected = Frame::binary(&message).bytes();
    ws.send(message).expect("send");
    let mut received: Vec<u8> = Vec::new();
    // A little every 20 milliseconds for three times the timeout, then all the rest.
    let start = Instant::now();
    let mut piece = vec![0; 8 << 10];
    while received.len() < expected.len() {
        if start.elapsed() < Duration::from_secs(3) {
            thread::sleep(Duration::from_millis(20));
        }
        let n = peer.stream.read(&mut piece).expect("read");
        assert!(n > 0, "the connection was cut after {} bytes", received.len());
        received.extend(&piece[..n]);
    }
    assert!(received == expected);
    ws.abort();
}

#[test]
fn disconnect_ends_the_connection_of_a_peer_that_is_behind() {
    both_roles(|role| {
        let (ws, mut peer) = narrow_pair_with(role, full_at_limit(Overflow::Disconnect));
        let (mut receiver, sender) = ws.split();
        jam(&sender);
        let reading = thread::spawn(move || receiver.read().map(|message| message.map(|_| ())));
        assert!(matches!(sender.send("one too many"), Err(Error::BacklogFull)));
        assert!(matches!(in_time(reading), Err(Error::BacklogFull)));
        assert!(matches!(sender.send("and another"), Err(Error::NotOpen(_))));
        // What the socket had taken may arrive; then the connection ends, without the message.
        let bytes = peer.read_to_end();
        assert!(!bytes.windows(12).any(|window| window == b"one too many"));
    });
}

#[test]
fn drop_newest_drops_the_new_message_and_tells_nobody() {
    both_roles(|role| {
        let (ws, mut peer) = narrow_pair_with(role, full_at_limit(Overflow::DropNewest));
        jam(&ws.sender());
        let before = ws.buffered_amount();
        for _ in 0..10 {
            ws.send("dropped").expect("send");
        }
        assert_eq!(ws.buffered_amount(), before);
        // A sender with a higher limit of its own gets through.
        ws.sender().with_overflow(Overflow::DropNewest, 1 << 30).send("not dropped").expect("send");
        assert_eq!(read_blocks(&mut peer), Frame::text("not dropped"));
        wait_until("nothing is buffered", || ws.buffered_amount() == 0);
        ws.send("there is room again").expect("send");
        assert_eq!(read_blocks(&mut peer), Frame::text("there is room again"));
        ws.abort();
    });
}

#[test]
fn drop_oldest_drops_what_waits_so_that_the_last_messages_arrive_in_order() {
    both_roles(|role| {
        let (ws, mut peer) = narrow_pair_with(role, full_at_limit(Overflow::DropOldest));
        jam(&ws.sender());
        let before = ws.buffered_amount();
        let numbered = |number: u8| vec![number; BLOCK / 2];
        for number in 1..=100 {
            ws.send(numbered(number)).expect("send");
        }
        assert!(ws.buffered_amount() <= before + BLOCK, "the queue does not grow");
        let first = read_blocks(&mut peer).payload[0];
        assert!(first > 1, "the oldest were dropped");
        for number in first + 1..=100 {
            let frame = peer.read().expect("a frame");
            assert!(frame.fin && frame.payload == numbered(number), "whole and in order: {number}");
        }
        wait_until("nothing is buffered", || ws.buffered_amount() == 0);
        ws.abort();
    });
}

#[test]
fn fragments_are_never_dropped() {
    for (role, overflow) in [(Role::Server, Overflow::DropNewest), (Role::Client, Overflow::DropOldest)] {
        let (ws, mut peer) = narrow_pair_with(role, full_at_limit(overflow));
        ws.write_fragment("a", false).expect("write_fragment");
        ws.flush();
        assert_eq!(peer.read().map(|frame| frame.payload), Some(b"a".to_vec()));
        ws.write_fragment("b", true).expect("write_fragment");
        ws.flush();
        assert_eq!(peer.read().map(|frame| frame.payload), Some(b"b".to_vec()));
        jam(&ws.sender());
        let sender = ws.sender();
        let sending = thread::spawn(move || {
            for (part, fin) in [("one ", false), ("two ", false), ("three", true)] {
                sender.write_fragment(part, fin).expect("write_fragment");
                sender.flush();
            }
        });
        thread::sleep(A_WHILE);
        // RFC 6455 §5.4/b §5.4/e
        assert_eq!(read_blocks(&mut peer), Frame::text("one ").more());
        for expected in [Frame::continuation("two ").more(), Frame::continuation("three")] {
            assert_eq!(peer.read().map(|frame| Frame { mask: None, ..frame }), Some(expected));
        }
        in_time(sending);
        ws.abort();
    }
}

#[test]
fn what_is_queued_stays_below_the_limit_plus_one_message() {
    const MESSAGE: usize = 600 << 10;
    const BACKLOG: usize = 1 << 20;
    let config = config(|config| (config.overflow, config.max_backlog) = (Overflow::DropNewest, BACKLOG));
    let (ws, _peer) = narrow_pair_with(Role::Server, config);
    let mut highest = 0;
    for _ in 0..300 {
        ws.send(vec![1; MESSAGE]).expect("send");
        highest = highest.max(ws.buffered_amount());
        thread::sleep(Duration::from_millis(1));
    }
    assert!(highest <= BACKLOG + MESSAGE, "{highest} is more than {BACKLOG} + {MESSAGE}");
    ws.abort();
}

#[test]
fn after_our_close_a_send_is_refused_at_once_whatever_the_queue_and_the_close_arrives() {
    both_roles(|role| {
        for overflow in [Overflow::DropNewest, Overflow::DropOldest, Overflow::Disconnect, Overflow::Wait] {
            let (ws, mut peer) = narrow_pair_with(role, full_at_limit(overflow));
            jam(&ws.sender());
            ws.close(1000, "").expect("close");
            let before = ws.buffered_amount();
            let sender = ws.sender();
            let refused = in_time(thread::spawn(move || sender.send("12345")));
            // RFC 6455 §5.5.1/f §6.1/a
            let is_refused = matches!(refused, Err(Error::NotOpen(ReadyState::Closing)));
            assert!(is_refused, "{role:?}, {overflow:?}: {refused:?}");
            assert_eq!(ws.buffered_amount(), before + 5);
            assert_eq!(read_close_code(&mut peer), 1000);
            ws.abort();
        }
    });
}

// ---- What never waits for room ----

#[test]
fn pings_that_come_while_output_is_stuck_are_answered_by_one_pong_the_newest() {
    both_roles(|role| {
        let (ws, mut peer) = narrow_pair_with(role, Config::default());
        let (mut receiver, sender) = ws.split();
        jam(&sender);
        for number in 0..100 {
            peer.send(Frame::ping(format!("ping {number}")));
        }
        peer.send(Frame::text("all sent"));
        let reading = thread::spawn(move || {
            assert!(receiver.read().expect("read").is_some());
            receiver
        });
        let receiver = in_time(reading);
        sender.with_overflow(Overflow::Wait, usize::MAX).send("the end").expect("send");
        let mut rest = vec![read_blocks(&mut peer)];
        while rest.len() < 2 {
            rest.push(read_blocks(&mut peer));
        }
        // RFC 6455 §5.5.3/b §5.5.3/a
        let pongs: Vec<_> = rest.iter().filter(|frame| frame.opcode == PONG).collect();
        assert_eq!(pongs, [&Frame::pong("ping 99")]);
        let texts: Vec<_> = rest.iter().filter(|frame| frame.opcode == TEXT).collect();
        assert_eq!(texts, [&Frame::text("the end")]);
        sender.abort();
        drop(receiver);
    });
}

#[test]
fn a_close_finds_its_place_behind_a_full_queue() {
    both_roles(|role| {
        let (ws, mut peer) = narrow_pair_with(role, full_at_limit(Overflow::DropNewest));
        jam(&ws.sender());
        ws.close(1000, "at last").expect("close");
        let reading = thread::spawn(move || {
            let mut ws = ws;
            while ws.read().expect("a clean end").is_some() {}
            ws.close_event()
        });
        let (frames, payload) = read_to_close(&mut peer);
        assert!(frames.iter().all(|frame| frame.payload.len() == BLOCK));
        assert_eq!(payload, Frame::close(1000, "at last").payload);
        peer.send(Frame::close(1000, ""));
        if role == Role::Server {
            assert_eq!(read_end(&mut peer), End::Fin);
        }
        drop(peer);
        assert!(in_time(reading).was_clean);
    });
}

#[test]
fn a_close_from_a_peer_that_waits_for_what_is_queued_ends_cleanly() {
    both_roles(|role| {
        let (ws, mut peer) = narrow_pair_with(role, full_at_limit(Overflow::DropNewest));
        jam(&ws.sender());
        peer.send(Frame::close(1000, ""));
        let reading = thread::spawn(move || {
            let mut ws = ws;
            while ws.read().expect("a clean end").is_some() {}
            let event = ws.close_event();
            drop(ws);
            event
        });
        // RFC 6455 §5.5.1/g
        assert_eq!(read_close_code(&mut peer), 1000);
        if role == Role::Server {
            assert_eq!(read_end(&mut peer), End::Fin);
        }
        drop(peer);
        assert!(in_time(reading).was_clean);
    });
}

#[test]
fn dropping_a_connection_that_is_stuck_takes_the_close_timeout_and_no_longer() {
    both_roles(|role| {
        let (ws, mut peer) = narrow_pair_with(role, config(|config| config.close_timeout = SHORT));
        jam(&ws.sender());
        in_time(thread::spawn(move || drop(ws)));
        peer.read_to_end();
    });
}

#[test]
fn the_buffered_amount_is_the_payload_that_waits() {
    both_roles(|role| {
        let (ws, mut peer) = narrow_pair_with(role, Config::default());
        assert_eq!(ws.buffered_amount(), 0);
        ws.write("12345").expect("write");
        ws.ping(&[0; 100]).expect("ping");
        ws.flush();
        assert_eq!(ws.buffered_amount(), 0);
        jam(&ws.sender());
        let before = ws.buffered_amount();
        let sender = ws.sender().with_overflow(Overflow::Wait, usize::MAX);
        sender.send("12345").expect("send");
        ws.ping(&[0; 100]).expect("control frames do not count");
        sender.send(&[0; 1000]).expect("send");
        assert_eq!(ws.buffered_amount(), before + 1005);
        let reading = thread::spawn(move || {
            while peer.read().is_some_and(|frame| frame.payload.len() != 1000) {}
            peer
        });
        let _peer = in_time(reading);
        wait_until("nothing is buffered", || ws.buffered_amount() == 0);
        ws.abort();
    });
}
