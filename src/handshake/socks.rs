//! Asking a SOCKS5 proxy for a connection (RFC 1928), with a user name and a password where it wants them (RFC 1929).
//!
//! ```text
//!   client                                      proxy
//!   05 02 00 02        how we can log in   ──▶
//!                                          ◀──  05 02              with a password (00: not at all)
//!   01 03 "ada" 02 "pw"                    ──▶
//!                                          ◀──  01 00              welcome
//!   05 01 00 03 0b "example.com" 00 50     ──▶                     01 an IPv4 address, 03 a name, 04 an IPv6 address
//!                                          ◀──  05 00 00 01 + 6    connected; from this address and port of the proxy's
//! ```
//!
//! Names go to the proxy as they are: it looks them up, which is what most people want a SOCKS proxy for.
//!
//! For the next editor: each answer has a length that is known before it is read, so that no byte of the tunnel is read
//! here by mistake.

use super::authentication::Credentials;
use crate::error::ProxyError;
use std::net::IpAddr;

/// The first message: the ways to log in that we offer.
pub(crate) fn greeting(credentials: Option<&Credentials>) -> &'static [u8] {
    if credentials.is_some() { &[VERSION, 2, NO_LOGIN, PASSWORD] } else { &[VERSION, 1, NO_LOGIN] }
}

/// What to send next after the proxy's choice: nothing, or user and password.
pub(crate) fn login(
    choice: [u8; 2],
    credentials: Option<&Credentials>,
) -> Result<Option<Vec<u8>>, ProxyError> {
    match (choice, credentials) {
        ([VERSION, NO_LOGIN], _) => Ok(None),
        ([VERSION, PASSWORD], Some(credentials)) => {
            let mut message = vec![LOGIN_VERSION];
            push_short(&mut message, credentials.user().as_bytes());
            push_short(&mut message, credentials.password().as_bytes());
            Ok(Some(message))
        }
        ([VERSION, 0xff], _) => Err(ProxyError::AuthenticationRequired),
        _ => Err(ProxyError::NotSocks),
    }
}

/// The proxy's word about user and password.
pub(crate) fn check_login(answer: [u8; 2]) -> Result<(), ProxyError> {
    match answer {
        [LOGIN_VERSION, 0] => Ok(()),
        [LOGIN_VERSION, _] => Err(ProxyError::AuthenticationRequired),
        _ => Err(ProxyError::NotSocks),
    }
}

/// The request for a connection to this host and port.
pub(crate) fn connect(host: &str, port: u16) -> Vec<u8> {
    // RFC 6455 §4.1/h
    let mut message = vec![VERSION, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            message.push(IPV4);
            message.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            message.push(IPV6);
            message.extend_from_slice(&address.octets());
        }
        Err(_) => {
            message.push(NAME);
            push_short(&mut message, host.as_bytes());
        }
    }
    message.extend_from_slice(&port.to_be_bytes());
    message
}

/// How many bytes follow the first five of the answer, which is that the proxy is connected.
pub(crate) fn rest_of_answer(first: [u8; 5]) -> Result<usize, ProxyError> {
    match first {
        // One byte of the address is here already; two of the port follow it.
        [VERSION, 0, _, IPV4, _] => Ok(3 + 2),
        [VERSION, 0, _, IPV6, _] => Ok(15 + 2),
        [VERSION, 0, _, NAME, len] => Ok(usize::from(len) + 2),
        [VERSION, code, ..] if code != 0 => Err(ProxyError::Socks(code)),
        _ => Err(ProxyError::NotSocks),
    }
}

/// Whether these fit into the messages, whose lengths are one byte.
pub(crate) fn check_credentials(credentials: &Credentials) -> Result<(), &'static str> {
    let fits = |text: &str| (1..=255).contains(&text.len());
    match fits(credentials.user()) && fits(credentials.password()) {
        true => Ok(()),
        false => Err("SOCKS5 takes a user name and a password of 1 to 255 bytes each"),
    }
}

/// The bytes behind their length. What is longer was refused before; host names have 253 at most.
fn push_short(message: &mut Vec<u8>, bytes: &[u8]) {
    let len = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    message.push(len);
    message.extend(bytes.iter().take(usize::from(len)));
}

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_are_those_of_the_rfcs() {
        let ada = Credentials::new("ada", "pw");
        assert_eq!(greeting(None), [5, 1, 0]);
        assert_eq!(greeting(Some(&ada)), [5, 2, 0, 2]);
        assert_eq!(login([5, 0], Some(&ada)).unwrap(), None);
        assert_eq!(login([5, 2], Some(&ada)).unwrap(), Some(b"\x01\x03ada\x02pw".to_vec()));
        assert_eq!(connect("example.com", 80), b"\x05\x01\x00\x03\x0bexample.com\x00\x50");
        assert_eq!(connect("127.0.0.1", 0x1234), b"\x05\x01\x00\x01\x7f\x00\x00\x01\x12\x34");
        assert_eq!(connect("::1", 80)[..5], [5, 1, 0, 4, 0]);
        assert_eq!(connect("::1", 80).len(), 4 + 16 + 2);
        for (first, rest) in [([5, 0, 0, 1, 9], 5), ([5, 0, 0, 4, 9], 17), ([5, 0, 0, 3, 9], 11)] {
            assert_eq!(rest_of_answer(first).unwrap(), rest);
        }
    }

    #[test]
    fn what_is_no_socks5_is_refused() {
        for choice in [[4, 0], [5, 2], [5, 1], [b'H', b'T']] {
            assert!(matches!(login(choice, None), Err(ProxyError::NotSocks)), "{choice:?}");
        }
        assert!(matches!(login([5, 255], None), Err(ProxyError::AuthenticationRequired)));
        assert!(matches!(check_login([1, 1]), Err(ProxyError::AuthenticationRequired)));
        assert!(matches!(check_login([5, 0]), Err(ProxyError::NotSocks)));
        assert!(matches!(rest_of_answer([5, 5, 0, 1, 0]), Err(ProxyError::Socks(5))));
        assert!(matches!(rest_of_answer([5, 0, 0, 2, 0]), Err(ProxyError::NotSocks)));
        assert!(matches!(rest_of_answer(*b"HTTP/"), Err(ProxyError::NotSocks)));
    }
}
