//! Who is in which room, and what was said there lately.
//!
//! A [`Seat`] is a visitor's place in a room, given up when it is dropped, however the connection ended. Everything
//! that happens in a room is sent under the room's lock, so all members see it in the same order: with `hub.write` each
//! thread would send what it has gathered when it comes to it. Sending never waits for a slow member, so nobody holds the
//! lock for long.

use crate::command;
use clearsocket::{Hub, Membership, Sender};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All rooms.
#[derive(Default)]
pub struct Chat {
    rooms: Mutex<HashMap<String, Arc<Mutex<Room>>>>,
}

#[derive(Default)]
struct Room {
    hub: Hub,
    members: Vec<String>,
    history: VecDeque<Value>,
}

/// A visitor's place in a room.
pub struct Seat {
    name: String,
    room: Arc<Mutex<Room>>,
    membership: Option<Membership>,
}

impl Chat {
    /// Takes a seat: the visitor is welcomed with what was said lately, the others are told.
    pub fn join(&self, name: &str, room_name: &str, sender: &Sender) -> Result<Seat, String> {
        let shared = self.room(room_name)?;
        let mut room = lock(&shared);
        let name = room.unique_name(name);
        room.members.push(name.clone());
        room.hub.broadcast(command::joined(&name, &room.members));
        let welcome = command::welcome(&name, room_name, &room.members, room.history.iter().cloned());
        // A visitor who is gone already needs no welcome.
        let _ = sender.write(welcome);
        let membership = Some(room.hub.join(sender.clone()));
        drop(room);
        Ok(Seat { name, room: shared, membership })
    }

    fn room(&self, name: &str) -> Result<Arc<Mutex<Room>>, String> {
        let mut rooms = lock(&self.rooms);
        if !rooms.contains_key(name) && rooms.len() >= MAX_ROOMS {
            // Room for a new one is made at the cost of what was said in deserted ones.
            rooms.retain(|_, room| !lock(room).members.is_empty());
            if rooms.len() >= MAX_ROOMS {
                return Err("there are too many rooms; join one that exists".to_string());
            }
        }
        Ok(rooms.entry(name.to_string()).or_default().clone())
    }
}

impl Room {
    /// `Ada`, or `Ada 2` if there is an Ada already.
    fn unique_name(&self, name: &str) -> String {
        let taken = |candidate: &String| self.members.contains(candidate);
        let candidates = std::iter::once(name.to_string()).chain((2..).map(|n| format!("{name} {n}")));
        candidates.into_iter().find(|candidate| !taken(candidate)).unwrap_or_default()
    }
}

impl Seat {
    /// Says something to everybody in the room, the speaker among them.
    pub fn say(&self, text: &str) {
        let mut room = lock(&self.room);
        let said = command::said(&self.name, text);
        room.hub.broadcast(said.to_string());
        if room.history.len() == HISTORY {
            room.history.pop_front();
        }
        room.history.push_back(said);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut room = lock(&self.room);
        self.membership = None;
        room.members.retain(|member| *member != self.name);
        room.hub.broadcast(command::left(&self.name, &room.members));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a newcomer gets to read of the conversation so far.
const HISTORY: usize = 50;

/// As many rooms are remembered.
const MAX_ROOMS: usize = 1000;
