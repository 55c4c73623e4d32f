//! The client under test in the Autobahn suite: runs every case that the suite's server offers.
//!
//!     cargo run --release --example autobahn_client -- ws://127.0.0.1:9001

use clearsocket::{Client, Deflate, Error, connect};

fn main() -> Result<(), Error> {
    let server = std::env::args().nth(1).unwrap_or("ws://127.0.0.1:9001".into());
    let (mut ws, _) = connect(&format!("{server}/getCaseCount"))?;
    let count: u32 = ws.read()?.and_then(|message| message.as_text()?.parse().ok()).unwrap_or(0);
    drop(ws);
    println!("{count} cases");
    for case in 1..=count {
        if let Err(error) = echo(&format!("{server}/runCase?case={case}&agent=clearsocket")) {
            println!("case {case}: {error}"); // most cases want one: the suite breaks the protocol
        }
    }
    let (mut ws, _) = connect(&format!("{server}/updateReports?agent=clearsocket"))?;
    while ws.read()?.is_some() {}
    Ok(())
}

fn echo(url: &str) -> Result<(), Error> {
    let (ws, _) = Client::new().deflate(Deflate::default()).connect(url)?;
    let (mut receiver, sender) = ws.split();
    while let Some(message) = receiver.read()? {
        sender.write(message)?;
    }
    Ok(())
}
