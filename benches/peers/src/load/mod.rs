//! The load generator: one thread, level-triggered epoll, no WebSocket library.
//!
//! * It sends ready-made frames and counts complete replies alone. The first reply on every connection is compared byte
//!   by byte, of every later one the first byte.
//! * It spins on epoll with a timeout of zero, so that waking it up is not charged to the server.
//! * What is measured comes after a time to warm up, within a [`Window`].
//!
//! Reading order: [`epoll`](Epoll), [`connect`](open), [`peer`](Peer) (one connection), [`window`](Window); then what is
//! measured with them: [`echo`], [`broadcast`], [`handshakes`], [`idle`], [`latency`].

mod broadcast;
mod connect;
mod echo;
mod epoll;
mod handshakes;
mod idle;
mod latency;
mod peer;
mod window;

pub use broadcast::{Room, broadcast};
pub use connect::{Target, open};
pub use echo::echo;
pub use epoll::{Epoll, EventFlags};
pub use handshakes::handshakes;
pub use idle::idle;
pub use latency::latency;
pub use peer::Peer;
pub use window::{Timing, Window, cpu_seconds};
