//! The layers stay layers: the sans-I/O parts name nothing that does I/O, waits, locks, or makes up numbers; no part
//! uses one above it; and all code is safe code.
//!
//! This reads the sources as text. A word in a comment or a string does not count.

use std::fs;
use std::path::{Path, PathBuf};

/// Words that a layer below the sockets must not use.
const IO: &[&str] = &[
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "ToSocketAddrs",
    "std::io",
    "io::",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "thread::",
    "thread_local",
    "Mutex",
    "RwLock",
    "Condvar",
    "mpsc",
    "Instant",
    "SystemTime",
    "rand::",
    "getrandom",
    "rustix",
    "mio::",
    "println!",
    "eprintln!",
];

/// (layer, what it must not use besides). `Duration` is a number, and `SocketAddr` is data.
const LAYERS: &[(&str, &[&str])] = &[
    ("src/proto", &["crate::net", "crate::hub", "crate::handshake", "super::super"]),
    ("src/handshake", &["crate::net", "crate::hub", "crate::proto", "super::super"]),
];

/// (folder of `src/net`, those below it, which it may use).
const FOLDERS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("connection", &["wire"]),
    ("greeting", &["wire", "connection"]),
    ("tls", &["wire", "connection", "greeting"]),
    ("client", &["wire", "connection", "greeting", "tls"]),
    ("server", &["wire", "connection", "greeting", "tls"]),
];

#[test]
fn the_protocol_core_does_no_io() {
    let mut found = Vec::new();
    for (layer, above) in LAYERS {
        for file in rust_files(Path::new(layer)) {
            found.extend(uses(&file, IO.iter().chain(*above)));
        }
    }
    assert!(found.is_empty(), "the sans-I/O layers use what they must not:\n{}", found.join("\n"));
}

#[test]
fn each_folder_of_the_sockets_uses_those_below_it() {
    let mut found = Vec::new();
    for (folder, below) in FOLDERS {
        let others =
            FOLDERS.iter().map(|(name, _)| *name).filter(|name| name != folder && !below.contains(name));
        let others: Vec<_> = others.map(|name| format!("net::{name}")).collect();
        let others: Vec<_> = others.iter().map(String::as_str).collect();
        let files = rust_files(&Path::new("src/net").join(folder));
        assert!(!files.is_empty(), "{folder}");
        for file in files {
            found.extend(uses(&file, others.iter()));
        }
    }
    assert!(found.is_empty(), "a folder uses one that is above it or beside it:\n{}", found.join("\n"));
}

#[test]
fn the_hub_uses_only_the_public_sender() {
    let found = uses(Path::new("src/hub.rs"), ["crate::net", "Outgoing", "Transport", "TcpStream"].iter());
    assert!(found.is_empty(), "src/hub.rs reaches below the public API:\n{}", found.join("\n"));
}

#[test]
fn the_sockets_do_not_know_the_hub() {
    let found: Vec<_> = rust_files(Path::new("src/net"))
        .iter()
        .flat_map(|file| uses(file, ["crate::hub", "Hub"].iter()))
        .collect();
    assert!(found.is_empty(), "src/net uses the layer above it:\n{}", found.join("\n"));
}

#[test]
fn all_code_is_safe_code() {
    let keyword = concat!("un", "safe"); // in two pieces, so that this file passes its own test
    let mut found = Vec::new();
    for folder in ["src", "tests", "examples", "benches", "fuzz/fuzz_targets"] {
        for file in rust_files(Path::new(folder)) {
            found.extend(uses(&file, [keyword].iter()));
        }
    }
    // One use is left: the line that forbids all others.
    let forbidden = format!("src/lib.rs:{}: {keyword:?}", line_of(&format!("#![forbid({keyword}_code)]")));
    assert_eq!(found, [forbidden]);
}

fn line_of(line: &str) -> usize {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    1 + lib.lines().position(|candidate| candidate == line).expect("src/lib.rs forbids it")
}

#[test]
fn a_forbidden_word_is_found_and_a_comment_is_not() {
    assert_eq!(code("let x = 1; // a Mutex"), "let x = 1; ");
    assert_eq!(code("    //! std::io is not used"), "    ");
    assert_eq!(code("use std::sync::Mutex;"), "use std::sync::Mutex;");
    assert_eq!(code(r#"error("io:: // this")"#), r#"error("")"#);
}

/// Lines of `file` that use one of `words`, as `file:line: word`.
fn uses<'a>(file: &Path, words: impl Iterator<Item = &'a &'a str> + Clone) -> Vec<String> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = code(line);
        for word in words.clone().filter(|word| line.contains(**word)) {
            found.push(format!("{}:{}: {word:?}", file.display(), number + 1));
        }
    }
    found
}

/// A line without its comment and without what is in its strings.
fn code(line: &str) -> String {
    let (mut out, mut in_string, mut chars) = (String::new(), false, line.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_string => drop(chars.next()),
            '"' => {
                in_string = !in_string;
                out.push('"');
            }
            '/' if !in_string && chars.peek() == Some(&'/') => break,
            _ if !in_string => out.push(c),
            _ => {}
        }
    }
    out
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = folder.join(entry.unwrap().file_name());
        if root().join(&path).is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
