//! What the opening handshake settles (RFC 6455 §4, RFC 7692).

use super::messages::peers_fragments;
use super::words::{close, echo, expect, noise};
use super::{Need, Talk, open};
use crate::talk::{Outcome, Part};
use clearsocket::http::HeaderMap;
use clearsocket::{Deflate, Message, Role, WebSocket};
use serde_json::{Value, json};

pub fn subprotocol() -> Talk {
    let talk = open("subprotocol", |ws, _| {
        expect("the subprotocol", &ws.subprotocol(), &Some("chat.v1"))?;
        close(ws)?;
        Ok(json!({"protocol": "chat.v1"}))
    });
    Talk { subprotocols: &["chat.v2", "chat.v1"], ..talk }
}

pub fn no_subprotocol(offered: &'static [&'static str]) -> Talk {
    let talk = open("no subprotocol", |ws, _| {
        expect("the subprotocol", &ws.subprotocol(), &None)?;
        close(ws)?;
        Ok(json!({"protocol": ""}))
    });
    Talk { subprotocols: offered, ..talk }
}

pub fn deflates() -> Vec<Talk> {
    let narrow =
        deflate(|deflate| (deflate.server_max_window_bits, deflate.client_max_window_bits) = (10, 10));
    let narrow = compressed("window of 10 bits", "deflate", narrow, &["server_max_window_bits=10"]);
    let fragments = Talk { setting: "deflate", deflate: Some(Deflate::default()), ..peers_fragments() };
    let fragments = fragments.needs(Need::Deflate).needs(Need::Compress);
    let mut talks = both_ways("deflate", &Deflate::default(), &[]);
    talks.extend([narrow.needs(Need::SmallWindow), fragments]);
    talks
}

pub fn without_context_takeover() -> Vec<Talk> {
    let neither = deflate(|deflate| {
        (deflate.server_no_context_takeover, deflate.client_no_context_takeover) = (true, true);
    });
    both_ways("no-context-takeover", &neither, &["server_no_context_takeover", "client_no_context_takeover"])
}

fn both_ways(theirs: &'static str, ours: &Deflate, agreed: &'static [&'static str]) -> Vec<Talk> {
    let to_them = compressed("to the peer", theirs, ours.clone(), agreed);
    let from_them = compressed("from the peer", theirs, ours.clone(), agreed).needs(Need::Compress);
    vec![to_them, Talk { max_frame_size: 64 << 10, ..from_them }]
}

/// Some of the messages do not become smaller, and some refer back to others.
fn compressed(name: &str, theirs: &'static str, ours: Deflate, agreed: &'static [&'static str]) -> Talk {
    let talk = open(name, move |mut ws, _| {
        let extensions = ws.extensions();
        for part in ["permessage-deflate"].iter().chain(agreed) {
            expect(&format!("{part} in {extensions:?}"), &extensions.contains(part), &true)?;
        }
        let line = "So much of what people say they have said before. Grüße! ";
        for _ in 0..3 {
            echo(&mut ws, Message::from(line.repeat(10)))?;
            echo(&mut ws, Message::from(line.repeat(10_000)))?;
            echo(&mut ws, Message::from(noise(50_000)))?;
            echo(&mut ws, Message::from("hello"))?;
            echo(&mut ws, Message::from(""))?;
        }
        close(ws)
    });
    Talk { setting: theirs, deflate: Some(ours), ..talk }.needs(Need::Deflate)
}

/// One end wants compression, the other has none.
pub fn declined() -> Vec<Talk> {
    let uncompressed = |name| {
        open(name, |mut ws, _| {
            expect("the extensions", &ws.extensions(), &"")?;
            echo(&mut ws, Message::from("So much of what people say they have said before. ".repeat(100)))?;
            close(ws)
        })
    };
    vec![
        Talk { setting: "deflate", ..uncompressed("by us") }.needs(Need::Deflate),
        Talk { deflate: Some(Deflate::default()), ..uncompressed("by the peer") }.needs(Need::DeflateOff),
    ]
}

fn deflate(set: impl FnOnce(&mut Deflate)) -> Deflate {
    let mut deflate = Deflate::default();
    set(&mut deflate);
    deflate
}

pub fn headers(ws: WebSocket, _: &HeaderMap) -> Outcome<Value> {
    let (header, cookie) = match ws.sender().role() {
        Role::Server => ("from the server", "seat=13"),
        Role::Client => ("from the client", "seat=12"),
    };
    close(ws)?;
    Ok(json!({"header": header, "cookie": cookie}))
}

pub fn peers_headers(ws: WebSocket, headers: &HeaderMap) -> Outcome<Value> {
    let expected = match ws.sender().role() {
        Role::Server => [("x-interop", "from the client"), ("cookie", "seat=12")],
        Role::Client => [("x-interop", "from the server"), ("set-cookie", "seat=13")],
    };
    for (name, value) in expected {
        expect(name, &headers.get(name).map(|value| value.as_bytes()), &Some(value.as_bytes()))?;
    }
    close(ws)
}

pub fn refusal(expected: Value) -> Talk {
    let talk = open("/refuse", |_, _| Ok(Value::Null));
    Talk { path: "/refuse", part: Part::Refused(expected), ..talk }
}
