//! `Config::spin`: a thread that reads looks for input for a moment before it sleeps. Nothing else changes.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{Config, Error, Timeout};
use common::frame::{CLOSE, Frame, PING};
use raw::*;
use std::thread;
use std::time::Duration;

fn spinning(change: impl FnOnce(&mut Config)) -> Config {
    config(|config| {
        config.spin = Duration::from_millis(2);
        change(config);
    })
}

#[test]
fn messages_come_through_at_once_or_after_the_spin() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair_with(role, spinning(|_| {}));
        let echo = thread::spawn(move || {
            while let Some(message) = ws.read().unwrap().map(|message| message.into_owned()) {
                ws.write(message).unwrap();
            }
            ws.close_event()
        });
        for pause in [0, 0, 10, 0, 10] {
            thread::sleep(Duration::from_millis(pause)); // some find it spinning, some asleep
            peer.send(Frame::text("hello"));
            assert_eq!(peer.read().expect("the echo").payload, b"hello");
        }
        peer.send(Frame::close(1000, ""));
        assert_eq!(peer.read().expect("a Close").opcode, CLOSE);
        drop(peer);
        let event = echo.join().unwrap();
        assert_eq!((event.code.get(), event.was_clean), (1000, true));
    });
}

#[test]
fn silence_is_noticed_all_the_same() {
    both_roles(|role| {
        let short = spinning(|config| (config.ping_interval, config.pong_timeout) = (Some(SHORT), SHORT));
        let (mut ws, mut peer) = pair_with(role, short);
        let reading = thread::spawn(move || ws.read().map(|message| message.is_some()));
        // RFC 6455 §5.5.2/d
        assert_eq!(peer.read().expect("a Ping").opcode, PING);
        assert!(matches!(reading.join().unwrap(), Err(Error::Timeout(Timeout::Pong))));
    });
}
