//! How an encrypted connection begins (RFC 6455 §4.1, §4.2.2, §10.6): who is spoken to, and what happens when it is
//! somebody else, or nobody who speaks TLS, or somebody who takes forever.
//!
//! ```text
//!   wss:// ─▶ TCP ─▶ TLS: the certificate is the server's, and from somebody who is trusted ─▶ HTTP inside
//!                     └─▶ anything else ─▶ an error that says what, and not a byte of HTTP
//! ```
//!
//! What goes through it is in `tls_connection.rs`.

mod common;
#[path = "common/example.rs"]
mod example;
#[path = "common/raw.rs"]
mod raw;
#[path = "common/tls.rs"]
mod tls_peer;

use clearsocket::handshake::Response;
use clearsocket::tls::{TlsStream, server_config, server_config_from_files};
use clearsocket::{
    Client, Error, HandshakeError, Server, ServerError, Timeout, TlsError, WebSocket, accept, connect,
};
use common::raw_peer::{DEADLINE, request};
use common::{Frame, RawPeer};
use raw::*;
use rcgen::{BasicConstraints, IsCa, date_time_ymd};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tls_peer::*;

type Connected = Result<(WebSocket, Response), Error>;

/// An encrypted server, and what it tells `on_error`, as text.
fn tls_server(server: Server) -> (Server, mpsc::Receiver<String>) {
    let (tell, told) = mpsc::channel();
    let on_error = move |error: &ServerError<'_>| drop(tell.send(format!("{error:?}")));
    (server.tls(SERVER.config()).on_error(on_error), told)
}

/// Connects `client` in another thread, over a TCP connection whose other end is returned.
fn connecting(client: Client, url: &str) -> (JoinHandle<Connected>, TcpStream) {
    let (near, far, _) = tcp_pair();
    let url = url.to_owned();
    (thread::spawn(move || client.handshake(&url, near)), far)
}

// ---- Who is spoken to ----

#[test]
fn a_wss_url_is_a_conversation_inside_of_tls() {
    // RFC 6455 §10.6/a §10.6/b
    let server = TestServer::echo(tls_server(server()).0);
    let (mut ws, response) = client().connect(&format!("wss://{}/", server.address)).expect("connect");
    assert_eq!(response.status(), 101);
    ws.send("hello").expect("send");
    assert_eq!(ws.read().expect("read"), Some("hello".into()));
    ws.close(1000, "").expect("close");
    assert_eq!(ws.read().expect("a clean end"), None);
    assert!(ws.close_event().was_clean);
}

#[test]
fn nothing_goes_in_the_clear() {
    let (connecting, mut wire) = connecting(client(), "wss://chat.example/secret-path");
    let mut first = [0; 2048];
    let n = wire.read(&mut first).expect("a ClientHello");
    // RFC 6455 §4.1/l §4.1/n: a handshake record, and no HTTP before the server has answered it.
    assert_eq!(first[0], 22);
    drop(wire);
    assert!(!first[..n].windows(6).any(|window| window == b"secret"), "the path is no business of TLS");
    let error = in_time(connecting).expect_err("an error");
    assert!(matches!(error, Error::Handshake(HandshakeError::ConnectionClosed) | Error::Io(_)), "{error:?}");
}

#[test]
fn the_server_is_told_its_name_and_that_http_1_1_follows() {
    for (url, name) in [("wss://chat.example/", Some("chat.example")), ("wss://127.0.0.1/", None)] {
        let (connecting, far) = connecting(client(), url);
        let peer = TlsPeer::accept(far);
        assert_eq!(peer.tls.alpn_protocol(), Some(&b"http/1.1"[..]));
        // RFC 6455 §4.1/o. RFC 6066 §3 has no addresses there.
        let clearsocket::rustls::Connection::Server(tls) = &peer.tls else { panic!("a server") };
        assert_eq!(tls.server_name(), name);
        let (ws, _) = in_time(connecting).expect("handshake");
        ws.abort();
    }
}

