//! The opening handshake without I/O: bytes in, a verdict and bytes out (RFC 6455 §1.3, §3, §4,
//! §9.1, §10.2).
//!
//! A WebSocket connection begins as an HTTP/1.1 request that asks for an *Upgrade*, and becomes one
//! when the server answers 101. Both ends prove that they mean it: the client sends 16 fresh bytes
//! (the *key*), the server answers with a hash of them (the *accept*), which no server gives by
//! accident.
//!
//! ```text
//!           client                                            server
//!  ClientHandshake::new (a Url)                        HeadReader::push, until complete
//!     │ request() ─────── GET /chat HTTP/1.1 ────────▶ Request::parse   is it HTTP? (RFC 9112)
//!     │                                                judge            is it WebSocket? (§4.2)
//!  HeadReader::push ◀──── HTTP/1.1 101 ... ─────────── Accepted::response
//!  verify (§4.1)    ◀──── HTTP/1.1 4xx ... ─────────── HandshakeError::response
//! ```
//!
//! | file | tells |
//! | --- | --- |
//! | `http` | heads: where one ends, its lines and fields, lists and tokens (RFC 9110, 9112) |
//! | `authority` | `host[:port]`, as in Host, Origin and request targets (RFC 3986 §3.2) |
//! | `request` | the [`Request`] as a server's user sees it |
//! | `response` | a [`Response`] that is not a 101, written and read |
//! | `key` | Sec-WebSocket-Key and Sec-WebSocket-Accept (§1.3) |
//! | `extensions` | the grammar of Sec-WebSocket-Extensions (§9.1) |
//! | `deflate` | agreeing on permessage-deflate (RFC 7692 §5, §7.1) |
//! | `origin` | who may connect: [`OriginPolicy`] (§10.2) |
//! | `server` | [`judge`]: the numbered walk through §4.2.1 and §4.2.2 |
//! | `authentication` | Basic and Bearer, on both sides (§10.5) |
//! | `url` | ws and wss URLs (§3) |
//! | `client` | [`ClientHandshake`]: the request and the checks of the reply (§4.1) |
//! | `redirect` | where a redirect leads, and what must not go there |
//! | `tunnel`, `socks` | asking a proxy for a connection (§4.1) |
//!
//! For the next editor: nothing here opens a socket, waits, or makes up a number. The caller brings
//! the bytes, the nonce and the deadline, which is why every rule can be tested with a string.
//! Whatever a peer sends is met in a time proportional to its length (or that times its logarithm),
//! and never with a panic.

mod authentication;
mod authority;
mod client;
mod deflate;
mod extensions;
mod http;
mod key;
mod origin;
mod redirect;
mod request;
mod response;
mod server;
pub(crate) mod socks;
mod tunnel;
mod url;

pub use authentication::{Challenge, Credentials, constant_time_eq, unauthorized};
pub use client::{ClientHandshake, ClientOptions, is_interim};
pub use extensions::Extension;
pub use http::HeadReader;
pub use key::{accept_key, encode_nonce, is_valid_key};
pub use origin::OriginPolicy;
pub use redirect::Redirects;
pub use request::Request;
pub use response::{BodyReader, MAX_BODY, Response, write_response, write_response_head};
pub use server::{Accepted, ServerOptions, judge};
pub use url::Url;

pub(crate) use authentication::bearer_value;
pub(crate) use http::is_secret;
pub(crate) use redirect::{follow, is_redirect};
pub(crate) use tunnel::{connect_request, is_tunnel_open};
