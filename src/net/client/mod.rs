//! The client: from a URL to an open connection, and to the next one when that is lost (RFC 6455 §4.1, §7.2.3).
//!
//! ```text
//!   builder ─▶ dial: addresses, proxies ─▶ TLS ─▶ greeting ─▶ redirected? again ─▶ WebSocket
//!      ▲
//!   reconnect ─ backoff: when, interruption: whether
//! ```

pub(super) mod backoff;
pub(super) mod builder;
mod dial;
pub(super) mod interruption;
pub(super) mod reconnect;
pub(super) mod reconnect_handle;
