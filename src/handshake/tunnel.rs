//! Asking an HTTP proxy for a tunnel (RFC 6455 §4.1, item 3; RFC 9110 §9.3.6).
//!
//! ```text
//!   CONNECT example.com:80 HTTP/1.1                                HTTP/1.1 200 Connection established
//!   Host: example.com:80                                           (empty line; then the server's bytes)
//!   Proxy-Authorization: Basic ZWRuYW1vZGU6bm9jYXBlcyE=
//! ```
//!
//! Any 2xx means that the tunnel is open, and that its first byte stands right behind the empty line, whatever
//! Content-Length or Transfer-Encoding say.

use super::authentication::Credentials;
use super::http::write_field;
use super::response::parse_response;
use crate::Config;
use crate::error::ProxyError;
use http::StatusCode;
use http::header::PROXY_AUTHORIZATION;

/// The request for a tunnel to this host and port.
pub(crate) fn connect_request(host: &str, port: u16, credentials: Option<&Credentials>) -> Vec<u8> {
    // RFC 9112 §3.2.3: the port is always there; an IPv6 address has brackets.
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    // RFC 6455 §4.1/h
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(value) = credentials.and_then(|credentials| credentials.to_basic().ok()) {
        write_field(&mut request, &PROXY_AUTHORIZATION, value.as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// Whether this complete head says that the tunnel is open. `false`: it is an interim response, and another follows.
pub(crate) fn is_tunnel_open(head: &[u8], config: &Config) -> Result<bool, ProxyError> {
    let response = parse_response(head, config).map_err(ProxyError::BadReply)?;
    match response.status() {
        status if status.is_informational() => Ok(false),
        status if status.is_success() => Ok(true),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(ProxyError::AuthenticationRequired),
        status => Err(ProxyError::Refused(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_the_one_of_the_rfcs_example() {
        // RFC 6455 §4.1/h, but for the port in Host, which RFC 9112 §3.2 wants.
        let request = connect_request("example.com", 80, Some(&Credentials::new("ednamode", "nocapes!")));
        assert_eq!(
            String::from_utf8_lossy(&request),
            "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\
             Proxy-Authorization: Basic ZWRuYW1vZGU6bm9jYXBlcyE=\r\n\r\n"
        );
        assert!(
            connect_request("::1", 443, None)
                .starts_with(b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n")
        );
    }
}
