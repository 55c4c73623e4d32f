//! A peer that does not read, or reads slowly, and the handler that serves it (RFC 6455 §5.5.3, §10.4; `Overflow`).
//!
//! ```text
//!   other threads, or the handler itself ─▶ the queue is full ─▶ Overflow decides
//!                                           the peer's frames ─▶ are they read meanwhile?
//! ```
//!
//! These run in either kind of server; see `event_loop.rs`. What `jam` leaves is full until the peer reads.

mod common;
#[path = "common/jam.rs"]
mod jam;
#[path = "common/raw.rs"]
mod raw;
#[path = "common/served.rs"]
mod served;

use clearsocket::{Config, Error, Overflow, ReadyState};
use common::frame::{Frame, PING, PONG, TEXT};
use common::{RawPeer, Seen};
use jam::*;
use raw::*;
use served::*;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

// ---- Overflow ----

#[test]
fn wait_blocks_another_thread_until_there_is_room() {
    let (served, mut peer) = serve_narrow(full_at_limit(Overflow::Wait), Answer::Nothing);
    jam(&served.sender);
    let sender = served.sender.clone();
    let sending = thread::spawn(move || sender.send("waited"));
    thread::sleep(A_WHILE);
    assert!(!sending.is_finished());
    assert_eq!(read_blocks(&mut peer), Frame::text("waited"));
    in_time(sending).expect("send");
    wait_until("nothing is buffered", || served.sender.buffered_amount() == 0);
}

#[test]
fn an_abort_ends_the_wait_and_the_connection() {
    let (served, _peer) = serve_narrow(full_at_limit(Overflow::Wait), Answer::Nothing);
    jam(&served.sender);
    let sender = served.sender.clone();
    let sending = thread::spawn(move || sender.send("waited"));
    thread::sleep(A_WHILE);
    served.sender.abort();
    assert!(matches!(in_time(sending), Err(Error::NotOpen(_))));
    served.assert_lost("ConnectionLost");
}

#[test]
fn the_write_timeout_ends_the_wait_and_the_connection() {
    let mut config = full_at_limit(Overflow::Wait);
    config.write_timeout = SHORT;
    let (served, _peer) = serve_narrow(config, Answer::Nothing);
    let sender = served.sender.clone();
    let sending = thread::spawn(move || while sender.send(vec![0; BLOCK]).is_ok() {});
    in_time(sending);
    served.assert_lost("Timeout(Write)");
}

#[test]
fn a_handler_whose_answers_are_not_read_meets_the_write_timeout_too() {
    let mut config = full_at_limit(Overflow::Wait);
    config.write_timeout = SHORT;
    let (served, peer) = serve_narrow(config, Answer::Echo);
    let mut writer = RawPeer::new(peer.stream.try_clone().expect("try_clone"), peer.role);
    let writing = thread::spawn(move || {
        let bytes = Frame::binary(vec![0; BLOCK]).masked().bytes();
        while std::io::Write::write_all(&mut writer.stream, &bytes).is_ok() {}
    });
    wait_until("nobody is connected", || served.server.connections() == 0);
    let last = served.told.iter().find(|told| !matches!(told, Told::Saw(_)));
    // In a thread of its own it is the handler that finds out, when it writes the next answer.
    let known = ["Timeout(Write)", "NotOpen(Closed)"];
    assert!(matches!(&last, Some(Told::Error(error)) if known.contains(&&**error)), "{last:?}");
    end_flood(&peer, writing);
}

#[test]
fn disconnect_ends_the_connection_of_a_peer_that_is_behind() {
    let (served, mut peer) = serve_narrow(full_at_limit(Overflow::Disconnect), Answer::Nothing);
    jam(&served.sender);
    assert!(matches!(served.sender.send("one too many"), Err(Error::BacklogFull)));
    served.assert_lost("BacklogFull");
    assert!(matches!(served.sender.send("and another"), Err(Error::NotOpen(_))));
    let bytes = peer.read_to_end();
    assert!(!bytes.windows(12).any(|window| window == b"one too many"));
}

#[test]
fn drop_newest_drops_the_new_message_and_tells_nobody() {
    let (served, mut peer) = serve_narrow(full_at_limit(Overflow::DropNewest), Answer::Nothing);
    let sender = &served.sender;
    jam(sender);
    let before = sender.buffered_amount();
    (0..10).for_each(|_| sender.send("dropped").expect("send"));
    assert_eq!(sender.buffered_amount(), before);
    sender.with_overflow(Overflow::DropNewest, 1 << 30).send("not dropped").expect("send");
    assert_eq!(read_blocks(&mut peer), Frame::text("not dropped"));
    wait_until("nothing is buffered", || sender.buffered_amount() == 0);
}

#[test]
fn drop_oldest_drops_what_waits_so_that_the_last_messages_arrive_in_order() {
    let (served, mut peer) = serve_narrow(full_at_limit(Overflow::DropOldest), Answer::Nothing);
    let sender = &served.sender;
    jam(sender);
    let before = sender.buffered_amount();
    let numbered = |number: u8| vec![number; BLOCK / 2];
    (1..=100).for_each(|number| sender.send(numbered(number)).expect("send"));
    assert!(sender.buffered_amount() <= before + BLOCK, "the queue does not grow");
    let first = read_blocks(&mut peer).payload[0];
    assert!(first > 1, "the oldest were dropped");
    for number in first + 1..=100 {
        assert!(peer.read() == Some(Frame::binary(numbered(number))), "whole and in order: {number}");
    }
}

