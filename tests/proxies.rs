//! Connecting through a proxy, with CONNECT and with SOCKS5 (RFC 6455 §4.1, item 3; RFC 9110 §9.3.6; RFC 1928, 1929).
//!
//! ```text
//!   connect ─▶ TCP to the proxy ─▶ CONNECT host:port ─▶ 200 ─▶ the handshake with the server, through the proxy
//!                                                  └──▶ anything else, or nothing in time ─▶ an error
//! ```
//!
//! The proxies are the test's own. One that works connects to the echo server, whatever name it is asked for.

mod common;
#[path = "common/raw.rs"]
mod raw;
#[path = "common/tls.rs"]
mod tls_peer;

use clearsocket::handshake::Response;
use clearsocket::{Client, Error, ProxyError, Redirects, Timeout, WebSocket};
use common::RawPeer;
use raw::*;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use tls_peer::{SERVER, client};

type Connected = Result<(WebSocket, Response), Error>;

/// A proxy that treats every connection in the same way.
struct TestProxy {
    address: SocketAddr,
    /// What `serve` has made of each connection.
    asked: mpsc::Receiver<String>,
}

impl TestProxy {
    fn new(serve: impl Fn(RawPeer) -> String + Clone + Send + 'static) -> TestProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("local_addr");
        let (tell, asked) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (serve, tell) = (serve.clone(), tell.clone());
                let peer = RawPeer::new(stream.expect("accept"), clearsocket::Role::Server);
                thread::spawn(move || tell.send(serve(peer)));
            }
        });
        TestProxy { address, asked }
    }

    /// An HTTP proxy that connects to `server`, after a reply with these header lines.
    fn http(server: SocketAddr, reply: &'static str) -> TestProxy {
        TestProxy::new(move |mut peer| {
            let head = peer.read_head();
            peer.send_bytes(reply.as_bytes());
            tunnel(peer, server);
            head
        })
    }

    /// An HTTP proxy that says this, and no more.
    fn saying(reply: impl Into<Vec<u8>>) -> TestProxy {
        let reply = reply.into();
        TestProxy::new(move |mut peer| {
            let head = peer.read_head();
            let _ = peer.stream.write_all(&reply);
            let _ = peer.stream.shutdown(Shutdown::Write);
            head
        })
    }

    /// A SOCKS5 proxy that connects to `server`, for everybody or for those who know this password.
    fn socks(server: SocketAddr, password: Option<&'static str>) -> TestProxy {
        TestProxy::new(move |mut peer| {
            let [5, methods] = take(&mut peer) else { panic!("this is no SOCKS5") };
            let offered = take_vec(&mut peer, methods.into());
            let method = if password.is_some() { 2 } else { 0 };
            if !offered.contains(&method) {
                peer.send_bytes(&[5, 0xff]);
                return "no method".into();
            }
            peer.send_bytes(&[5, method]);
            let mut asked = String::new();
            if let Some(password) = password {
                let [1, len] = take(&mut peer) else { panic!("this is no RFC 1929") };
                asked = String::from_utf8(take_vec(&mut peer, len.into())).expect("UTF-8") + "@";
                let [len] = take(&mut peer);
                let is_right = take_vec(&mut peer, len.into()) == password.as_bytes();
                peer.send_bytes(&[1, u8::from(!is_right)]);
                if !is_right {
                    return "wrong".into();
                }
            }
            let [5, 1, 0, kind] = take(&mut peer) else { panic!("this is no CONNECT") };
            let len = match kind {
                1 => 4,
                4 => 16,
                _ => take::<1>(&mut peer)[0].into(),
            };
            let host = take_vec(&mut peer, len);
            let port = u16::from_be_bytes(take(&mut peer));
            asked += &match kind {
                3 => String::from_utf8(host).expect("UTF-8"),
                _ => format!("{host:?}"),
            };
            peer.send_bytes(b"\x05\x00\x00\x03\x05proxy\x12\x34");
            tunnel(peer, server);
            format!("{asked}:{port}")
        })
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    fn asked(&self) -> String {
        next(&self.asked)
    }
}

fn take<const N: usize>(peer: &mut RawPeer) -> [u8; N] {
    take_vec(peer, N).try_into().expect("N bytes")
}

fn take_vec(peer: &mut RawPeer, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    peer.stream.read_exact(&mut bytes).expect("the client says more");
    bytes
}

