//! What came of these tests, in numbers: one line for each, on standard output and in `target/soak/figures.md`.
//!
//! `SECURITY.md` quotes them. `--nocapture` shows them.

use super::example::target_dir;
use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;

/// Notes what came of a test, and the memory of the server in KiB: before, with everybody in, when all had talked, and when
/// they had gone.
pub fn note(test: &str, driver: &str, what: &str, memory: &[u64]) {
    static LINES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let memory: Vec<String> = memory.iter().map(|&kib| format!("{:.1}", kib as f64 / 1024.0)).collect();
    let line = format!("| {test} | {driver} | {what} | {} |", memory.join(", "));
    println!("figures: {line}");
    let mut lines = LINES.lock().expect("not poisoned");
    lines.insert(line);
    let table: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let folder = target_dir().join("soak");
    let written = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("figures.md"), format!("{HEAD}{table}")));
    written.expect("the figures can be written");
}

const HEAD: &str = "\
| test | server | what came of it | memory in MiB: before, everybody in, all had talked, all gone |
|-|-|-|-|
";
