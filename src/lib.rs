//! placeholder: the tour is written last
#![forbid(unsafe_code)]

pub mod config;
pub mod error;
pub mod handshake;
pub mod hub;
pub mod net;
pub mod proto;

mod role;

pub use config::{Config, Overflow};
pub use error::{Error, HandshakeError, ProtocolError, Timeout};
pub use handshake::{Request, Response, ServerOptions};
pub use http;
pub use hub::{Hub, Membership, Rooms};
pub use net::{
    Client, Handler, Receiver, Sender, Server, ServerError, ServerHandle, Transport, WebSocket, accept,
    accept_with, connect, run,
};
pub use proto::{CloseCode, CloseEvent, CloseFrame, Event, Message, ReadyState, SharedFrame};
pub use role::Role;
