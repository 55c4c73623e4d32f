//! Rooms whose members are served by handlers (`Hub`; RFC 6455 §5.4, §6.1).
//!
//! ```text
//!   a member's messages ─▶ handler ─▶ hub.write, sender.write ─▶ everybody, in the order in which they were written
//! ```
//!
//! These run in either kind of server; see `event_loop.rs`. Hubs of connections that a test holds are in `hub.rs`.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::handshake::Request;
use clearsocket::{CloseEvent, Error, Handler, Hub, Membership, Message, Overflow, Sender};
use common::RawPeer;
use common::frame::{BINARY, Frame};
use raw::*;
use std::thread;

/// What a member may say, beside what is for everybody.
const JOIN: &str = "join";
const LEAVE: &str = "leave";
const THREE: &str = "three";

/// One of those who hear each other: a member from the start unless its path says otherwise.
struct Member {
    hub: Hub,
    name: String,
    membership: Option<Membership>,
}

impl Handler for Member {
    fn on_open(&mut self, sender: &Sender, _request: &Request) -> Result<(), Error> {
        if self.name != "/later" {
            self.membership = Some(self.hub.join(sender.clone()));
        }
        Ok(())
    }

    fn on_message(&mut self, sender: &Sender, message: Message<'_>) -> Result<(), Error> {
        match message.as_text() {
            Some(JOIN) => self.membership = Some(self.hub.join(sender.clone())),
            Some(LEAVE) => self.membership = None,
            Some(THREE) => {
                sender.write("to you")?;
                self.hub.write("to all");
                sender.write("to you again")?;
                if let Some(membership) = &self.membership {
                    membership.write_to_others("to others");
                    membership.sender().write("and to you")?;
                }
            }
            _ => self.hub.write(message),
        }
        Ok(())
    }

    fn on_close(&mut self, _sender: &Sender, _event: &CloseEvent) {
        self.membership = None;
        self.hub.write(format!("{} has left", self.name));
    }
}

fn room(hub: &Hub) -> TestServer {
    let hub = hub.clone();
    TestServer::start(server(), move |request| Member {
        hub: hub.clone(),
        name: request.path().to_owned(),
        membership: None,
    })
}

#[track_caller]
fn join(server: &TestServer, hub: &Hub) -> RawPeer {
    let before = hub.len();
    let peer = RawPeer::connect(server.address);
    wait_until("it is a member", || hub.len() == before + 1);
    peer
}

#[track_caller]
fn reads(peer: &mut RawPeer, texts: &[&str]) {
    for text in texts {
        assert_eq!(peer.read(), Some(Frame::text(text)));
    }
}

#[test]
fn everybody_hears_everybody_and_who_leaves_is_missed() {
    let hub = Hub::new();
    let server = room(&hub);
    let mut peers: Vec<_> = (0..5).map(|_| join(&server, &hub)).collect();
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
    // What a handler writes as its last act reaches the others.
    peers.iter_mut().for_each(|peer| reads(peer, &["/ has left", "/ has left"]));
    peers[0].send(Frame::text("who is left?"));
    peers.iter_mut().for_each(|peer| reads(peer, &["who is left?"]));
}

#[test]
fn what_one_thread_writes_to_a_hub_and_to_members_comes_in_the_order_in_which_it_was_written() {
    const ROUNDS: usize = 200;
    let hub = Hub::new();
    let server = room(&hub);
    let (mut speaker, mut listener) = (join(&server, &hub), join(&server, &hub));
    speaker.send_bytes(&Frame::text(THREE).masked().bytes().repeat(ROUNDS));
    for _ in 0..ROUNDS {
        reads(&mut speaker, &["to you", "to all", "to you again", "and to you"]);
        reads(&mut listener, &["to all", "to others"]);
    }
}

#[test]
fn who_joins_and_leaves_in_the_middle_of_a_burst_hears_what_was_said_in_between() {
    let hub = Hub::new();
    let server = room(&hub);
    let mut resident = join(&server, &hub);
    for _ in 0..20 {
        let (mut guest, _) = RawPeer::connect_with(server.address, "/later", "");
        let burst = ["before", JOIN, "one", "two", LEAVE, "after", JOIN, "three!", LEAVE];
        guest.send_bytes(
            &burst.iter().flat_map(|text| Frame::text(text).masked().bytes()).collect::<Vec<_>>(),
        );
        reads(&mut guest, &["one", "two", "three!"]);
        reads(&mut resident, &["before", "one", "two", "after", "three!"]);
        guest.send(Frame::close(1000, ""));
        assert_eq!(read_to_close(&mut guest).0, []);
        reads(&mut resident, &["/later has left"]);
    }
}

