//! What the attacks did to the server, in numbers: one line for each, on standard output and in `target/hostile/figures.md`.
//!
//! ```text
//!   figures: | c05 | 1,000 peers announce 15 MiB each | threads | 28.1, 31.9, 5.0 MiB | 1001, 1001, 66 | 1006, 1006, 6 | 0.21 s |
//!                     the attack                         driver    memory before, during, after   threads   descriptors      CPU
//! ```
//!
//! `SECURITY.md` has its table from there.

use super::attacked::{Attacked, Measure, name};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

/// Notes the figures of an attack: before it, while it went on (memory: the larger of what it was at that look and the peak,
/// where the test has asked for it), and after.
pub fn note(class: &str, attack: &str, server: &Attacked, stages: [&Measure; 3]) {
    let of = |number: fn(&Measure) -> String| stages.map(number).join(", ");
    let memory = of(|measure| format!("{:.1}", measure.rss as f64 / 1024.0));
    let (threads, descriptors) = (of(|it| it.threads.to_string()), of(|it| it.descriptors.to_string()));
    let cpu = (stages[2].cpu - stages[0].cpu).as_secs_f64();
    let driver = name(server.driver);
    write(
        class,
        format!("| {class} | {attack} | {driver} | {memory} MiB | {threads} | {descriptors} | {cpu:.2} s |"),
    );
}

/// Notes figures of another kind.
pub fn note_text(class: &str, attack: &str, driver: &str, text: &str) {
    write(class, format!("| {class} | {attack} | {driver} | {text} | | | |"));
}

fn write(class: &str, line: String) {
    static LINES: Mutex<BTreeSet<(u32, String)>> = Mutex::new(BTreeSet::new());
    println!("figures: {line}");
    let mut lines = LINES.lock().expect("not poisoned");
    // C1, C2, ... and what is no class after them.
    lines.insert((class[1..].parse().unwrap_or(u32::MAX), line));
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = tmp.parent().unwrap_or(tmp).join("hostile");
    let table: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    let written = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("figures.md"), format!("{HEAD}{table}")));
    written.expect("the figures can be written");
}

const HEAD: &str = "\
| class | attack | server | memory: before, during, after | threads | descriptors | CPU |
|-|-|-|-|-|-|-|
";
