//! Attacks on time (RFC 6455 §7.1.1, §10.4): C13, C22.
//!
//! The attacker begins something and never ends it: a handshake, a frame, a closing handshake, a read; or it vanishes
//! without a word. Servers have waited for ever, each time with a thread, a descriptor and a place among the connections,
//! some because every byte made them wait anew.
//!
//! We promise: every wait has a deadline, which bytes that drip do not move; and what was held comes back.

use super::attacked::{Attacked, Measure};
use super::common::raw_peer::{DEADLINE, request};
use super::common::{Frame, RawPeer};
use super::each_driver;
use super::figures::{note, note_text};
use super::raw::*;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Two people who talk in the hub all the while, as long as `attack` takes; how long the slowest answer took.
fn beside_a_chat<T>(server: &Attacked, attack: impl FnOnce() -> T) -> (T, Duration) {
    let over = AtomicBool::new(false);
    let (mut ada, mut bob) = (server.member(), server.member());
    ada.send(Frame::text("are you there?"));
    [&mut ada, &mut bob]
        .into_iter()
        .for_each(|peer| assert_eq!(peer.read(), Some(Frame::text("are you there?"))));
    thread::scope(|scope| {
        let chat = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            for number in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let said = Instant::now();
                let text = Frame::text(format!("message {number}"));
                ada.send(text.clone());
                [&mut ada, &mut bob].into_iter().for_each(|peer| assert_eq!(peer.read(), Some(text.clone())));
                slowest = slowest.max(said.elapsed());
                thread::sleep(Duration::from_millis(5));
            }
            slowest
        });
        let result = attack();
        over.store(true, Ordering::Relaxed);
        (result, chat.join().expect("the chat goes on"))
    })
}

