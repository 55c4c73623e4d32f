//! One message to many connections (`Hub`, `Rooms`; RFC 6455 §5.1, §6.1).
//!
//! ```text
//!   join ─▶ Membership: member until it is dropped
//!   broadcast, write ─▶ every member, in order; who is too slow is dealt with and delays nobody
//! ```
//!
//! Behind every member is a raw peer, which sees what is really sent.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{
    Config, Error, Hub, Membership, Overflow, ReadWrite, ReadyState, Role, Rooms, WebSocket, accept,
};
use common::frame::{BINARY, Frame};
use common::raw_peer::request;
use common::{ROLES, RawPeer};
use raw::*;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A member of the hub whose connection is held here, and its raw peer.
struct Member {
    ws: WebSocket,
    membership: Membership,
    peer: RawPeer,
}

impl Member {
    #[track_caller]
    fn join(hub: &Hub, role: Role) -> Member {
        Member::new(hub, pair(role))
    }

    /// A member whose network holds little.
    #[track_caller]
    fn join_narrow(hub: &Hub) -> Member {
        Member::new(hub, narrow_pair_with(Role::Server, Config::default()))
    }

    fn new(hub: &Hub, (ws, peer): (WebSocket, RawPeer)) -> Member {
        let membership = hub.join(ws.sender());
        Member { ws, membership, peer }
    }

    #[track_caller]
    fn reads(&mut self, text: &str) {
        let frame = self.peer.read().expect("a frame");
        // RFC 6455 §5.1/a §5.1/d
        assert_eq!(frame.mask.is_some(), self.ws.sender().role() == Role::Client);
        assert_eq!(Frame { mask: None, ..frame }, Frame::text(text));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.ws.abort();
    }
}

// ---- Who gets what ----

#[test]
fn a_broadcast_reaches_every_member_in_order_and_of_either_role() {
    let hub = Hub::new();
    let mut members: Vec<_> = (0..6).map(|i| Member::join(&hub, ROLES[i % 2])).collect();
    assert_eq!((hub.len(), hub.is_empty()), (6, false));
    for number in 0..100 {
        hub.broadcast(number.to_string());
    }
    for member in &mut members {
        (0..100).for_each(|number| member.reads(&number.to_string()));
    }
}

#[test]
fn senders_of_the_clients_role_mask_with_a_key_of_their_own_for_every_member() {
    let hub = Hub::new();
    let mut members: Vec<_> = (0..3).map(|_| Member::join(&hub, Role::Client)).collect();
    let mut keys = Vec::new();
    for _ in 0..20 {
        hub.broadcast("one frame for all");
    }
    for member in &mut members {
        for _ in 0..20 {
            let frame = member.peer.read().expect("a frame");
            assert_eq!(frame.payload, b"one frame for all");
            // RFC 6455 §5.1/a §5.3/a
            keys.push(frame.mask.expect("a client masks"));
        }
    }
    keys.sort();
    keys.dedup();
    // RFC 6455 §5.3/b §10.3/a
    assert_eq!(keys.len(), 60, "no key serves twice");
}

#[test]
fn a_broadcast_to_others_spares_the_member_itself() {
    let hub = Hub::new();
    let mut members: Vec<_> = (0..3).map(|_| Member::join(&hub, Role::Server)).collect();
    members[0].membership.broadcast_to_others("from 0");
    members[1].membership.write_to_others("from 1");
    hub.broadcast("to all");
    for (index, member) in members.iter_mut().enumerate() {
        for (from, text) in ["from 0", "from 1"].into_iter().enumerate() {
            if from != index {
                member.reads(text);
            }
        }
        member.reads("to all");
    }
    members[2].membership.sender().send("to 2 alone").expect("send");
    members[2].reads("to 2 alone");
    assert_eq!(members[0].membership.hub().len(), 3);
}

#[test]
fn a_member_that_has_left_gets_nothing_more_and_its_connection_stays_open() {
    let hub = Hub::new();
    let mut stays = Member::join(&hub, Role::Server);
    let (ws, mut peer) = pair(Role::Server);
    let membership = hub.join(ws.sender());
    hub.broadcast("for both");
    drop(membership);
    assert_eq!(hub.len(), 1);
    hub.broadcast("for one");
    ws.send("by itself").expect("send");
    assert_eq!(peer.read(), Some(Frame::text("for both")));
    assert_eq!(peer.read(), Some(Frame::text("by itself")));
    stays.reads("for both");
    stays.reads("for one");
    ws.abort();
}

