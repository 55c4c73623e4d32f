//! From a URL to a connection on which the opening handshake can begin (RFC 6455 §4.1, items 1 to 5).
//!
//! ```text
//!   URL ─▶ is there a proxy for it? ── no ─▶ addresses ─▶ for each: our turn, TCP ──────────────────┐
//!                   │ yes                                                                           ▼
//!                   └─▶ our turn ─▶ the proxy's addresses ─▶ TCP ─▶ CONNECT or SOCKS5 ─▶ [TLS] ─▶ Transport
//! ```
//!
//! Everything has one deadline, from the name's look-up to the last byte of the TLS handshake.
//!
//! | file | tells |
//! | --- | --- |
//! | `route` | the steps in their order |
//! | `addresses` | looking up a name, and trying its addresses |
//! | `turn` | only one connection to an address is in its opening handshake (§4.1, item 2) |
//! | `proxy` | a proxy's URL |
//! | `proxies` | which proxy is for which URL |
//! | `environment` | `https_proxy`, `NO_PROXY` and the others |
//! | `tunnel` | asking the proxy |
//!
//! For the next editor: what is said to a proxy, and what it may answer, stands in [`handshake`](crate::handshake),
//! without the sockets. TLS comes last, in `route`.

mod addresses;
mod environment;
mod proxies;
mod proxy;
mod route;
mod tunnel;
mod turn;

pub(super) use environment::Environment;
pub(super) use proxies::Proxies;
pub(super) use proxy::Proxy;
pub(super) use route::Route;
