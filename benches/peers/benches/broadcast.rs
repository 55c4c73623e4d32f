//! One message to a hundred members: our drivers, raw writes of the same bytes, and other libraries.
//!
//!     cargo bench --bench broadcast
//!
//! Per message, until everybody has it. With a window of 1 one is on its way, with 32 a server may batch.

use clearsocket_peers::load::Room;
use clearsocket_peers::local::broadcast_servers;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Instant;

fn broadcast(c: &mut Criterion) {
    let servers = broadcast_servers().expect("loopback is there");
    for window in [1, 32] {
        let mut group = c.benchmark_group(format!("broadcast, window {window}"));
        group.throughput(Throughput::Elements(MEMBERS as u64));
        group.sample_size(20);
        for server in &servers {
            let mut room = Room::open(&server.target, MEMBERS, 64, window).expect("the server answers");
            group.bench_function(BenchmarkId::from_parameter(server.name), |b| {
                b.iter_custom(|count| {
                    let started = Instant::now();
                    room.publish(count).expect("all messages arrive");
                    started.elapsed()
                });
            });
        }
    }
}

const MEMBERS: usize = 100;

criterion_group!(benches, broadcast);
criterion_main!(benches);