// ---- What the peer sends meanwhile ----

#[test]
fn an_echo_to_a_peer_that_does_not_read_waits_with_reading_and_loses_nothing() {
    const MESSAGES: usize = 100;
    let mut config = full_at_limit(Overflow::Wait);
    config.ping_interval = Some(SHORT);
    config.pong_timeout = Duration::from_secs(2);
    let (served, mut peer) = serve_narrow(config, Answer::Echo);
    let mut writer = RawPeer::new(peer.stream.try_clone().expect("try_clone"), peer.role);
    let writing = thread::spawn(move || {
        for number in 0..MESSAGES {
            writer.send(Frame::binary(vec![number as u8 + 1; BLOCK]));
        }
    });
    // The peer is not silent, it is not heard: the heartbeat has no say in this.
    thread::sleep(SHORT + Duration::from_secs(3));
    assert!(!writing.is_finished());
    let buffered = served.sender.buffered_amount();
    assert!((LIMIT..=LIMIT + 3 * BLOCK).contains(&buffered), "{buffered} bytes are in the queue");
    for number in 0..MESSAGES {
        let mut frame = peer.read().expect("a frame");
        while frame.opcode == PING {
            frame = peer.read().expect("a frame");
        }
        assert!(frame == Frame::binary(vec![number as u8 + 1; BLOCK]), "message {number}");
    }
    in_time(writing);
}

#[test]
fn whoever_need_not_wait_for_room_is_read_however_much_is_queued() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest, Overflow::Disconnect] {
        let (served, mut peer) = serve_narrow(full_at_limit(overflow), Answer::Nothing);
        jam(&served.sender);
        peer.send(Frame::text("you do not hear me, I hear you"));
        peer.send(Frame::ping("one"));
        served.assert_saw("you do not hear me, I hear you");
        assert_eq!(served.next(), Told::Saw(Seen::ping("one")), "{overflow:?}");
    }
}

#[test]
fn pings_that_come_while_output_is_stuck_are_answered_by_one_pong_the_newest() {
    let (served, mut peer) = serve_narrow(Config::default(), Answer::Nothing);
    jam(&served.sender);
    (0..100).for_each(|number| peer.send(Frame::ping(format!("ping {number}"))));
    peer.send(Frame::text("all sent"));
    let told = served.told.iter().find(|told| *told == Told::Saw(Seen::text("all sent")));
    assert!(told.is_some());
    served.sender.with_overflow(Overflow::Wait, usize::MAX).send("the end").expect("send");
    let rest = [read_blocks(&mut peer), read_blocks(&mut peer)];
    // RFC 6455 §5.5.3/b §5.5.3/a
    let pongs: Vec<_> = rest.iter().filter(|frame| frame.opcode == PONG).collect();
    assert_eq!(pongs, [&Frame::pong("ping 99")]);
    let texts: Vec<_> = rest.iter().filter(|frame| frame.opcode == TEXT).collect();
    assert_eq!(texts, [&Frame::text("the end")]);
}

// ---- Ends ----

#[test]
fn a_close_finds_its_place_behind_a_full_queue() {
    let (served, mut peer) = serve_narrow(full_at_limit(Overflow::DropNewest), Answer::Nothing);
    jam(&served.sender);
    served.sender.close(1000, "at last").expect("close");
    // RFC 6455 §5.5.1/f §6.1/a
    assert!(matches!(served.sender.send("12345"), Err(Error::NotOpen(ReadyState::Closing))));
    let (frames, payload) = read_to_close(&mut peer);
    assert!(frames.iter().all(|frame| frame.payload.len() == BLOCK));
    assert_eq!(payload, Frame::close(1000, "at last").payload);
    peer.send(Frame::close(1000, ""));
    assert_eq!(read_end(&mut peer), End::Fin);
    served.assert_ends(None, (1000, "", true));
}

#[test]
fn a_close_from_a_peer_that_waits_for_what_is_queued_ends_cleanly() {
    let (served, mut peer) = serve_narrow(full_at_limit(Overflow::DropNewest), Answer::Nothing);
    jam(&served.sender);
    peer.send(Frame::close(1000, ""));
    // RFC 6455 §5.5.1/g
    assert_eq!(read_close_code(&mut peer), 1000);
    assert_eq!(read_end(&mut peer), End::Fin);
    served.assert_ends(None, (1000, "", true));
}

#[test]
fn a_close_that_cannot_leave_is_given_up_at_the_deadline() {
    let mut config = full_at_limit(Overflow::Wait);
    config.close_timeout = SHORT;
    let (served, mut peer) = serve_narrow(config, Answer::Nothing);
    jam(&served.sender);
    served.sender.close(1000, "").expect("close");
    served.assert_lost("Timeout(Close)");
    wait_until("nobody is connected", || served.server.connections() == 0);
    let _server = served.let_go();
    peer.read_to_end();
}

#[test]
fn a_peer_that_is_gone_is_forgotten_whatever_is_queued_for_it() {
    for overflow in [Overflow::Wait, Overflow::DropNewest] {
        for resets in [false, true] {
            let (served, peer) = serve_narrow(full_at_limit(overflow), Answer::Nothing);
            jam(&served.sender);
            if resets {
                drop(peer);
            } else {
                peer.stream.shutdown(Shutdown::Write).expect("shutdown");
            }
            wait_until("nobody is connected", || served.server.connections() == 0);
            assert!(matches!(served.next(), Told::Error(_)), "{overflow:?}");
            served.assert_ends(None, (1006, "", false));
        }
    }
}
