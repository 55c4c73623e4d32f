//! Connections to the server that is measured.

use crate::Result;
use crate::frames::{Frames, HANDSHAKE, is_accepted, is_complete};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The server that is measured.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process, for its CPU time and memory.
    pub pid: u32,
    /// It knows nothing of WebSocket: no handshake, and the bytes of a request come back.
    pub raw: bool,
    /// Messages are text.
    pub text: bool,
}

impl Target {
    /// The request and the reply for messages of `size` bytes.
    pub fn frames(&self, size: usize) -> Frames {
        if self.raw { Frames::raw(size) } else { Frames::echo(size, self.text) }
    }
}

/// Connects, and makes the handshake if the server is one for WebSocket. The connection does not block after that.
pub fn open(target: &Target) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(target.address)?;
    stream.set_nodelay(true)?;
    if !target.raw {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(HANDSHAKE)?;
        let head = read_head(&mut stream)?;
        if !is_accepted(&head) {
            return Err(format!("bad handshake: {}", String::from_utf8_lossy(&head)).into());
        }
    }
    stream.set_nonblocking(true)?;
    Ok(stream)
}

fn read_head(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !is_complete(&head) {
        match stream.read(&mut buffer)? {
            0 => return Err("the connection ended within the handshake".into()),
            n => head.extend_from_slice(&buffer[..n]),
        }
    }
    Ok(head)
}

const PATIENCE: Duration = Duration::from_secs(10);
