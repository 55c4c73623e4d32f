//! What the socket tests share: our end and a raw peer, each on one end of a loopback connection.
//!
//! - [`pair`] gives a connection of either role with the raw peer that judges it.
//! - [`TestServer`] is a server that is shut down when the test ends, and [`Driver`] how it waits.
//! - [`http`] is a client that knows TCP and nothing else.
//! - [`wait_until`] and [`in_time`] are how a test waits: for a condition, and never without an end.
//!
//! Raw frames and the raw handshake are in `common`.

#![allow(dead_code)]

use super::common::frame::{CLOSE, Frame};
use super::common::raw_peer::DEADLINE;
use super::common::{ROLES, RawPeer};
use clearsocket::handshake::{Request, ServerOptions};
use clearsocket::{
    Client, Config, Error, Handler, Message, Role, Sender, Server, ServerHandle, WebSocket, accept_with,
};
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A short timeout for a `Config` whose passing is what the test waits for.
pub const SHORT: Duration = Duration::from_millis(300);

/// How long "nothing happens" is watched. A slow machine makes such a check weaker, never wrong.
pub const A_WHILE: Duration = Duration::from_millis(150);

/// Defaults, changed by `change`.
pub fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// Our connection in `role`, and the raw peer at its other end. The opening handshake is over.
#[track_caller]
pub fn pair(role: Role) -> (WebSocket, RawPeer) {
    pair_with(role, Config::default())
}

#[track_caller]
pub fn pair_with(role: Role, config: Config) -> (WebSocket, RawPeer) {
    open(role, config, tcp_pair())
}

/// The same, with a network in between that holds no more than about half a MiB. The system's own buffers grow for
/// as long as they please.
#[track_caller]
pub fn narrow_pair_with(role: Role, config: Config) -> (WebSocket, RawPeer) {
    let (near, far, address) = tcp_pair();
    SockRef::from(&near).set_send_buffer_size(NARROW).expect("set_send_buffer_size");
    SockRef::from(&far).set_recv_buffer_size(NARROW).expect("set_recv_buffer_size");
    open(role, config, (near, far, address))
}

const NARROW: usize = 128 << 10;

/// The opening handshake between us at the near end and a raw peer at the far end.
#[track_caller]
fn open(role: Role, config: Config, ends: (TcpStream, TcpStream, SocketAddr)) -> (WebSocket, RawPeer) {
    let (near, far, address) = ends;
    match role {
        Role::Server => {
            let options = ServerOptions::default();
            let ours = thread::spawn(move || accept_with(near, &options, &config));
            let mut peer = RawPeer::new(far, Role::Client);
            peer.send_bytes(super::common::raw_peer::request(address, "/", "").as_bytes());
            assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
            (in_time(ours).expect("the server accepts").0, peer)
        }
        Role::Client => {
            let url = format!("ws://{address}/");
            let ours = thread::spawn(move || Client::new().config(config).handshake(&url, near));
            let peer = RawPeer::accept(far);
            (in_time(ours).expect("the client is content").0, peer)
        }
    }
}

/// Runs a test that spends its time waiting for both roles at once.
pub fn both_roles(test: fn(Role)) {
    thread::scope(|scope| ROLES.into_iter().for_each(|role| drop(scope.spawn(move || test(role)))));
}

/// Both ends of a TCP connection, and the address of the listener that made it.
#[track_caller]
pub fn tcp_pair() -> (TcpStream, TcpStream, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let far = TcpStream::connect(address).expect("connect");
    let near = listener.accept().expect("accept").0;
    (near, far, address)
}

/// How a server waits for its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// With a thread for each.
    Threads,
    /// With as many workers for all of them.
    #[cfg(feature = "event-loop")]
    EventLoop(usize),
}

/// All of them.
pub const DRIVERS: &[Driver] = &[
    Driver::Threads,
    #[cfg(feature = "event-loop")]
    Driver::EventLoop(2),
];

