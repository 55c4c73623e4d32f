//! The codec alone, in memory: masks and UTF-8 beside a plain copy, headers, whole messages.
//!
//!     cargo bench --bench codec
//!
//! A copy is the floor for everything that touches each byte once. Messages are taken in batches, as a busy
//! connection has them; figures are per message, with the copy into the receive buffer that a socket would make.

use clearsocket::proto::{
    Decoder, Encoder, Event, FrameHeader, Progress, Utf8Progress, apply_mask, from_utf8,
};
use clearsocket::{Config, Message, Role};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn masking(c: &mut Criterion) {
    let mut group = c.benchmark_group("mask");
    for size in [64, 1 << 10, 64 << 10] {
        group.throughput(Throughput::Bytes(size as u64));
        let source = vec![b'x'; size];
        let mut payload = source.clone();
        group.bench_function(BenchmarkId::new("memcpy", size), |b| {
            b.iter(|| black_box(&mut payload[..]).copy_from_slice(black_box(&source)));
        });
        group.bench_function(BenchmarkId::new("apply_mask", size), |b| {
            b.iter(|| apply_mask(black_box(&mut payload), black_box(KEY), 0));
        });
        // A payload that came in pieces: neither its place in memory nor in the payload is round.
        group.bench_function(BenchmarkId::new("apply_mask from 3", size), |b| {
            b.iter(|| apply_mask(black_box(&mut payload[3..]), black_box(KEY), 3));
        });
    }
}

fn utf8(c: &mut Criterion) {
    let mut group = c.benchmark_group("utf8");
    for size in [64, 1 << 10, 64 << 10] {
        let ascii = "x".repeat(size);
        let other = "aé€😀".repeat(size / 10 + 1);
        for (name, text) in [("ascii", &ascii), ("other", &other)] {
            group.throughput(Throughput::Bytes(text.len() as u64));
            let mut copy = text.clone().into_bytes();
            group.bench_function(BenchmarkId::new(format!("memcpy {name}"), size), |b| {
                b.iter(|| black_box(&mut copy[..]).copy_from_slice(black_box(text.as_bytes())));
            });
            group.bench_function(BenchmarkId::new(format!("from_utf8 {name}"), size), |b| {
                b.iter(|| from_utf8(black_box(text.as_bytes())));
            });
            group.bench_function(BenchmarkId::new(format!("progress {name}"), size), |b| {
                b.iter(|| Utf8Progress::default().push(black_box(text.as_bytes())));
            });
        }
    }
}

fn header(c: &mut Criterion) {
    let mut group = c.benchmark_group("header");
    let headers: [(&str, &[u8]); 4] = [
        ("2 bytes", &[0x81, 13]),
        ("6 bytes", &[0x81, 0x80 | 13, 1, 2, 3, 4]),
        ("8 bytes", &[0x82, 0x80 | 126, 4, 0, 1, 2, 3, 4]),
        ("14 bytes", &[0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4]),
    ];
    for (name, bytes) in headers {
        group.bench_function(BenchmarkId::new("decode", name), |b| {
            b.iter(|| FrameHeader::decode(black_box(bytes)));
        });
    }
}

/// Sizes of messages, and how many go into a batch.
const MESSAGES: [(usize, u64); 3] = [(13, 2000), (1 << 10, 60), (64 << 10, 4)];

fn encoder(role: Role) -> Encoder {
    // A source of keys that costs nothing: what is measured is the codec.
    let mut state = 0u32;
    match role {
        Role::Server => Encoder::server(),
        Role::Client => Encoder::client(Box::new(move || {
            state = state.wrapping_add(0x9e37_79b9);
            state.to_ne_bytes()
        })),
    }
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for role in [Role::Server, Role::Client] {
        for (size, count) in MESSAGES {
            group.throughput(Throughput::Elements(count));
            let payload = vec![b'x'; size];
            let message = Message::from(&payload);
            let (mut encoder, mut out) = (encoder(role), Vec::new());
            group.bench_function(BenchmarkId::new(format!("{role:?}"), size), |b| {
                b.iter(|| {
                    out.clear();
                    for _ in 0..count {
                        encoder.message(black_box(&message), &mut out);
                    }
                    black_box(&out);
                });
            });
        }
    }
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for (role, peer) in [(Role::Server, Role::Client), (Role::Client, Role::Server)] {
        for kind in ["text", "binary"] {
            for (size, count) in MESSAGES {
                group.throughput(Throughput::Elements(count));
                let payload = "x".repeat(size);
                let message = match kind {
                    "text" => Message::from(&payload),
                    _ => Message::from(payload.as_bytes()),
                };
                let (mut encoder, mut wire) = (encoder(peer), Vec::new());
                (0..count).for_each(|_| encoder.message(&message, &mut wire));
                let mut decoder = Decoder::new(role, &Config::default());
                group.bench_function(BenchmarkId::new(format!("{role:?} {kind}"), size), |b| {
                    b.iter(|| assert_eq!(decode_all(&mut decoder, black_box(&wire)), count));
                });
            }
        }
    }
}

/// Receives all of `wire` as from a socket, and counts the messages.
fn decode_all(decoder: &mut Decoder, mut wire: &[u8]) -> u64 {
    let mut messages = 0;
    while !wire.is_empty() {
        let space = decoder.recv_space();
        let n = space.len().min(wire.len());
        space[..n].copy_from_slice(&wire[..n]);
        decoder.received(n);
        wire = &wire[n..];
        while decoder.advance() == Progress::Ready {
            match decoder.event() {
                Ok(Some(Event::Message(message))) => {
                    black_box(message.as_bytes());
                    messages += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    messages
}

criterion_group!(benches, masking, utf8, header, encode, decode);
criterion_main!(benches);
