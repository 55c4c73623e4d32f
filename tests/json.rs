//! Messages from and to `serde` types (feature `json`).

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{Error, Message};
use common::{Frame, ROLES};
use raw::pair;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chat<'a> {
    #[serde(borrow)]
    name: &'a str,
    lines: Vec<u32>,
}

#[test]
fn values_travel_as_text() {
    for role in ROLES {
        let (mut ws, mut peer) = pair(role);
        let chat = Chat { name: "Ada", lines: vec![1, 2] };
        ws.send_json(&chat).expect("send");
        ws.sender().send_json(&"alone").expect("send");
        let text = r#"{"name":"Ada","lines":[1,2]}"#;
        for expected in [text, "\"alone\""] {
            let frame = peer.read().expect("a frame");
            assert_eq!(Frame { mask: None, ..frame }, Frame::text(expected));
        }
        // A binary message may be JSON too.
        for frame in [Frame::text(text), Frame::binary(text)] {
            peer.send(frame);
            let message = ws.read().expect("open").expect("a message");
            assert_eq!(message.json::<Chat<'_>>().expect("JSON"), chat);
        }
    }
}

#[test]
fn what_is_none_is_told_with_the_place() {
    for (text, place) in
        [("{", "line 1"), ("", "line 1"), (r#"{"name": "Ada"}"#, "missing field `lines`"), ("[1]\n2", "line")]
    {
        let message = Message::from(text);
        let error = message.json::<Chat<'_>>().expect_err("no JSON of this type");
        assert!(matches!(error, Error::Json(_)) && error.to_string().contains(place), "{text:?}: {error}");
    }
    assert!(matches!(Message::from(&[0xff]).json::<String>(), Err(Error::Json(_))));
}

#[test]
fn what_cannot_be_written_is_not_sent() {
    let (ws, mut peer) = pair(clearsocket::Role::Server);
    let keys_that_are_no_strings = HashMap::from([((1, 2), 3)]);
    assert!(matches!(ws.send_json(&keys_that_are_no_strings), Err(Error::Json(_))));
    ws.send_json(&()).expect("send");
    assert_eq!(peer.read().map(|frame| frame.payload), Some(b"null".to_vec()));
}
