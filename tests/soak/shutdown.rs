//! SIGTERM while 1,000 clients send (RFC 6455 §7.3, §7.4.1).
//!
//! ```text
//!   each client:  sends 0, 1, 2, ... ──▶ the server counts what `write` has accepted of the answers
//!                 0, 1, 2, ... n, Close 1001, end ◀── SIGTERM; and says in the end: accepted n
//! ```
//!
//! The server is this program once more, in a process of its own, for its accepted messages are to be compared with those
//! that came, client by client.

use super::crowd::PATIENCE;
use super::faults::Dice;
use super::figures::note;
use super::one_at_a_time;
use super::program::Program;
use super::raw::{DRIVERS, Driver};
use clearsocket::{Client, Config, Error, Handler, Message, Request, Sender, Server};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const CLIENTS: usize = 1000;

/// Far more than everybody needs to say goodbye.
const GRACE: Duration = Duration::from_secs(60);

#[test]
fn sigterm_under_load_everything_accepted_is_delivered_and_everybody_gets_1001() {
    let _turn = one_at_a_time();
    for &driver in DRIVERS {
        let mut server = start(driver);
        let load = Arc::new(Load::default());
        let clients: Vec<_> = (0..CLIENTS).map(|id| connect(id, server.address, &load)).collect();
        let give_up = Instant::now() + PATIENCE;
        while load.busy.load(Ordering::SeqCst) < CLIENTS {
            assert!(Instant::now() < give_up && server.is_running(), "nobody hears anything");
            thread::sleep(Duration::from_millis(5));
        }
        let begin = Instant::now();
        load.ending.store(true, Ordering::SeqCst);
        server.signal(Signal::TERM);
        let (status, output) = server.wait();
        let took = begin.elapsed();
        let talks: Vec<Talk> = clients.into_iter().map(|client| client.join().expect("a client")).collect();
        assert_eq!(status.code(), Some(0), "{output}");
        assert!(output.contains("everybody had gone: true") && took < GRACE, "{took:?}: {output}");
        let counts = compare(&talks, &accepted(&output));
        note("SIGTERM", name(driver), &format!("{counts}; over after {took:.1?}"), &[]);
    }
}

fn name(driver: Driver) -> &'static str {
    match driver {
        Driver::Threads => "threads",
        Driver::EventLoop(_) => "event loop",
    }
}

fn start(driver: Driver) -> Program {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command.args(["--exact", "shutdown::a_server_of_its_own", "--nocapture", "--test-threads=1"]);
    command.env(ORDERS, name(driver));
    Program::start(command, "listening on ")
}

/// Each client has heard what was accepted for it, neither less nor more. Gives the counts.
fn compare(talks: &[Talk], accepted: &BTreeMap<usize, u64>) -> String {
    for (id, talk) in talks.iter().enumerate() {
        assert_eq!(accepted.get(&id), Some(&talk.heard), "accepted for client {id}, and heard by it");
    }
    let total = |of: fn(&Talk) -> u64| talks.iter().map(of).sum::<u64>();
    let late = total(|talk| talk.heard_late);
    assert!(late > 0, "nothing was under way");
    format!(
        "{} sent, {} accepted, {} delivered, {late} of them after the SIGTERM, 1001 to {}",
        total(|talk| talk.sent),
        accepted.values().sum::<u64>(),
        total(|talk| talk.heard),
        talks.len()
    )
}

fn accepted(output: &str) -> BTreeMap<usize, u64> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("accepted ")?.split_once(": "));
    lines.map(|(id, count)| (id.parse().expect("a number"), count.parse().expect("a number"))).collect()
}

// ---- The clients ----

/// What the clients and the test tell each other.
#[derive(Default)]
struct Load {
    /// Clients who are connected. They begin together, for who connects among those who talk has to wait long.
    present: AtomicUsize,
    /// Clients who have heard some answers.
    busy: AtomicUsize,
    ending: AtomicBool,
}

/// What a client has seen.
struct Talk {
    sent: u64,
    heard: u64,
    /// After the SIGTERM.
    heard_late: u64,
}

