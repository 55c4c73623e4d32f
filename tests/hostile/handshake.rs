//! Attacks with heads (RFC 6455 §4.2.1, §10.4): C1, C2, C3.
//!
//! The attacker sends heads that are huge, that come byte by byte, that have thousands of fields, or lists that take long to
//! read. Servers have looked at the whole head again for each byte, crashed on one field too many, and needed time that
//! grows with the square of a list's length, or worse.
//!
//! We promise: each byte of a head is looked at once; beyond `max_head_size` and `max_headers` there is a 431.

use super::attacked::Attacked;
use super::common::RawPeer;
use super::common::raw_peer::request;
use super::each_driver;
use super::figures::{note, note_text};
use super::raw::*;
use clearsocket::handshake::HeadReader;
use std::io::Write;
use std::time::Duration;

/// Sends `head` a byte at a time, until the server has enough; gives what it answered.
fn byte_by_byte(server: &Attacked, head: &[u8]) -> String {
    let mut peer = RawPeer::tcp(server.address);
    for byte in head.chunks(1) {
        if peer.stream.write_all(byte).is_err() {
            break;
        }
    }
    String::from_utf8_lossy(&peer.read_to_end()).into_owned()
}

#[test]
fn c01_a_head_in_single_bytes_costs_linear_time() {
    const N: usize = 24 << 10;
    each_driver(|driver| {
        let (mut server, before) =
            Attacked::start_warm(driver, "max_head_size=2000000 handshake_timeout=60000");
        // It ends in something malformed: the answer says that all of it was read.
        let cpu_of = |len: usize| {
            let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\x01", "y".repeat(len));
            let before = server.measure().cpu;
            assert_eq!(status(&byte_by_byte(&server, head.as_bytes())), 400);
            server.measure().cpu - before
        };
        let (small, large) = (cpu_of(N), cpu_of(4 * N));
        let during = server.measure();
        // Four times as much; a look at everything again for each byte would be sixteen times.
        let allowed = 8 * small.max(Duration::from_millis(50));
        assert!(large <= allowed, "{driver:?}: {N} bytes took {small:?}, four times as many {large:?}");
        let after = server.recovers_to(&before);
        let (small, large) = (small.as_millis(), large.as_millis());
        let attack =
            format!("a head of {N} bytes one by one: {small} ms of CPU; of four times as many: {large} ms");
        note("C1", &attack, &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

/// What comes slowly is read in larger pieces, which hides what a byte costs; so once more without a network.
#[test]
fn c01_each_byte_of_a_head_is_looked_at_once() {
    let config = config(|config| config.max_head_size = usize::MAX);
    let cpu = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let cpu_of = |len: usize| {
        let mut reader = HeadReader::new(&config);
        let begun = cpu();
        for byte in b"GET / HTTP/1.1\r\nX-Long: ".iter().chain(std::iter::repeat_n(&b'y', len)) {
            assert!(matches!(reader.push(&[*byte]), Ok(None)));
        }
        cpu() - begun
    };
    let (small, large) = (cpu_of(50_000), cpu_of(400_000));
    // Eight times as much; a look at everything again for each byte would be 64 times.
    assert!(
        large <= 24 * small.max(Duration::from_millis(1)),
        "50,000 bytes took {small:?}, 400,000 {large:?}"
    );
    let text = format!("50,000: {} µs of CPU; 400,000: {} µs", small.as_micros(), large.as_micros());
    note_text("C1", "bytes of a head, one at a time, without a network", "both", &text);
}

#[test]
fn c01_a_head_without_end_is_refused_at_the_limit() {
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "");
        let mebibyte = "y".repeat(1 << 20);
        let long_header = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {mebibyte}");
        let long_line = format!("GET /{mebibyte}");
        let folded = format!("GET / HTTP/1.1\r\nHost: x\r\n{}", "X: y\r\n".repeat(200_000));
        for (head, expected) in [(&long_header, 431), (&long_line, 414), (&folded, 431)] {
            // RFC 6455 §10.4/a
            let answer = byte_by_byte(&server, head.as_bytes());
            assert!(answer.is_empty() || status(&answer) == expected, "{answer}");
            assert_eq!(status(&http(server.address, &head.as_bytes()[..40 << 10])), expected);
        }
        // A hundred at once, each as far as it gets.
        let crowd: Vec<_> = (0..100)
            .map(|_| {
                let mut peer = RawPeer::tcp(server.address);
                let _ = peer.stream.write_all(&long_header.as_bytes()[..16 << 10]);
                peer
            })
            .collect();
        let during = server.settled();
        assert!(during.rss <= before.rss + (16 << 10), "{before:?} {during:?}");
        drop(crowd);
        let after = server.recovers_to(&before);
        note("C1", "heads of a mebibyte; 100 unfinished ones of 16 KiB", &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

#[test]
fn c02_as_many_headers_as_the_limit_and_no_more() {
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "max_head_size=400000");
        let fields = 5; // Host, Upgrade, Connection, Sec-WebSocket-Key, Sec-WebSocket-Version
        for (count, expected) in [(99, 101), (100, 101), (101, 431), (1_000, 431), (10_000, 431)] {
            let more: String = (fields..count).map(|number| format!("X-{number}: y\r\n")).collect();
            let same: String = (fields..count).map(|_| "X: y\r\n").collect();
            for lines in [more, same] {
                let mut peer = RawPeer::tcp(server.address);
                let _ = peer.stream.write_all(request(server.address, "/", &lines).as_bytes());
                // RFC 6455 §10.4/a
                assert_eq!(status(&peer.read_head()), expected, "{count} header lines");
            }
        }
        let after = server.recovers_to(&before);
        note("C2", "99 to 10,000 header lines", &server, [&before, &after, &after]);
        server.assert_unharmed();
    });
}

/// A header, what its value is made of, and each piece of that.
type Shape = (&'static str, &'static str, fn(usize) -> String);

#[test]
fn c03_long_lists_cost_linear_time() {
    const SMALL: usize = 4 << 10;
    const LARGE: usize = 128 << 10;
    const TOTAL: usize = 3 << 20;
    let shapes: [Shape; 8] = [
        ("Sec-WebSocket-Protocol", "tokens", |i| format!("p{i},")),
        ("Sec-WebSocket-Protocol", "the same token", |_| "same,".into()),
        ("Sec-WebSocket-Protocol", "commas and blanks", |_| ", \t".into()),
        ("Sec-WebSocket-Extensions", "an unclosed quote", |i| {
            if i == 0 { "a;b=\"".into() } else { "\\\\".into() }
        }),
        ("Sec-WebSocket-Extensions", "parameters", |i| format!("a;b{i}=\"c\",")),
        ("Sec-WebSocket-Extensions", "semicolons", |_| "a;".into()),
        ("Sec-WebSocket-Extensions", "names of other languages' insides", |_| {
            "__proto__;constructor,".into()
        }),
        ("Connection", "tokens", |i| format!("t{i},")),
    ];
    each_driver(|driver| {
        let orders = "max_head_size=2000000 deflate=1";
        let (mut server, before) = Attacked::start_warm(driver, orders);
        let mut slowest = (Duration::ZERO, "");
        for (field, what, piece) in shapes {
            let cpu_of = |len: usize| {
                let value: String = (0..)
                    .map(piece)
                    .scan(0, |sum, text: String| {
                        *sum += text.len();
                        (*sum <= len).then_some(text)
                    })
                    .collect();
                let head = request(server.address, "/", &format!("{field}: {value}\r\n"));
                let before = server.measure().cpu;
                for _ in 0..TOTAL / len {
                    let mut peer = RawPeer::tcp(server.address);
                    let _ = peer.stream.write_all(head.as_bytes());
                    peer.read_head();
                }
                server.measure().cpu - before
            };
            let (small, large) = (cpu_of(SMALL), cpu_of(LARGE));
            // The same number of bytes, in values 32 times as long.
            let allowed = 3 * small + Duration::from_millis(500);
            assert!(
                large <= allowed,
                "{driver:?}: {field}, {what}: {small:?} in short values, {large:?} in long ones"
            );
            slowest = slowest.max((large, what));
        }
        let after = server.recovers_to(&before);
        let per_value = slowest.0 / (TOTAL / LARGE) as u32;
        let attack = format!(
            "lists of 128 KiB; the slowest, {}, {:.1} ms each",
            slowest.1,
            per_value.as_secs_f64() * 1000.0
        );
        note("C3", &attack, &server, [&before, &after, &after]);
        server.assert_unharmed();
    });
}
