//! The client's side of the opening handshake (RFC 6455 §4.1), from a URL to an open connection.
//!
//! ```text
//!   URL ─▶ dial ─▶ request ─▶ reply ─▶ verify ─▶ WebSocket
//!    §3 ▲                                 ├──▶ a redirect, if those are followed ──┐
//!       └─────────────────────────────────┼────────────────────────────────────────┘
//!                                         └──▶ refused: status, headers, body
//! ```
//!
//! One deadline covers everything from the first address to the last byte of the reply.
//!
//! For the next editor: here are the options and the order of things. How the connection comes to be is in `dial`, and
//! what is said on it in `ask`.

use super::dial::{Environment, Proxies, Proxy, Route};
use crate::Config;
use crate::error::{Error, HandshakeError};
use crate::handshake::{
    ClientHandshake, ClientOptions, Credentials, Redirects, Response, Url, bearer_value, follow, is_redirect,
    is_secret,
};
use crate::net::connection::trace::Span;
use crate::net::connection::websocket::WebSocket;
use crate::net::entropy;
use crate::net::greeting::ask::Opening;
use crate::net::wire::transport::Transport;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::Instant;

/// Connects to a `ws://` URL: `new WebSocket(url)`, and back when it is open.
///
/// ```no_run
/// let (ws, response) = clearsocket::connect("ws://127.0.0.1:9001/chat?room=1")?;
/// assert_eq!(response.status(), 101);
/// # Ok::<(), clearsocket::Error>(())
/// ```
///
/// # Errors
///
/// As [`Client::connect`].
pub fn connect(url: &str) -> Result<(WebSocket, Response), Error> {
    Client::new().connect(url)
}

/// A client with options: headers, subprotocols, an Origin, limits.
///
/// ```no_run
/// # use clearsocket::Client;
/// let (ws, _response) = Client::new()
///     .header("Authorization", "Bearer 42")
///     .subprotocols(["chat", "superchat"])
///     .connect("ws://127.0.0.1:9001/")?;
/// println!("we speak {:?}", ws.subprotocol());
/// # Ok::<(), clearsocket::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Client {
    config: Config,
    options: ClientOptions,
    route: Route,
    max_redirects: usize,
    /// The first option that cannot be used; told by `connect`.
    invalid: Option<String>,
}

impl Client {
    /// A client with the default limits and no options.
    pub fn new() -> Client {
        Client::default()
    }

    /// Limits and timeouts.
    pub fn config(mut self, config: Config) -> Client {
        self.config = config;
        self
    }

