//! Echo: every connection keeps a number of messages in flight.
//!
//! For each reply that has come a new message goes out, all the new ones of a connection in one send. Time counts from when
//! everybody has been served once: of many connections without a handshake some may have to wait for their first reply, and
//! meanwhile the others have it easier.

use super::peer::{frame_line, receive_buffer};
use super::{Epoll, EventFlags, Peer, Target, Timing, Window};
use crate::Result;
use crate::figures::Figures;
use std::time::{Duration, Instant};

/// Measures messages a second. Besides the figures of [`Window`]: `fairness`, the messages of the connection that was
/// served least over those of the one that was served most.
pub fn echo(
    target: &Target,
    timing: Timing,
    connections: usize,
    size: usize,
    in_flight: usize,
) -> Result<Figures> {
    let frames = target.frames(size);
    let (frame, line) = (frames.request.len(), frame_line(&frames, in_flight));
    let mut epoll = Epoll::new()?;
    let connect = |key| Peer::connect(target, &epoll, key);
    let mut peers: Vec<Peer> = (0..connections).map(connect).collect::<Result<_>>()?;
    let mut served = vec![0u64; connections];
    for peer in &mut peers {
        peer.send(in_flight, frame, &line, &epoll)?;
    }
    let mut buffer = receive_buffer();
    let mut count = 0;
    let mut window: Option<Window> = None;
    let start = Instant::now();
    loop {
        match &mut window {
            Some(window) => {
                if let Some(figures) = window.is_over(count)? {
                    return Ok(figures.with("fairness", fairness(&served)));
                }
            }
            None if served.iter().all(|replies| *replies > 0) => {
                served.fill(0);
                window = Some(Window::new(target, timing));
            }
            None if start.elapsed() > PATIENCE => return Err("not everybody is served".into()),
            None => {}
        }
        for number in 0..epoll.poll()? {
            let (key, flags) = epoll.event(number);
            if flags.contains(EventFlags::OUT) {
                peers[key].pump(frame, &line, &epoll)?;
            }
            if flags.intersects(!EventFlags::OUT) {
                let replies = peers[key].receive(&mut buffer, &frames.reply)?;
                if replies > 0 {
                    count += replies as u64;
                    served[key] += replies as u64;
                    peers[key].send(replies, frame, &line, &epoll)?;
                }
            }
        }
    }
}

/// How long everybody may wait for a first reply.
const PATIENCE: Duration = Duration::from_secs(20);

fn fairness(served: &[u64]) -> f64 {
    let (least, most) = (served.iter().min(), served.iter().max());
    *least.unwrap_or(&0) as f64 / (*most.unwrap_or(&1)).max(1) as f64
}
