//! What can be said about compression before and after it is agreed on (RFC 7692, permessage-deflate).
//!
//! The handshake negotiates ([`handshake`](crate::handshake)), the core compresses ([`proto`](crate::proto)), and these
//! are the words that both use. Compression is off until somebody asks for it with `Server::deflate` or
//! `Client::deflate`.

use crate::Role;

/// What one end is willing to do: the parameters of permessage-deflate (RFC 7692 §7.1), and when it is worth it.
///
/// What it costs a connection, measured: a compressor 310 KiB (185 KiB with a window of 10 bits or less), from the first
/// message that is compressed; a decompressor 34 KiB, from the first compressed message that comes. Both are given back
/// after a silence of [`Config::ping_interval`](crate::Config::ping_interval): the compressor always, since it may begin
/// anew, the decompressor if the peer has agreed not to refer back (`..._no_context_takeover`).
///
/// ```
/// # #[cfg(feature = "deflate")] {
/// let mut deflate = clearsocket::Deflate::default();
/// deflate.server_no_context_takeover = true; // smaller servers, larger messages
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deflate {
    /// The server's messages do not refer to those before them. Costs compression, saves the client a window of 32 KiB for
    /// as long as the connection lasts. Default `false`.
    pub server_no_context_takeover: bool,
    /// The same for the client's messages, and the server's memory. Default `false`.
    pub client_no_context_takeover: bool,
    /// The window of the server's compressor is at most 2 to the power of this many bytes. 8 to 15, default 15. With 8
    /// the server compresses nothing: the algorithm that we use has no such window.
    pub server_max_window_bits: u8,
    /// The same for the client's compressor; a server can ask for it only if the client has offered to comply.
    pub client_max_window_bits: u8,
    /// How hard to try: 1 (fast) to 9 (small). Default 1: messages of 1 KiB of JSON become 21 % of their size in 0.9 µs
    /// each, where the usual 6 makes 17 % in 7.9 µs (measured with context takeover on one core of a small server).
    pub level: u8,
    /// Payloads shorter than this many bytes are sent as they are. Default 128: below that, JSON does not become smaller
    /// on its own (64 bytes: 103 %, 128: 81 %, 256: 54 %), and it fits into the same packet either way.
    pub threshold: usize,
}

#[cfg(feature = "deflate")]
impl Default for Deflate {
    fn default() -> Self {
        Deflate {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            // RFC 7692 §7.3/a
            server_max_window_bits: 15,
            client_max_window_bits: 15,
            level: 1,
            threshold: 128,
        }
    }
}

/// What both ends have agreed on: one context for each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The direction from server to client.
    pub server: Context,
    /// The direction from client to server.
    pub client: Context,
}

/// One direction of an [`Agreement`] (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// No message refers back to those before it.
    pub no_takeover: bool,
    /// The sender's window has 2 to the power of this many bytes: 8 to 15.
    pub window_bits: u8,
}

impl Agreement {
    /// The context of what `role` sends.
    pub fn sent_by(&self, role: Role) -> Context {
        match role {
            Role::Server => self.server,
            Role::Client => self.client,
        }
    }

    /// The context of what `role` receives.
    pub fn received_by(&self, role: Role) -> Context {
        match role {
            Role::Server => self.client,
            Role::Client => self.server,
        }
    }
}
