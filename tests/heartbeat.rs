//! A Ping after a silence, and what follows if there is no answer (RFC 6455 §5.5.2, §5.5.3).
//!
//! ```text
//!   silence of ping_interval ─▶ Ping ─▶ any byte from the peer: alive
//!                                  └─▶ silence of pong_timeout: lost
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{CloseEvent, Config, Error, ReadyState, Timeout, WebSocket};
use common::RawPeer;
use common::frame::{Frame, PING};
use raw::*;
use std::thread::{self, JoinHandle};
use std::time::Duration;

fn heartbeat(interval: Duration, patience: Duration) -> Config {
    config(|config| (config.ping_interval, config.pong_timeout) = (Some(interval), patience))
}

/// Reads to the end and gives the last result.
fn read_to_end(mut ws: WebSocket) -> JoinHandle<(Result<(), Error>, WebSocket)> {
    thread::spawn(move || {
        loop {
            match ws.read() {
                Ok(Some(_)) => {}
                Ok(None) => return (Ok(()), ws),
                Err(error) => return (Err(error), ws),
            }
        }
    })
}

#[track_caller]
fn read_ping(peer: &mut RawPeer) -> Vec<u8> {
    let frame = peer.read().expect("a Ping");
    assert_eq!((frame.fin, frame.opcode), (true, PING));
    assert!(frame.payload.len() <= 125);
    frame.payload
}

/// Far more than the machine will need.
const PATIENT: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(100);

#[test]
fn a_peer_that_is_silent_is_sent_a_ping_and_its_pong_keeps_the_connection_open() {
    both_roles(|role| {
        let (ws, mut peer) = pair_with(role, heartbeat(INTERVAL, PATIENT));
        let sender = ws.sender();
        let reading = read_to_end(ws);
        for _ in 0..3 {
            // RFC 6455 §5.5.2/d
            let payload = read_ping(&mut peer);
            peer.send(Frame::pong(payload));
        }
        assert_eq!(sender.ready_state(), ReadyState::Open);
        sender.abort();
        drop(in_time(reading));
    });
}

#[test]
fn a_peer_that_does_not_answer_the_ping_is_lost() {
    both_roles(|role| {
        let (ws, mut peer) = pair_with(role, heartbeat(INTERVAL, SHORT));
        let reading = read_to_end(ws);
        read_ping(&mut peer);
        let (result, ws) = in_time(reading);
        assert!(matches!(result, Err(Error::Timeout(Timeout::Pong))), "{result:?}");
        // RFC 6455 §7.2.1/b §7.1.5/c
        let lost = CloseEvent { code: 1006.into(), reason: String::new(), was_clean: false };
        assert_eq!((ws.ready_state(), ws.close_event()), (ReadyState::Closed, lost));
        assert_eq!(peer.read(), None, "one Ping is enough");
    });
}

#[test]
fn any_frame_is_a_sign_of_life_and_not_the_pong_alone() {
    both_roles(|role| {
        let (ws, mut peer) = pair_with(role, heartbeat(INTERVAL, PATIENT));
        let sender = ws.sender();
        let reading = read_to_end(ws);
        for sign in [
            Frame::text("busy"),
            Frame::pong("another one"),
            Frame::binary("").more(),
            Frame::continuation(""),
        ] {
            read_ping(&mut peer);
            // If it did not count, the patience with the Ping above would go on, and no other Ping would come.
            peer.send(sign);
        }
        read_ping(&mut peer);
        sender.abort();
        drop(in_time(reading));
    });
}

#[test]
fn a_message_that_arrives_byte_by_byte_is_a_sign_of_life() {
    both_roles(|role| {
        let (ws, mut peer) = pair_with(role, heartbeat(Duration::from_secs(2), SHORT));
        let reading = read_to_end(ws);
        for byte in Frame::text("x".repeat(60)).sent_to(role).bytes() {
            peer.send_bytes(&[byte]);
            thread::sleep(Duration::from_millis(45));
        }
        // No Ping came in more than 2.5 seconds.
        assert_quiet(&mut peer);
        drop(peer);
        drop(in_time(reading));
    });
}

#[test]
fn without_an_interval_there_is_no_ping() {
    both_roles(|role| {
        let config = config(|config| {
            config.ping_interval = None;
            config.pong_timeout = Duration::from_millis(1);
        });
        let (ws, mut peer) = pair_with(role, config);
        let sender = ws.sender();
        let reading = read_to_end(ws);
        assert_quiet(&mut peer);
        assert_quiet(&mut peer);
        assert_eq!(sender.ready_state(), ReadyState::Open);
        sender.abort();
        drop(in_time(reading));
    });
}

#[test]
fn a_server_reports_and_forgets_a_client_that_has_vanished() {
    let server = TestServer::echo(server().config(heartbeat(INTERVAL, SHORT)));
    let mut vanished = RawPeer::connect(server.address);
    let mut alive = RawPeer::connect(server.address);
    read_ping(&mut vanished);
    // The other one answers until the first is gone.
    wait_until("the vanished one is forgotten", || {
        let payload = read_ping(&mut alive);
        alive.send(Frame::pong(payload));
        server.connections() == 1
    });
}

#[test]
fn a_dead_connection_is_noticed_within_the_two_intervals_also_after_a_busy_time() {
    both_roles(|role| {
        let (ws, mut peer) = pair_with(role, heartbeat(INTERVAL, SHORT));
        let sender = ws.sender();
        let reading = read_to_end(ws);
        // What we send ourselves says nothing about the peer.
        let sending = thread::spawn(move || {
            while sender.send("are you there?").is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
        });
        while peer.read().is_some() {}
        let (result, _) = in_time(reading);
        assert!(matches!(result, Err(Error::Timeout(Timeout::Pong))), "{result:?}");
        in_time(sending);
    });
}
