//! The same protocol over other streams than TCP: Unix sockets, and whatever is `Read + Write`.
//!
//! ```text
//!   accept ◀─▶ Transport ◀─▶ Client::handshake
//!              UnixStream: everything that TCP can; ReadWrite<S>: for one thread
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{
    Client, Config, Error, HandshakeError, ReadWrite, ServerOptions, Timeout, Transport, WebSocket, accept,
    accept_with,
};
use raw::*;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const URL: &str = "ws://localhost/chat";

/// A server and a client on the two ends of a connection.
#[track_caller]
fn open(near: impl Transport, far: impl Transport) -> (WebSocket, WebSocket) {
    open_with(near, far, Config::default())
}

#[track_caller]
fn open_with(near: impl Transport, far: impl Transport, config: Config) -> (WebSocket, WebSocket) {
    let server_config = config.clone();
    let accepting =
        thread::spawn(move || accept_with(near, &ServerOptions::default(), &server_config).expect("accept"));
    let (client, response) = Client::new().config(config).handshake(URL, far).expect("handshake");
    assert_eq!(response.status(), 101);
    let (server, request) = in_time(accepting);
    assert_eq!((request.path(), request.host()), ("/chat", "localhost"));
    (server, client)
}

/// Messages of many sizes there and back, and a clean end.
#[track_caller]
fn assert_talks(server: WebSocket, mut client: WebSocket) {
    let serving = thread::spawn(move || echo(server));
    for len in [0, 1, 125, 126, 65_535, 65_536, 300_000] {
        let message = vec![7; len];
        client.send(message.clone()).expect("send");
        assert_eq!(client.read().expect("read"), Some(message.into()), "{len}");
    }
    client.close(1000, "enough").expect("close");
    assert_eq!(client.read().expect("read"), None);
    let event = client.close_event();
    assert!(event.was_clean && event.code == 1000, "{event:?}");
    drop(client);
    in_time(serving).expect("the server sees a clean end");
}

// ---- Unix sockets ----

#[test]
fn a_unix_socket_carries_a_connection() {
    let (near, far) = UnixStream::pair().expect("pair");
    assert_eq!(Transport::remote_addr(&near), None);
    let (server, client) = open(near, far);
    assert_talks(server, client);
}

#[test]
fn a_non_blocking_unix_socket_is_made_to_block() {
    let (near, far) = UnixStream::pair().expect("pair");
    near.set_nonblocking(true).expect("set_nonblocking");
    far.set_nonblocking(true).expect("set_nonblocking");
    let (server, client) = open(near, far);
    assert_talks(server, client);
}

#[test]
fn both_halves_work_at_the_same_time_in_threads_of_their_own() {
    const TOTAL: usize = 200;
    let (near, far) = UnixStream::pair().expect("pair");
    let (server, client) = open(near, far);
    // Both send more than any buffer holds before they read.
    let busy = |ws: WebSocket| {
        let (mut receiver, sender) = ws.split();
        let sending = thread::spawn(move || {
            for n in 0..TOTAL {
                sender.send(vec![n as u8; 64 << 10]).expect("send");
            }
        });
        thread::spawn(move || {
            for n in 0..TOTAL {
                let message = receiver.read().expect("read").expect("a message");
                assert!(message.len() == 64 << 10 && message.as_bytes()[0] == n as u8);
            }
            in_time(sending);
            drop(receiver);
        })
    };
    let (ours, theirs) = (busy(server), busy(client));
    in_time(ours);
    in_time(theirs);
}

#[test]
fn a_unix_socket_is_closed_from_another_thread_while_one_reads() {
    let (near, far) = UnixStream::pair().expect("pair");
    let (server, client) = open(near, far);
    let serving = thread::spawn(move || echo(server));
    let (mut receiver, sender) = client.split();
    let reading = thread::spawn(move || receiver.read().map(|message| message.is_some()));
    thread::sleep(A_WHILE);
    assert!(!reading.is_finished());
    sender.close(1000, "").expect("close");
    assert!(!in_time(reading).expect("a clean end"));
    in_time(serving).expect("a clean end");

    let (near, far) = UnixStream::pair().expect("pair");
    let (_server, client) = open(near, far);
    let (mut receiver, sender) = client.split();
    let reading = thread::spawn(move || receiver.read().map(|message| message.is_some()));
    thread::sleep(A_WHILE);
    sender.abort();
    assert!(in_time(reading).is_err());
}

