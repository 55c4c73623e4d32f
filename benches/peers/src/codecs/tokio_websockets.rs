//! tokio-websockets: `feed`, and one `flush`.

use super::Job;
use crate::Result;
use crate::streams::MemoryStream;
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::time::{Duration, Instant};
use tokio_websockets::{ClientBuilder, Limits, Message, ServerBuilder, WebSocketStream};

pub fn write(stream: &mut MemoryStream, job: &Job) -> Result<Duration> {
    let mut ws = connection(stream, job);
    let message = match job.text {
        true => Message::text(job.payload.clone()),
        false => Message::binary(job.payload.clone().into_bytes()),
    };
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
            if message.as_payload().len() != job.payload.len() {
                return Err("not the message".into());
            }
        }
        Ok(started.elapsed())
    };
    reading.now_or_never().ok_or("memory has made it wait")?
}

fn connection<'a>(stream: &'a mut MemoryStream, job: &Job) -> WebSocketStream<&'a mut MemoryStream> {
    match job.client {
        true => ClientBuilder::new().limits(Limits::unlimited()).take_over(stream),
        false => ServerBuilder::new().limits(Limits::unlimited()).serve(stream),
    }
}
