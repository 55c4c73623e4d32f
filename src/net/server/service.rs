//! What a server was told, and what it tells: the part that does not depend on how it waits.

use super::connections::{Connections, Place};
use super::server_error::{OnError, ServerError};
use crate::Config;
use crate::error::HandshakeError;
use crate::handshake::{Response, ServerOptions, write_response};
use crate::net::connection::trace::Span;
use crate::net::greeting::greeter::{Greeter, OnHttp, OnRequest};
use crate::net::tls::ServerTls;
use crate::net::wire::transport::Transport;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a server was told before it was started.
pub(super) struct Settings {
    pub config: Arc<Config>,
    pub options: ServerOptions,
    pub tls: ServerTls,
    pub max_connections: usize,
    pub on_request: Option<Box<OnRequest>>,
    pub on_http: Option<Box<OnHttp>>,
    pub on_error: Option<Box<OnError>>,
}

/// What all threads of a server share.
pub(super) struct Service {
    pub settings: Settings,
    pub connections: Arc<Connections>,
    /// Newcomers who are being told that there is no room.
    turned_away: AtomicUsize,
}

impl Service {
    pub fn new(settings: Settings) -> Service {
        Service { settings, connections: Arc::default(), turned_away: AtomicUsize::new(0) }
    }

    /// A place for a newcomer, if there is room.
    pub fn enter(&self, transport: &Arc<dyn Transport>) -> Option<Place> {
        Connections::enter(&self.connections, transport, self.settings.max_connections)
    }

    pub fn greeter<'a>(&'a self, span: &'a Span) -> Greeter<'a> {
        Greeter {
            options: &self.settings.options,
            config: &self.settings.config,
            secure: self.settings.tls.is_on(),
            on_request: self.settings.on_request.as_deref(),
            on_http: self.settings.on_http.as_deref(),
            span,
        }
    }

    /// There is no room for a newcomer. Gives the 503, unless too many are being told already, or none could read it: a
    /// TLS handshake is more than we have room for.
    pub fn refuse_newcomer(self: &Arc<Self>, peer: SocketAddr) -> Option<(Vec<u8>, TurnedAway)> {
        let error = HandshakeError::ServerFull;
        let response = error.response();
        self.connections.count(|past| past.add_turned_away(response.as_ref().map(Response::status)));
        self.report(ServerError::Handshake { peer, error: &error.into() });
        let before = self.turned_away.fetch_add(1, Ordering::SeqCst);
        let turned_away = TurnedAway(self.clone());
        let can_be_told = before < TURNED_AWAY_AT_ONCE && !self.settings.tls.is_on();
        let response = response.filter(|_| can_be_told)?;
        Some((write_response(&response), turned_away))
    }

    /// Something went wrong.
    pub fn report(&self, error: ServerError<'_>) {
        self.connections.count(|past| past.add_error(&error));
        error.trace();
        // RFC 6455 §7.1.7/d
        if let Some(on_error) = &self.settings.on_error {
            // A hook that panics must not take the server's thread with it.
            let _ = catch_unwind(AssertUnwindSafe(|| on_error(&error)));
        }
    }
}

/// Somebody is being told that there is no room; counted until this is dropped.
pub(super) struct TurnedAway(Arc<Service>);

impl Drop for TurnedAway {
    fn drop(&mut self) {
        self.0.turned_away.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Beyond this many at a time, newcomers that cannot be served are dropped without a word.
const TURNED_AWAY_AT_ONCE: usize = 64;
