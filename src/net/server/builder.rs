//! A server: a listener, a thread for each connection, and an orderly end (RFC 6455 §4.2, §7).
//!
//! ```text
//!   Server ─ serve / spawn ─▶ Threads ─ accept ─▶ Greeter (handshake) ─▶ your handler ─▶ Close, by how it returned
//!                                │                                            │
//!                          ServerHandle::shutdown(grace): 1001 to everyone ───┘
//! ```
//!
//! For the next editor: here is what a server can be told. What it does then is in `service`, the threads are in `threads`,
//! one connection is in `serve`, and how it stops in `handle`.

#[cfg(feature = "event-loop")]
use super::event_loop::EventLoop;
use super::handle::ServerHandle;
use super::serve::{ServeConnection, ServeInThread};
use super::server_error::ServerError;
use super::service::{Service, Settings};
use super::threads::Threads;
use crate::Config;
use crate::error::Error;
use crate::handshake::{OriginPolicy, Request, Response, ServerOptions};
use crate::net::connection::handler::{self, Handler};
use crate::net::connection::websocket::WebSocket;
use crate::net::tls::ServerTls;
use crate::net::wire::transport::lengthen_queue;
use http::HeaderMap;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

/// A WebSocket server, before it is started.
///
/// ```no_run
/// use clearsocket::Server;
/// Server::bind("127.0.0.1:9001")?.serve(|mut ws, _request| {
///     while let Some(message) = ws.read()?.map(|message| message.into_owned()) {
///         ws.write(message)?;
///     }
///     Ok(())
/// })
/// # ;Ok::<(), clearsocket::Error>(())
/// ```
pub struct Server {
    listener: TcpListener,
    stack_size: usize,
    settings: Settings,
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// Errors: [`Error::Io`], for example when the port is taken.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Server, Error> {
        let listener = TcpListener::bind(address)?;
        lengthen_queue(&listener);
        Ok(Server::from_listener(listener))
    }

    /// Uses a listener that was made elsewhere.
    pub fn from_listener(listener: TcpListener) -> Server {
        let settings = Settings {
            config: Arc::default(),
            options: ServerOptions::default(),
            tls: ServerTls::default(),
            max_connections: MAX_CONNECTIONS,
            on_request: None,
            on_http: None,
            on_error: None,
        };
        Server { listener, stack_size: STACK_SIZE, settings }
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.listener.local_addr()?)
    }

    /// Limits and timeouts for every connection.
    pub fn config(mut self, config: Config) -> Server {
        self.settings.config = Arc::new(config);
        self
    }

    /// The subprotocols that this server speaks, the preferred one first (§1.9). The first that the client offers too is
    /// agreed on.
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Server {
        self.settings.options.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Pages of exactly these origins (`https://example.com`) may connect; name your own too. By default only pages of
    /// the server's own origin may. Programs that are no browsers send no Origin, and are always let in (§10.2). Everybody
    /// else is answered with 403.
    pub fn allow_origins<S: Into<String>>(mut self, origins: impl IntoIterator<Item = S>) -> Server {
        self.settings.options.origins = OriginPolicy::Listed(origins.into_iter().map(Into::into).collect());
        self
    }

    /// Pages of any origin may connect. For public services: any page that a visitor opens can then speak to this server
    /// with the visitor's cookies, and from inside the visitor's network.
    pub fn allow_any_origin(mut self) -> Server {
        self.settings.options.origins = OriginPolicy::Any;
        self
    }

    /// The paths at which there is a WebSocket; at others a request for one is answered with 404. By default, all.
    pub fn paths<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Server {
        self.settings.options.paths = Some(paths.into_iter().map(Into::into).collect());
        self
    }

    /// Compresses messages for clients that offer it (permessage-deflate, RFC 7692). Off by default: see
    /// [`Deflate`](crate::Deflate) for what it costs.
    // RFC 7692 §8/a
    #[cfg(feature = "deflate")]
    pub fn deflate(mut self, deflate: crate::Deflate) -> Server {
        self.settings.options.deflate = Some(deflate);
        self
    }

    /// Encrypts every connection: `wss://` for the WebSockets, and `https://` for [`on_http`](Self::on_http) (§10.6).
    ///
    /// The TLS handshake is done in the connection's thread, and is over by the deadline of the opening handshake, of which
    /// it counts as a part ([`Config::handshake_timeout`]). Who speaks HTTP in the clear is told so with a 400. An event loop
    /// does not encrypt: put a proxy in front of it.
    ///
    /// ```no_run
    /// use clearsocket::{Server, tls};
    /// let config = tls::server_config_from_files("cert.pem", "key.pem")?;
    /// Server::bind("0.0.0.0:443")?.tls(config).serve(|ws, request| {
    ///     assert!(request.is_secure());
    ///     ws.send("nobody else can read this")
    /// })
    /// # ;Ok::<(), clearsocket::Error>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: Arc<rustls::ServerConfig>) -> Server {
        self.settings.tls = ServerTls::new(config);
        self
    }

    /// Most connections at a time, those in their opening handshake among them; further ones are answered with 503, or with
    /// TLS closed without a word. Default 10,000.
    pub fn max_connections(mut self, max_connections: usize) -> Server {
        self.settings.max_connections = max_connections;
        self
    }

    /// Stack of each connection's thread in bytes. Default 256 KiB; only what is used takes memory. A handler that recurses
    /// over what a peer has sent needs more: to read JSON nested 128 levels deep takes `serde_json` more than that in a build
    /// without optimization, and an overflow ends the process.
    pub fn stack_size(mut self, bytes: usize) -> Server {
        self.stack_size = bytes;
        self
    }

    /// A hook that sees every valid request for a WebSocket, with the peer's address, before it is accepted. It may add
    /// headers to the 101 response, or refuse with a response of its own. For Basic and Bearer authentication see
    /// [`Request::basic_auth`], [`Request::bearer`] and [`unauthorized`](crate::unauthorized).
    ///
    /// ```
    /// # use clearsocket::Server;
    /// # use http::{HeaderValue, Response, StatusCode};
    /// let server = Server::bind("127.0.0.1:0")?.on_request(|request, headers| {
    ///     if request.header("cookie").is_none() {
    ///         let mut refusal = Response::new(b"who are you?".to_vec());
    ///         *refusal.status_mut() = StatusCode::UNAUTHORIZED;
    ///         return Err(refusal.into());
    ///     }
    ///     headers.insert("x-served-by", HeaderValue::from_static("clearsocket"));
    ///     Ok(())
    /// });
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    pub fn on_request<F>(mut self, hook: F) -> Server
    where
        F: Fn(&Request, &mut HeaderMap) -> Result<(), Box<Response>> + Send + Sync + 'static,
    {
        self.settings.on_request = Some(Box::new(hook));
        self
    }

    /// A hook that answers plain HTTP requests on the same port, such as the one for the page that will open the
    /// WebSocket. Without it they are answered with 426 (Upgrade Required). A request's body is not read.
    pub fn on_http<F>(mut self, hook: F) -> Server
    where
        F: Fn(&Request) -> Response + Send + Sync + 'static,
    {
        self.settings.on_http = Some(Box::new(hook));
        self
    }

    /// A hook that hears of failed handshakes, of connections that end badly, and of the system's refusals.
    pub fn on_error<F>(mut self, hook: F) -> Server
    where
        F: Fn(&ServerError<'_>) + Send + Sync + 'static,
    {
        self.settings.on_error = Some(Box::new(hook));
        self
    }

    /// Serves for ever: calls `handler` with each connection, in a thread of its own.
    ///
    /// When the handler returns, its connection is closed in order: with 1000 after `Ok`, with 1011 after an error of
    /// its own or a panic.
    ///
    /// Errors: [`Error::Io`] if no thread can be started.
    pub fn serve<F>(self, handler: F) -> Result<(), Error>
    where
        F: Fn(WebSocket, Request) -> Result<(), Error> + Send + Sync + 'static,
    {
        self.spawn(handler)?.wait();
        Ok(())
    }

    /// Like [`serve`](Self::serve), but returns at once, with a handle to stop it. Dropping the handle does not stop it.
    pub fn spawn<F>(self, handler: F) -> Result<ServerHandle, Error>
    where
        F: Fn(WebSocket, Request) -> Result<(), Error> + Send + Sync + 'static,
    {
        self.start(Box::new(handler))
    }

    /// Serves for ever, with a [`Handler`] for each connection, made by `new_handler`.
    ///
    /// ```no_run
    /// use clearsocket::{Message, Sender, Server};
    /// Server::bind("127.0.0.1:9001")?
    ///     .serve_handlers(|_request| |sender: &Sender, message: Message<'_>| sender.write(message))
    /// # ;Ok::<(), clearsocket::Error>(())
    /// ```
    pub fn serve_handlers<H: Handler>(
        self,
        new_handler: impl Fn(&Request) -> H + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.spawn_handlers(new_handler)?.wait();
        Ok(())
    }

    /// Like [`serve_handlers`](Self::serve_handlers), but returns at once, with a handle to stop it.
    pub fn spawn_handlers<H: Handler>(
        self,
        new_handler: impl Fn(&Request) -> H + Send + Sync + 'static,
    ) -> Result<ServerHandle, Error> {
        self.spawn(move |ws, request| {
            let mut handler = new_handler(&request);
            handler::run_without(ws, request, &mut handler)
        })
    }

    /// Serves many connections in each of a few threads, in place of one for each: `workers` of them, or one for each core
    /// if that is 0. Only [`Handler`]s can be served so, and without TLS: a server that was given a `tls` configuration as
    /// well fails with [`Error::InvalidArgument`] when it is started.
    ///
    /// ```no_run
    /// use clearsocket::{Message, Sender, Server};
    /// Server::bind("127.0.0.1:9001")?
    ///     .event_loop(0)
    ///     .serve_handlers(|_request| |sender: &Sender, message: Message<'_>| sender.write(message))
    /// # ;Ok::<(), clearsocket::Error>(())
    /// ```
    #[cfg(feature = "event-loop")]
    pub fn event_loop(self, workers: usize) -> EventLoopServer {
        EventLoopServer { server: self, workers }
    }

    fn start(self, handler: Box<ServeConnection>) -> Result<ServerHandle, Error> {
        self.settings.options.check()?;
        let service = Arc::new(Service::new(self.settings));
        let connections = service.connections.clone();
        let serve = ServeInThread { service, handler };
        let driver = Threads::start(self.listener, self.stack_size, Box::new(serve))?;
        Ok(ServerHandle { driver, connections })
    }
}

