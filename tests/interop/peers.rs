//! The columns of the table: who they are, how they are started, and what they cannot do, with the reason.
//!
//! For the next editor: a reason is that an interface has no such means, or that a library is known to do it otherwise.
//! It stands beside each such need, so that a new version can be asked again: take the line out, and see.

use crate::browser::Tabs;
use crate::install::{Installed, scripts};
use crate::script::{Script, Servers};
use crate::talk::{Need, Outcome, Partner, Talk};
use clearsocket::Role;
use std::process::Command;

/// A library or a program that speaks WebSocket.
pub struct Peer {
    /// At the head of its column.
    pub name: &'static str,
    runs: Runs,
    pub client: Option<Side>,
    pub server: Option<Side>,
}

/// What runs it, and its script.
enum Runs {
    Node(&'static str),
    Bun(&'static str),
    Python(&'static str),
    Java(&'static str),
    Chromium,
}

/// A role that the peer has, and what it has no means to do in it, with the reason.
pub struct Side {
    pub role: Role,
    cannot: &'static [(Need, &'static str)],
}

impl Side {
    pub fn cannot(&self, need: Need) -> bool {
        self.cannot.iter().any(|(what, _reason)| *what == need)
    }
}

impl Partner for Servers {
    fn hold(&mut self, talk: &'static Talk) -> Outcome<()> {
        Servers::hold(self, talk)
    }
}

impl Peer {
    /// Starts it in one of its roles.
    pub fn start(&self, side: &Side, installed: &Installed) -> Result<Box<dyn Partner>, Absence> {
        let (mut command, script) = match self.runs {
            Runs::Chromium => return Ok(Box::new(Tabs::open()?)),
            Runs::Node(script) => (Command::new("node"), installed.npm.clone()?.join(script)),
            Runs::Bun(script) => {
                let npm = installed.npm.clone()?;
                (Command::new(npm.join("node_modules/.bin/bun")), npm.join(script))
            }
            Runs::Python(script) => (Command::new(installed.python.clone()?), scripts().join(script)),
            Runs::Java(script) => {
                installed.java.clone()?;
                (Command::new("java"), scripts().join(script))
            }
        };
        let name = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        command.arg(script);
        let script = Script::start(command, &name, side.role)?;
        match side.role {
            Role::Client => Ok(Box::new(script)),
            Role::Server => Ok(Box::new(Servers::listening(script)?)),
        }
    }
}

/// Why a peer does not run.
pub enum Absence {
    /// It cannot be had here.
    Missing(String),
    /// It should, and does not.
    Broken(String),
}

impl From<String> for Absence {
    fn from(reason: String) -> Absence {
        Absence::Missing(reason)
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for Absence {
    fn from(problem: Box<dyn std::error::Error + Send + Sync>) -> Absence {
        Absence::Broken(problem.to_string())
    }
}

pub const PEERS: &[Peer] = &[
    Peer {
        name: "Node `ws`",
        runs: Runs::Node("ws.mjs"),
        client: Some(Side {
            role: Role::Client,
            cannot: &[(Need::NoneTaken, "it fails a connection on which none is spoken, as a browser does")],
        }),
        server: Some(Side { role: Role::Server, cannot: &[] }),
    },
    Peer {
        name: "Python `websockets`, threads",
        runs: Runs::Python("websockets_sync.py"),
        client: Some(Side { role: Role::Client, cannot: WEBSOCKETS }),
        server: Some(Side { role: Role::Server, cannot: WEBSOCKETS }),
    },
    Peer {
        name: "Python `websockets`, asyncio",
        runs: Runs::Python("websockets_asyncio.py"),
        client: Some(Side { role: Role::Client, cannot: WEBSOCKETS }),
        server: Some(Side { role: Role::Server, cannot: WEBSOCKETS }),
    },
    Peer {
        name: "Java `java.net.http`",
        runs: Runs::Java("JavaNet.java"),
        client: Some(Side {
            role: Role::Client,
            cannot: &[
                (Need::NoCode, "sendClose wants a code"),
                (Need::Deflate, "it has no extensions"),
                (Need::Body, "the response of a WebSocketHandshakeException has none"),
                (Need::SeeHeaders, "the response to a handshake that succeeds is not told"),
            ],
        }),
        server: None,
    },
    Peer {
        name: "Bun",
        runs: Runs::Bun("bun.mjs"),
        client: Some(Side {
            role: Role::Client,
            cannot: &[
                (Need::Fragments, "send has no such option"),
                (Need::NoneTaken, "WHATWG: such a connection is to be failed"),
                (Need::Status, "WHATWG: a script is not told"),
                (Need::Body, "WHATWG: a script is not told"),
                (Need::SeeHeaders, "WHATWG: a script is not told"),
            ],
        }),
        server: Some(Side {
            role: Role::Server,
            cannot: &[
                (Need::Fragments, "send has no such option"),
                (Need::NoCode, "close says 1000 unless it is told another code"),
                (Need::CrossingClose, "which of the two codes it reports is not asked of it"),
                (Need::NoneTaken, "upgrade takes the first unless it is told another"),
                (Need::SmallWindow, "it declines offers that ask for one"),
            ],
        }),
    },
    Peer {
        name: "undici (Node's own)",
        runs: Runs::Node("undici.mjs"),
        client: Some(Side {
            role: Role::Client,
            cannot: &[
                (Need::Fragments, "WHATWG: a script has no such means"),
                (Need::Ping, "WHATWG: a script has no such means"),
                (Need::GoingAway, "WHATWG: close takes 1000 and 3000-4999"),
                (Need::DeflateOff, "it always offers it"),
                (Need::Compress, "it only decompresses"),
                (Need::ByteOrderMark, "its text comes from a decoder that may take it for a mark"),
                (Need::NoneTaken, "WHATWG: such a connection is to be failed"),
                (Need::Status, "WHATWG: a script is not told"),
                (Need::Body, "WHATWG: a script is not told"),
                (Need::SeeHeaders, "WHATWG: a script is not told"),
            ],
        }),
        server: None,
    },
    Peer {
        name: "Chromium",
        runs: Runs::Chromium,
        client: Some(Side {
            role: Role::Client,
            cannot: &[
                (Need::Fragments, "WHATWG: a script has no such means"),
                (Need::Ping, "WHATWG: a script has no such means"),
                (Need::GoingAway, "WHATWG: close takes 1000 and 3000-4999"),
                (Need::DeflateOff, "it always offers it"),
                (Need::NoneTaken, "WHATWG: such a connection is to be failed"),
                (Need::Status, "WHATWG: a script is not told"),
                (Need::Body, "WHATWG: a script is not told"),
                (Need::SeeHeaders, "WHATWG: a script is not told"),
                (Need::SendHeaders, "WHATWG: a script has no such means"),
            ],
        }),
        server: None,
    },
];

const WEBSOCKETS: &[(Need, &str)] = &[(Need::NoCode, "close says 1000 unless it is told another code")];