/// Connects the client of `peer` with `server`, in threads that end when both have.
fn tunnel(peer: RawPeer, server: SocketAddr) {
    let stream = TcpStream::connect(server).expect("connect");
    stream.set_nodelay(true).expect("set_nodelay");
    assert!(peer.buffer.is_empty(), "the client has sent something before it could");
    peer.stream.set_read_timeout(None).expect("set_read_timeout");
    let copy = |from: &TcpStream, to: &TcpStream| {
        let (from, to) = (from.try_clone().expect("clone"), to.try_clone().expect("clone"));
        thread::spawn(move || {
            let _ = std::io::copy(&mut &from, &mut &to);
            let _ = to.shutdown(Shutdown::Write);
        })
    };
    copy(&peer.stream, &stream);
    copy(&stream, &peer.stream);
}

/// The connection carries messages both ways.
#[track_caller]
fn assert_works(connected: Connected) {
    let (mut ws, response) = connected.expect("connect");
    assert_eq!(response.status(), 101);
    ws.send("through").expect("send");
    assert_eq!(ws.read().expect("read"), Some("through".into()));
    ws.close(1000, "").expect("close");
    assert_eq!(ws.read().expect("read"), None);
}

#[track_caller]
fn proxy_error(connected: Connected) -> ProxyError {
    match connected {
        Err(Error::Proxy(error)) => error,
        other => panic!("{other:?} is no error of the proxy"),
    }
}

/// What becomes of a connection through an HTTP proxy that says this.
#[track_caller]
fn http_saying(reply: impl Into<Vec<u8>>) -> Connected {
    Client::new().proxy(&TestProxy::saying(reply).url("http")).connect("ws://server.example/")
}

const OK: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

// ---- CONNECT ----

#[test]
fn an_http_proxy_is_asked_for_host_and_port_and_looks_the_name_up() {
    let server = TestServer::echo(server());
    let proxy = TestProxy::http(server.address, OK);
    for (url, authority) in [
        ("ws://server.example/chat", "server.example:80"),
        ("ws://server.example:9001/", "server.example:9001"),
        ("ws://192.0.2.1/", "192.0.2.1:80"),
        ("ws://[2001:db8::1]:81/", "[2001:db8::1]:81"),
    ] {
        // RFC 6455 §4.1/h
        assert_works(Client::new().proxy(&proxy.url("http")).connect(url));
        let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        assert_eq!(proxy.asked(), head);
    }
}

#[test]
fn an_http_proxy_gets_its_credentials_and_the_server_does_not() {
    let server = TestServer::echo(server().on_request(|request, _| {
        assert!(!request.headers().contains_key("proxy-authorization") && request.basic_auth().is_none());
        Ok(())
    }));
    let proxy = TestProxy::http(server.address, OK);
    let url = proxy.url("http").replace("://", "://edna%20mode:no%3Acapes%21@");
    assert_works(Client::new().proxy(&url).connect("ws://server.example/"));
    let head = proxy.asked();
    assert_eq!(values(&head, "Proxy-Authorization"), ["Basic ZWRuYSBtb2RlOm5vOmNhcGVzIQ=="]);
    // And the other way round: the proxy does not see what is for the server.
    assert_works(Client::new().proxy(&proxy.url("http")).connect("ws://server.example/"));
    assert_eq!(values(&proxy.asked(), "Proxy-Authorization"), [""; 0]);
}

#[test]
fn the_proxy_does_not_see_the_servers_credentials() {
    let server = TestServer::echo(server().on_request(|request, _| {
        assert!(request.basic_auth().is_some_and(|credentials| credentials.matches("u", "p")));
        Ok(())
    }));
    let proxy = TestProxy::http(server.address, OK);
    assert_works(Client::new().proxy(&proxy.url("http")).connect("ws://u:p@server.example/"));
    assert_eq!(proxy.asked(), "CONNECT server.example:80 HTTP/1.1\r\nHost: server.example:80\r\n\r\n");
}

#[test]
fn any_2xx_opens_the_tunnel_and_its_headers_do_not_matter() {
    let server = TestServer::echo(server());
    for reply in [
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 204 \r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 299 x\r\nVia: a\r\n\r\n",
    ] {
        let proxy = TestProxy::http(server.address, reply);
        assert_works(Client::new().proxy(&proxy.url("http")).connect("ws://server.example/"));
    }
    let dripping = TestProxy::new(move |mut peer| {
        let head = peer.read_head();
        OK.bytes().for_each(|byte| peer.send_bytes(&[byte]));
        tunnel(peer, server.address);
        head
    });
    assert_works(Client::new().proxy(&dripping.url("http")).connect("ws://server.example/"));
}

