//! What conversations are made of: say, hear, close, and what is to be expected.

use crate::talk::Outcome;
use clearsocket::{Event, Message, WebSocket};
use serde_json::{Value, json};

pub fn echo(ws: &mut WebSocket, message: Message<'_>) -> Outcome<()> {
    ws.send(message.clone())?;
    hear(ws, &message)
}

pub fn hear(ws: &mut WebSocket, expected: &Message<'_>) -> Outcome<()> {
    let Some(message) = ws.read()? else {
        return Err(format!("closed, where {} was expected", shorten(expected)).into());
    };
    expect("the message", &message, expected)
}

pub fn next_event(ws: &mut WebSocket) -> Outcome<Event<'_>> {
    ws.read_event()?.ok_or("closed, where an event was expected".into())
}

/// Closes; the report will tell of it.
pub fn close(mut ws: WebSocket) -> Outcome<Value> {
    ws.close(1000, "")?;
    end(&mut ws)?;
    Ok(json!({"code": 1000}))
}

/// Nothing else comes, and both ends have said Close.
pub fn end(ws: &mut WebSocket) -> Outcome<()> {
    if let Some(message) = ws.read()? {
        return Err(format!("{} came where the end was expected", shorten(&message)).into());
    }
    expect("a clean end", &ws.close_event().was_clean, &true)
}

pub fn expect<T: PartialEq + std::fmt::Debug>(what: &str, seen: &T, expected: &T) -> Outcome<()> {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{what}: {}, where {} was expected", shorten(seen), shorten(expected)).into())
}

fn shorten(value: &impl std::fmt::Debug) -> String {
    let mut text = format!("{value:?}");
    if let Some((end, _)) = text.char_indices().nth(100) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Bytes that no compressor makes shorter.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| byte()).collect()
}
