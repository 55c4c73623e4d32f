//! Every limit and every timeout, with its default and the reason for it (RFC 6455 §10.4).
//!
//! A peer may announce anything; what it gets is decided here. Two house rules stand behind the
//! numbers: memory is proportional to the bytes that have *arrived*, never to a length that was merely
//! announced, and every wait has a deadline.
//!
//! ```
//! use clearsocket::Config;
//! use std::time::Duration;
//!
//! let mut config = Config::default();
//! config.max_message_size = 64 * 1024; // a chat needs no more
//! config.ping_interval = Some(Duration::from_secs(10));
//! ```
//!
//! For the next editor: a new limit needs its unit, its default, the reason for that default and what
//! the peer is told when it goes beyond.

use std::time::Duration;

/// The limits and timeouts of one connection, or of all the connections of a [`Server`](crate::Server).
///
/// Sizes are in bytes. Change what you need on a default:
///
/// ```
/// let mut config = clearsocket::Config::default();
/// config.max_frame_size = 1 << 20;
/// assert_eq!(config.max_message_size, 16 << 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Largest message, in bytes of payload, summed over its fragments. A larger one ends in 1009, as soon as a
    /// frame header announces it. Default 16 MiB: what Autobahn's largest case needs, and small enough that a
    /// hundred hostile peers do not fill a small machine.
    pub max_message_size: usize,

    /// Largest payload of a single frame, in bytes; a larger one ends in 1009. Default 16 MiB, the same as a
    /// message, since many peers never fragment.
    pub max_frame_size: usize,

    /// Most frames that one message may come in; more ends in 1009. Default 131,072. Fragments cost no memory
    /// here (they are joined as they come), but an endless row of empty ones would be work without end. Twice
    /// what a 4 MiB message in pieces of 64 bytes needs.
    pub max_fragments: usize,

    /// Largest head (start line and headers) of a handshake, in bytes; a larger request is answered with 431, or
    /// 414 when the start line alone is too long. Default 16 KiB: room for fat cookies, as in most web servers.
    pub max_head_size: usize,

    /// Most header lines in a handshake; more is answered with 431. Default 100, as in most web servers.
    pub max_headers: usize,

    /// Deadline for the whole opening handshake. It is absolute: a byte every second does not extend it. A server
    /// answers 408; a client gives up, and its time begins before the name is looked up. A server's begins when it accepts:
    /// on Linux that is when the first bytes have come, or after a second. Default 10 s: several round trips on the worst of
    /// mobile networks.
    pub handshake_timeout: Duration,

    /// Silence after which a Ping is sent (RFC 6455 §5.5.2); any byte from the peer counts as a sign of life
    /// (over TLS, any record).
    /// Default 30 s, below the 60 s after which common proxies and home routers drop an idle connection. `None`
    /// turns the heartbeat off, and with it the only way to notice a peer that vanished without a word.
    pub ping_interval: Option<Duration>,

    /// Further silence after such a Ping, after which the connection counts as lost. Default 20 s.
    pub pong_timeout: Duration,

    /// Longest time that a message which has begun may take for its next 16 KiB, or for its end if that is nearer; a
    /// slower peer ends in 1008. A byte now and then is a sign of life, but no way to keep a half-sent message, and the
    /// memory it takes, for ever. Default 60 s: some 270 bytes a second, half of what web servers ask of a slow upload,
    /// and far below any telephone line. The check is made when something comes; silence is the heartbeat's business.
    /// `None` for peers that stretch one message over a conversation.
    pub message_timeout: Option<Duration>,

    /// How long the network may take nothing at all of what is queued, before the connection counts as lost.
    /// Default 30 s. A peer that reads slowly but steadily never meets it.
    pub write_timeout: Duration,

    /// How long to wait for the peer's Close after our own (RFC 6455 §7.1.1), for the end of the TCP connection
    /// after both, and for queued bytes to leave before that. Default 5 s.
    pub close_timeout: Duration,

    /// How long a thread that reads looks for input before it lets the system put it to sleep. Default zero: not at all.
    ///
    /// To be woken takes longer than to answer, so a few dozen microseconds can triple the rate of a conversation of one
    /// message at a time. But a thread that looks for input uses up a core: only for fewer connections than there are
    /// cores with nothing else to do. The event loop takes no notice of it.
    pub spin: Duration,
    /// Bytes that may be queued for a peer that reads too slowly, before [`overflow`](Self::overflow) decides. A
    /// message is queued whole when it meets a queue below the limit, and what is just being sent is out of the queue, so
    /// the bound on memory is this plus two messages. Each message counts 64 bytes more, for what it takes to keep it.
    /// Default 1 MiB: a burst, not a backlog.
    pub max_backlog: usize,

    /// What happens to a message that meets a full queue. Default [`Overflow::Wait`].
    pub overflow: Overflow,
}

/// What happens to a message that meets a queue of [`max_backlog`](Config::max_backlog) bytes or more.
///
/// Control frames are never dropped by it: pongs wait in a slot of their own, a Close always finds its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The sending thread waits until the queue is below the limit; after
    /// [`write_timeout`](Config::write_timeout) without progress the connection counts as lost. For a sender that
    /// has nothing better to do. A server that sends to many must not wait for one: see [`Hub`](crate::Hub).
    Wait,
    /// The connection is ended: its queue is thrown away and the peer finds the TCP connection closed (it could not
    /// have read a Close either). The default for the members of a [`Hub`](crate::Hub).
    Disconnect,
    /// The new message is dropped, and nobody is told. For values that will come again.
    DropNewest,
    /// The oldest queued messages are dropped until the new one fits. For values of which the last one counts.
    DropOldest,
}

impl Default for Config {
    fn default() -> Self {
        // RFC 6455 §10.4/b
        Config {
            max_message_size: 16 << 20,
            max_frame_size: 16 << 20,
            max_fragments: 128 << 10,
            max_head_size: 16 << 10,
            max_headers: 100,
            handshake_timeout: Duration::from_secs(10),
            ping_interval: Some(Duration::from_secs(30)),
            pong_timeout: Duration::from_secs(20),
            message_timeout: Some(Duration::from_secs(60)),
            write_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            max_backlog: 1 << 20,
            spin: Duration::ZERO,
            overflow: Overflow::Wait,
        }
    }
}
