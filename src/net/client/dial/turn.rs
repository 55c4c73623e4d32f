//! One connection to an address in its opening handshake at a time (RFC 6455 §4.1, item 2).
//!
//! Behind a proxy there is no address, for the proxy looks the name up. There a name with its port counts as a place of
//! its own, and the number of such places is limited.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::time::Instant;

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Address(SocketAddr),
    /// Another name may mean the same place, and we cannot know.
    Name(String, u16),
}

impl Place {
    /// What is known of a host that a proxy connects us to.
    pub fn behind_proxy(host: &str, port: u16) -> Place {
        match host.parse::<IpAddr>() {
            Ok(address) => Place::Address(SocketAddr::new(address, port)),
            Err(_) => Place::Name(host.to_owned(), port),
        }
    }
}

/// The right to be the one connection to a place that is in its opening handshake. It ends when it is dropped.
#[derive(Debug)]
pub(in crate::net) struct Turn(Place);

static CONNECTING: LazyLock<Mutex<HashSet<Place>>> = LazyLock::new(Default::default);
static TURN_ENDED: Condvar = Condvar::new();

impl Turn {
    /// `None` if our turn did not come before the deadline.
    pub(super) fn wait(place: Place, deadline: Instant) -> Option<Turn> {
        let mut connecting = CONNECTING.lock().unwrap_or_else(PoisonError::into_inner);
        // RFC 6455 §4.1/d §4.1/e
        while connecting.contains(&place) || !has_room(&connecting, &place) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            connecting = TURN_ENDED.wait_timeout(connecting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        connecting.insert(place.clone());
        Some(Turn(place))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        CONNECTING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
        TURN_ENDED.notify_all();
    }
}

fn has_room(connecting: &HashSet<Place>, place: &Place) -> bool {
    // RFC 6455 §4.1/g
    let is_name = |place: &&Place| matches!(place, Place::Name(..));
    !is_name(&place) || connecting.iter().filter(is_name).count() < MAX_NAMES
}

/// Names that are being connected to at a time, in the whole program. "A reasonably low number", says the RFC, below the
/// thirty that it finds too many.
const MAX_NAMES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_name_is_a_place_of_its_own_and_there_are_not_too_many() {
        let soon = || Instant::now() + Duration::from_millis(20);
        let name = |n: usize| Place::behind_proxy(&format!("{n}.example.com"), 80);
        let first = Turn::wait(name(0), soon()).unwrap();
        // RFC 6455 §4.1/f
        assert!(Turn::wait(name(0), soon()).is_none());
        assert!(Turn::wait(Place::behind_proxy("0.example.com", 81), soon()).is_some());
        let others: Vec<_> = (1..MAX_NAMES).map(|n| Turn::wait(name(n), soon()).unwrap()).collect();
        // RFC 6455 §4.1/g
        assert!(Turn::wait(name(99), soon()).is_none());
        assert!(Turn::wait(Place::behind_proxy("192.0.2.1", 80), soon()).is_some(), "an address is known");
        drop(first);
        assert!(Turn::wait(name(99), soon()).is_some());
        drop(others);
    }
}
