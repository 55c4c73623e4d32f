//! One connection of an event loop, from accept to close, in turns.
//!
//! ```text
//!   Greeting ─▶ Open ─▶ Leaving ─▶ gone
//!      └──────▶ Farewell (4xx, a page) ─▶ gone
//! ```
//!
//! A turn receives once, or twice if the rest of a large message is there too, tells the handler what came of it, and gives
//! way to the others.

use super::mailbox::KeptByWorker;
use super::open::{After, Open, Readiness, Surroundings};
use crate::Role;
use crate::error::{Error, HandshakeError, Timeout};
use crate::handshake::{HeadReader, write_response};
use crate::net::connection::inbound::{Inbound, Wait};
use crate::net::connection::sender::Sender;
use crate::net::connection::trace::Span;
use crate::net::connection::websocket;
use crate::net::greeting::greeter::{Answer, Farewell};
use crate::net::greeting::refusal::{internal_error, refusal};
use crate::net::server::connections::Place;
use crate::net::server::server_error::ServerError;
use crate::net::server::service::{Service, TurnedAway};
use crate::net::wire::transport::{Transport, send_now};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

pub(super) struct Session {
    transport: Arc<dyn Transport>,
    peer: SocketAddr,
    pub span: Span,
    stage: Stage,
    pub readiness: Readiness,
    /// Stands in line for a turn.
    pub in_line: bool,
    /// The alarm that counts.
    pub alarm: Option<Instant>,
}

enum Stage {
    Greeting(Box<Newcomer>),
    Farewell(Box<(Farewell, Counted)>),
    Open(Box<Open>),
    Gone,
}

/// Somebody whose request is not complete.
struct Newcomer {
    reader: HeadReader,
    deadline: Instant,
    place: Place,
}

/// What somebody who is on the way out is counted as, until this is dropped.
#[allow(dead_code, reason = "it is there to be dropped")]
enum Counted {
    Connection(Place),
    TurnedAway(TurnedAway),
}

impl Session {
    /// A newcomer.
    pub fn new(
        transport: Arc<dyn Transport>,
        peer: SocketAddr,
        service: &Arc<Service>,
        now: Instant,
    ) -> Session {
        let span = Span::server(Some(peer));
        let stage = if let Some(place) = service.enter(&transport) {
            let config = &service.settings.config;
            let deadline = now + config.handshake_timeout;
            Stage::Greeting(Box::new(Newcomer { reader: HeadReader::new(config), deadline, place }))
        } else if let Some((response, turned_away)) = span.in_scope(|| service.refuse_newcomer(peer)) {
            // 503, without reading the request: there is no room for it.
            let farewell = Farewell::new(transport.clone(), response, now);
            Stage::Farewell(Box::new((farewell, Counted::TurnedAway(turned_away))))
        } else {
            Stage::Gone
        };
        Session { transport, peer, span, stage, readiness: Readiness::default(), in_line: false, alarm: None }
    }

    /// Does what can be done now.
    pub fn turn(&mut self, keeper: impl FnOnce() -> KeptByWorker, around: &mut Surroundings<'_>) -> After {
        match &mut self.stage {
            Stage::Open(open) => open.turn(&mut self.readiness, self.peer, around),
            Stage::Greeting(..) => self.greet(keeper, around),
            Stage::Farewell(farewell) => match farewell.0.go_on() {
                None => After::Gone,
                Some(Wait::Input) if self.readiness.readable => {
                    self.readiness.readable = farewell.0.discard();
                    After::Again
                }
                Some(_) => After::Wait,
            },
            Stage::Gone => After::Gone,
        }
    }

