//! What the figures hold for: the machine, the compiler, the versions, the day.

use crate::rows::{bun, js_dir, node_with_ws, package_dir};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine in a line.
pub fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpus.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_string())
    };
    let model = field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_string());
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: f64 = total.and_then(|kb| kb.trim_end_matches("kB").trim().parse().ok()).unwrap_or(0.0);
    let uname = rustix::system::uname();
    let kernel = format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy());
    let plural = if count == 1 { "" } else { "s" };
    format!("{model}, {count} CPU{plural}, {:.1} GiB, {kernel}", kib / 1024.0 / 1024.0)
}

/// The compiler, and the versions of everything that is measured.
pub fn versions() -> String {
    let mut versions = vec![env!("RUSTC_VERSION").to_string(), ours()];
    for name in ["tungstenite", "fastwebsockets", "tokio-websockets", "sockudo-ws", "tokio"] {
        versions.extend(locked(name).map(|version| format!("{name} {version}")));
    }
    if let Some(version) = bun().and_then(|bun| said_by(Command::new(bun).arg("--version"))) {
        versions.push(format!("bun {version}"));
    }
    if let Some(version) = node_with_ws().and_then(|node| said_by(Command::new(node).arg("--version"))) {
        versions.push(format!("node {}", version.trim_start_matches('v')));
        versions.extend(ws_version().map(|version| format!("ws {version}")));
    }
    versions.join(", ")
}

/// The day, as `2025-12-31` (UTC).
pub fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (year, month, day) = civil(since.as_secs() / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// The repository's root.
pub fn root() -> PathBuf {
    package_dir().join("../..")
}

fn ours() -> String {
    let version = locked("clearsocket").unwrap_or_default();
    let commit = said_by(Command::new("git").arg("-C").arg(root()).args(["describe", "--always", "--dirty"]));
    match commit {
        Some(commit) => format!("clearsocket {version} ({commit})"),
        None => format!("clearsocket {version}"),
    }
}

/// The version of a package in the lock file that this was built with.
fn locked(name: &str) -> Option<&'static str> {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let (_, rest) = include_str!("../../../Cargo.lock").split_once(&entry)?;
    rest.split('"').next()
}

fn ws_version() -> Option<String> {
    let package = fs::read_to_string(js_dir().join("node_modules/ws/package.json")).ok()?;
    let (_, rest) = package.split_once("\"version\"")?;
    rest.split('"').nth(1).map(str::to_string)
}

fn said_by(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// Year, month and day of a number of days since 1970-01-01, by counting.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_453), (2025, 12, 31));
        assert_eq!(civil(20_454), (2026, 1, 1));
    }

    #[test]
    fn versions_are_in_the_lock_file() {
        for name in ["clearsocket", "tungstenite", "fastwebsockets", "tokio-websockets", "sockudo-ws"] {
            assert!(locked(name).is_some_and(|version| version.contains('.')), "{name}");
        }
    }
}
