//! sockudo-ws: a tokio task for each connection, its default configuration, its own publish and subscribe.

use super::runtime::{on_tokio, tokio_listener};
use crate::Result;
use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::pubsub::PubSub;
use sockudo_ws::{Config, Message, WebSocketStream};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// `next` and `send`, as its README shows.
pub fn echo(listener: TcpListener) -> Result {
    serve(listener, |stream, _| Box::pin(echo_all(stream)))
}

/// Its `PubSub`, and a second task for each connection that sends what comes through it.
pub fn broadcast(listener: TcpListener) -> Result {
    serve(listener, |stream, topics| Box::pin(publish_all(stream, topics)))
}

async fn echo_all(stream: TcpStream) {
    let mut ws = WebSocketStream::server(stream, Config::default());
    while let Some(Ok(message)) = ws.next().await {
        if is_data(&message) && ws.send(message).await.is_err() {
            return;
        }
    }
}

async fn publish_all(stream: TcpStream, topics: Arc<PubSub>) {
    let (mut reader, mut writer) = WebSocketStream::server(stream, Config::default()).split();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let id = topics.create_subscriber(sender);
    topics.subscribe(id, TOPIC);
    tokio::spawn(async move {
        while let Some(message) = receiver.recv().await {
            if writer.send(message).await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(message)) = reader.next().await {
        if is_data(&message) {
            topics.publish_excluding(id, TOPIC, message);
        }
    }
    topics.remove_subscriber(id);
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}

type Handler = fn(TcpStream, Arc<PubSub>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

fn serve(listener: TcpListener, handler: Handler) -> Result {
    let topics = Arc::new(PubSub::new());
    on_tokio(async move {
        let listener = tokio_listener(listener)?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let topics = topics.clone();
            tokio::spawn(async move {
                if accept(&mut stream).await.is_ok() {
                    handler(stream, topics).await;
                }
            });
        }
    })
}

async fn accept(stream: &mut TcpStream) -> Result {
    let mut head = BytesMut::with_capacity(4096);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err("the connection ended within the handshake".into());
        }
        if let Some((request, _)) = parse_request(&head)? {
            let key = generate_accept_key(request.key);
            stream.write_all(&build_response(&key, None, None)).await?;
            return Ok(());
        }
    }
}

const TOPIC: &str = "all";
