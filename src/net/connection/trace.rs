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
//! The faults of a server are told where they are reported, in `server_error`. Never told: payloads, credentials, the query of a path (for there are tokens in it).

#[cfg(feature = "tracing")]
pub(in crate::net) use told::{Span, refused};
#[cfg(not(feature = "tracing"))]
pub(in crate::net) use untold::{Span, refused};

#[cfg(feature = "tracing")]
mod told {
    use crate::error::Error;
    use crate::handshake::Response;
    use crate::net::connection::outgoing::Outgoing;
    use std::fmt::Display;
    use std::net::SocketAddr;
    use tracing::field::{Empty, display};
    use tracing::{debug, error_span, info};

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
            let (end, traffic) = (outgoing.close_event(), outgoing.snapshot().0);
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

    /// An opening handshake was refused, by either end, or came to nothing; in the span of the connection.
    pub(in crate::net) fn refused(error: &Error, response: Option<&Response>) {
        let status = response.map(|response| response.status().as_u16());
        info!(target: "clearsocket", status, %error, "refused");
    }

    fn without_query(path: &str) -> &str {
        path.split('?').next().unwrap_or_default()
    }
}

#[cfg(not(feature = "tracing"))]
mod untold {
    use crate::error::Error;
    use crate::handshake::Response;
    use crate::net::connection::outgoing::Outgoing;
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

    pub(in crate::net) fn refused(_: &Error, _: Option<&Response>) {}
}