#[test]
fn a_certificate_is_never_taken_without_a_check() {
    let stranger = Authority::new("somebody else's authority");
    let here: &[&str] = &["chat.example", "127.0.0.1"];
    let past = |year| date_time_ymd(year, 1, 1);
    let wrong: [(Identity, IsRight, &str); 6] = [
        (TRUSTED.issue(&["other.example"], |_| {}), is_wrong_name, "for other.example, not for chat.example"),
        (TRUSTED.issue(here, |it| it.not_after = past(2001)), |it| *it == TlsError::Expired, "expired"),
        (
            TRUSTED.issue(here, |it| it.not_before = past(3000)),
            |it| *it == TlsError::NotYetValid,
            "not valid yet",
        ),
        (Identity::self_signed(here, |_| {}), |it| *it == TlsError::UnknownIssuer, "self-signed"),
        (stranger.issue(here, |_| {}), |it| *it == TlsError::UnknownIssuer, "not trusted"),
        (
            Identity::self_signed(here, |it| it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            |it| *it == TlsError::UnknownIssuer,
            "self-signed",
        ),
    ];
    for (identity, is_right, words) in &wrong {
        for client in [client(), Client::new()] {
            let trusts_the_system = format!("{client:?}").contains("ClientTls(None)");
            let (connecting, far) = connecting(client, "wss://chat.example/");
            let mut peer = TlsPeer::server(far, identity);
            let refused = peer.shake_hands().expect_err("the client refuses");
            // RFC 6455 §4.1/m
            let error = in_time(connecting).expect_err("an error");
            let Error::Tls(fault) = &error else { panic!("{error:?}") };
            if !trusts_the_system {
                assert!(is_right(fault), "{fault:?}");
                assert!(error.to_string().contains(words), "{error}");
            }
            assert!(refused.to_string().contains("alert"), "the server hears why: {refused}");
            let mut rest = Vec::new();
            let _ = peer.tls.reader().read_to_end(&mut rest);
            assert_eq!(rest, b"", "not a byte of HTTP has been sent");
        }
    }
}

type IsRight = fn(&TlsError) -> bool;

fn is_wrong_name(fault: &TlsError) -> bool {
    matches!(fault, TlsError::WrongName { expected, presented } if expected == "chat.example" && presented == "other.example")
}

#[test]
fn an_address_must_stand_in_the_certificate_too() {
    let named = TRUSTED.issue(&["localhost"], |_| {});
    let server = TestServer::echo(server().tls(named.config()));
    let error = client().connect(&format!("wss://{}/", server.address)).expect_err("an error");
    assert!(
        matches!(&error, Error::Tls(TlsError::WrongName { expected, .. }) if expected == "127.0.0.1"),
        "{error:?}"
    );
}

#[test]
fn whom_the_system_trusts_a_client_without_a_configuration_trusts() {
    let server = TestServer::echo(server().tls(SERVER.config()));
    let roots = std::env::temp_dir().join(format!("clearsocket-roots-{}.pem", std::process::id()));
    std::fs::write(&roots, TRUSTED.pem()).expect("write");
    let run = |roots: &std::path::Path| {
        let mut connect = Command::new(example::example("connect"));
        // Where the system's authorities are, in the words of the verifier on Linux.
        connect.env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
        connect.arg(format!("wss://{}/", server.address));
        connect.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = connect.spawn().expect("it starts");
        let _ = process.stdin.take().expect("a pipe").write_all(b"hello\n");
        process.wait_with_output().expect("it ends")
    };
    if cfg!(target_os = "linux") {
        let output = run(&roots);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{output:?}");
        std::fs::write(&roots, Authority::new("another").pem()).expect("write");
        let output = run(&roots);
        assert!(String::from_utf8_lossy(&output.stderr).contains("not trusted"), "{output:?}");
    }
    let _ = std::fs::remove_file(&roots);
}

#[test]
fn what_was_dialled_is_encrypted_once() {
    let server = TestServer::echo(server().tls(SERVER.config()));
    let (client, url) = (client(), format!("wss://{}/", server.address));
    let transport = client.dial(&url).expect("dial");
    assert!(transport.is_secure());
    let (mut ws, _) = client.handshake(&url, transport).expect("handshake");
    ws.send("hello").expect("send");
    assert_eq!(ws.read().expect("read"), Some("hello".into()));
}

#[cfg(unix)]
#[test]
fn any_transport_can_be_encrypted() {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair");
    let serving = thread::spawn(move || {
        let (ws, request) = accept(TlsStream::accept(far, &SERVER.config(), DEADLINE)?)?;
        assert!(request.is_secure() && request.peer_addr().is_none());
        echo(ws)
    });
    let (mut ws, _) = client().handshake("wss://localhost/", near).expect("handshake");
    ws.send("hello").expect("send");
    assert_eq!(ws.read().expect("read"), Some("hello".into()));
    ws.close(1000, "").expect("close");
    assert_eq!(ws.read().expect("a clean end"), None);
    in_time(serving).expect("a clean end");
}

// ---- Nobody who speaks TLS ----

#[test]
fn a_server_in_the_clear_is_told_from_a_wrong_certificate() {
    let plain = TestServer::echo(server());
    let error = client().connect(&format!("wss://{}/", plain.address)).expect_err("an error");
    assert!(matches!(error, Error::Tls(TlsError::NotTls)), "{error:?}");
    assert!(error.to_string().contains("does not speak TLS"), "{error}");

    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH\r\n"] {
        let (connecting, mut far) = connecting(client(), "wss://chat.example/");
        far.write_all(answer.as_bytes()).expect("write");
        let error = in_time(connecting).expect_err("an error");
        assert!(matches!(error, Error::Tls(TlsError::NotTls)), "{error:?}");
    }
}

