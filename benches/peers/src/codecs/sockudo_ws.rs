//! sockudo-ws: `feed`, and one `flush`.

use super::Job;
use crate::Result;
use crate::streams::MemoryStream;
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use sockudo_ws::{Config, Message, WebSocketStream};
use std::time::{Duration, Instant};

pub fn write(stream: &mut MemoryStream, job: &Job) -> Result<Duration> {
    let mut ws = connection(stream, job);
    let payload = Bytes::from(job.payload.clone());
    let message = if job.text { Message::Text(payload) } else { Message::Binary(payload) };
    let writing = async {
        let started = Instant::now();
        for _ in 0..job.count {
            ws.feed(message.clone()).await?;
        }
        ws.flush().await?;
        Ok(started.elapsed())
    };
    writing.now_or_never().ok_or("memory has made it wait")?
}

pub fn read(stream: &mut MemoryStream, job: &Job) -> Result<Duration> {
    let mut ws = connection(stream, job);
    let reading = async {
        let started = Instant::now();
        for _ in 0..job.count {
            let message = ws.next().await.ok_or("messages are missing")??;
            if message.as_bytes().len() != job.payload.len() {
                return Err("not the message".into());
            }
        }
        Ok(started.elapsed())
    };
    reading.now_or_never().ok_or("memory has made it wait")?
}

fn connection<'a>(stream: &'a mut MemoryStream, job: &Job) -> WebSocketStream<&'a mut MemoryStream> {
    match job.client {
        true => WebSocketStream::client(stream, Config::default()),
        false => WebSocketStream::server(stream, Config::default()),
    }
}
