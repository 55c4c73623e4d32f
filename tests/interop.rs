//! Interoperability: conversations with WebSocket libraries that nobody here wrote, in both directions.
//!
//! ```text
//!   checks ──▶ our server ◀── their client      the same conversation is held in either role:
//!          └─▶ our client ──▶ their server      we lead it, the peer echoes and does what it is told to
//! ```
//!
//! A peer is one script in `tests/interop/peers`, started with the word `client` or `server` and the name of the folder
//! that has `ca.pem`, `cert.pem` and `key.pem`:
//!
//! - `server`: prints `{"plain": PORT, "tls": PORT, "deflate": PORT, "no-context-takeover": PORT}`, a server for each
//!   setting. Each speaks the subprotocol `chat.v1`, refuses the path `/refuse` with 403 and `not for you`, and sends the
//!   headers `X-Interop: from the server` and `Set-Cookie: seat=13`.
//! - `client`: connects for each line `URL SETTING SUBPROTOCOL...` that it reads, one after the other, with the headers
//!   `X-Interop: from the client` and `Cookie: seat=12`.
//! - Connected in either way, it echoes every message, except texts that begin with a slash:
//!   `/fragments WORD...` sends the words as the fragments of one text; `/ping PAYLOAD` sends a ping, and the text
//!   `pong PAYLOAD` when its pong has come; `/burst N` sends the texts `1` to `N`; `/close [CODE [REASON...]]` sends the
//!   text `closing`, then a Close.
//! - When a connection has ended it prints `{"protocol", "header", "cookie", "code", "reason"}`: the subprotocol, the
//!   other end's `X-Interop` and cookie, and how it ended. When it was refused: `{"status", "body"}`.
//!
//! `cargo test --test interop` writes the table of what was seen to `target/interop/table.md`; the README has it between
//! two markers. The libraries are installed in `target/interop`, in the versions that stand in the folder of the peers.
//! Peers that cannot be had here are skipped by name; where CI=true is set the test fails instead.
//!
//! For the next editor: a new check is an entry in `checks`, a new peer a script and an entry in `peers`. What a peer
//! cannot do stands there too, with the reason. The rules are the RFC's: no expectation bends for a peer.

#![cfg(all(unix, feature = "deflate"))]

mod common;

#[path = "interop/browser.rs"]
mod browser;
#[path = "interop/certificates.rs"]
mod certificates;
#[path = "interop/checks.rs"]
mod checks;
#[path = "browser/devtools.rs"]
#[allow(dead_code)]
mod devtools;
#[path = "common/example.rs"]
mod example;
#[path = "interop/install.rs"]
mod install;
#[path = "interop/peers.rs"]
mod peers;
#[path = "browser/processes.rs"]
#[allow(dead_code)]
mod processes;
#[path = "interop/script.rs"]
mod script;
#[path = "interop/talk.rs"]
mod talk;
#[path = "common/tls.rs"]
mod tls_peer;

use checks::{CHECKS, Check};
use clearsocket::Role;
use install::Installed;
use peers::{Absence, PEERS, Peer, Side};
use processes::{Deadline, announce};
use std::time::Duration;
use talk::Partner;

/// What came of a check with a peer in one of its roles.
enum Verdict {
    Passed,
    /// The peer cannot do it.
    NotApplicable,
    Failed(String),
}

/// What came of all checks with a peer, in the order of the checks: one verdict for each role that it has.
type Column = Vec<Vec<Verdict>>;

#[test]
fn peers_that_nobody_here_wrote() {
    let installed = Installed::new();
    let columns: Vec<_> = std::thread::scope(|scope| {
        let meetings: Vec<_> = PEERS.iter().map(|peer| scope.spawn(|| meet(peer, &installed))).collect();
        meetings.into_iter().map(|meeting| meeting.join().expect("a meeting does not panic")).collect()
    });
    let mut failures = Vec::new();
    let mut met = Vec::new();
    for (peer, column) in PEERS.iter().zip(columns) {
        match column {
            Ok(column) => met.push((peer, column)),
            Err(Absence::Missing(reason)) => {
                announce(&format!("skipped: {}: {reason}", peer.name));
                failures.extend(on_ci().then(|| format!("{} was skipped: {reason}", peer.name)));
            }
            Err(Absence::Broken(problem)) => failures.push(format!("{}: {problem}", peer.name)),
        }
    }
    for (peer, column) in &met {
        failures.extend(failed(peer, column));
    }
    let table = table(&met);
    announce(&format!("\n{table}"));
    std::fs::write(install::folder().join("table.md"), &table).expect("the target directory can be written");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    if met.len() == PEERS.len() {
        readme_has(&table);
    }
}

