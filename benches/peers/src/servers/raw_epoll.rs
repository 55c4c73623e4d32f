//! The limit for an event loop: no WebSocket at all, one thread, level-triggered epoll.
//!
//! One read and one write for each event. What the socket does not take is kept, and nothing is read until it is gone.

use crate::Result;
use crate::load::{Epoll, EventFlags};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

/// Sends back what a read gave, up to 64 KiB at a time.
pub fn echo(listener: TcpListener) -> Result {
    listener.set_nonblocking(true)?;
    let mut epoll = Epoll::new()?;
    epoll.add(&listener, LISTENER, EventFlags::IN)?;
    let mut connections = Connections::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        for number in 0..epoll.wait()? {
            match epoll.event(number) {
                (LISTENER, _) => connections.accept(&listener, &epoll)?,
                (key, flags) => connections.serve(key, flags, &epoll, &mut buffer)?,
            }
        }
    }
}

#[derive(Default)]
struct Connections {
    slots: Vec<Option<Connection>>,
    free: Vec<usize>,
}

struct Connection {
    stream: TcpStream,
    /// What the socket has not taken yet.
    unsent: Vec<u8>,
}

impl Connections {
    fn accept(&mut self, listener: &TcpListener, epoll: &Epoll) -> Result {
        let Ok((stream, _)) = listener.accept() else { return Ok(()) };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let key = self.free.pop().unwrap_or(self.slots.len());
        epoll.add(&stream, key, EventFlags::IN)?;
        let connection = Some(Connection { stream, unsent: Vec::new() });
        match self.slots.get_mut(key) {
            Some(slot) => *slot = connection,
            None => self.slots.push(connection),
        }
        Ok(())
    }

    fn serve(&mut self, key: usize, flags: EventFlags, epoll: &Epoll, buffer: &mut [u8]) -> Result {
        let Some(slot) = self.slots.get_mut(key) else { return Ok(()) };
        let Some(connection) = slot else { return Ok(()) };
        let alive = match flags.contains(EventFlags::OUT) {
            true => connection.send_rest(key, epoll)?,
            false => connection.echo(key, epoll, buffer)?,
        };
        if !alive {
            *slot = None; // closes it, and epoll forgets it
            self.free.push(key);
        }
        Ok(())
    }
}

impl Connection {
    fn echo(&mut self, key: usize, epoll: &Epoll, buffer: &mut [u8]) -> Result<bool> {
        let n = match self.stream.read(buffer) {
            Ok(n @ 1..) => n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            _ => return Ok(false),
        };
        let sent = match self.stream.write(&buffer[..n]) {
            Ok(sent) => sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => return Ok(false),
        };
        if sent < n {
            self.unsent.extend_from_slice(&buffer[sent..n]);
            epoll.modify(&self.stream, key, EventFlags::OUT)?;
        }
        Ok(true)
    }

    fn send_rest(&mut self, key: usize, epoll: &Epoll) -> Result<bool> {
        match self.stream.write(&self.unsent) {
            Ok(sent) => drop(self.unsent.drain(..sent)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return Ok(false),
        }
        if self.unsent.is_empty() {
            epoll.modify(&self.stream, key, EventFlags::IN)?;
        }
        Ok(true)
    }
}

const LISTENER: usize = usize::MAX;
