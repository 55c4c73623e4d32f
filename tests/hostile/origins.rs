//! Attacks by a web page on its visitor's servers (RFC 6455 §10.2, RFC 6454): C18.
//!
//! A browser lets any page open a WebSocket to any server, with that server's cookies, and says in `Origin` which page it
//! was. Development servers and administration pages on localhost believed everybody, or took `null`, an address in another
//! form, or a name that begins like theirs for their own; one crashed on a header that is no origin.
//!
//! We promise: by default the page's own origin comes in and no other, and none at all (a program, not a browser). What is
//! no origin, or is two, is foreign.

use super::attacked::{Attacked, name};
use super::common::raw_peer::request;
use super::each_driver;
use super::figures::note_text;
use super::raw::*;

/// What a request with this Host and these Origin lines is answered with.
fn knock(server: &Attacked, host: &str, origins: &[&str]) -> u16 {
    let lines: String = origins.iter().map(|origin| format!("Origin: {origin}\r\n")).collect();
    let request = request(server.address, "/", &lines);
    let head = request.replace(&format!("Host: {}\r\n", server.address), &format!("Host: {host}\r\n"));
    let mut peer = super::common::RawPeer::tcp(server.address);
    peer.send_bytes(head.as_bytes());
    status(&peer.read_head())
}

#[test]
fn c18_a_foreign_page_does_not_come_in() {
    each_driver(|driver| {
        let mut server = Attacked::start(driver, "");
        let own = [
            ("example.com", "http://example.com"),
            ("example.com", "http://EXAMPLE.com"),
            ("Example.COM", "http://example.com"),
            ("example.com", "http://example.com:80"),
            ("example.com:80", "http://example.com"),
            ("example.com", "https://example.com"),
            ("example.com", "https://example.com:443"),
            ("example.com:443", "https://example.com"),
            ("example.com:8080", "http://example.com:8080"),
            ("127.0.0.1:9001", "http://127.0.0.1:9001"),
            ("[::1]:9001", "http://[::1]:9001"),
            ("localhost:3000", "http://localhost:3000"),
        ];
        for (host, origin) in own {
            // RFC 6455 §4.2.2/e §10.2/a
            assert_eq!(knock(&server, host, &[origin]), 101, "{origin} at {host}");
        }
        // RFC 6455 §4.2.1/i §10.1/a
        assert_eq!(knock(&server, "example.com", &[]), 101);

        let mut refused = 0;
        let mut refuse = |host: &str, origins: &[&str]| {
            // RFC 6455 §4.2.2/f §10.2/b
            let status = knock(&server, host, origins);
            assert!(status == 403 || status == 400, "{origins:?} at {host}: {status}");
            refused += 1;
        };
        for origin in foreign("localhost", 3000) {
            refuse("localhost:3000", &[&origin]);
        }
        for origin in foreign("127.0.0.1", 9001) {
            refuse("127.0.0.1:9001", &[&origin]);
        }
        for origin in foreign("example.com", 80) {
            refuse("example.com", &[&origin]);
        }
        // Other forms of an address are other origins.
        for origin in [
            "http://2130706433:9001",
            "http://0x7f000001:9001",
            "http://0x7f.0.0.1:9001",
            "http://0177.0.0.1:9001",
            "http://127.1:9001",
            "http://127.0.0.1.:9001",
            "http://[::ffff:127.0.0.1]:9001",
            "http://[::1]:9001",
            "http://localhost:9001",
            "http://0.0.0.0:9001",
            "http://127.0.0.2:9001",
        ] {
            refuse("127.0.0.1:9001", &[origin]);
        }
        // Two of them, one of which is right; in two lines and in one.
        let (own, evil) = ("http://example.com", "http://evil.example");
        for origins in [[own, evil], [evil, own], [own, own]] {
            refuse("example.com", &origins);
        }
        for both in [format!("{own} {evil}"), format!("{own}, {evil}"), format!("{evil},{own}")] {
            refuse("example.com", &[&both]);
        }
        note_text(
            "C18",
            "foreign, null and malformed origins",
            name(driver),
            &format!("{refused} of {refused} refused"),
        );
        server.assert_unharmed();
    });
}

/// What pages of others, and of nobody, say to a server at `host`.
fn foreign(host: &str, port: u16) -> Vec<String> {
    let fixed = [
        "null",
        "NULL",
        "file://",
        "about:blank",
        "http://evil.example",
        "chrome-extension://abcdefgh",
        "moz-extension://12345678-1234-1234-1234-123456789012",
        "",
        "http://",
        "://",
        "http:",
        "//",
        "*",
        "http://*",
        "http://[",
        "http://[::1",
        "http://]",
        "http://a b",
        "http://%",
        "javascript:alert(1)",
        "\u{e4}",
    ];
    let (other, long) = (port.wrapping_add(1), "x".repeat(4000));
    let shaped = [
        format!("http://{host}:{other}"),
        format!("http://{host}:{port}0"),
        format!("http://{host}:0{port}x"),
        format!("http://{host}:-{port}"),
        format!("http://{host}:99999"),
        format!("http://{host}:{port}/"),
        format!("http://{host}:{port}/path"),
        format!("http://{host}:{port}?query"),
        format!("http://{host}:{port}#fragment"),
        format!("http://{host}.evil.example:{port}"),
        format!("http://evil{host}:{port}"),
        format!("http://evil.example/{host}:{port}"),
        format!("http://evil.example#{host}:{port}"),
        format!("http://evil.example?{host}:{port}"),
        format!("http://{host}@evil.example:{port}"),
        format!("http://user@{host}:{port}"),
        format!("http://{host}\\evil.example:{port}"),
        format!("http://{host}.:{port}"),
        format!("http://.{host}:{port}"),
        format!("ftp://{host}:{port}"),
        format!("ws://{host}:{port}"),
        format!("wss://{host}:{port}"),
        format!("file://{host}:{port}"),
        format!("1http://{host}:{port}"),
        format!("http:/{host}:{port}"),
        format!("http//{host}:{port}"),
        format!("{host}:{port}"),
        format!("//{host}:{port}"),
        format!("http://{host}:{port}{long}"),
        format!("http://{long}.{host}:{port}"),
        format!("http://{host}%00:{port}"),
        format!("http://{host}%2eevil.example:{port}"),
    ];
    fixed.into_iter().map(str::to_owned).chain(shaped).collect()
}
