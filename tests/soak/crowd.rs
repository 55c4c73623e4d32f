//! Many members of a chat, in rooms, and the one who makes them talk.
//!
//! ```text
//!   Member ─ a thread reads, and judges what it hears (Life)         those who stay: a Client; one life
//!      ▲                                                             those who are cut: a Reconnect; a life for each connection
//!      └── Crowd, in the test's thread: who is to say the next thing ─▶ Sender
//! ```
//!
//! [`Crowd::finish`] makes up the account: whoever stayed has heard everything that was said in the room, once, in order.

use super::faults::Dice;
use super::life::{Life, Order};
use clearsocket::{Backoff, Client, Config, Deflate, Reconnect, ReconnectHandle, Sender};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// No wait of these tests may take longer; a busy machine needs some of it.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub struct Crowd {
    members: Vec<Member>,
    /// Messages that a member may have said and not heard yet.
    pub window: u64,
    /// The longest pause of a member, in milliseconds.
    pub pause: u64,
    dice: Dice,
}

/// A member, and the thread that reads for it.
struct Member {
    state: Arc<Mutex<State>>,
    link: Link,
    next_word: Instant,
    reading: JoinHandle<()>,
}

/// The present life, and those before.
struct State {
    life: Life,
    earlier: Vec<Life>,
    order: Order,
}

/// How a member is reached.
enum Link {
    Stays(Sender),
    Returns(ReconnectHandle),
}

/// What the talk has come to.
#[derive(Debug, Default)]
pub struct Account {
    pub stayed: usize,
    /// Connections beyond the first of a member.
    pub returned: usize,
    /// By those who stayed, and by lives that ended before their time.
    pub said: u64,
    pub said_in_lost_lives: u64,
    /// Of the latter, how much nobody who stayed has heard: it never came to the chat.
    pub not_arrived: u64,
    /// Messages that those who stayed have heard: each once, in order, unaltered.
    pub delivered: u64,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account { stayed, returned, said, said_in_lost_lives, not_arrived, delivered } = self;
        write!(f, "{stayed} stayed and said {said}; connections lost: {returned}, in them said ")?;
        write!(f, "{said_in_lost_lives}, of which {not_arrived} never arrived; delivered to those who ")?;
        write!(f, "stayed: {delivered}, each once, in order, unaltered")
    }
}

impl Crowd {
    pub fn new(seed: u64) -> Crowd {
        Crowd { members: Vec::new(), window: 4, pause: 5000, dice: Dice(seed) }
    }

    /// Adds members to rooms of which there are `rooms`.
    pub fn join(&mut self, count: usize, rooms: usize, address: SocketAddr, stays: bool) {
        for _ in 0..count {
            let number = self.members.len();
            let room = number % rooms;
            let first_in_room = self.members.get(room).filter(|_| number >= rooms);
            let order = first_in_room.map_or_else(Order::default, |first| lock(&first.state).order.clone());
            let life =
                Life::new(format!("m{number}"), format!("room {room}"), order.clone(), self.dice.next());
            let state = Arc::new(Mutex::new(State { life, earlier: Vec::new(), order }));
            let (link, reading) = match stays {
                true => stay(&state, number, address),
                false => come_back(&state, number, address),
            };
            self.members.push(Member { state, link, next_word: Instant::now(), reading });
        }
    }

    /// Waits until everybody is in.
    #[track_caller]
    pub fn wait_for_welcome(&self) {
        self.wait_for_all("is in", |state| state.life.welcomed);
    }