    /// When to take a turn even if nothing happens.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Greeting(newcomer) => Some(newcomer.deadline),
            Stage::Farewell(farewell) => Some(farewell.0.deadline()),
            Stage::Open(open) => open.deadline(),
            Stage::Gone => None,
        }
    }

    /// A hook or a handler has panicked: this connection ends, and nothing else.
    pub fn on_panic(&mut self, service: &Service) {
        match &mut self.stage {
            Stage::Open(open) => open.on_panic(),
            Stage::Greeting(newcomer) => {
                let response = internal_error();
                newcomer.place.refused(response.status());
                self.say_farewell(write_response(&response));
            }
            Stage::Farewell(..) | Stage::Gone => {}
        }
        service.report(ServerError::Panic { peer: self.peer });
    }

    /// Gives back a buffer that was lent to a decoder when a handler panicked.
    pub fn give_back(&mut self, buffer: &mut Vec<u8>) {
        if let Stage::Open(open) = &mut self.stage {
            open.give_back(buffer);
        }
    }

    fn greet(&mut self, keeper: impl FnOnce() -> KeptByWorker, around: &mut Surroundings<'_>) -> After {
        match self.try_greet(keeper, around) {
            Ok(after) => after,
            Err(error) => {
                around.service.report(ServerError::Handshake { peer: self.peer, error: &error });
                let Some(response) = refusal(&error) else { return After::Gone };
                if let Stage::Greeting(newcomer) = &mut self.stage {
                    newcomer.place.refused(response.status());
                }
                self.say_farewell(write_response(&response));
                After::Again
            }
        }
    }

    fn try_greet(
        &mut self,
        keeper: impl FnOnce() -> KeptByWorker,
        around: &mut Surroundings<'_>,
    ) -> Result<After, Error> {
        let Some((used, n)) = self.read_head(around)? else {
            return Ok(if self.readiness.readable { After::Again } else { After::Wait });
        };
        let Stage::Greeting(newcomer) = &mut self.stage else { return Ok(After::Wait) };
        match around.service.greeter(&self.span).answer(newcomer.reader.head(), Some(self.peer))? {
            Answer::Http(response) => {
                newcomer.place.served_page();
                self.say_farewell(response);
            }
            Answer::Welcome(response, request, terms) => {
                let keeper = Box::new(keeper());
                let config = around.service.settings.config.clone();
                let (transport, rest) = (self.transport.clone(), &around.buffer[used..n]);
                let (inbound, sender) =
                    websocket::open(Role::Server, transport, config, rest, &terms, keeper);
                let has_more = used < n;
                self.welcome(inbound, sender, &response, around)?;
                if let Stage::Open(open) = &mut self.stage {
                    let after = open.greet(&request, self.peer, around);
                    // The peer's end may have come with its request, and is told of once.
                    return Ok(if has_more || self.readiness.readable { After::Again } else { after });
                }
            }
        }
        Ok(After::Again)
    }

    /// Receives once. When the head is complete: how many bytes of the buffer belong to it, and how many there are.
    fn read_head(&mut self, around: &mut Surroundings<'_>) -> Result<Option<(usize, usize)>, Error> {
        let Stage::Greeting(newcomer) = &mut self.stage else { return Ok(None) };
        if around.now >= newcomer.deadline {
            return Err(Error::Timeout(Timeout::Handshake));
        }
        if !self.readiness.readable {
            return Ok(None);
        }
        match self.transport.recv(around.buffer) {
            Ok(0) => Err(HandshakeError::ConnectionClosed.into()),
            Ok(n) => {
                self.readiness.after_receive(n == around.buffer.len());
                Ok(newcomer.reader.push(&around.buffer[..n])?.map(|used| (used, n)))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readiness.readable = false;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The connection is made known, and then its client hears of it.
    fn welcome(
        &mut self,
        inbound: Inbound,
        sender: Sender,
        response: &[u8],
        around: &Surroundings<'_>,
    ) -> Result<(), Error> {
        let Stage::Greeting(newcomer) = std::mem::replace(&mut self.stage, Stage::Gone) else {
            return Ok(());
        };
        let outgoing = sender.outgoing.clone();
        outgoing.hold();
        self.stage = Stage::Open(Box::new(Open::new(inbound, sender, newcomer.place, around.now)));
        // The network of a connection that has sent nothing yet takes as much as this.
        if send_now(&*self.transport, response, &[])? < response.len() {
            return Err(Error::ConnectionLost);
        }
        outgoing.release();
        Ok(())
    }

    /// The answer of a handshake that makes no WebSocket; it has the rest of the handshake's time.
    fn say_farewell(&mut self, response: Vec<u8>) {
        if let Stage::Greeting(newcomer) = std::mem::replace(&mut self.stage, Stage::Gone) {
            let farewell = Farewell::new(self.transport.clone(), response, newcomer.deadline);
            self.stage = Stage::Farewell(Box::new((farewell, Counted::Connection(newcomer.place))));
        }
    }
}
