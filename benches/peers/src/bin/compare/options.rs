//! What the comparison can be told.

use clearsocket_peers::Result;
use clearsocket_peers::flags::Flags;

/// The help.
pub const USAGE: &str = "\
Compares clearsocket with raw TCP and with other WebSocket libraries, on this machine and now.

usage: benches/compare [options]

  --rounds N     rounds of every measurement, rows interleaved (5)
  --secs S       seconds that are measured in each round (1)
  --warm S       seconds before them (0.5, or S if that is less)
  --tables a,b   only these: echo, broadcast, handshakes, idle, latency, contended, codec, mask, utf8
  --case ID      only the case with these numbers, such as 100,20,16 or 10,1024,1,text
  --only a,b     only these rows, such as clearsocket,raw-threads,tungstenite
  --dry-run      prints the tables, and writes no file
  --help         this

Without options it takes about three quarters of an hour, prints every table when it is done, and writes
benches/RESULTS.md, benches/chart.svg, and the block between <!-- speed:begin --> and <!-- speed:end --> of README.md.
With --tables, --case or --only it writes nothing: what is written tells of a whole run.

Linux only, with two CPUs that are otherwise idle: the server is pinned to the first, the load generator to the second.
Bun and Node take part if they are there: BUN is the program of Bun, JS_DIR the folder with node_modules that has ws (and
perhaps bun) in it. `npm install` in benches/peers/js makes one.
";

/// The options of a run.
#[derive(Debug)]
pub struct Options {
    /// Rounds of every measurement.
    pub rounds: usize,
    /// Seconds that are measured.
    pub secs: f64,
    /// Seconds before them.
    pub warm: f64,
    only: Vec<String>,
    tables: Vec<String>,
    case: String,
    dry_run: bool,
}

impl Options {
    /// Reads a command line; `None` if it asks for help.
    pub fn read(args: impl IntoIterator<Item = String>) -> Result<Option<Options>> {
        let args = args.into_iter().map(|arg| if arg == "-h" { "--help".to_string() } else { arg });
        let valued = ["rounds", "secs", "warm", "tables", "case", "only"];
        let flags = Flags::read(args, &["dry-run", "help"], &valued)
            .map_err(|error| format!("{error}; see --help"))?;
        if let Some(word) = flags.words().first() {
            return Err(format!("what is {word:?}? See --help").into());
        }
        if flags.has("help") {
            return Ok(None);
        }
        let secs = seconds(&flags, "secs", 1.0)?;
        let rounds = flags.get("rounds", 5)?;
        if rounds == 0 {
            return Err("--rounds has to be at least 1".into());
        }
        Ok(Some(Options {
            rounds,
            secs,
            warm: seconds(&flags, "warm", secs.min(0.5))?,
            only: renamed(flags.list("only")),
            tables: renamed(flags.list("tables")),
            case: flags.get("case", String::new())?,
            dry_run: flags.has("dry-run"),
        }))
    }

    /// Whether a table is asked for.
    pub fn wants_table(&self, id: &str) -> bool {
        self.tables.is_empty() || self.tables.iter().any(|table| table == id)
    }

    /// Whether a case is asked for.
    pub fn wants_case(&self, id: &str) -> bool {
        self.case.is_empty() || self.case == id
    }

    /// Whether a row is asked for.
    pub fn wants_row(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|row| row == name)
    }

    /// The names of tables and rows that are asked for.
    pub fn names(&self) -> (&[String], &[String]) {
        (&self.tables, &self.only)
    }

    /// Whether everything is measured.
    pub fn is_whole(&self) -> bool {
        self.only.is_empty() && self.tables.is_empty() && self.case.is_empty()
    }

    /// Whether the results go into files.
    pub fn writes(&self) -> bool {
        !self.dry_run && self.is_whole()
    }
}

fn seconds(flags: &Flags, name: &str, default: f64) -> Result<f64> {
    let seconds: f64 = flags.get(name, default)?;
    match (0.01..=3600.0).contains(&seconds) {
        true => Ok(seconds),
        false => Err(format!("--{name} is between 0.01 and 3600 seconds").into()),
    }
}

/// Short names that people are used to.
fn renamed(names: Vec<String>) -> Vec<String> {
    let rename = |name: String| match name.as_str() {
        "bcast" => "broadcast".to_string(),
        "churn" => "handshakes".to_string(),
        "ours" => "clearsocket".to_string(),
        "ours-event-loop" => "clearsocket-event-loop".to_string(),
        _ => name,
    };
    names.into_iter().map(rename).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<Options>> {
        Options::read(line.split_whitespace().map(str::to_string))
    }

    #[test]
    fn a_part_of_the_run_is_not_written() {
        assert!(read("--rounds 3").unwrap().unwrap().writes());
        assert!(!read("--tables echo,bcast").unwrap().unwrap().writes());
        assert!(!read("--case 100,20,16").unwrap().unwrap().writes());
        assert!(!read("--only ours").unwrap().unwrap().writes());
        assert!(!read("--dry-run").unwrap().unwrap().writes());
    }

    #[test]
    fn bad_options_are_told() {
        for line in ["--rounds 0", "--secs 0", "--secs NaN", "--rounds", "--quick", "echo", "--rounds x"] {
            assert!(read(line).is_err(), "{line}");
        }
        assert!(read("--help").unwrap().is_none());
    }
}
