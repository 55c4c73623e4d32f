//! A server that pushes: every client gets the time, every second, from a thread of its own.
//!
//!     cargo run --release --example ticker -- 127.0.0.1:9002
//!     cargo run --release --example connect -- ws://127.0.0.1:9002/

use clearsocket::{Error, Hub, Server};
use std::thread;
use std::time::{Duration, SystemTime};

fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9002".into());
    let server =
        Server::bind(&address).inspect_err(|error| eprintln!("cannot listen on {address}: {error}"))?;
    println!("ticking on ws://{}/", server.local_addr()?);

    let hub = Hub::new();
    let clients = hub.clone();
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            clients.broadcast(format!("{} s since 1970, {} listening", now.as_secs(), clients.len()));
        }
    });

    server.serve(move |ws, _request| {
        let (mut receiver, sender) = ws.split();
        let _membership = hub.join(sender);
        while receiver.read()?.is_some() {} // whatever clients say is ignored, but their Close is not
        Ok(())
    })
}
