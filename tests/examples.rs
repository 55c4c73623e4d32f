//! The examples as programs: what they print, what they exit with, and what they say when something is wrong.

#![cfg(all(unix, feature = "deflate"))]

mod common;
#[path = "common/example.rs"]
mod example;
#[path = "common/tls.rs"]
mod tls_peer;

use common::RawPeer;
use common::frame::{CLOSE, Frame};
use common::raw_peer::request;
use example::{run, text};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use tls_peer::{Identity, SERVER, TlsPeer};

/// A program that is ended, by its pid, when the test is over.
struct Running {
    process: Child,
    /// Until nobody reads it any more.
    stdout: Option<BufReader<std::process::ChildStdout>>,
}

impl Running {
    fn start(name: &str, args: &[&str]) -> Running {
        let mut command = Command::new(example::example(name));
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("it starts");
        let stdout = process.stdout.take().map(BufReader::new);
        Running { process, stdout }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().expect("a pipe").read_line(&mut line).expect("a line");
        line
    }

    /// The address in its first line, behind `scheme`.
    fn address(&mut self, scheme: &str) -> SocketAddr {
        let line = self.line();
        let rest = line.split_once(scheme).unwrap_or_else(|| panic!("no address in {line:?}")).1;
        rest.split('/').next().unwrap_or_default().parse().expect("an address")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One line on standard error that contains `what`, nothing on standard output, and exit code 1.
#[track_caller]
fn assert_fails_with(output: &Output, what: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(what), "{stderr}");
    assert_eq!(text(&output.stdout), "");
}

// ---- echo and connect ----

#[test]
fn connect_talks_to_echo_and_ends_with_0() {
    for driver in [&[][..], &["--event-loop"]] {
        let mut echo = Running::start("echo", &[&["127.0.0.1:0"], driver].concat());
        let url = format!("ws://{}/", echo.address("ws://"));
        for options in [&[][..], &["--no-deflate"]] {
            let output = run("connect", &[options, &[&url]].concat(), "hello\n\nüber\n");
            assert_eq!(text(&output.stdout), "hello\n\nüber\n");
            assert_eq!(text(&output.stderr), "");
            assert_eq!(output.status.code(), Some(0));
        }
    }
}

#[test]
fn connect_sends_its_options() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/path?query", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        let (mut peer, request) = RawPeer::accept_with(stream, "Sec-WebSocket-Protocol: b\r\n");
        // It waits for our Close after its own.
        while peer.read().expect("a frame").opcode != CLOSE {}
        peer.send(Frame::close(1000, ""));
        request
    });
    let options =
        ["--header", "X-One: 1", "--subprotocol", "a", "--subprotocol", "b", "--origin", "http://here"];
    let output = run("connect", &[&options[..], &[&url]].concat(), "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let request = server.join().unwrap();
    assert!(request.starts_with("GET /path?query HTTP/1.1\r\n"), "{request}");
    for line in ["X-One: 1", "Sec-WebSocket-Protocol: a, b", "Origin: http://here"] {
        assert!(request.lines().any(|candidate| candidate.eq_ignore_ascii_case(line)), "{line} in {request}");
    }
}

#[test]
fn connect_says_in_one_line_what_went_wrong() {
    // Nobody there.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_fails_with(&run("connect", &[&format!("ws://{free}/")], ""), "refused");
    assert_fails_with(&run("connect", &["http://127.0.0.1/"], ""), "scheme");

    let answers: [(&[u8], &str); 3] = [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\ngo away!", "403 Forbidden: go away!"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 OK"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not valid HTTP"),
    ];
    for (answer, what) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            read_request(&mut stream);
            stream.write_all(answer).unwrap();
        });
        assert_fails_with(&run("connect", &[&url], ""), what);
        server.join().unwrap();
    }
}

#[test]
fn connect_tells_a_broken_protocol_from_a_lost_connection() {
    for (last_words, what) in [(Some(Frame::text([0xff])), "UTF-8"), (None, "1006")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let mut peer = RawPeer::accept(listener.accept().unwrap().0);
            if let Some(frame) = last_words {
                peer.send(frame);
                while peer.read().is_some_and(|frame| frame.opcode != CLOSE) {}
            }
        });
        assert_fails_with(&run("connect", &[&url], "hello\n"), what);
        server.join().unwrap();
    }
}

#[test]
fn wrong_arguments_are_explained() {
    for (name, args) in [
        ("connect", &[][..]),
        ("connect", &["--bogus", "ws://127.0.0.1/"]),
        ("connect", &["ws://127.0.0.1/", "ws://127.0.0.1/"]),
        ("connect", &["--header"]),
        ("chat", &["--bogus"]),
        ("chat", &["--listen"]),
        ("chat", &["--tls-cert", "cert.pem"]),
        ("chat", &["--tls-key", "key.pem"]),
        ("chat", &["--tls-cert", "cert.pem", "--tls-key", "key.pem", "--event-loop"]),
        ("echo", &["--tls-cert", "cert.pem"]),
        ("echo", &["--bogus"]),
        ("bench_server", &[]),
    ] {
        let output = run(name, args, "");
        assert_eq!(output.status.code(), Some(2), "{name} {args:?}");
        assert!(!output.stderr.is_empty(), "{name} {args:?}");
    }
    for name in ["connect", "chat"] {
        let output = run(name, &["--help"], "");
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("Usage:"));
    }
}

// ---- chat ----

