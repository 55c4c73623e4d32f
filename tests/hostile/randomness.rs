//! Attacks on randomness (RFC 6455 §5.3, §10.3): C16.
//!
//! Masking keeps a script from choosing the bytes on the wire, so that no proxy takes them for a request; the nonce shows
//! that the reply is to this request. Clients have used one mask for a whole connection, a counter, a generator seeded by
//! the clock, or one whose state two processes share after a fork.
//!
//! We promise: a new mask for every frame, from a cryptographic generator that the system seeds for each connection; so
//! connections made after a fork have nothing in common. (A connection that two processes go on with after a fork is
//! broken by more than its masks.)

use super::common::RawPeer;
use super::common::frame::{Frame, read_frame};
use super::figures::note_text;
use super::raw;
use clearsocket::{Client, Role, Transport, WebSocket};
use fork::{Fork, fork, waitpid};
use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const MILLION: usize = 1_000_000;

/// χ² of the bytes at each of `N` places, each among 256 values. Its mean is 255 and its standard deviation 22.6.
fn chi_squares<const N: usize>(samples: &[[u8; N]]) -> [f64; N] {
    let expected = samples.len() as f64 / 256.0;
    std::array::from_fn(|place| {
        let mut counts = [0u32; 256];
        samples.iter().for_each(|sample| counts[usize::from(sample[place])] += 1);
        counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
    })
}

/// How far from one half the share of ones of any bit is, in standard deviations; at most.
fn worst_bit<const N: usize>(samples: &[[u8; N]]) -> f64 {
    let deviation = (samples.len() as f64).sqrt() / 2.0;
    let of_bit = |bit: usize| {
        let ones = samples.iter().filter(|sample| sample[bit / 8] >> (bit % 8) & 1 == 1).count();
        (ones as f64 - samples.len() as f64 / 2.0).abs() / deviation
    };
    (0..N * 8).map(of_bit).fold(0.0, f64::max)
}

/// The masks of `count` frames of one client.
fn masks(ws: &WebSocket, peer: &mut RawPeer, count: usize) -> Vec<[u8; 4]> {
    thread::scope(|scope| {
        scope.spawn(|| {
            (0..count).for_each(|_| ws.write("x").expect("write"));
            ws.flush();
        });
        let mut masks = Vec::with_capacity(count);
        let (mut bytes, mut piece) = (std::mem::take(&mut peer.buffer), vec![0; 64 << 10]);
        while masks.len() < count {
            let n = peer.stream.read(&mut piece).expect("frames come");
            assert!(n > 0, "the connection has ended");
            bytes.extend_from_slice(&piece[..n]);
            let mut at = 0;
            while let Some((frame, len)) = read_frame(&bytes[at..]) {
                assert_eq!(frame.payload, b"x");
                masks.push(frame.mask.expect("a client masks"));
                at += len;
            }
            bytes.drain(..at);
        }
        masks
    })
}

#[test]
fn c16_a_million_masks_have_no_pattern() {
    let (ws, mut peer) = raw::pair(Role::Client);
    let masks = masks(&ws, &mut peer, MILLION);
    ws.abort();
    let distinct = masks.iter().collect::<HashSet<_>>().len();
    let repeats = MILLION - distinct;
    // Of a million numbers of 32 bits 116 come twice by chance, give or take 11. A counter would have none.
    // RFC 6455 §5.3/c §10.3/a
    assert!((30..=220).contains(&repeats), "{repeats} masks came twice");
    let (chi, bit) = (chi_squares(&masks), worst_bit(&masks));
    assert!(chi.iter().all(|chi| (100.0..=440.0).contains(chi)), "{chi:?}");
    assert!(bit < 7.0, "a bit is {bit} standard deviations away from a half");
    // RFC 6455 §5.3/d: neither does the difference to the one before tell anything.
    let key = |mask: &[u8; 4]| u32::from_be_bytes(*mask);
    let steps: Vec<_> =
        masks.windows(2).map(|pair| key(&pair[1]).wrapping_sub(key(&pair[0])).to_be_bytes()).collect();
    let chi_steps = chi_squares(&steps);
    assert!(chi_steps.iter().all(|chi| (100.0..=440.0).contains(chi)), "{chi_steps:?}");
    let worst = chi.into_iter().fold(0.0, f64::max);
    note_text(
        "C16",
        "a million masks of one client",
        "client",
        &format!(
            "{repeats} came twice (chance: 116 ± 11); χ² at most {worst:.0} (255 ± 23); bits {bit:.1} σ"
        ),
    );
}

/// A stream that keeps what is sent and has nothing to say: the request stays.
#[derive(Clone, Default)]
struct Deaf(Arc<Mutex<Vec<u8>>>);

impl Transport for Deaf {
    fn recv(&self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes)
    }
    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn set_recv_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
    fn set_send_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
    fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

