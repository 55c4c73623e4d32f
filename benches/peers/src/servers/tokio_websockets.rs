//! tokio-websockets: a tokio task for each connection. Frames are as large as its write buffer allows.

use super::runtime::{on_tokio, tokio_listener};
use crate::Result;
use futures_util::{SinkExt, StreamExt};
use std::net::TcpListener;
use std::pin::Pin;
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio::task::unconstrained;
use tokio_websockets::{Config, Limits, Message, ServerBuilder, WebSocketStream};

/// `next` and `send`, as its README shows. (`feed` does not batch either: reading flushes.)
pub fn echo(listener: TcpListener) -> Result {
    serve(listener, |ws, _, _| Box::pin(echo_all(ws)))
}

/// A tokio broadcast channel, and a second task for each connection that sends what comes through it.
pub fn broadcast(listener: TcpListener) -> Result {
    serve(listener, |ws, id, channel| Box::pin(publish_all(ws, id, channel)))
}

async fn echo_all(mut ws: WebSocketStream<TcpStream>) {
    while let Some(Ok(message)) = ws.next().await {
        if is_data(&message) && ws.send(message).await.is_err() {
            return;
        }
    }
}

async fn publish_all(ws: WebSocketStream<TcpStream>, id: usize, channel: Channel) {
    let mut messages = channel.subscribe();
    let (mut writer, mut reader) = ws.split();
    tokio::spawn(async move {
        while let Ok((from, message)) = messages.recv().await {
            if from != id && writer.send(message).await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(message)) = reader.next().await {
        if is_data(&message) {
            let _ = channel.send((id, message));
        }
    }
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}

type Channel = broadcast::Sender<(usize, Message)>;
type Handler = fn(WebSocketStream<TcpStream>, usize, Channel) -> Pin<Box<dyn Future<Output = ()> + Send>>;

fn serve(listener: TcpListener, handler: Handler) -> Result {
    let (channel, _kept) = broadcast::channel(1024);
    on_tokio(async move {
        let listener = tokio_listener(listener)?;
        for id in 0.. {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let channel = channel.clone();
            tokio::spawn(unconstrained(async move {
                let builder = ServerBuilder::new()
                    .config(Config::default().frame_size(usize::MAX))
                    .limits(Limits::unlimited());
                if let Ok((_request, ws)) = builder.accept(stream).await {
                    handler(ws, id, channel).await;
                }
            }));
        }
        Ok(())
    })
}
