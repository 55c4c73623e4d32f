//! A client that connects again (RFC 6455 §7.2.3), against servers that go away and come back.
//!
//! ```text
//!   read ─▶ lost, or closed ─▶ is it worth another try? ─▶ delay ─▶ connect ─▶ on_open ─▶ read
//! ```

mod common;
#[path = "common/example.rs"]
mod example;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{
    Backoff, Client, Error, HandshakeError, Interruption, Message, ProtocolError, ReadyState, Reconnect, Role,
};
use common::raw_peer::header;
use common::{Frame, RawPeer};
use raw::*;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Delays that a test can wait for.
fn soon() -> Backoff {
    Backoff::new().first(Duration::from_millis(10)).longest(Duration::from_millis(100))
}

fn url(address: SocketAddr) -> String {
    format!("ws://{address}/")
}

/// To `address`, with short delays.
fn reconnect(address: SocketAddr) -> Reconnect {
    Reconnect::new(Client::new(), &url(address)).backoff(soon())
}

/// What is done with a visitor.
type Visit = fn(RawPeer);

/// A listener whose visitors, one after the other, are treated as `visits` say.
#[track_caller]
fn raw_server(visits: Vec<Visit>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let serving = thread::spawn(move || {
        for visit in visits {
            visit(RawPeer::new(listener.accept().expect("accept").0, Role::Server));
        }
    });
    (address, serving)
}

/// Sends a text and a Close, and waits for the answer.
fn say_and_close(peer: RawPeer, text: &str, code: u16) {
    let mut peer = RawPeer::accept(peer.stream);
    peer.send(Frame::text(text));
    peer.send(Frame::close(code, ""));
    // RFC 6455 §7.1.1/a: the server ends TCP.
    assert_eq!(read_close_code(&mut peer), code);
}

fn answer(mut peer: RawPeer, response: &str) {
    peer.read_head();
    peer.send_bytes(format!("HTTP/1.1 {response}\r\nContent-Length: 0\r\n\r\n").as_bytes());
}

#[track_caller]
fn read(ws: &mut Reconnect) -> Option<String> {
    ws.read().expect("no error").map(|message| message.as_text().expect("a text").to_owned())
}

// ---- A server that comes back ----

#[cfg(all(unix, feature = "deflate", feature = "event-loop"))]
mod killed {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    /// The example `echo` as a process, which is killed at the end.
    struct Echo(Child, SocketAddr);

    impl Echo {
        /// Listens on `address`, as soon as it is free.
        fn start(address: &str) -> Echo {
            let program = example::example("echo");
            let mut started = None;
            wait_until("it listens", || {
                let mut command = Command::new(&program);
                command.arg(address).stdout(Stdio::piped()).stderr(Stdio::null());
                let mut process = command.spawn().expect("it starts");
                let mut line = String::new();
                let stdout = process.stdout.take().expect("a pipe");
                BufReader::new(stdout).read_line(&mut line).expect("a line");
                let address =
                    line.split("ws://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
                match address {
                    Some(address) => started = Some(Echo(process, address)),
                    None => drop(process.wait()),
                }
                started.is_some()
            });
            started.expect("it listens")
        }
    }

