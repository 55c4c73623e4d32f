//! Memory of idle connections: the growth of the server's resident set.

use super::peer::{frame_line, receive_buffer};
use super::{Epoll, Peer, Target};
use crate::Result;
use crate::figures::Figures;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Opens connections, echoes one message on each, and leaves them alone. Figure: `rss_kib` for each.
pub fn idle(target: &Target, connections: usize, size: usize) -> Result<Figures> {
    let mut epoll = Epoll::new()?;
    let mut peers = Vec::with_capacity(connections + 1);
    // One connection first, so that what is needed once is not counted.
    peers.push(greet(target, &mut epoll, 0, size)?);
    thread::sleep(SETTLING);
    let before = resident_kib(target.pid)?;
    for key in 1..=connections {
        peers.push(greet(target, &mut epoll, key, size)?);
    }
    thread::sleep(SETTLING);
    let grown = resident_kib(target.pid)? - before;
    Ok(Figures::default().with("rss_kib", grown / connections as f64))
}

/// A new connection that has had one message echoed.
fn greet(target: &Target, epoll: &mut Epoll, key: usize, size: usize) -> Result<Peer> {
    let frames = target.frames(size);
    let mut buffer = receive_buffer();
    let mut peer = Peer::connect(target, epoll, key)?;
    peer.send(1, frames.request.len(), &frame_line(&frames, 1), epoll)?;
    let deadline = Instant::now() + PATIENCE;
    while peer.receive(&mut buffer, &frames.reply)? == 0 {
        if Instant::now() > deadline {
            return Err("no reply on a new connection".into());
        }
        epoll.poll()?;
    }
    Ok(peer)
}

fn resident_kib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|_| "the server has died")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim_end_matches("kB").trim().parse()?)
}

/// For threads that start and end, and for collectors of garbage.
const SETTLING: Duration = Duration::from_millis(700);
const PATIENCE: Duration = Duration::from_secs(10);
