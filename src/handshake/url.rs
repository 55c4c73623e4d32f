//! WebSocket URLs (RFC 6455 §3, §11.1).
//!
//! ```text
//!   wss://example.com:8443/chat?room=1
//!   scheme host       port└─ resource name: the path ("/" if empty), and "?" with the query if any
//! ```
//!
//! The `url` crate reads them as a browser does: international host names become ASCII, `.` and
//! `..` are resolved, default ports are dropped. Two things are stricter here than in a browser. The
//! two slashes are required. And every character that RFC 3986 does not allow is percent-encoded,
//! where browsers leave a few.
//!
//! §3 knows no user information. We take `user:password@` as other HTTP clients do: for credentials that
//! travel in an Authorization header, and are no part of the URL from then on.
//!
//! For the next editor: a `#` always begins a fragment, even an empty one, and a fragment is an
//! error (§3). Who means the character writes `%23`.

use super::authentication::Credentials;
use super::authority::Authority;
use crate::HandshakeError;
use std::fmt;
use std::str::FromStr;

/// A `ws:` or `wss:` URL.
///
/// ```
/// use clearsocket::handshake::Url;
/// let url: Url = "ws://[::1]:9001/chat?room=1".parse()?;
/// assert_eq!(url.host(), "::1");
/// assert_eq!(url.port(), 9001);
/// assert_eq!(url.host_header(), "[::1]:9001");
/// assert_eq!(url.resource_name(), "/chat?room=1");
/// # Ok::<(), clearsocket::HandshakeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    secure: bool,
    host: String,
    host_header: String,
    port: u16,
    resource_name: String,
    credentials: Option<Credentials>,
}

impl Url {
    /// Whether the scheme is `wss`: TLS comes before the first byte of HTTP.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// The host to connect to: a name in ASCII, or an address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to: 80 for `ws` and 443 for `wss` unless the URL names another.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of the Host header: with brackets around an IPv6 address, and with the port if it
    /// is not the default.
    pub fn host_header(&self) -> &str {
        &self.host_header
    }

    /// The path with the query: the target of the request.
    pub fn resource_name(&self) -> &str {
        &self.resource_name
    }

    /// The user name and password of a URL such as `wss://ada:secret@example.com/`, percent-decoded.
    /// What `Display` writes does not have them.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    pub(super) fn set_credentials(&mut self, credentials: Option<Credentials>) {
        self.credentials = credentials;
    }

    /// Whether scheme, host and port are the same.
    pub(super) fn has_origin_of(&self, other: &Url) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
    }

    /// The URL that a Location means, as seen from this one; without credentials and fragment.
    pub(super) fn resolve(&self, location: &str) -> Result<Url, HandshakeError> {
        let invalid = |_| HandshakeError::InvalidRedirect("its Location is no URL");
        let base = url::Url::parse(&self.to_string()).map_err(invalid)?;
        // One that has a scheme is not relative to ours, even if it is written like `ws:chat`.
        let location = match location.split_once(':') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => format!("ws:{rest}"),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => format!("wss:{rest}"),
            _ => location.to_owned(),
        };
        let mut target = base.join(&location).map_err(invalid)?;
        target.set_fragment(None);
        // These fail for schemes that have no host, which are refused next.
        let _ = target.set_username("");
        let _ = target.set_password(None);
        target.as_str().parse().map_err(|error| match error {
            HandshakeError::InvalidUrl(reason) => HandshakeError::InvalidRedirect(reason),
            other => other,
        })
    }
}

impl FromStr for Url {
    type Err = HandshakeError;

    /// # Errors
    ///
    /// [`HandshakeError::InvalidUrl`], with what is wrong.
    fn from_str(text: &str) -> Result<Url, HandshakeError> {
        check_text(text).map_err(HandshakeError::InvalidUrl)?;
        // RFC 6455 §11.1.1/a §11.1.2/a: here a host becomes ASCII.
        let parsed = url::Url::parse(text).map_err(|error| HandshakeError::InvalidUrl(explain(error)))?;
        // RFC 6455 §3/a
        let (Some(host), Some(port)) = (parsed.host(), parsed.port_or_known_default()) else {
            return Err(HandshakeError::InvalidUrl("it has no host"));
        };
        // RFC 6455 §4.1/t: the port only when it is not the default; `url` has dropped it then.
        let host_header = match parsed.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        // RFC 6455 §4.1/c: every component is valid, or nothing is connected to.
        if Authority::parse(&host_header).is_none() {
            return Err(HandshakeError::InvalidUrl("the host contains a character that no host name has"));
        }
        let host = match host {
            url::Host::Ipv6(address) => address.to_string(),
            other => other.to_string(),
        };
        // RFC 6455 §3/b
        let secure = parsed.scheme() == "wss";
        let credentials =
            Credentials::in_url(parsed.username(), parsed.password()).map_err(HandshakeError::InvalidUrl)?;
        let resource_name = resource_name(&parsed);
        Ok(Url { secure, host, host_header, port, resource_name, credentials })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.host_header, self.resource_name)
    }
}

/// What must be looked at before parsing, since a browser's parser silently repairs it.
fn check_text(text: &str) -> Result<(), &'static str> {
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("it contains a control character");
    }
    let (scheme, rest) =
        text.trim().split_once(':').ok_or("it has no scheme; ws:// or wss:// is expected")?;
    // RFC 6455 §3/b: ws or wss, in any case.
    if !scheme.eq_ignore_ascii_case("ws") && !scheme.eq_ignore_ascii_case("wss") {
        return Err("its scheme is neither ws nor wss");
    }
    let rest = rest.strip_prefix("//").ok_or("// is missing after the scheme")?;
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err("it has no host");
    }
    // Where the host begins must be beyond doubt.
    if authority.matches('@').count() > 1 {
        return Err("it has several @; write %40 for the one in a user name or password");
    }
    // RFC 6455 §3/d §3/e: no fragment.
    if rest.contains('#') {
        return Err("it has a fragment; write %23 for the character #");
    }
    Ok(())
}

/// RFC 6455 §3: "/" for an empty path (`url` does that), the path, "?" only before a query that is
/// not empty, the query.
fn resource_name(url: &url::Url) -> String {
    // RFC 6455 §3/c
    let mut name = String::new();
    push_encoded(&mut name, url.path());
    if let Some(query) = url.query().filter(|query| !query.is_empty()) {
        name.push('?');
        push_encoded(&mut name, query);
    }
    name
}

/// RFC 6455 §11.1.1: what the grammar excludes is percent-encoded. `url` has done so with
/// everything that is not ASCII; it leaves `|`, `^` and others, and a `%` that encodes nothing.
fn push_encoded(out: &mut String, text: &str) {
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        // RFC 6455 §3/e §11.1.1/b §11.1.2/b: a %23 stays what it is.
        let is_allowed = match byte {
            b'%' => matches!(after, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()),
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(byte),
        };
        match is_allowed {
            true => out.push(char::from(*byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
        rest = after;
    }
}

fn explain(error: url::ParseError) -> &'static str {
    match error {
        url::ParseError::EmptyHost => "it has no host",
        url::ParseError::InvalidPort => "its port is not a number from 0 to 65535",
        url::ParseError::InvalidIpv4Address => "its host looks like an IPv4 address, but is none",
        url::ParseError::InvalidIpv6Address => "its host is not an IPv6 address",
        url::ParseError::IdnaError => "its host name cannot be written in ASCII",
        url::ParseError::InvalidDomainCharacter => "the host contains a character that no host name has",
        _ => "it cannot be parsed",
    }
}
