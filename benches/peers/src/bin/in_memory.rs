//! What is measured without a load generator: codecs, masking, UTF-8, and many threads that send. Prints the figures.

use clearsocket_peers::codecs::{self, CODECS};
use clearsocket_peers::contended::{self, WAYS};
use clearsocket_peers::figures::Figures;
use clearsocket_peers::flags::Flags;
use clearsocket_peers::load::Timing;
use clearsocket_peers::{Result, bytes, frames};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
usage: in_memory codec     --row NAME --size BYTES
       in_memory mask      --row NAME --size BYTES
       in_memory utf8      --row NAME --size BYTES --script NAME
       in_memory contended --row NAME
each with [--warm SECONDS] [--secs SECONDS]";

fn main() -> ExitCode {
    match run() {
        Ok(figures) => {
            print!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("in_memory: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Figures> {
    let flags = Flags::read(std::env::args().skip(1), &[], &["row", "size", "script", "warm", "secs"])?;
    let seconds =
        |name, default| -> Result<Duration> { Ok(Duration::try_from_secs_f64(flags.get(name, default)?)?) };
    let timing = Timing { warm_up: seconds("warm", 0.5)?, measured: seconds("secs", 1.0)? };
    let row: String = flags.get("row", String::new())?;
    let size = flags.get("size", 1024usize)?.max(1);
    let unknown = || format!("there is no row {row:?}");
    match flags.words().first().map(String::as_str) {
        Some("codec") => {
            let codec = CODECS.iter().find(|codec| codec.name == row).ok_or_else(unknown)?;
            codecs::measure(codec, timing, size)
        }
        Some("mask") => {
            let way = bytes::MASKING.iter().find(|way| way.name == row).ok_or_else(unknown)?;
            bytes::measure(way, timing, &frames::payload(size))
        }
        Some("utf8") => {
            let way = bytes::VALIDATION.iter().find(|way| way.name == row).ok_or_else(unknown)?;
            let name: String = flags.get("script", "ASCII".to_string())?;
            let script = bytes::SCRIPTS.iter().find(|script| script.name == name);
            let script = script.ok_or_else(|| format!("there is no script {name:?}"))?;
            bytes::measure(way, timing, script.text(size).as_bytes())
        }
        Some("contended") => {
            contended::measure(WAYS.iter().find(|way| way.name == row).ok_or_else(unknown)?, timing)
        }
        _ => Err(USAGE.into()),
    }
}
