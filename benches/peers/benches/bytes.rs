//! Masking and UTF-8 beside memcpy, std and other libraries; the header of a frame beside tungstenite.
//!
//!     cargo bench --bench bytes

use clearsocket::proto::FrameHeader;
use clearsocket_peers::bytes::{MASKING, SCRIPTS, VALIDATION, Way};
use clearsocket_peers::frames;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::io::Cursor;
use std::time::Duration;

fn masking(c: &mut Criterion) {
    for size in SIZES {
        passes(c, "mask", size, &MASKING, &frames::payload(size));
    }
}

fn utf8(c: &mut Criterion) {
    for script in SCRIPTS {
        for size in SIZES {
            let name = format!("utf8, {}", script.name);
            passes(c, &name, size, &VALIDATION, script.text(size).as_bytes());
        }
    }
}

fn passes(c: &mut Criterion, name: &str, size: usize, ways: &[Way], source: &[u8]) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(source.len() as u64));
    let mut target = vec![1; source.len()];
    for way in ways {
        group.bench_function(BenchmarkId::new(way.name, size), |b| {
            b.iter(|| (way.pass)(black_box(&mut target), black_box(source), black_box([1, 2, 3, 4])));
        });
    }
}

fn header(c: &mut Criterion) {
    let mut group = c.benchmark_group("header");
    for size in [13, 1 << 10, 64 << 10] {
        let frame = frames::frame(&frames::payload(size), false, true);
        let head = &frame[..frame.len() - size];
        group.bench_function(BenchmarkId::new("clearsocket", head.len()), |b| {
            b.iter(|| FrameHeader::decode(black_box(head)));
        });
        group.bench_function(BenchmarkId::new("tungstenite", head.len()), |b| {
            b.iter(|| tungstenite::protocol::frame::FrameHeader::parse(&mut Cursor::new(black_box(head))));
        });
    }
}

const SIZES: [usize; 3] = [125, 1 << 10, 64 << 10];

fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(20)
}

criterion_group! { name = benches; config = quick(); targets = masking, utf8, header }
criterion_main!(benches);
