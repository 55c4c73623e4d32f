//! What a peer sends, or how long a connection lasts, costs no memory (RFC 6455 §5.5.3, §10.4).
//!
//! The memory is that of this process, so there is one test in this file and nothing runs beside it. Linux
//! alone tells the size; elsewhere it passes without looking.

mod common;
#[path = "common/raw.rs"]
mod raw;

#[cfg(feature = "deflate")]
use clearsocket::{Client, Deflate};
use clearsocket::{Hub, Overflow, Role};
use common::frame::{BINARY, Frame};
use common::{ROLES, RawPeer};
use raw::*;
use std::io::{Read, Write};
#[cfg(feature = "deflate")]
use std::sync::Barrier;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Resident memory of this process in KiB, where it can be known.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[track_caller]
fn assert_grown_by_at_most(kib: usize, before: Option<usize>) {
    if let (Some(before), Some(after)) = (before, resident()) {
        assert!(after <= before + kib, "{before} KiB have become {after} KiB");
    }
}

#[test]
fn memory_stays_flat() {
    ROLES.into_iter().for_each(sixty_four_mebibytes_of_pings_from_a_peer_that_never_reads);
    for &driver in DRIVERS {
        a_hundred_peers_that_announce_much_and_send_nothing(driver);
        five_hundred_connections_that_are_silent_after_a_message_of_a_mebibyte_each(driver);
    }
    a_thread_that_sends_and_never_reads();
    a_thread_that_broadcasts_and_never_reads();
    small_messages_to_a_peer_that_never_reads_among_large_ones_to_another();
    empty_messages_to_a_peer_that_never_reads();
    #[cfg(feature = "deflate")]
    many_threads_that_broadcast_to_whoever_takes_compressed_messages();
}

fn sixty_four_mebibytes_of_pings_from_a_peer_that_never_reads(role: Role) {
    let (mut ws, mut peer) = pair(role);
    let ping = Frame::ping([b'x'; 125]).sent_to(role).bytes();
    let pings = ping.repeat((1 << 20) / ping.len() + 1);
    let reading = thread::spawn(move || {
        assert!(ws.read().expect("read").is_some());
        ws
    });
    peer.send_bytes(&pings);
    let before = resident();
    for _ in 0..64 {
        peer.stream.write_all(&pings).expect("the pings are read");
    }
    peer.send(Frame::text("enough"));
    let ws = in_time(reading);
    // RFC 6455 §5.5.3/b §10.4/a
    assert_grown_by_at_most(8 << 10, before);
    ws.abort();
}

/// Reads and forgets until the end.
fn swallow(peer: RawPeer) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut stream = peer.stream;
        let mut buffer = [0; 64 << 10];
        while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
    })
}

fn a_thread_that_sends_and_never_reads() {
    let (ws, peer) = pair(Role::Server);
    let swallowing = swallow(peer);
    let send = |count: usize| (0..count).for_each(|_| ws.send("tick").expect("send"));
    send(10_000);
    let before = resident();
    send(300_000);
    assert_grown_by_at_most(3 << 9, before);
    ws.abort();
    in_time(swallowing);
}

fn a_thread_that_broadcasts_and_never_reads() {
    let hub = Hub::new();
    let (connections, peers): (Vec<_>, Vec<_>) = (0..10).map(|_| pair(Role::Server)).unzip();
    let memberships: Vec<_> = connections.iter().map(|ws| hub.join(ws.sender())).collect();
    let swallowing: Vec<_> = peers.into_iter().map(swallow).collect();
    let broadcast = |count: usize| (0..count).for_each(|_| hub.broadcast("tick"));
    broadcast(1000);
    let before = resident();
    broadcast(30_000);
    assert_grown_by_at_most(3 << 9, before);
    drop(memberships);
    connections.iter().for_each(|ws| ws.abort());
    swallowing.into_iter().for_each(in_time);
}

/// A frame of two bytes takes more than two bytes to keep.
fn empty_messages_to_a_peer_that_never_reads() {
    let (ws, _peer) = pair(Role::Server);
    let sender = ws.sender().with_overflow(Overflow::DropNewest, 4 << 20);
    while sender.buffered_amount() < 1 << 20 {
        sender.send(vec![0; 64 << 10]).expect("send");
    }
    let before = resident();
    for _ in 0..1_000_000 {
        sender.send("").expect("send");
    }
    // RFC 6455 §10.4/a
    assert_grown_by_at_most(8 << 10, before);
    ws.abort();
}

