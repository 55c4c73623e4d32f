//! A server as a process of its own: started, told its fate by signals, and ended on drop.

use super::crowd::PATIENCE;
use super::example::example;
use super::raw::wait_until;
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub struct Program {
    process: Child,
    pub address: SocketAddr,
    /// What it prints after its first line.
    output: Option<JoinHandle<String>>,
}

impl Program {
    /// The example `chat`.
    pub fn chat(options: &[&str]) -> Program {
        let mut command = Command::new(example("chat"));
        command.args(["--listen", "127.0.0.1:0"]).args(options);
        Program::start(command, "http://")
    }

    /// Starts `command`, which prints its address behind `before`.
    #[track_caller]
    pub fn start(mut command: Command, before: &str) -> Program {
        raise_descriptor_limit();
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it starts");
        let mut stdout = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut address = None;
        while address.is_none() {
            let mut line = String::new();
            assert!(stdout.read_line(&mut line).expect("a line") > 0, "it ended without an address");
            address =
                line.split_once(before).and_then(|(_, rest)| rest.split(['/', '\n']).next()?.parse().ok());
        }
        // It may print much, and must not wait for somebody to read that.
        let output = thread::spawn(move || {
            let mut rest = Vec::new();
            let _ = stdout.read_to_end(&mut rest);
            String::from_utf8_lossy(&rest).into_owned()
        });
        Program { process, address: address.expect("an address"), output: Some(output) }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id() as i32).expect("a process has a number");
        kill_process(pid, signal).expect("it is ours");
    }

    /// Stops it in the middle of whatever it does.
    #[track_caller]
    pub fn pause(&self) {
        self.signal(Signal::STOP);
        wait_until("every thread of it has stopped", || {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("it is there");
            tasks.flatten().all(|task| {
                let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
                stat.is_empty() || stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
            })
        });
    }

    /// Lets it go on as if nothing had happened.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for its end. Gives what it has printed since its first line.
    #[track_caller]
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let give_up = Instant::now() + PATIENCE;
        let status = loop {
            match self.process.try_wait().expect("it can be asked") {
                Some(status) => break status,
                None => assert!(Instant::now() < give_up, "it does not end"),
            }
            thread::sleep(Duration::from_millis(5));
        };
        (status, self.output.take().and_then(|output| output.join().ok()).unwrap_or_default())
    }

    /// Its memory, in KiB.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Thousands of sockets need thousands of descriptors.
fn raise_descriptor_limit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        let _ = setrlimit(Resource::Nofile, limit);
    });
}
