//! The server's side of an opening handshake, in memory: a request is read and judged, and the 101 is made.
//!
//!     cargo bench --bench handshake

use clearsocket::handshake::judge;
use clearsocket::{Config, Request, ServerOptions};
use clearsocket_peers::Result;
use clearsocket_peers::frames::{self, HANDSHAKE};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use std::hint::black_box;
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{self, create_response, write_response};

/// A library's way from request to response.
type Answer = fn(&[u8]) -> Result<Vec<u8>>;

fn handshake(c: &mut Criterion) {
    let mut group = c.benchmark_group("handshake");
    for (kind, request) in [("least", HANDSHAKE), ("browser", BROWSER)] {
        for (name, answer) in LIBRARIES {
            let response = answer(request).expect("the request is valid");
            assert!(frames::is_accepted(&response), "{name}: {}", String::from_utf8_lossy(&response));
            group.bench_function(BenchmarkId::new(name, kind), |b| b.iter(|| answer(black_box(request))));
        }
    }
}

const LIBRARIES: [(&str, Answer); 3] =
    [("clearsocket", clearsocket), ("tungstenite", tungstenite), ("sockudo-ws", sockudo)];

fn clearsocket(request: &[u8]) -> Result<Vec<u8>> {
    let mut request = Request::parse(request, &Config::default())?;
    Ok(judge(&mut request, &ServerOptions::default())?.response(&Default::default())?)
}

fn tungstenite(request: &[u8]) -> Result<Vec<u8>> {
    let (_, request) = server::Request::try_parse(request)?.ok_or("the head is not complete")?;
    let mut response = Vec::new();
    write_response(&mut response, &create_response(&request)?)?;
    Ok(response)
}

fn sockudo(request: &[u8]) -> Result<Vec<u8>> {
    let (request, _) = parse_request(request)?.ok_or("the head is not complete")?;
    Ok(build_response(&generate_accept_key(request.key), None, None).to_vec())
}

const BROWSER: &[u8] = b"GET /chat?room=lobby HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n\
    Pragma: no-cache\r\nCache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0\r\n\
    Upgrade: websocket\r\nOrigin: http://127.0.0.1\r\nSec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

criterion_group!(benches, handshake);
criterion_main!(benches);