/// A compressor is large, and is needed for a moment by one thread after the other.
#[cfg(feature = "deflate")]
fn many_threads_that_broadcast_to_whoever_takes_compressed_messages() {
    let hub = Hub::new();
    let members = hub.clone();
    let server = TestServer::spawn(server().deflate(Deflate::default()), move |mut ws, _| {
        let _membership = members.join(ws.sender());
        while ws.read()?.is_some() {}
        Ok(())
    });
    let url = format!("ws://{}/", server.address);
    let (mut ws, _) = Client::new().deflate(Deflate::default()).connect(&url).expect("connect");
    let reading = thread::spawn(move || while ws.read().expect("read").is_some() {});
    wait_until("there is a member", || hub.len() == 1);
    let text = r#"{"type":"said","text":"hello there"}"#.repeat(10);
    hub.broadcast(text.as_str());
    let (before, round) = (resident(), Barrier::new(50));
    thread::scope(|threads| {
        for _ in 0..50 {
            threads.spawn(|| {
                let mut kept = Vec::new(); // what stays when the compressor has gone
                for _ in 0..4 {
                    round.wait();
                    hub.broadcast(text.as_str());
                    kept.push(text.clone());
                }
                round.wait();
            });
        }
    });
    assert_grown_by_at_most(12 << 10, before);
    drop(server);
    in_time(reading);
}

/// What waits takes as much memory as it has bytes, whatever the thread has written before.
fn small_messages_to_a_peer_that_never_reads_among_large_ones_to_another() {
    let ((ws, peer), (stuck, _peer)) = (pair(Role::Server), pair(Role::Server));
    let swallowing = swallow(peer);
    let to_stuck = stuck.sender().with_overflow(Overflow::DropNewest, 8 << 20);
    while to_stuck.buffered_amount() < 4 << 20 {
        to_stuck.send(vec![0; 64 << 10]).expect("send");
    }
    let large = vec![0; 12 << 10];
    let before = resident();
    for _ in 0..20_000 {
        ws.write(large.as_slice()).expect("write");
        ws.flush();
        to_stuck.send("a small message").expect("send");
    }
    // RFC 6455 §10.4/a
    assert_grown_by_at_most(32 << 10, before);
    ws.abort();
    stuck.abort();
    in_time(swallowing);
}

fn a_hundred_peers_that_announce_much_and_send_nothing(driver: Driver) {
    let server = TestServer::echo_on(driver, server());
    let mut peers: Vec<_> = (0..100).map(|_| RawPeer::connect(server.address)).collect();
    peers.iter_mut().for_each(|peer| assert_echoes(peer, "hello"));
    let before = resident();
    for peer in &mut peers {
        // As much as is allowed, and its first bytes.
        peer.send_bytes(&Frame::binary("").masked().announcing(16 << 20).header());
        peer.send_bytes(&[0; 100]);
    }
    // A ping cannot be answered in the middle of a frame, so wait as the clock goes.
    peers.iter_mut().take(4).for_each(assert_quiet);
    // RFC 6455 §10.4/a
    assert_grown_by_at_most(16 << 10, before);
}

fn five_hundred_connections_that_are_silent_after_a_message_of_a_mebibyte_each(driver: Driver) {
    let config = config(|config| config.ping_interval = Some(Duration::from_secs(1)));
    let server = TestServer::echo_on(driver, server().config(config));
    let mut peers: Vec<_> = (0..500).map(|_| RawPeer::connect(server.address)).collect();
    let before = resident();
    let message = Frame::binary(vec![7; 1 << 20]).masked().bytes();
    for peer in &mut peers {
        peer.send_bytes(&message);
        let echo = std::iter::from_fn(|| peer.read()).find(|frame| frame.opcode == BINARY);
        assert_eq!(echo.map(|frame| frame.payload.len()), Some(1 << 20));
        peer.buffer = Vec::new();
    }
    // The pings say that there was silence.
    for peer in &mut peers {
        assert_eq!(peer.read(), Some(Frame::ping("")));
        peer.buffer = Vec::new();
    }
    // Of the 500 MiB and more that they took. What the allocator keeps of it differs from run to run.
    assert_grown_by_at_most(192 << 10, before);
}
