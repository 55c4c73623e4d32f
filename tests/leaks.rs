//! Threads and descriptors come back, whatever a connection went through (RFC 6455 §7.1.1).
//!
//! They are counted in `/proc/self`, so there is one test in this file and nothing runs beside it; elsewhere
//! than on Linux it passes without counting.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{Client, Config, Role, Server, connect};
use common::{Frame, RawPeer};
use raw::*;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(5);

fn count(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).map_or(0, |entries| entries.count())
}

/// Waits until no more threads and descriptors are there than `before`; says what is left otherwise.
fn wait_for(what: &str, before: (usize, usize), faults: &mut Vec<String>) {
    let waited = Instant::now();
    loop {
        let now = (count("task"), count("fd"));
        if now.0 <= before.0 && now.1 <= before.1 {
            return;
        }
        if waited.elapsed() > PATIENCE {
            return faults.push(format!("{what}: (threads, descriptors) were {before:?} and are {now:?}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn short() -> Config {
    config(|config| {
        config.handshake_timeout = SHORT;
        config.close_timeout = SHORT;
    })
}

fn short_server() -> Server {
    server().config(short())
}

fn watchful_server() -> Server {
    let config = config(|config| {
        config.ping_interval = Some(SHORT);
        config.pong_timeout = SHORT;
    });
    server().config(config)
}

/// Its name, and what it does.
type Scenario = (&'static str, fn(&TestServer));

/// What peers do, each to a running server that must be as before when they are gone.
fn scenarios() -> Vec<Scenario> {
    vec![
        ("a polite client", |server| {
            let (mut ws, _) = connect(&format!("ws://{}/", server.address)).expect("connect");
            ws.send("hello").expect("send");
            assert!(matches!(ws.read(), Ok(Some(_))));
            ws.close(1000, "").expect("close");
            assert!(matches!(ws.read(), Ok(None)));
        }),
        ("a client that drops its connection", |server| {
            drop(connect(&format!("ws://{}/", server.address)).expect("connect"));
        }),
        ("a client that is just gone", |server| drop(RawPeer::connect(server.address))),
        ("a client that breaks the protocol", |server| {
            let mut peer = RawPeer::connect(server.address);
            peer.send(Frame::new(3, "?"));
            peer.read_to_end();
        }),
        ("a client that breaks the protocol and stays", |server| {
            let mut peer = RawPeer::connect(server.address);
            peer.send(Frame::text([0xff]));
            assert_eq!(read_close_code(&mut peer), 1007);
            read_end(&mut peer);
            wait_until("the server has left it", || server.connections() == 0);
        }),
        ("a client that ends its half and stays", |server| {
            let peer = RawPeer::connect(server.address);
            peer.stream.shutdown(Shutdown::Write).expect("shutdown");
            wait_until("the server has left it", || server.connections() == 0);
        }),
        ("a client that says Close and nothing more, not even FIN", |server| {
            let mut peer = RawPeer::connect(server.address);
            peer.send(Frame::close(1000, ""));
            assert_eq!(read_close_code(&mut peer), 1000);
            wait_until("the server has left it", || server.connections() == 0);
        }),
        ("a client that asks for much and reads nothing", |server| {
            let mut peer = RawPeer::connect(server.address);
            for _ in 0..12 {
                peer.send(Frame::binary(vec![0; 1 << 20]));
            }
            drop(peer);
        }),
        ("handshakes that fail, drip or never come", |server| {
            http(server.address, "nonsense\r\n\r\n");
            http(server.address, "");
            drop(RawPeer::tcp(server.address));
        }),
        ("many at once", |server| {
            let mut peers: Vec<_> = (0..100).map(|_| RawPeer::connect(server.address)).collect();
            peers.iter_mut().for_each(|peer| assert_echoes(peer, "hello"));
        }),
    ]
}

#[test]
fn threads_and_descriptors_come_back() {
    let mut faults = Vec::new();
    for &driver in DRIVERS {
        // What the first server ever opens may stay open.
        drop(TestServer::echo_on(driver, short_server()));
        for (what, scenario) in scenarios() {
            let before = (count("task"), count("fd"));
            let server = TestServer::echo_on(driver, short_server());
            let idle = count("fd");
            scenario(&server);
            wait_until(what, || server.connections() == 0);
            // A running server keeps threads that wait for the next connection, but no descriptor of the last.
            let what = format!("{driver:?}, {what}");
            wait_for(&format!("{what}, the server is running"), (usize::MAX, idle), &mut faults);
            drop(server);
            wait_for(&format!("{what}, the server has stopped"), before, &mut faults);
        }
    }
    for (what, scenario) in other_scenarios() {
        let before = (count("task"), count("fd"));
        scenario();
        wait_for(what, before, &mut faults);
    }
    assert!(faults.is_empty(), "something was left behind:\n{}", faults.join("\n"));
}

fn other_scenarios() -> Vec<(&'static str, fn())> {
    vec![
        ("a client that falls silent", || {
            for &driver in DRIVERS {
                let server = TestServer::echo_on(driver, watchful_server());
                let peer = RawPeer::connect(server.address);
                wait_until("the server has left it", || server.connections() == 0);
                drop(peer);
            }
        }),
        ("a client whose server is silent", || {
            let (_near, far, address) = tcp_pair();
            let client = Client::new().config(short());
            assert!(client.handshake(&format!("ws://{address}/"), far).is_err());
        }),
        ("a close that another thread has begun", || {
            let (ws, peer) = pair_with(Role::Client, short());
            let (mut receiver, sender) = ws.split();
            sender.close(1000, "").expect("close");
            assert!(receiver.read().is_err());
            drop((receiver, peer));
        }),
        ("a connection that was failed and dropped in a thread that goes on", || {
            let (mut ws, mut peer) = pair_with(Role::Server, short());
            peer.send(Frame::new(3, "?"));
            assert!(ws.read().is_err());
            drop(peer);
            drop(ws);
        }),
        ("a connection that was written to by a thread that goes on", || {
            let (ws, peer) = pair_with(Role::Server, short());
            ws.send("hello").expect("send");
            drop(peer);
            in_time(thread::spawn(move || drop(ws)));
        }),
        ("a shutdown with clients that do not answer", || {
            for &driver in DRIVERS {
                let server = TestServer::echo_on(driver, short_server());
                let mut peers: Vec<_> = (0..20).map(|_| RawPeer::connect(server.address)).collect();
                peers.iter_mut().for_each(|peer| assert_echoes(peer, "hello"));
                assert!(!server.shutdown(SHORT));
            }
        }),
    ]
}
