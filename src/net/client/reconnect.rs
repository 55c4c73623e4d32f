//! A client that connects again (RFC 6455 §7.2.3).
//!
//! ```text
//!         ┌──────────── on_attempt ◀── the delay ◀── on_wait ◀── is it worth another try? ── no ─▶ over
//!         ▼                                                          ▲
//!   Client::connect ─▶ on_open (subscribe) ─▶ read, read, ... ───────┤ lost, or closed
//!         └─────────────────────────── refused, no answer ───────────┘
//! ```
//!
//! All of it happens within [`read`](Reconnect::read), in the thread that reads, so there is no thread of our own and no
//! queue. What is sent while there is no connection is refused, not kept: when the next one comes, only the application
//! knows what of it still makes sense, and [`on_open`](Reconnect::on_open) is the place to say so.
//!
//! For the next editor: the delays are made in `backoff`, the judgement in `interruption` and `error/transient.rs`; in here
//! is only what they need of clocks and locks.

use super::backoff::Backoff;
use super::builder::Client;
use super::interruption::Interruption;
use super::reconnect_handle::{Link, ReconnectHandle};
use crate::error::Error;
use crate::handshake::Response;
use crate::net::connection::sender::Sender;
use crate::net::connection::websocket::WebSocket;
use crate::proto::{CloseCode, CloseEvent, Message};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connection that comes back: like a [`WebSocket`], but when it is lost, [`read`](Self::read) makes another.
///
/// ```no_run
/// use clearsocket::{Client, Reconnect};
///
/// let mut ws = Reconnect::new(Client::new(), "ws://127.0.0.1:9001/")
///     .on_open(|sender, _response| sender.send("subscribe"));
/// while let Some(message) = ws.read()? {
///     println!("{:?}", message.as_text());
/// }
/// # Ok::<(), clearsocket::Error>(())
/// ```
///
/// A token that grows old is renewed before each attempt:
///
/// ```no_run
/// # use clearsocket::{Client, Reconnect};
/// # fn new_token() -> Result<String, clearsocket::Error> { Ok("42".into()) }
/// let ws = Reconnect::new(Client::new(), "ws://127.0.0.1:9001/")
///     .on_wait(|why, delay| eprintln!("{why}; again in {delay:.1?}"))
///     .on_attempt(|_attempt, client| {
///         Ok(client.header("Authorization", &format!("Bearer {}", new_token()?)))
///     });
/// ```
pub struct Reconnect {
    client: Client,
    url: String,
    schedule: Schedule,
    on_attempt: Option<Box<OnAttempt>>,
    on_open: Option<Box<OnOpen>>,
    on_wait: Option<Box<OnWait>>,
    retry_if: Option<Box<RetryIf>>,
    link: Arc<Link>,
    /// The connection, and when it was made.
    open: Option<(WebSocket, Instant)>,
    /// Why there is none.
    interruption: Option<Interruption>,
    last_close: CloseEvent,
    /// There will be none.
    over: bool,
}

type OnAttempt = dyn FnMut(&Attempt<'_>, Client) -> Result<Client, Error> + Send;
type OnOpen = dyn FnMut(&Sender, &Response) -> Result<(), Error> + Send;
type OnWait = dyn FnMut(&Interruption, Duration) + Send;
type RetryIf = dyn FnMut(&Interruption) -> bool + Send;

/// What [`Reconnect::on_attempt`] is told.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// 1 for the first since the start, or since a connection stood for a while.
    pub number: u32,
    /// What came of the one before; `None` at the start.
    pub last: Option<&'a Interruption>,
}

impl Reconnect {
    /// Connections to `url` with the options of `client`. The first is made by the first [`read`](Self::read), or by
    /// [`connect`](Self::connect).
    pub fn new(client: Client, url: &str) -> Reconnect {
        Reconnect {
            client,
            url: url.into(),
            schedule: Schedule::default(),
            on_attempt: None,
            on_open: None,
            on_wait: None,
            retry_if: None,
            link: Arc::default(),
            open: None,
            interruption: None,
            last_close: CloseEvent { code: CloseCode::ABNORMAL, reason: String::new(), was_clean: false },
            over: false,
        }
    }

    // ---- Options ----

    /// The delays between attempts.
    pub fn backoff(mut self, backoff: Backoff) -> Reconnect {
        self.schedule.backoff = backoff;
        self
    }

    /// A connection that has stood for so long makes the delays begin anew. Default 60 s, the longest delay: what falls
    /// sooner may be part of the same trouble.
    pub fn stable_after(mut self, time: Duration) -> Reconnect {
        self.schedule.stable_after = time;
        self
    }

    /// Gives up after so many attempts in a row, at least 1; the last one's error is what [`read`](Self::read) gives. By
    /// default it never does, for whoever runs unattended has nobody to give up to.
    pub fn max_attempts(mut self, attempts: u32) -> Reconnect {
        self.schedule.max_attempts = Some(attempts.max(1));
        self
    }

