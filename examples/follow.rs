//! Prints what a server pushes, and comes back when the server does: a `tail -F` for WebSockets.
//!
//!     cargo run --release --example ticker -- 127.0.0.1:9002
//!     cargo run --release --example follow -- ws://127.0.0.1:9002/ [SUBSCRIPTION]
//!
//! The subscription, if there is one, is sent as a text message on every new connection. It ends with 0 when the server
//! closes with 1000, and with 1 when there is no point in trying again.

use clearsocket::{Client, Error, Reconnect};

fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or("ws://127.0.0.1:9002/".into());
    let subscription = args.next();

    let mut ws = Reconnect::new(Client::new(), &url)
        .on_open(move |sender, _response| {
            eprintln!("connected");
            subscription.as_ref().map_or(Ok(()), |subscription| sender.send(subscription))
        })
        .on_wait(|why, delay| eprintln!("{why}; trying again in {:.1} s", delay.as_secs_f64()));

    while let Some(message) = ws.read()? {
        println!("{}", message.as_text().unwrap_or("<binary data>"));
    }
    Ok(())
}
