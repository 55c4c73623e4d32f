//! A server to compare with: `peer_server NAME MODE PORT`. Without arguments it lists them.

use clearsocket_peers::Result;
use clearsocket_peers::servers::{SERVERS, find};
use std::net::TcpListener;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peer_server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result {
    let [name, mode, port] = args else {
        eprintln!("usage: peer_server NAME MODE PORT, with NAME and MODE one of");
        SERVERS.iter().for_each(|server| eprintln!("  {} {}", server.name, server.mode));
        return Err("three arguments are wanted".into());
    };
    let server = find(name, mode).ok_or_else(|| format!("there is no {name} {mode}"))?;
    let port: u16 = port.parse().map_err(|_| format!("{port:?} is no port"))?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    // Beyond the 128 of the standard library, who comes while nobody accepts may have to try again a second later.
    rustix::net::listen(&listener, QUEUE)?;
    (server.serve)(listener)
}

/// Newcomers that wait to be accepted: as many as Linux allows by default.
const QUEUE: i32 = 4096;
