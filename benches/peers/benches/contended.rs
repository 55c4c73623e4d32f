//! Sixteen threads that send on one connection: ours, a lock around a plain write, a lock around tungstenite.
//!
//!     cargo bench --bench contended
//!
//! Per message of 20 B, until it has come out at the other end.

use clearsocket_peers::contended::{Session, WAYS};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn contended(c: &mut Criterion) {
    let mut group = c.benchmark_group("contended");
    group.sample_size(20);
    for way in &WAYS {
        let session = Session::start(way).expect("loopback is there");
        group.bench_function(BenchmarkId::from_parameter(way.name), |b| {
            b.iter_custom(|count| session.send_all(count).expect("all messages arrive"));
        });
    }
}

criterion_group!(benches, contended);
criterion_main!(benches);
