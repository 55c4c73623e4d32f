//! The opening handshake on a connection (RFC 6455 §4): who asks, and who answers.
//!
//! ```text
//!   client   ask ───────── the request ──────────▶  greeter   server: step by step, without the waiting
//!                ◀──────── 101, or a refusal ────┘     │
//!                                                      └─ accept   the same on a thread that blocks
//! ```
//!
//! What is said, and whether it is right, is decided in [`handshake`](crate::handshake).

pub(super) mod accept;
pub(super) mod ask;
pub(super) mod greeter;
pub(super) mod head;
pub(super) mod refusal;