#[test]
fn c22_silent_partial_and_dripping_handshakes_end_at_one_deadline_beside_a_working_chat() {
    const EACH: usize = 600;
    const TIMEOUT: Duration = Duration::from_secs(8);
    each_driver(|driver| {
        let orders = format!("handshake_timeout={}", TIMEOUT.as_millis());
        let (mut server, idle) = Attacked::start_warm(driver, &orders);
        let before = server.measure();
        let attack = || {
            let begun = Instant::now();
            // Who says nothing is let in after a second; until then they all stand in the system's queue.
            let crowd = || {
                let streams = (0..EACH).map(|_| TcpStream::connect(server.address).expect("connect"));
                streams.collect::<Vec<_>>()
            };
            let (silent, mut partial, mut dripping) = (crowd(), crowd(), crowd());
            let head = request(server.address, "/", "");
            for stream in &mut partial {
                stream.write_all(&head.as_bytes()[..head.len() / 2]).expect("write");
            }
            wait_until("all of them are in", || server.measure().descriptors >= idle.descriptors + 3 * EACH);
            assert!(begun.elapsed() < TIMEOUT, "this machine is too slow for so many");
            let during = server.measure();
            // A header line without end, a byte at a time.
            let mut dripped = 0;
            while dripping.iter_mut().filter_map(|stream| stream.write_all(b"G").ok()).count() > 0 {
                dripped += 1;
                assert!(begun.elapsed() < TIMEOUT + DEADLINE, "dripping goes on and on");
                thread::sleep(Duration::from_millis(150));
            }
            assert!(dripped > 3);
            // The others have got their answer: 408.
            for stream in silent.into_iter().chain(partial) {
                let mut peer = RawPeer::new(stream, clearsocket::Role::Client);
                let answer = peer.read_to_end();
                assert!(
                    answer.is_empty() || answer.starts_with(b"HTTP/1.1 408 "),
                    "{}",
                    answer.escape_ascii()
                );
            }
            assert!(begun.elapsed() >= TIMEOUT);
            during
        };
        let (during, slowest) = beside_a_chat(&server, attack);
        let after = server.recovers_to(&idle);
        assert!(slowest < Duration::from_secs(5), "{driver:?}: an answer in the chat took {slowest:?}");
        wait_until("all were told of", || server.heard("Timeout(Handshake)") >= 3 * EACH);
        let attack = format!(
            "{} silent, partial and dripping handshakes; in the chat the slowest answer after {} ms",
            3 * EACH,
            slowest.as_millis()
        );
        note("C22", &attack, &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

/// Peers that do something to be ended for; measures them before and after that.
fn ends(
    attack: &str,
    server: &mut Attacked,
    idle: &Measure,
    mut peers: Vec<RawPeer>,
    mut act: impl FnMut(&mut RawPeer),
) {
    let before = server.settled();
    peers.iter_mut().for_each(&mut act);
    let during = server.measure();
    // The peers stay: it is the server that has to end this.
    let after = server.recovers_to(idle);
    note("C13", attack, server, [&before, &during, &after]);
    drop(peers);
    server.assert_unharmed();
}

#[test]
fn c13_a_frame_that_never_ends_is_ended() {
    each_driver(|driver| {
        let (mut server, idle) = Attacked::start_warm(driver, "message_timeout=1000");
        let mut peers: Vec<_> = (0..50).map(|_| server.connect()).collect();
        let before = server.settled();
        for peer in &mut peers {
            peer.send_bytes(&Frame::binary("").masked().announcing(15 << 20).header());
        }
        let begun = Instant::now();
        let mut during = None;
        // Each byte is a sign of life, and buys no time.
        while peers.iter_mut().filter_map(|peer| peer.stream.write_all(b"x").ok()).count() > 0 {
            during.get_or_insert_with(|| server.measure());
            assert!(begun.elapsed() < DEADLINE, "{driver:?}: it drips and drips");
            thread::sleep(Duration::from_millis(100));
        }
        server.assert_heard("MessageTooSlow", 50);
        let after = server.recovers_to(&idle);
        note("C13", "50 frames that drip for ever", &server, [&before, &during.expect("one"), &after]);
        server.assert_unharmed();
    });
}

#[test]
fn c13_a_close_that_is_never_answered_ends_at_its_deadline() {
    each_driver(|driver| {
        let (mut server, idle) = Attacked::start_warm(driver, "close_timeout=500");
        let peers: Vec<_> = (0..50).map(|_| server.connect_to("/close")).collect();
        ends("50 Closes that are never answered", &mut server, &idle, peers, |peer| {
            peer.send(Frame::text("please close"));
            assert_eq!(read_close_code(peer), 1000);
        });
    });
}

#[test]
fn c13_frames_without_end_in_place_of_the_close_end_at_its_deadline() {
    each_driver(|driver| {
        let (mut server, idle) = Attacked::start_warm(driver, "close_timeout=500");
        for (path, last) in [("/close", Frame::text("please close")), ("/", Frame::new(3, "nonsense"))] {
            let mut peer = server.connect_to(path);
            peer.send(last);
            let mut stream = peer.stream.try_clone().expect("try_clone");
            let noise = Frame::binary(vec![7; 1000]).masked().bytes();
            // Whatever comes instead: the deadline does not move.
            let writing = thread::spawn(move || {
                let begun = Instant::now();
                while stream.write_all(&noise).is_ok() {
                    assert!(begun.elapsed() < DEADLINE, "the server takes this for ever");
                    thread::sleep(Duration::from_millis(1));
                }
            });
            server.recovers_to(&idle);
            in_time(writing);
        }
        server.assert_unharmed();
    });
}

#[test]
fn c13_a_peer_that_stops_reading_in_the_middle_of_our_close_is_ended() {
    each_driver(|driver| {
        let (mut server, idle) = Attacked::start_warm(driver, "close_timeout=1000 write_timeout=1500");
        let peers: Vec<_> = (0..10).map(|_| server.connect_to("/stuck")).collect();
        ends("10 Closes that cannot leave", &mut server, &idle, peers, |peer| {
            peer.send(Frame::text("much, please"));
            let mut begin = [0; 100];
            std::io::Read::read_exact(&mut peer.stream, &mut begin).expect("it begins");
        });
    });
}

#[test]
fn c13_a_peer_that_neither_speaks_nor_answers_a_ping_is_ended() {
    each_driver(|driver| {
        let (mut server, idle) = Attacked::start_warm(driver, "ping_interval=300 pong_timeout=300");
        let peers: Vec<_> = (0..50).map(|_| server.connect()).collect();
        ends("50 peers that answer no ping", &mut server, &idle, peers, |_| {});
    });
}

#[test]
fn c13_no_end_of_tcp_after_both_closes_is_waited_for_no_longer_than_the_deadline() {
    each_driver(|driver| {
        let (mut server, idle) = Attacked::start_warm(driver, "close_timeout=500");
        let peers: Vec<_> = (0..50).map(|_| server.connect()).collect();
        ends("50 peers that say Close and never end TCP", &mut server, &idle, peers, |peer| {
            peer.send(Frame::close(1000, ""));
            assert_eq!(read_close_code(peer), 1000);
        });
    });
}

#[test]
fn c13_waiting_for_all_that_takes_no_cpu() {
    each_driver(|driver| {
        let (mut server, idle) = Attacked::start_warm(driver, "close_timeout=6000 message_timeout=9000");
        let mut peers: Vec<_> = (0..30).map(|_| server.connect_to("/close")).collect();
        for peer in &mut peers {
            peer.send(Frame::text("please close"));
            assert_eq!(read_close_code(peer), 1000);
        }
        let mut others: Vec<_> = (0..30).map(|_| server.connect_to("/stuck")).collect();
        others.iter_mut().for_each(|peer| peer.send(Frame::text("much, please")));
        // These have been told what is wrong, and stay.
        let mut wrong: Vec<_> = (0..30).map(|_| server.connect()).collect();
        for peer in &mut wrong {
            peer.send(Frame::new(3, "nonsense"));
            assert_eq!(read_close_code(peer), 1002);
            peer.send(Frame::text("and another thing"));
        }
        wait_until("it has sent what the network takes", || {
            server.cpu_during(Duration::from_millis(100)) < Duration::from_millis(50)
        });
        let busy = server.cpu_during(Duration::from_secs(1));
        assert!(busy < Duration::from_millis(300), "{driver:?}: waiting took {busy:?} of CPU in a second");
        let text = format!("{} ms of CPU in a second of waiting", busy.as_millis());
        note_text("C13", "90 Closes under way", super::attacked::name(driver), &text);
        drop((peers, others, wrong));
        server.recovers_to(&idle);
        server.assert_unharmed();
    });
}

// ---- A network that is gone ----

/// Set for a process that has a network to itself.
const ALONE: &str = "CLEARSOCKET_HOSTILE_ALONE";

#[test]
fn c13_a_connection_that_vanishes_without_a_fin_is_found_out() {
    let alone = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--net", "--"]);
        unshare.args(command.split(' ')).stderr(Stdio::null()).stdout(Stdio::null());
        unshare.status().is_ok_and(|status| status.success())
    };
    if !alone("ip link set lo up") {
        assert!(std::env::var_os("CI").is_none(), "no network namespace can be made (unshare, ip)");
        return println!(
            "skipped: the test of a vanished connection needs unshare and ip, and the right to use them"
        );
    }
    let this = std::env::current_exe().expect("the path of this program");
    let mut world = Command::new("unshare");
    world.args(["--user", "--map-root-user", "--net", "--"]).arg(this);
    world.args(["--exact", "time::a_network_of_its_own", "--nocapture", "--test-threads=1"]).env(ALONE, "1");
    let output = world.output().expect("unshare runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    // Its figures are ours.
    for line in text.lines().filter_map(|line| line.strip_prefix("vanished: ")) {
        let (driver, line) = line.split_once(": ").expect("a driver");
        note_text("C13", "20 connections whose network has gone", driver, line);
    }
    assert_eq!(text.matches("vanished: ").count(), 2, "{text}");
}

/// Not a test of its own: what the one above starts in a network namespace.
#[test]
fn a_network_of_its_own() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let loopback = |state: &str| {
        let status = Command::new("ip").args(["link", "set", "lo", state]).status();
        assert!(status.is_ok_and(|status| status.success()), "ip link set lo {state}");
    };
    loopback("up");
    for &driver in DRIVERS {
        let orders = "ping_interval=500 pong_timeout=500 close_timeout=500 write_timeout=1000";
        let (mut server, idle) = Attacked::start_warm(driver, orders);
        let mut peers: Vec<_> = (0..20).map(|_| server.connect()).collect();
        peers.iter_mut().for_each(|peer| assert_echoes(peer, "hello"));
        let before = server.measure();
        loopback("down");
        let gone = Instant::now();
        drop(peers); // their FINs go nowhere
        wait_until("the server has found out", || server.measure().descriptors <= idle.descriptors);
        let after = gone.elapsed();
        loopback("up");
        server.assert_heard("Timeout(Pong)", 20);
        server.assert_unharmed();
        println!(
            "\nvanished: {}: found out after {} ms (ping 500, pong 500); descriptors {}, {}",
            super::attacked::name(driver),
            after.as_millis(),
            before.descriptors,
            idle.descriptors
        );
    }
}
