//! The chat under everything that networks, systems and operators do to it: nothing is lost.
//!
//! ```text
//!   500 members ──▶ a bad network ──▶ the example chat, as a process that is stopped, killed, and told to end
//! ```
//!
//! | test | what is done |
//! | --- | --- |
//! | [`soak`] | the network delays, splits, merges and throttles, and cuts every fifth member, who comes back |
//! | [`the_server_stands_still`] | SIGSTOP, and later SIGCONT |
//! | [`the_server_is_killed`] | SIGKILL; another one in its place, and everybody comes back |
//! | [`shutdown`] | SIGTERM while 1,000 clients send |
//! | [`network`] | whether the network is as bad as it says |
//!
//! Every test is done to a chat with a thread for each member and to one with an event loop. The soak takes `SOAK_SECONDS` for
//! each, by default 5, or 60 where `CI` is set, and throws its dice from `SOAK_SEED`. Every test prints its [`figures`]:
//!
//! ```sh
//! SOAK_SECONDS=600 SOAK_SEED=42 cargo test --test soak -- soak_with --nocapture
//! ```
//!
//! For the next editor: a check must be able to fail. Whoever adds one breaks the chat once and sees that it does.
#![cfg(all(target_os = "linux", feature = "event-loop", feature = "deflate"))]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/example.rs"]
mod example;
#[path = "../common/faults.rs"]
mod faults;
#[path = "../common/raw.rs"]
mod raw;

mod crowd;
mod figures;
mod life;
mod network;
mod program;
mod shutdown;

use crowd::{Crowd, PATIENCE};
use faults::{Network, Weather};
use figures::note;
use program::Program;
use rustix::process::Signal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn soak_with_threads() {
    soak(DRIVERS[0]);
}

#[test]
fn soak_with_an_event_loop() {
    soak(DRIVERS[1]);
}

fn soak((driver, options): (&str, &[&str])) {
    let _turn = one_at_a_time();
    let (time, seed) = (soak_time(), number("SOAK_SEED").unwrap_or(1));
    let chat = Program::chat(options);
    let bad = Network::start(chat.address, Weather::Bad, seed);
    let harsh = Network::start(chat.address, Weather::Harsh, !seed);
    let mut crowd = Crowd::new(seed);
    let before = chat.memory();
    crowd.join(400, 20, bad.address, true);
    crowd.join(100, 20, harsh.address, false);
    crowd.wait_for_welcome();
    let full = chat.memory();
    crowd.talk(time);
    // A busy machine may need longer until everything has happened.
    let give_up = Instant::now() + PATIENCE;
    while !(bad.has_done_its_worst() && harsh.has_done_its_worst()) {
        assert!(Instant::now() < give_up, "never happened: {}; {}", bad.counts(), harsh.counts());
        crowd.talk(Duration::from_secs(1));
    }
    let talked = chat.memory();
    let account = crowd.finish();
    let done = format!("500 members for {} s, seed {seed}; {account}", time.as_secs());
    note("soak", driver, &done, &[before, full, talked, chat.memory()]);
    note("soak, network", driver, &format!("bad: {}; harsh: {}", bad.counts(), harsh.counts()), &[]);
    assert!(account.returned > 0 && account.said >= 800, "everybody talked, and some came back");
    end(chat);
}

/// How long people talk in the soak.
fn soak_time() -> Duration {
    let usual = if std::env::var_os("CI").is_some() { 60 } else { 5 };
    Duration::from_secs(number("SOAK_SECONDS").unwrap_or(usual))
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")))
}

#[test]
fn the_server_stands_still() {
    each_driver(|driver, options| {
        let chat = Program::chat(options);
        let network = Network::start(chat.address, Weather::Bad, 4);
        let mut crowd = Crowd::new(5);
        (crowd.window, crowd.pause) = (16, 200);
        crowd.join(100, 10, network.address, true);
        crowd.wait_for_welcome();
        let mut under_way = Vec::new();
        for _ in 0..3 {
            crowd.talk(Duration::from_millis(700));
            chat.pause();
            crowd.talk(Duration::from_millis(1500));
            under_way.push(crowd.under_way());
            chat.resume();
        }
        let account = crowd.finish();
        note("SIGSTOP", driver, &format!("said meanwhile, each time: {under_way:?}; {account}"), &[]);
        assert!(under_way.iter().all(|&messages| messages >= 100), "all went on talking: {under_way:?}");
        end(chat);
    });
}

#[test]
fn the_server_is_killed() {
    each_driver(|driver, options| {
        let mut chat = Program::chat(options);
        let network = Network::start(chat.address, Weather::Bad, 6);
        let mut crowd = Crowd::new(7);
        (crowd.window, crowd.pause) = (16, 200);
        crowd.join(60, 6, network.address, false);
        crowd.wait_for_welcome();
        crowd.talk(Duration::from_secs(2));
        chat.signal(Signal::KILL);
        chat.wait();
        crowd.forget_orders();
        crowd.talk(Duration::from_millis(500)); // to nobody
        let chat = Program::chat(options);
        network.set_target(chat.address);
        crowd.wait_for_return(2);
        crowd.talk(Duration::from_secs(2));
        let account = crowd.finish();
        note("SIGKILL", driver, &account.to_string(), &[]);
        assert_eq!(account.returned, 60);
        assert!(account.not_arrived > 0, "it was killed while people talked");
        end(chat);
    });
}

/// The chat ends when it is asked to, with nobody in it.
#[track_caller]
fn end(mut chat: Program) {
    assert!(chat.is_running());
    chat.signal(Signal::TERM);
    let (status, _) = chat.wait();
    assert_eq!(status.code(), Some(0));
}

/// Runs a test on either kind of chat, both at once: most of the time is waiting.
fn each_driver(test: impl Fn(&'static str, &[&str]) + Sync) {
    let _turn = one_at_a_time();
    thread::scope(|scope| {
        for (driver, options) in DRIVERS {
            let (test, thread) = (&test, thread::Builder::new().name(driver.into()));
            thread.spawn_scoped(scope, move || test(driver, options)).expect("a thread");
        }
    });
}

/// The options for each driver of the chat.
const DRIVERS: [(&str, &[&str]); 2] = [("threads", &[]), ("event loop", &["--event-loop"])];

/// Each of these tests needs the machine for itself.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
