//! Closing: close codes, Close frames, and the facts that make up the closing handshake
//! (RFC 6455 §5.5.1, §7.1, §7.4).
//!
//! Closing is two one-way facts: *we have sent a Close* and *the peer has sent a Close*. Each stops one
//! direction. With both, the TCP connection is closed, by the server first (§7.1.1). Everything that
//! the WebSocket API says about the end of a connection is derived from these facts:
//!
//! ```text
//!                      sent    received   TCP ended     ready state
//!                       -         -          -          OPEN
//!                      one of the two        -          CLOSING
//!                       x         x          -          CLOSING, the server closes TCP
//!                       any      any         x          CLOSED, clean if both
//! ```
//!
//! Two close codes exist only in what the user is told: 1005, the peer's Close had no code, and 1006,
//! there was no Close from the peer. They are never sent (§7.4.1).

use crate::error::ProtocolError;
use std::borrow::Cow;
use std::fmt;

/// A close code (§7.4), in the RFC's terms a status code.
///
/// ```
/// use clearsocket::CloseCode;
/// assert_eq!(CloseCode::NORMAL.get(), 1000);
/// assert!(CloseCode::from(4000).may_be_sent());
/// assert!(!CloseCode::ABNORMAL.may_be_sent());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    // RFC 6455 §7.4.1/a

    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// 1001: a server goes down, a browser leaves the page, a handle was dropped.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// 1003: a type of data that cannot be accepted, such as binary by an endpoint for text.
    pub const UNSUPPORTED_DATA: CloseCode = CloseCode(1003);
    /// 1005: a Close without a code was received. Never sent.
    pub const NO_STATUS: CloseCode = CloseCode(1005);
    /// 1006: the connection ended without a Close. Never sent.
    pub const ABNORMAL: CloseCode = CloseCode(1006);
    /// 1007: a message whose data does not fit its type, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: CloseCode = CloseCode(1007);
    /// 1008: a message breaks the endpoint's policy.
    pub const POLICY_VIOLATION: CloseCode = CloseCode(1008);
    /// 1009: a message is too big to be processed.
    pub const MESSAGE_TOO_BIG: CloseCode = CloseCode(1009);
    /// 1010: a client misses an extension that the server did not negotiate. Only a client sends it.
    pub const MANDATORY_EXTENSION: CloseCode = CloseCode(1010);
    /// 1011: a server met an unexpected condition.
    pub const INTERNAL_ERROR: CloseCode = CloseCode(1011);
    /// 1012: the server restarts (IANA registry).
    pub const SERVICE_RESTART: CloseCode = CloseCode(1012);
    /// 1013: try again later (IANA registry).
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);
    /// 1014: a gateway got an invalid answer from its upstream (IANA registry).
    pub const BAD_GATEWAY: CloseCode = CloseCode(1014);
    /// 1015: the TLS handshake failed. Never sent.
    pub const TLS_HANDSHAKE: CloseCode = CloseCode(1015);

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether it may stand in a Close frame: 1000-1003, 1007-1014 and 3000-4999 may. 0-999 are not used, 1004, 1005,
    /// 1006 and 1015 are reserved, 1016-2999 await a registration, and from 5000 on nothing is defined (§7.4).
    pub const fn may_be_sent(self) -> bool {
        // RFC 6455 §7.4.1/c §7.4.1/d §7.4.1/f §7.4.2/a §7.4.2/b §7.4.2/c §7.4.2/d
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        CloseCode(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl PartialEq<u16> for CloseCode {
    fn eq(&self, other: &u16) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

/// The payload of a Close frame that has one: a code, and a reason of 0-123 bytes of UTF-8 (§5.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// Why the connection is closed, for programs.
    pub code: CloseCode,
    /// Why it is closed, for a log. Not meant for end users (§5.5.1).
    pub reason: Cow<'a, str>,
}

impl<'a> CloseFrame<'a> {
    /// The longest reason: what is left of 125 bytes beside the code.
    pub const MAX_REASON_LEN: usize = 123;

    /// Reads the payload of a Close frame. An empty one is `None`: a Close without a code is in order.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Option<CloseFrame<'a>>, ProtocolError> {
        if payload.is_empty() {
            return Ok(None);
        }
        // RFC 6455 §5.5.1/b
        let Some((&code, reason)) = payload.split_first_chunk() else {
            return Err(ProtocolError::ClosePayloadTooShort);
        };
        let code = CloseCode(u16::from_be_bytes(code));
        // RFC 6455 §7.4.1/c §7.4.1/d §7.4.1/f §7.4.2/a §7.4.2/b
        if !code.may_be_sent() {
            return Err(ProtocolError::InvalidCloseCode);
        }
        // RFC 6455 §5.5.1/c §7.1.6/b
        match std::str::from_utf8(reason) {
            Ok(reason) => Ok(Some(CloseFrame { code, reason: Cow::Borrowed(reason) })),
            Err(_) => Err(ProtocolError::InvalidCloseReason),
        }
    }
}

/// The state of a connection in the words of the WebSocket API; the numbers are its `readyState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ReadyState {
    /// The opening handshake is under way. A connection of this crate is handed out after it.
    Connecting = 0,
    /// Messages flow.
    Open = 1,
    /// A Close was sent or received.
    Closing = 2,
    /// The connection has ended.
    Closed = 3,
}

