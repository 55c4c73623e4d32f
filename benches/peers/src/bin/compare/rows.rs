//! Who takes part: the servers, and how each is started.

use clearsocket_peers::Result;
use clearsocket_peers::servers::SERVERS;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server that can be started.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name in the tables.
    pub name: String,
    /// `echo`, `broadcast` or `handshakes`.
    pub mode: String,
    /// It knows nothing of WebSocket.
    pub raw: bool,
    program: PathBuf,
    /// Before the port.
    args: Vec<String>,
    /// After it.
    last: Option<&'static str>,
}

impl Row {
    /// The command that has it listen on `port`.
    pub fn command(&self, port: u16) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).arg(port.to_string()).args(self.last).env("JS_DIR", js_dir());
        command
    }
}

/// All rows, and in words those that cannot take part.
pub fn available() -> Result<(Vec<Row>, Vec<String>)> {
    let mut rows = Vec::new();
    for server in &SERVERS {
        let args = vec![server.name.to_string(), server.mode.to_string()];
        let row = Row { raw: server.raw, ..row(server.name, server.mode, sibling("peer_server")?, args) };
        if server.raw {
            rows.push(Row { name: again(server.name), ..row.clone() });
        }
        rows.push(row);
    }
    let mut missing = Vec::new();
    for (mode, arg) in [("echo", "echo"), ("broadcast", "bcast"), ("handshakes", "echo")] {
        let ours = row("clearsocket", mode, sibling("bench_server")?, vec![arg.to_string()]);
        let name = "clearsocket-event-loop".to_string();
        rows.push(ours.clone());
        rows.push(Row { name, last: Some("--event-loop"), ..ours });
        rows.extend(script("bun", bun(), "bun_server.mjs", mode));
        rows.extend(script("node-ws", node_with_ws(), "ws_server.mjs", mode));
    }
    // The same server for every mode in which a library makes no difference.
    for name in ["tungstenite", "fastwebsockets", "tokio-websockets", "sockudo-ws"] {
        let echo = rows.iter().find(|row| row.name == name && row.mode == "echo").cloned();
        rows.extend(echo.map(|row| Row { mode: "handshakes".to_string(), ..row }));
    }
    for (name, there) in [
        ("bun (neither on PATH, nor in BUN, nor in JS_DIR)", bun().is_some()),
        ("node-ws (node is not on PATH, or ws not in JS_DIR)", node_with_ws().is_some()),
    ] {
        if !there {
            missing.push(name.to_string());
        }
    }
    Ok((rows, missing))
}

/// The name of a limit that takes part a second time, as a process of its own: what lies between it and itself is what a
/// table cannot tell.
pub fn again(limit: &str) -> String {
    format!("{limit}-again")
}

/// A program of this package, built beside this one.
pub fn sibling(name: &str) -> Result<PathBuf> {
    let path = env::current_exe()?.with_file_name(name);
    match path.is_file() {
        true => Ok(path),
        false => Err(format!("{name} is not built; benches/compare builds all programs first").into()),
    }
}

/// The package's folder.
pub fn package_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `node_modules` is.
pub fn js_dir() -> PathBuf {
    env::var_os("JS_DIR").map_or_else(|| package_dir().join("js"), PathBuf::from)
}

/// The program of Bun.
pub fn bun() -> Option<PathBuf> {
    let given = env::var_os("BUN").map(PathBuf::from);
    let installed = js_dir().join("node_modules/.bin/bun");
    given.or_else(|| on_path("bun")).or(Some(installed)).filter(|path| path.is_file())
}

/// The program of Node, if it will find `ws`.
pub fn node_with_ws() -> Option<PathBuf> {
    on_path("node").filter(|_| js_dir().join("node_modules/ws/package.json").is_file())
}

fn row(name: &str, mode: &str, program: PathBuf, args: Vec<String>) -> Row {
    Row { name: name.to_string(), mode: mode.to_string(), raw: false, program, args, last: None }
}

fn script(name: &str, program: Option<PathBuf>, script: &str, mode: &str) -> Option<Row> {
    let script = package_dir().join("js").join(script).display().to_string();
    program.map(|program| row(name, mode, program, vec![script, mode.to_string()]))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}
