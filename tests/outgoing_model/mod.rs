//! The outgoing path under every order of its threads that a few thousand tries come to: who writes, who waits, who
//! closes (RFC 6455 §5.4, §5.5.1, §6.1).
//!
//! ```text
//! RUSTFLAGS="--cfg clearsocket_model" cargo test --lib outgoing_model
//! MODEL_RUNS=200000 RUSTFLAGS=...     longer
//! ```
//!
//! With that flag `src/net/connection/sync.rs` takes locks and threads from shuttle, which runs the crate's own code with one thread
//! at a time and chooses at every lock who goes next: half of the runs at random, half with few changes in unlikely
//! places (PCT). A failure prints its schedule, for `shuttle::replay`.
//!
//! What is checked, in every run:
//!
//! - **No wake-up is lost.** No time passes in the model and no timeout ends a wait, so a thread that is not woken is a
//!   deadlock, and fails the test; helper threads too. Deadlines that do pass have tests of their own.
//! - **Frames stay whole.** What the network took is a row of expected frames, at the end perhaps the beginning of one.
//! - **Every send ends**, in Ok or an error, and what was Ok arrives, in order, once, unless the connection was cut.
//! - **Close wins once**: there is one, and nothing behind it.
//! - **`buffered_amount` is 0** when everything has left.
//!
//! What is modelled: a server's connection as its threads see it, from `Sender`, `Receiver` and `Hub` down to the
//! `Transport`, with the queue, the writer, the promises of a flush, the backlog and its drain thread, the close deadline
//! and its thread. A [`Network`](network::Network) stands in for the socket, and for a peer that reads slowly or never,
//! closes first or last, or is gone.
//!
//! What is not:
//!
//! - Every order. These are a few thousand out of very many. loom would try them all, and so come to an end only with two
//!   threads that send one message each; here are up to six.
//! - Weak memory. Atomics are as strong as can be here. What threads share stands behind one lock, but for three flags:
//!   two hints to the reader, and who ends TCP, which is a swap.
//! - The event loop, which drains in its worker; TLS and its two locks; a client, whose queue is the same and masked;
//!   compression; real sockets and clocks. They have tests of their own, with real threads.
//!
//! For the next editor: a check must be able to fail. Whoever adds one breaks the code once and sees that it does.

#[allow(dead_code)]
#[path = "../common/frame.rs"] // in which `clearsocket` is another build of this crate
mod frame;
mod network;
mod talk;
mod tests;