/// How a connection ended: the `close` event of the WebSocket API (§7.1.4-§7.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseEvent {
    /// The code of the peer's Close; 1005 if it had none, 1006 if there was no Close from the peer.
    pub code: CloseCode,
    /// The reason of the peer's Close, or empty.
    pub reason: String,
    /// Whether both ends said Close.
    pub was_clean: bool,
}

/// The facts of the closing handshake, for both directions of one connection (§7.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Closing {
    /// We have sent a Close, or put it where it will be sent.
    pub sent: bool,
    /// The peer's Close, as the user is to be told.
    received: Option<(CloseCode, Box<str>)>,
    /// We ended the connection because the peer broke a rule (§7.1.7).
    failed: bool,
    /// The TCP connection has ended, or we have ended it.
    pub ended: bool,
}

impl Closing {
    /// Notes the peer's Close. The first one counts (§7.1.5).
    pub fn on_received(&mut self, frame: Option<&CloseFrame<'_>>) {
        // RFC 6455 §7.1.5/a §7.1.5/b §7.1.6/a
        self.received.get_or_insert_with(|| match frame {
            Some(frame) => (frame.code, frame.reason.as_ref().into()),
            None => (CloseCode::NO_STATUS, "".into()),
        });
    }

    /// Notes that the peer broke a rule: whatever it says now, this is no clean end (§7.1.7).
    pub fn on_failed(&mut self) {
        self.failed = true;
    }

    pub fn received(&self) -> bool {
        self.received.is_some()
    }

    /// Nothing is left but to close the TCP connection (§7.1.1).
    pub fn is_finished(&self) -> bool {
        // RFC 6455 §5.5.1/k §5.5.1/o §7.1.2/b §7.1.7/a §7.1.7/c
        self.ended || self.failed || (self.sent && self.received())
    }

    pub fn ready_state(&self) -> ReadyState {
        // RFC 6455 §7.1.3/a §7.1.4/a
        if self.ended {
            ReadyState::Closed
        } else if self.sent || self.received() || self.failed {
            ReadyState::Closing
        } else {
            ReadyState::Open
        }
    }

    pub fn close_event(&self) -> CloseEvent {
        match &self.received {
            // RFC 6455 §7.1.4/a §7.1.5/a §7.1.6/a
            Some((code, reason)) if !self.failed => {
                CloseEvent { code: *code, reason: reason.to_string(), was_clean: self.sent }
            }
            // RFC 6455 §7.1.5/c
            _ => CloseEvent { code: CloseCode::ABNORMAL, reason: String::new(), was_clean: false },
        }
    }
}