/// A client that keeps some messages under way, until it is told 1001. Every tenth is slow, and has many.
fn connect(id: usize, address: SocketAddr, load: &Arc<Load>) -> JoinHandle<Talk> {
    let load = load.clone();
    let is_slow = id.is_multiple_of(10);
    let client = thread::Builder::new().name(format!("client {id}")).stack_size(256 << 10);
    let talk = move || {
        let url = format!("ws://{address}/{id}");
        let client = Client::new().config(patient());
        let transport = client.dial(&url).expect("dial");
        let (mut ws, _) = client.handshake(&url, transport).expect("it is let in");
        load.present.fetch_add(1, Ordering::SeqCst);
        while load.present.load(Ordering::SeqCst) < CLIENTS {
            thread::sleep(Duration::from_millis(20)); // a lock that a thousand want would take them longer
        }
        let mut talk = Talk { sent: 0, heard: 0, heard_late: 0 };
        let sender = ws.sender();
        let say_next = |sent: &mut u64| {
            // Refused once the server has closed.
            *sent += u64::from(sender.send(message(id, *sent)).is_ok());
        };
        (0..if is_slow { 200 } else { 8 }).for_each(|_| say_next(&mut talk.sent));
        while let Some(answer) = ws.read().expect("the end is an orderly one") {
            assert!(answer == message(id, talk.heard).into(), "client {id}: one was lost, or altered");
            talk.heard += 1;
            talk.heard_late += u64::from(load.ending.load(Ordering::SeqCst));
            load.busy.fetch_add(usize::from(talk.heard == 20), Ordering::SeqCst);
            if is_slow {
                thread::sleep(Duration::from_millis(2));
            }
            say_next(&mut talk.sent);
        }
        let end = ws.close_event();
        // RFC 6455 §7.3/a §7.4.1/a
        assert!(end.code == 1001 && end.was_clean, "client {id}: {end:?}");
        talk
    };
    client.spawn(talk).expect("a thread")
}

/// What a client says: its number, the message's, and up to 4 KiB that depend on both.
fn message(id: usize, number: u64) -> Vec<u8> {
    let mut dice = Dice((id as u64) << 32 | number);
    let length = dice.throw(512) as usize;
    let words = [id as u64, number].into_iter().chain((0..length).map(|_| dice.next()));
    words.flat_map(u64::to_be_bytes).collect()
}

fn patient() -> Config {
    let mut config = Config::default();
    (config.handshake_timeout, config.close_timeout) = (PATIENCE, PATIENCE);
    config
}

// ---- The server ----

/// The environment variable that says which driver the server is to have.
const ORDERS: &str = "CLEARSOCKET_SHUTDOWN_ORDERS";

/// Not a test of its own: what the test above starts.
#[test]
fn a_server_of_its_own() {
    if let Ok(order) = std::env::var(ORDERS) {
        DRIVERS.iter().filter(|&&driver| name(driver) == order).for_each(|&driver| serve(driver));
    }
}

fn serve(driver: Driver) {
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = stop.send(());
    })
    .expect("a handler for signals");
    let accepted: Arc<Vec<AtomicU64>> = Arc::new((0..CLIENTS).map(|_| AtomicU64::new(0)).collect());
    let server = Server::bind("127.0.0.1:0").expect("bind").config(patient());
    let address = server.local_addr().expect("local_addr");
    let counters = accepted.clone();
    let answering = move |request: &Request| {
        let id = request.path()[1..].parse().expect("a number");
        Answering { accepted: counters.clone(), id }
    };
    let handle = driver.start(server, answering).expect("it starts");
    println!("\nlistening on {address}");
    let _ = stopped.recv();
    let all_gone = handle.shutdown(GRACE);
    println!("\neverybody had gone: {all_gone}");
    for (id, count) in accepted.iter().enumerate() {
        println!("accepted {id}: {}", count.load(Ordering::SeqCst));
    }
}

/// Sends everything back, and counts what was accepted of it.
struct Answering {
    accepted: Arc<Vec<AtomicU64>>,
    id: usize,
}

impl Handler for Answering {
    fn on_message(&mut self, sender: &Sender, message: Message<'_>) -> Result<(), Error> {
        let written = sender.write(message);
        if written.is_ok() {
            self.accepted[self.id].fetch_add(1, Ordering::SeqCst);
        }
        written
    }
}