#[test]
fn a_proxy_that_refuses_is_an_error_with_its_status() {
    for status in [301, 400, 403, 502, 504] {
        let error = proxy_error(http_saying(format!("HTTP/1.1 {status} x\r\nLocation: ws://a/\r\n\r\nbody")));
        assert!(matches!(&error, ProxyError::Refused(refused) if refused.as_u16() == status), "{error:?}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
    let error = proxy_error(http_saying("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n\r\n"));
    assert!(matches!(error, ProxyError::AuthenticationRequired), "{error:?}");
    assert!(error.to_string().contains("407"), "{error}");
}

#[test]
fn a_redirect_of_the_proxys_is_not_followed() {
    let elsewhere = TestServer::echo(server());
    let reply = format!("HTTP/1.1 302 x\r\nLocation: ws://{}/\r\n\r\n", elsewhere.address);
    let client = Client::new().redirects(5).proxy(&TestProxy::saying(reply).url("http"));
    let error = proxy_error(client.connect("ws://server.example/"));
    assert!(matches!(error, ProxyError::Refused(_)), "{error:?}");
}

#[test]
fn a_reply_that_is_of_no_use_is_the_proxys_fault() {
    for reply in [
        "SSH-2.0-OpenSSH\r\n\r\n".into(),
        "\u{16}\u{3}\u{1}".into(),
        "HTTP/2 200\r\n\r\n".into(),
        "HTTP/1.1 200 OK\n\n".into(),
        "HTTP/1.1 101 Switching Protocols\r\n\r\n".repeat(100),
        format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1 << 20)),
        format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(4000)),
        "X".repeat(1 << 20),
    ] {
        let error = proxy_error(http_saying(reply.clone()));
        assert!(matches!(error, ProxyError::BadReply(_)), "{:?}: {error:?}", &reply[..20.min(reply.len())]);
    }
    for reply in ["", "H", &OK[..30]] {
        let error = proxy_error(http_saying(reply));
        assert!(matches!(error, ProxyError::ConnectionClosed), "{reply:?}: {error:?}");
    }
}

#[test]
fn bytes_behind_the_reply_are_not_taken_for_the_servers() {
    let error = proxy_error(http_saying(format!("{OK}HTTP/1.1 101 Switching Protocols\r\n\r\n")));
    assert!(matches!(error, ProxyError::EarlyBytes), "{error:?}");
}

#[test]
fn a_proxy_that_is_silent_or_drips_is_given_up_at_the_deadline() {
    let client = |proxy: &TestProxy, scheme| {
        let short = config(|config| config.handshake_timeout = SHORT);
        Client::new().config(short).proxy(&proxy.url(scheme)).connect("ws://server.example/")
    };
    let silent = TestProxy::new(|mut peer| {
        let _ = peer.read_to_end();
        String::new()
    });
    // Each byte comes well before the timeout; all of them together take seconds.
    let dripping = |byte: u8| {
        TestProxy::new(move |mut peer| {
            while peer.stream.write_all(&[byte]).is_ok() {
                thread::sleep(SHORT / 6);
            }
            String::new()
        })
    };
    for (proxy, scheme) in [(&silent, "http"), (&dripping(b'H'), "http"), (&silent, "socks5")] {
        let result = client(proxy, scheme);
        assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{result:?}");
    }
    let slow_socks = TestProxy::new(|mut peer| {
        for byte in b"\x05\x00\x05\x00\x00\x03\xff".iter().chain([b'x'; 250].iter()) {
            if peer.stream.write_all(&[*byte]).is_err() {
                break;
            }
            thread::sleep(SHORT / 6);
        }
        String::new()
    });
    let result = client(&slow_socks, "socks5");
    assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{result:?}");
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    drop(listener);
    for scheme in ["http", "socks5"] {
        let proxy = format!("{scheme}://u:secret@{address}");
        match Client::new().proxy(&proxy).connect("ws://server.example/") {
            Err(Error::Io(error)) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
                let text = error.to_string();
                assert!(text.contains("the proxy") && text.contains(&address.to_string()), "{text}");
                assert!(!text.contains("secret"), "{text}");
            }
            other => panic!("{other:?} is no error of the network"),
        }
    }
}