fn on_ci() -> bool {
    std::env::var("CI").as_deref() == Ok("true")
}

/// All checks with a peer, in each of its roles.
fn meet(peer: &'static Peer, installed: &Installed) -> Result<Column, Absence> {
    let deadline = Deadline::after(ENOUGH);
    let mut column: Column = CHECKS.iter().map(|_| Vec::new()).collect();
    for side in [&peer.client, &peer.server].into_iter().flatten() {
        let mut partner = peer.start(side, installed)?;
        for (check, verdicts) in CHECKS.iter().zip(&mut column) {
            verdicts.push(match deadline.left().is_zero() {
                true => Verdict::Failed("there was no time left for it".into()),
                false => hold(check, side, partner.as_mut()),
            });
        }
    }
    Ok(column)
}

/// The conversations of a check, as far as the peer can have them.
fn hold(check: &'static Check, side: &Side, partner: &mut dyn Partner) -> Verdict {
    let mut verdict = Verdict::NotApplicable;
    for talk in &check.talks {
        if talk.needs.iter().any(|need| side.cannot(*need)) {
            continue;
        }
        let mut outcome = partner.hold(talk);
        for _ in 1..talk.attempts {
            outcome = outcome.or_else(|_| partner.hold(talk));
        }
        match outcome {
            Ok(()) => verdict = Verdict::Passed,
            Err(problem) => return Verdict::Failed(format!("{}: {problem}", talk.name)),
        }
    }
    verdict
}

/// What did not pass, in words.
fn failed<'a>(peer: &'a Peer, column: &'a Column) -> impl Iterator<Item = String> + 'a {
    CHECKS.iter().zip(column).flat_map(move |(check, verdicts)| {
        let roles = [&peer.client, &peer.server].into_iter().flatten().map(|side| side.role);
        roles.zip(verdicts).filter_map(move |(role, verdict)| {
            let role = if role == Role::Client { "client" } else { "server" };
            let Verdict::Failed(problem) = verdict else { return None };
            Some(format!("{} as {role}, {}: {problem}", peer.name, check.name))
        })
    })
}

// ---- The table ---------------------------------------------------------------------------------------

fn table(met: &[(&Peer, Column)]) -> String {
    let names: Vec<_> = met.iter().map(|(peer, _)| peer.name.to_string()).collect();
    let mut lines =
        vec![format!("| | {} |", names.join(" | ")), format!("| --- |{}", " :---: |".repeat(met.len()))];
    for (index, check) in CHECKS.iter().enumerate() {
        let cells: Vec<_> = met.iter().map(|(_, column)| cell(&column[index])).collect();
        lines.push(format!("| {} | {} |", check.name, cells.join(" | ")));
    }
    lines.join("\n") + "\n"
}

fn cell(verdicts: &[Verdict]) -> String {
    let marks = verdicts.iter().map(|verdict| match verdict {
        Verdict::Passed => "✓",
        Verdict::NotApplicable => "–",
        Verdict::Failed(_) => "FAILED",
    });
    marks.collect::<Vec<_>>().join(" ")
}

/// The README tells what was seen here.
fn readme_has(table: &str) {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("it is there");
    let Some((_, rest)) = readme.split_once("<!-- interop:begin -->") else { return };
    let (told, _) = rest.split_once("<!-- interop:end -->").expect("both markers are there");
    assert!(
        told.contains(table),
        "README.md has another table than target/interop/table.md between its markers:\n{told}"
    );
}

/// For all checks with a peer. It is needed only if one of them falls silent again and again.
const ENOUGH: Duration = Duration::from_secs(150);
