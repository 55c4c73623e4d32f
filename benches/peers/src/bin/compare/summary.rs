//! The short table of the README.

use crate::results::{Results, human};
use std::fmt::Write;

/// A column: heading, table, case, figure, the raw servers whose best is the limit, whether less is better.
struct Column {
    heading: &'static str,
    table: &'static str,
    case: &'static str,
    figure: &'static str,
    limits: [&'static str; 2],
    less_is_better: bool,
}

/// The table, in Markdown, and what it means; nothing if nothing of it was measured.
pub fn markdown(results: &Results) -> String {
    let mut out = "| |".to_string();
    COLUMNS.iter().for_each(|column| out.extend([" ", column.heading, " |"]));
    let _ = write!(out, "\n| --- |{}\n", " ---: |".repeat(COLUMNS.len()));
    line(&mut out, "*raw TCP, no WebSocket*", |column| limit(results, column));
    let empty = out.len();
    for (row, name) in ROWS {
        line(&mut out, name, |column| results.median(column.table, column.case, row, column.figure));
    }
    if out.len() == empty { String::new() } else { out + LEGEND }
}

/// The best of the raw servers.
fn limit(results: &Results, column: &Column) -> Option<f64> {
    let raw =
        column.limits.iter().filter_map(|row| results.median(column.table, column.case, row, column.figure));
    raw.reduce(if column.less_is_better { f64::min } else { f64::max })
}

fn line(out: &mut String, name: &str, value: impl Fn(&Column) -> Option<f64>) {
    let values: Vec<_> = COLUMNS.iter().map(value).collect();
    if values.iter().any(Option::is_some) {
        let _ = write!(out, "| {name} |");
        for value in values {
            let _ = write!(out, " {} |", value.map_or("-".to_string(), human));
        }
        out.push('\n');
    }
}

const COLUMNS: [Column; 7] = [
    Column {
        heading: "echo, 100 x 20 B, 1/s",
        table: "echo",
        case: "100,20,1",
        figure: "rate",
        limits: ["raw-threads", "raw-epoll"],
        less_is_better: false,
    },
    Column {
        heading: "16 in flight, 1/s",
        table: "echo",
        case: "100,20,16",
        figure: "rate",
        limits: ["raw-threads", "raw-epoll"],
        less_is_better: false,
    },
    Column {
        heading: "echo, 10 x 16 KiB, 1/s",
        table: "echo",
        case: "10,16384,1",
        figure: "rate",
        limits: ["raw-threads", "raw-epoll"],
        less_is_better: false,
    },
    Column {
        heading: "broadcast to 1,000, 1/s",
        table: "broadcast",
        case: "1000,64,32",
        figure: "rate",
        limits: ["raw-write-batch", "raw-write-each"],
        less_is_better: false,
    },
    Column {
        heading: "p99 latency, µs",
        table: "latency",
        case: "50,64,20000",
        figure: "p99_us",
        limits: ["raw-threads", "raw-epoll"],
        less_is_better: true,
    },
    Column {
        heading: "handshake, µs",
        table: "handshakes",
        case: "50",
        figure: "cpu_us",
        limits: ["raw-threads", "raw-thread-pool"],
        less_is_better: true,
    },
    Column {
        heading: "idle, KiB",
        table: "idle",
        case: "2000",
        figure: "rss_kib",
        limits: ["raw-threads", "raw-epoll"],
        less_is_better: true,
    },
];

/// The rows, and what they are called in the README and the chart.
pub const ROWS: [(&str, &str); 8] = [
    ("clearsocket", "**clearsocket**, threads"),
    ("clearsocket-event-loop", "**clearsocket**, event loop"),
    ("tungstenite", "tungstenite, threads"),
    ("fastwebsockets", "fastwebsockets, tokio"),
    ("tokio-websockets", "tokio-websockets, tokio"),
    ("sockudo-ws", "sockudo-ws, tokio"),
    ("bun", "Bun"),
    ("node-ws", "Node `ws`"),
];

const LEGEND: &str = "
Echo: messages a second over so many connections, one in flight on each unless said otherwise. Broadcast: deliveries a second
of 64 B to 1,000 members, 32 messages in flight. Latency: from when a message was due to when its echo had come, at 20,000 a
second. Handshake: the server's CPU time. Idle: the server's memory for each of 2,000 connections.
";
