//! The book of attacks: what nobody can do to a server of this crate (RFC 6455 §10).
//!
//! Other implementations were broken in some two dozen ways, the classes C1 to C26 below. Each has its test here, which
//! says its number: `c05_…`. The server is a process of its own (see [`attacked`]), attacked over real sockets with the
//! limits that the test names, once with a thread for each connection and once with an event loop, and its memory, threads,
//! descriptors and CPU time are looked at from outside. [`figures`] has the numbers.
//!
//! | file | attacks | classes |
//! | --- | --- | --- |
//! | [`memory`] | making it keep what it need not keep | C4, C5, C7, C8, C9, C11, C12 |
//! | [`time`] | making it wait | C13, C22 |
//! | [`limits`] | using up connections, descriptors, threads; panics | |
//! | [`origins`] | coming in as somebody else's page | C18 |
//! | [`handshake`] | heads that are large, many, or slow to read | C1, C2, C3 |
//! | [`smuggling`] | heads that are read in two ways, and line breaks that leave | C19 |
//! | [`replies`] | replies and bytes that nobody expects; credentials | C10, C20, C23, C25 |
//! | [`frames`] | lengths, loops, text that is none, data of others | C6, C14, C15, C17, C24, C26 |
//! | [`certificates`] | pretending to be another server | C21 |
//! | [`randomness`] | guessing what should be random | C16 |
//!
//! For the next editor: a check must be able to fail. Whoever adds one breaks the limit once and sees that it does.
#![cfg(all(target_os = "linux", feature = "event-loop"))]

#[path = "../common/mod.rs"]
mod common;
#[cfg(feature = "deflate")]
#[path = "../common/deflate.rs"]
mod deflate;
#[path = "../common/example.rs"]
mod example;
#[path = "../common/raw.rs"]
mod raw;
#[path = "../common/tls.rs"]
mod tls;

mod attacked;
mod certificates;
mod child;
mod figures;
mod frames;
mod handshake;
mod limits;
mod memory;
mod origins;
mod randomness;
mod replies;
mod smuggling;
mod time;

use raw::{DRIVERS, Driver};
use std::fs;
use std::thread;

/// Classes whose test is not here yet, and what it waits for.
const OWED: &[(u32, &str)] = &[];

#[test]
fn every_class_has_its_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile");
    let mut source = String::new();
    for entry in fs::read_dir(folder).expect("this folder") {
        source.push_str(&fs::read_to_string(entry.expect("an entry").path()).expect("a source file"));
    }
    for class in 1..=26 {
        let has_test = source.contains(&format!("#[test]\nfn c{class:02}_"));
        match OWED.iter().find(|owed| owed.0 == class) {
            None => assert!(has_test, "C{class} has no test"),
            Some((_, what)) => assert!(!has_test, "C{class} is not owed any more: {what}"),
        }
    }
}

/// Runs an attack on a server of either kind, both at once: most of the time is waiting.
fn each_driver(attack: impl Fn(Driver) + Sync) {
    thread::scope(|scope| {
        for &driver in DRIVERS {
            let attack = &attack;
            thread::Builder::new()
                .name(attacked::name(driver).into())
                .spawn_scoped(scope, move || attack(driver))
                .expect("a thread");
        }
    });
}
