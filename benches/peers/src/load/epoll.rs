//! epoll, level-triggered, with numbers for keys.

use crate::Result;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;

pub use epoll::EventFlags;

/// An epoll instance and the events that it gave last.
pub struct Epoll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Epoll {
    /// An instance that watches nothing yet.
    pub fn new() -> Result<Epoll> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Epoll { epoll, events: Vec::with_capacity(EVENTS) })
    }

    /// Watches `source` for `flags`.
    pub fn add(&self, source: impl AsFd, key: usize, flags: EventFlags) -> Result {
        Ok(epoll::add(&self.epoll, source, epoll::EventData::new_u64(key as u64), flags)?)
    }

    /// Watches for other flags from now on.
    pub fn modify(&self, source: impl AsFd, key: usize, flags: EventFlags) -> Result {
        Ok(epoll::modify(&self.epoll, source, epoll::EventData::new_u64(key as u64), flags)?)
    }

    /// Looks for events without waiting; tells how many there are.
    pub fn poll(&mut self) -> Result<usize> {
        self.get(Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))
    }

    /// Waits for events; tells how many there are.
    pub fn wait(&mut self) -> Result<usize> {
        self.get(None)
    }

    /// An event, by its number: key and flags.
    pub fn event(&self, number: usize) -> (usize, EventFlags) {
        let event = self.events[number];
        (event.data.u64() as usize, event.flags)
    }

    fn get(&mut self, timeout: Option<&Timespec>) -> Result<usize> {
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout) {
            Ok(_) | Err(Errno::INTR) => Ok(self.events.len()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Most events at a time.
const EVENTS: usize = 512;