    /// A further header of the request, such as a Cookie. A name may be given several times. A value with CR, LF or NUL,
    /// or a header that is the handshake's own, makes [`connect`](Self::connect) fail.
    pub fn header(mut self, name: &str, value: &str) -> Client {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes())) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(is_secret(&name));
                self.options.headers.append(name, value);
            }
            (Err(_), _) => self.set_invalid(format!("{name:?} is no header name")),
            // HTTP/i
            (_, Err(_)) => self.set_invalid(format!("the value of {name} cannot be sent")),
        }
        self
    }

    /// The Origin to send. A browser sends its page's; for others it is optional (§4.1).
    pub fn origin(mut self, origin: &str) -> Client {
        self.options.origin = Some(origin.to_string());
        self
    }

    /// The subprotocols to offer, the preferred one first (§1.9). [`WebSocket::subprotocol`] tells the server's choice.
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Client {
        self.options.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Offers to compress messages (permessage-deflate, RFC 7692). [`WebSocket::extensions`] tells what came of it.
    #[cfg(feature = "deflate")]
    pub fn deflate(mut self, deflate: crate::Deflate) -> Client {
        self.options.deflate = Some(deflate);
        self
    }

    /// How to encrypt connections to `wss://` URLs, if not as usual: with other authorities to trust, or a certificate of
    /// one's own. By default a server's certificate must come from an authority that the system trusts.
    ///
    /// ```no_run
    /// use clearsocket::{Client, rustls, tls};
    /// use rustls::pki_types::{CertificateDer, pem::PemObject};
    ///
    /// let mut roots = rustls::RootCertStore::empty();
    /// roots.add(CertificateDer::from_pem_file("our-own-authority.pem")?)?;
    /// let config = tls::client_config(roots)?;
    /// let (ws, _response) = Client::new().tls(config).connect("wss://chat.internal/")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: Arc<rustls::ClientConfig>) -> Client {
        self.route.tls = crate::net::tls::ClientTls::new(config);
        self
    }

    /// Connects through this proxy: `http://[user:password@]host[:port]` for HTTP CONNECT with Basic authentication, or
    /// `socks5://...` for SOCKS5. `socks5h` means the same, for in either case the proxy looks the server's name up.
    ///
    /// ```no_run
    /// # use clearsocket::Client;
    /// let client = Client::new().proxy("http://ada:secret@proxy.example.com:3128");
    /// let (ws, _response) = client.connect("ws://example.com/")?;
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    ///
    /// The proxy sees all that a `ws://` connection says, and of a `wss://` connection host and port. A URL that is none
    /// makes [`connect`](Self::connect) fail.
    pub fn proxy(mut self, url: &str) -> Client {
        match Proxy::parse(url) {
            Ok(proxy) => self.route.proxies = Proxies::All(proxy),
            Err(error) => self.set_invalid(error.into()),
        }
        self
    }

    /// Connects through the proxies that the environment names at this moment, if it does: for `wss://` in `https_proxy`
    /// or `HTTPS_PROXY`, for `ws://` in `http_proxy` (in lower case only), for both in `all_proxy` or `ALL_PROXY`. A value
    /// is as in [`proxy`](Self::proxy); without a scheme it means `http://`.
    ///
    /// `no_proxy` or `NO_PROXY` lists hosts to connect to directly, separated by commas: a domain stands for itself and
    /// everything below it, an address or a network (`10.0.0.0/8`) for itself, `*` for all; with `:port` for that port.
    ///
    /// ```no_run
    /// let client = clearsocket::Client::new().proxy_from_env();
    /// let (ws, _response) = client.connect("ws://example.com/")?;
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    pub fn proxy_from_env(mut self) -> Client {
        match Environment::read(|name| std::env::var(name).ok()) {
            Ok(environment) => self.route.proxies = Proxies::FromEnvironment(environment),
            Err(error) => self.set_invalid(error),
        }
        self
    }

    /// Follows up to so many redirects (301, 302, 303, 307 and 308). Default 0: a redirect is a refusal like any other,
    /// [`HandshakeError::Refused`].
    ///
    /// A redirect from `wss` to `ws` is never followed. Where scheme, host or port change, Authorization, Cookie,
    /// Proxy-Authorization and the credentials of the URL stay behind; other headers go along, and so do subprotocols.
    /// [`Redirects::of`] tells from the response where it went. All of them together have one handshake's time.
    ///
    /// ```no_run
    /// use clearsocket::{Client, Redirects};
    /// let (ws, response) = Client::new().redirects(3).connect("ws://127.0.0.1:9001/")?;
    /// if let Some(url) = Redirects::of(&response).last() {
    ///     println!("we ended up at {url}");
    /// }
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    pub fn redirects(mut self, limit: usize) -> Client {
        self.max_redirects = limit;
        self
    }

    /// Sends a user name and a password (Basic authentication, RFC 7617). It replaces an Authorization header that was
    /// given before, and goes before credentials in the URL, `ws://user:password@host/`, which do the same.
    ///
    /// ```no_run
    /// # use clearsocket::Client;
    /// let (ws, _response) =
    ///     Client::new().basic_auth("ada", "correct horse").connect("ws://127.0.0.1:9001/")?;
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    ///
    /// A user name with a colon, or a control character in either, makes [`connect`](Self::connect) fail.
    pub fn basic_auth(self, user: &str, password: &str) -> Client {
        self.authorization(Credentials::new(user, password).to_basic())
    }

    /// Sends a token (Bearer authentication, RFC 6750). It replaces an Authorization header that was given before.
    ///
    /// ```no_run
    /// # use clearsocket::Client;
    /// let (ws, _response) = Client::new().bearer("mF_9.B5f-4.1JqM").connect("ws://127.0.0.1:9001/")?;
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    ///
    /// A token consists of letters, digits and `-._~+/`, and perhaps `=` at its end; another makes
    /// [`connect`](Self::connect) fail.
    pub fn bearer(self, token: &str) -> Client {
        self.authorization(bearer_value(token))
    }

    fn authorization(mut self, value: Result<HeaderValue, &'static str>) -> Client {
        match value {
            Ok(value) => drop(self.options.headers.insert(AUTHORIZATION, value)),
            Err(error) => self.set_invalid(error.into()),
        }
        self
    }

    /// The first mistake is the one that is told.
    fn set_invalid(&mut self, what: String) {
        self.invalid.get_or_insert(what);
    }

    /// Connects, and returns when the connection is open, with the server's response.
    ///
    /// The addresses of the host are tried in turn, IPv6 and IPv4 alternating, each with its share of the time.
    /// Everything together takes at most [`Config::handshake_timeout`]: looking up the name, the proxy, TCP, TLS and the
    /// handshake. (The system's resolver cannot be interrupted. It runs in a thread of its own, which is left behind when
    /// the time is up, and ends when the resolver gives up by itself.)
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] for a URL that is none (§3), for options that cannot be sent, and for a reply that breaks a
    /// rule of §4.1. A server that says no is [`HandshakeError::Refused`], with its status, its headers and up to 64 KiB of
    /// the body. [`Error::Timeout`]; [`Error::Io`] if no connection can be made; [`Error::Proxy`] if the proxy makes none.
    pub fn connect(&self, url: &str) -> Result<(WebSocket, Response), Error> {
        // RFC 6455 §4.1/c
        let mut url: Url = url.parse()?;
        let deadline = Instant::now() + self.config.handshake_timeout;
        let mut options = self.options.clone();
        let mut redirects = Redirects::default();
        loop {
            match self.connect_once(&url, &options, deadline) {
                Ok((ws, mut response)) => {
                    response.extensions_mut().insert(redirects);
                    return Ok((ws, response));
                }
                Err(Error::Handshake(HandshakeError::Refused(mut response))) => {
                    if self.max_redirects == 0 || !is_redirect(&response) {
                        response.extensions_mut().insert(redirects);
                        return Err(HandshakeError::Refused(response).into());
                    }
                    if redirects.0.len() == self.max_redirects {
                        return Err(HandshakeError::TooManyRedirects(self.max_redirects).into());
                    }
                    url = follow(&url, &response, &mut options.headers)?;
                    redirects.0.push(url.clone());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn connect_once(
        &self,
        url: &Url,
        options: &ClientOptions,
        deadline: Instant,
    ) -> Result<(WebSocket, Response), Error> {
        self.route.check(url)?;
        // RFC 6455 §4.1/b §7.1.4/b. Nothing is sent before it is known that the request can be.
        let opening = self.prepare(url, options, deadline)?;
        let (transport, _turn) = self.route.dial(url, &self.config, deadline)?;
        opening.on(transport)
    }

    /// Makes the connection for `url` and nothing more: what [`connect`](Self::connect) does before it sends the request.
    /// It is ready for [`handshake`](Self::handshake), perhaps within a [`Transport`] of yours that shows what passes.
    ///
    /// ```no_run
    /// # use clearsocket::Client;
    /// let client = Client::new();
    /// let transport = client.dial("ws://127.0.0.1:9001/chat")?;
    /// println!("connected to {:?}", transport.remote_addr());
    /// let (ws, response) = client.handshake("ws://127.0.0.1:9001/chat", transport)?;
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    ///
    /// It takes at most [`Config::handshake_timeout`], and the handshake that follows has as much again. The order of
    /// handshakes with one address (§4.1) is then up to you, and so is a redirect.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn dial(&self, url: &str) -> Result<Arc<dyn Transport>, Error> {
        let url: Url = url.parse()?;
        let deadline = Instant::now() + self.config.handshake_timeout;
        self.check_valid()?;
        self.route.check(&url)?;
        let (transport, _turn) = self.route.dial(&url, &self.config, deadline)?;
        Ok(transport)
    }

    /// Does the opening handshake for `url` on a connection that was made elsewhere: by [`dial`](Self::dial), over a Unix
    /// socket, or over anything else that is a [`Transport`]. For a `wss://` URL it is encrypted first, unless it
    /// [is](Transport::is_secure) already.
    ///
    /// ```no_run
    /// # use clearsocket::Client;
    /// let stream = std::os::unix::net::UnixStream::connect("/run/chat.sock")?;
    /// let (ws, _response) = Client::new().handshake("ws://localhost/", stream)?;
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect); a redirect is a refusal.
    pub fn handshake(&self, url: &str, stream: impl Transport) -> Result<(WebSocket, Response), Error> {
        let deadline = Instant::now() + self.config.handshake_timeout;
        let url: Url = url.parse()?;
        self.route.check(&url)?;
        let mut opening = self.prepare(&url, &self.options, deadline)?;
        opening.follows_redirects = false;
        opening.on(self.route.tls.secure(&url, Arc::new(stream), deadline)?)
    }

    fn check_valid(&self) -> Result<(), Error> {
        match &self.invalid {
            Some(invalid) => Err(Error::InvalidArgument(invalid.clone())),
            None => Ok(()),
        }
    }

    fn prepare(&self, url: &Url, options: &ClientOptions, deadline: Instant) -> Result<Opening<'_>, Error> {
        self.check_valid()?;
        Ok(Opening {
            handshake: ClientHandshake::new(url, options, entropy::nonce())?,
            config: &self.config,
            deflate: self.options.deflate.as_ref(),
            deadline,
            span: Span::client(url.host_header(), url.resource_name()),
            follows_redirects: self.max_redirects > 0,
        })
    }
}
