//! The bad network by itself: what it does follows from the seed, is felt at both ends, and alters nothing.

use super::common::raw_peer::DEADLINE;
use super::faults::{Dice, Faults, Network, Weather};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

#[test]
fn what_it_does_follows_from_the_seed() {
    for weather in [Weather::Bad, Weather::Harsh] {
        let histories = [1, 1, 2].map(|seed| {
            thread::spawn(move || {
                let (network, ends) = start(weather, seed);
                let talks: Vec<_> = (0..4).map(|_| talk(&network, &ends, 40)).collect();
                (talks, network.counts().to_string())
            })
        });
        let [first, again, other] = histories.map(|history| history.join().expect("a history"));
        assert_eq!(first, again);
        assert_ne!(first, other);
    }
}

#[test]
fn a_cut_is_felt_at_both_ends() {
    let (network, ends) = start(Weather::Harsh, 3);
    let talks: Vec<_> = (0..24).map(|_| talk(&network, &ends, usize::MAX)).collect();
    let felt = |end| talks.iter().filter(|talk| talk.client == Some(end) && talk.server == end).count();
    let cuts = |of: fn(&Faults) -> u64| [of(&network.counts().up), of(&network.counts().down)];
    let resets = cuts(|faults| faults.reset.load(Ordering::SeqCst));
    let truncations = cuts(|faults| faults.truncated.load(Ordering::SeqCst));
    assert!([resets, truncations].as_flattened().iter().all(|&cuts| cuts > 0), "{}", network.counts());
    assert_eq!(felt(ErrorKind::ConnectionReset) as u64, resets.iter().sum::<u64>(), "{talks:?}");
    assert_eq!(felt(ErrorKind::UnexpectedEof) as u64, truncations.iter().sum::<u64>(), "{talks:?}");
}

#[test]
fn everything_arrives_unaltered_in_bad_weather() {
    let (network, _ends) = start(Weather::Bad, 4);
    let mut client = connect(&network);
    let (mut speaking, mut hearing) = (Dice(5), Dice(5));
    let (mut said, mut heard) = (0, 0);
    let mut buffer = [0; 1000];
    let give_up = Instant::now() + DEADLINE * 4;
    loop {
        let is_over = network.has_done_its_worst();
        // So much under way that chunks meet, and so little that they never fill the proxy's buffer.
        while !is_over && said < heard + 20 * PIECE {
            client.write_all(&[0; PIECE].map(|_| speaking.next() as u8)).expect("write");
            said += PIECE;
        }
        if heard == said {
            break;
        }
        let n = client.read(&mut buffer).expect("read");
        assert!(n > 0 && Instant::now() < give_up, "{heard} of {said}: {}", network.counts());
        assert!(buffer[..n].iter().all(|&byte| byte == hearing.next() as u8), "altered behind {heard}");
        heard += n;
    }
    client.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(client.read(&mut buffer).expect("read"), 0);
}

/// How many pieces came back, and how it ended for both.
#[derive(Debug, PartialEq)]
struct Talk {
    rounds: usize,
    client: Option<ErrorKind>,
    server: ErrorKind,
}

/// Pieces go there and back one at a time, so that each is a chunk.
fn talk(network: &Network, ends: &Receiver<ErrorKind>, most: usize) -> Talk {
    let mut stream = connect(network);
    let mut piece = [7; PIECE];
    let mut round = || stream.write_all(&piece).and_then(|()| stream.read_exact(&mut piece));
    let (mut rounds, mut client) = (0, None);
    while rounds < most && client.is_none() {
        match round() {
            Ok(()) => rounds += 1,
            Err(error) => client = Some(error.kind()),
        }
    }
    drop(stream);
    Talk { rounds, client, server: ends.recv_timeout(DEADLINE).expect("the server hears of it") }
}

/// A network before a server that sends every piece back, and how each of its connections ended.
fn start(weather: Weather, seed: u64) -> (Network, Receiver<ErrorKind>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let (tell, ends) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut piece = [0; PIECE];
            let mut answer = || stream.read_exact(&mut piece).and_then(|()| stream.write_all(&piece));
            let end = loop {
                if let Err(error) = answer() {
                    break error.kind();
                }
            };
            drop(stream);
            if tell.send(end).is_err() {
                return;
            }
        }
    });
    (Network::start(address, weather, seed), ends)
}

fn connect(network: &Network) -> TcpStream {
    let stream = TcpStream::connect(network.address).expect("connect");
    stream.set_read_timeout(Some(DEADLINE)).expect("set_read_timeout");
    stream
}

const PIECE: usize = 100;
