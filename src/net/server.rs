//! A server: a listener, a thread for each connection, and an orderly end (RFC 6455 §4.2, §7).
//!
//! ```text
//!   Server ─ serve / spawn ─▶ Threads ─ accept ─▶ Greeter (handshake) ─▶ your handler ─▶ Close, by how it returned
//!                                │                                            │
//!                          ServerHandle::shutdown(grace): 1001 to everyone ───┘
//! ```
//!
//! For the next editor: the threads are in `threads`, the handshake is in `accept`; here is what a server can be told,
//! who is connected, and how it stops.

use super::accept::{Greeter, OnHttp, OnRequest, refuse};
use super::flush::flush_this_thread;
use super::handler::{self, Handler};
use super::threads::{Serve, Threads};
use super::transport::Transport;
use super::{Sender, WebSocket};
use crate::Config;
use crate::error::{Error, HandshakeError};
use crate::handshake::{OriginPolicy, Request, Response, ServerOptions, write_response};
use crate::proto::CloseCode;
use http::HeaderMap;
use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    config: Config,
    options: ServerOptions,
    max_connections: usize,
    stack_size: usize,
    on_request: Option<Box<OnRequest>>,
    on_http: Option<Box<OnHttp>>,
    on_error: Option<Box<OnError>>,
}

type OnError = dyn Fn(&ServerError<'_>) + Send + Sync;

/// What [`Server::on_error`] hears of. Nothing of it stops the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError<'a> {
    /// An opening handshake failed; if there was a response to give, the peer has it. With a request whenever it could
    /// be read that far.
    Handshake {
        /// Who it was.
        peer: SocketAddr,
        /// What was wrong.
        error: &'a Error,
    },
    /// A connection ended badly, or its handler returned an error.
    Connection {
        /// Who it was.
        peer: SocketAddr,
        /// What happened.
        error: &'a Error,
    },
    /// A handler panicked; its connection was closed with 1011 (internal error).
    Panic {
        /// Who it was.
        peer: SocketAddr,
    },
    /// The system refused to accept a connection or to start a thread. The server goes on trying.
    Accept {
        /// What the system said.
        error: &'a io::Error,
    },
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// Errors: [`Error::Io`], for example when the port is taken.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Server, Error> {
        Ok(Server::from_listener(TcpListener::bind(address)?))
    }

    /// Uses a listener that was made elsewhere.
    pub fn from_listener(listener: TcpListener) -> Server {
        Server {
            listener,
            config: Config::default(),
            options: ServerOptions::default(),
            max_connections: MAX_CONNECTIONS,
            stack_size: STACK_SIZE,
            on_request: None,
            on_http: None,
            on_error: None,
        }
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.listener.local_addr()?)
    }

    /// Limits and timeouts for every connection.
    pub fn config(mut self, config: Config) -> Server {
        self.config = config;
        self
    }

    /// The subprotocols that this server speaks, the preferred one first (§1.9). The first that the client offers too is
    /// agreed on.
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Server {
        self.options.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Pages of these origins (`https://example.com`) may connect too. By default only pages of the server's own origin
    /// may, and programs that are no browsers and send no Origin (§10.2). Everybody else is answered with 403.
    pub fn allow_origins<S: Into<String>>(mut self, origins: impl IntoIterator<Item = S>) -> Server {
        self.options.origins = OriginPolicy::Listed(origins.into_iter().map(Into::into).collect());
        self
    }

    /// Pages of any origin may connect. For public services: any page that a visitor opens can then speak to this server
    /// with the visitor's cookies, and from inside the visitor's network.
    pub fn allow_any_origin(mut self) -> Server {
        self.options.origins = OriginPolicy::Any;
        self
    }

    /// The paths at which there is a WebSocket; at others a request for one is answered with 404. By default, all.
    pub fn paths<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Server {
        self.options.paths = Some(paths.into_iter().map(Into::into).collect());
        self
    }

    /// Most connections at a time, those in their opening handshake among them; further ones are answered with 503.
    /// Default 10,000.
    pub fn max_connections(mut self, max_connections: usize) -> Server {
        self.max_connections = max_connections;
        self
    }

    /// Stack of each connection's thread in bytes. Default 256 KiB; only what is used takes memory.
    pub fn stack_size(mut self, bytes: usize) -> Server {
        self.stack_size = bytes;
        self
    }

    /// A hook that sees every valid request for a WebSocket, with the peer's address, before it is accepted. It may add
    /// headers to the 101 response, or refuse with a response of its own.
    ///
    /// ```
    /// # use clearsocket::Server;
    /// # use http::{HeaderValue, Response, StatusCode};
    /// let server = Server::bind("127.0.0.1:0")?.on_request(|request, headers| {
    ///     if request.header("cookie").is_none() {
    ///         let mut refusal = Response::new(b"who are you?".to_vec());
    ///         *refusal.status_mut() = StatusCode::UNAUTHORIZED;
    ///         return Err(refusal);
    ///     }
    ///     headers.insert("x-served-by", HeaderValue::from_static("clearsocket"));
    ///     Ok(())
    /// });
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    pub fn on_request<F>(mut self, hook: F) -> Server
    where
        F: Fn(&Request, &mut HeaderMap) -> Result<(), Response> + Send + Sync + 'static,
    {
        self.on_request = Some(Box::new(hook));
        self
    }

    /// A hook that answers plain HTTP requests on the same port, such as the one for the page that will open the
    /// WebSocket. Without it they are answered with 426 (Upgrade Required). A request's body is not read.
    pub fn on_http<F>(mut self, hook: F) -> Server
    where
        F: Fn(&Request) -> Response + Send + Sync + 'static,
    {
        self.on_http = Some(Box::new(hook));
        self
    }

    /// A hook that hears of failed handshakes, of connections that end badly, and of the system's refusals.
    pub fn on_error<F>(mut self, hook: F) -> Server
    where
        F: Fn(&ServerError<'_>) + Send + Sync + 'static,
    {
        self.on_error = Some(Box::new(hook));
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
        self.spawn(move |ws, request| handler::run(ws, &request, &mut new_handler(&request)))
    }

    fn start(self, handler: Box<ServeConnection>) -> Result<ServerHandle, Error> {
        self.options.check()?;
        let connections = Arc::new(Connections::default());
        let service = Service {
            config: Arc::new(self.config),
            options: self.options,
            max_connections: self.max_connections,
            on_request: self.on_request,
            on_http: self.on_http,
            on_error: self.on_error,
            handler,
            connections: connections.clone(),
            turned_away: AtomicUsize::new(0),
        };
        let threads = Threads::start(self.listener, self.stack_size, Box::new(service))?;
        Ok(ServerHandle { threads, connections })
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).field("options", &self.options).finish()
    }
}