#[test]
fn a_unix_socket_keeps_the_deadlines() {
    let short = || config(|config| config.handshake_timeout = SHORT);
    let (near, far) = UnixStream::pair().expect("pair");
    let result = Client::new().config(short()).handshake(URL, near);
    assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{result:?}");
    drop(far);
    let (near, _far) = UnixStream::pair().expect("pair");
    let result = accept_with(near, &ServerOptions::default(), &short());
    assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{result:?}");
    let (near, far) = UnixStream::pair().expect("pair");
    drop(far);
    assert!(matches!(accept(near), Err(Error::Handshake(HandshakeError::ConnectionClosed))));
}

#[test]
fn a_peer_on_a_unix_socket_that_is_gone_is_a_lost_connection() {
    let (near, far) = UnixStream::pair().expect("pair");
    let (server, mut client) = open(near, far);
    server.abort();
    assert!(matches!(client.read(), Err(Error::ConnectionLost)));
    assert_eq!(client.close_event().code, 1006);
    // And no signal ends the process when there is nobody to send to.
    while client.send("hello").is_ok() {}
}

// ---- Read + Write ----

/// One end of a pipe in memory.
struct Pipe {
    incoming: mpsc::Receiver<Vec<u8>>,
    received: Vec<u8>,
    outgoing: mpsc::SyncSender<Vec<u8>>,
    /// A read gives up after that.
    patience: Option<Duration>,
}

