//! The protocol core, without I/O: framing, masking, fragmentation, UTF-8, closing (RFC 6455 §5 to §8).
//!
//! Bytes in, events out; commands in, bytes out. Nothing in here touches a socket, a thread, a clock, a
//! lock or the system's randomness, so every rule can be tested as a function and used under any driver.
//!
//! ```text
//!  network ─▶ Input ─▶ FrameHeader ─▶ judge ─▶ unmask ─▶ [inflate] ─▶ join ─▶ UTF-8 ─▶ Event
//!                        §5.2         §5.1-5    §5.3     RFC 7692     §5.4     §8.1
//!                                       │ Output: what we owe (pong, Close)
//!  network ◀─ pending bytes ◀─ Encoder: header, mask ◀─ [deflate] ◀────── Message, ping, close
//! ```
//!
//! Reading order: [`frame`](FrameHeader) (the bits), [`mask`](apply_mask), [`utf8`](Utf8Progress),
//! [`message`](Message) and [`close`](CloseFrame) (what travels), [`decoder`](Decoder), [`encoder`](Encoder),
//! `deflate` (RFC 7692), `output` (the rules between them), [`connection`](Connection) (both together), [`heartbeat`](Heartbeat).

mod close;
mod connection;
mod decoder;
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(not(feature = "deflate"))]
#[path = "no_deflate.rs"]
mod deflate;
mod encoder;
mod frame;
mod heartbeat;
mod input;
mod mask;
mod message;
mod output;
mod shared;
mod utf8;

pub use close::{CloseCode, CloseEvent, CloseFrame, ReadyState};
pub use connection::Connection;
pub use decoder::{Decoder, Progress};
pub use encoder::{Encoder, MaskingKeys};
pub use frame::{FrameHeader, Opcode};
pub use heartbeat::{Heartbeat, Silence};
pub use mask::{MaskingKey, apply_mask};
pub use message::{Event, Message};
pub use shared::SharedFrame;
pub use utf8::{NotUtf8, Utf8Progress, from_utf8};

pub(crate) use decoder::Part;
pub(crate) use output::{Output, payload_behind};
pub(crate) use shared::{Burst, SharedEncoder};
