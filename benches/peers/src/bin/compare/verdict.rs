//! The targets, and whether they were met in this run.

use crate::results::{Results, human};
use crate::rows::again;
use crate::tables::{BROADCAST, ECHO, broadcast_id, echo_id};
use std::fmt::Write;

/// One target.
struct Verdict {
    target: String,
    measured: String,
    /// The lowest ratio of a limit to itself, where the target is a ratio to a limit.
    itself: Option<f64>,
    /// `None`: not everything for it was measured.
    met: Option<bool>,
}

/// The targets as a table; those of which nothing was measured only if `all` are asked for.
pub fn markdown(results: &Results, all: bool) -> String {
    let mut judge = Judge { results, verdicts: Vec::new() };
    judge.echo_by_threads();
    judge.echo_by_event_loop();
    judge.both_drivers();
    judge.broadcast();
    judge.connections();
    judge.in_memory();
    let mut out = format!("{HOW}\n| target | measured | limit : itself | |\n| --- | --- | ---: | --- |\n");
    for Verdict { target, measured, itself, met } in
        judge.verdicts.iter().filter(|verdict| all || !verdict.is_empty())
    {
        let word = met.map_or("-", |met| if met { "ok" } else { "**short**" });
        let itself = itself.map(human).unwrap_or_default();
        let _ = writeln!(out, "| {target} | {measured} | {itself} | {word} |");
    }
    out
}

impl Verdict {
    fn is_empty(&self) -> bool {
        self.measured == NOTHING
    }
}

struct Judge<'a> {
    results: &'a Results,
    verdicts: Vec<Verdict>,
}

const HOW: &str = "\
The worst of all cases decides. *Limit : itself*: the lowest ratio of a second copy of that raw server to the first in these cases,
perhaps in another one than ours. It says how noisy the run was, and excuses nothing.
";
const NOTHING: &str = "not measured";
const THREADS: &str = "clearsocket";
const EVENT_LOOP: &str = "clearsocket-event-loop";
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// A case, the connections, bytes and messages in flight of which pass a test.
type Test = fn(usize, usize, usize) -> bool;

