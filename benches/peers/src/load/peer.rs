//! One connection of the generator: frames that are owed to the server, and a stream of replies that is checked.

use super::{Epoll, EventFlags, Target, open};
use crate::Result;
use crate::frames::Frames;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

/// A connection that does not block.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    key: usize,
    /// Bytes that are to be sent.
    owed: usize,
    /// Where in the frame sending is.
    sent: usize,
    /// Waits for the socket to take more.
    blocked: bool,
    /// Where in the reply receiving is.
    received: usize,
    /// The first reply, until it is complete and has been compared.
    first: Option<Vec<u8>>,
}

impl Peer {
    /// Connects, and has the replies watched for.
    pub fn connect(target: &Target, epoll: &Epoll, key: usize) -> Result<Peer> {
        let stream = open(target)?;
        epoll.add(&stream, key, EventFlags::IN)?;
        Ok(Peer { stream, key, owed: 0, sent: 0, blocked: false, received: 0, first: Some(Vec::new()) })
    }

    /// Sends these bytes as they are, before any frame.
    pub fn say(&mut self, bytes: &[u8]) -> Result {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Owes the server `count` more frames. `line` holds one frame in a row after the other.
    pub fn send(&mut self, count: usize, frame: usize, line: &[u8], epoll: &Epoll) -> Result {
        self.owed += count * frame;
        self.pump(frame, line, epoll)
    }

    /// Sends what is owed, as far as the socket takes it.
    pub fn pump(&mut self, frame: usize, line: &[u8], epoll: &Epoll) -> Result {
        while self.owed > 0 {
            let n = self.owed.min(line.len() - self.sent);
            match self.stream.write(&line[self.sent..self.sent + n]) {
                Ok(n) => {
                    self.owed -= n;
                    self.sent = (self.sent + n) % frame;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return self.watch(true, epoll);
                }
                Err(error) => return Err(format!("sending: {error}").into()),
            }
        }
        self.watch(false, epoll)
    }

    fn watch(&mut self, blocked: bool, epoll: &Epoll) -> Result {
        if self.blocked != blocked {
            self.blocked = blocked;
            let flags = if blocked { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            epoll.modify(&self.stream, self.key, flags)?;
        }
        Ok(())
    }

    /// Receives once, and tells how many replies have become complete.
    pub fn receive(&mut self, buffer: &mut [u8], reply: &[u8]) -> Result<usize> {
        match self.stream.read(buffer) {
            Ok(0) => Err("the server has closed a connection".into()),
            Ok(n) => self.check(&buffer[..n], reply),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(format!("receiving: {error}").into()),
        }
    }

    fn check(&mut self, bytes: &[u8], reply: &[u8]) -> Result<usize> {
        if let Some(first) = &mut self.first {
            first.extend_from_slice(&bytes[..bytes.len().min(reply.len() - first.len())]);
            if !reply.starts_with(first) {
                return Err("the first reply is not what was asked for".into());
            }
            if first.len() == reply.len() {
                self.first = None;
            }
        }
        let rest = if self.received == 0 { 0 } else { reply.len() - self.received };
        if bytes.iter().skip(rest).step_by(reply.len()).any(|byte| *byte != reply[0]) {
            return Err("the replies are out of step".into());
        }
        let total = self.received + bytes.len();
        self.received = total % reply.len();
        Ok(total / reply.len())
    }
}

/// As many frames in a row as one send may need, from wherever in the first it begins.
pub fn frame_line(frames: &Frames, in_flight: usize) -> Vec<u8> {
    frames.request.repeat(in_flight + 1)
}

/// Room for what arrives at once.
pub fn receive_buffer() -> Vec<u8> {
    vec![0; 512 << 10]
}
