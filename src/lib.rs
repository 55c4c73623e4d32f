//! placeholder: the tour is written last
#![forbid(unsafe_code)]

pub mod config;
pub mod error;
pub mod handshake;
pub mod proto;

mod role;

pub use config::{Config, Overflow};
pub use error::{Error, HandshakeError, ProtocolError, Timeout};
pub use proto::{CloseCode, CloseEvent, CloseFrame, Event, Message, ReadyState, SharedFrame};
pub use role::Role;