#[test]
fn a_proxy_that_cannot_be_used_fails_before_a_connection_is_made() {
    for proxy in
        ["https://u:secret@127.0.0.1", "u:secret@127.0.0.1", "socks4://u:secret@a", "http://u:secret@", ""]
    {
        let client = Client::new().proxy(proxy);
        for error in
            [client.connect("ws://127.0.0.1:1/").map(drop), client.dial("ws://127.0.0.1:1/").map(drop)]
        {
            let error = error.expect_err("an error");
            assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
            assert!(!format!("{error:?} {client:?}").contains("secret"), "{error:?}");
        }
    }
}

#[test]
fn dial_gives_a_connection_through_the_proxy() {
    let server = TestServer::echo(server());
    let proxy = TestProxy::http(server.address, OK);
    let client = Client::new().proxy(&proxy.url("http"));
    let transport = client.dial("ws://server.example/").expect("dial");
    assert_eq!(transport.remote_addr(), Some(proxy.address));
    assert_works(client.handshake("ws://server.example/", transport));
}

#[test]
fn a_redirect_goes_through_the_proxy_too() {
    let end = TestServer::echo(server());
    let proxy = TestProxy::new(move |mut peer| {
        let head = peer.read_head();
        peer.send_bytes(OK.as_bytes());
        if head.starts_with("CONNECT first.example:80 ") {
            peer.read_head();
            peer.send_bytes(b"HTTP/1.1 302 x\r\nLocation: http://second.example/\r\n\r\n");
        } else {
            tunnel(peer, end.address);
        }
        head.lines().next().unwrap_or_default().to_owned()
    });
    let client = Client::new().proxy(&proxy.url("http")).redirects(1);
    let (ws, response) = client.connect("ws://first.example/").expect("connect");
    assert_eq!(Redirects::of(&response)[0].to_string(), "ws://second.example/");
    ws.abort();
    assert_eq!(proxy.asked(), "CONNECT first.example:80 HTTP/1.1");
    assert_eq!(proxy.asked(), "CONNECT second.example:80 HTTP/1.1");
}

// ---- One attempt at a time ----

#[test]
fn behind_a_proxy_each_name_has_one_attempt_at_a_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let proxy = format!("http://{}", listener.local_addr().expect("local_addr"));
    let connecting = |url: &'static str| {
        let client = Client::new().proxy(&proxy);
        thread::spawn(move || client.connect(url))
    };
    let accept = || RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    let first = connecting("ws://one.example/");
    let mut held = accept();
    assert!(held.read_head().starts_with("CONNECT one.example:80 "));
    // RFC 6455 §4.1/f
    let same = connecting("ws://ONE.example/");
    let other = connecting("ws://two.example/");
    let mut peer = accept();
    assert!(peer.read_head().starts_with("CONNECT two.example:80 "), "another name need not wait");
    listener.set_nonblocking(true).expect("set_nonblocking");
    thread::sleep(A_WHILE);
    assert_eq!(listener.accept().map(drop).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    listener.set_nonblocking(false).expect("set_nonblocking");
    drop(held);
    assert!(in_time(first).is_err());
    assert!(accept().read_head().starts_with("CONNECT one.example:80 "));
    assert!(in_time(same).is_err());
    drop(peer);
    assert!(in_time(other).is_err());
}

#[test]
fn the_tunnel_of_either_proxy_takes_tls() {
    let server = TestServer::echo(server().tls(SERVER.config()));
    for (proxy, scheme, asked) in [
        (TestProxy::http(server.address, OK), "http", "CONNECT chat.example:443 HTTP/1.1\r\n"),
        (TestProxy::socks(server.address, None), "socks5", "chat.example:443"),
    ] {
        assert_works(client().proxy(&proxy.url(scheme)).connect("wss://chat.example/"));
        assert!(proxy.asked().starts_with(asked));
    }
}

// ---- SOCKS5 ----

#[test]
fn a_socks5_proxy_is_asked_for_names_and_addresses() {
    let server = TestServer::echo(server());
    let proxy = TestProxy::socks(server.address, None);
    for (scheme, url, asked) in [
        ("socks5", "ws://server.example/", "server.example:80"),
        ("socks5h", "ws://server.example:9001/", "server.example:9001"),
        ("SOCKS5", "ws://192.0.2.1/", "[192, 0, 2, 1]:80"),
        ("socks5", "ws://[2001:db8::1]/", "[32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]:80"),
    ] {
        // RFC 6455 §4.1/h
        assert_works(Client::new().proxy(&proxy.url(scheme)).connect(url));
        assert_eq!(proxy.asked(), asked);
    }
}