#[test]
fn members_that_come_and_go_while_others_broadcast_disturb_nobody() {
    let hub = Hub::new();
    let mut stays = Member::join(&hub, Role::Server);
    let coming_and_going = {
        let hub = hub.clone();
        thread::spawn(move || {
            for _ in 0..30 {
                drop(Member::join(&hub, Role::Server));
            }
        })
    };
    let sending: Vec<_> = (0..2)
        .map(|_| {
            let hub = hub.clone();
            thread::spawn(move || (0..200).for_each(|_| hub.broadcast("hello")))
        })
        .collect();
    (0..400).for_each(|_| stays.reads("hello"));
    sending.into_iter().for_each(in_time);
    in_time(coming_and_going);
    assert_eq!(hub.len(), 1);
}

#[test]
fn a_member_whose_connection_has_ended_is_passed_over() {
    let hub = Hub::new();
    let ended = Member::join(&hub, Role::Server);
    let mut open = Member::join(&hub, Role::Server);
    ended.ws.abort();
    hub.broadcast("hello");
    open.reads("hello");
}

// ---- write ----

#[test]
fn what_is_written_to_a_hub_leaves_when_the_thread_blocks_in_a_read() {
    let hub = Hub::new();
    let mut member = Member::join(&hub, Role::Server);
    let (mut silent, mut silent_peer) = pair(Role::Server);
    let reading = {
        let hub = hub.clone();
        thread::spawn(move || {
            hub.write("one");
            hub.write("two");
            let _ = silent.read();
            silent
        })
    };
    member.reads("one");
    member.reads("two");
    silent_peer.send(Frame::text("go on"));
    in_time(reading).abort();
}

#[test]
fn what_is_written_to_a_hub_leaves_when_the_thread_ends() {
    let hub = Hub::new();
    let mut member = Member::join(&hub, Role::Server);
    in_time({
        let hub = hub.clone();
        thread::spawn(move || hub.write("last words"))
    });
    member.reads("last words");
}

/// A socket that counts how often it was written to.
struct Counting(TcpStream, Arc<AtomicUsize>);