    impl Drop for Echo {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_server_that_is_killed_is_found_again_when_it_is_back() {
        let first = Echo::start("127.0.0.1:0");
        let address = first.1;
        let (tell, told) = mpsc::channel();
        let opened = Arc::new(Mutex::new(0));
        let count = opened.clone();
        let mut ws = reconnect(address)
            .on_open(move |sender, response| {
                assert_eq!(response.status(), 101);
                let mut count = count.lock().expect("lock");
                *count += 1;
                // RFC 6455 §7.2.3/a: whoever comes back subscribes anew.
                sender.send(format!("subscription {count}"))
            })
            .on_wait(move |why, _delay| drop(tell.send(why.to_string())));
        let handle = ws.handle();
        let (pass, passed) = mpsc::channel();
        let reading = thread::spawn(move || {
            while let Some(message) = ws.read().expect("it always comes back") {
                let _ = pass.send(message.as_text().expect("a text").to_owned());
            }
        });
        assert_eq!(next(&passed), "subscription 1");
        handle.send("hello").expect("send");
        assert_eq!(next(&passed), "hello");
        drop(first);
        next(&told);
        // Nobody is there: every attempt is refused, and what is sent meanwhile is too.
        wait_until("an attempt is refused", || next(&told).contains("refused"));
        assert!(matches!(handle.send("lost?"), Err(Error::NotOpen(ReadyState::Connecting))));
        assert!(handle.sender().is_none());
        let _second = Echo::start(&address.to_string());
        assert_eq!(next(&passed), "subscription 2");
        handle.send("hello again").expect("send");
        assert_eq!(next(&passed), "hello again");
        handle.stop();
        in_time(reading);
        assert_eq!(*opened.lock().expect("lock"), 2);
    }
}

#[test]
fn a_server_of_this_process_that_restarts_is_found_again() {
    let first = TestServer::echo(server());
    let address = first.address;
    let mut ws = reconnect(address).on_open(|sender, _| sender.send("hello"));
    assert_eq!(read(&mut ws).as_deref(), Some("hello"));
    ws.send("and more").expect("send");
    assert_eq!(read(&mut ws).as_deref(), Some("and more"));
    assert!(ws.websocket().is_some_and(|ws| ws.ready_state() == ReadyState::Open));
    // The answer to its 1001 is ours to give, so it goes while we read.
    let restarting = thread::spawn(move || {
        first.handle.shutdown(Duration::from_secs(10));
        drop(first);
        let mut server = None;
        wait_until("the port is free", || {
            server = clearsocket::Server::bind(address).ok();
            server.is_some()
        });
        TestServer::echo(server.expect("a server"))
    });
    assert_eq!(read(&mut ws).as_deref(), Some("hello"));
    assert_eq!((ws.close_event().code.get(), ws.close_event().was_clean), (1001, true));
    let _second = in_time(restarting);
}

#[test]
fn it_goes_on_until_the_server_says_that_it_is_over() {
    let (address, serving) = raw_server(vec![
        |peer| say_and_close(peer, "1", 1001),
        |peer| drop(peer),
        |peer| answer(peer, "503 Service Unavailable"),
        |peer| answer(peer, "429 Too Many Requests\r\nRetry-After: 0"),
        |peer| say_and_close(peer, "2", 1012),
        |peer| drop(RawPeer::accept(peer.stream)),
        |peer| say_and_close(peer, "3", 1013),
        |peer| {
            // A breach of the protocol, of which it is told.
            let mut peer = RawPeer::accept(peer.stream);
            peer.send(Frame::text("4"));
            peer.send(Frame::text([0xff]));
            assert_eq!(read_close_code(&mut peer), 1007);
        },
        |peer| say_and_close(peer, "5", 1000),
    ]);
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let told = reasons.clone();
    let mut ws = reconnect(address).on_wait(move |why, delay| {
        assert!(delay <= Duration::from_millis(100));
        told.lock().expect("lock").push(match why {
            Interruption::Closed(event) => event.code.to_string(),
            Interruption::Failed(Error::Handshake(HandshakeError::Refused(response))) => {
                response.status().as_str().to_owned()
            }
            Interruption::Failed(Error::Protocol(ProtocolError::InvalidUtf8)) => "no UTF-8".into(),
            Interruption::Failed(_) => "lost".into(),
        });
    });
    for expected in ["1", "2", "3", "4", "5"] {
        assert_eq!(read(&mut ws).as_deref(), Some(expected));
    }
    assert_eq!(read(&mut ws), None);
    assert_eq!((ws.close_event().code.get(), ws.close_event().was_clean), (1000, true));
    assert_eq!(read(&mut ws), None, "and it stays over");
    assert!(matches!(ws.send("x"), Err(Error::NotOpen(ReadyState::Closed))));
    assert!(!ws.connect().expect("it is over"));
    let reasons = reasons.lock().expect("lock").join(" ");
    assert_eq!(reasons, "1001 lost 503 429 1012 lost 1013 no UTF-8");
    in_time(serving);
}

// ---- What is not worth another try ----

#[test]
fn an_answer_that_will_be_the_same_tomorrow_ends_it() {
    let answers: [(Visit, &str); 6] = [
        (|peer| answer(peer, "401 Unauthorized"), "401"),
        (|peer| answer(peer, "403 Forbidden"), "403"),
        (|peer| answer(peer, "404 Not Found"), "404"),
        (|peer| answer(peer, "301 Moved Permanently\r\nLocation: /"), "301"),
        (|peer| answer(peer, "101 Switching Protocols\r\nUpgrade: websocket"), "Connection"),
        (|mut peer| peer.send_bytes(b"220 mail.example.com ESMTP\r\n\r\n"), "HTTP"),
    ];
    for (visit, expected) in answers {
        let (address, serving) = raw_server(vec![visit]);
        let mut ws = reconnect(address);
        let error = ws.read().expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(ws.read().expect("the error was told").is_none());
        in_time(serving);
    }
    for url in ["http://127.0.0.1/", "nonsense", "ws://127.0.0.1/#fragment"] {
        let error = Reconnect::new(Client::new(), url).read().map(drop).expect_err("no URL");
        assert!(matches!(error, Error::Handshake(HandshakeError::InvalidUrl(_))), "{error}");
    }
    let client = Client::new().header("no name", "x");
    let error = Reconnect::new(client, "ws://127.0.0.1:1/").read().map(drop).expect_err("no header");
    assert!(matches!(error, Error::InvalidArgument(_)), "{error}");
}

#[test]
fn close_codes_of_the_application_end_it_unless_the_application_says_otherwise() {
    let visits: Vec<Visit> =
        vec![|peer| say_and_close(peer, "1", 4000), |peer| say_and_close(peer, "2", 4000), |peer| {
            say_and_close(peer, "3", 4001)
        }];
    let (address, serving) = raw_server(visits);
    let mut ws = reconnect(address).retry_if(|why| match why {
        Interruption::Closed(event) => event.code == 4000,
        why => why.is_worth_retrying(),
    });
    for expected in [Some("1"), Some("2"), Some("3"), None] {
        assert_eq!(read(&mut ws).as_deref(), expected);
    }
    assert_eq!(ws.close_event().code, 4001);
    in_time(serving);
    let (address, serving) = raw_server(vec![|peer| say_and_close(peer, "1", 1008)]);
    let mut ws = reconnect(address);
    assert_eq!((read(&mut ws).as_deref(), read(&mut ws)), (Some("1"), None));
    in_time(serving);
}

#[test]
fn after_as_many_attempts_as_were_allowed_the_last_error_is_told() {
    let (address, serving) =
        raw_server(vec![|peer| drop(peer), |peer| answer(peer, "503 Service Unavailable"), |peer| {
            answer(peer, "502 Bad Gateway")
        }]);
    let mut ws = reconnect(address).max_attempts(3);
    let error = ws.read().expect_err("three attempts");
    assert!(error.to_string().contains("502"), "{error}");
    assert!(ws.read().expect("the error was told").is_none());
    in_time(serving);
    // Connections that open and fall at once are attempts too, unless they count as stable.
    let falling: Vec<Visit> = vec![|peer| say_and_close(peer, "x", 1001); 4];
    let (address, serving) = raw_server(falling);
    let mut ws = reconnect(address).max_attempts(2);
    assert_eq!([(); 3].map(|()| read(&mut ws).is_some()), [true, true, false]);
    let mut ws = reconnect(address).max_attempts(1).stable_after(Duration::ZERO);
    assert_eq!([(); 2].map(|()| read(&mut ws).is_some()), [true, true]);
    drop(ws);
    in_time(serving);
}

// ---- Hooks ----

#[test]
fn every_attempt_may_have_another_token() {
    fn check(mut peer: RawPeer, token: &str) -> RawPeer {
        let head = peer.read_head();
        assert_eq!(header(&head, "Authorization"), Some(token));
        peer
    }
    let (address, serving) = raw_server(vec![
        |peer| drop(check(peer, "token 1")),
        |peer| {
            let mut peer = check(peer, "token 2");
            peer.send_bytes(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        },
        |peer| drop(check(peer, "token 4")),
    ]);
    let mut seen = Vec::new();
    let (tell, told) = mpsc::channel();
    let mut ws = reconnect(address).max_attempts(4).retry_if(|_| true).on_attempt(move |attempt, client| {
        let last = attempt.last.map(ToString::to_string).unwrap_or_default();
        let _ = tell.send((attempt.number, last));
        match attempt.number {
            3 => Err(Error::InvalidArgument("the token server is down".into())),
            number => Ok(client.header("Authorization", &format!("token {number}"))),
        }
    });
    assert!(ws.read().is_err());
    seen.extend(told.try_iter());
    assert_eq!(seen.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for ((_, last), expected) in seen.iter().zip(["", "closed", "401", "the token server is down"]) {
        assert!(last.contains(expected), "{last}");
    }
    in_time(serving);
}

#[test]
fn a_subscription_that_fails_is_a_failed_attempt() {
    let server = TestServer::echo(server());
    let mut times = 0;
    let mut ws = reconnect(server.address).on_open(move |sender, _| {
        times += 1;
        if times < 3 { Err(Error::ConnectionLost) } else { sender.send(format!("time {times}")) }
    });
    assert_eq!(read(&mut ws).as_deref(), Some("time 3"));
    let mut ws = reconnect(server.address).on_open(|_, _| Err(Error::InvalidArgument("never".into())));
    assert!(matches!(ws.read(), Err(Error::InvalidArgument(_))));
}

#[test]
fn what_is_written_in_the_hook_comes_first() {
    let server = TestServer::echo(server());
    let mut ws = reconnect(server.address).on_open(|sender, _| sender.write("first"));
    assert!(matches!(ws.send("too early"), Err(Error::NotOpen(ReadyState::Connecting))));
    assert!(ws.connect().expect("connect"));
    assert!(ws.connect().expect("there is a connection"));
    ws.sender().expect("there is a connection").write("second").expect("write");
    assert_eq!(read(&mut ws).as_deref(), Some("first"));
    assert_eq!(read(&mut ws).as_deref(), Some("second"));
}

// ---- Stopping ----

#[test]
fn another_thread_can_stop_it_while_it_reads() {
    let server = TestServer::echo(server());
    let mut ws = reconnect(server.address).on_open(|sender, _| sender.send("open"));
    assert_eq!(read(&mut ws).as_deref(), Some("open"));
    let handle = ws.handle();
    let reading = thread::spawn(move || {
        let message = ws.read().expect("a clean end").map(Message::into_owned);
        (message, ws.close_event())
    });
    thread::sleep(A_WHILE);
    assert!(!reading.is_finished());
    handle.stop();
    let (message, event) = in_time(reading);
    assert_eq!((message, event.code.get(), event.was_clean), (None, 1000, true));
    assert!(matches!(handle.send("x"), Err(Error::NotOpen(ReadyState::Closed))));
    handle.stop();
}

#[test]
fn another_thread_can_stop_it_while_it_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let hour = Duration::from_secs(3600);
    let (tell, told) = mpsc::channel();
    let mut ws = Reconnect::new(Client::new(), &url(address))
        .backoff(Backoff::new().first(hour).longest(hour).random(|| 0.5))
        .on_wait(move |_, delay| tell.send(delay).expect("the test listens"));
    let handle = ws.handle();
    let reading = thread::spawn(move || ws.read().expect("no error").is_none());
    drop(listener.accept().expect("accept"));
    // RFC 6455 §7.2.3/b: the delay comes before any other attempt.
    assert_eq!(next(&told), hour / 2);
    thread::sleep(A_WHILE);
    assert!(!reading.is_finished());
    let begin = Instant::now();
    handle.stop();
    assert!(in_time(reading));
    assert!(begin.elapsed() < hour / 4);
    // Before the first attempt too.
    let mut ws = reconnect(address);
    ws.handle().stop();
    assert!(ws.read().expect("no error").is_none());
}

#[test]
fn a_handle_that_is_left_over_says_that_it_is_over() {
    let server = TestServer::echo(server());
    let mut ws = reconnect(server.address);
    assert!(ws.connect().expect("connect"));
    let (handle, sender) = (ws.handle(), ws.sender().expect("a sender"));
    drop(ws);
    assert!(matches!(handle.send("x"), Err(Error::NotOpen(ReadyState::Closed))));
    assert!(matches!(sender.send("x"), Err(Error::NotOpen(ReadyState::Closed))));
}