#[test]
fn what_many_say_at_once_reaches_everybody_whole_and_in_each_speakers_order() {
    const SPEAKERS: usize = 8;
    const MESSAGES: usize = 100;
    let hub = Hub::new();
    let server = room(&hub);
    let mut peers: Vec<_> = (0..SPEAKERS).map(|_| join(&server, &hub)).collect();
    for (id, peer) in peers.iter_mut().enumerate() {
        let all = (0..MESSAGES).flat_map(|number| Frame::text(format!("{id} {number}")).masked().bytes());
        peer.send_bytes(&all.collect::<Vec<_>>());
    }
    for peer in &mut peers {
        let mut counts = [0; SPEAKERS];
        for _ in 0..SPEAKERS * MESSAGES {
            let text = String::from_utf8(peer.read().expect("a frame").payload).expect("text");
            let (id, number) = text.split_once(' ').expect("two numbers");
            let count = &mut counts[id.parse::<usize>().expect("a number")];
            assert_eq!(number, count.to_string(), "of speaker {id}");
            *count += 1;
        }
    }
}

// ---- A member that does not read ----

const BLOCK: usize = 64 << 10;

/// Everybody but one reads a few hundred blocks; gives that one.
#[track_caller]
fn all_but_one_read(hub: &Hub, blocks: u32) -> (TestServer, Vec<RawPeer>, RawPeer) {
    let server = room(hub);
    let stuck = join(&server, hub);
    let mut others: Vec<_> = (0..4).map(|_| join(&server, hub)).collect();
    for number in 0..blocks {
        others[0].send(Frame::binary(number.to_be_bytes().repeat(BLOCK / 4)));
        for peer in &mut others {
            let mut frame = peer.read().expect("a frame");
            if frame == Frame::text("/ has left") {
                frame = peer.read().expect("a frame");
            }
            assert!(frame == Frame::binary(number.to_be_bytes().repeat(BLOCK / 4)), "message {number}");
        }
    }
    (server, others, stuck)
}

#[test]
fn a_stuck_member_is_disconnected_and_the_others_get_everything() {
    let hub = Hub::new();
    // More than the system's buffers take, and a mebibyte.
    let (_server, mut others, stuck) = all_but_one_read(&hub, 300);
    wait_until("it is no member any more", || hub.len() == 4);
    others[1].send(Frame::text("still here"));
    others.iter_mut().for_each(|peer| reads(peer, &["still here"]));
    drop(stuck);
}

#[test]
fn a_stuck_member_that_may_miss_messages_is_heard_and_hears_again_when_it_reads() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let hub = Hub::with_overflow(overflow, 2 << 20);
        let (_server, mut others, mut stuck) = all_but_one_read(&hub, 300);
        assert_eq!(hub.len(), 5);
        // It is as far behind as it may be, and speaks.
        stuck.send(Frame::text("I am still here"));
        others.iter_mut().for_each(|peer| reads(peer, &["I am still here"]));
        let reading = thread::spawn(move || {
            let mut last = None;
            loop {
                let frame = stuck.read().expect("a frame");
                if frame.payload == b"the end" {
                    return;
                }
                let number = frame.payload.get(..4).filter(|_| frame.opcode == BINARY).map(<[u8]>::to_vec);
                assert!(number.is_none() || last < number, "in order");
                last = number.or(last);
            }
        });
        // Until there is room, it misses this too.
        while !reading.is_finished() {
            hub.broadcast("the end");
            thread::yield_now();
        }
        in_time(reading);
    }
}

#[test]
fn a_hub_that_spans_two_servers_reaches_the_members_of_both() {
    let hub = Hub::new();
    let (one, other) = (room(&hub), room(&hub));
    let mut here = join(&one, &hub);
    let mut there = join(&other, &hub);
    for number in 0..100 {
        here.send(Frame::text(format!("here {number}")));
        assert_eq!(there.read(), Some(Frame::text(format!("here {number}"))));
        there.send(Frame::text(format!("there {number}")));
        reads(&mut here, &[&format!("here {number}"), &format!("there {number}")]);
        reads(&mut there, &[&format!("there {number}")]);
    }
}
