//! The models: who writes, who waits for room, who closes, what fails.

use super::frame::{CLOSE, CONTINUATION, Frame, PONG, TEXT};
use super::network::dawdle;
use super::talk::{Talk, arrived, config, explore, open, talk};
use crate::{Hub, Overflow};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use std::io::Write;
use std::time::Duration;

#[test]
fn messages_of_many_threads_stay_whole_and_in_order() {
    explore(|| {
        let (network, receiver, sender) = open(7, &config());
        let peer = network.peer(4, false);
        let talks = [
            talk('a', 3, &sender, |sender, text| sender.send(text)),
            talk('b', 2, &sender, |sender, text| sender.write(text).map(|()| sender.flush())),
            talk('c', 2, &sender, |sender, text| sender.write(text)), // sent when the thread ends
            talk('d', 1, &sender, |sender, text| sender.ping(text.as_bytes())),
        ];
        let said = talks.map(Talk::end);
        drop(receiver);
        peer.join().unwrap();
        assert!(said.iter().flatten().all(|(_, result)| result.is_ok()), "{said:?}");
        assert_eq!(sender.buffered_amount(), 0);
        arrived(&network, &said, true);
    });
}

#[test]
fn buffered_amount_returns_to_0_while_the_connection_is_open() {
    explore(|| {
        let (network, receiver, sender) = open(5, &config());
        let peer = network.peer(3, false);
        let talks = [
            talk('a', 2, &sender, |sender, text| sender.send(text)),
            talk('b', 2, &sender, |sender, text| sender.write(text)), // sent when the thread ends
        ];
        let _said = talks.map(Talk::end);
        while sender.buffered_amount() > 0 {
            thread::yield_now();
        }
        assert_eq!(network.frames().0.len(), 4);
        drop(receiver);
        peer.join().unwrap();
    });
}

#[test]
fn what_a_thread_has_written_leaves_before_it_reads() {
    explore(|| {
        let (network, mut receiver, sender) = open(20, &config());
        let peer = network.peer(8, true);
        let asks = network.clone();
        let asks = thread::spawn(move || {
            for question in 0..3 {
                asks.until_sent(question); // all the answers so far
                asks.receive(Frame::text("?"));
            }
            asks.until_sent(3);
            asks.receive(Frame::close(1000, ""));
        });
        while let Some(message) = receiver.read().unwrap() {
            sender.write(message).unwrap();
        }
        asks.join().unwrap();
        drop(receiver);
        peer.join().unwrap();
    });
}

#[test]
fn a_thread_relies_on_its_own_promise_alone() {
    explore(|| {
        let (network, receiver, sender) = open(20, &config());
        let peer = network.peer(8, false);
        let wire = network.clone();
        let said = [
            talk('a', 1, &sender, |sender, text| sender.write(text)),
            talk('b', 1, &sender, move |sender, text| {
                let written = sender.write(text);
                wire.until_sent(1); // never, if `a` has left it to this thread
                written
            }),
        ];
        let said = said.map(Talk::end);
        drop(receiver);
        peer.join().unwrap();
        arrived(&network, &said, true);
    });
}

#[test]
fn what_a_thread_has_written_leaves_before_it_waits_for_room() {
    explore(|| {
        let mut config = config();
        config.max_backlog = 8;
        config.overflow = Overflow::Wait;
        let (other_network, other_receiver, other) = open(20, &config);
        let other_peer = other_network.peer(8, false);
        let (network, receiver, sender) = open(5, &config);
        let said = talk('a', 4, &sender, move |sender, text| {
            other.write("first")?;
            sender.send(text)
        });
        other_network.until_sent(1);
        let peer = network.peer(5, false);
        let said = [said.end()];
        drop((receiver, other_receiver));
        peer.join().unwrap();
        other_peer.join().unwrap();
        arrived(&network, &said, true);
    });
}

#[test]
fn what_was_held_back_follows_the_response_of_the_handshake() {
    explore(|| {
        let (network, receiver, sender) = open(5, &config());
        let peer = network.peer(5, false);
        sender.outgoing.hold();
        let said = ['a', 'b'].map(|name| talk(name, 2, &sender, |sender, text| sender.send(text)));
        dawdle();
        assert_eq!(network.frames().0.len(), 0);
        sender.outgoing.release();
        let said = said.map(Talk::end);
        while sender.buffered_amount() > 0 {
            thread::yield_now();
        }
        drop(receiver);
        peer.join().unwrap();
        arrived(&network, &said, true);
    });
}

