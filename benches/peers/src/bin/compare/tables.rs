//! What is measured: the tables, their cases, columns and rows.

use crate::options::Options;
use crate::rows::Row;
use crate::table::{Candidate, Case, Column, Show, Table};
use clearsocket_peers::Result;
use clearsocket_peers::bytes::{self, Way};
use clearsocket_peers::{codecs, contended};

/// The tables that are asked for, with the rows that are there.
pub fn all(rows: &[Row], options: &Options) -> Result<Vec<Table>> {
    let mut tables = vec![
        echo(rows),
        broadcast(rows),
        handshakes(rows),
        idle(rows),
        latency(rows),
        contended_sending(),
        codec(),
        mask(),
        utf8(),
    ];
    check_names(&tables, options)?;
    tables.retain(|table| options.wants_table(table.id));
    for table in &mut tables {
        table.cases.retain(|case| options.wants_case(&case.id));
        table.candidates.retain(|candidate| options.wants_row(candidate.name()));
    }
    tables.retain(|table| !table.cases.is_empty() && !table.candidates.is_empty());
    match tables.is_empty() {
        true => Err("no table has such a case and such a row".into()),
        false => Ok(tables),
    }
}

fn check_names(tables: &[Table], options: &Options) -> Result {
    let (wanted_tables, wanted_rows) = options.names();
    if let Some(name) = wanted_tables.iter().find(|name| !tables.iter().any(|table| table.id == **name)) {
        return Err(format!("there is no table {name:?}; see --help").into());
    }
    let mut names = tables.iter().flat_map(|table| &table.candidates).map(Candidate::name);
    match wanted_rows.iter().find(|name| !names.clone().any(|row| row == **name)) {
        Some(name) => {
            let mut known: Vec<&str> = Vec::new();
            names.by_ref().for_each(|row| {
                if !known.contains(&row) {
                    known.push(row)
                }
            });
            Err(format!("there is no row {name:?}; there are {}", known.join(", ")).into())
        }
        None => Ok(()),
    }
}

fn servers(rows: &[Row], mode: &str, names: &[&str]) -> Vec<Candidate> {
    let find = |name: &&str| rows.iter().find(|row| row.name == *name && row.mode == mode).cloned();
    names.iter().filter_map(find).map(Candidate::Server).collect()
}

fn case(id: String, label: String, args: &str) -> Case {
    let args = args.split_whitespace().map(str::to_string).collect();
    Case { id, label, args, longer: 1.0, pinned: true }
}

/// A case that needs no long time.
fn short(id: String, label: String, args: &str) -> Case {
    Case { longer: 0.4, ..case(id, label, args) }
}

/// The connections, bytes and messages in flight of the echo table, and whether it is text.
pub const ECHO: [(usize, usize, usize, bool); 12] = [
    (1, 16, 1, false),
    (1, 16, 64, false),
    (10, 1024, 1, false),
    (10, 1024, 1, true),
    (100, 20, 1, false),
    (100, 20, 16, false),
    (100, 20, 16, true),
    (10, 16384, 1, false),
    (200, 16384, 1, false),
    (500, 16384, 1, false),
    (4, 1 << 20, 1, false),
    (16, 1 << 20, 1, false),
];

/// The members, bytes and window of the broadcast table.
pub const BROADCAST: [(usize, usize, usize); 6] =
    [(100, 64, 1), (100, 64, 32), (100, 1024, 32), (1000, 64, 1), (1000, 64, 32), (1000, 1024, 32)];

/// A case of the echo table, as its id.
pub fn echo_id((connections, bytes, in_flight, text): (usize, usize, usize, bool)) -> String {
    format!("{connections},{bytes},{in_flight}{}", if text { ",text" } else { "" })
}

/// A case of the broadcast table, as its id.
pub fn broadcast_id((members, bytes, window): (usize, usize, usize)) -> String {
    format!("{members},{bytes},{window}")
}

fn echo(rows: &[Row]) -> Table {
    let cases = ECHO.map(|numbers| {
        let (connections, bytes, in_flight, text) = numbers;
        let (kind, flag) = if text { ("text", "--text") } else { ("binary", "") };
        let plural = if connections == 1 { "" } else { "s" };
        case(
            echo_id(numbers),
            format!("{connections} connection{plural}, {}, {in_flight} in flight, {kind}", size(bytes)),
            &format!("echo --connections {connections} --size {bytes} --in-flight {in_flight} {flag}"),
        )
    });
    // Behind ours, so that they lie no further from the limits in time.
    let names = [&EVERYBODY[..4], &["raw-threads-again", "raw-epoll-again"], &EVERYBODY[4..]].concat();
    Table {
        id: "echo",
        title: "Echo",
        how: ECHO_HOW,
        cases: cases.into(),
        candidates: servers(rows, "echo", &names),
        columns: vec![
            Column("messages/s", "rate", Show::Median),
            Column("lowest..highest", "rate", Show::Spread),
            Column("x raw-threads", "rate", Show::Over("raw-threads")),
            Column("x raw-epoll", "rate", Show::Over("raw-epoll")),
            Column("fairness", "fairness", Show::Median),
            Column("CPU µs/message", "cpu_us", Show::Median),
        ],
    }
}

