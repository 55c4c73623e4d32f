//! One life of a member: from its welcome to the end of its connection, and what it has heard in it.
//!
//! What members say carries a number and a checksum, so each listener can tell by itself whether something is missing, came
//! twice, came out of order, or was altered:
//!
//! ```text
//!   {"type":"say","text":"17 9f86d081884c7d65 some filler, short or long"}
//!                          │         └─ of speaker, number and filler
//!                          └─ 0, 1, 2, ... in each life of a speaker
//! ```

use super::faults::Dice;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The order in which a room has heard things, as those tell who were there from the beginning.
pub type Order = Arc<Mutex<Vec<u64>>>;

pub struct Life {
    pub name: String,
    pub room: String,
    pub said: u64,
    /// Of what it has said itself.
    pub heard_back: u64,
    /// Of each speaker: the number of the next message.
    pub heard: BTreeMap<String, u64>,
    pub present: BTreeSet<String>,
    /// Messages heard, the history not among them.
    pub deliveries: u64,
    pub welcomed: bool,
    /// How many have said their last word.
    pub last_words: usize,
    gone: BTreeSet<String>,
    /// Present when it was welcomed, and perhaps talking already.
    elders: BTreeSet<String>,
    order: Order,
    /// How much of the order it has heard; `None` for who was not there from the beginning.
    pub heard_in_order: Option<usize>,
    dice: Dice,
}

impl Life {
    pub fn new(name: String, room: String, order: Order, seed: u64) -> Life {
        Life {
            name,
            room,
            said: 0,
            heard_back: 0,
            heard: BTreeMap::new(),
            present: BTreeSet::new(),
            deliveries: 0,
            welcomed: false,
            last_words: 0,
            gone: BTreeSet::new(),
            elders: BTreeSet::new(),
            order,
            heard_in_order: Some(0),
            dice: Dice(seed),
        }
    }

    /// Whether both were in one room of one server.
    pub fn met(&self, other: &Life) -> bool {
        Arc::ptr_eq(&self.order, &other.order)
    }

    pub fn join(&self) -> String {
        json!({"type": "join", "name": self.name, "room": self.room}).to_string()
    }

    /// The next thing to say.
    pub fn say(&mut self) -> String {
        let length = match self.dice.throw(8) {
            0 => self.dice.throw(1500),
            _ => self.dice.throw(200),
        };
        let filler: String = (0..length).map(|_| LETTERS[self.dice.throw(8) as usize]).collect();
        self.say_this(&filler)
    }

    pub fn say_last_word(&mut self) -> String {
        self.say_this(LAST_WORD)
    }

    fn say_this(&mut self, filler: &str) -> String {
        let (number, sum) = (self.said, checksum(&self.name, self.said, filler));
        self.said += 1;
        json!({"type": "say", "text": format!("{number} {sum:016x} {filler}")}).to_string()
    }

    /// Judges what has come.
    #[track_caller]
    pub fn hear(&mut self, text: &str) {
        let value: Value = serde_json::from_str(text).expect("the chat speaks JSON");
        let of =
            |name: &str| value[name].as_str().unwrap_or_else(|| panic!("no {name} in {text}")).to_owned();
        match (value["type"].as_str(), self.welcomed) {
            (Some("welcome"), false) => {
                assert_eq!(of("you"), self.name);
                self.welcomed = true;
                self.present = names(&value["members"]);
                self.elders = self.present.clone();
                let history = value["history"].as_array().expect("a history");
                if !history.is_empty() {
                    self.heard_in_order = None; // not there from the beginning
                }
                for said in history {
                    let field = |name: &str| said[name].as_str().expect("a string").to_owned();
                    self.judge(&field("name"), &field("text"), true);
                }
            }
            (Some("said"), true) => self.judge(&of("name"), &of("text"), false),
            (Some("joined"), true) => {
                assert!(self.present.insert(of("name")), "{}: {} joined twice", self.name, of("name"));
                assert_eq!(names(&value["members"]), self.present, "{}: who is there, {text}", self.name);
            }
            (Some("left"), true) => {
                assert!(self.present.remove(&of("name")), "{}: {} left twice", self.name, of("name"));
                assert_eq!(names(&value["members"]), self.present, "{}: who is there, {text}", self.name);
                self.gone.insert(of("name"));
            }
            _ => panic!("{}: unexpected: {text}", self.name),
        }
    }

    #[track_caller]
    fn judge(&mut self, speaker: &str, text: &str, is_history: bool) {
        let me = &self.name;
        let mut parts = text.splitn(3, ' ');
        let number: u64 = parts.next().and_then(|part| part.parse().ok()).expect("a number");
        let sum = parts.next().and_then(|part| u64::from_str_radix(part, 16).ok()).expect("a checksum");
        let filler = parts.next().unwrap_or_default();
        assert_eq!(sum, checksum(speaker, number, filler), "{me}: {speaker}'s {number} was altered: {text}");
        assert!(!self.gone.contains(speaker), "{me}: {speaker} has left and says {number}");
        // Who was here already may have said things before us.
        let talked_before = is_history || (self.heard_in_order.is_none() && self.elders.contains(speaker));
        let first = if talked_before { number } else { 0 };
        let next = self.heard.entry(speaker.to_owned()).or_insert(first);
        assert_eq!(number, *next, "{me}: of {speaker} one was lost, came twice, or out of order");
        *next += 1;
        if is_history {
            return;
        }
        self.deliveries += 1;
        self.last_words += usize::from(filler == LAST_WORD);
        self.heard_back += u64::from(speaker == me);
        if let Some(heard) = &mut self.heard_in_order {
            let mut order = self.order.lock().expect("not poisoned");
            match order.get(*heard) {
                Some(other) => {
                    assert_eq!(*other, sum, "{me}: others heard something else before {speaker}'s {number}")
                }
                None => order.push(sum),
            }
            *heard += 1;
        }
    }
}

fn names(members: &Value) -> BTreeSet<String> {
    let members = members.as_array().expect("members");
    members.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

/// FNV-1a.
fn checksum(speaker: &str, number: u64, filler: &str) -> u64 {
    let bytes = [speaker.as_bytes(), &number.to_be_bytes(), filler.as_bytes()].concat();
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

const LAST_WORD: &str = "goodbye";

/// Of one, two, three and four bytes, and such that JSON writes otherwise; no blank, which the chat trims.
const LETTERS: [char; 8] = ['a', 'z', '"', '\\', 'ü', '€', '中', '🦀'];