impl Driver {
    /// The one for tests that do not say which: `tests/event_loop.rs` runs other files' tests a second time.
    pub fn of_this_crate() -> Driver {
        match env!("CARGO_CRATE_NAME") {
            #[cfg(feature = "event-loop")]
            "event_loop" => Driver::EventLoop(2),
            _ => Driver::Threads,
        }
    }

    /// Starts a server with a handler for each connection.
    pub fn start<H: Handler + 'static>(
        self,
        server: Server,
        new_handler: impl Fn(&Request) -> H + Send + Sync + 'static,
    ) -> Result<ServerHandle, Error> {
        match self {
            Driver::Threads => server.spawn_handlers(new_handler),
            #[cfg(feature = "event-loop")]
            Driver::EventLoop(workers) => server.event_loop(workers).spawn_handlers(new_handler),
        }
    }
}

/// A running server, stopped at the end of the test.
pub struct TestServer {
    pub handle: ServerHandle,
    pub address: SocketAddr,
}

impl TestServer {
    /// A server with a handler for each connection.
    #[track_caller]
    pub fn start<H: Handler + 'static>(
        server: Server,
        new_handler: impl Fn(&Request) -> H + Send + Sync + 'static,
    ) -> TestServer {
        TestServer::from(Driver::of_this_crate().start(server, new_handler).expect("the server starts"))
    }

    /// A server that sends every message back.
    #[track_caller]
    pub fn echo(server: Server) -> TestServer {
        TestServer::echo_on(Driver::of_this_crate(), server)
    }

    #[track_caller]
    pub fn echo_on(driver: Driver, server: Server) -> TestServer {
        TestServer::from(driver.start(server, |_| send_back).expect("the server starts"))
    }

    /// A server with a thread for each connection, which owns it.
    #[track_caller]
    pub fn spawn<F>(server: Server, handler: F) -> TestServer
    where
        F: Fn(WebSocket, Request) -> Result<(), Error> + Send + Sync + 'static,
    {
        TestServer::from(server.spawn(handler).expect("the server starts"))
    }
}

impl From<ServerHandle> for TestServer {
    fn from(handle: ServerHandle) -> TestServer {
        let address = handle.local_addr().expect("local_addr");
        TestServer { handle, address }
    }
}

impl Deref for TestServer {
    type Target = ServerHandle;
    fn deref(&self) -> &ServerHandle {
        &self.handle
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.handle.shutdown(Duration::ZERO);
    }
}

/// A server on a free port of 127.0.0.1.
#[track_caller]
pub fn server() -> Server {
    Server::bind("127.0.0.1:0").expect("bind")
}

/// The handler that sends every message back.
pub fn send_back(sender: &Sender, message: Message<'_>) -> Result<(), Error> {
    sender.write(message)
}

/// A handler that does something when the connection opens, and ignores all messages.
pub struct AtOpen<F>(pub F);

