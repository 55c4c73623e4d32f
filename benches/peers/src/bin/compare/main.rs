//! The whole comparison, from a fresh run: `benches/compare`. See [`options::USAGE`] for what it can be told.
//!
//! ```text
//!   options ─▶ tables (what is measured) ─▶ rows (who takes part) ─▶ measure (rounds, interleaved)
//!                                                                        │ process (pinned, killed on every way out)
//!   benches/RESULTS.md, benches/chart.svg, README.md ◀─ report, chart, verdict ◀─ results (medians, spread)
//! ```
//!
//! For the next editor: a table, a column or a case is a line in `tables`; a server is one in `rows` (and a function in
//! the library's `servers`); a target is one in `verdict`. No figure and no version is typed anywhere.

mod chart;
mod machine;
mod measure;
mod options;
mod process;
mod report;
mod results;
mod rows;
mod summary;
mod table;
mod tables;
mod verdict;

use clearsocket_peers::Result;
use options::Options;
use report::Report;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result {
    let Some(options) = Options::read(std::env::args().skip(1))? else {
        print!("{}", options::USAGE);
        return Ok(());
    };
    let cpus = process::prepare()?;
    let (rows, missing) = rows::available()?;
    missing.iter().for_each(|missing| eprintln!("left out: {missing}"));
    let tables = tables::all(&rows, &options)?;
    if options.writes() {
        report::check_readme()?; // before the long run, not after it
    }
    let results = measure::all(&tables, &options, &cpus)?;
    let report = Report::new(&tables, &results, &options, &cpus, &missing)?;
    say(report.end());
    if options.writes() {
        report.write()?;
    }
    match results.failures() {
        0 => Ok(()),
        count => Err(format!("{count} measurements have failed, as noted in the tables").into()),
    }
}

/// For whoever watches. The files are written all the same if nobody does any more.
fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
