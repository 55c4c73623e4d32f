//! Echo over loopback, beside its limit: raw TCP that moves the same bytes.
//!
//!     cargo bench --bench loopback
//!
//! One client connection, one server thread. `ping-pong` has one message in flight and measures latency; `burst` has 64,
//! which is where batching shows. The client is the same for all: it sends ready-made masked frames and counts bytes, so
//! only the server differs. Other libraries are in `benches/peers`.

use clearsocket::{Message, Sender, Server};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// An echo server: where it listens, and whether it expects a WebSocket handshake.
struct Peer {
    name: &'static str,
    address: SocketAddr,
    websocket: bool,
}

fn raw_tcp() -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || {
                let mut buf = vec![0; 64 << 10];
                while let Ok(n @ 1..) = stream.read(&mut buf) {
                    if stream.write_all(&buf[..n]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Peer { name: "raw-tcp", address, websocket: false }
}

fn clearsocket() -> Peer {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let echo = |_: &clearsocket::Request| |sender: &Sender, message: Message<'_>| sender.write(message);
    server.spawn_handlers(echo).unwrap();
    Peer { name: "clearsocket", address, websocket: true }
}

/// A client that knows no more of WebSocket than it needs.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl Client {
    fn connect(peer: &Peer, payload: usize, in_flight: usize) -> Client {
        let mut stream = TcpStream::connect(peer.address).unwrap();
        stream.set_nodelay(true).unwrap();
        if peer.websocket {
            stream.write_all(HANDSHAKE).unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            assert!(head.starts_with(b"HTTP/1.1 101"));
        }
        let frame = frame(payload, true);
        let reply = if peer.websocket { self::frame(payload, false) } else { frame.clone() };
        Client { stream, request: frame.repeat(in_flight), reply: vec![0; reply.len() * in_flight] }
    }

    fn round_trip(&mut self) {
        self.stream.write_all(&self.request).unwrap();
        self.stream.read_exact(&mut self.reply).unwrap();
    }
}

fn frame(payload: usize, masked: bool) -> Vec<u8> {
    let mask_bit = if masked { 0x80 } else { 0 };
    let mut frame = vec![0x82];
    match payload {
        0..=125 => frame.push(mask_bit | payload as u8),
        126..=0xffff => {
            frame.push(mask_bit | 126);
            frame.extend_from_slice(&(payload as u16).to_be_bytes());
        }
        _ => {
            frame.push(mask_bit | 127);
            frame.extend_from_slice(&(payload as u64).to_be_bytes());
        }
    }
    if masked {
        frame.extend_from_slice(&[1, 2, 3, 4]);
    }
    frame.resize(frame.len() + payload, 7);
    frame
}

fn echo(c: &mut Criterion) {
    let peers = [raw_tcp(), clearsocket()];
    for (kind, payload, in_flight) in
        [("ping-pong", 20, 1), ("ping-pong", 1 << 10, 1), ("ping-pong", 1 << 20, 1), ("burst", 20, 64)]
    {
        let mut group = c.benchmark_group(format!("{kind}/{payload} B"));
        group.throughput(Throughput::Elements(in_flight as u64));
        for peer in &peers {
            let mut client = Client::connect(peer, payload, in_flight);
            group.bench_function(BenchmarkId::from_parameter(peer.name), |b| b.iter(|| client.round_trip()));
        }
        group.finish();
    }
}

const HANDSHAKE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

criterion_group!(benches, echo);
criterion_main!(benches);
