//! The other end of a TCP connection: a handshake out of plain bytes (RFC 6455 §4), then raw frames.
//!
//! [`RawPeer::connect`] plays the client against our server, [`RawPeer::accept`] the server against our
//! client. Every read has a deadline, so that a test fails where it would otherwise hang.

use super::frame::{Frame, read_frame};
use base64::Engine;
use clearsocket::Role;
use sha1::{Digest, Sha1};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Long enough for a slow machine, short enough to find out.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct RawPeer {
    pub stream: TcpStream,
    /// What it plays. A client masks what it sends.
    pub role: Role,
    /// Received and not yet used.
    pub buffer: Vec<u8>,
}

impl RawPeer {
    pub fn new(stream: TcpStream, role: Role) -> RawPeer {
        stream.set_read_timeout(Some(DEADLINE)).expect("set_read_timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("set_write_timeout");
        stream.set_nodelay(true).expect("set_nodelay");
        RawPeer { stream, role, buffer: Vec::new() }
    }

    /// A client that has nothing but TCP yet.
    pub fn tcp(address: SocketAddr) -> RawPeer {
        RawPeer::new(TcpStream::connect(address).expect("connect"), Role::Client)
    }

    /// A client with an open WebSocket.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> RawPeer {
        RawPeer::connect_with(address, "/", "").0
    }

    /// A client with an open WebSocket, after a request for `target` with more header lines (each ending in CRLF);
    /// and the head of the response.
    #[track_caller]
    pub fn connect_with(address: SocketAddr, target: &str, more_headers: &str) -> (RawPeer, String) {
        let mut peer = RawPeer::tcp(address);
        peer.send_bytes(request(address, target, more_headers).as_bytes());
        let head = peer.read_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (peer, head)
    }

    /// A server with an open WebSocket: reads the request and answers 101.
    #[track_caller]
    pub fn accept(stream: TcpStream) -> RawPeer {
        RawPeer::accept_with(stream, "").0
    }

    /// The same with more header lines in the response (each ending in CRLF); and the head of the request.
    #[track_caller]
    pub fn accept_with(stream: TcpStream, more_headers: &str) -> (RawPeer, String) {
        let mut peer = RawPeer::new(stream, Role::Server);
        let head = peer.read_head();
        let key = header(&head, "Sec-WebSocket-Key").expect("a request has a key");
        let accept = accept_for(key);
        peer.send_bytes(
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n{more_headers}\r\n"
            )
            .as_bytes(),
        );
        (peer, head)
    }

    #[track_caller]
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("write");
    }

    /// Sends a frame, masked if this is a client. To send a wrong mask use `send_bytes(&frame.bytes())`.
    #[track_caller]
    pub fn send(&mut self, frame: Frame) {
        let to = if self.role == Role::Client { Role::Server } else { Role::Client };
        self.send_bytes(&frame.sent_to(to).bytes());
    }

    /// The next frame, or `None` at the end of the connection (an orderly end or a reset).
    #[track_caller]
    pub fn read(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, len)) = read_frame(&self.buffer) {
                self.buffer.drain(..len);
                return Some(frame);
            }
            if !self.read_more() {
                let start = &self.buffer[..self.buffer.len().min(32)];
                assert!(start.is_empty(), "the connection ended within a frame: {start:02x?}...");
                return None;
            }
        }
    }

    /// The head of a request or response, with the empty line. Frames behind it stay in `buffer`.
    #[track_caller]
    pub fn read_head(&mut self) -> String {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..at + 4).collect();
                return String::from_utf8(head).expect("a head is text");
            }
            assert!(self.read_more(), "the connection ended within a head: {:?}", self.buffer.escape_ascii());
        }
    }

    /// Everything up to the end of the connection.
    #[track_caller]
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.buffer)
    }

    /// Ends TCP in order: a socket that is dropped with something unread takes back what was sent.
    #[track_caller]
    pub fn end(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.read_to_end();
    }

    /// `false` at the end of the connection.
    #[track_caller]
    fn read_more(&mut self) -> bool {
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk) {
            Ok(n) => {
                self.buffer.extend(&chunk[..n]);
                n > 0
            }
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted) => false,
            Err(e) if e.kind() == ErrorKind::Interrupted => true,
            Err(e) => panic!("nothing came from the peer within {DEADLINE:?}: {e}"),
        }
    }
}

/// A good opening handshake (RFC 6455 §4.1), with the key of the RFC's example.
pub fn request(address: SocketAddr, target: &str, more_headers: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more_headers}\r\n"
    )
}

/// The Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 §4.2.2).
pub fn accept_for(key: &str) -> String {
    let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// The value of a header in a head; names are compared without regard to case.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