/// A running server.
#[derive(Clone)]
pub struct ServerHandle {
    threads: Arc<Threads>,
    connections: Arc<Connections>,
}

impl ServerHandle {
    /// The address that it listens on.
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.threads.local_addr()?)
    }

    /// The number of connections, those in their opening handshake among them.
    pub fn connections(&self) -> usize {
        self.connections.lock().live.len()
    }

    /// Stops: accepts nobody any more, says 1001 (going away) to everyone, waits up to `grace` for what was queued to
    /// leave and for everybody's Close, and cuts the rest. `true` if everybody had gone by then.
    pub fn shutdown(&self, grace: Duration) -> bool {
        let deadline = Instant::now() + grace;
        self.connections.lock().closing = true;
        self.threads.stop_accepting();
        self.connections.close_all();
        let all_gone = self.connections.wait_until_empty(deadline);
        self.connections.cut_all();
        // The handlers have nothing to wait for now, unless it is something of their own.
        self.threads.wait(Some(Instant::now() + LAST_MOMENT)) && all_gone
    }

    /// Waits until the server has been shut down by another clone of this handle.
    pub fn wait(&self) {
        self.threads.wait(None);
    }
}

impl std::fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerHandle").field("connections", &self.connections()).finish()
    }
}

type ServeConnection = dyn Fn(WebSocket, Request) -> Result<(), Error> + Send + Sync;

/// What the threads of a server share.
struct Service {
    config: Arc<Config>,
    options: ServerOptions,
    max_connections: usize,
    on_request: Option<Box<OnRequest>>,
    on_http: Option<Box<OnHttp>>,
    on_error: Option<Box<OnError>>,
    handler: Box<ServeConnection>,
    connections: Arc<Connections>,
    /// Threads that are telling somebody that there is no room.
    turned_away: AtomicUsize,
}

impl Serve for Service {
    fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let transport: Arc<dyn Transport> = Arc::new(stream);
        match self.connections.enter(&transport, self.max_connections) {
            Some(place) => self.serve_in(place, transport, peer),
            None => self.refuse_newcomer(&*transport, peer),
        }
    }

    fn turn_away(&self, stream: TcpStream, peer: SocketAddr) {
        let error = HandshakeError::ServerFull;
        if let Some(response) = error.response() {
            let _ = stream.try_send(&write_response(&response));
        }
        self.report(ServerError::Handshake { peer, error: &error.into() });
    }

    fn on_accept_error(&self, error: io::Error) {
        self.report(ServerError::Accept { error: &error });
    }
}