    /// The longest `Retry-After` that is honoured; a server that asks for more is asked again after this. Default an hour:
    /// a wrong number in a header must not silence a client for ever.
    pub fn max_retry_after(mut self, time: Duration) -> Reconnect {
        self.schedule.max_retry_after = time;
        self
    }

    /// Called before each attempt, with a copy of the client: it may give it back with other headers, such as a new token.
    /// An error counts as a failed attempt, and is worth another or not like any other.
    pub fn on_attempt(
        mut self,
        hook: impl FnMut(&Attempt<'_>, Client) -> Result<Client, Error> + Send + 'static,
    ) -> Reconnect {
        self.on_attempt = Some(Box::new(hook));
        self
    }

    /// Called with each new connection before anybody else can send on it: the place to subscribe. An error ends this
    /// connection, and is worth another attempt or not like any other.
    pub fn on_open(
        mut self,
        hook: impl FnMut(&Sender, &Response) -> Result<(), Error> + Send + 'static,
    ) -> Reconnect {
        self.on_open = Some(Box::new(hook));
        self
    }

    /// Called before each delay, with the reason for it: for a log.
    pub fn on_wait(mut self, hook: impl FnMut(&Interruption, Duration) + Send + 'static) -> Reconnect {
        self.on_wait = Some(Box::new(hook));
        self
    }

    /// Decides whether to make another connection, in place of [`Interruption::is_worth_retrying`].
    pub fn retry_if(mut self, hook: impl FnMut(&Interruption) -> bool + Send + 'static) -> Reconnect {
        self.retry_if = Some(Box::new(hook));
        self
    }

    // ---- Use ----

    /// Waits for the next message, as [`WebSocket::read`] does, and for a connection first if there is none. `None` when
    /// it is over: the server closed with a code that says so, or somebody called [`stop`](ReconnectHandle::stop).
    ///
    /// # Errors
    ///
    /// An error that is not worth another try, or the one of the last attempt. After it, reads give `None`.
    pub fn read(&mut self) -> Result<Option<Message<'_>>, Error> {
        while self.connect()? {
            let Some((ws, _)) = &mut self.open else { continue };
            let why = match ws.receiver_mut().wait_for_message() {
                Ok(true) => break,
                Ok(false) => Interruption::Closed(ws.close_event()),
                Err(error) => Interruption::Failed(error),
            };
            self.interrupted(why);
        }
        match &mut self.open {
            Some((ws, _)) => ws.receiver_mut().inbound().take_message(),
            None => Ok(None),
        }
    }

    /// Waits until there is a connection: not at all if there is one. `false` when it is over.
    ///
    /// Errors: as [`read`](Self::read).
    pub fn connect(&mut self) -> Result<bool, Error> {
        while self.open.is_none() {
            if self.over || self.link.is_stopped() {
                return Ok(false);
            }
            let last = self.interruption.take();
            if let Some(why) = last.as_ref()
                && !self.wait_after(why)
            {
                self.over = true;
                self.link.end();
                return last.map_or(Ok(()), Interruption::into_result).map(|()| false);
            }
            if self.link.is_stopped() {
                return Ok(false);
            }
            if let Err(error) = self.attempt(last.as_ref()) {
                self.interruption = Some(Interruption::Failed(error));
            }
        }
        Ok(true)
    }

    /// Sends a message on the connection that there is. See [`Sender::send`].
    ///
    /// # Errors
    ///
    /// As [`Sender::send`]. While there is no connection, [`Error::NotOpen`] with
    /// [`Connecting`](crate::ReadyState::Connecting): the message was not sent and will not be. One that was accepted just before
    /// a connection fell may be lost with it, as ever.
    pub fn send<'a>(&self, message: impl Into<Message<'a>>) -> Result<(), Error> {
        self.link.sender()?.send(message)
    }

    /// The sender of the connection that there is, if there is one. It ends with that connection.
    pub fn sender(&self) -> Option<Sender> {
        self.link.sender().ok()
    }

    /// The connection that there is.
    pub fn websocket(&self) -> Option<&WebSocket> {
        self.open.as_ref().map(|(ws, _)| ws)
    }

    /// For other threads: to send on whatever connection there is, and to stop.
    pub fn handle(&self) -> ReconnectHandle {
        ReconnectHandle::new(self.link.clone())
    }

    /// How the last connection that ended did so; 1006 before that.
    pub fn close_event(&self) -> CloseEvent {
        self.last_close.clone()
    }

    // ---- The parts of an attempt ----

    /// Waits as long as it takes after `why`. `false` if no other attempt is to be made.
    fn wait_after(&mut self, why: &Interruption) -> bool {
        let again = match &mut self.retry_if {
            Some(retry_if) => retry_if(why),
            None => why.is_worth_retrying(),
        };
        let Some(delay) = self.schedule.delay(why).filter(|_| again) else { return false };
        if let Some(on_wait) = &mut self.on_wait {
            on_wait(why, delay);
        }
        // RFC 6455 §7.2.3/a
        self.link.wait(delay);
        true
    }

    fn attempt(&mut self, last: Option<&Interruption>) -> Result<(), Error> {
        self.schedule.attempts = self.schedule.attempts.saturating_add(1);
        let mut client = self.client.clone();
        if let Some(on_attempt) = &mut self.on_attempt {
            client = on_attempt(&Attempt { number: self.schedule.attempts, last }, client)?;
        }
        let (ws, response) = client.connect(&self.url)?;
        if let Some(on_open) = &mut self.on_open {
            on_open(&ws.sender(), &response)?;
        }
        if self.link.publish(ws.sender()) {
            self.open = Some((ws, Instant::now()));
        }
        Ok(())
    }

    /// The connection has ended.
    fn interrupted(&mut self, why: Interruption) {
        if let Some((ws, since)) = self.open.take() {
            self.link.withdraw();
            self.last_close = ws.close_event();
            self.schedule.stood_for(since.elapsed());
        }
        self.interruption = Some(why);
    }
}

