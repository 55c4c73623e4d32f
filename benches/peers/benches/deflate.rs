//! Compressed messages (RFC 7692) beside their limit: the compressor alone, with as much done for each message.
//!
//!     cargo bench --bench deflate

use clearsocket::compression::Context;
use clearsocket::proto::{Decoder, Encoder, Progress};
use clearsocket::{Config, Deflate, Message, Role};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use std::hint::black_box;

fn compress(c: &mut Criterion) {
    let mut group = c.benchmark_group("compress");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let text = json(size);
        let mut options = Deflate::default();
        options.level = LEVEL;
        let mut encoder = Encoder::server().with_deflate(CONTEXT, &options);
        let message = Message::from(&text);
        let mut out = Vec::with_capacity(2 * size + 64);
        group.bench_function(BenchmarkId::new("clearsocket", size), |b| {
            b.iter(|| {
                out.clear();
                encoder.message(black_box(&message), &mut out);
            });
        });
        let mut compress = Compress::new(Compression::new(LEVEL.into()), false);
        group.bench_function(BenchmarkId::new("flate2", size), |b| {
            b.iter(|| {
                out.clear();
                compress.compress_vec(black_box(text.as_bytes()), &mut out, FlushCompress::Sync)
            });
        });
    }
}

fn decompress(c: &mut Criterion) {
    let mut group = c.benchmark_group("decompress");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let text = json(size);
        let no_takeover = Context { no_takeover: true, ..CONTEXT };
        let mut options = Deflate::default();
        options.level = LEVEL;
        let mut wire = Vec::new();
        let mut encoder = Encoder::server().with_deflate(no_takeover, &options);
        encoder.message(&Message::from(&text), &mut wire);
        let mut decoder = Decoder::new(Role::Client, &Config::default()).with_deflate(no_takeover);
        group.bench_function(BenchmarkId::new("clearsocket", size), |b| {
            b.iter(|| {
                decoder.push(black_box(&wire));
                assert_eq!(decoder.advance(), Progress::Ready);
                black_box(decoder.event()).is_ok()
            });
        });
        let mut bytes = Vec::with_capacity(2 * size + 64);
        let mut compress = Compress::new(Compression::new(LEVEL.into()), false);
        compress.compress_vec(text.as_bytes(), &mut bytes, FlushCompress::Sync).expect("room for all");
        let (mut decompress, mut out) = (Decompress::new(false), Vec::with_capacity(2 * size + 64));
        group.bench_function(BenchmarkId::new("flate2", size), |b| {
            b.iter(|| {
                decompress.reset(false);
                out.clear();
                decompress.decompress_vec(black_box(&bytes), &mut out, FlushDecompress::Sync)
            });
        });
    }
}

/// Records such as programs send to each other, cut to `size` bytes.
fn json(size: usize) -> String {
    let record = |i: usize| {
        format!(r#"{{"id":{},"name":"user{}","text":"message number {i}"}},"#, i * 7919 % 100_000, i % 97)
    };
    let mut text: String = (0..size / 40 + 1).map(record).collect();
    text.truncate(size);
    text
}

const SIZES: [usize; 3] = [128, 1 << 10, 64 << 10];
const LEVEL: u8 = 1;
const CONTEXT: Context = Context { no_takeover: false, window_bits: 15 };

criterion_group!(benches, compress, decompress);
criterion_main!(benches);
