//! The server that is measured: `bench_server echo PORT` sends every message back, `bench_server bcast PORT` sends it to
//! everybody but its sender.

use clearsocket::{Error, Hub, Message, Sender, Server};

fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let (Some(mode), Some(Ok(port))) = (args.next(), args.next().map(|port| port.parse::<u16>())) else {
        eprintln!("usage: bench_server echo|bcast PORT");
        std::process::exit(2);
    };
    let server = Server::bind(("127.0.0.1", port))?.max_connections(100_000);
    if mode == "bcast" {
        let hub = Hub::new();
        return server.serve(move |ws, _request| {
            let (mut receiver, sender) = ws.split();
            let membership = hub.join(sender);
            while let Some(message) = receiver.read()? {
                membership.write_to_others(message);
            }
            Ok(())
        });
    }
    server.serve_handlers(|_request| |sender: &Sender, message: Message<'_>| sender.write(message))
}