impl Drop for Reconnect {
    fn drop(&mut self) {
        self.link.end();
    }
}

impl std::fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reconnect")
            .field("url", &self.url)
            .field("schedule", &self.schedule)
            .field("open", &self.open)
            .field("interruption", &self.interruption)
            .finish()
    }
}

/// When to try again: all that depends on time and chance, without a clock.
#[derive(Debug)]
struct Schedule {
    backoff: Backoff,
    stable_after: Duration,
    max_attempts: Option<u32>,
    max_retry_after: Duration,
    /// Since the start, or since a connection that stood for a while.
    attempts: u32,
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule {
            backoff: Backoff::new(),
            stable_after: Duration::from_secs(60),
            max_attempts: None,
            max_retry_after: Duration::from_secs(60 * 60),
            attempts: 0,
        }
    }
}

impl Schedule {
    /// A connection has ended.
    fn stood_for(&mut self, time: Duration) {
        if time >= self.stable_after {
            self.backoff.reset();
            self.attempts = 0;
        }
    }

    /// How long to wait before the next attempt; `None` if there have been enough.
    fn delay(&mut self, why: &Interruption) -> Option<Duration> {
        if self.max_attempts.is_some_and(|most| self.attempts >= most) {
            return None;
        }
        let asked = match why {
            Interruption::Failed(error) => error.retry_after().unwrap_or_default(),
            Interruption::Closed(_) => Duration::ZERO,
        };
        // What a server asks for it asks of everybody, so the random part comes on top.
        Some(asked.min(self.max_retry_after).saturating_add(self.backoff.next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HandshakeError;
    use http::StatusCode;
    use http::header::RETRY_AFTER;

    fn schedule() -> Schedule {
        Schedule { backoff: Backoff::new().random(|| 1.0), ..Schedule::default() }
    }

    const LOST: Interruption = Interruption::Failed(Error::ConnectionLost);

    fn seconds(delay: Option<Duration>) -> Option<u64> {
        delay.map(|delay| delay.as_secs())
    }

    #[test]
    fn delays_grow_until_a_connection_has_stood_for_a_while() {
        let mut schedule = schedule();
        // RFC 6455 §7.2.3/a §7.2.3/d
        assert_eq!([5, 10, 20].map(Some), std::array::from_fn(|_| seconds(schedule.delay(&LOST))));
        schedule.stood_for(Duration::from_secs(59));
        assert_eq!(seconds(schedule.delay(&LOST)), Some(40));
        schedule.stood_for(Duration::from_secs(60));
        assert_eq!(seconds(schedule.delay(&LOST)), Some(5));
    }

    #[test]
    fn attempts_are_counted_since_the_last_good_connection() {
        let mut schedule = Schedule { max_attempts: Some(2), ..schedule() };
        for _ in 0..3 {
            schedule.attempts = 1;
            assert!(schedule.delay(&LOST).is_some());
            schedule.attempts = 2;
            assert_eq!(schedule.delay(&LOST), None);
            schedule.stood_for(Duration::from_secs(60));
        }
    }

    #[test]
    fn what_a_server_asks_for_comes_before_the_random_part_and_has_a_limit() {
        let refused = |value: &str| {
            let mut response = Response::new(Vec::new());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response.headers_mut().insert(RETRY_AFTER, value.parse().expect("a value"));
            Interruption::Failed(HandshakeError::Refused(Box::new(response)).into())
        };
        let mut schedule = schedule();
        assert_eq!(seconds(schedule.delay(&refused("100"))), Some(105));
        assert_eq!(seconds(schedule.delay(&refused("1000000000"))), Some(3610));
        assert_eq!(seconds(schedule.delay(&refused("never"))), Some(20));
    }
}