    /// Everybody talks for so long, one to three messages at a time.
    pub fn talk(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            for member in &mut self.members {
                if member.next_word > Instant::now() {
                    continue;
                }
                let pause = self.pause / 4 + self.dice.throw(self.pause * 3 / 4);
                member.next_word = Instant::now() + Duration::from_millis(pause);
                let mut state = lock(&member.state); // what is said in this life is sent in this life
                let waiting = state.life.said - state.life.heard_back;
                let room = if state.life.welcomed { self.window.saturating_sub(waiting) } else { 0 };
                for _ in 0..room.min(1 + self.dice.throw(3)) {
                    member.link.send(state.life.say());
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many messages are under way to their own speakers.
    pub fn under_way(&self) -> u64 {
        let under_way = |member: &Member| {
            let life = &lock(&member.state).life;
            life.said - life.heard_back
        };
        self.members.iter().map(under_way).sum()
    }

    /// Lets everything arrive.
    #[track_caller]
    pub fn calm_down(&self) {
        self.wait_for_all("has heard what it said itself", |state| {
            let life = &state.life;
            life.welcomed && life.heard_back == life.said
        });
    }

    /// For members who come back: the server is another one now.
    pub fn forget_orders(&self) {
        let mut new: BTreeMap<String, Order> = BTreeMap::new();
        for member in &self.members {
            let mut state = lock(&member.state);
            state.order = new.entry(state.life.room.clone()).or_default().clone();
        }
    }

    /// Waits until everybody is in their `lives`-th life.
    #[track_caller]
    pub fn wait_for_return(&self, lives: usize) {
        self.wait_for_all("is back", |state| state.earlier.len() + 1 == lives && state.life.welcomed);
    }

    /// Those who may be cut leave, unless nobody else is there; the others say a last word, hear everybody else's, compare
    /// notes, and leave too.
    #[track_caller]
    pub fn finish(mut self) -> Account {
        self.calm_down();
        let mut gone = Vec::new();
        if self.members.iter().any(Member::stays) {
            let (stay, others) = self.members.drain(..).partition(Member::stays);
            self.members = stay;
            gone = leave(others);
        }
        self.say_goodbye();
        let stayed = leave(self.members);
        let earlier = || gone.iter().chain(&stayed).flat_map(|state| &state.earlier);
        let lost: Vec<&Life> = gone.iter().map(|state| &state.life).chain(earlier()).collect();
        let mut account = Account { stayed: stayed.len(), returned: earlier().count(), ..Account::default() };
        account.compare(&stayed, &lost);
        account
    }

    /// After its last word nothing of a member can be missing: who has heard that has heard all.
    #[track_caller]
    fn say_goodbye(&self) {
        let mut rooms: BTreeMap<String, usize> = BTreeMap::new();
        for member in &self.members {
            *rooms.entry(lock(&member.state).life.room.clone()).or_default() += 1;
        }
        self.wait_for_all("sees the others alone", |state| {
            state.life.present.len() == rooms[&state.life.room]
        });
        for member in &self.members {
            let word = lock(&member.state).life.say_last_word();
            member.link.send(word);
        }
        self.wait_for_all("has heard the last words", |state| {
            state.life.last_words == rooms[&state.life.room]
        });
    }

    #[track_caller]
    fn wait_for_all(&self, what: &str, condition: impl Fn(&State) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while let Some(member) = self.members.iter().find(|member| !condition(&lock(&member.state))) {
            let life = &lock(&member.state).life;
            let (name, said, back) = (&life.name, life.said, life.heard_back);
            assert!(!member.reading.is_finished(), "{name} has gone before this came to be: it {what}");
            let late = Instant::now() > give_up;
            assert!(
                !late,
                "{name}, who said {said} and heard {back} of it: it never came to be that it {what}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Account {
    /// Of those who stayed, everybody in a room has heard the same in the same order: all that was said by those who
    /// stayed, and of each life that was cut an unbroken beginning.
    fn compare(&mut self, stayed: &[State], lost: &[&Life]) {
        let mut rooms: BTreeMap<&str, Vec<&Life>> = BTreeMap::new();
        stayed.iter().for_each(|state| rooms.entry(&state.life.room).or_default().push(&state.life));
        for (room, lives) in &rooms {
            let heard = &lives[0].heard;
            let total: u64 = heard.values().sum();
            for life in lives {
                let name = &life.name;
                assert_eq!(&life.heard, heard, "{room}: {name} and {} have heard", lives[0].name);
                assert_eq!(heard.get(name), Some(&life.said), "{room}: what {name} said");
                assert_eq!(life.deliveries, total, "{room}: messages to {name}");
                assert_eq!(life.heard_in_order, Some(total as usize), "{room}: in order to {name}");
                self.said += life.said;
                self.delivered += life.deliveries;
            }
        }
        for life in lost {
            let witness = rooms[life.room.as_str()][0];
            // A server that was killed took all witnesses with it.
            let arrived = match witness.met(life) {
                true => witness.heard.get(&life.name).copied().unwrap_or(0),
                false => life.heard_back,
            };
            let (name, said, back) = (&life.name, life.said, life.heard_back);
            assert!(back <= arrived && arrived <= said, "{name}: {said} said, {arrived} heard, {back} back");
            self.said_in_lost_lives += said;
            self.not_arrived += said - arrived;
        }
    }
}

impl Member {
    fn stays(&self) -> bool {
        matches!(self.link, Link::Stays(_))
    }
}

/// They close their connections in order.
#[track_caller]
fn leave(members: Vec<Member>) -> Vec<State> {
    for member in &members {
        match &member.link {
            Link::Stays(sender) => sender.close(1000, "").expect("a member who stays can say goodbye"),
            Link::Returns(handle) => handle.stop(),
        }
    }
    let left = members.into_iter().map(|member| {
        if let Err(panic) = member.reading.join() {
            std::panic::resume_unwind(panic);
        }
        let state = Arc::into_inner(member.state).expect("nobody else has it");
        state.into_inner().expect("not poisoned")
    });
    left.collect()
}

impl Link {
    fn send(&self, words: String) {
        match self {
            Link::Stays(sender) => sender.send(words).expect("a member who stays can speak"),
            // Whoever is cut may find out by speaking.
            Link::Returns(handle) => drop(handle.send(words)),
        }
    }
}

/// A member whose connection must not break.
fn stay(state: &Arc<Mutex<State>>, number: usize, address: SocketAddr) -> (Link, JoinHandle<()>) {
    let url = format!("ws://{address}/chat");
    let client = client(number);
    let (state, (tell, told)) = (state.clone(), std::sync::mpsc::channel());
    let reading = spawn(number, move || {
        let (mut ws, _) = client.connect(&url).expect("a member who stays is let in");
        ws.send(lock(&state).life.join()).expect("send");
        tell.send(ws.sender()).expect("the crowd waits");
        while let Some(message) = ws.read().expect("a member who stays is not cut") {
            lock(&state).life.hear(message.as_text().expect("a text"));
        }
        let end = ws.close_event();
        assert!(end.was_clean && end.code == 1000, "{end:?}");
    });
    (Link::Stays(told.recv_timeout(PATIENCE).expect("it connects")), reading)
}

/// A member who comes back, with a new name, as often as its connection breaks.
fn come_back(state: &Arc<Mutex<State>>, number: usize, address: SocketAddr) -> (Link, JoinHandle<()>) {
    let opened = state.clone();
    let soon = Backoff::new().first(Duration::from_millis(20)).longest(Duration::from_millis(500));
    let mut ws = Reconnect::new(client(number), &format!("ws://{address}/chat")).backoff(soon).on_open(
        move |sender, _response| {
            let mut state = lock(&opened);
            if state.life.name.contains('.') {
                state.begin_anew(number);
            } else {
                state.life.name += ".1";
            }
            sender.send(state.life.join())
        },
    );
    let handle = ws.handle();
    let state = state.clone();
    let reading = spawn(number, move || {
        while let Some(message) = ws.read().expect("it always comes back") {
            lock(&state).life.hear(message.as_text().expect("a text"));
        }
    });
    (Link::Returns(handle), reading)
}

impl State {
    fn begin_anew(&mut self, number: usize) {
        let name = format!("m{number}.{}", self.earlier.len() + 2);
        let life = Life::new(name, self.life.room.clone(), self.order.clone(), number as u64);
        self.earlier.push(std::mem::replace(&mut self.life, life));
    }
}

/// Every other one compresses.
fn client(number: usize) -> Client {
    let mut config = Config::default();
    (config.handshake_timeout, config.close_timeout) = (PATIENCE, PATIENCE); // a bad network is slow
    match number % 2 {
        0 => Client::new().config(config),
        _ => Client::new().config(config).deflate(Deflate::default()),
    }
}

fn spawn(number: usize, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let thread = thread::Builder::new().name(format!("member {number}")).stack_size(256 << 10);
    thread.spawn(work).expect("a thread")
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().expect("a member has found a fault")
}
