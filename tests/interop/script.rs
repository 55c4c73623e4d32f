//! A peer that is a script: a process, spoken to by lines.

use crate::talk::{Outcome, PATIENCE, Talk, TheirClient, with_their_server};
use crate::{certificates, install};
use clearsocket::Role;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

/// A running script. Dropped, it ends its process by its pid.
pub struct Script {
    process: Child,
    lines: Receiver<String>,
    /// What it has written to standard error.
    log: PathBuf,
}

impl Script {
    pub fn start(mut command: Command, name: &str, role: Role) -> Outcome<Script> {
        let role = if role == Role::Client { "client" } else { "server" };
        let log = install::folder().join(format!("{name}-{role}.log"));
        command
            .arg(role)
            .arg(certificates::folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?);
        let mut process = command.spawn()?;
        let output = BufReader::new(process.stdout.take().ok_or("the output is piped")?);
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)))
        });
        Ok(Script { process, lines, log })
    }

    /// Waits for a line of JSON.
    pub fn line(&mut self) -> Outcome<Value> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Ok(serde_json::from_str(&line).map_err(|_| format!("it says {line:?}"))?),
            Err(_) => {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let end: Vec<_> = log.lines().rev().take(5).collect();
                Err(format!("it says nothing; the end of its log, backwards: {end:?}").into())
            }
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl TheirClient for Script {
    fn connect(&mut self, url: &str, talk: &Talk) -> Outcome<()> {
        let mut words = vec![url, talk.setting];
        words.extend(talk.subprotocols);
        let stdin = self.process.stdin.as_mut().ok_or("the input is piped")?;
        writeln!(stdin, "{}", words.join(" "))?;
        Ok(stdin.flush()?)
    }

    fn report(&mut self) -> Outcome<Value> {
        self.line()
    }
}

/// Servers of theirs, one for each setting.
pub struct Servers {
    script: Script,
    ports: Value,
}

impl Servers {
    pub fn listening(mut script: Script) -> Outcome<Servers> {
        let ports = script.line()?;
        Ok(Servers { script, ports })
    }

    pub fn hold(&mut self, talk: &'static Talk) -> Outcome<()> {
        let port = self.ports[talk.setting].as_u64().ok_or("there is no such server")?;
        with_their_server(port.try_into()?, talk, || self.script.line())
    }
}
