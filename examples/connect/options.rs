//! The command line.

use clearsocket::{Client, Deflate};
use std::time::Duration;

pub const USAGE: &str = "\
A WebSocket client for the terminal.

Usage: connect [OPTIONS] ws://HOST[:PORT]/PATH

Each line of standard input is sent as a text message, and each message that comes is printed.
The end of the input (Ctrl-D) or Ctrl-C closes the connection; a second Ctrl-C does not wait.

What is sent:
  --header 'NAME: VALUE'  a further header; may be repeated
  --subprotocol NAME      offer a subprotocol; may be repeated, the preferred one first
  --origin ORIGIN         send this Origin
  --no-deflate            do not offer to compress messages
  --binary                send standard input as binary messages, as it is
  --ping SECONDS          send a ping so often, and tell how long its pong takes

What is shown:
  --frames                every byte that passes, on standard error: the heads and each frame
  --help                  this help

Status: 0 after a clean close, or when nobody reads the output any more; 1 if there is no
connection or it ends badly; 2 if the options are wrong; 130 after a second Ctrl-C.";

/// What the command line says.
pub struct Options {
    pub client: Client,
    pub url: String,
    pub binary: bool,
    pub frames: bool,
    pub ping: Option<Duration>,
}

impl Options {
    /// `None` for `--help`.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
        let (mut client, mut subprotocols, mut url) = (Client::new(), Vec::new(), None);
        let (mut deflate, mut binary, mut frames, mut ping) = (true, false, false, None);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--header" => {
                    let line = value()?;
                    let (name, value) = line.split_once(':').ok_or("a header is written as 'NAME: VALUE'")?;
                    client = client.header(name.trim(), value.trim());
                }
                "--subprotocol" => subprotocols.push(value()?),
                "--origin" => client = client.origin(&value()?),
                "--no-deflate" => deflate = false,
                "--binary" => binary = true,
                "--ping" => ping = Some(seconds(&value()?)?),
                "--frames" => frames = true,
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                _ if url.is_some() => return Err("there is more than one URL".into()),
                _ => url = Some(arg),
            }
        }
        let url = url.ok_or("the URL is missing")?;
        if deflate {
            client = client.deflate(Deflate::default());
        }
        client = client.subprotocols(subprotocols);
        Ok(Some(Options { client, url, binary, frames, ping }))
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds >= 0.1);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or(format!("{text:?} is no number of seconds, at least 0.1"))
}