fn broadcast(rows: &[Row]) -> Table {
    let cases = BROADCAST.map(|numbers| {
        let (members, bytes, window) = numbers;
        case(
            broadcast_id(numbers),
            format!("{members} members, {}, window {window}", size(bytes)),
            &format!("broadcast --members {members} --size {bytes} --window {window} --text"),
        )
    });
    let names = [
        "raw-write-batch",
        "raw-write-each",
        "clearsocket",
        "clearsocket-event-loop",
        "raw-write-batch-again",
        "raw-write-each-again",
        "tungstenite",
        "tungstenite-channels",
        "fastwebsockets",
        "tokio-websockets",
        "sockudo-ws",
        "bun",
        "node-ws",
    ];
    Table {
        id: "broadcast",
        title: "Broadcast",
        how: BROADCAST_HOW,
        cases: cases.into(),
        candidates: servers(rows, "broadcast", &names),
        columns: vec![
            Column("deliveries/s", "rate", Show::Median),
            Column("lowest..highest", "rate", Show::Spread),
            Column("x raw-write-batch", "rate", Show::Over("raw-write-batch")),
            Column("x raw-write-each", "rate", Show::Over("raw-write-each")),
            Column("CPU µs/delivery", "cpu_us", Show::Median),
        ],
    }
}

fn handshakes(rows: &[Row]) -> Table {
    let names = [
        "raw-threads",
        "raw-thread-pool",
        "clearsocket",
        "clearsocket-event-loop",
        "tungstenite",
        "fastwebsockets",
        "tokio-websockets",
        "sockudo-ws",
        "bun",
        "node-ws",
    ];
    Table {
        id: "handshakes",
        title: "Handshakes",
        how: HANDSHAKES_HOW,
        cases: vec![Case {
            longer: 1.5,
            ..case("50".to_string(), "50 handshakes in flight".to_string(), "handshakes --in-flight 50")
        }],
        candidates: servers(rows, "handshakes", &names),
        columns: vec![
            Column("CPU µs/handshake", "cpu_us", Show::Median),
            Column("lowest..highest", "cpu_us", Show::Spread),
            Column("handshakes/s", "rate", Show::Median),
        ],
    }
}

fn idle(rows: &[Row]) -> Table {
    let label = "2,000 idle connections".to_string();
    Table {
        id: "idle",
        title: "Memory of an idle connection",
        how: IDLE_HOW,
        cases: vec![case("2000".to_string(), label, "idle --connections 2000 --size 16")],
        candidates: servers(rows, "echo", &EVERYBODY),
        columns: vec![
            Column("KiB/connection", "rss_kib", Show::Median),
            Column("lowest..highest", "rss_kib", Show::Spread),
        ],
    }
}

fn latency(rows: &[Row]) -> Table {
    let label = "20,000 messages/s of 64 B over 50 connections".to_string();
    let args = "latency --connections 50 --size 64 --rate 20000";
    Table {
        id: "latency",
        title: "Latency at a fixed rate",
        how: LATENCY_HOW,
        cases: vec![Case { longer: 6.0, ..case("50,64,20000".to_string(), label, args) }],
        candidates: servers(rows, "echo", &EVERYBODY),
        columns: vec![
            Column("p50 µs", "p50_us", Show::Median),
            Column("p99 µs", "p99_us", Show::Median),
            Column("p99 lowest..highest", "p99_us", Show::Spread),
            Column("p99.9 µs", "p999_us", Show::Median),
            Column("p99.9 lowest..highest", "p999_us", Show::Spread),
            Column("generator late µs", "late_us", Show::Median),
        ],
    }
}

fn contended_sending() -> Table {
    let label = format!("{} threads on one socket", contended::THREADS);
    Table {
        id: "contended",
        title: "Contended sending",
        how: CONTENDED_HOW,
        cases: vec![Case { pinned: false, ..case("16".to_string(), label, "contended") }],
        candidates: contended::WAYS.iter().map(|way| candidate(way.name)).collect(),
        columns: vec![
            Column("messages/s", "rate", Show::Median),
            Column("lowest..highest", "rate", Show::Spread),
            Column("x mutex", "rate", Show::Over("mutex")),
        ],
    }
}

fn codec() -> Table {
    let cases = [13, 1024].map(|bytes| {
        let label = format!("{}, text", size(bytes));
        case(bytes.to_string(), label, &format!("codec --size {bytes}"))
    });
    Table {
        id: "codec",
        title: "The codec in memory",
        how: CODEC_HOW,
        cases: cases.into(),
        candidates: codecs::CODECS.iter().map(|codec| candidate(codec.name)).collect(),
        columns: vec![
            Column("server writes, ns", "server_write_ns", Show::Median),
            Column("lowest..highest", "server_write_ns", Show::Spread),
            Column("server reads, ns", "server_read_ns", Show::Median),
            Column("lowest..highest", "server_read_ns", Show::Spread),
            Column("client writes, ns", "client_write_ns", Show::Median),
            Column("client reads, ns", "client_read_ns", Show::Median),
        ],
    }
}