impl Service {
    fn serve_in(&self, place: Place<'_>, transport: Arc<dyn Transport>, peer: SocketAddr) {
        let greeter = Greeter {
            options: &self.options,
            config: self.config.clone(),
            on_request: self.on_request.as_deref(),
            on_http: self.on_http.as_deref(),
        };
        let greeted = catch_unwind(AssertUnwindSafe(|| greeter.greet(&transport)));
        match greeted {
            Ok(Ok(Some((ws, request)))) => {
                place.open(ws.sender());
                self.handle(ws, request, peer);
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => self.report(ServerError::Handshake { peer, error: &error }),
            Err(_) => self.report(ServerError::Panic { peer }),
        }
    }

    /// Calls the handler and closes what it leaves behind.
    fn handle(&self, mut ws: WebSocket, request: Request, peer: SocketAddr) {
        let home = ws.receiver_mut().with_home();
        let result = catch_unwind(AssertUnwindSafe(|| (self.handler)(ws, request)));
        flush_this_thread(); // what it wrote to others, such as "she left"
        let code = if matches!(result, Ok(Ok(()))) { CloseCode::NORMAL } else { CloseCode::INTERNAL_ERROR };
        if let Some(mut receiver) = home.take() {
            receiver.finish(code, "");
        }
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.report(ServerError::Connection { peer, error: &error }),
            Err(_) => self.report(ServerError::Panic { peer }),
        }
    }

    /// 503, without reading the request: there is no room for it.
    fn refuse_newcomer(&self, transport: &dyn Transport, peer: SocketAddr) {
        let error = HandshakeError::ServerFull;
        if self.turned_away.fetch_add(1, Ordering::SeqCst) < TURNED_AWAY_AT_ONCE
            && let Some(response) = error.response()
        {
            refuse(transport, &write_response(&response), Instant::now());
        }
        self.turned_away.fetch_sub(1, Ordering::SeqCst);
        self.report(ServerError::Handshake { peer, error: &error.into() });
    }

    fn report(&self, error: ServerError<'_>) {
        if let Some(on_error) = &self.on_error {
            // A hook that panics must not take the server's thread with it.
            let _ = catch_unwind(AssertUnwindSafe(|| on_error(&error)));
        }
    }
}

/// Who is connected.
#[derive(Default)]
struct Connections {
    table: Mutex<Table>,
    left: Condvar,
    next_id: AtomicU64,
}

#[derive(Default)]
struct Table {
    live: HashMap<u64, Live>,
    closing: bool,
}

enum Live {
    Handshake(Arc<dyn Transport>),
    Open(Sender),
}

/// A place among the connections, given back on drop.
struct Place<'a> {
    connections: &'a Connections,
    id: u64,
}

impl Connections {
    fn enter(&self, transport: &Arc<dyn Transport>, max: usize) -> Option<Place<'_>> {
        let mut table = self.lock();
        if table.live.len() >= max || table.closing {
            return None;
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        table.live.insert(id, Live::Handshake(transport.clone()));
        Some(Place { connections: self, id })
    }

    fn close_all(&self) {
        let mut senders = Vec::new();
        for live in self.lock().live.values() {
            match live {
                Live::Handshake(transport) => drop(transport.shutdown(Shutdown::Both)),
                Live::Open(sender) => senders.push(sender.clone()),
            }
        }
        senders.iter().for_each(Sender::say_going_away);
    }

    fn cut_all(&self) {
        for live in self.lock().live.values() {
            match live {
                Live::Handshake(transport) => drop(transport.shutdown(Shutdown::Both)),
                Live::Open(sender) => sender.abort(),
            }
        }
    }

    fn wait_until_empty(&self, deadline: Instant) -> bool {
        let mut table = self.lock();
        while !table.live.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            table = self.left.wait_timeout(table, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    fn open(&self, sender: Sender) {
        let late = {
            let mut table = self.connections.lock();
            table.live.insert(self.id, Live::Open(sender.clone()));
            table.closing
        };
        if late {
            sender.say_going_away();
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.connections.lock().live.remove(&self.id);
        self.connections.left.notify_all();
    }
}

/// As many as a machine of moderate size has memory for, at some 20 KiB each.
const MAX_CONNECTIONS: usize = 10_000;

/// Ten times what the library itself uses.
const STACK_SIZE: usize = 256 << 10;

/// Beyond this many at a time, newcomers that cannot be served are dropped without a word.
const TURNED_AWAY_AT_ONCE: usize = 64;

/// What handlers get to return in after their connections were cut.
const LAST_MOMENT: Duration = Duration::from_secs(1);
