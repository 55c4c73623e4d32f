//! Redirects, for a client that follows them (RFC 6455 §4.1; RFC 9110 §15.4).
//!
//! ```text
//!   connect ─▶ 302 ─▶ connect elsewhere, without what was meant for the first ─▶ 307 ─▶ ... ─▶ 101, or the limit
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{Client, Error, HandshakeError, Redirects, Timeout};
use common::RawPeer;
use common::raw_peer::{accept_for, header};
use raw::*;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

/// A server that answers every request with what `answer` makes of its head, and keeps the heads. An empty answer is a
/// 101.
struct Site {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Site {
    fn new(answer: impl Fn(&str) -> String + Send + 'static) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("local_addr");
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut peer = RawPeer::new(stream.expect("accept"), clearsocket::Role::Server);
                let head = peer.read_head();
                let mut reply = answer(&head);
                if reply.is_empty() {
                    let accept = accept_for(header(&head, "Sec-WebSocket-Key").expect("a key"));
                    reply = format!(
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Accept: {accept}\r\n\r\n"
                    );
                }
                seen.lock().expect("no panic").push(head);
                let _ = peer.stream.write_all(reply.as_bytes());
                let _ = peer.stream.shutdown(Shutdown::Write);
            }
        });
        Site { address, heads }
    }

    fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

/// A server that opens a WebSocket for everybody.
fn welcome() -> Site {
    Site::new(|_| String::new())
}

/// A server that redirects everything to this place.
fn redirecting(status: u16, location: &str) -> Site {
    let reply = redirect(status, location);
    Site::new(move |_| reply.clone())
}

