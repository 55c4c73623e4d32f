//! Where the results go: `benches/RESULTS.md`, `benches/chart.svg` and a part of `README.md`.

use crate::machine::{machine, root, today, versions};
use crate::options::Options;
use crate::process::Cpus;
use crate::results::Results;
use crate::table::Table;
use crate::{chart, summary, verdict};
use clearsocket_peers::Result;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

/// Everything that is written.
pub struct Report {
    tables: String,
    verdict: String,
    summary: String,
    chart: String,
    circumstances: String,
}

impl Report {
    /// Puts the results into words and pictures.
    pub fn new(
        tables: &[Table],
        results: &Results,
        options: &Options,
        cpus: &Cpus,
        missing: &[String],
    ) -> Result<Report> {
        Ok(Report {
            tables: all_tables(tables, results)?,
            verdict: verdict::markdown(results, options.is_whole()),
            summary: summary::markdown(results),
            chart: chart::svg(results, &format!("{}. {}", machine(), today())),
            circumstances: circumstances(results, options, cpus, missing),
        })
    }

    /// What is printed when all is done.
    pub fn end(&self) -> String {
        let Report { verdict, summary, circumstances, .. } = self;
        format!("## Targets\n\n{verdict}\n## Summary\n\n{summary}\n{circumstances}")
    }

    /// Writes the files.
    pub fn write(&self) -> Result {
        let Report { tables, verdict, summary, chart, circumstances } = self;
        let results = format!("{RESULTS_HEAD}\n{circumstances}\n{tables}\n## Targets\n\n{verdict}");
        fs::write(root().join("benches/RESULTS.md"), results)?;
        fs::write(root().join("benches/chart.svg"), chart)?;
        let block = format!("{CHART}\n\n{summary}\n{circumstances}{MORE}");
        fs::write(readme(), replaced(&fs::read_to_string(readme())?, &block)?)?;
        eprintln!("written: benches/RESULTS.md, benches/chart.svg, README.md");
        Ok(())
    }
}

/// Checks that there is a place for the summary.
pub fn check_readme() -> Result {
    replaced(&fs::read_to_string(readme())?, "").map(drop)
}

fn all_tables(tables: &[Table], results: &Results) -> Result<String> {
    let mut out = String::new();
    for table in tables {
        write!(out, "\n## {}\n\n{}", table.title, table.how)?;
        for case in &table.cases {
            write!(out, "\n{}", table.markdown(case, results))?;
        }
    }
    Ok(out)
}

fn circumstances(results: &Results, options: &Options, cpus: &Cpus, missing: &[String]) -> String {
    let Options { rounds, secs, warm, .. } = options;
    let plural = if *rounds == 1 { "" } else { "s" };
    let mut out = format!(
        "Measured on {}: {}, over loopback, the server on CPU {}, the load generator on CPU {}.\n{}.\nMedians of {rounds} \
        round{plural} of {secs} s after {warm} s to warm up, rows interleaved, in turn from the first and from the last.",
        today(),
        machine(),
        cpus.server,
        cpus.generator,
        versions(),
    );
    if let Some(spread) = results.typical_spread().filter(|_| *rounds > 1) {
        let _ = write!(
            out,
            " Between the lowest and the highest round of a rate lay {:.0} % in the median.",
            spread * 100.0
        );
    }
    if !missing.is_empty() {
        let _ = write!(out, "\nLeft out: {}.", missing.join("; "));
    }
    out + "\n"
}

fn replaced(readme: &str, block: &str) -> Result<String> {
    let parts = readme.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some(format!("{before}{BEGIN}\n{block}{END}{after}"))
    });
    parts.ok_or_else(|| format!("README.md has no {BEGIN} with an {END} after it").into())
}

fn readme() -> PathBuf {
    root().join("README.md")
}

const BEGIN: &str = "<!-- speed:begin -->";
const END: &str = "<!-- speed:end -->";
const CHART: &str = "![Echo and broadcast beside raw TCP and other libraries](benches/chart.svg)";
const MORE: &str = "\n[All tables](benches/RESULTS.md) are written by `benches/compare`, like this one.\n";
const RESULTS_HEAD: &str = "\
# The comparison

Written by `benches/compare`; do not edit. On a shared machine the speed of a whole table may move by a third between two
minutes: compare rows of one table, not of two. For the same reason a column *x* shows the median of the ratios in
each round. Every Rust server is built with the same profile (fat LTO, one codegen unit) for the plain target, and used as
its documentation shows.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_block_is_replaced() {
        let readme = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = replaced(&readme, "new\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(replaced(&new, "new\n").unwrap(), new);
        assert!(replaced("nothing", "new").is_err());
    }
}
