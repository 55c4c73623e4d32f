//! An echo server: text and binary messages come back as they came.
//!
//!     cargo run --release --example echo -- 127.0.0.1:9001
//!
//! It compresses for clients that offer it, unless it is started with `--no-deflate`. With `--event-loop` few threads serve
//! all connections, in place of one for each. With `--tls-cert FILE --tls-key FILE`, both in PEM, it speaks `wss://`.

use clearsocket::{Deflate, Error, Message, Sender, Server, tls};

const USAGE: &str = "usage: echo [ADDRESS] [--no-deflate] [--event-loop] [--tls-cert FILE --tls-key FILE]";

fn main() -> Result<(), Error> {
    let (mut address, mut deflate, mut event_loop) = (None, true, false);
    let (mut cert, mut key) = (None, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--no-deflate" => deflate = false,
            "--event-loop" => event_loop = true,
            "--tls-cert" => cert = Some(args.next().unwrap_or_else(|| wrong_usage())),
            "--tls-key" => key = Some(args.next().unwrap_or_else(|| wrong_usage())),
            _ if address.is_none() && !arg.starts_with('-') => address = Some(arg),
            _ => wrong_usage(),
        }
    }
    let address = address.unwrap_or("127.0.0.1:9001".into());
    let mut server = Server::bind(&address)
        .inspect_err(|error| eprintln!("cannot listen on {address}: {error}"))?
        .on_error(|error| eprintln!("{error:?}"));
    if deflate {
        server = server.deflate(Deflate::default());
    }
    let scheme = match (cert, key) {
        (None, None) => "ws",
        (Some(cert), Some(key)) => {
            let config = tls::server_config_from_files(cert, key);
            server = server.tls(config.inspect_err(|error| eprintln!("{error}"))?);
            "wss"
        }
        _ => wrong_usage(),
    };
    println!("echoing on {scheme}://{}/", server.local_addr()?);
    if event_loop { server.event_loop(0).serve_handlers(|_| echo) } else { server.serve_handlers(|_| echo) }
}

fn wrong_usage() -> ! {
    eprintln!("{USAGE}");
    std::process::exit(2);
}

fn echo(sender: &Sender, message: Message<'_>) -> Result<(), Error> {
    sender.write(message)
}
