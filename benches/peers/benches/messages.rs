//! Whole messages through each library's codec, in memory: a server writes plain frames and reads masked ones.
//!
//!     cargo bench --bench messages
//!
//! Figures are per message, in batches, as a busy connection has them. (`benches/compare` has the client's side too.)

use clearsocket_peers::codecs::{CODECS, Codec, Job};
use clearsocket_peers::streams::MemoryStream;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;

/// How to put a number of messages through a codec.
type Run = fn(&Codec, &mut MemoryStream, &Job) -> Duration;

fn encode(c: &mut Criterion) {
    all(c, "encode", |codec, stream, job| {
        stream.rewind();
        (codec.write)(stream, job).expect("memory takes everything")
    });
}

fn decode(c: &mut Criterion) {
    all(c, "decode", |codec, stream, job| {
        stream.rewind();
        (codec.read)(stream, job).expect("the messages are there")
    });
}

fn all(c: &mut Criterion, name: &str, run: Run) {
    for text in [true, false] {
        let kind = if text { "text" } else { "binary" };
        let mut group = c.benchmark_group(format!("{name}, {kind}"));
        for size in SIZES {
            group.throughput(Throughput::Bytes(size as u64));
            let mut stream = MemoryStream::default();
            let job = Job::new(false, text, size);
            // To be read: as many masked messages as a batch has.
            (CODECS[0].write)(&mut stream, &Job { client: true, ..job.clone() }).expect("memory");
            stream.turn_around();
            for codec in &CODECS {
                group.bench_function(BenchmarkId::new(codec.name, size), |b| {
                    b.iter_custom(|count| in_batches(codec, &mut stream, &job, count, run));
                });
            }
        }
    }
}

fn in_batches(codec: &Codec, stream: &mut MemoryStream, job: &Job, count: u64, run: Run) -> Duration {
    let (mut left, mut time) = (count, Duration::ZERO);
    while left > 0 {
        let batch = left.min(job.count as u64);
        time += run(codec, stream, &Job { count: batch as usize, ..job.clone() });
        left -= batch;
    }
    time
}

fn quick() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(20)
}

const SIZES: [usize; 6] = [13, 125, 1 << 10, 16 << 10, 64 << 10, 1 << 20];

criterion_group! { name = benches; config = quick(); targets = encode, decode }
criterion_main!(benches);
