//! Where a redirect leads, and what must not go there (RFC 9110 §15.4, §10.2.2; RFC 6455 §4.1).
//!
//! ```text
//!   ws://a.example/chat ── 302, Location: https://b.example/chat ──▶ wss://b.example/chat
//!                                                                    without our credentials
//! ```
//!
//! All five statuses mean the same here, since a handshake is always a GET. A Location may be relative; `http:` in it
//! means `ws:` and `https:` means `wss:`. Two rules keep a server from doing harm with it: a secure connection never
//! becomes an insecure one, and what was meant for one origin is not sent to another.
//!
//! For the next editor: credentials in a Location are ignored, and so is its fragment. How many redirects are
//! followed is for the [`Client`](crate::Client) to say.

use super::response::Response;
use super::url::Url;
use crate::HandshakeError;
use http::StatusCode;
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, LOCATION, PROXY_AUTHORIZATION};

/// The URLs that a connection was redirected to, in their order: the last one is that of the connection.
///
/// It is in the extensions of the [`Response`] that [`Client::connect`](crate::Client::connect) gives, and of the one in
/// a [`HandshakeError::Refused`].
///
/// ```no_run
/// use clearsocket::{Client, Redirects};
/// let (ws, response) = Client::new().redirects(5).connect("ws://127.0.0.1:9001/")?;
/// for url in Redirects::of(&response) {
///     println!("redirected to {url}");
/// }
/// # Ok::<(), clearsocket::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Redirects(pub(crate) Vec<Url>);

impl Redirects {
    /// The URLs that led to this response, without the one that was asked for first. Empty if there were no redirects.
    pub fn of(response: &Response) -> &[Url] {
        response.extensions().get::<Redirects>().map_or(&[], |redirects| &redirects.0)
    }
}

/// Whether this is a redirect that can be followed.
pub(crate) fn is_redirect(response: &Response) -> bool {
    matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    ) && response.headers().contains_key(LOCATION)
}

/// Where this redirect of `url` leads. The secrets among `headers`, and those of the URL, stay within their origin.
pub(crate) fn follow(url: &Url, response: &Response, headers: &mut HeaderMap) -> Result<Url, HandshakeError> {
    let mut locations = response.headers().get_all(LOCATION).iter();
    let location = locations.next().and_then(|value| value.to_str().ok());
    let (Some(location), None) = (location, locations.next()) else {
        return Err(HandshakeError::InvalidRedirect("its Location is not one URL in ASCII"));
    };
    // RFC 6455 §4.1/aj
    let mut next = url.resolve(location)?;
    if url.secure() && !next.secure() {
        return Err(HandshakeError::InvalidRedirect("it leads from wss to ws"));
    }
    if next.has_origin_of(url) {
        next.set_credentials(url.credentials().cloned());
    } else {
        for secret in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
            headers.remove(secret);
        }
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a redirect from one URL to a Location leads.
    fn led(from: &str, location: &str) -> Result<String, HandshakeError> {
        let mut response = Response::default();
        response.headers_mut().insert(LOCATION, location.parse().unwrap());
        follow(&from.parse().unwrap(), &response, &mut HeaderMap::new()).map(|url| url.to_string())
    }

    #[test]
    fn a_secure_connection_stays_secure() {
        for location in ["ws://a/", "http://a/", "HTTP://a/", "ws://a:443/", "ws://b/"] {
            let error = led("wss://a/", location).unwrap_err();
            assert!(error.to_string().contains("wss to ws"), "{location}: {error}");
        }
        assert_eq!(led("wss://a/x", "https://b/").unwrap(), "wss://b/");
        assert_eq!(led("wss://a/x", "//b/y").unwrap(), "wss://b/y");
        assert_eq!(led("wss://a:8443/x", "/y").unwrap(), "wss://a:8443/y");
        assert_eq!(led("ws://a/", "https://a/").unwrap(), "wss://a/");
        assert_eq!(led("ws://a/", "HTTPS://a:444/").unwrap(), "wss://a:444/");
    }

    #[test]
    fn secrets_stay_where_scheme_host_and_port_are_the_same() {
        let kept = |from: &str, location: &str| {
            let mut response = Response::default();
            response.headers_mut().insert(LOCATION, location.parse().unwrap());
            let mut headers = HeaderMap::new();
            for name in ["authorization", "cookie", "proxy-authorization", "x-mine"] {
                headers.insert(name, "1".parse().unwrap());
            }
            let next = follow(&from.parse().unwrap(), &response, &mut headers).unwrap();
            (headers.len(), next.credentials().is_some())
        };
        assert_eq!(kept("ws://u:p@a/", "/b"), (4, true));
        assert_eq!(kept("ws://u:p@a/", "http://A:80/b"), (4, true));
        assert_eq!(kept("ws://u:p@a/", "ws://v:q@a/b"), (4, true));
        for elsewhere in ["wss://a/", "ws://b/", "ws://a:81/", "ws://a.b/", "//b", "\\\\b"] {
            assert_eq!(kept("ws://u:p@a/", elsewhere), (1, false), "{elsewhere}");
        }
    }
}