impl Judge<'_> {
    fn echo_by_threads(&mut self) {
        self.echo("threads, echo up to 1 KiB", THREADS, "raw-threads", 0.95, |_, size, _| size <= KIB);
        self.echo("threads, echo of 16 KiB", THREADS, "raw-threads", 0.92, |_, size, _| size == 16 * KIB);
        self.echo("threads, echo, 1 in flight", THREADS, "tungstenite", 0.97, |_, _, depth| depth == 1);
        self.echo("threads, echo, pipelined", THREADS, "tungstenite", 10.0, |_, _, depth| depth > 1);
    }

    fn echo_by_event_loop(&mut self) {
        self.echo("event loop, echo up to 1 KiB", EVENT_LOOP, "raw-epoll", 0.95, |_, size, _| size <= KIB);
        self.echo("event loop, echo of 16 KiB", EVENT_LOOP, "raw-epoll", 0.92, |_, size, _| size == 16 * KIB);
        for peer in ["bun", "fastwebsockets", "tokio-websockets", "sockudo-ws"] {
            self.echo("event loop, every echo", EVENT_LOOP, peer, 1.0, |_, _, _| true);
        }
    }

    fn both_drivers(&mut self) {
        for (name, row) in [("threads", THREADS), ("event loop", EVENT_LOOP)] {
            self.echo(&format!("{name}, echo of 1 MiB"), row, "fastwebsockets", 1.0, |_, size, _| {
                size == MIB
            });
            let fairness = ECHO.map(|case| {
                let id = echo_id(case);
                (self.results.median("echo", &id, row, "fairness"), id)
            });
            self.at_least(&format!("{name}, fairness"), 0.5, "", &fairness);
        }
    }

    fn broadcast(&mut self) {
        for (name, row) in [("threads", THREADS), ("event loop", EVENT_LOOP)] {
            for (window, other, least) in
                [(32, "raw-write-batch", 0.9), (32, "bun", 1.0), (1, "raw-write-each", 0.95)]
            {
                let cases = BROADCAST.iter().filter(|case| case.2 == window);
                let ids: Vec<_> = cases.map(|case| broadcast_id(*case)).collect();
                let name = format!("{name}, broadcast, window {window}");
                self.rate("broadcast", &name, row, other, least, &ids);
            }
        }
    }

    fn connections(&mut self) {
        for (name, row, cpu, memory) in
            [("threads", THREADS, 25.0, 20.0), ("event loop", EVENT_LOOP, 22.0, 1.0)]
        {
            let cpu_us = self.results.median("handshakes", "50", row, "cpu_us");
            self.at_most(&format!("{name}, handshake"), cpu, " µs of CPU", &[(cpu_us, String::new())]);
            let rss = self.results.median("idle", "2000", row, "rss_kib");
            self.at_most(&format!("{name}, idle connection"), memory, " KiB", &[(rss, String::new())]);
        }
    }

    fn in_memory(&mut self) {
        let contended = self.results.ratio("contended", "16", THREADS, "mutex", "rate");
        self.at_least("contended sending", 5.0, " x mutex", &[(contended, String::new())]);
        // Of a client's write a good part is the random number generator: see the table.
        for (name, most, figures) in [
            ("codec, 13 B, write", 12.0, &["server_write_ns"][..]),
            ("codec, 13 B, read", 20.0, &["server_read_ns", "client_read_ns"]),
        ] {
            let value = |figure: &&str| (self.results.median("codec", "13", THREADS, figure), words(figure));
            let values: Vec<_> = figures.iter().map(value).collect();
            self.at_most(name, most, " ns", &values);
        }
        let figures = ["server_write_ns", "server_read_ns", "client_write_ns", "client_read_ns"];
        for peer in ["tungstenite", "fastwebsockets", "tokio-websockets", "sockudo-ws"] {
            let ratios = figures
                .map(|figure| (self.results.ratio("codec", "1024", peer, THREADS, figure), words(figure)));
            self.at_least("codec, 1 KiB, speed", 1.0, &format!(" x {peer}"), &ratios);
        }
        let masking = ["1024", "65536"].map(|size| {
            (self.results.ratio("mask", size, THREADS, "memcpy", "gb_per_s"), format!("{size} B"))
        });
        self.at_least("masking", 0.5, " x memcpy", &masking);
        self.utf8();
    }

    fn utf8(&mut self) {
        let ascii = ["ASCII,1024", "ASCII,65536"]
            .map(|case| (self.results.ratio("utf8", case, THREADS, "memcpy", "gb_per_s"), case.to_string()));
        self.at_least("UTF-8, ASCII", 0.5, " x memcpy", &ascii);
        let other = ["Cyrillic", "Chinese", "mixed"].map(|script| {
            ["1024", "65536"].map(|size| {
                let case = format!("{script},{size}");
                (self.results.median("utf8", &case, THREADS, "gb_per_s"), case)
            })
        });
        self.at_least("UTF-8, other text", 10.0, " GB/s", other.as_flattened());
    }

    /// A ratio of two rows in every case of the echo table that passes the test.
    fn echo(&mut self, name: &str, row: &str, other: &str, least: f64, test: Test) {
        let cases =
            ECHO.into_iter().filter(|(connections, size, depth, _)| test(*connections, *size, *depth));
        let ids: Vec<_> = cases.map(echo_id).collect();
        self.rate("echo", name, row, other, least, &ids);
    }

    /// A ratio of two rows' rates in these cases, and that of the other to itself.
    fn rate(&mut self, table: &str, name: &str, row: &str, other: &str, least: f64, ids: &[String]) {
        let ratio = |row: &str, id: &String| self.results.ratio(table, id, row, other, "rate");
        let ratios: Vec<_> = ids.iter().map(|id| (ratio(row, id), id.clone())).collect();
        let itself = ids.iter().filter_map(|id| ratio(&again(other), id)).reduce(f64::min);
        self.at_least(name, least, &format!(" x {other}"), &ratios);
        if let Some(verdict) = self.verdicts.last_mut() {
            verdict.itself = itself;
        }
    }

    fn at_least(&mut self, name: &str, least: f64, unit: &str, values: &[(Option<f64>, String)]) {
        let target = format!("{name}: at least {least}{unit}");
        self.judge(target, unit, values, |value, worst| value < worst, |worst| worst >= least);
    }

    fn at_most(&mut self, name: &str, most: f64, unit: &str, values: &[(Option<f64>, String)]) {
        let target = format!("{name}: at most {most}{unit}");
        self.judge(target, unit, values, |value, worst| value > worst, |worst| worst <= most);
    }

    /// Judges the worst of all values.
    fn judge(
        &mut self,
        target: String,
        unit: &str,
        values: &[(Option<f64>, String)],
        is_worse: fn(f64, f64) -> bool,
        is_met: impl Fn(f64) -> bool,
    ) {
        let missing = values.iter().find(|(value, _)| value.is_none());
        let measured = values.iter().filter_map(|(value, case)| Some(((*value)?, case)));
        let worst = measured.reduce(|worst, next| if is_worse(next.0, worst.0) { next } else { worst });
        let at = |case: &str| if case.is_empty() { String::new() } else { format!(" ({case})") };
        self.verdicts.push(match (missing, worst) {
            (None, Some((worst, case))) => {
                let measured = format!("{}{unit}{}", human(worst), at(case));
                Verdict { target, measured, itself: None, met: Some(is_met(worst)) }
            }
            (Some((_, case)), Some((worst, other))) => {
                let measured = format!("{}{unit}{}; {case} not measured", human(worst), at(other));
                Verdict { target, measured, itself: None, met: None }
            }
            _ => Verdict { target, measured: NOTHING.to_string(), itself: None, met: None },
        });
    }
}

/// A figure of the codec table in words.
fn words(figure: &str) -> String {
    figure.trim_end_matches("_ns").replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Cell;
    use clearsocket_peers::figures::Figures;

    #[test]
    fn the_limit_is_held_against_itself_in_the_same_cases() {
        let mut results = Results::default();
        let mut add = |row: &str, case, rate| {
            let rounds = vec![Some(Figures::default().with("rate", rate))];
            results.add(Cell {
                table: "echo",
                case: echo_id(case),
                row: row.to_string(),
                rounds,
                failure: None,
            });
        };
        for case in ECHO {
            add("raw-epoll", case, 100.0);
            add("raw-epoll-again", case, if case.1 == 16 { 90.0 } else { 80.0 });
            add(EVENT_LOOP, case, if case.1 == 16 { 96.0 } else { 97.0 });
        }
        let mut judge = Judge { results: &results, verdicts: Vec::new() };
        judge.echo("small", EVENT_LOOP, "raw-epoll", 0.95, |_, size, _| size == 16);
        judge.echo("other", EVENT_LOOP, "bun", 0.95, |_, size, _| size == 16);
        assert_eq!(judge.verdicts[0].itself, Some(0.9));
        assert_eq!(judge.verdicts[0].met, Some(true));
        assert_eq!(judge.verdicts[1].itself, None);
        assert_eq!(judge.verdicts[1].met, None);
    }
}
