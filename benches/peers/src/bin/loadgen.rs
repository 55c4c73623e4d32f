//! The load generator as a program: measures one server, which runs already, and prints the figures.

use clearsocket_peers::Result;
use clearsocket_peers::figures::Figures;
use clearsocket_peers::flags::Flags;
use clearsocket_peers::load::{Target, Timing, broadcast, echo, handshakes, idle, latency};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
usage: loadgen echo       --connections N --size BYTES --in-flight N
       loadgen broadcast  --members N --size BYTES --window N
       loadgen handshakes --in-flight N
       loadgen idle       --connections N --size BYTES
       loadgen latency    --connections N --size BYTES --rate MESSAGES_A_SECOND
each with --port PORT --pid PID [--raw] [--text] [--warm SECONDS] [--secs SECONDS]";

fn main() -> ExitCode {
    match run() {
        Ok(figures) => {
            print!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("loadgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Figures> {
    let valued =
        ["port", "pid", "warm", "secs", "connections", "members", "size", "in-flight", "window", "rate"];
    let flags = Flags::read(std::env::args().skip(1), &["raw", "text"], &valued)?;
    let target = Target {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, flags.get("port", 9001)?)),
        pid: flags.get("pid", std::process::id())?,
        raw: flags.has("raw"),
        text: flags.has("text"),
    };
    let seconds =
        |name, default| -> Result<Duration> { Ok(Duration::try_from_secs_f64(flags.get(name, default)?)?) };
    let timing = Timing { warm_up: seconds("warm", 0.5)?, measured: seconds("secs", 1.0)? };
    let at_least_one = |name| -> Result<usize> { Ok(flags.get(name, 1usize)?.max(1)) };
    let (connections, size) = (at_least_one("connections")?, at_least_one("size")?);
    match flags.words().first().map(String::as_str) {
        Some("echo") => echo(&target, timing, connections, size, at_least_one("in-flight")?),
        Some("broadcast") => {
            broadcast(&target, timing, at_least_one("members")?, size, at_least_one("window")?)
        }
        Some("handshakes") => handshakes(&target, timing, at_least_one("in-flight")?),
        Some("idle") => idle(&target, connections, size),
        Some("latency") => latency(&target, timing, connections, size, flags.get("rate", 1000)?),
        _ => Err(USAGE.into()),
    }
}
