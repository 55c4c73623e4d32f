//! The server that is measured: `bench_server echo PORT` sends every message back, `bench_server bcast PORT` sends it to
//! everybody but its sender. With `--event-loop` few threads serve all connections.

use clearsocket::{Error, Handler, Hub, Membership, Message, Request, Sender, Server};

fn main() -> Result<(), Error> {
    let (flags, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let (mode, port) = match &words[..] {
        [mode, port] if matches!(&**mode, "echo" | "bcast") => (&**mode, port.parse::<u16>()),
        _ => usage(),
    };
    let (Ok(port), true) = (port, flags.iter().all(|flag| flag == "--event-loop")) else { usage() };
    let server = Server::bind(("127.0.0.1", port))?.max_connections(100_000);
    let hub = Hub::new();
    match (mode, flags.is_empty()) {
        ("echo", true) => server.serve_handlers(|_| echo),
        ("echo", false) => server.event_loop(0).serve_handlers(|_| echo),
        (_, true) => server.serve_handlers(move |_| Member { hub: hub.clone(), membership: None }),
        (_, false) => {
            server.event_loop(0).serve_handlers(move |_| Member { hub: hub.clone(), membership: None })
        }
    }
}

fn echo(sender: &Sender, message: Message<'_>) -> Result<(), Error> {
    sender.write(message)
}

/// One of those who hear each other.
struct Member {
    hub: Hub,
    membership: Option<Membership>,
}

impl Handler for Member {
    fn on_open(&mut self, sender: &Sender, _request: &Request) -> Result<(), Error> {
        self.membership = Some(self.hub.join(sender.clone()));
        Ok(())
    }

    fn on_message(&mut self, _sender: &Sender, message: Message<'_>) -> Result<(), Error> {
        if let Some(membership) = &self.membership {
            membership.write_to_others(message);
        }
        Ok(())
    }
}

fn usage() -> ! {
    eprintln!("usage: bench_server echo|bcast PORT [--event-loop]");
    std::process::exit(2)
}