#[test]
fn the_chat_says_that_its_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run("chat", &["--listen", &address], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(&address) && text(&output.stderr).contains("another"));
}

#[test]
fn the_chat_answers_bad_messages_and_closes_with_1001_on_ctrl_c() {
    chat_and_interrupt(&[]);
    chat_and_interrupt(&["--event-loop"]);
}

fn chat_and_interrupt(options: &[&str]) {
    let mut chat = Running::start("chat", &[&["--listen", "127.0.0.1:0"], options].concat());
    let address = chat.address("http://");
    let (mut ada, _) = RawPeer::connect_with(address, "/chat", "");
    let (mut bob, _) = RawPeer::connect_with(address, "/chat", "");
    bob.send(Frame::text(r#"{"type":"join","name":"Bob","room":"r"}"#));
    assert!(said(&mut bob).contains("welcome"));

    let too_long = format!(r#"{{"type":"say","text":"{}"}}"#, "x".repeat(2001));
    for (bad, answer) in [
        (Frame::text("not JSON"), "not JSON"),
        (Frame::text(r#"{"type":"say","text":"too early"}"#), "join a room first"),
        (Frame::text(r#"{"type":"dance"}"#), "no command"),
        (Frame::text(r#"{"type":"join","name":"","room":"r"}"#), "name is empty"),
        (Frame::text(&too_long), "2000 is the most"),
        (Frame::binary([1, 2, 3]), "binary"),
    ] {
        ada.send(bad);
        let reply = said(&mut ada);
        assert!(reply.contains(r#""type":"error""#) && reply.contains(answer), "{reply}");
    }
    // What is beyond any chat ends the connection, and Bob has noticed nothing of it all.
    ada.send(Frame::text("x".repeat(70_000)));
    assert_eq!(close_code(&mut ada), 1009);
    bob.send(Frame::text(r#"{"type":"say","text":"<b>hi</b>"}"#));
    assert!(said(&mut bob).contains("<b>hi</b>"));

    let pid = chat.process.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(close_code(&mut bob), 1001);
    bob.send(Frame::close(1001, ""));
    assert_eq!(chat.process.wait().unwrap().code(), Some(0));
    let mut log = String::new();
    chat.stdout.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains(" open") && log.contains("close 1001"), "{log}");
}

#[test]
fn the_chat_goes_on_when_nobody_reads_its_output() {
    let mut chat = Running::start("chat", &["--listen", "127.0.0.1:0"]);
    let address = chat.address("http://");
    chat.stdout = None;
    for _ in 0..2 {
        let (mut ada, _) = RawPeer::connect_with(address, "/chat", "");
        ada.send(Frame::text(r#"{"type":"join","name":"Ada","room":"r"}"#));
        assert!(said(&mut ada).contains("welcome"));
        ada.send(Frame::close(1000, ""));
        while ada.read().is_some_and(|frame| frame.opcode != CLOSE) {}
    }
}

fn said(peer: &mut RawPeer) -> String {
    String::from_utf8(peer.read().expect("a frame").payload).expect("text")
}

fn close_code(peer: &mut RawPeer) -> u16 {
    let frame = peer.read().expect("a frame");
    assert_eq!(frame.opcode, CLOSE, "{frame:?}");
    u16::from_be_bytes([frame.payload[0], frame.payload[1]])
}

fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a request");
        request.push(byte[0]);
    }
}

#[test]
fn the_chat_speaks_tls_when_it_has_a_certificate() {
    let [certificate, key] = SERVER.files("examples");
    let mut chat =
        Running::start("chat", &["--listen", "127.0.0.1:0", "--tls-cert", &certificate, "--tls-key", &key]);
    let address = chat.address("https://");
    let mut page = TlsPeer::encrypted(address);
    page.write(format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes());
    assert!(page.read_head().starts_with("HTTP/1.1 200 "));
    let mut ada = TlsPeer::encrypted(address);
    let origin = format!("Origin: https://{address}\r\n");
    ada.write(request(address, "/chat", &origin).as_bytes());
    assert!(ada.read_head().starts_with("HTTP/1.1 101 "));
    ada.send(Frame::text(r#"{"type":"join","name":"Ada","room":"r"}"#));
    assert!(text(&ada.read().payload).contains("welcome"));
}

#[test]
fn the_chat_explains_bad_certificates() {
    let [certificate, key] = SERVER.files("bad");
    let [other, _] = Identity::self_signed(&["localhost"], |_| {}).files("other");
    let missing = format!("{certificate}.missing");
    for (certificate, key, what) in [
        (&missing, &key, missing.as_str()),
        (&certificate, &missing, missing.as_str()),
        (&key, &key, "certificate"),
        (&certificate, &certificate, "private key"),
        (&other, &key, "this certificate with this private key"),
    ] {
        let options = ["--listen", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key];
        assert_fails_with(&run("chat", &options, ""), what);
    }
}

// ---- ticker and sans_io ----

#[test]
fn the_ticker_ticks() {
    let mut ticker = Running::start("ticker", &["127.0.0.1:0"]);
    let mut peer = RawPeer::connect(ticker.address("ws://"));
    for _ in 0..2 {
        assert!(said(&mut peer).contains("1 listening"));
    }
}

#[test]
fn sans_io_prints_every_frame() {
    let output = run("sans_io", &[], "");
    let printed = text(&output.stdout);
    for part in ["FIN Text", "FIN Ping", "FIN Pong", "Continuation", "FIN Close", "was_clean: true"] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    assert_eq!(output.status.code(), Some(0));
}
