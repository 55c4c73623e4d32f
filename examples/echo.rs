//! An echo server: text and binary messages come back as they came.
//!
//!     cargo run --release --example echo -- 127.0.0.1:9001
//!
//! It compresses for clients that offer it, unless it is started with `--no-deflate`.

use clearsocket::{Deflate, Error, Message, Sender, Server};

fn main() -> Result<(), Error> {
    let (flags, addresses): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    if addresses.len() > 1 || flags.iter().any(|flag| flag != "--no-deflate") {
        eprintln!("usage: echo [ADDRESS] [--no-deflate]");
        std::process::exit(2);
    }
    let address = addresses.first().map_or("127.0.0.1:9001", String::as_str);
    let mut server = Server::bind(address)
        .inspect_err(|error| eprintln!("cannot listen on {address}: {error}"))?
        .on_error(|error| eprintln!("{error:?}"));
    if flags.is_empty() {
        server = server.deflate(Deflate::default());
    }
    println!("echoing on ws://{}/", server.local_addr()?);
    server.serve_handlers(|_request| |sender: &Sender, message: Message<'_>| sender.write(message))
}
