//! The command line.

#[cfg(feature = "tls")]
use crate::trust;
use clearsocket::{Client, Deflate};
use std::time::Duration;

pub const USAGE: &str = "\
A WebSocket client for the terminal.

Usage: connect [OPTIONS] ws://HOST[:PORT]/PATH
       connect [OPTIONS] wss://HOST[:PORT]/PATH

Each line of standard input is sent as a text message, and each message that comes is printed.
The end of the input (Ctrl-D) or Ctrl-C closes the connection; a second Ctrl-C does not wait.

What is sent:
  --header 'NAME: VALUE'  a further header; may be repeated
  --subprotocol NAME      offer a subprotocol; may be repeated, the preferred one first
  --origin ORIGIN         send this Origin
  --basic USER:PASSWORD   Basic authentication, as ws://USER:PASSWORD@HOST/ does it too
  --no-deflate            do not offer to compress messages
  --binary                send standard input as binary messages, as it is
  --ping SECONDS          send a ping so often, and tell how long its pong takes

How to get there:
  --proxy URL             through http://[USER:PASSWORD@]HOST:PORT or socks5://...; with `env`
                          as https_proxy, http_proxy, all_proxy and no_proxy say
  --cacert FILE           trust the authorities in this PEM file, and nobody else
  --insecure              trust everybody: no certificate is checked
  --reconnect             connect again when the connection is lost, for ever; what is typed
                          meanwhile is sent then

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
    pub insecure: bool,
    pub ping: Option<Duration>,
    pub reconnect: bool,
}

impl Options {
    /// `None` for `--help`.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
        let (mut subprotocols, mut url, mut deflate) = (Vec::new(), None, true);
        let mut options = Options {
            client: Client::new(),
            url: String::new(),
            binary: false,
            frames: false,
            insecure: false,
            ping: None,
            reconnect: false,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--subprotocol" => subprotocols.push(value()?),
                "--no-deflate" => deflate = false,
                "--binary" => options.binary = true,
                "--ping" => options.ping = Some(seconds(&value()?)?),
                "--frames" => options.frames = true,
                "--reconnect" => options.reconnect = true,
                "--insecure" => {
                    options.insecure = true;
                    options.client = insecure(options.client)?;
                }
                "--header" | "--origin" | "--basic" | "--proxy" | "--cacert" => {
                    options.client = apply(options.client, &arg, &value()?)?;
                }
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                _ if url.is_some() => return Err("there is more than one URL".into()),
                _ => url = Some(arg),
            }
        }
        options.url = url.ok_or("the URL is missing")?;
        options.client = options.client.subprotocols(subprotocols);
        if deflate {
            options.client = options.client.deflate(Deflate::default());
        }
        Ok(Some(options))
    }
}

/// An option of the client that has a value.
fn apply(client: Client, option: &str, value: &str) -> Result<Client, String> {
    Ok(match option {
        "--header" => {
            let (name, value) = value.split_once(':').ok_or("a header is written as 'NAME: VALUE'")?;
            client.header(name.trim(), value.trim())
        }
        "--origin" => client.origin(value),
        "--basic" => {
            let (user, password) = value.split_once(':').ok_or("--basic is written as USER:PASSWORD")?;
            client.basic_auth(user, password)
        }
        "--proxy" if value == "env" => client.proxy_from_env(),
        "--proxy" => client.proxy(value),
        _ => trusting(client, value)?,
    })
}

#[cfg(feature = "tls")]
fn trusting(client: Client, file: &str) -> Result<Client, String> {
    Ok(client.tls(trust::authorities(file)?))
}

#[cfg(feature = "tls")]
fn insecure(client: Client) -> Result<Client, String> {
    Ok(client.tls(trust::everybody()?))
}

#[cfg(not(feature = "tls"))]
fn trusting(_: Client, _: &str) -> Result<Client, String> {
    Err("--cacert needs TLS: build with --features tls".into())
}

#[cfg(not(feature = "tls"))]
fn insecure(_: Client) -> Result<Client, String> {
    Err("--insecure needs TLS: build with --features tls".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds >= 0.1);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or(format!("{text:?} is no number of seconds, at least 0.1"))
}
