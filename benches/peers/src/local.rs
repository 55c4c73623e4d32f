//! Servers in this process, for criterion: ours with either driver, and those to compare with.

use crate::Result;
use crate::load::Target;
use crate::servers::SERVERS;
use clearsocket::{Error, Handler, Hub, Membership, Message, Request, Sender, Server};
use std::net::{SocketAddr, TcpListener};
use std::thread;

/// A server that runs until the process ends.
pub struct Local {
    /// Its name.
    pub name: &'static str,
    /// What the load generator has to know of it.
    pub target: Target,
}

/// Starts our echo servers and all others.
pub fn echo_servers() -> Result<Vec<Local>> {
    let mut servers = others("echo")?;
    servers.push(local("clearsocket", threads(|_| echo)?, false));
    servers.push(local("clearsocket-event-loop", event_loop(|_| echo)?, false));
    Ok(servers)
}

/// Starts our broadcast servers and all others.
pub fn broadcast_servers() -> Result<Vec<Local>> {
    let mut servers = others("broadcast")?;
    let hub = Hub::new();
    servers.push(local("clearsocket", threads(move |_| Member::of(&hub))?, false));
    let hub = Hub::new();
    servers.push(local("clearsocket-event-loop", event_loop(move |_| Member::of(&hub))?, false));
    Ok(servers)
}

fn echo(sender: &Sender, message: Message<'_>) -> std::result::Result<(), Error> {
    sender.write(message)
}

/// A connection that says what it hears to all the others.
struct Member {
    hub: Hub,
    membership: Option<Membership>,
}

impl Member {
    fn of(hub: &Hub) -> Member {
        Member { hub: hub.clone(), membership: None }
    }
}

impl Handler for Member {
    fn on_open(&mut self, sender: &Sender, _: &Request) -> std::result::Result<(), Error> {
        self.membership = Some(self.hub.join(sender.clone()));
        Ok(())
    }

    fn on_message(&mut self, _: &Sender, message: Message<'_>) -> std::result::Result<(), Error> {
        if let Some(membership) = &self.membership {
            membership.write_to_others(message);
        }
        Ok(())
    }
}

fn threads<H: Handler>(handler: impl Fn(&Request) -> H + Send + Sync + 'static) -> Result<SocketAddr> {
    let server = Server::bind("127.0.0.1:0")?;
    let address = server.local_addr()?;
    server.spawn_handlers(handler)?;
    Ok(address)
}

fn event_loop<H: Handler + 'static>(
    handler: impl Fn(&Request) -> H + Send + Sync + 'static,
) -> Result<SocketAddr> {
    let server = Server::bind("127.0.0.1:0")?;
    let address = server.local_addr()?;
    server.event_loop(1).spawn_handlers(handler)?;
    Ok(address)
}

fn others(mode: &str) -> Result<Vec<Local>> {
    let mut servers = Vec::new();
    for server in SERVERS.iter().filter(|server| server.mode == mode) {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        servers.push(local(server.name, listener.local_addr()?, server.raw));
        thread::spawn(move || {
            if let Err(error) = (server.serve)(listener) {
                eprintln!("{}: {error}", server.name);
            }
        });
    }
    Ok(servers)
}

fn local(name: &'static str, address: SocketAddr, raw: bool) -> Local {
    Local { name, target: Target { address, pid: std::process::id(), raw, text: false } }
}
