//! A way to the chat on which the bytes can be seen: what comes from either side is noted and passed on.
//!
//! ```text
//!   Chromium ◀──▶ Tap ◀──▶ examples/chat
//!                  └─ the frames of both directions
//! ```
//!
//! A page that comes through it has the tap's origin, and so have its WebSockets.

use crate::common::{Frame, read_frame};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

pub struct Tap {
    pub address: SocketAddr,
    connections: Arc<Mutex<Vec<Connection>>>,
}

/// What was sent and what was received on one connection, as the browser sees it.
#[derive(Clone, Default)]
struct Connection {
    sent: Arc<Mutex<Vec<u8>>>,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    pub fn before(server: SocketAddr) -> Tap {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let connections = Arc::new(Mutex::new(Vec::new()));
        let list = connections.clone();
        // It ends with the test's process; a connection ends with either of its ends.
        thread::spawn(move || {
            for browser in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(server) else { continue };
                let connection = Connection::default();
                list.lock().expect("no panic").push(connection.clone());
                pass_on(&browser, &server, connection.sent);
                pass_on(&server, &browser, connection.received);
            }
        });
        Tap { address, connections }
    }

    /// The frames that the browser has sent and received on its WebSocket so far.
    pub fn frames(&self) -> (Vec<Frame>, Vec<Frame>) {
        let connections = self.connections.lock().expect("no panic").clone();
        let bytes = connections.iter().find_map(|connection| {
            let received = connection.received.lock().expect("no panic").clone();
            received.starts_with(b"HTTP/1.1 101 ").then(|| {
                let sent = connection.sent.lock().expect("no panic").clone();
                (sent, received)
            })
        });
        let (sent, received) = bytes.expect("a WebSocket came this way");
        (frames_behind_the_head(&sent), frames_behind_the_head(&received))
    }
}

/// Copies from one end to the other until there is no more.
fn pass_on(from: &TcpStream, to: &TcpStream, seen: Arc<Mutex<Vec<u8>>>) {
    let (mut from, mut to) = (from.try_clone().expect("clone"), to.try_clone().expect("clone"));
    thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            seen.lock().expect("no panic").extend(&buffer[..n]);
            if to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

fn frames_behind_the_head(bytes: &[u8]) -> Vec<Frame> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
    let mut rest = &bytes[end + 4..];
    let mut frames = Vec::new();
    while let Some((frame, len)) = read_frame(rest) {
        frames.push(frame);
        rest = &rest[len..];
    }
    frames
}
