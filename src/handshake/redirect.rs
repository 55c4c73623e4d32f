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
