//! A table: its cases, its rows and its columns, and how it looks in Markdown.

use crate::results::{Results, human};
use crate::rows::Row;
use std::fmt::Write;

/// A table, or several of the same columns: one for each case.
pub struct Table {
    /// Its name on the command line and in the results.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// How it was measured.
    pub how: &'static str,
    /// One table each.
    pub cases: Vec<Case>,
    /// The rows.
    pub candidates: Vec<Candidate>,
    /// The columns.
    pub columns: Vec<Column>,
}

/// One load.
pub struct Case {
    /// Its numbers, such as `100,20,16`.
    pub id: String,
    /// In words.
    pub label: String,
    /// What the generator (or `in_memory`) is told.
    pub args: Vec<String>,
    /// By how much the window is longer than usual.
    pub longer: f64,
    /// `in_memory` stays on one CPU.
    pub pinned: bool,
}

/// Who takes part.
pub enum Candidate {
    /// A server.
    Server(Row),
    /// A function in memory, with what `in_memory` is told.
    InMemory {
        /// Its name in the table.
        name: &'static str,
        /// What `in_memory` is told besides the case.
        args: Vec<String>,
    },
}

impl Candidate {
    /// Its name in the table.
    pub fn name(&self) -> &str {
        match self {
            Candidate::Server(row) => &row.name,
            Candidate::InMemory { name, .. } => name,
        }
    }
}

/// A column: heading, figure, and what of it.
pub struct Column(pub &'static str, pub &'static str, pub Show);

/// What a column shows of a figure.
pub enum Show {
    /// The median of the rounds.
    Median,
    /// The lowest and the highest round.
    Spread,
    /// The median over that of another row.
    Over(&'static str),
}

impl Table {
    /// The table of one case.
    pub fn markdown(&self, case: &Case, results: &Results) -> String {
        let mut out = format!("### {}\n\n| |", case.label);
        for Column(heading, ..) in &self.columns {
            let _ = write!(out, " {heading} |");
        }
        let _ = write!(out, "\n| --- |{}\n", " ---: |".repeat(self.columns.len()));
        for candidate in &self.candidates {
            let _ = write!(out, "| {} |", candidate.name());
            for column in &self.columns {
                let text = column.text(self.id, &case.id, candidate.name(), results);
                let _ = write!(out, " {} |", text.unwrap_or_else(|| "-".to_string()));
            }
            if let Some(failure) =
                results.cell(self.id, &case.id, candidate.name()).and_then(|cell| cell.failure.as_ref())
            {
                let _ = write!(out, " failed: {failure}");
            }
            out.push('\n');
        }
        out
    }
}

impl Column {
    fn text(&self, table: &str, case: &str, row: &str, results: &Results) -> Option<String> {
        let Column(_, figure, show) = self;
        match show {
            Show::Median => results.median(table, case, row, figure).map(human),
            Show::Spread => {
                let (lowest, highest) = results.cell(table, case, row)?.spread(figure)?;
                Some(format!("{}..{}", human(lowest), human(highest)))
            }
            Show::Over(other) => {
                results.ratio(table, case, row, other, figure).map(|ratio| format!("{ratio:.2}"))
            }
        }
    }
}
