//! The server under attack: a process of its own, looked at from outside.
//!
//! ```text
//!   this process: attackers, residents ──TCP──▶ child process: the server      (this same program, see `child`)
//!         └── /proc/PID: memory, threads, descriptors, CPU ──┘
//! ```
//!
//! Orders are words such as `handshake_timeout=300` (milliseconds for times); `child` knows them. The child ends when its
//! standard input does, so none outlives the tests.

use super::common::{Frame, RawPeer, raw_peer};
use super::raw::{Driver, assert_echoes, wait_until};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

/// The environment variable that holds a child's orders.
pub const ORDERS: &str = "CLEARSOCKET_HOSTILE_ORDERS";

/// A server in a process of its own, ended on drop.
pub struct Attacked {
    process: Child,
    pub address: SocketAddr,
    pub driver: Driver,
    log: Arc<Mutex<Vec<String>>>,
}

/// How a driver is called in the figures.
pub fn name(driver: Driver) -> &'static str {
    match driver {
        Driver::Threads => "threads",
        Driver::EventLoop(_) => "event loop",
    }
}

impl Attacked {
    #[track_caller]
    pub fn start(driver: Driver, orders: &str) -> Attacked {
        raise_descriptor_limit();
        let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
        command.args(["--exact", "child::a_server_of_its_own", "--nocapture", "--test-threads=1"]);
        command.env(ORDERS, format!("driver={} {orders}", name(driver).replace(' ', "-")));
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("this program starts again");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("listening on ")?;
            address.parse().ok()
        });
        let log = Arc::<Mutex<Vec<String>>>::default();
        let kept = log.clone();
        thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| kept.lock().expect("not poisoned").push(line));
        });
        Attacked { process, address: address.expect("the child says where it listens"), driver, log }
    }

    /// After a first conversation, so that what any conversation costs is not counted.
    #[track_caller]
    pub fn start_warm(driver: Driver, orders: &str) -> (Attacked, Measure) {
        let server = Attacked::start(driver, orders);
        server.assert_alive();
        let idle = server.settled();
        (server, idle)
    }

    pub fn connect(&self) -> RawPeer {
        RawPeer::connect(self.address)
    }

    pub fn connect_to(&self, path: &str) -> RawPeer {
        RawPeer::connect_with(self.address, path, "").0
    }

    /// A member of the hub, from now on.
    #[track_caller]
    pub fn member(&self) -> RawPeer {
        let mut peer = self.connect_to("/hub");
        assert_eq!(peer.read(), Some(Frame::text("welcome")));
        peer
    }

    /// A newcomer is served and hears its echo.
    #[track_caller]
    pub fn assert_alive(&self) {
        let mut peer = self.connect();
        assert_echoes(&mut peer, "alive");
        peer.send(Frame::close(1000, ""));
        peer.read_to_end();
    }

    /// How many lines of the server's log contain `what`.
    pub fn heard(&self, what: &str) -> usize {
        self.log.lock().expect("not poisoned").iter().filter(|line| line.contains(what)).count()
    }

    /// Waits until so many lines of the server's log contain `what`, for they come through a pipe.
    #[track_caller]
    pub fn assert_heard(&self, what: &str, count: usize) {
        wait_until(what, || self.heard(what) >= count);
        assert_eq!(self.heard(what), count, "{}", self.log());
    }

    /// The last lines of the log.
    pub fn log(&self) -> String {
        let log = self.log.lock().expect("not poisoned");
        log[log.len().saturating_sub(10)..].join("\n")
    }

    pub fn measure(&self) -> Measure {
        let of =
            |file: &str| fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).expect("it runs");
        let status = of("status");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells");
            line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
        };
        // Fields 14 and 15, counted from behind the name, which may contain anything.
        let stat = of("stat");
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
        Measure {
            rss: number("VmRSS:"),
            peak: number("VmHWM:"),
            virt: number("VmSize:"),
            threads: number("Threads:"),
            descriptors: self.descriptors(),
            cpu: Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()),
        }
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id())).map_or(0, |entries| entries.count())
    }

    /// From now on `peak` is the peak since now.
    pub fn forget_peak(&self) {
        let _ = fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5");
    }

    /// The measure once no connection is left and it has nothing to do.
    #[track_caller]
    pub fn settled(&self) -> Measure {
        let mut last = self.measure();
        let mut unchanged = 0;
        let give_up = Instant::now() + raw_peer::DEADLINE;
        while unchanged < 5 && Instant::now() < give_up {
            thread::sleep(Duration::from_millis(20));
            let now = self.measure();
            let same = (now.threads, now.descriptors, now.rss) == (last.threads, last.descriptors, last.rss);
            unchanged = if same { unchanged + 1 } else { 0 };
            last = now;
        }
        last
    }

    /// Waits until the server has no more descriptors than `before` and hardly more threads; a server with a thread for each
    /// connection keeps up to 65 for the next ones. Gives the measure then.
    #[track_caller]
    pub fn recovers_to(&self, before: &Measure) -> Measure {
        wait_until("threads and descriptors are what they were", || {
            let now = self.measure();
            now.descriptors <= before.descriptors && now.threads <= before.threads + KEPT_THREADS
        });
        self.settled()
    }

    /// CPU time that the server spends while this process waits for `time`.
    pub fn cpu_during(&self, time: Duration) -> Duration {
        let before = self.measure().cpu;
        thread::sleep(time);
        self.measure().cpu - before
    }

    /// The server has neither panicked nor died.
    #[track_caller]
    pub fn assert_unharmed(&mut self) {
        assert_eq!(self.heard("panic"), 0, "{}", self.log());
        assert!(matches!(self.process.try_wait(), Ok(None)), "the server has died: {}", self.log());
        self.assert_alive();
    }
}

/// Threads that a server may keep for the next connections.
pub const KEPT_THREADS: usize = 65;

impl Drop for Attacked {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A look at the server's process. Memory in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    pub rss: usize,
    pub peak: usize,
    pub virt: usize,
    pub threads: usize,
    pub descriptors: usize,
    pub cpu: Duration,
}

/// Thousands of sockets need thousands of descriptors.
pub fn raise_descriptor_limit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        let _ = setrlimit(Resource::Nofile, limit);
    });
}