#[test]
fn who_waits_for_room_is_woken() {
    explore(|| {
        let mut config = config();
        config.max_backlog = 8;
        config.overflow = Overflow::Wait;
        let (network, receiver, sender) = open(5, &config);
        let peer = network.peer(5, false);
        let said = ['a', 'b', 'c'].map(|name| talk(name, 3, &sender, |sender, text| sender.send(text)));
        let said = said.map(Talk::end);
        drop(receiver);
        peer.join().unwrap();
        assert!(said.iter().flatten().all(|(_, result)| result.is_ok()), "{said:?}");
        assert_eq!(sender.buffered_amount(), 0);
        arrived(&network, &said, true);
    });
}

#[test]
fn who_waits_for_room_is_woken_by_the_end_of_the_connection() {
    explore(|| {
        let mut config = config();
        config.max_backlog = 8;
        config.overflow = Overflow::Wait;
        let (network, receiver, sender) = open(5, &config);
        // The peer never reads.
        let said = ['a', 'b'].map(|name| talk(name, 4, &sender, |sender, text| sender.send(text)));
        let abort = thread::spawn(move || sender.abort());
        abort.join().unwrap();
        let said = said.map(Talk::end);
        drop(receiver);
        arrived(&network, &said, false);
    });
}

#[test]
fn close_wins_once() {
    explore(|| {
        let (network, mut receiver, sender) = open(6, &config());
        let peer_closes = thread_rng().gen_bool(0.5);
        let peer = network.peer(8, peer_closes);
        let said = ['a', 'b'].map(|name| talk(name, 2, &sender, |sender, text| sender.send(text)));
        let closers = [3000, 3001].map(|code| {
            let sender = sender.clone();
            thread::spawn(move || sender.close(code, "").unwrap())
        });
        if peer_closes {
            network.receive(Frame::close(3002, ""));
        }
        assert!(matches!(receiver.read(), Ok(None)), "a clean end");
        let said = said.map(Talk::end);
        closers.into_iter().for_each(|closer| closer.join().unwrap());
        peer.join().unwrap(); // at the end of our half, which is closed although the receiver is still there
        drop(receiver);
        let refused: usize =
            said.iter().flatten().filter(|(_, result)| result.is_err()).map(|(text, _)| text.len()).sum();
        assert_eq!(sender.buffered_amount(), refused, "what came too late counts for ever");
        assert!(sender.close_event().was_clean);
        arrived(&network, &said, true);
    });
}

#[test]
fn who_leaves_waits_for_those_who_send() {
    explore(|| {
        let (network, receiver, sender) = open(6, &config());
        let peer = network.peer(8, false);
        let said = ['a', 'b', 'c'].map(|name| talk(name, 2, &sender, |sender, text| sender.send(text)));
        dawdle();
        drop(receiver);
        peer.join().unwrap();
        let said = said.map(Talk::end);
        assert!(sender.close_event().was_clean);
        arrived(&network, &said, true);
    });
}

#[test]
fn a_reader_that_is_blocked_ends_by_the_close_deadline() {
    explore(|| {
        let mut config = config();
        config.close_timeout = Duration::ZERO;
        let (network, mut receiver, sender) = open(6, &config);
        // The peer says nothing, and reads one message and no Close.
        let said = [talk('a', 2, &sender, |sender, text| sender.send(text))];
        let closer = thread::spawn(move || sender.close(3000, "").unwrap());
        while let Ok(Some(_)) = receiver.read() {}
        closer.join().unwrap();
        let said = said.map(Talk::end);
        drop(receiver);
        arrived(&network, &said, false);
    });
}

#[test]
fn nothing_follows_a_frame_that_the_write_timeout_has_cut() {
    explore(|| {
        let mut config = config();
        config.write_timeout = Duration::ZERO;
        let (network, receiver, sender) = open(3, &config);
        network.be_impatient();
        let peer = network.peer(3, false);
        // The first does not fit, and of the others one comes when the time is up.
        let said = [
            talk('a', 1, &sender, |sender, text| sender.send(text)),
            talk('b', 4, &sender, |sender, text| {
                dawdle();
                sender.send(text)
            }),
        ];
        let said = said.map(Talk::end);
        drop(receiver);
        peer.join().unwrap();
        arrived(&network, &said, false);
    });
}

#[test]
fn nothing_follows_a_send_that_has_failed() {
    explore(|| {
        let (network, receiver, sender) = open(3, &config());
        network.fail_after(thread_rng().gen_range(0..4));
        let peer = network.peer(8, false);
        let said = ['a', 'b'].map(|name| talk(name, 3, &sender, |sender, text| sender.send(text)));
        let said = said.map(Talk::end);
        drop(receiver);
        peer.join().unwrap();
        arrived(&network, &said, false);
    });
}

