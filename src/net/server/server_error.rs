//! What can go wrong in a server, and who hears of it: the hook `on_error`, the counters, and the crate `tracing`.

use crate::error::Error;
#[cfg(feature = "tracing")]
use crate::net::connection::trace::refused;
#[cfg(feature = "tracing")]
use crate::net::greeting::refusal::refusal;
use std::io;
use std::net::SocketAddr;

/// What [`Server::on_error`](crate::Server::on_error) hears of. Nothing of it stops the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError<'a> {
    /// An opening handshake failed; if there was a response to give, the peer has it. With a request whenever it could
    /// be read that far.
    Handshake {
        /// Who it was.
        peer: SocketAddr,
        /// What was wrong.
        error: &'a Error,
    },
    /// A connection ended badly, or its handler returned an error.
    Connection {
        /// Who it was.
        peer: SocketAddr,
        /// What happened.
        error: &'a Error,
    },
    /// A handler panicked; its connection was closed with 1011 (internal error).
    Panic {
        /// Who it was.
        peer: SocketAddr,
    },
    /// The system refused to accept a connection or to start a thread. The server goes on trying.
    Accept {
        /// What the system said.
        error: &'a io::Error,
    },
}

/// A hook that hears of what went wrong.
pub(super) type OnError = dyn Fn(&ServerError<'_>) + Send + Sync;

impl ServerError<'_> {
    /// Tells the crate `tracing`, at a level that fits; see `trace`.
    #[cfg(feature = "tracing")]
    pub(super) fn trace(&self) {
        use tracing::{error, info, warn};
        match self {
            ServerError::Handshake { error, .. } => refused(error, refusal(error).as_ref()),
            ServerError::Connection { error, .. } => match error {
                Error::ConnectionLost | Error::Timeout(_) | Error::BacklogFull | Error::NotOpen(_) => {
                    info!(target: "clearsocket", %error, "lost");
                }
                error => warn!(target: "clearsocket", %error, "ended with an error"),
            },
            ServerError::Panic { .. } => error!(target: "clearsocket", "panicked"),
            ServerError::Accept { error } => error!(target: "clearsocket", %error, "cannot accept"),
        }
    }

    #[cfg(not(feature = "tracing"))]
    pub(super) fn trace(&self) {}
}
