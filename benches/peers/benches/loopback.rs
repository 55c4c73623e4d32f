//! Echo over loopback: our drivers, raw TCP that moves the same bytes, and other libraries.
//!
//!     cargo bench --bench loopback
//!
//! One connection, and a client that is the same for all: it sends ready-made masked frames and waits for the replies. With
//! one message in flight this shows latency, with 64 batching. For many connections there is `benches/compare`.

use clearsocket_peers::Result;
use clearsocket_peers::frames::Frames;
use clearsocket_peers::load::{Target, open};
use clearsocket_peers::local::echo_servers;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::io::{Read, Write};
use std::net::TcpStream;

/// Size of a message, and how many are in flight.
const CASES: [(usize, u64); 5] = [(20, 1), (1 << 10, 1), (16 << 10, 1), (1 << 20, 1), (20, 64)];

fn echo(c: &mut Criterion) {
    let servers = echo_servers().expect("loopback is there");
    for (size, in_flight) in CASES {
        let mut group = c.benchmark_group(format!("echo, {size} B, {in_flight} in flight"));
        group.throughput(Throughput::Elements(in_flight));
        for server in &servers {
            let mut client = Client::connect(&server.target, size, in_flight).expect("the server answers");
            client.round_trip().expect("an echo");
            assert_eq!(client.replies, client.expected, "{}", server.name);
            group.bench_function(BenchmarkId::from_parameter(server.name), |b| {
                b.iter(|| client.round_trip().expect("an echo"));
            });
        }
    }
}

struct Client {
    stream: TcpStream,
    requests: Vec<u8>,
    replies: Vec<u8>,
    expected: Vec<u8>,
}

impl Client {
    fn connect(target: &Target, size: usize, in_flight: u64) -> Result<Client> {
        let stream = open(target)?;
        stream.set_nonblocking(false)?;
        let Frames { request, reply } = target.frames(size);
        let expected = reply.repeat(in_flight as usize);
        let requests = request.repeat(in_flight as usize);
        Ok(Client { stream, requests, replies: vec![0; expected.len()], expected })
    }

    fn round_trip(&mut self) -> Result {
        self.stream.write_all(&self.requests)?;
        Ok(self.stream.read_exact(&mut self.replies)?)
    }
}

criterion_group!(benches, echo);
criterion_main!(benches);