#[test]
fn http_in_the_clear_is_answered_in_the_clear() {
    let (server, told) = tls_server(server());
    let server = TestServer::echo(server);
    let response = http(server.address, request(server.address, "/", ""));
    assert_eq!(status(&response), 400);
    assert!(
        response.ends_with("this port speaks TLS: https:// or wss://, not http:// or ws://"),
        "{response}"
    );
    assert!(next(&told).contains("NotTls"));
    let error = connect(&format!("ws://{}/", server.address)).expect_err("an error");
    assert!(matches!(error, Error::Handshake(HandshakeError::Refused(_))), "{error:?}");
    assert!(next(&told).contains("NotTls"));
}

#[test]
fn what_looks_like_tls_and_is_none_is_answered_with_an_alert() {
    let (server, told) = tls_server(server());
    let server = TestServer::echo(server);
    let mut peer = RawPeer::tcp(server.address);
    peer.send_bytes(b"\x16\x03\x01\x00\x04\x02\x00\x00\x00");
    let answer = peer.read_to_end();
    assert_eq!(answer.first(), Some(&21), "an alert: {answer:02x?}");
    assert!(next(&told).contains("Failed"));
}

#[test]
fn a_client_that_trusts_nobody_here_is_reported_with_its_alert() {
    let (server, told) = tls_server(server());
    let server = TestServer::echo(server);
    let trusts_others = Client::new().tls(Authority::new("another").client_config());
    trusts_others.connect(&format!("wss://{}/", server.address)).expect_err("an error");
    assert!(next(&told).contains("Refused(\"UnknownCA\")"));
}

// ---- Deadlines and limits ----