fn mask() -> Table {
    let cases = [125, 1 << 10, 64 << 10]
        .map(|bytes| short(bytes.to_string(), size(bytes), &format!("mask --size {bytes}")));
    passes("mask", "Masking", MASK_HOW, cases.into(), &bytes::MASKING)
}

fn utf8() -> Table {
    let mut cases = Vec::new();
    for script in bytes::SCRIPTS {
        for bytes in [125, 1 << 10, 64 << 10] {
            let args = format!("utf8 --size {bytes} --script {}", script.name);
            cases.push(short(
                format!("{},{bytes}", script.name),
                format!("{}, {}", script.name, size(bytes)),
                &args,
            ));
        }
    }
    passes("utf8", "UTF-8", UTF8_HOW, cases, &bytes::VALIDATION)
}

/// A table of passes over bytes, beside memcpy.
fn passes(id: &'static str, title: &'static str, how: &'static str, cases: Vec<Case>, ways: &[Way]) -> Table {
    Table {
        id,
        title,
        how,
        cases,
        candidates: ways.iter().map(|way| candidate(way.name)).collect(),
        columns: vec![
            Column("GB/s", "gb_per_s", Show::Median),
            Column("lowest..highest", "gb_per_s", Show::Spread),
            Column("x memcpy", "gb_per_s", Show::Over("memcpy")),
        ],
    }
}

fn candidate(name: &'static str) -> Candidate {
    Candidate::InMemory { name, args: vec!["--row".to_string(), name.to_string()] }
}

/// A number of bytes in words.
pub fn size(bytes: usize) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}

/// The servers of the tables that are not about rooms or handshakes.
const EVERYBODY: [&str; 10] = [
    "raw-threads",
    "raw-epoll",
    "clearsocket",
    "clearsocket-event-loop",
    "tungstenite",
    "fastwebsockets",
    "tokio-websockets",
    "sockudo-ws",
    "bun",
    "node-ws",
];

const ECHO_HOW: &str = "\
Every connection keeps so many messages in flight; for each reply that has come it sends a new message, all the new ones
in one system call. The generator sends ready-made masked frames, compares the first reply byte by byte and the first byte
of every later one, and counts complete replies alone. It spins on epoll, so that waking it is not charged to the server.
*raw-threads* and *raw-epoll* echo the same bytes without any WebSocket, with a thread for each connection and with one
thread on level-triggered epoll: they are the limits, and each of them takes part a second time (*again*), in a process of
its own, so that it is seen how far the same server is from itself. *Fairness*: messages of the connection that was served
least over those of the one that was served most. *CPU*: of the server, user and system.
";

const BROADCAST_HOW: &str = "\
One connection publishes text; the server sends each message to all the others, and every delivery counts. At most so many
messages (*window*) are on their way to the member that is behind most: a window of 1 forbids batching, one of 32 permits
it. *raw-write-batch* writes what one read gave to each socket, *raw-write-each* each message by itself: plain blocking
writes of one thread, without any WebSocket. Both take part twice.
";

const HANDSHAKES_HOW: &str = "\
Fifty connections at a time: connect, request, 101 (its Sec-WebSocket-Accept is checked), and the client closes with a
reset. What counts is the server's CPU time for each, as the generator is the bottleneck for the quicker servers.
*raw-threads* answers with a response that is always the same, in a new thread each; *raw-thread-pool* has 64 threads that
are kept.
";

const IDLE_HOW: &str = "\
Growth of the server's resident set over 2,000 connections, each after its handshake and the echo of one message. What the
kernel holds for the sockets is not in it.
";

const LATENCY_HOW: &str = "\
Messages go out at a fixed rate below saturation, over the connections in turn, whatever has become of those before them. A
latency counts from the moment at which its message was due, not from when it was sent, so that a pause of the server is
charged with all the messages that came due in it (no coordinated omission). *Generator late*: the 99.9th percentile of how
much after that moment the generator itself came to send. Rounds are six times as long as in the other tables, so that one
stall of the machine is not a 99th percentile.
";

const CONTENDED_HOW: &str = "\
Sixteen threads send messages of 20 B on one connection, as quickly as they can; what has come out at its other end counts.
All in one process, on all CPUs. *mutex*: a lock around `write_all` of a ready-made frame.
";

const CODEC_HOW: &str = "\
Nanoseconds a message, through each library's connection object over a stream that is memory alone, in batches and in its
quickest manner: `feed` or `write`, and one `flush` in the end, where it has them. Servers write plain frames and read masked
ones, clients the other way round. Text, so that UTF-8 is checked (by those who do).
";

const MASK_HOW: &str = "\
A payload is masked in place, with another key each time, 6 bytes behind the beginning of an allocation, as behind a header.
*memcpy* copies as many bytes, the floor for whatever touches each byte once.
";

const UTF8_HOW: &str = "\
Valid text is checked. *memcpy* copies as many bytes.
";
