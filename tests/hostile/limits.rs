//! Attacks on what there is only so much of: connections, descriptors, threads; and what a panic may take along.
//!
//! The attacker opens connections until there are no more to be had, or finds an input that makes a handler panic. Servers
//! have stopped accepting for good after one refusal by the system, burnt a core asking it again and again, or died of a
//! panic in one connection's thread.
//!
//! We promise: beyond `max_connections` a newcomer gets 503 and residents notice nothing; when the system refuses, it is
//! logged, waited for and tried again; a panic ends its own connection, with 1011, and nothing else.

use super::attacked::{Attacked, name};
use super::common::Frame;
use super::common::raw_peer::request;
use super::common::{RawPeer, raw_peer::DEADLINE};
use super::each_driver;
use super::figures::{note, note_text};
use super::raw::*;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

#[test]
fn limit_of_connections_newcomers_get_503_and_residents_notice_nothing() {
    const MOST: usize = 50;
    each_driver(|driver| {
        let (mut server, idle) = Attacked::start_warm(driver, &format!("max_connections={MOST}"));
        wait_until("the first has left", || server.measure().descriptors <= idle.descriptors);
        let mut residents: Vec<_> = (0..MOST).map(|_| server.connect()).collect();
        let before = server.settled();
        let mut during = before;
        let mut refused = 0;
        for round in 0..5 {
            let newcomers: Vec<_> = (0..40)
                .map(|_| {
                    let address = server.address;
                    thread::spawn(move || http(address, request(address, "/", "")))
                })
                .collect();
            residents.iter_mut().for_each(|peer| assert_echoes(peer, &round.to_string()));
            during = server.measure();
            for newcomer in newcomers {
                assert_eq!(status(&in_time(newcomer)), 503);
                refused += 1;
            }
        }
        server.assert_heard("ServerFull", refused);
        // A place that becomes free is given to the next one.
        residents.pop();
        wait_until("there is a place", || {
            http_status(&server, request(server.address, "/", "Connection: close\r\n")) != 503
        });
        drop(residents);
        let after = server.recovers_to(&idle);
        note("limits", "200 newcomers beyond max_connections", &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

/// The status that a request is answered with; the connection is dropped then.
fn http_status(server: &Attacked, request: String) -> u16 {
    let mut peer = RawPeer::tcp(server.address);
    peer.send_bytes(request.as_bytes());
    status(&peer.read_head())
}

#[test]
fn limit_of_descriptors_the_server_logs_waits_and_recovers() {
    each_driver(|driver| {
        let mut server = Attacked::start(driver, "descriptors=24");
        let before = server.measure();
        let head = request(server.address, "/", "");
        let mut crowd: Vec<_> = (0..60)
            .map(|_| {
                let mut stream = TcpStream::connect(server.address).expect("the system's queue has room");
                stream.write_all(head.as_bytes()).expect("write");
                stream
            })
            .collect();
        wait_until("it logs", || server.heard("Accept") > 0 && server.heard("code: 24") > 0); // EMFILE
        let (logged, during) = (server.heard("Accept"), server.measure());
        let busy = server.cpu_during(Duration::from_secs(1));
        let logged = server.heard("Accept") - logged;
        assert!(busy < Duration::from_millis(300), "{driver:?}: waiting took {busy:?} of CPU in a second");
        assert!((1..=200).contains(&logged), "{driver:?}: {logged} lines in a second");
        // Who is in notices nothing.
        let mut resident = RawPeer::new(crowd.remove(0), clearsocket::Role::Client);
        assert!(resident.read_head().starts_with("HTTP/1.1 101 "));
        assert_echoes(&mut resident, "hello");
        // As some leave, those who wait come in, to the last one.
        let mut served = 0;
        for stream in crowd {
            let mut peer = RawPeer::new(stream, clearsocket::Role::Client);
            assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
            assert_echoes(&mut peer, "at last");
            served += 1;
        }
        drop(resident);
        wait_until("descriptors come back", || server.measure().descriptors <= before.descriptors);
        let after = server.settled();
        note("limits", "out of descriptors; 60 newcomers", &server, [&before, &during, &after]);
        let text =
            format!("{} ms of CPU and {logged} lines a second, {served} served later", busy.as_millis());
        note_text("limits", "out of descriptors, meanwhile", name(driver), &text);
        server.assert_unharmed();
    });
}

#[test]
fn limit_of_threads_the_server_logs_turns_away_and_recovers() {
    // There is no room in the address space for the stack of another thread. (A limit on the number of threads would not
    // bind root.) An event loop starts none after its first.
    let mut server =
        Attacked::start(Driver::Threads, &format!("stack_size={0} address_space={1}", 128 << 20, 1300 << 20));
    let before = server.measure();
    let mut residents = Vec::new();
    let mut turned_away = 0;
    while turned_away < 20 {
        assert!(residents.len() < 100, "there are threads without end");
        let mut stream = TcpStream::connect(server.address).expect("connect");
        let _ = stream.write_all(request(server.address, "/", "").as_bytes());
        stream.set_read_timeout(Some(DEADLINE)).expect("set_read_timeout");
        let mut status = [0; 12];
        match stream.read_exact(&mut status) {
            Ok(()) if &status == b"HTTP/1.1 101" => {
                let mut peer = RawPeer::new(stream, clearsocket::Role::Client);
                peer.buffer = status.to_vec();
                peer.read_head();
                residents.push(peer);
            }
            Ok(()) => {
                assert_eq!(&status, b"HTTP/1.1 503");
                turned_away += 1;
            }
            // Its request was not read, and a reset can overtake the 503.
            Err(_) => turned_away += 1,
        }
    }
    assert!(residents.len() >= 3, "only {} came in", residents.len());
    wait_until("each was told of", || server.heard("Accept") >= 20);
    residents.iter_mut().for_each(|peer| assert_echoes(peer, "hello"));
    let during = server.measure();
    let busy = server.cpu_during(Duration::from_secs(1));
    assert!(busy < Duration::from_millis(300), "waiting took {busy:?} of CPU in a second");
    drop(residents);
    wait_until("descriptors come back", || server.measure().descriptors <= before.descriptors);
    let after = server.settled();
    note("limits", "out of threads; 20 newcomers turned away", &server, [&before, &during, &after]);
    server.assert_unharmed();
}

#[test]
fn limit_of_a_panic_is_its_own_connection() {
    each_driver(|driver| {
        let (mut server, idle) = Attacked::start_warm(driver, "");
        let mut residents: Vec<_> = (0..10).map(|_| server.connect()).collect();
        let before = server.settled();
        for round in 0..30 {
            let mut peer = server.connect_to("/panic");
            peer.send(Frame::text("boom"));
            // RFC 6455 §7.3/c
            assert_eq!(read_close_code(&mut peer), 1011);
            let mut peer = server.connect_to("/panic/open");
            assert_eq!(read_close_code(&mut peer), 1011);
            let hook = http(server.address, request(server.address, "/panic/hook", ""));
            assert_eq!(status(&hook), 500);
            let page = http(server.address, "GET /panic/page HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_eq!(status(&page), 500);
            residents.iter_mut().for_each(|peer| assert_echoes(peer, &round.to_string()));
        }
        let during = server.measure();
        wait_until("all were reported", || server.heard("Panic {") == 120);
        drop(residents);
        let after = server.recovers_to(&idle);
        note("limits", "120 panics in handlers and hooks", &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}
