//! The rows of the table: what is said, and what must be heard. Our part leads; the peer's part is the same in every
//! conversation (see `tests/interop.rs`).
//!
//! For the next editor: a check passes only for what was seen to happen. That the peer has sent fragments, or compressed,
//! is seen by the largest frame that our end takes: the message would not fit into one.

mod closing;
mod handshakes;
mod messages;
mod words;

use crate::talk::{Need, Outcome, Part, Talk};
use clearsocket::WebSocket;
use clearsocket::http::HeaderMap;
use closing::{both_close, closes, peers_close_without_a_code, peers_closes};
use handshakes::{
    declined, deflates, headers, no_subprotocol, peers_headers, refusal, subprotocol,
    without_context_takeover,
};
use messages::{
    binary, burst, empty, fragments, mebibyte, peers_burst, peers_fragments, peers_ping, ping, text,
};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A row of the table.
pub struct Check {
    pub name: &'static str,
    pub talks: Vec<Talk>,
}

pub static CHECKS: LazyLock<Vec<Check>> = LazyLock::new(|| {
    let check = |name, talks| Check { name, talks };
    vec![
        check("text, all of Unicode", text()),
        check("empty messages", vec![open("echo", empty)]),
        check("binary", vec![open("echo", binary)]),
        check("1 MiB", vec![open("echo", mebibyte)]),
        check("fragments from us", vec![open("echo", fragments)]),
        check("fragments from the peer", vec![peers_fragments()]),
        check("ping from us", vec![open("ping", ping)]),
        check("ping from the peer", vec![open("/ping", peers_ping).needs(Need::Ping)]),
        check("2,000 small messages at once", vec![open("echo", burst), open("/burst", peers_burst)]),
        check("Close from us: codes, reasons", closes()),
        check("Close from the peer: codes, reasons", peers_closes()),
        check("Close without a code", vec![peers_close_without_a_code()]),
        check("Close from both at once", vec![both_close()]),
        check("subprotocol", vec![subprotocol(), no_subprotocol(&[])]),
        check("none of the subprotocols", vec![no_subprotocol(&["chat.v3"]).needs(Need::NoneTaken)]),
        check("permessage-deflate", deflates()),
        check("without context takeover", without_context_takeover()),
        check("permessage-deflate declined", declined()),
        check("headers and cookies from us", vec![open("headers", headers).needs(Need::SeeHeaders)]),
        check("and from the peer", vec![open("headers", peers_headers).needs(Need::SendHeaders)]),
        check("refusal: status", vec![refusal(json!({"status": 403})).needs(Need::Status)]),
        check("refusal: body", vec![refusal(json!({"body": "not for you"})).needs(Need::Body)]),
        check("wss", secure()),
    ]
});

/// Over TLS: messages smaller and larger than a record, and the ways to end.
fn secure() -> Vec<Talk> {
    let mut talks = vec![open("echo", mebibyte), open("many", burst), open("ping", ping)];
    talks.extend(closes().into_iter().chain(peers_closes()));
    talks.into_iter().map(|talk| Talk { setting: "tls", ..talk }).collect()
}

fn open<F>(name: &str, part: F) -> Talk
where
    F: Fn(WebSocket, &HeaderMap) -> Outcome<Value> + Send + Sync + 'static,
{
    Talk {
        name: name.into(),
        setting: "plain",
        path: "/",
        subprotocols: &[],
        deflate: None,
        max_frame_size: 16 << 20,
        attempts: 1,
        needs: Vec::new(),
        part: Part::Open(Box::new(part)),
    }
}

impl Talk {
    fn needs(mut self, need: Need) -> Talk {
        self.needs.push(need);
        self
    }
}
