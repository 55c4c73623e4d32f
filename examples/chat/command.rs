//! What page and server say to each other: one JSON object in each text message.
//!
//! ```text
//!   page -> server   {"type":"join","name":"Ada","room":"lobby"}     {"type":"say","text":"hello"}
//!   server -> page   {"type":"welcome","you":"Ada","room":"lobby","members":[...],"history":[...]}
//!                    {"type":"joined" or "left","name":"Bob","members":[...]}
//!                    {"type":"said","name":"Ada","text":"hello","at":1763700000000}
//!                    {"type":"error","text":"..."}                    to the one who caused it
//! ```

use clearsocket::Message;
use serde_json::{Value, json};
use std::time::SystemTime;

/// What a visitor wants.
pub enum Command {
    Join { name: String, room: String },
    Say { text: String },
}

impl Command {
    /// Reads a command, or says in plain words what is wrong with it.
    pub fn parse(message: &Message<'_>) -> Result<Command, String> {
        let text = message.as_text().ok_or("this chat speaks text; that was a binary message")?;
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("that is not JSON: {error}"))?;
        match value["type"].as_str() {
            Some("join") => {
                Ok(Command::Join { name: field(&value, "name", 32)?, room: field(&value, "room", 32)? })
            }
            Some("say") => Ok(Command::Say { text: field(&value, "text", 2000)? }),
            Some(other) => Err(format!("there is no command {other:?}; there are join and say")),
            None => Err(r#"a command needs a "type""#.to_string()),
        }
    }
}

fn field(value: &Value, name: &str, max: usize) -> Result<String, String> {
    let text = value[name].as_str().ok_or(format!("{name} is missing, or is no string"))?.trim();
    match text.chars().count() {
        0 => Err(format!("{name} is empty")),
        count if count > max => Err(format!("{name} has {count} characters; {max} is the most")),
        _ => Ok(text.to_string()),
    }
}

pub fn welcome(you: &str, room: &str, members: &[String], history: impl Iterator<Item = Value>) -> String {
    let history: Vec<Value> = history.collect();
    json!({"type": "welcome", "you": you, "room": room, "members": members, "history": history}).to_string()
}

pub fn joined(name: &str, members: &[String]) -> String {
    json!({"type": "joined", "name": name, "members": members}).to_string()
}

pub fn left(name: &str, members: &[String]) -> String {
    json!({"type": "left", "name": name, "members": members}).to_string()
}

pub fn said(name: &str, text: &str) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    json!({"type": "said", "name": name, "text": text, "at": now.as_millis() as u64})
}

pub fn error(text: &str) -> String {
    json!({"type": "error", "text": text}).to_string()
}
