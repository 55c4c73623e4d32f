//! The limit for broadcast: one thread, plain blocking writes of the publisher's bytes to every subscriber.
//!
//! A connection says first what it is: `S`, a subscriber, or `P` and the length of its frames in four bytes, the publisher.

use crate::Result;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// Writes what a read gave at once to each subscriber.
pub fn batch(listener: TcpListener) -> Result {
    serve(listener, |subscribers, bytes, _| {
        send(subscribers, bytes);
        bytes.len()
    })
}

/// Writes each message by itself to each subscriber.
pub fn each(listener: TcpListener) -> Result {
    serve(listener, |subscribers, bytes, frame| {
        let frames = bytes.chunks_exact(frame);
        let whole = bytes.len() - frames.remainder().len();
        frames.for_each(|frame| send(subscribers, frame));
        whole
    })
}

fn send(subscribers: &mut [TcpStream], bytes: &[u8]) {
    for subscriber in subscribers {
        let _ = subscriber.write_all(bytes); // one who has gone is no concern of this
    }
}

/// Sends subscribers what it can of some bytes, in frames of this length, and tells how many bytes those were.
type Send = fn(&mut [TcpStream], &[u8], usize) -> usize;

fn serve(listener: TcpListener, send: Send) -> Result {
    let mut subscribers = Vec::new();
    loop {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut kind = [0];
        match stream.read_exact(&mut kind) {
            Ok(()) if kind == *b"S" => subscribers.push(stream),
            Ok(()) if kind == *b"P" => {
                let _ = publish(stream, &mut subscribers, send);
                subscribers.clear();
            }
            _ => {}
        }
    }
}

fn publish(mut publisher: TcpStream, subscribers: &mut [TcpStream], send: Send) -> Result {
    let mut length = [0; 4];
    publisher.read_exact(&mut length)?;
    let frame = (u32::from_be_bytes(length) as usize).max(1);
    let mut buffer = vec![0; (64 << 10) + frame];
    let mut filled = 0;
    while let Ok(n @ 1..) = publisher.read(&mut buffer[filled..]) {
        filled += n;
        let done = send(subscribers, &buffer[..filled], frame);
        buffer.copy_within(done..filled, 0);
        filled -= done;
    }
    Ok(())
}
