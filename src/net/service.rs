//! One connection of a server, from accept to close.
//!
//! ```text
//!   a place? ── no ─▶ 503
//!      │ yes
//!   Greeter ─▶ the handler ─▶ 1000 if it returned Ok, 1011 if not ─▶ on_error hears what went wrong
//! ```
//!
//! A panic, in a hook or in the handler, ends this connection and nothing else.

use super::WebSocket;
use super::accept::greet;
use super::connections::{Connections, Place};
use super::flush::flush_this_thread;
use super::greeting::{Farewell, Greeter, OnHttp, OnRequest, internal_error};
use super::threads::Serve;
use super::transport::Transport;
use crate::Config;
use crate::error::{Error, HandshakeError};
use crate::handshake::{Request, ServerOptions, write_response};
use crate::proto::CloseCode;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What [`Server::on_error`](crate::Server::on_error) hears of. Nothing of it stops the server.
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

/// What a server was told before it was started.
pub(super) struct Settings {
    pub config: Arc<Config>,
    pub options: ServerOptions,
    pub max_connections: usize,
    pub on_request: Option<Box<OnRequest>>,
    pub on_http: Option<Box<OnHttp>>,
    pub on_error: Option<Box<OnError>>,
}

/// What the threads of a server share.
pub(super) struct Service {
    settings: Settings,
    handler: Box<ServeConnection>,
    connections: Arc<Connections>,
    /// Threads that are telling somebody that there is no room.
    turned_away: AtomicUsize,
}

pub(super) type OnError = dyn Fn(&ServerError<'_>) + Send + Sync;

pub(super) type ServeConnection = dyn Fn(WebSocket, Request) -> Result<(), Error> + Send + Sync;

impl Serve for Service {
    fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let transport: Arc<dyn Transport> = Arc::new(stream);
        match self.connections.enter(&transport, self.settings.max_connections) {
            Some(place) => self.serve_in(place, transport, peer),
            None => self.refuse_newcomer(transport, peer),
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
    pub fn new(settings: Settings, handler: Box<ServeConnection>, connections: Arc<Connections>) -> Service {
        Service { settings, handler, connections, turned_away: AtomicUsize::new(0) }
    }

    fn serve_in(&self, place: Place<'_>, transport: Arc<dyn Transport>, peer: SocketAddr) {
        let greeter = Greeter {
            options: &self.settings.options,
            config: &self.settings.config,
            on_request: self.settings.on_request.as_deref(),
            on_http: self.settings.on_http.as_deref(),
        };
        let greeted = catch_unwind(AssertUnwindSafe(|| greet(&greeter, &transport, Some(peer))));
        match greeted {
            Ok(Ok(Some((ws, request)))) => {
                place.open(ws.sender());
                self.handle(ws, request, peer);
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => self.report(ServerError::Handshake { peer, error: &error }),
            Err(_) => {
                Farewell::new(transport, internal_error(), Instant::now()).wait();
                self.report(ServerError::Panic { peer });
            }
        }
    }

    /// Calls the handler and closes what it leaves behind.
    fn handle(&self, mut ws: WebSocket, request: Request, peer: SocketAddr) {
        let home = ws.receiver_mut().with_home();
        let result = catch_unwind(AssertUnwindSafe(|| (self.handler)(ws, request)));
        flush_this_thread(); // what it wrote to others, such as "she left"
        // RFC 6455 §7.3/c
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
    fn refuse_newcomer(&self, transport: Arc<dyn Transport>, peer: SocketAddr) {
        let error = HandshakeError::ServerFull;
        if self.turned_away.fetch_add(1, Ordering::SeqCst) < TURNED_AWAY_AT_ONCE
            && let Some(response) = error.response()
        {
            Farewell::new(transport, write_response(&response), Instant::now()).wait();
        }
        self.turned_away.fetch_sub(1, Ordering::SeqCst);
        self.report(ServerError::Handshake { peer, error: &error.into() });
    }

    fn report(&self, error: ServerError<'_>) {
        // RFC 6455 §7.1.7/d
        if let Some(on_error) = &self.settings.on_error {
            // A hook that panics must not take the server's thread with it.
            let _ = catch_unwind(AssertUnwindSafe(|| on_error(&error)));
        }
    }
}

/// Beyond this many at a time, newcomers that cannot be served are dropped without a word.
const TURNED_AWAY_AT_ONCE: usize = 64;
