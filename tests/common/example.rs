//! The examples as programs: where cargo has put them, and what they print.

#![allow(dead_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Where the build puts things: the directory `target`.
pub fn target_dir() -> &'static Path {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().unwrap_or(tmp)
}

/// Builds an example, unless `cargo test` has done so already, and tells where its program is.
pub fn example(name: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", name, "--message-format", "json", "--target-dir"]);
    cargo.arg(target_dir()).current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // What cargo has told this test about its package would make some dependencies build again.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            cargo.env_remove(name);
        }
    }
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo can be run");
    assert!(output.status.success(), "the example {name} does not build");
    let messages = output.stdout.split(|&byte| byte == b'\n');
    let mut programs = messages.filter_map(|line| {
        let message: serde_json::Value = serde_json::from_slice(line).ok()?;
        (message["target"]["name"] == name).then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    programs.next().expect("cargo names the program it has built")
}

/// Runs a program to its end with this standard input.
pub fn run(name: &str, args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut command = Command::new(example(name));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("it starts");
    // It may end without having read everything.
    let _ = process.stdin.take().expect("a pipe").write_all(input.as_ref());
    process.wait_with_output().expect("it ends")
}

/// What a program has printed.
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}
