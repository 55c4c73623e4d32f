//! What compression costs and saves (permessage-deflate, RFC 7692), without any network.
//!
//!     cargo bench --bench deflate
//!
//! `message` compresses and decompresses JSON of several sizes; `broadcast` encodes one message of 1 KiB for 1,000
//! receivers: as it is, compressed once for all, and compressed by each connection for itself.

use clearsocket::compression::Context;
use clearsocket::proto::{Decoder, Encoder};
use clearsocket::{Config, Deflate, Message, Role, SharedFrame};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A row of records such as programs send to each other, cut to `size` bytes.
fn json(size: usize, seed: usize) -> String {
    let record = |i: usize| {
        let (id, user, at) = (i * 7919 % 100_000, i % 97, 1_763_700_000_000 + i as u64 * 1_234_567);
        format!(r#"{{"id":{id},"name":"user{user}","text":"message number {i} of the day","at":{at}}},"#)
    };
    let mut text: String = (seed..seed + size / 40 + 1).map(record).collect();
    text.truncate(size);
    text
}

fn context(no_takeover: bool) -> Context {
    Context { no_takeover, window_bits: 15 }
}

fn options(level: u8) -> Deflate {
    let mut options = Deflate::default();
    options.level = level;
    options
}

fn message(c: &mut Criterion) {
    for size in [128, 1 << 10, 64 << 10] {
        let mut group = c.benchmark_group(format!("deflate/{size} B"));
        group.throughput(Throughput::Bytes(size as u64));
        let texts: Vec<String> = (0..64).map(|i| json(size, i * 50)).collect();
        for level in [1, 6] {
            let mut encoder = Encoder::server().with_deflate(context(false), &options(level));
            let (mut next, mut out) = (texts.iter().cycle(), Vec::new());
            group.bench_function(BenchmarkId::new("compress, level", level), |b| {
                b.iter(|| {
                    out.clear();
                    encoder.message(&Message::from(next.next().expect("a cycle")), &mut out);
                    out.len()
                })
            });
        }
        let mut wire = Vec::new();
        Encoder::server()
            .with_deflate(context(true), &options(1))
            .message(&Message::from(&texts[0]), &mut wire);
        let mut decoder = Decoder::new(Role::Client, &Config::default()).with_deflate(context(true));
        group.bench_function("decompress", |b| {
            b.iter(|| {
                decoder.push(&wire);
                decoder.advance();
                decoder.event().is_ok()
            })
        });
        group.finish();
    }
}

fn broadcast(c: &mut Criterion) {
    let text = json(1 << 10, 3);
    let message = Message::from(&text);
    let encoders = || -> Vec<Encoder> {
        (0..1000).map(|_| Encoder::server().with_deflate(context(false), &Deflate::default())).collect()
    };
    let send_shared = |encoders: &mut Vec<Encoder>, frame: SharedFrame| {
        let mut out = Vec::with_capacity(2 << 20);
        encoders.iter_mut().for_each(|encoder| encoder.shared(&frame, &mut out));
        out.len()
    };
    let mut group = c.benchmark_group("deflate/broadcast to 1000");
    group.sample_size(20);
    group.bench_function("plain", |b| {
        let setup = || (encoders(), SharedFrame::new(&message));
        b.iter_batched_ref(setup, |(to, frame)| send_shared(to, frame.clone()), BatchSize::LargeInput)
    });
    group.bench_function("compressed once", |b| {
        let compress = || SharedFrame::deflated(&message, &Deflate::default());
        b.iter_batched_ref(encoders, |to| send_shared(to, compress()), BatchSize::LargeInput)
    });
    let mut warm = encoders();
    group.bench_function("compressed by each", |b| {
        let mut out = Vec::with_capacity(2 << 20);
        b.iter(|| {
            out.clear();
            warm.iter_mut().for_each(|encoder| encoder.message(&message, &mut out));
            out.len()
        })
    });
    group.finish();
}

criterion_group!(benches, message, broadcast);
criterion_main!(benches);
