//! The two programs of the browser test, the chat server and Chromium, and the deadline of it all.
//!
//! Each is a guard: dropped, also by a panic, it ends its own process by its pid and leaves no file.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// The moment at which whoever still waits for something gives up.
#[derive(Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(time: Duration) -> Deadline {
        Deadline(Instant::now() + time)
    }

    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Asks `question` again and again; `None` if it has no answer in time.
    pub fn poll<T>(self, mut question: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            match question() {
                Some(answer) => return Some(answer),
                None if self.left().is_zero() => return None,
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

/// A running chat server.
pub struct Chat {
    process: Child,
    lines: Receiver<String>,
    pub address: SocketAddr,
    url: String,
}

impl Chat {
    /// Starts the chat at `listen`, trying again while that port is not free.
    pub fn start(program: &Path, listen: SocketAddr, options: &[&str], deadline: Deadline) -> Chat {
        let start = || Chat::try_start(program, listen, options, deadline);
        deadline.poll(start).expect("the chat says where it listens")
    }

    fn try_start(program: &Path, listen: SocketAddr, options: &[&str], deadline: Deadline) -> Option<Chat> {
        let mut command = Command::new(program);
        command.arg("--listen").arg(listen.to_string()).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the chat can be run");
        let lines = lines(process.stdout.take());
        let mut chat = Chat { process, lines, address: listen, url: String::new() };
        let first = chat.line_with("The chat is at", deadline)?;
        let url = first.split_whitespace().find(|word| word.contains("://"))?;
        chat.address = url.split_once("://")?.1.trim_end_matches('/').parse().ok()?;
        chat.url = url.to_string();
        Some(chat)
    }

    /// As it was printed.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the chat to print a line with these words in it.
    pub fn line_with(&self, words: &str, deadline: Deadline) -> Option<String> {
        loop {
            let line = self.lines.recv_timeout(deadline.left()).ok()?;
            if line.contains(words) {
                return Some(line);
            }
        }
    }

    /// Ctrl-C; gives the exit code.
    pub fn interrupt(mut self, deadline: Deadline) -> Option<i32> {
        kill("INT", self.process.id().to_string());
        deadline.poll(|| self.process.try_wait().expect("the chat is our child"))?.code()
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A running Chromium without a window, with a new profile.
pub struct Chromium {
    process: Child,
    profile: PathBuf,
    /// Where its DevTools listen: `ws://127.0.0.1:PORT/devtools/browser/ID`.
    pub devtools: String,
}

impl Chromium {
    /// Starts the one that the variable CHROMIUM names, or else one on the PATH; `None` without one. It takes certificates
    /// of the key with this hash, whoever vouches for them.
    pub fn start(trusted: &str, deadline: Deadline) -> Option<Chromium> {
        let profile = std::env::temp_dir().join(format!("clearsocket-browser-{}", std::process::id()));
        let process = match std::env::var_os("CHROMIUM") {
            Some(named) => Some(spawn(named.as_ref(), &profile, trusted).expect("CHROMIUM names a program")),
            None => PROGRAMS.iter().find_map(|program| spawn(program.as_ref(), &profile, trusted).ok()),
        };
        let mut process = process?;
        let lines = lines(process.stderr.take());
        let mut chromium = Chromium { process, profile, devtools: String::new() };
        while chromium.devtools.is_empty() {
            let line = lines.recv_timeout(deadline.left()).expect("Chromium says where its DevTools listen");
            chromium.devtools = line.strip_prefix("DevTools listening on ").unwrap_or_default().to_string();
        }
        Some(chromium)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Chromium is many processes; they are in a group of their own, named after the first.
        let group = format!("-{}", self.process.id());
        kill("TERM", &group);
        let grace = Deadline::after(Duration::from_secs(5));
        if grace.poll(|| self.process.try_wait().unwrap_or_default()).is_none() {
            kill("KILL", &group);
            let _ = self.process.wait();
        }
        // The others go when the first is gone, and may still write until then.
        let grace = Deadline::after(Duration::from_secs(5));
        grace.poll(|| {
            (std::fs::remove_dir_all(&self.profile).is_ok() || !self.profile.exists()).then_some(())
        });
    }
}

fn spawn(program: &Path, profile: &Path, trusted: &str) -> std::io::Result<Child> {
    std::fs::create_dir_all(profile)?;
    let mut command = Command::new(program);
    command.env("TMPDIR", profile); // what it leaves behind goes with the rest
    command.arg(format!("--ignore-certificate-errors-spki-list={trusted}"));
    command.args(FLAGS).arg(format!("--user-data-dir={}", profile.display())).arg("about:blank");
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
}

/// Sends a signal to a process, or to a group of processes if there is a minus before the number.
fn kill(signal: &str, process: impl AsRef<str>) {
    let signal = format!("-{signal}");
    let status = Command::new("kill").args([&signal, "--", process.as_ref()]).stderr(Stdio::null()).status();
    assert!(status.is_ok(), "there is no kill command");
}

/// What a process prints, line by line, so that it never waits for us to read.
fn lines(output: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let output = BufReader::new(output.expect("the output is piped"));
    std::thread::spawn(move || {
        // The last line may have been heard already; the rest must be read all the same.
        output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
    });
    receiver
}

/// Says something that is seen even though the test passes.
pub fn announce(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

const PROGRAMS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox", // in containers there is none; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
];
