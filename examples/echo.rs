//! An echo server: text and binary messages come back as they came.
//!
//!     cargo run --release --example echo -- 127.0.0.1:9001
//!
//! It compresses for clients that offer it, unless it is started with `--no-deflate`. With `--event-loop` few threads serve
//! all connections, in place of one for each.

use clearsocket::{Deflate, Error, Message, Sender, Server};

const USAGE: &str = "usage: echo [ADDRESS] [--no-deflate] [--event-loop]";

fn main() -> Result<(), Error> {
    let (mut address, mut deflate, mut event_loop) = (None, true, false);
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--no-deflate" => deflate = false,
            "--event-loop" => event_loop = true,
            _ if address.is_none() && !arg.starts_with('-') => address = Some(arg),
            _ => {
                eprintln!("{USAGE}");
                std::process::exit(2);
            }
        }
    }
    let address = address.unwrap_or("127.0.0.1:9001".into());
    let mut server = Server::bind(&address)
        .inspect_err(|error| eprintln!("cannot listen on {address}: {error}"))?
        .on_error(|error| eprintln!("{error:?}"));
    if deflate {
        server = server.deflate(Deflate::default());
    }
    println!("echoing on ws://{}/", server.local_addr()?);
    if event_loop { server.event_loop(0).serve_handlers(|_| echo) } else { server.serve_handlers(|_| echo) }
}

fn echo(sender: &Sender, message: Message<'_>) -> Result<(), Error> {
    sender.write(message)
}
