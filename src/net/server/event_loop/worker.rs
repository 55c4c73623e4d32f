//! The loop itself: which connection gets its turn, and when there is time to sleep.

use super::alarms::Alarms;
use super::mailbox::{KeptByWorker, Mailbox};
use super::open::{After, NewHandler, Surroundings};
use super::session::Session;
use crate::net::connection::flush::{Turn, flush_this_thread, set_turn};
use crate::net::server::driver::{Driver, Tally};
use crate::net::server::server_error::ServerError;
use crate::net::server::service::Service;
use crate::net::wire::transport::{prepare_accepted, prepare_listener};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The workers of a server.
pub(in crate::net) struct EventLoop {
    address: SocketAddr,
    mailboxes: Vec<Arc<Mailbox>>,
    alive: Tally,
}

impl EventLoop {
    /// Starts as many workers, which share the listener.
    pub fn start(
        listener: &std::net::TcpListener,
        workers: usize,
        service: &Arc<Service>,
        new_handler: Box<NewHandler>,
    ) -> io::Result<Arc<EventLoop>> {
        listener.set_nonblocking(true)?;
        prepare_listener(listener)?;
        let new_handler: Arc<NewHandler> = new_handler.into();
        let start = |_| Worker::new(listener, service.clone(), new_handler.clone());
        let workers = (0..workers).map(start).collect::<io::Result<Vec<_>>>()?;
        let mailboxes = workers.iter().map(|worker| worker.mailbox.clone()).collect();
        let event_loop =
            Arc::new(EventLoop { address: listener.local_addr()?, mailboxes, alive: Tally::default() });
        for worker in workers {
            let of = event_loop.clone();
            of.alive.one_started();
            let run = move || {
                worker.run();
                of.alive.one_ended();
            };
            if let Err(error) = thread::Builder::new().name("ws-worker".into()).spawn(run) {
                event_loop.alive.one_ended();
                event_loop.stop_accepting();
                return Err(error);
            }
        }
        Ok(event_loop)
    }
}

impl Driver for EventLoop {
    fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn stop_accepting(&self) {
        self.mailboxes.iter().for_each(|mailbox| mailbox.stop());
    }

    fn threads(&self) -> &Tally {
        &self.alive
    }
}

struct Worker {
    poll: Poll,
    listener: Option<TcpListener>,
    mailbox: Arc<Mailbox>,
    service: Arc<Service>,
    new_handler: Arc<NewHandler>,
    sessions: Slab<Session>,
    alarms: Alarms,
    /// Who gets a turn in the next round without having to be ready. Nobody stands in it twice.
    line: Vec<usize>,
    /// The listener may have some.
    newcomers: bool,
    buffer: Vec<u8>,
    now: Instant,
}

