//! The run itself: every case in rounds, and in each round every row once.
//!
//! A shared machine may get slower or faster by a third between two minutes. So the rows of a table take turns, every second
//! round from the last to the first, and only rows of one table are to be compared.

use crate::options::Options;
use crate::process::{Cpus, Process};
use crate::results::{Cell, Results};
use crate::rows::{Row, sibling};
use crate::table::{Candidate, Case, Table};
use clearsocket_peers::Result;
use clearsocket_peers::figures::Figures;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Measures all tables; prints each when it is complete.
pub fn all(tables: &[Table], options: &Options, cpus: &Cpus) -> Result<Results> {
    let mut results = Results::default();
    for table in tables {
        crate::say(format_args!("## {}\n\n{}", table.title, table.how));
        for case in &table.cases {
            for cell in rounds(table, case, options, cpus)? {
                results.add(cell);
            }
            crate::say(table.markdown(case, &results));
        }
    }
    Ok(results)
}

fn rounds(table: &Table, case: &Case, options: &Options, cpus: &Cpus) -> Result<Vec<Cell>> {
    let cell = |candidate: &Candidate| Cell {
        table: table.id,
        case: case.id.clone(),
        row: candidate.name().to_string(),
        rounds: Vec::new(),
        failure: None,
    };
    let mut cells: Vec<Cell> = table.candidates.iter().map(cell).collect();
    for round in 1..=options.rounds {
        eprintln!("{}: {}, round {round} of {}", table.id, case.label, options.rounds);
        let mut turns: Vec<_> = table.candidates.iter().zip(&mut cells).collect();
        if round % 2 == 0 {
            turns.reverse();
        }
        for (candidate, cell) in turns {
            let figures = match candidate {
                Candidate::Server(row) => serve(row, case, options, cpus),
                Candidate::InMemory { args, .. } => in_memory(args, case, options, cpus),
            };
            match figures {
                Ok(figures) => cell.rounds.push(Some(figures)),
                Err(error) => {
                    cell.rounds.push(None);
                    eprintln!("{}: {error}", cell.row);
                    cell.failure = Some(error.to_string());
                }
            }
        }
    }
    Ok(cells)
}

/// A server on its CPU, the generator on the other.
fn serve(row: &Row, case: &Case, options: &Options, cpus: &Cpus) -> Result<Figures> {
    let port = free_port()?;
    let server = cpus.start_on(cpus.server, row.command(port).stdout(Stdio::null()).stderr(Stdio::null()))?;
    wait_until_it_listens(&server, port)?;
    let mut command = Command::new(sibling("loadgen")?);
    command.args(&case.args).args(["--port", &port.to_string(), "--pid", &server.pid().to_string()]);
    command.args(timing(case, options)).args(row.raw.then_some("--raw"));
    measured(cpus.start_on(cpus.generator, command.stdout(Stdio::piped()).stderr(Stdio::piped()))?)
}

/// A program that measures itself.
fn in_memory(args: &[String], case: &Case, options: &Options, cpus: &Cpus) -> Result<Figures> {
    let mut command = Command::new(sibling("in_memory")?);
    command.args(&case.args).args(args).args(timing(case, options));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    measured(match case.pinned {
        true => cpus.start_on(cpus.generator, &mut command)?,
        false => Process::start(&mut command)?,
    })
}

fn measured(process: Process) -> Result<Figures> {
    Figures::parse(&process.output()?)
}

fn timing(case: &Case, options: &Options) -> [String; 4] {
    let secs = options.secs * case.longer;
    ["--warm".to_string(), options.warm.to_string(), "--secs".to_string(), secs.to_string()]
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn wait_until_it_listens(server: &Process, port: u16) -> Result {
    let deadline = Instant::now() + PATIENCE;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    while TcpStream::connect(address).is_err() {
        if server.has_ended() {
            return Err("the server has ended at once".into());
        }
        if Instant::now() > deadline {
            return Err("the server does not listen".into());
        }
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(SETTLING); // it has a connection to forget
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(10);
const SETTLING: Duration = Duration::from_millis(50);
