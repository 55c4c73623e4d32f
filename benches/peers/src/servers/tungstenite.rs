//! tungstenite: blocking, a thread for each connection, its default configuration.

use crate::Result;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket, accept};

/// `read` and `send`, as its README shows.
pub fn echo(listener: TcpListener) -> Result {
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        thread::spawn(move || {
            let Ok(mut ws) = accept(stream) else { return };
            while let Ok(message) = ws.read() {
                if is_data(&message) && ws.send(message).is_err() {
                    return;
                }
            }
        });
    }
}

/// All sockets in a map behind a lock; the thread that has read a message sends it to each.
pub fn broadcast(listener: TcpListener) -> Result {
    serve(listener, |stream| {
        let mut ws = WebSocket::from_raw_socket(stream, Role::Server, None);
        Box::new(move |message| ws.send(message).is_ok())
    })
}

/// A channel for each connection, and a second thread that sends what comes through it.
pub fn broadcast_by_channels(listener: TcpListener) -> Result {
    serve(listener, |stream| {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut ws = WebSocket::from_raw_socket(stream, Role::Server, None);
            for message in receiver {
                if ws.send(message).is_err() {
                    return;
                }
            }
        });
        Box::new(move |message| sender.send(message).is_ok())
    })
}

/// How to send to a member.
type Send = Box<dyn FnMut(Message) -> bool + std::marker::Send>;
type Members = Arc<Mutex<HashMap<usize, Send>>>;

fn serve(listener: TcpListener, new_member: fn(TcpStream) -> Send) -> Result {
    let members = Members::default();
    for id in 0.. {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let members = members.clone();
        thread::spawn(move || {
            let Ok(writer) = stream.try_clone() else { return };
            let Ok(ws) = accept(stream) else { return };
            locked(&members, |members| members.insert(id, new_member(writer)));
            publish(ws, id, &members);
            locked(&members, |members| members.remove(&id));
        });
    }
    Ok(())
}

fn publish(mut ws: WebSocket<TcpStream>, id: usize, members: &Members) {
    while let Ok(message) = ws.read() {
        if is_data(&message) {
            locked(members, |members| {
                for (_, send) in members.iter_mut().filter(|(member, _)| **member != id) {
                    send(message.clone());
                }
            });
        }
    }
}

fn locked<K: Eq + Hash, V, T>(map: &Mutex<HashMap<K, V>>, with: impl FnOnce(&mut HashMap<K, V>) -> T) -> T {
    with(&mut map.lock().unwrap_or_else(PoisonError::into_inner))
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}
