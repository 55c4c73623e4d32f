//! Who is connected to a server, so that it can count them, and say goodbye.
//!
//! ```text
//!   accepted ─▶ Place ── handshake over: open(sender) ──▶ on drop: gone
//! ```

use super::counters::Counters;
use crate::net::connection::loss::Loss;
use crate::net::connection::outgoing::Outgoing;
use crate::net::connection::sender::Sender;
use crate::net::wire::transport::Transport;
use crate::proto::CloseCode;
use http::StatusCode;
use std::collections::HashMap;
use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Who is connected.
#[derive(Default)]
pub(super) struct Connections {
    table: Mutex<Table>,
    left: Condvar,
    next_id: AtomicU64,
}

#[derive(Default)]
struct Table {
    live: HashMap<u64, Live>,
    closing: bool,
    /// What has ended, and what never began.
    past: Counters,
}

#[derive(Clone)]
enum Live {
    Handshake(Arc<dyn Transport>),
    Open(Arc<Outgoing>),
}

/// A place among the connections, given back on drop.
pub(super) struct Place {
    connections: Arc<Connections>,
    id: u64,
    /// The request has a response that is no 101.
    answered: bool,
}

impl Connections {
    /// A place for a newcomer, or `None` if there are `max` already, or the server is shutting down.
    pub fn enter(self: &Arc<Self>, transport: &Arc<dyn Transport>, max: usize) -> Option<Place> {
        let mut table = self.lock();
        if table.live.len() >= max || table.closing {
            return None;
        }
        table.past.accepted += 1;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        table.live.insert(id, Live::Handshake(transport.clone()));
        Some(Place { connections: self.clone(), id, answered: false })
    }

    /// Admits nobody any more and says 1001 to everybody who is here.
    pub fn close_all(&self) {
        let mut open = Vec::new();
        let mut table = self.lock();
        table.closing = true;
        for live in table.live.values() {
            match live {
                // At once, or its handshake might be over by then.
                Live::Handshake(transport) => drop(transport.shutdown(Shutdown::Both)),
                Live::Open(outgoing) => open.push(outgoing.clone()),
            }
        }
        drop(table); // never held while something is sent
        // RFC 6455 §7.3/a
        open.iter().for_each(say_going_away);
    }

    /// Cuts whoever is left.
    pub fn cut_all(&self) {
        let everybody: Vec<_> = self.lock().live.values().cloned().collect();
        for live in everybody {
            match live {
                Live::Handshake(transport) => drop(transport.shutdown(Shutdown::Both)),
                Live::Open(outgoing) => outgoing.cut(Loss::Aborted),
            }
        }
    }

    /// `false` if somebody is still here at `deadline`.
    pub fn wait_until_empty(&self, deadline: Instant) -> bool {
        let mut table = self.lock();
        while !table.live.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            table = self.left.wait_timeout(table, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub fn len(&self) -> usize {
        self.lock().live.len()
    }

    /// Counts something besides who comes and goes.
    pub fn count(&self, what: impl FnOnce(&mut Counters)) {
        what(&mut self.lock().past);
    }

    pub fn counters(&self) -> Counters {
        let mut open = Vec::new();
        let mut counters = {
            let table = self.lock();
            open.extend(table.live.values().filter_map(Live::outgoing).cloned());
            Counters { handshaking: table.live.len() - open.len(), ..table.past.clone() }
        };
        // Each of them may be encoding a message just now; that must not keep newcomers waiting.
        open.iter().for_each(|outgoing| counters.add_open(outgoing));
        counters
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn outgoing(&self) -> Option<&Arc<Outgoing>> {
        match self {
            Live::Handshake(_) => None,
            Live::Open(outgoing) => Some(outgoing),
        }
    }
}

impl Place {
    /// The handshake is over: from now on there is somebody to say Close to.
    pub fn open(&self, sender: &Sender) {
        let outgoing = &sender.outgoing;
        let late = {
            let mut table = self.connections.lock();
            table.past.opened += 1;
            table.live.insert(self.id, Live::Open(outgoing.clone()));
            table.closing
        };
        if late {
            say_going_away(outgoing);
        }
    }

    /// The opening handshake was refused.
    pub fn refused(&mut self, status: StatusCode) {
        self.answered = true;
        self.connections.count(|past| past.add_refused(status));
    }

    /// It was none, but a request for a page.
    pub fn served_page(&mut self) {
        self.answered = true;
        self.connections.count(|past| past.http += 1);
    }
}

/// The server goes down (§7.4.1). The server sees to the deadline.
fn say_going_away(outgoing: &Arc<Outgoing>) {
    outgoing.close_with(CloseCode::GOING_AWAY, "the server is shutting down");
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        let gone = table.live.remove(&self.id);
        match &gone {
            Some(Live::Open(outgoing)) => table.past.add_closed(outgoing),
            _ if !self.answered => table.past.abandoned += 1,
            _ => {}
        }
        let closing = table.closing;
        drop(table);
        drop(gone); // which may close the socket
        if closing {
            self.connections.left.notify_all();
        }
    }
}