fn pipe(patience: Option<Duration>) -> (Pipe, Pipe) {
    let ((a, b), (c, d)) = (mpsc::sync_channel(1000), mpsc::sync_channel(1000));
    let end = |incoming, outgoing| Pipe { incoming, received: Vec::new(), outgoing, patience };
    (end(b, c), end(d, a))
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.received.is_empty() {
            let received = match self.patience {
                None => self.incoming.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                Some(patience) => self.incoming.recv_timeout(patience),
            };
            match received {
                Ok(bytes) => self.received = bytes,
                Err(mpsc::RecvTimeoutError::Timeout) => return Err(ErrorKind::TimedOut.into()),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
        let n = buf.len().min(self.received.len());
        buf[..n].copy_from_slice(&self.received[..n]);
        self.received.drain(..n);
        Ok(n)
    }
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let piece = &buf[..buf.len().min(1000)];
        self.outgoing.send(piece.to_vec()).map_err(|_| ErrorKind::BrokenPipe)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Something that is `Read + Write` and no more, with a buffer that must be flushed.
struct Buffered(TcpStream, BufWriter<TcpStream>);

impl Buffered {
    fn new(stream: TcpStream) -> Buffered {
        let copy = stream.try_clone().expect("try_clone");
        Buffered(stream, BufWriter::new(copy))
    }
}

impl Read for Buffered {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Buffered {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.1.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}

#[test]
fn a_pipe_in_memory_carries_a_connection() {
    for patience in [None, Some(Duration::from_millis(5)), Some(Duration::ZERO)] {
        let (near, far) = pipe(patience);
        let (server, client) = open(ReadWrite::new(near), ReadWrite::new(far));
        assert_talks(server, client);
    }
}

#[test]
fn a_stream_with_a_buffer_is_flushed() {
    let (near, far, _) = tcp_pair();
    let (server, client) = open(ReadWrite::new(Buffered::new(near)), far);
    assert_talks(server, client);
    let (near, far, _) = tcp_pair();
    let (server, client) = open(near, ReadWrite::new(Buffered::new(far)));
    assert_talks(server, client);
}

#[test]
fn a_stream_that_never_blocks_will_do() {
    let (near, far, _) = tcp_pair();
    far.set_nonblocking(true).expect("set_nonblocking");
    let (server, client) = open(near, ReadWrite::new(far));
    assert_talks(server, client);
}

#[test]
fn a_boxed_stream_will_do() {
    trait Stream: Read + Write + Send {}
    impl Stream for TcpStream {}
    let (near, far, _) = tcp_pair();
    let boxed: Box<dyn Stream> = Box::new(far);
    let (server, client) = open(near, ReadWrite::new(boxed));
    assert_talks(server, client);
}

#[test]
fn a_refusal_arrives_over_read_and_write() {
    let (near, mut far) = pipe(None);
    let accepting = thread::spawn(move || accept(ReadWrite::new(near)));
    far.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("write");
    let mut reply = String::new();
    far.read_to_string(&mut reply).expect("read");
    assert!(reply.starts_with("HTTP/1.1 426 "), "{reply}");
    assert!(in_time(accepting).is_err());
}

#[test]
fn the_timeouts_are_kept_if_reads_give_up_now_and_then() {
    let patience = Some(Duration::from_millis(5));
    let short = || config(|config| config.handshake_timeout = SHORT);
    let (near, _far) = pipe(patience);
    let result = Client::new().config(short()).handshake(URL, ReadWrite::new(near));
    assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{result:?}");
    // A heartbeat counts time, not reads that gave up.
    let (near, far) = pipe(patience);
    let heartbeat = config(|config| {
        config.ping_interval = Some(Duration::from_millis(200));
        config.pong_timeout = Duration::from_secs(10);
    });
    let (server, client) = open_with(ReadWrite::new(near), ReadWrite::new(far), heartbeat);
    let serving = thread::spawn(move || echo(server));
    thread::sleep(SHORT * 2);
    assert!(!serving.is_finished());
    let mut client = client;
    client.send("still there").expect("send");
    assert_eq!(client.read().expect("read"), Some("still there".into()));
    client.close(1000, "").expect("close");
    assert_eq!(client.read().expect("read"), None);
    drop(client);
    in_time(serving).expect("a clean end");
}

#[test]
fn another_thread_sends_and_closes_between_two_reads() {
    let (near, far) = pipe(Some(Duration::from_millis(5)));
    let (server, client) = open(ReadWrite::new(near), ReadWrite::new(far));
    let serving = thread::spawn(move || echo(server));
    let (mut receiver, sender) = client.split();
    let reading = thread::spawn(move || {
        let first = receiver.read().expect("read").map(|message| message.into_owned());
        let end = receiver.read().expect("read").is_none();
        (first, end)
    });
    thread::sleep(A_WHILE);
    sender.send("from elsewhere").expect("send");
    wait_until("the message has left", || sender.buffered_amount() == 0);
    thread::sleep(A_WHILE);
    sender.close(1000, "").expect("close");
    assert_eq!(in_time(reading), (Some("from elsewhere".into()), true));
    in_time(serving).expect("a clean end");
}

#[test]
fn what_is_sent_during_a_read_that_blocks_leaves_after_it() {
    let (near, far) = pipe(None);
    let (server, client) = open(ReadWrite::new(near), ReadWrite::new(far));
    let (mut receiver, sender) = client.split();
    let reading = thread::spawn(move || {
        let first = receiver.read().expect("read").map(|message| message.into_owned());
        (first, receiver)
    });
    thread::sleep(A_WHILE);
    sender.send("queued").expect("sending does not wait for the reader");
    server.send("wake up").expect("send");
    let mut server = server;
    assert_eq!(server.read().expect("read"), Some("queued".into()));
    let (first, receiver) = in_time(reading);
    assert_eq!(first, Some("wake up".into()));
    // Each waits for the other's Close, and nothing wakes them but that.
    let ending = thread::spawn(move || drop(server));
    drop(receiver);
    in_time(ending);
}

#[test]
fn an_error_of_the_stream_is_a_lost_connection() {
    let (near, far) = pipe(None);
    let (server, mut client) = open(ReadWrite::new(near), ReadWrite::new(far));
    server.abort();
    assert!(client.read().is_err());
    assert_eq!(client.close_event().code, 1006);
    let transport = ReadWrite::new(pipe(None).0);
    transport.shutdown(Shutdown::Both).expect("shutdown");
    assert_eq!(transport.recv(&mut [0; 9]).expect("the end"), 0);
    assert_eq!(transport.try_send(b"x").map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
    assert_eq!(transport.send(b"x").map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
}
