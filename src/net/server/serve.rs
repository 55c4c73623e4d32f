//! One connection of a server with a thread for each, from accept to close.
//!
//! ```text
//!   a place? ── no ─▶ 503
//!      │ yes
//!   [TLS] ─▶ greet ─▶ the handler ─▶ 1000 if it returned Ok, 1011 if not ─▶ on_error hears what went wrong
//! ```
//!
//! A panic, in a hook or in the handler, ends this connection and nothing else.

use super::connections::Place;
use super::server_error::ServerError;
use super::service::Service;
use super::threads::Serve;
use crate::error::Error;
use crate::handshake::{Request, write_response};
use crate::net::connection::flush::flush_this_thread;
use crate::net::connection::trace::Span;
use crate::net::connection::websocket::WebSocket;
use crate::net::greeting::accept::{Greeted, greet};
use crate::net::greeting::greeter::Farewell;
use crate::net::greeting::refusal::{internal_error, refusal};
use crate::net::wire::transport::{Transport, prepare_accepted};
use crate::proto::CloseCode;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

pub(super) type ServeConnection = dyn Fn(WebSocket, Request) -> Result<(), Error> + Send + Sync;

/// What each of the threads does.
pub(super) struct ServeInThread {
    pub service: Arc<Service>,
    pub handler: Box<ServeConnection>,
}

impl Serve for ServeInThread {
    fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let span = Span::server(Some(peer));
        span.in_scope(|| self.serve_or_refuse(stream, peer, &span));
    }

    fn turn_away(&self, stream: TcpStream, peer: SocketAddr) {
        if let Some((response, _turned_away)) = self.service.refuse_newcomer(peer) {
            let _ = stream.try_send(&response);
        }
    }

    fn on_accept_error(&self, error: io::Error) {
        self.service.report(ServerError::Accept { error: &error });
    }
}

impl ServeInThread {
    fn serve_or_refuse(&self, stream: TcpStream, peer: SocketAddr, span: &Span) {
        let _ = prepare_accepted(&stream);
        let transport: Arc<dyn Transport> = Arc::new(stream);
        if let Some(place) = self.service.enter(&transport) {
            self.serve_in(place, transport, peer, span);
        } else if let Some((response, _turned_away)) = self.service.refuse_newcomer(peer) {
            // 503, without reading the request: there is no room for it.
            Farewell::new(transport, response, Instant::now()).wait();
        }
    }

    fn serve_in(&self, mut place: Place, transport: Arc<dyn Transport>, peer: SocketAddr, span: &Span) {
        let deadline = Instant::now() + self.service.settings.config.handshake_timeout;
        let Some(transport) = self.secure(&mut place, transport, peer, deadline) else { return };
        let greeter = self.service.greeter(span);
        let greeted = catch_unwind(AssertUnwindSafe(|| {
            greet(&greeter, &transport, Some(peer), deadline, |sender| place.open(sender))
        }));
        match greeted {
            Ok(Ok(Some(greeted))) => self.handle(greeted, peer),
            Ok(Ok(None)) => place.served_page(),
            Ok(Err(error)) => {
                refusal(&error).iter().for_each(|response| place.refused(response.status()));
                self.service.report(ServerError::Handshake { peer, error: &error });
            }
            Err(_) => {
                let response = internal_error();
                place.refused(response.status());
                self.service.report(ServerError::Panic { peer });
                Farewell::new(transport, write_response(&response), Instant::now()).wait();
            }
        }
    }

    /// Encrypts the connection, if that is what the server was told.
    fn secure(
        &self,
        place: &mut Place,
        transport: Arc<dyn Transport>,
        peer: SocketAddr,
        deadline: Instant,
    ) -> Option<Arc<dyn Transport>> {
        // What chooses the certificate may be the user's.
        match catch_unwind(AssertUnwindSafe(|| self.service.settings.tls.secure(transport, deadline))) {
            Ok(Ok(transport)) => return Some(transport),
            Ok(Err(error)) => {
                // Only who speaks plain HTTP has had an answer that is one.
                if let Error::Tls(_) = error {
                    refusal(&error).iter().for_each(|response| place.refused(response.status()));
                }
                self.service.report(ServerError::Handshake { peer, error: &error });
            }
            Err(_) => self.service.report(ServerError::Panic { peer }),
        }
        None
    }

    /// Calls the handler and closes what it leaves behind.
    fn handle(&self, mut greeted: Greeted, peer: SocketAddr) {
        let home = greeted.0.receiver_mut().with_home();
        let handle = || {
            let (ws, request) = *greeted;
            (self.handler)(ws, request)
        };
        let result = catch_unwind(AssertUnwindSafe(handle));
        flush_this_thread(); // what it wrote to others, such as "she left"
        // RFC 6455 §7.3/c
        let code = if matches!(result, Ok(Ok(()))) { CloseCode::NORMAL } else { CloseCode::INTERNAL_ERROR };
        if let Some(mut receiver) = home.take() {
            receiver.finish(code, "");
        }
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.service.report(ServerError::Connection { peer, error: &error }),
            Err(_) => self.service.report(ServerError::Panic { peer }),
        }
    }
}
