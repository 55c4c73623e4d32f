//! From a URL to a connection on which the opening handshake can begin (RFC 6455 §4.1, items 1 to 5).
//!
//! ```text
//!   URL ─▶ addresses ─▶ wait for our turn ─▶ TCP ─▶ [TLS] ─▶ a Transport, and the turn
//!                       (one attempt per address)
//! ```
//!
//! Everything has one deadline, from the first address to the last byte of the TLS handshake.
//!
//! For the next editor: `tcp` makes the connection, `turn` keeps the rule that only one connection to an address is in
//! its opening handshake. TLS comes last, in [`dial`].

mod route;
mod tcp;
mod turn;

pub(super) use route::{check, dial};
pub(super) use turn::Turn;
