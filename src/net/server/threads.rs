//! The threads of a server: one for each connection, kept for the next one.
//!
//! ```text
//!            ┌───────────────────────────────────────────────────────────┐
//!   accept ──┴─▶ was I the last one waiting? start another ─▶ serve the connection ─▶ too many waiting? end
//! ```
//!
//! The threads accept for themselves, so a connection is served without being handed over. Starting a thread for
//! each connection would cost twice the CPU time of the whole opening handshake.
//!
//! For the next editor: `waiting` counts threads in `accept`; a thread that takes a connection makes sure that
//! somebody is left to take the next one.

use super::driver::{Driver, Tally};
use crate::net::wire::transport::{prepare_listener, wake_accept};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a server does with connections. It is called from many threads.
pub(super) trait Serve: Send + Sync + 'static {
    /// Serves a connection to its end.
    fn serve(&self, stream: TcpStream, peer: SocketAddr);
    /// Turns a connection away, without waiting for anything: there is no thread to serve it.
    fn turn_away(&self, stream: TcpStream, peer: SocketAddr);
    /// The system refused to accept a connection or to start a thread.
    fn on_accept_error(&self, error: io::Error);
}

pub(super) struct Threads {
    listener: TcpListener,
    address: SocketAddr,
    serve: Box<dyn Serve>,
    stack_size: usize,
    /// Threads that are in `accept`.
    waiting: AtomicUsize,
    alive: Tally,
    stopping: AtomicBool,
}

impl Threads {
    /// Starts with one thread.
    pub fn start(
        listener: TcpListener,
        stack_size: usize,
        serve: Box<dyn Serve>,
    ) -> io::Result<Arc<Threads>> {
        prepare_listener(&listener)?;
        let threads = Arc::new(Threads {
            address: listener.local_addr()?,
            listener,
            serve,
            stack_size,
            waiting: AtomicUsize::new(0),
            alive: Tally::default(),
            stopping: AtomicBool::new(false),
        });
        threads.start_one()?;
        Ok(threads)
    }

    fn start_one(self: &Arc<Self>) -> io::Result<()> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.alive.one_started();
        let threads = self.clone();
        let run = move || threads.run();
        match thread::Builder::new().name("ws-server".into()).stack_size(self.stack_size).spawn(run) {
            Ok(_) => Ok(()),
            Err(error) => {
                self.waiting.fetch_sub(1, Ordering::SeqCst);
                self.alive.one_ended();
                Err(error)
            }
        }
    }

    fn run(self: Arc<Self>) {
        loop {
            let accepted = self.listener.accept();
            if self.stopping.load(Ordering::SeqCst) {
                break;
            }
            match accepted {
                Ok((stream, peer)) => self.serve_one(stream, peer),
                // Out of descriptors, most likely: some will come back.
                Err(error) => {
                    self.serve.on_accept_error(error);
                    thread::sleep(PAUSE);
                }
            }
            if self.waiting.load(Ordering::SeqCst) > KEPT {
                break;
            }
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.alive.one_ended();
    }

    fn serve_one(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        if self.waiting.fetch_sub(1, Ordering::SeqCst) == 1
            && let Err(error) = self.start_one()
        {
            self.serve.on_accept_error(error);
            self.serve.turn_away(stream, peer);
        } else {
            self.serve.serve(stream, peer);
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
    }
}

impl Driver for Threads {
    fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn stop_accepting(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        let give_up = Instant::now() + Duration::from_secs(1);
        while self.waiting.load(Ordering::SeqCst) > 0 && Instant::now() < give_up {
            wake_accept(&self.listener);
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn threads(&self) -> &Tally {
        &self.alive
    }
}

/// Threads that may wait for the next connection when there are more than one.
const KEPT: usize = 64;

/// Rest after an error of `accept`.
const PAUSE: Duration = Duration::from_millis(50);
