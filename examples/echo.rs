//! An echo server: text and binary messages come back as they came.
//!
//!     cargo run --release --example echo -- 127.0.0.1:9001

use clearsocket::{Error, Message, Sender, Server};

fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9001".into());
    let server = Server::bind(&address)
        .inspect_err(|error| eprintln!("cannot listen on {address}: {error}"))?
        .on_error(|error| eprintln!("{error:?}"));
    println!("echoing on ws://{}/", server.local_addr()?);
    server.serve_handlers(|_request| |sender: &Sender, message: Message<'_>| sender.write(message))
}
