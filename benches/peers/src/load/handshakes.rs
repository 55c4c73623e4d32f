//! Opening handshakes: a number of them in flight, each with a connection of its own.
//!
//! The client closes with a reset (SO_LINGER of zero), so that no TIME_WAIT is left behind for the next run.

use super::{Epoll, EventFlags, Target, Timing, Window};
use crate::Result;
use crate::figures::Figures;
use crate::frames::{HANDSHAKE, is_accepted, is_complete};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Measures handshakes a second, with the figures of [`Window`]. Of them `cpu_us` is the one to compare, as the generator
/// has more to do for a handshake than a quick server.
pub fn handshakes(target: &Target, timing: Timing, in_flight: usize) -> Result<Figures> {
    let mut epoll = Epoll::new()?;
    let mut attempts = Vec::with_capacity(in_flight);
    for key in 0..in_flight {
        attempts.push(Attempt::start(target, &epoll, key)?);
    }
    let mut count = 0;
    let mut window = Window::new(target, timing);
    loop {
        if let Some(figures) = window.is_over(count)? {
            return Ok(figures);
        }
        for number in 0..epoll.poll()? {
            let key = epoll.event(number).0;
            if attempts[key].proceed(&epoll, key)? {
                count += 1;
                attempts[key] = Attempt::start(target, &epoll, key)?;
            }
        }
    }
}

/// A handshake that is under way.
struct Attempt {
    stream: TcpStream,
    asked: bool,
    head: Vec<u8>,
}

impl Attempt {
    fn start(target: &Target, epoll: &Epoll, key: usize) -> Result<Attempt> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
        match connect(&socket, &target.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        epoll.add(&socket, key, EventFlags::OUT)?;
        Ok(Attempt { stream: TcpStream::from(socket), asked: false, head: Vec::with_capacity(512) })
    }

    /// Does what can be done now; tells whether the handshake is complete.
    fn proceed(&mut self, epoll: &Epoll, key: usize) -> Result<bool> {
        if !self.asked {
            self.stream.write_all(HANDSHAKE)?;
            self.asked = true;
            epoll.modify(&self.stream, key, EventFlags::IN)?;
            return Ok(false);
        }
        let mut buffer = [0; 1024];
        match self.stream.read(&mut buffer)? {
            0 => return Err("the connection ended within the handshake".into()),
            n => self.head.extend_from_slice(&buffer[..n]),
        }
        if is_complete(&self.head) && !is_accepted(&self.head) {
            return Err(format!("bad handshake: {}", String::from_utf8_lossy(&self.head)).into());
        }
        Ok(is_complete(&self.head))
    }
}