/// The nonce of one handshake of a client.
fn nonce() -> [u8; 16] {
    use base64::Engine;
    let stream = Deaf::default();
    assert!(Client::new().handshake("ws://localhost/", stream.clone()).is_err());
    let request = stream.0.lock().expect("not poisoned");
    const NAME: &[u8] = b"Sec-WebSocket-Key: ";
    let at = request.windows(NAME.len()).position(|window| window == NAME).expect("a key") + NAME.len();
    let engine = base64::engine::general_purpose::STANDARD;
    engine.decode(&request[at..at + 24]).expect("base64").try_into().expect("16 bytes")
}

#[test]
fn c16_a_million_nonces_have_no_pattern() {
    let nonces: Vec<[u8; 16]> = thread::scope(|scope| {
        let halves = [(); 2].map(|()| scope.spawn(|| (0..MILLION / 2).map(|_| nonce()).collect::<Vec<_>>()));
        halves.into_iter().flat_map(|half| half.join().expect("no panic")).collect()
    });
    // RFC 6455 §4.1/x
    assert_eq!(nonces.iter().collect::<HashSet<_>>().len(), MILLION, "a nonce came twice");
    let (chi, bit) = (chi_squares(&nonces), worst_bit(&nonces));
    assert!(chi.iter().all(|chi| (100.0..=440.0).contains(chi)), "{chi:?}");
    assert!(bit < 7.0, "a bit is {bit} standard deviations away from a half");
    let worst = chi.into_iter().fold(0.0, f64::max);
    let text = format!("none came twice; χ² at most {worst:.0} (255 ± 23); bits {bit:.1} σ");
    note_text("C16", "a million nonces", "client", &text);
}

// ---- Processes ----

/// Set for a process that is to say a nonce and some masks; `fork` if it is to do so twice.
const TWINS: &str = "CLEARSOCKET_HOSTILE_TWINS";

/// A nonce and sixteen masks of a new connection, in hexadecimal.
fn sample() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let far = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    let near = listener.accept().expect("accept").0;
    let server = thread::spawn(move || {
        let (mut peer, head) = RawPeer::accept_with(far, "");
        let mut masks = String::new();
        for _ in 0..16 {
            let frame: Frame = peer.read().expect("a frame");
            frame.mask.expect("a mask").iter().for_each(|byte| masks += &format!("{byte:02x}"));
        }
        let key = super::common::raw_peer::header(&head, "Sec-WebSocket-Key").expect("a key").to_owned();
        format!("{key} {masks}")
    });
    let (ws, _) = Client::new().handshake("ws://localhost/", near).expect("a connection");
    (0..16).for_each(|_| ws.write("x").expect("write"));
    ws.flush();
    let sample = server.join().expect("no panic");
    ws.abort();
    sample
}

/// Not a test of its own: what the ones below start.
#[test]
fn a_process_that_says_its_numbers() {
    let Ok(how) = std::env::var(TWINS) else { return };
    // The generator of this thread is in use before the fork, and so has a state that both would have.
    drop((nonce(), sample()));
    if how == "fork" {
        match fork().expect("fork") {
            Fork::Parent(child) => {
                println!("\nnumbers: {}", sample());
                let _ = waitpid(child);
            }
            Fork::Child => {
                println!("\nnumbers: {}", sample());
                let _ = io::stdout().flush();
                std::process::exit(0);
            }
        }
    } else {
        println!("\nnumbers: {}", sample());
    }
}

/// What such processes say, all in all.
fn numbers(how: &str, processes: usize) -> Vec<String> {
    let start = || {
        let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
        let test = "randomness::a_process_that_says_its_numbers";
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(TWINS, how);
        command.stdout(Stdio::piped()).spawn().expect("this program starts again")
    };
    let processes: Vec<_> = (0..processes).map(|_| start()).collect();
    let mut said = Vec::new();
    for process in processes {
        let output = process.wait_with_output().expect("its output");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        said.extend(text.lines().filter_map(|line| line.strip_prefix("numbers: ")).map(str::to_owned));
    }
    said
}

/// No two have a nonce or a mask in common.
#[track_caller]
fn assert_nothing_in_common(said: &[String]) {
    let mut seen = HashSet::new();
    for sample in said {
        let (key, masks) = sample.split_once(' ').expect("a key and masks");
        assert!(seen.insert(key.to_owned()), "a nonce came twice: {said:#?}");
        for mask in masks.as_bytes().chunks(8) {
            assert!(seen.insert(String::from_utf8_lossy(mask).into_owned()), "a mask came twice: {said:#?}");
        }
    }
}

#[test]
fn c16_two_processes_have_no_numbers_in_common() {
    let said = numbers("alone", 4);
    assert_eq!(said.len(), 4);
    assert_nothing_in_common(&said);
}

#[test]
fn c16_neither_have_two_that_were_one_before_a_fork() {
    let said = numbers("fork", 3);
    assert_eq!(said.len(), 6);
    // RFC 6455 §4.1/x §5.3/c §10.3/a
    assert_nothing_in_common(&said);
    note_text("C16", "connections opened on both sides of a fork", "client", "no nonce or mask in common");
}