fn paths(site: &Site) -> Vec<String> {
    site.heads().iter().map(|head| head.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
}

#[test]
fn all_five_statuses_are_followed_and_the_chain_is_told() {
    for status in [301, 302, 303, 307, 308] {
        let end = welcome();
        let middle = redirecting(status, &end.url("/end?x=1").replace("ws:", "http:"));
        let start = redirecting(status, &middle.url("/middle"));
        // RFC 6455 §4.1/aj
        let (ws, response) = Client::new().redirects(2).connect(&start.url("/start")).expect("connect");
        ws.abort();
        let chain: Vec<_> = Redirects::of(&response).iter().map(ToString::to_string).collect();
        assert_eq!(chain, [middle.url("/middle"), end.url("/end?x=1")], "{status}");
        assert_eq!(paths(&end), ["/end?x=1"]);
        assert!(end.heads()[0].contains(&format!("\r\nHost: {}\r\n", end.address)), "{:?}", end.heads());
    }
}

#[test]
fn without_redirects_there_is_no_chain_and_other_statuses_are_refusals() {
    let end = welcome();
    let (ws, response) = Client::new().redirects(5).connect(&end.url("/")).expect("connect");
    ws.abort();
    assert_eq!(Redirects::of(&response), []);
    for reply in [
        redirect(300, &end.url("/")),
        redirect(304, &end.url("/")),
        redirect(401, &end.url("/")),
        "HTTP/1.1 302 Found\r\nContent-Length: 5\r\n\r\nwhere".into(),
    ] {
        let site = Site::new(move |_| reply.clone());
        let result = Client::new().redirects(5).connect(&site.url("/"));
        assert!(matches!(result, Err(Error::Handshake(HandshakeError::Refused(_)))), "{result:?}");
    }
    assert_eq!(end.heads().len(), 1);
}

#[test]
fn a_refusal_at_the_end_of_the_chain_tells_the_chain() {
    let end = Site::new(|_| "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".into());
    let start = redirecting(302, &end.url("/"));
    match Client::new().redirects(1).connect(&start.url("/")) {
        Err(Error::Handshake(HandshakeError::Refused(response))) => {
            assert_eq!((response.status().as_u16(), response.body().as_slice()), (403, &b"no"[..]));
            assert_eq!(Redirects::of(&response).len(), 1);
        }
        other => panic!("{other:?} is no refusal"),
    }
}

#[test]
fn a_location_may_be_relative_and_its_fragment_is_left_out() {
    for (location, path) in [
        ("/b", "/b"),
        ("b?x=1", "/a/b?x=1"),
        ("../b", "/b"),
        ("?x=2", "/a/start?x=2"),
        ("/b#fragment", "/b"),
        ("/b%23%0d%0a", "/b%23%0d%0a"),
    ] {
        let site = Site::new(move |head| match head.starts_with("GET /a/start HTTP") {
            true => redirect(302, location),
            false => String::new(),
        });
        let (ws, _) = Client::new().redirects(1).connect(&site.url("/a/start")).expect(location);
        ws.abort();
        assert_eq!(paths(&site), ["/a/start", path], "{location}");
    }
}

#[test]
fn a_location_that_leads_nowhere_is_an_error() {
    for location in [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:,x",
        "ws://",
        "http://a b/",
        "http://[::1/",
        "/a\tb\u{e9}",
        "\u{e9}",
    ] {
        let site = redirecting(302, location);
        let result = Client::new().redirects(9).connect(&site.url("/"));
        let is_invalid = matches!(&result, Err(Error::Handshake(HandshakeError::InvalidRedirect(_))));
        assert!(is_invalid, "{location:?}: {result:?}");
        assert_eq!(site.heads().len(), 1, "{location:?}");
    }
    let two = Site::new(|_| "HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n".into());
    let result = Client::new().redirects(9).connect(&two.url("/"));
    assert!(matches!(result, Err(Error::Handshake(HandshakeError::InvalidRedirect(_)))), "{result:?}");
}

#[test]
fn a_location_with_line_breaks_puts_nothing_into_the_next_request() {
    // A bare CR or LF is no HTTP; a CRLF ends the header, and what follows is another one.
    for (location, followed) in
        [("/b\rX-Evil: 1", false), ("/b\nX-Evil: 1", false), ("/b\r\nX-Evil: 1", true)]
    {
        let site = Site::new(move |head| match head.starts_with("GET /b ") {
            true => String::new(),
            false => redirect(302, location),
        });
        let result = Client::new().redirects(3).connect(&site.url("/"));
        assert_eq!(result.is_ok(), followed, "{location:?}: {result:?}");
        for head in site.heads() {
            assert_eq!(header(&head, "X-Evil"), None, "{head}");
        }
    }
}

#[test]
fn a_loop_ends_at_the_limit() {
    let site = redirecting(307, "/");
    let result = Client::new().redirects(4).connect(&site.url("/"));
    assert!(matches!(result, Err(Error::Handshake(HandshakeError::TooManyRedirects(4)))), "{result:?}");
    assert_eq!(site.heads().len(), 5);
}

#[test]
fn redirects_that_drip_do_not_move_the_deadline() {
    let site = Site::new(|_| {
        thread::sleep(SHORT / 4);
        redirect(307, "/")
    });
    let client =
        Client::new().redirects(usize::MAX).config(config(|config| config.handshake_timeout = SHORT));
    let result = client.connect(&site.url("/"));
    assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{result:?}");
}

#[test]
fn a_redirects_body_is_not_waited_for() {
    let end = welcome();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("ws://{}/", listener.local_addr().expect("local_addr"));
    let location = end.url("/");
    let connecting = thread::spawn(move || Client::new().redirects(1).connect(&url));
    let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    peer.read_head();
    peer.send_bytes(
        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 9\r\n\r\n").as_bytes(),
    );
    in_time(connecting).expect("connect").0.abort();
}

/// A client with every kind of secret, which are all `s3cret`, for this URL.
fn with_secrets(url: &str) -> (Client, String) {
    let client = Client::new()
        .redirects(3)
        .header("Cookie", "s3cret")
        .header("Proxy-Authorization", "s3cret")
        .header("X-Mine", "kept");
    (client, url.replace("ws://", "ws://u:s3cret@"))
}

const ENCODED: &str = "Basic dTpzM2NyZXQ="; // u:s3cret

#[test]
fn secrets_go_along_within_an_origin() {
    let site =
        Site::new(|head| if head.starts_with("GET /b ") { String::new() } else { redirect(302, "/b") });
    let (client, url) = with_secrets(&site.url("/"));
    client.connect(&url).expect("connect").0.abort();
    let heads = site.heads();
    assert_eq!(heads.len(), 2);
    for head in heads {
        assert_eq!(values(&head, "Authorization"), [ENCODED]);
        assert_eq!(values(&head, "Cookie"), ["s3cret"]);
    }
}

#[test]
fn secrets_do_not_leave_their_origin_and_do_not_come_back() {
    // There and back again: the second visit to the start comes by the word of somebody else.
    let start_address = Arc::new(Mutex::new(String::new()));
    let back = start_address.clone();
    let other = Site::new(move |_| redirect(302, &back.lock().expect("no panic")));
    let there = other.url("/");
    let start = Site::new(move |head| match head.starts_with("GET /back ") {
        true => String::new(),
        false => redirect(302, &there),
    });
    *start_address.lock().expect("no panic") = start.url("/back");
    let (client, url) = with_secrets(&start.url("/"));
    for (client, url) in [(client.clone(), url), (client.clone().basic_auth("u", "s3cret"), start.url("/"))] {
        let (ws, response) = client.connect(&url).expect("connect");
        ws.abort();
        let shown = format!("{response:?} {:?}", Redirects::of(&response));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    let first: Vec<_> = start.heads().into_iter().filter(|head| head.starts_with("GET / ")).collect();
    assert!(first.len() == 2 && first.iter().all(|head| head.contains(ENCODED)), "{first:?}");
    let later = start.heads().into_iter().filter(|head| head.starts_with("GET /back ")).chain(other.heads());
    for head in later {
        assert!(!head.contains("s3cret") && header(&head, "Authorization").is_none(), "{head}");
        assert_eq!(values(&head, "X-Mine"), ["kept"]);
    }
}

#[test]
fn another_port_or_name_is_another_origin() {
    let site = welcome();
    let port = site.address.port();
    let start = redirecting(302, &format!("http://localhost:{port}/"));
    let by_name = redirecting(302, &format!("ws://127.0.0.1:{port}/"));
    let (client, url) = with_secrets(&start.url("/"));
    client.connect(&url).expect("connect").0.abort();
    let (client, url) = with_secrets(&by_name.url("/").replace("127.0.0.1", "localhost"));
    client.connect(&url).expect("connect").0.abort();
    assert_eq!(site.heads().len(), 2);
    assert!(
        site.heads().iter().all(|head| !head.contains("s3cret") && !head.contains(ENCODED)),
        "{:?}",
        site.heads()
    );
}

#[test]
fn credentials_in_a_location_are_ignored() {
    let end = welcome();
    let start = redirecting(302, &end.url("/").replace("ws://", "http://who:knows@"));
    let (ws, response) = Client::new().redirects(1).connect(&start.url("/")).expect("connect");
    ws.abort();
    assert_eq!(header(&end.heads()[0], "Authorization"), None);
    assert_eq!(Redirects::of(&response)[0].credentials(), None);
}