#[test]
fn pongs_go_between_the_frames_of_a_backlog() {
    explore(|| {
        let (network, mut receiver, sender) = open(6, &config());
        let peer = network.peer(5, true);
        for ping in ["1", "2"] {
            network.receive(Frame::ping(ping));
        }
        network.receive(Frame::close(1000, ""));
        let said = [talk('a', 3, &sender, |sender, text| sender.send(text))];
        assert!(matches!(receiver.read(), Ok(None)));
        let said = said.map(Talk::end);
        drop(receiver);
        peer.join().unwrap();
        let frames = arrived(&network, &said, true);
        let pongs: Vec<_> = frames.iter().filter(|frame| frame.opcode == PONG).collect();
        assert!(
            pongs.last().is_some_and(|pong| pong.payload == b"2"),
            "the newest ping has its pong: {frames:?}"
        );
    });
}

#[test]
fn messages_are_dropped_whole() {
    explore(|| {
        let (network, receiver, sender) = open(5, &config());
        let peer = network.peer(5, false);
        let said = [
            talk('a', 3, &sender.with_overflow(Overflow::DropNewest, 8), |sender, text| sender.send(text)),
            talk('b', 3, &sender.with_overflow(Overflow::DropOldest, 8), |sender, text| sender.send(text)),
        ];
        let said = said.map(Talk::end);
        drop(receiver);
        peer.join().unwrap();
        assert!(said.iter().flatten().all(|(_, result)| result.is_ok()), "{said:?}");
        assert_eq!(sender.buffered_amount(), 0);
        let frames = arrived(&network, &said, false);
        assert_eq!(frames.last().map(|frame| frame.opcode), Some(CLOSE), "a clean end");
    });
}

#[test]
fn a_full_queue_may_end_the_connection() {
    explore(|| {
        let mut config = config();
        config.max_backlog = 8;
        config.overflow = Overflow::Disconnect;
        let (network, mut receiver, sender) = open(5, &config);
        let peer = network.peer(5, false);
        let said = ['a', 'b'].map(|name| talk(name, 3, &sender, |sender, text| sender.send(text)));
        let closer = thread::spawn(move || sender.close(3000, "").unwrap());
        while let Ok(Some(_)) = receiver.read() {}
        closer.join().unwrap();
        let said = said.map(Talk::end);
        drop(receiver);
        peer.join().unwrap();
        arrived(&network, &said, false);
    });
}

#[test]
fn the_fragments_of_a_message_stay_together() {
    explore(|| {
        let (network, receiver, sender) = open(9, &config());
        let peer = network.peer(8, false);
        let said = [talk('a', 2, &sender, |sender, text| sender.send(text))];
        let mut writer = sender.text_writer().unwrap().fragment_size(16);
        writer.write_all(&[b'w'; 36]).unwrap();
        writer.finish().unwrap();
        let said = said.map(Talk::end);
        drop(receiver);
        peer.join().unwrap();
        assert_eq!(sender.buffered_amount(), 0);
        let frames = arrived(&network, &said, true);
        let at = frames.iter().position(|frame| frame.payload.starts_with(b"w")).unwrap();
        let shape: Vec<_> =
            frames[at..at + 3].iter().map(|frame| (frame.opcode, frame.fin, frame.payload.len())).collect();
        assert_eq!(shape, [(TEXT, false, 16), (CONTINUATION, false, 16), (CONTINUATION, true, 4)]);
    });
}

#[test]
fn a_large_message_is_sent_from_where_it_is() {
    explore(|| {
        let (network, receiver, sender) = open(12 << 10, &config());
        let peer = network.peer(10 << 10, false);
        let large = |name: char| {
            let sender = sender.clone();
            thread::spawn(move || {
                let text = name.to_string().repeat(20 << 10);
                vec![(text.clone(), sender.send(text))]
            })
        };
        let large = ['x', 'y'].map(large);
        let small = talk('a', 2, &sender, |sender, text| sender.send(text)).end();
        let [x, y] = large.map(|thread| thread.join().unwrap());
        drop(receiver);
        peer.join().unwrap();
        assert_eq!(sender.buffered_amount(), 0);
        arrived(&network, &[x, y, small], true);
    });
}

#[test]
fn what_a_hub_sends_keeps_its_order_with_the_rest() {
    explore(|| {
        let (network, receiver, sender) = open(20, &config());
        let peer = network.peer(7, false);
        let hub = Hub::with_overflow(Overflow::Wait, 1 << 20);
        let member = hub.join(sender.clone());
        let said = ['a', 'b'].map(|name| {
            let hub = hub.clone();
            talk(name, 3, &sender, move |sender, text| {
                // The second goes to this member alone, between two for all.
                if text.contains('1') {
                    return sender.write(text);
                }
                hub.write(text);
                Ok(())
            })
        });
        let said = said.map(Talk::end);
        drop(member);
        drop(receiver);
        peer.join().unwrap();
        assert_eq!(sender.buffered_amount(), 0);
        arrived(&network, &said, true);
    });
}