impl Read for Counting {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Counting {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A member, and how often its socket was written to.
fn join_counting(hub: &Hub) -> (Member, Arc<AtomicUsize>) {
    let ((near, far, address), sends) = (tcp_pair(), Arc::new(AtomicUsize::new(0)));
    let mut peer = RawPeer::new(far, Role::Client);
    peer.send_bytes(request(address, "/", "").as_bytes());
    let (ws, _) = accept(ReadWrite::new(Counting(near, sends.clone()))).expect("accept");
    peer.read_head();
    sends.store(0, Ordering::SeqCst);
    (Member::new(hub, (ws, peer)), sends)
}

#[test]
fn a_burst_that_came_at_once_leaves_in_one_piece_for_each_member() {
    const BURST: usize = 32;
    let hub = Hub::new();
    let (mut member, sends) = join_counting(&hub);
    let (mut speaker, mut speaking) = pair(Role::Server);
    let words: Vec<_> = (0..BURST).map(|number| format!("{number:01000}")).collect();
    let frames = words.iter().map(|text| Frame::text(text).masked().bytes());
    speaking.send_bytes(&frames.collect::<Vec<_>>().concat());
    let forwarding = {
        let hub = hub.clone();
        thread::spawn(move || {
            // Its buffer is small at first, and takes all of this in several receives.
            while let Ok(Some(message)) = speaker.read() {
                hub.write(&message);
            }
        })
    };
    words.iter().for_each(|text| member.reads(text));
    assert_eq!(sends.load(Ordering::SeqCst), 1);
    drop(speaking);
    in_time(forwarding);
}

#[test]
fn what_a_handler_writes_as_its_last_act_reaches_the_others() {
    let hub = Hub::new();
    let server = TestServer::spawn(server(), {
        let hub = hub.clone();
        move |ws, request| {
            let (mut receiver, sender) = ws.split();
            let membership = hub.join(sender);
            while let Some(message) = receiver.read()? {
                hub.write(message);
            }
            drop(membership);
            hub.write(format!("{} has left", request.path()));
            Ok(())
        }
    });
    let (mut stays, _) = RawPeer::connect_with(server.address, "/stays", "");
    let (mut leaves, _) = RawPeer::connect_with(server.address, "/leaves", "");
    wait_until("both are members", || hub.len() == 2);
    leaves.send(Frame::close(1000, ""));
    assert_eq!(read_close_code(&mut leaves), 1000);
    assert_eq!(stays.read(), Some(Frame::text("/leaves has left")));
}

#[test]
fn a_chat_in_the_manner_of_the_documentation_works() {
    let hub = Hub::new();
    let server = TestServer::spawn(server(), {
        let hub = hub.clone();
        move |ws, _| {
            let (mut receiver, sender) = ws.split();
            let _membership = hub.join(sender);
            while let Some(message) = receiver.read()? {
                hub.write(message);
            }
            Ok(())
        }
    });
    let mut peers: Vec<_> = (0..5).map(|_| RawPeer::connect(server.address)).collect();
    wait_until("all are members", || hub.len() == 5);
    for from in 0..5 {
        peers[from].send(Frame::text(format!("hello from {from}")));
        for peer in &mut peers {
            assert_eq!(peer.read(), Some(Frame::text(format!("hello from {from}"))));
        }
    }
    let mut leaving = peers.remove(0);
    leaving.send(Frame::close(1000, ""));
    assert_eq!(read_close_code(&mut leaving), 1000);
    drop(peers.remove(0));
    wait_until("two have left", || hub.len() == 3);
    peers[0].send(Frame::text("who is left?"));
    for peer in &mut peers {
        assert_eq!(peer.read(), Some(Frame::text("who is left?")));
    }
}

// ---- Slow members ----

const BLOCK: usize = 64 << 10;
const LIMIT: usize = 256 << 10;

/// Broadcasts numbered blocks until `enough`; every fast member reads each of them before the next comes.
#[track_caller]
fn broadcast_until(hub: &Hub, fast: &mut [Member], mut enough: impl FnMut() -> bool) -> u32 {
    let mut number = 0u32;
    while !enough() {
        number += 1;
        assert!(number < 2000, "128 MiB have not been enough");
        hub.broadcast(number.to_be_bytes().repeat(BLOCK / 4));
        for member in &mut *fast {
            let frame = member.peer.read().expect("a frame");
            assert!(frame.payload == number.to_be_bytes().repeat(BLOCK / 4), "message {number}");
        }
    }
    number
}

/// The last hundred broadcasts have found the queue full, and nothing has moved.
fn is_stuck(amounts: &[usize]) -> bool {
    let last = amounts[amounts.len() - 1];
    last >= LIMIT
        && amounts.len() > 100
        && amounts[amounts.len() - 100..].iter().all(|&amount| amount == last)
}

/// The numbers of the blocks that the peer gets until the end of the connection or the text "end".
#[track_caller]
fn read_numbers(peer: &mut RawPeer) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Some(frame) = peer.read() {
        if frame.opcode != BINARY {
            assert_eq!(frame, Frame::text("end"));
            break;
        }
        assert_eq!(frame.payload.len(), BLOCK);
        numbers.push(u32::from_be_bytes(frame.payload[..4].try_into().expect("four bytes")));
    }
    numbers
}

#[test]
fn a_slow_member_is_disconnected_at_the_limit_and_the_others_miss_nothing() {
    let hub = Hub::with_overflow(Overflow::Disconnect, LIMIT);
    let mut fast: Vec<_> = (0..2).map(|_| Member::join(&hub, Role::Server)).collect();
    let slow = Member::join_narrow(&hub);
    let sender = slow.ws.sender();
    broadcast_until(&hub, &mut fast, || sender.send("?").is_err());
    assert!(matches!(sender.send("?"), Err(Error::NotOpen(_))));
    hub.broadcast("still here");
    fast.iter_mut().for_each(|member| member.reads("still here"));
}

#[test]
fn the_default_hub_disconnects_a_member_that_is_a_mebibyte_behind() {
    let hub = Hub::new();
    let mut fast = [Member::join(&hub, Role::Server)];
    let slow = Member::join_narrow(&hub);
    let sender = slow.ws.sender();
    let mut highest = 0;
    broadcast_until(&hub, &mut fast, || {
        highest = highest.max(sender.buffered_amount());
        sender.ready_state() == ReadyState::Closed
    });
    assert!(highest + BLOCK >= 1 << 20, "not before: {highest}");
}

#[test]
fn a_slow_member_misses_the_newest_messages_if_the_hub_says_so() {
    let hub = Hub::with_overflow(Overflow::DropNewest, LIMIT);
    let mut fast = [Member::join(&hub, Role::Server)];
    let mut slow = Member::join_narrow(&hub);
    let sender = slow.ws.sender();
    let mut amounts = vec![0];
    let sent = broadcast_until(&hub, &mut fast, || {
        amounts.push(sender.buffered_amount());
        is_stuck(&amounts)
    });
    sender.with_overflow(Overflow::Wait, usize::MAX).send("end").expect("send");
    let numbers = read_numbers(&mut slow.peer);
    assert!(numbers.is_sorted() && !numbers.contains(&sent), "{sent} is dropped: {numbers:?}");
    assert_eq!(numbers[..10], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    hub.broadcast("again in time");
    slow.reads("again in time");
}

#[test]
fn a_slow_member_misses_the_oldest_messages_if_the_hub_says_so() {
    let hub = Hub::with_overflow(Overflow::DropOldest, LIMIT);
    let mut fast = [Member::join(&hub, Role::Server)];
    let mut slow = Member::join_narrow(&hub);
    let sender = slow.ws.sender();
    let mut amounts = vec![0];
    let sent = broadcast_until(&hub, &mut fast, || {
        amounts.push(sender.buffered_amount());
        is_stuck(&amounts)
    });
    sender.with_overflow(Overflow::Wait, usize::MAX).send("end").expect("send");
    let numbers = read_numbers(&mut slow.peer);
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert_eq!(numbers.last(), Some(&sent), "the last one counts");
    assert!(numbers.len() < sent as usize, "some were dropped");
}

// ---- The end ----

#[test]
fn close_all_starts_the_closing_handshake_with_every_member() {
    let hub = Hub::new();
    let mut members: Vec<_> = (0..3).map(|_| Member::join(&hub, Role::Server)).collect();
    assert!(matches!(hub.close_all(1005, ""), Err(Error::InvalidCloseCode(1005))));
    hub.write("first this");
    hub.close_all(1012, "a new version").expect("close_all");
    for member in &mut members {
        member.reads("first this");
        // RFC 6455 §7.1.2/a
        assert_eq!(member.peer.read(), Some(Frame::close(1012, "a new version")));
    }
}

#[test]
fn rooms_are_there_while_somebody_uses_them() {
    let rooms = Rooms::new();
    assert!(rooms.names().is_empty());
    let lobby = rooms.room("lobby");
    let mut here = Member::join(&rooms.room("kitchen"), Role::Server);
    let mut there = Member::join(&rooms.clone().room("lobby"), Role::Server);
    assert_eq!(rooms.names(), ["kitchen", "lobby"]);
    rooms.room("kitchen").broadcast("dinner!");
    lobby.broadcast("welcome");
    here.reads("dinner!");
    there.reads("welcome");
    drop(here);
    assert_eq!(rooms.names(), ["lobby"]);
    drop(there);
    assert_eq!(rooms.names(), ["lobby"], "it is still held");
    drop(lobby);
    assert!(rooms.names().is_empty());
    assert!(rooms.room("lobby").is_empty(), "a new one of the same name");
}

#[test]
fn rooms_treat_slow_members_as_they_were_told() {
    let rooms = Rooms::with_overflow(Overflow::Disconnect, LIMIT);
    let hub = rooms.room("lobby");
    let mut fast = [Member::join(&hub, Role::Server)];
    let slow = Member::join_narrow(&hub);
    let sender = slow.ws.sender();
    broadcast_until(&hub, &mut fast, || sender.ready_state() == ReadyState::Closed);
}