impl<F> Handler for AtOpen<F>
where
    F: FnMut(&Sender) -> Result<(), Error> + Send,
{
    fn on_open(&mut self, sender: &Sender, _request: &Request) -> Result<(), Error> {
        (self.0)(sender)
    }

    fn on_message(&mut self, _sender: &Sender, _message: Message<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// Sends every message back until the peer closes.
pub fn echo(mut ws: WebSocket) -> Result<(), Error> {
    while let Some(message) = ws.read()?.map(|message| message.into_owned()) {
        ws.send(message)?;
    }
    Ok(())
}

/// `peer` gets an answer from an echo server: its connection is alive.
#[track_caller]
pub fn assert_echoes(peer: &mut RawPeer, text: &str) {
    peer.send(Frame::text(text));
    assert_eq!(peer.read(), Some(Frame::text(text)));
}

/// Waits until `condition` holds; fails after [`DEADLINE`].
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let give_up = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < give_up, "this did not come to be within {DEADLINE:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The result of a thread; fails if it does not end within [`DEADLINE`].
#[track_caller]
pub fn in_time<T: Send + 'static>(thread: JoinHandle<T>) -> T {
    let give_up = Instant::now() + DEADLINE;
    while !thread.is_finished() {
        assert!(Instant::now() < give_up, "a thread is still busy after {DEADLINE:?}");
        thread::sleep(Duration::from_millis(1));
    }
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Ends a thread that writes to `peer` without end, when the connection has ended at the other side. It need not have
/// noticed: it may be waiting for room in a network that will never have any.
#[track_caller]
pub fn end_flood(peer: &RawPeer, writing: JoinHandle<()>) {
    let _ = peer.stream.shutdown(Shutdown::Write);
    in_time(writing);
}

/// What comes through a channel; fails if nothing does within [`DEADLINE`].
#[track_caller]
pub fn next<T>(events: &mpsc::Receiver<T>) -> T {
    events.recv_timeout(DEADLINE).expect("something comes through the channel in time")
}

/// How a TCP connection ended, as its peer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Fin,
    Reset,
}

/// Waits for the end of the connection, with no byte before it. The peer has not closed its own half.
#[track_caller]
pub fn read_end(peer: &mut RawPeer) -> End {
    let mut byte = [0; 64];
    assert!(peer.buffer.is_empty(), "more has come: {:?}", peer.buffer.escape_ascii());
    loop {
        match peer.stream.read(&mut byte) {
            Ok(0) => return End::Fin,
            Ok(n) => panic!("more has come: {:?}", byte[..n].escape_ascii()),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted) => {
                return End::Reset;
            }
            Err(e) => panic!("the connection did not end within {DEADLINE:?}: {e}"),
        }
    }
}

/// The connection is neither ended nor does anything come, for [`A_WHILE`].
#[track_caller]
pub fn assert_quiet(peer: &mut RawPeer) {
    assert!(peer.buffer.is_empty(), "something has come: {:?}", peer.buffer.escape_ascii());
    peer.stream.set_read_timeout(Some(A_WHILE)).expect("set_read_timeout");
    let got = peer.stream.peek(&mut [0; 1]);
    peer.stream.set_read_timeout(Some(DEADLINE)).expect("set_read_timeout");
    let is_timeout = |e: &std::io::Error| matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(got.as_ref().is_err_and(is_timeout), "something has come, or the end: {got:?}");
}

/// Reads frames until the Close, which must be there; gives those before it and its payload.
#[track_caller]
pub fn read_to_close(peer: &mut RawPeer) -> (Vec<Frame>, Vec<u8>) {
    let mut frames = Vec::new();
    loop {
        let mut frame = peer.read().expect("a Close comes before the end");
        frame.mask = None;
        if frame.opcode == CLOSE {
            return (frames, frame.payload);
        }
        frames.push(frame);
    }
}

/// Reads frames until the Close and gives its code.
#[track_caller]
pub fn read_close_code(peer: &mut RawPeer) -> u16 {
    let (_, payload) = read_to_close(peer);
    code_of(&payload)
}

#[track_caller]
pub fn code_of(payload: &[u8]) -> u16 {
    u16::from_be_bytes(payload[..2].try_into().expect("a Close with a code"))
}

/// Sends `bytes` and gives everything that comes back until the end of the connection.
#[track_caller]
pub fn http(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut peer = RawPeer::tcp(address);
    // A server that has made up its mind may end the connection before it has taken everything.
    let _ = peer.stream.write_all(bytes.as_ref());
    String::from_utf8(peer.read_to_end()).expect("a response is text")
}

/// The status in a response.
#[track_caller]
pub fn status(response: &str) -> u16 {
    let code = response.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no response: {response:?}"))
}

/// All values of a header in a response.
pub fn values<'a>(response: &'a str, name: &str) -> Vec<&'a str> {
    let head = response.split("\r\n\r\n").next().unwrap_or_default();
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}
