//! What the benchmarks of clearsocket are made of: servers to compare with, a load generator, and codecs in memory.
//!
//! ```text
//!   bin/compare ──starts──▶ bin/bench_server (ours), bin/peer_server, bun, node     on CPU 0
//!        │                        ▲ loopback
//!        ├────────starts──▶ bin/loadgen          echo, broadcast, handshakes, idle, latency   on CPU 1
//!        └────────starts──▶ bin/in_memory        codecs, masking, UTF-8, contended sending
//!   benches/*.rs                                 the same servers and codecs under criterion, in one process
//! ```
//!
//! Reading order: [`frames`] (what travels), [`load`] (how it is measured), [`servers`] (what is measured), [`codecs`]
//! and [`streams`] (without a network), [`bytes`], [`contended`]. The programs report to each other in [`figures`]; for
//! criterion there are servers in its own process, [`local`].
pub mod bytes;
pub mod codecs;
pub mod contended;
pub mod figures;
pub mod flags;
pub mod frames;
pub mod load;
pub mod local;
pub mod servers;
pub mod streams;

/// What goes wrong in a benchmark is told to a person, who can do something about it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of everything in here that can fail.
pub type Result<T = ()> = std::result::Result<T, Error>;
