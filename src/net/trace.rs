//! What is told to the crate `tracing`, with the feature `tracing`; without it, nothing, by functions that are empty.
//!
//! Each connection has a span, `connection{role peer path}`, in which its hooks and its handler run too: what they log has
//! the same context. The span is of the level ERROR, so that it is there whenever anything is told within it. Whatever a
//! peer can bring about as often as it likes is INFO at most, unless it breaks the protocol:
//!
//! | level | event | why |
//! | --- | --- | --- |
//! | ERROR | `panicked`, `cannot accept` | a fault on this side; somebody has to do something |
//! | WARN | `ended with an error` | the peer broke the protocol, or the handler returned an error of its own |
//! | INFO | `refused`, `lost` | the network's everyday life, but of use when somebody asks why |
//! | DEBUG | `open`, `closed`, `failed` | the course of every connection; `failed` is what the reader is told as an error |
//!
//! Never told: payloads, credentials, the query of a path (for there are tokens in it).

#[cfg(feature = "tracing")]
pub(super) use told::{Span, refused, server_error};
#[cfg(not(feature = "tracing"))]
pub(super) use untold::{Span, refused, server_error};

#[cfg(feature = "tracing")]
mod told {
    use crate::Role;
    use crate::error::Error;
    use crate::net::greeting::refusal;
    use crate::net::outgoing::Outgoing;
    use crate::net::service::ServerError;
    use std::fmt::Display;
    use std::net::SocketAddr;
    use tracing::field::{Empty, display};
    use tracing::{debug, error, error_span, info, warn};

    /// A connection, from its first byte to its last.
    #[derive(Clone, Debug)]
    pub(in crate::net) struct Span(tracing::Span);

    impl Span {
        pub fn server(peer: Option<SocketAddr>) -> Span {
            let peer = peer.map(display);
            Span(error_span!(target: "clearsocket", "connection", role = "server", peer, path = Empty))
        }

        pub fn client(peer: impl Display, path: &str) -> Span {
            let path = without_query(path);
            Span(error_span!(target: "clearsocket", "connection", role = "client", peer = %peer, path))
        }

        /// The request has told what it is for.
        pub fn set_path(&self, path: &str) {
            self.0.record("path", without_query(path));
        }

        /// Everything that is told by `f` is told of this connection.
        pub fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T {
            self.0.in_scope(f)
        }

        /// The opening handshake has succeeded.
        pub fn open(&self, subprotocol: Option<&str>, extensions: &str) {
            debug!(target: "clearsocket", parent: &self.0, subprotocol, extensions, "open");
        }

        /// The reader is told of an error.
        pub fn failed(&self, error: &Error) {
            debug!(target: "clearsocket", parent: &self.0, %error, "failed");
        }

        /// The connection has ended.
        pub fn closed(&self, outgoing: &Outgoing) {
            let (end, traffic) = (outgoing.close_event(), outgoing.traffic());
            debug!(
                target: "clearsocket",
                parent: &self.0,
                code = end.code.get(),
                reason = ?end.reason, // escaped, for it is the peer's
                was_clean = end.was_clean,
                messages_in = traffic.messages_in,
                bytes_in = traffic.bytes_in,
                messages_out = traffic.messages_out,
                bytes_out = traffic.bytes_out,
                "closed"
            );
        }
    }

    /// An opening handshake was refused, or came to nothing; by either end, in the span of the connection.
    pub(in crate::net) fn refused(role: Role, error: &Error) {
        let status = match (role, error) {
            (Role::Client, Error::Handshake(crate::HandshakeError::Refused(response))) => {
                Some(response.status())
            }
            (Role::Client, _) => None,
            (Role::Server, error) => refusal(error).map(|response| response.status()),
        };
        let status = status.map(|status| status.as_u16());
        info!(target: "clearsocket", status, %error, "refused");
    }

    /// A server's hook is told of an error.
    pub(in crate::net) fn server_error(error: &ServerError<'_>) {
        match error {
            ServerError::Handshake { error, .. } => refused(Role::Server, error),
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

    fn without_query(path: &str) -> &str {
        path.split('?').next().unwrap_or_default()
    }
}

#[cfg(not(feature = "tracing"))]
mod untold {
    use crate::Role;
    use crate::error::Error;
    use crate::net::outgoing::Outgoing;
    use crate::net::service::ServerError;
    use std::fmt::Display;
    use std::net::SocketAddr;

    #[derive(Clone, Debug)]
    pub(in crate::net) struct Span;

    #[rustfmt::skip] // one line each, as they do nothing
    impl Span {
        pub fn server(_: Option<SocketAddr>) -> Span { Span }
        pub fn client(_: impl Display, _: &str) -> Span { Span }
        pub fn set_path(&self, _: &str) {}
        #[inline(always)]
        pub fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T { f() }
        pub fn open(&self, _: Option<&str>, _: &str) {}
        pub fn failed(&self, _: &Error) {}
        pub fn closed(&self, _: &Outgoing) {}
    }

    pub(in crate::net) fn refused(_: Role, _: &Error) {}
    pub(in crate::net) fn server_error(_: &ServerError<'_>) {}
}
