//! Messages, and the frames they come in (RFC 6455 §5, §8.1).

use super::words::{close, echo, expect, hear, next_event, noise};
use super::{Need, Talk, open};
use crate::talk::Outcome;
use clearsocket::http::HeaderMap;
use clearsocket::{Event, Message, WebSocket};
use serde_json::Value;

pub fn text() -> Vec<Talk> {
    let corners = "\u{0}\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}";
    let all = open("echo", move |mut ws, _| {
        for text in ["hello", "Grüße, καλημέρα, 你好, 🦀", corners] {
            echo(&mut ws, Message::from(text))?;
        }
        for len in LENGTHS {
            echo(&mut ws, Message::from("ä".repeat(len / 2) + &"a".repeat(len % 2)))?;
        }
        close(ws)
    });
    let mark = open("byte order mark", |mut ws, _| {
        echo(&mut ws, Message::from("\u{feff}where a file has its byte order mark"))?;
        close(ws)
    });
    vec![all, mark.needs(Need::ByteOrderMark)]
}

pub fn empty(mut ws: WebSocket, _: &HeaderMap) -> Outcome<Value> {
    for _ in 0..3 {
        echo(&mut ws, Message::from(""))?;
        echo(&mut ws, Message::from(Vec::new()))?;
    }
    close(ws)
}

pub fn binary(mut ws: WebSocket, _: &HeaderMap) -> Outcome<Value> {
    echo(&mut ws, Message::from((0..=255).collect::<Vec<u8>>()))?;
    for len in LENGTHS {
        echo(&mut ws, Message::from(noise(len)))?;
    }
    close(ws)
}

pub fn mebibyte(mut ws: WebSocket, _: &HeaderMap) -> Outcome<Value> {
    echo(&mut ws, Message::from("ä".repeat(1 << 19)))?;
    echo(&mut ws, Message::from(noise(1 << 20)))?;
    close(ws)
}

pub fn burst(mut ws: WebSocket, _: &HeaderMap) -> Outcome<Value> {
    for i in 0..BURST {
        ws.write(format!("message {i}"))?;
    }
    for i in 0..BURST {
        hear(&mut ws, &Message::from(format!("message {i}")))?;
    }
    close(ws)
}

pub fn peers_burst(mut ws: WebSocket, _: &HeaderMap) -> Outcome<Value> {
    ws.send(format!("/burst {BURST}"))?;
    for i in 1..=BURST {
        hear(&mut ws, &Message::from(i.to_string()))?;
    }
    close(ws)
}

/// With empty fragments, and with a ping among them.
pub fn fragments(mut ws: WebSocket, _: &HeaderMap) -> Outcome<Value> {
    for part in ["", "Grüße, ", "καλη"] {
        ws.write_fragment(part, false)?;
    }
    ws.ping(b"in between")?;
    ws.write_fragment("μέρα", false)?;
    ws.write_fragment("", true)?;
    expect("the pong", &next_event(&mut ws)?, &Event::Pong(b"in between"))?;
    hear(&mut ws, &Message::from("Grüße, καλημέρα"))?;

    let whole = noise(200_000);
    for part in whole.chunks(65_537) {
        ws.write_fragment(part.to_vec(), false)?;
    }
    ws.write_fragment(Vec::new(), true)?;
    hear(&mut ws, &Message::from(whole))?;
    close(ws)
}

pub fn peers_fragments() -> Talk {
    let talk = open("/fragments", |mut ws, _| {
        let words = ["ä".repeat(400), "你".repeat(300), "🦀".repeat(200)];
        ws.send(format!("/fragments {}", words.join(" ")))?;
        hear(&mut ws, &Message::from(words.concat()))?;
        close(ws)
    });
    Talk { max_frame_size: 1000, ..talk }.needs(Need::Fragments)
}

pub fn ping(mut ws: WebSocket, _: &HeaderMap) -> Outcome<Value> {
    for payload in [&b""[..], b"are you there?", &noise(125)] {
        ws.ping(payload)?;
        expect("the pong", &next_event(&mut ws)?, &Event::Pong(payload))?;
    }
    close(ws)
}

pub fn peers_ping(mut ws: WebSocket, _: &HeaderMap) -> Outcome<Value> {
    for payload in ["hello?", "Grüße?"] {
        ws.send(format!("/ping {payload}"))?;
        expect("the ping", &next_event(&mut ws)?, &Event::Ping(payload.as_bytes()))?;
        hear(&mut ws, &Message::from(format!("pong {payload}")))?;
    }
    close(ws)
}

/// Around every change in how a header tells the length (RFC 6455 §5.2).
const LENGTHS: [usize; 5] = [1, 125, 126, 65_535, 65_536];

const BURST: usize = 2000;
