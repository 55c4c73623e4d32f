//! What runs in the child process: a server that does as it is ordered, and by its paths.
//!
//! | path | a message there |
//! | --- | --- |
//! | `/` and any other | comes back |
//! | `/hub` | goes to everybody in the hub; the first that is heard there is a welcome |
//! | `/ignore` | is read and forgotten |
//! | `/panic`, `/panic/open`, `/panic/hook` | the handler panics; it did so when it was opened; the hook did |
//! | `/close` | begins the closing handshake |
//! | `/stuck` | is answered with far more than the network takes, and a Close behind it |
//!
//! Plain HTTP requests get a page that names their path; `/panic/page` panics. Every error goes to standard output.

use super::attacked::ORDERS;
use clearsocket::handshake::{Request, Response};
use clearsocket::{Config, Error, Handler, Hub, Membership, Message, Overflow, Sender, Server};
use http::HeaderValue;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::Read;
use std::panic::resume_unwind;
use std::time::Duration;

/// Not a test of its own: what `Attacked` starts.
#[test]
fn a_server_of_its_own() {
    if let Ok(orders) = std::env::var(ORDERS) {
        serve(&orders);
    }
}

fn serve(orders: &str) {
    std::panic::set_hook(Box::new(|_| println!("panic in a library's or the server's own code")));
    let orders: Vec<_> = orders.split_whitespace().filter_map(|order| order.split_once('=')).collect();
    let number = |name: &str| {
        let order = orders.iter().find(|order| order.0 == name)?;
        Some(order.1.parse::<usize>().expect("a number"))
    };
    let mut server = Server::bind("127.0.0.1:0").expect("bind").config(config(&number));
    if let Some(most) = number("max_connections") {
        server = server.max_connections(most);
    }
    if let Some(bytes) = number("stack_size") {
        server = server.stack_size(bytes);
    }
    #[cfg(feature = "deflate")]
    if number("deflate").is_some() {
        server = server.deflate(clearsocket::Deflate::default());
    }
    let server = server
        .subprotocols(["chat"])
        .on_request(on_request)
        .on_http(on_http)
        .on_error(|error| println!("error: {error:?}"));
    let address = server.local_addr().expect("local_addr");
    let hub = Hub::new();
    let app = move |request: &Request| App { hub: hub.clone(), path: request.path().to_owned(), seat: None };
    let handle = match orders.contains(&("driver", "event-loop")) {
        true => server.event_loop(2).spawn_handlers(app),
        false => server.spawn_handlers(app),
    };
    let _handle = handle.expect("the server starts");
    // After everything that is there from the beginning.
    if let Some(more) = number("descriptors") {
        limit(Resource::Nofile, std::fs::read_dir("/proc/self/fd").map_or(0, |it| it.count()) + more);
    }
    if let Some(more) = number("address_space") {
        limit(Resource::As, virtual_memory() + more);
    }
    println!("\nlistening on {address}");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    std::process::exit(0);
}

fn config(number: &dyn Fn(&str) -> Option<usize>) -> Config {
    let mut config = Config::default();
    let time = |name, of: &mut Duration| {
        if let Some(millis) = number(name) {
            *of = Duration::from_millis(millis as u64);
        }
    };
    time("handshake_timeout", &mut config.handshake_timeout);
    time("pong_timeout", &mut config.pong_timeout);
    time("write_timeout", &mut config.write_timeout);
    time("close_timeout", &mut config.close_timeout);
    let (mut ping, mut message) = (Duration::from_secs(30), Duration::from_secs(60));
    time("ping_interval", &mut ping);
    time("message_timeout", &mut message);
    (config.ping_interval, config.message_timeout) = (Some(ping), Some(message));
    let size = |name, of: &mut usize| *of = number(name).unwrap_or(*of);
    size("max_message_size", &mut config.max_message_size);
    size("max_frame_size", &mut config.max_frame_size);
    size("max_fragments", &mut config.max_fragments);
    size("max_head_size", &mut config.max_head_size);
    size("max_headers", &mut config.max_headers);
    config
}

fn limit(resource: Resource, most: usize) {
    let most = Some(most as u64);
    setrlimit(resource, Rlimit { current: most, maximum: getrlimit(resource).maximum }).expect("setrlimit");
}

fn virtual_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("Linux tells");
    line.split_whitespace().next().and_then(|kib| kib.parse::<usize>().ok()).expect("a number") << 10
}

fn boom() -> ! {
    resume_unwind(Box::new("boom")) // without the hook: this one is on purpose
}

fn on_request(request: &Request, headers: &mut http::HeaderMap) -> Result<(), Box<Response>> {
    if request.path() == "/panic/hook" {
        boom();
    }
    // A hook that gives back what it was sent.
    if let Some(value) = request.header("x-echo").and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert("x-echo", value);
    }
    Ok(())
}

fn on_http(request: &Request) -> Response {
    if request.path() == "/panic/page" {
        boom();
    }
    Response::new(format!("the page {}", request.resource_name()).into_bytes())
}

struct App {
    hub: Hub,
    path: String,
    seat: Option<Membership>,
}

impl Handler for App {
    fn on_open(&mut self, sender: &Sender, _request: &Request) -> Result<(), Error> {
        match self.path.as_str() {
            "/hub" => {
                self.seat = Some(self.hub.join(sender.clone()));
                sender.send("welcome")?;
            }
            "/panic/open" => boom(),
            _ => {}
        }
        Ok(())
    }

    fn on_message(&mut self, sender: &Sender, message: Message<'_>) -> Result<(), Error> {
        match self.path.as_str() {
            "/hub" => self.hub.broadcast(message),
            "/ignore" => {}
            "/panic" => boom(),
            "/close" => sender.close(1000, "it was nice")?,
            "/stuck" => {
                let sender = sender.with_overflow(Overflow::DropNewest, 1 << 20);
                (0..2000).try_for_each(|_| sender.send(vec![b'x'; 16 << 10]))?;
                sender.close(1000, "read this")?;
            }
            _ => sender.write(message)?,
        }
        Ok(())
    }
}