/// Sends `bytes` one by one, with pauses, for as long as the other end takes them.
fn drip(stream: &TcpStream, bytes: &[u8]) -> JoinHandle<()> {
    let (mut stream, bytes) = (stream.try_clone().expect("try_clone"), bytes.to_vec());
    thread::spawn(move || {
        for byte in bytes {
            if stream.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    })
}

#[test]
fn a_client_that_drips_its_tls_handshake_or_says_nothing_is_cut_at_the_deadline() {
    for silent in [true, false] {
        let config = config(|config| config.handshake_timeout = SHORT);
        let (server, told) = tls_server(server().config(config));
        let server = TestServer::echo(server);
        let mut slow = TlsPeer::tcp(server.address);
        let mut hello = Vec::new();
        slow.tls.write_tls(&mut hello).expect("memory");
        let begin = Instant::now();
        let dripping = (!silent).then(|| drip(&slow.tcp, &hello));
        assert!(next(&told).contains("Timeout(Handshake)"));
        assert!(begin.elapsed() < hello.len() as u32 * Duration::from_millis(20), "before it was complete");
        // The thread and the place are free again.
        wait_until("nobody is connected", || server.connections() == 0);
        drop(slow.tcp);
        dripping.map(in_time);
    }
}

#[test]
fn a_request_that_drips_inside_of_a_record_is_cut_at_the_same_deadline() {
    let config = config(|config| config.handshake_timeout = 2 * SHORT);
    let (server, told) = tls_server(server().config(config));
    let server = TestServer::echo(server);
    let begin = Instant::now();
    let mut slow = TlsPeer::encrypted(server.address);
    let record = slow.encrypted_bytes(request(server.address, "/", "").as_bytes());
    let dripping = drip(&slow.tcp, &record);
    assert!(next(&told).contains("Timeout(Handshake)"));
    assert!(begin.elapsed() >= 2 * SHORT, "one deadline for both handshakes");
    assert!(begin.elapsed() < record.len() as u32 * Duration::from_millis(20), "before it was complete");
    let (answer, end) = slow.read_to_end();
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{:?}", answer.escape_ascii());
    assert_ne!(end, TlsEnd::Truncated);
    wait_until("nobody is connected", || server.connections() == 0);
    drop(slow);
    in_time(dripping);
}

#[test]
fn a_server_that_drips_or_says_nothing_is_given_up_at_the_deadline() {
    for silent in [true, false] {
        let config = config(|config| config.handshake_timeout = SHORT);
        let (connecting, far) = connecting(client().config(config), "wss://chat.example/");
        // The head of a record, and hardly more.
        let dripping = (!silent).then(|| drip(&far, &[&[22, 3, 3, 4, 0][..], &[2; 200]].concat()));
        let error = in_time(connecting).expect_err("an error");
        assert!(matches!(error, Error::Timeout(Timeout::Handshake)), "{error:?}");
        drop(far);
        dripping.map(in_time);
    }
}

#[test]
fn a_newcomer_without_a_place_is_closed_without_a_word() {
    let (server, told) = tls_server(server().max_connections(1));
    let server = TestServer::echo(server);
    let mut first = TlsPeer::connect(server.address);
    let mut second = TcpStream::connect(server.address).expect("connect");
    second.set_read_timeout(Some(DEADLINE)).expect("set_read_timeout");
    assert!(matches!(second.read(&mut [0; 64]), Ok(0) | Err(_)));
    assert!(next(&told).contains("ServerFull"));
    first.send(Frame::text("still here"));
    assert_eq!(first.read(), Frame::text("still here"));
}

#[test]
fn who_is_in_the_tls_handshake_has_a_place() {
    let server = TestServer::echo(tls_server(server().max_connections(1)).0);
    let silent = TcpStream::connect(server.address).expect("connect");
    wait_until("it is counted", || server.connections() == 1);
    drop(silent);
    wait_until("its place is free", || server.connections() == 0);
}

// ---- What a server is told ----

#[cfg(feature = "event-loop")]
#[test]
fn an_event_loop_says_that_it_has_no_tls() {
    let error =
        server().tls(SERVER.config()).event_loop(1).spawn_handlers(|_| send_back).expect_err("an error");
    assert!(matches!(&error, Error::InvalidArgument(words) if words.contains("event loop")), "{error:?}");
}

#[test]
fn bad_certificates_and_keys_are_explained() {
    let other = TRUSTED.issue(&["localhost"], |_| {});
    let (certificate, key) = (SERVER.certificate.as_str(), SERVER.key.as_str());
    for (certificate, key, words) in [
        ("", key, "certificate"),
        (key, key, "certificate"),
        (certificate, "", "private key"),
        (certificate, certificate, "private key"),
        (certificate, other.key.as_str(), "this certificate with this private key"),
    ] {
        let error = server_config(certificate.as_bytes(), key.as_bytes()).expect_err("an error");
        assert!(matches!(&error, Error::InvalidArgument(text) if text.contains(words)), "{error:?}");
    }
    let error = server_config_from_files("/nonexistent.pem", "/nonexistent.pem").expect_err("an error");
    assert!(error.to_string().contains("/nonexistent.pem"), "{error}");
}

#[test]
fn a_request_knows_that_it_came_encrypted_and_pages_in_the_clear_are_another_origin() {
    let (tell, told) = mpsc::channel();
    let server = server().tls(SERVER.config()).on_request(move |request, _| {
        let _ = tell.send((request.is_secure(), request.peer_addr()));
        Ok(())
    });
    let server = TestServer::echo(server);
    let response_to = |origin: &str, host: &str| {
        let mut peer = TlsPeer::encrypted(server.address);
        let request = request(server.address, "/", &format!("Origin: {origin}\r\n"));
        // RFC 6455 §4.2.2/b
        peer.write(
            request.replace(&format!("Host: {}", server.address), &format!("Host: {host}")).as_bytes(),
        );
        (status(&peer.read_head()), peer.tcp.local_addr().expect("local_addr"))
    };
    let (status, peer) = response_to("https://chat.example", "chat.example");
    assert_eq!((status, next(&told)), (101, (true, Some(peer))));
    assert_eq!(response_to("https://chat.example:8443", "chat.example:8443").0, 101);
    for origin in ["http://chat.example", "http://chat.example:443", "https://chat.example:8443"] {
        assert_eq!(response_to(origin, "chat.example").0, 403, "{origin}");
    }
}

#[test]
fn with_a_listener_of_ones_own() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address: SocketAddr = listener.local_addr().expect("local_addr");
    let serving = thread::spawn(move || {
        let stream = TlsStream::accept(listener.accept()?.0, &SERVER.config(), DEADLINE)?;
        assert_eq!(stream.alpn_protocol().as_deref(), Some(&b"http/1.1"[..]));
        let (ws, request) = accept(stream)?;
        assert!(request.is_secure() && request.peer_addr().is_some());
        echo(ws)
    });
    let tcp = TcpStream::connect(address).expect("connect");
    let stream = TlsStream::connect(tcp, Some(TRUSTED.client_config()), "localhost", DEADLINE).expect("TLS");
    // Nothing forbids a tunnel within the tunnel, or a ws:// URL inside of one that somebody else has made.
    let (mut ws, _) = Client::new().handshake("ws://localhost/", stream).expect("handshake");
    ws.send("hello").expect("send");
    assert_eq!(ws.read().expect("read"), Some("hello".into()));
    ws.close(1000, "").expect("close");
    assert_eq!(ws.read().expect("a clean end"), None);
    in_time(serving).expect("a clean end");
}
