//! fastwebsockets: hyper for the handshake, a tokio task for each connection, its default configuration.

use super::runtime::{on_tokio, tokio_listener};
use crate::Result;
use bytes::Bytes;
use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, WebSocketError};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use std::net::TcpListener;
use std::pin::Pin;
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio::task::unconstrained;

/// `read_frame` and `write_frame`, as its README shows.
pub fn echo(listener: TcpListener) -> Result {
    serve(listener, |connection, _, _| Box::pin(echo_all(connection)))
}

/// A tokio broadcast channel, and a second task for each connection that sends what comes through it.
pub fn broadcast(listener: TcpListener) -> Result {
    serve(listener, |connection, id, channel| Box::pin(publish_all(connection, id, channel)))
}

async fn echo_all(connection: UpgradeFut) -> Served {
    let mut ws = FragmentCollector::new(connection.await?);
    loop {
        let frame = ws.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => ws.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn publish_all(connection: UpgradeFut, id: usize, channel: Channel) -> Served {
    let ws = connection.await?;
    let mut messages = channel.subscribe();
    let (mut reader, mut writer) = ws.split(tokio::io::split);
    tokio::spawn(async move {
        while let Ok((from, opcode, bytes)) = messages.recv().await {
            let frame = Frame::new(true, opcode, None, Payload::Borrowed(&bytes));
            if from != id && writer.write_frame(frame).await.is_err() {
                return;
            }
        }
    });
    loop {
        let frame = reader.read_frame::<_, WebSocketError>(&mut |_| async { Ok(()) }).await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => {
                let _ = channel.send((id, frame.opcode, Bytes::copy_from_slice(&frame.payload)));
            }
            _ => {}
        }
    }
}

type Served = std::result::Result<(), WebSocketError>;
type Channel = broadcast::Sender<(usize, OpCode, Bytes)>;
type Handler = fn(UpgradeFut, usize, Channel) -> Pin<Box<dyn Future<Output = Served> + Send>>;

fn serve(listener: TcpListener, handler: Handler) -> Result {
    let (channel, _kept) = broadcast::channel(1024);
    on_tokio(async move {
        let listener = tokio_listener(listener)?;
        for id in 0.. {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(connection(stream, id, channel.clone(), handler));
        }
        Ok(())
    })
}

async fn connection(stream: TcpStream, id: usize, channel: Channel, handler: Handler) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let channel = channel.clone();
        async move {
            let (response, connection) = upgrade(&mut request)?;
            tokio::spawn(unconstrained(handler(connection, id, channel)));
            Ok::<Response<Empty<Bytes>>, WebSocketError>(response)
        }
    });
    let stream = hyper_util::rt::TokioIo::new(stream);
    let _ = http1::Builder::new().serve_connection(stream, service).with_upgrades().await;
}
