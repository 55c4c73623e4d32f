//! The protocol core without any I/O: two ends, a pipe between them that is only a loop, and every frame printed.
//!
//!     cargo run --example sans_io

use clearsocket::proto::{Connection, Event, FrameHeader, Progress};
use clearsocket::{Config, Error};

fn main() -> Result<(), Error> {
    let config = Config::default();
    let mut server = Connection::server(&config);
    let mut client = Connection::client(&config, Box::new(rand::random));

    client.send(&"Hello".into())?;
    client.ping(b"are you there?")?;
    client.send_fragment(&"in two ".into(), false)?;
    client.send_fragment(&"pieces".into(), true)?;
    exchange(&mut client, &mut server)?;

    server.send(&[1, 2, 3].as_slice().into())?;
    server.close(1000, "that was all")?;
    exchange(&mut client, &mut server)?;

    println!("client: {:?}\nserver: {:?}", client.close_event(), server.close_event());
    Ok(())
}

/// Carries bytes to and fro until both are silent.
fn exchange(client: &mut Connection, server: &mut Connection) -> Result<(), Error> {
    while !client.to_transmit().is_empty() || !server.to_transmit().is_empty() {
        carry("client -> server", client, server)?;
        carry("server -> client", server, client)?;
    }
    Ok(())
}

fn carry(arrow: &str, from: &mut Connection, to: &mut Connection) -> Result<(), Error> {
    let bytes = from.to_transmit();
    print_frames(arrow, bytes)?;
    to.push(bytes);
    let sent = bytes.len();
    from.transmitted(sent);
    while to.advance() == Progress::Ready {
        match to.event()? {
            Some(Event::Message(message)) => println!("{:18}=> message {message:?}", ""),
            Some(event) => println!("{:18}=> {event:?}", ""),
            None => break,
        }
    }
    Ok(())
}

/// One line for each frame: FIN, opcode, length, masking key, and the bytes as they travel.
fn print_frames(arrow: &str, mut bytes: &[u8]) -> Result<(), Error> {
    while let Some((header, header_len)) = FrameHeader::decode(bytes)? {
        let end = header_len + header.payload_len as usize;
        let fin = if header.fin { "FIN" } else { "" };
        let mask = header.masking_key.map_or("no mask".into(), |key| format!("mask {}", hex(&key)));
        let opcode = format!("{:?}", header.opcode);
        let (head, payload) = bytes[..end].split_at(header_len);
        println!("{arrow}  {fin:3} {opcode:12} {mask:16}  {} | {}", hex(head), hex(payload));
        bytes = &bytes[end..];
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