impl Worker {
    fn new(
        listener: &std::net::TcpListener,
        service: Arc<Service>,
        new_handler: Arc<NewHandler>,
    ) -> io::Result<Worker> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::from_std(listener.try_clone()?);
        poll.registry().register(&mut listener, Token(LISTENER), Interest::READABLE)?;
        let mailbox = Arc::new(Mailbox::new(Waker::new(poll.registry(), Token(MAILBOX))?));
        Ok(Worker {
            poll,
            listener: Some(listener),
            mailbox,
            service,
            new_handler,
            sessions: Slab::new(),
            alarms: Alarms::default(),
            line: Vec::new(),
            newcomers: false,
            buffer: vec![0; BUFFER],
            now: Instant::now(),
        })
    }

    /// Serves until the server is stopped and the last connection has gone.
    fn run(mut self) {
        self.mailbox.open();
        set_turn(Turn::Of(0));
        let mut events = Events::with_capacity(EVENTS);
        let (mut line, mut posted) = (Vec::new(), Vec::new());
        while self.listener.is_some() || !self.sessions.is_empty() {
            flush_this_thread();
            self.mailbox.collect(&mut posted);
            posted.drain(..).for_each(|key| self.line_up(key));
            if let Err(error) = self.poll.poll(&mut events, self.time_to_sleep())
                && error.kind() != io::ErrorKind::Interrupted
            {
                self.service.report(ServerError::Accept { error: &error });
                thread::sleep(PAUSE);
            }
            self.now = Instant::now();
            // What this round has left over is for the next one.
            std::mem::swap(&mut line, &mut self.line);
            let mut told = 0;
            for event in &events {
                self.on_ready(event);
                told += 1;
            }
            line.drain(..).for_each(|key| self.turn_in_line(key));
            if std::mem::take(&mut self.newcomers) {
                self.accept();
            }
            // Not before everybody who has something to read was told of it.
            while told < EVENTS
                && let Some((time, key)) = self.alarms.ring(self.now)
            {
                self.on_alarm(time, key);
            }
            if self.mailbox.is_stopping() {
                self.listener = None;
            }
        }
        flush_this_thread();
    }

    fn time_to_sleep(&self) -> Option<Duration> {
        if self.newcomers || !self.line.is_empty() {
            return Some(Duration::ZERO);
        }
        Some(self.alarms.next()?.saturating_duration_since(Instant::now()))
    }

    /// The mailbox only wakes: it is emptied before each sleep.
    fn on_ready(&mut self, event: &mio::event::Event) {
        let key = event.token().0;
        self.newcomers |= key == LISTENER;
        if let Some(session) = self.sessions.get_mut(key) {
            session.readiness.readable |= event.is_readable();
            session.readiness.ended |= event.is_read_closed();
            if !session.in_line {
                self.turn(key);
            }
        }
    }

    fn on_alarm(&mut self, time: Instant, key: usize) {
        self.newcomers |= key == LISTENER;
        if let Some(session) = self.sessions.get_mut(key)
            && session.alarm == Some(time)
        {
            session.alarm = None;
            self.line_up(key);
        }
    }

    fn line_up(&mut self, key: usize) {
        if let Some(session) = self.sessions.get_mut(key)
            && !std::mem::replace(&mut session.in_line, true)
        {
            self.line.push(key);
        }
    }

    fn turn_in_line(&mut self, key: usize) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.in_line = false;
            self.turn(key);
        }
    }

    /// For somebody who does not stand in line.
    fn turn(&mut self, key: usize) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Worker { service, new_handler, buffer, now, .. } = self;
        let mut around = Surroundings { service, new_handler: &**new_handler, buffer, now: *now };
        let keeper = || KeptByWorker { mailbox: self.mailbox.clone(), key };
        let span = session.span.clone();
        let turn = catch_unwind(AssertUnwindSafe(|| span.in_scope(|| session.turn(keeper, &mut around))));
        let after = turn.unwrap_or_else(|_| {
            session.give_back(&mut self.buffer);
            // Dropping a handler that has panicked may well panic again.
            let on_panic = || span.in_scope(|| session.on_panic(&self.service));
            let _ = catch_unwind(AssertUnwindSafe(on_panic));
            After::Again
        });
        if after == After::Gone {
            return drop(self.sessions.remove(key));
        }
        if let Some(deadline) = session.deadline()
            && session.alarm.is_none_or(|alarm| deadline < alarm)
        {
            session.alarm = Some(deadline);
            self.alarms.set(deadline, key);
        }
        if after == After::Again {
            self.line_up(key);
        }
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(listener) = &self.listener else { return };
            match listener.accept() {
                Ok((stream, peer)) => {
                    if let Err(error) = self.enter(stream, peer) {
                        self.service.report(ServerError::Accept { error: &error });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Out of descriptors, most likely: some will come back.
                Err(error) => {
                    self.service.report(ServerError::Accept { error: &error });
                    return self.alarms.set(self.now + PAUSE, LISTENER);
                }
            }
        }
        self.newcomers = true;
    }

    fn enter(&mut self, mut stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        prepare_accepted(&stream)?;
        let entry = self.sessions.vacant_entry();
        let key = entry.key();
        // Writable too: told once when a full network has room again, and never otherwise.
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(key), interest)?;
        entry.insert(Session::new(Arc::new(stream), peer, &self.service, self.now));
        self.turn(key);
        Ok(())
    }
}

const LISTENER: usize = usize::MAX;
const MAILBOX: usize = usize::MAX - 1;

/// Sockets that are told of at once.
const EVENTS: usize = 512;

/// A listener may have so many newcomers before the others get a turn.
const ACCEPTED_AT_ONCE: usize = 64;

/// The buffer that is received into.
const BUFFER: usize = 64 << 10;

/// Rest after an error of the system.
const PAUSE: Duration = Duration::from_millis(50);
