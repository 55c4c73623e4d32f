//! The chart of the README, an SVG by hand: echo and broadcast, each server beside the quickest of the raw ones.
//!
//! It brings its own background, light or dark as the reader's system is, so that it is legible on any page.

use crate::results::{Results, human};
use crate::summary::ROWS;
use std::fmt::Write;

/// A panel: heading, table, case, and the raw servers of which the quickest is 100 %.
struct Panel(&'static str, &'static str, &'static str, [&'static str; 2]);

const PANELS: [Panel; 6] = [
    Panel("Echo: 1 connection, 16 B, 64 in flight", "echo", "1,16,64", ECHO_LIMITS),
    Panel("Echo: 100 connections, 20 B, 16 in flight", "echo", "100,20,16", ECHO_LIMITS),
    Panel("Echo: 100 connections, 20 B, 1 in flight", "echo", "100,20,1", ECHO_LIMITS),
    Panel("Echo: 10 connections, 16 KiB, 1 in flight", "echo", "10,16384,1", ECHO_LIMITS),
    Panel("Broadcast: 1,000 members, 64 B, window 1", "broadcast", "1000,64,1", BROADCAST_LIMITS),
    Panel("Broadcast: 1,000 members, 64 B, window 32", "broadcast", "1000,64,32", BROADCAST_LIMITS),
];

/// The whole picture. `foot` is the line under it.
pub fn svg(results: &Results, foot: &str) -> String {
    let bars = ROWS.iter().filter(|(row, _)| PANELS.iter().any(|panel| panel.rate(results, row).is_some()));
    let rows: Vec<(&str, String)> = bars.map(|(row, name)| (*row, name.replace(['*', '`'], ""))).collect();
    let panel_height = PANEL_HEAD + ROW * rows.len() as f64 + PANEL_GAP;
    let height = HEAD + panel_height * (PANELS.len() as f64 / 2.0).ceil() + FOOT;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
        font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<title>{TITLE}</title>\n<style>{STYLE}</style>\n\
        <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n\
        <text class=\"title\" x=\"{MARGIN}\" y=\"32\">{TITLE}</text>\n\
        <text class=\"note\" x=\"{MARGIN}\" y=\"52\">{NOTE}</text>\n",
        WIDTH - 1.0,
        height - 1.0
    );
    for (number, panel) in PANELS.iter().enumerate() {
        let left = MARGIN + (number % 2) as f64 * (WIDTH - MARGIN) / 2.0;
        let top = HEAD + (number / 2) as f64 * panel_height;
        panel.draw(&mut out, results, &rows, (left, top));
    }
    let foot = escaped(foot);
    let _ =
        write!(out, "<text class=\"note\" x=\"{MARGIN}\" y=\"{}\">{foot}</text>\n</svg>\n", height - 16.0);
    out
}

impl Panel {
    fn rate(&self, results: &Results, row: &str) -> Option<f64> {
        results.median(self.1, self.2, row, "rate")
    }

    fn draw(&self, out: &mut String, results: &Results, rows: &[(&str, String)], (left, top): (f64, f64)) {
        let Panel(heading, .., limits) = self;
        let raw = limits.iter().filter_map(|row| Some((self.rate(results, row)?, *row)));
        let quickest = raw.max_by(|a, b| a.0.total_cmp(&b.0));
        let limit = quickest.map(|(rate, _)| rate);
        let rates: Vec<_> = rows.iter().map(|(row, _)| self.rate(results, row)).collect();
        let most = rates.iter().flatten().copied().chain(limit).fold(f64::MIN_POSITIVE, f64::max);
        let start = left + LABEL;
        let _ = writeln!(out, "<text class=\"panel\" x=\"{left}\" y=\"{:.1}\">{heading}</text>", top + 14.0);
        for (number, ((row, name), rate)) in rows.iter().zip(&rates).enumerate() {
            let y = top + PANEL_HEAD + ROW * number as f64;
            let class = if row.starts_with("clearsocket") { "ours" } else { "peer" };
            let _ = writeln!(
                out,
                "<text class=\"{class}-name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                start - 8.0,
                y + 14.0,
                escaped(name)
            );
            let width = rate.unwrap_or(0.0) / most * BAR;
            let of_limit = quickest.and_then(|(_, raw)| results.ratio(self.1, self.2, row, raw, "rate"));
            let words = words(*rate, of_limit);
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{start:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"14\" rx=\"2\"/>\
                <text class=\"value\" x=\"{:.1}\" y=\"{:.1}\">{words}</text>",
                y + 3.0,
                start + BAR + 10.0,
                y + 14.0
            );
        }
        let (above, below) = (top + PANEL_HEAD - 2.0, top + PANEL_HEAD + ROW * rows.len() as f64);
        for raw in limits.iter().filter_map(|row| self.rate(results, row)) {
            let class = if Some(raw) == limit { "limit" } else { "limit other" };
            let x = start + raw / most * BAR;
            let _ = writeln!(out, "<path class=\"{class}\" d=\"M{x:.1} {above:.1}V{below:.1}\"/>");
        }
    }
}

fn words(rate: Option<f64>, of_limit: Option<f64>) -> String {
    match (rate, of_limit) {
        (Some(rate), Some(of_limit)) => format!("{}/s, {:.0} %", human(rate), of_limit * 100.0),
        (Some(rate), None) => format!("{}/s", human(rate)),
        (None, _) => "not measured".to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const TITLE: &str = "Messages a second, beside raw TCP";
const NOTE: &str = "Dashed, 100 %: raw TCP, the quicker way. Dotted: the other way (a thread for each connection, a write for each message).";
const STYLE: &str = "\
.page{fill:#fff;stroke:#d0d7de}\
text{fill:#1f2328}.title{font-size:18px;font-weight:600}.panel{font-weight:600}\
.note,.peer-name,.value{fill:#59636e}.ours-name{font-weight:600}.value{font-size:12px}\
.ours{fill:#0969da}.peer{fill:#afb8c1}.limit{stroke:#bc4c00;stroke-width:1.5;stroke-dasharray:4 3}.other{stroke-dasharray:1.5 2.5}\
@media(prefers-color-scheme:dark){.page{fill:#0d1117;stroke:#3d444d}text{fill:#f0f6fc}\
.note,.peer-name,.value{fill:#9198a1}.ours{fill:#4493f8}.peer{fill:#545d68}.limit{stroke:#f0883e}}";

const ECHO_LIMITS: [&str; 2] = ["raw-threads", "raw-epoll"];
const BROADCAST_LIMITS: [&str; 2] = ["raw-write-batch", "raw-write-each"];

const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 24.0;
const HEAD: f64 = 78.0;
const FOOT: f64 = 36.0;
const PANEL_HEAD: f64 = 24.0;
const PANEL_GAP: f64 = 26.0;
const ROW: f64 = 20.0;
const LABEL: f64 = 172.0;
const BAR: f64 = 170.0;
