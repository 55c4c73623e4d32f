//! Broadcast: one connection publishes, the server sends each message to all the others.
//!
//! At most `window` messages may be on their way to the subscriber that is behind most. A window of 1 forbids a server to
//! batch, one of 32 permits it.

use super::peer::{frame_line, receive_buffer};
use super::{Epoll, Peer, Target, Timing, Window};
use crate::Result;
use crate::figures::Figures;
use crate::frames::Frames;
use std::thread;
use std::time::Duration;

/// Measures deliveries a second, with the figures of [`Window`].
pub fn broadcast(
    target: &Target,
    timing: Timing,
    members: usize,
    size: usize,
    window: usize,
) -> Result<Figures> {
    let mut room = Room::open(target, members, size, window)?;
    let mut clock = Window::new(target, timing);
    loop {
        if let Some(figures) = clock.is_over(room.deliveries.total)? {
            return Ok(figures);
        }
        room.turn(u64::MAX)?;
    }
}

/// A publisher and its subscribers.
pub struct Room {
    epoll: Epoll,
    subscribers: Vec<Peer>,
    publisher: Peer,
    deliveries: Deliveries,
    frames: Frames,
    line: Vec<u8>,
    buffer: Vec<u8>,
    /// Messages that have been published.
    sent: u64,
}

impl Room {
    /// Connects all of them.
    pub fn open(target: &Target, members: usize, size: usize, window: usize) -> Result<Room> {
        let frames = target.frames(size);
        let epoll = Epoll::new()?;
        let (subscribers, publisher) = join(target, &epoll, members, frames.request.len())?;
        Ok(Room {
            subscribers,
            publisher,
            epoll,
            deliveries: Deliveries::new(members, window),
            line: frame_line(&frames, window),
            frames,
            buffer: receive_buffer(),
            sent: 0,
        })
    }

    /// Publishes `count` messages, and returns when everybody has them.
    pub fn publish(&mut self, count: u64) -> Result {
        let goal = self.deliveries.complete + count;
        while self.deliveries.complete < goal {
            self.turn(goal)?;
        }
        Ok(())
    }

    /// Publishes what the window has room for, up to message number `limit`, and receives what is there.
    fn turn(&mut self, limit: u64) -> Result {
        let window = self.deliveries.having.len() as u64;
        let free = limit.min(self.deliveries.complete + window) - self.sent;
        let frame = self.frames.request.len();
        if free > 0 {
            self.publisher.send(free as usize, frame, &self.line, &self.epoll)?;
            self.sent += free;
        }
        for number in 0..self.epoll.poll()? {
            match self.epoll.event(number).0 {
                key if key < self.subscribers.len() => {
                    let replies = self.subscribers[key].receive(&mut self.buffer, &self.frames.reply)?;
                    self.deliveries.add(key, replies);
                }
                _ => self.publisher.pump(frame, &self.line, &self.epoll)?,
            }
        }
        Ok(())
    }
}

/// Subscribers and publisher. To a raw server they say which they are; any other finds out by who sends.
fn join(target: &Target, epoll: &Epoll, members: usize, frame: usize) -> Result<(Vec<Peer>, Peer)> {
    let mut subscribers = Vec::with_capacity(members);
    for key in 0..members {
        let mut peer = Peer::connect(target, epoll, key)?;
        if target.raw {
            peer.say(b"S")?;
        }
        subscribers.push(peer);
    }
    let mut publisher = Peer::connect(target, epoll, members)?;
    if target.raw {
        publisher.say(b"P")?;
        publisher.say(&(frame as u32).to_be_bytes())?;
    }
    thread::sleep(SETTLING);
    Ok((subscribers, publisher))
}

/// Which message has come to how many.
struct Deliveries {
    total: u64,
    /// Messages that everybody has.
    complete: u64,
    /// How many each subscriber has.
    got: Vec<u64>,
    /// How many subscribers have each message of the window, by its number modulo the window.
    having: Vec<usize>,
}

impl Deliveries {
    fn new(members: usize, window: usize) -> Deliveries {
        Deliveries { total: 0, complete: 0, got: vec![0; members], having: vec![0; window] }
    }

    fn add(&mut self, key: usize, replies: usize) {
        self.total += replies as u64;
        for _ in 0..replies {
            let slot = (self.got[key] % self.having.len() as u64) as usize;
            self.got[key] += 1;
            self.having[slot] += 1;
            if self.having[slot] == self.got.len() {
                self.having[slot] = 0;
                self.complete += 1;
            }
        }
    }
}

/// For a server whose members join in threads of their own.
const SETTLING: Duration = Duration::from_millis(300);
