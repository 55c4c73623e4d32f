//! Ten thousand connections at once, and the chat still answers: with a thread for each, and with an event loop.
//!
//! The chat runs as a program of its own, so that its memory can be looked at from outside. It is limited to 10,000
//! connections by default; all but two of them are silent.
#![cfg(all(target_os = "linux", feature = "event-loop"))]

#[path = "common/example.rs"]
mod example;

use example::example;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

const SILENT: usize = 9_998;

/// One after the other: the descriptors of a process are not enough for both.
#[test]
fn ten_thousand_connections_and_the_chat_still_answers() {
    let with_threads = silent_crowd(&[]);
    let in_an_event_loop = silent_crowd(&["--event-loop"]);
    assert!(with_threads < 48, "{with_threads} KiB for each connection");
    assert!(in_an_event_loop < 4, "{in_an_event_loop} KiB for each connection");
}

/// Connects them all, lets two talk, and gives the growth of the chat's memory in KiB for each connection.
fn silent_crowd(options: &[&str]) -> usize {
    let room = raise_descriptor_limit();
    let count = SILENT.min(room);
    assert!(count == SILENT || std::env::var_os("CI").is_none(), "room for only {room} descriptors");

    let mut chat = Chat::start(options);
    let before = chat.memory();
    let crowd: Vec<TcpStream> = (0..count).map(|_| connect(chat.address)).collect();
    let each = (chat.memory() - before) / count;
    println!("{count} connections, {options:?}: {each} KiB each, {} threads", chat.threads());

    let url = format!("ws://{}/chat", chat.address);
    let (mut ada, _) = clearsocket::connect(&url).expect("there is room for Ada");
    let (mut bob, _) = clearsocket::connect(&url).expect("there is room for Bob");
    for (ws, name) in [(&ada, "Ada"), (&bob, "Bob")] {
        ws.send(format!(r#"{{"type":"join","name":"{name}","room":"crowded"}}"#)).unwrap();
    }
    ada.send(r#"{"type":"say","text":"is anybody here?"}"#).unwrap();
    for ws in [&mut bob, &mut ada] {
        while !ws.read().unwrap().expect("an answer").as_text().unwrap().contains("is anybody here?") {}
    }
    drop(crowd);
    each
}

/// A connection that has done its handshake and says nothing more.
fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let request = format!(
        "GET /chat HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("the request leaves");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 101");
    stream
}

/// The chat as a program, ended on drop.
struct Chat {
    process: Child,
    address: SocketAddr,
}

impl Chat {
    fn start(options: &[&str]) -> Chat {
        let mut command = Command::new(example("chat"));
        command.args(["--listen", "127.0.0.1:0"]).args(options);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdout = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("its first line");
        let address =
            line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
        let address = address.parse().expect("an address");
        // It logs every visitor, and must not wait for somebody to read that.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Chat { process, address }
    }

    /// Resident memory in KiB.
    fn memory(&mut self) -> usize {
        self.status("VmRSS:")
    }

    fn threads(&mut self) -> usize {
        self.status("Threads:")
    }

    fn status(&mut self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Gives this process and its children as many descriptors as they may have; the number left for connections.
fn raise_descriptor_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |most| most.saturating_sub(200) as usize)
}
