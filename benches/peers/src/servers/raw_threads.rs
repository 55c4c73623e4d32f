//! The limit for a thread for each connection: no WebSocket at all.

use crate::Result;
use crate::frames::{SWITCHING, is_complete};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Sends back what a read gave, up to 64 KiB at a time.
pub fn echo(listener: TcpListener) -> Result {
    serve(listener, |mut stream| {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..n]).is_err() {
                return;
            }
        }
    })
}

/// Reads a request's head and sends the response that is always the same, in a new thread each.
pub fn handshakes(listener: TcpListener) -> Result {
    serve(listener, switch)
}

/// The same by 64 threads that are kept, and accept for themselves.
pub fn handshakes_pooled(listener: TcpListener) -> Result {
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                while let Ok((stream, _)) = listener.accept() {
                    let _ = stream.set_nodelay(true);
                    switch(stream);
                }
            });
        }
    });
    Ok(())
}

fn serve(listener: TcpListener, connection: fn(TcpStream)) -> Result {
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        thread::Builder::new().spawn(move || connection(stream))?;
    }
}

fn switch(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    let mut filled = 0;
    while !is_complete(&buffer[..filled]) {
        match stream.read(&mut buffer[filled..]) {
            Ok(n @ 1..) => filled += n,
            _ => return,
        }
    }
    let _ = stream.write_all(SWITCHING);
    let _ = stream.read(&mut buffer); // until the client goes
}
