//! `host[:port]`, as it stands in Host, in Origin and in absolute request targets (RFC 3986 §3.2.2,
//! §3.2.3).
//!
//! ```text
//!   example.com    example.com:8080    192.0.2.1    [2001:db8::1]:9001
//! ```
//!
//! No user information: HTTP tells recipients to treat it as an error (RFC 9110 §4.2.4).

use std::net::Ipv6Addr;

/// A host with an optional port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    /// As it stands there: an IPv6 address has its brackets.
    pub host: &'a str,
    /// `None` when absent or empty (`example.com:`): the scheme's default.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads an authority; `None` if it is none.
    pub fn parse(text: &'a str) -> Option<Authority<'a>> {
        // The colons of an IPv6 address stand inside brackets.
        let host_end = match text.strip_prefix('[') {
            Some(rest) => rest.find(']')? + 2,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, port) = text.split_at_checked(host_end)?;
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
        };
        is_host(host).then_some(Authority { host, port })
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && is_reg_name(host.as_bytes()),
    }
}

/// RFC 3986 §3.2.2: `reg-name = *( unreserved / pct-encoded / sub-delims )`; an IPv4 address is one
/// too.
fn is_reg_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [b'%', a, b, rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte) => rest,
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_an_optional_port() {
        let parsed = |text| Authority::parse(text).map(|it| (it.host, it.port));
        assert_eq!(parsed("example.com"), Some(("example.com", None)));
        assert_eq!(parsed("example.com:"), Some(("example.com", None)));
        assert_eq!(parsed("192.0.2.1:80"), Some(("192.0.2.1", Some(80))));
        assert_eq!(parsed("[::1]:65535"), Some(("[::1]", Some(65535))));
        assert_eq!(parsed("a%2Db"), Some(("a%2Db", None)));
    }

    #[test]
    fn everything_else_is_none() {
        for text in
            ["", ":80", "a:b", "a:65536", "a:+1", "a:1:2", "a b", "a/b", "u@a", "::1", "[::1", "[::1]x"]
        {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
        for text in ["[]", "[a]", "[v1.x]", "[::1%25lo]", "a%2", "a%zz", "ä", "a,b:1 ", "[", "]", "[::1]é"]
        {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }
}