/// A [`Server`] that runs an event loop, before it is started; made by [`Server::event_loop`].
///
/// A worker calls its handlers one after the other, so **a handler must not block**: as long as it does, nobody else is
/// served by that worker. Whoever has something slow to do, such as a query, gives it to another thread with a clone of the
/// [`Sender`](crate::Sender), and that thread sends the answer. If most handlers have to wait, a thread for each connection
/// is the better server: leave [`Server::event_loop`] out, and nothing else changes.
///
/// With [`Overflow::Wait`](crate::Overflow::Wait) a handler does not wait for its own connection: what it writes is queued,
/// and no further message is read from a peer who is [`Config::max_backlog`] behind. To write to another connection that is
/// full is then treated as [`Overflow::Disconnect`](crate::Overflow::Disconnect), for nobody can wait.
#[cfg(feature = "event-loop")]
#[derive(Debug)]
pub struct EventLoopServer {
    server: Server,
    workers: usize,
}

#[cfg(feature = "event-loop")]
impl EventLoopServer {
    /// Serves for ever, with a [`Handler`] for each connection, made by `new_handler`.
    ///
    /// Errors: [`Error::Io`] if no thread can be started.
    pub fn serve_handlers<H: Handler + 'static>(
        self,
        new_handler: impl Fn(&Request) -> H + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.spawn_handlers(new_handler)?.wait();
        Ok(())
    }

    /// Like [`serve_handlers`](Self::serve_handlers), but returns at once, with a handle to stop it.
    pub fn spawn_handlers<H: Handler + 'static>(
        self,
        new_handler: impl Fn(&Request) -> H + Send + Sync + 'static,
    ) -> Result<ServerHandle, Error> {
        let Server { listener, settings, .. } = self.server;
        settings.options.check()?;
        if settings.tls.is_on() {
            return Err(Error::InvalidArgument(
                "an event loop has no TLS: serve with a thread for each connection, or put a proxy in front"
                    .into(),
            ));
        }
        let workers = match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        let service = Arc::new(Service::new(settings));
        let new_handler =
            Box::new(move |request: &Request| Box::new(new_handler(request)) as Box<dyn Handler>);
        let driver = EventLoop::start(&listener, workers, &service, new_handler)?;
        Ok(ServerHandle { driver, connections: service.connections.clone() })
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("options", &self.settings.options)
            .finish()
    }
}

/// As many as a machine of moderate size has memory for, at some 20 KiB each, measured idle.
const MAX_CONNECTIONS: usize = 10_000;

/// Ten times what the library itself uses.
const STACK_SIZE: usize = 256 << 10;
