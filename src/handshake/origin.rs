//! Who may connect: the Origin header (RFC 6455 §4.2.2, §10.2; RFC 6454).
//!
//! A browser lets any web page open a WebSocket to any server, with that server's cookies, and says
//! in Origin which page it was. A server that does not look gives every page on the web the rights
//! of its users (cross-site WebSocket hijacking). That is why the default here is the page's own
//! server and nobody else.
//!
//! ```text
//!   Origin: https://example.com         scheme, host, port (default of the scheme)
//!   Host:           example.com:443     host, port (default of the origin's scheme)
//! ```
//!
//! The Host has no scheme of its own to take a default from: with TLS, a proxy may stand before us. If we speak TLS
//! ourselves, our pages are https pages.
//!
//! A request without Origin does not come from a browser (§4.2.1) and is let in: whoever can leave
//! the header out could as well have forged it (§10.1). Origin is no replacement for
//! authentication.
//!
//! For the next editor: Host is what the client says too. A server on a private address that must
//! withstand DNS rebinding lists its origins.

use super::authority::Authority;
use super::http::single;
use super::request::Request;
use crate::HandshakeError;
use http::header::ORIGIN;

/// From which web pages a server takes connections (§10.2). Requests without an Origin are always
/// let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginPolicy {
    /// From pages of the same host and port as the request itself; if it came encrypted, so must the page have.
    #[default]
    SameOrigin,
    /// From pages of these origins, such as `https://example.com`, and no others; name your own
    /// too. `null`, which sandboxed pages and local files send, counts only when it is listed.
    Listed(Vec<String>),
    /// From every page. For public data only, or when something else than cookies says who the user is.
    Any,
}

/// Checks the Origin of a request against the policy.
pub(super) fn check_origin(request: &Request, policy: &OriginPolicy) -> Result<(), HandshakeError> {
    let origin = match single(request.headers(), ORIGIN) {
        // RFC 6455 §4.2.1/i §10.1/a: no Origin, no browser; and whoever forges one is none either.
        None => return Ok(()),
        // RFC 6454 §7.3: a browser sends one. Of two, nobody knows which the application will look at.
        Some(Err(())) => return Err(HandshakeError::ForeignOrigin("several origins".to_owned())),
        Some(Ok(value)) => String::from_utf8_lossy(value.as_bytes()),
    };
    // RFC 6455 §4.2.2/e §10.2/a
    let is_welcome = match policy {
        OriginPolicy::Any => true,
        OriginPolicy::SameOrigin => is_same_origin(&origin, request.host(), request.is_secure()),
        OriginPolicy::Listed(list) => list.iter().any(|listed| is_equal(listed, &origin)),
    };
    // RFC 6455 §4.2.2/f §10.2/b: 403 Forbidden.
    if is_welcome { Ok(()) } else { Err(HandshakeError::ForeignOrigin(origin.into_owned())) }
}

/// Whether this can stand in an Origin header: `null`, or a scheme, a host and an optional port.
pub(super) fn is_origin(text: &str) -> bool {
    text == "null" || Origin::parse(text).is_some()
}

fn is_same_origin(origin: &str, host: &str, secure: bool) -> bool {
    let (Some(origin), Some(host)) = (Origin::parse(origin), Authority::parse(host)) else {
        return false;
    };
    // Whoever sits on the wire can put words into a page that came in the clear.
    if secure && !origin.scheme.eq_ignore_ascii_case("https") {
        return false;
    }
    // A scheme without a default port (an extension's, a file's) is never the page of a web server.
    let Some(default_port) = default_port(origin.scheme) else {
        return false;
    };
    origin.authority.host.eq_ignore_ascii_case(host.host)
        && origin.authority.port.unwrap_or(default_port) == host.port.unwrap_or(default_port)
}

fn is_equal(listed: &str, origin: &str) -> bool {
    match (Origin::parse(listed), Origin::parse(origin)) {
        (Some(a), Some(b)) => {
            a.scheme.eq_ignore_ascii_case(b.scheme)
                && a.authority.host.eq_ignore_ascii_case(b.authority.host)
                && a.authority.port.or(default_port(a.scheme)) == b.authority.port.or(default_port(b.scheme))
        }
        (None, None) => listed == "null" && origin == "null",
        _ => false,
    }
}

/// `scheme "://" host [ ":" port ]`, RFC 6454 §6.2. No path, not even a slash.
struct Origin<'a> {
    scheme: &'a str,
    authority: Authority<'a>,
}

impl<'a> Origin<'a> {
    fn parse(text: &'a str) -> Option<Origin<'a>> {
        let (scheme, authority) = text.split_once("://")?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let authority = Authority::parse(authority)?;
        is_scheme.then_some(Origin { scheme, authority })
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}