#[test]
fn a_socks5_proxy_may_want_a_password() {
    let server = TestServer::echo(server());
    let proxy = TestProxy::socks(server.address, Some("p:ässword"));
    let with = |credentials: &str| {
        let url = proxy.url("socks5").replace("://", &format!("://{credentials}"));
        Client::new().proxy(&url).connect("ws://server.example/")
    };
    assert_works(with("ada:p%3A%C3%A4ssword@"));
    assert_eq!(proxy.asked(), "ada@server.example:80");
    for credentials in ["", "ada:wrong@"] {
        let error = proxy_error(with(credentials));
        assert!(matches!(error, ProxyError::AuthenticationRequired), "{credentials}: {error:?}");
    }
    // One that does not ask for it does not get it.
    let open = TestProxy::socks(server.address, None);
    let url = open.url("socks5").replace("://", "://ada:secret@");
    assert_works(Client::new().proxy(&url).connect("ws://server.example/"));
    assert_eq!(open.asked(), "server.example:80");
}

#[test]
fn a_socks5_proxy_that_refuses_or_is_none_is_an_error() {
    let saying = |bytes: &'static [u8]| {
        let proxy = TestProxy::new(move |mut peer| {
            take::<3>(&mut peer);
            let _ = peer.stream.write_all(bytes);
            let _ = peer.stream.shutdown(Shutdown::Write);
            peer.read_to_end();
            String::new()
        });
        proxy_error(Client::new().proxy(&proxy.url("socks5")).connect("ws://server.example/"))
    };
    for code in 1..=8u8 {
        let answer: &'static [u8] = Box::leak(Box::new([5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0]));
        let error = saying(answer);
        assert!(matches!(error, ProxyError::Socks(said) if said == code), "{error:?}");
    }
    assert!(saying(b"\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0").to_string().contains("connection refused"));
    for answer in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x04\x00", b"\x05\x02", b"\x05\x00\x05\x00\x00\x07\0\0"]
    {
        assert!(matches!(saying(answer), ProxyError::NotSocks), "{answer:?}");
    }
    for answer in [&b""[..], b"\x05", b"\x05\x00", b"\x05\x00\x05\x00\x00\x01\0\0"] {
        assert!(matches!(saying(answer), ProxyError::ConnectionClosed), "{answer:?}");
    }
    assert!(matches!(saying(b"\x05\xff"), ProxyError::AuthenticationRequired));
}

// ---- The environment ----

const CHILD_URL: &str = "CLEARSOCKET_TEST_URL";

/// Does nothing by itself: the next test runs it in a process of its own, whose environment names a proxy.
#[test]
fn the_child_of_the_next_test() {
    if let Ok(url) = std::env::var(CHILD_URL) {
        let client = Client::new();
        // Nobody looks there unasked.
        let client = if std::env::var("UNASKED").is_ok() { client } else { client.proxy_from_env() };
        assert_works(client.connect(&url));
    }
}

#[test]
fn the_environment_names_the_proxy() {
    let server = TestServer::echo(server());
    let proxy = TestProxy::http(server.address, OK);
    let run = |url: &str, variables: &[(&str, String)]| {
        let mut child = Command::new(std::env::current_exe().expect("current_exe"));
        for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
            child.env_remove(name);
        }
        child.args(["--exact", "the_child_of_the_next_test"]).env(CHILD_URL, url);
        child.envs(variables.iter().map(|(name, value)| (name, value)));
        child.output().expect("the child runs").status.success()
    };
    let address = proxy.address.to_string();
    assert!(run("ws://server.example/", &[("http_proxy", address.clone())]));
    assert!(proxy.asked().starts_with("CONNECT server.example:80 "));
    assert!(run("ws://server.example/", &[("ALL_PROXY", format!("http://u:p@{address}"))]));
    assert_eq!(values(&proxy.asked(), "Proxy-Authorization"), ["Basic dTpw"]);
    // An exception is connected to directly.
    let direct = format!("ws://{}/", server.address);
    assert!(run(&direct, &[("http_proxy", address.clone()), ("NO_PROXY", "127.0.0.0/8".into())]));
    assert!(run(&direct, &[("http_proxy", address), ("UNASKED", "1".into())]));
    assert!(proxy.asked.try_recv().is_err());
    assert!(!run(&direct, &[("http_proxy", "https://proxy".into())]));
}
