//! fastwebsockets: `write_frame` of a `WebSocket`, and the `FragmentCollector`, which checks UTF-8.

use super::Job;
use crate::Result;
use crate::streams::MemoryStream;
use fastwebsockets::{FragmentCollector, Frame, Payload, Role, WebSocket};
use futures_util::FutureExt;
use std::time::{Duration, Instant};

pub fn write(stream: &mut MemoryStream, job: &Job) -> Result<Duration> {
    let mut ws = WebSocket::after_handshake(stream, role(job));
    ws.set_writev(false);
    let writing = async {
        let started = Instant::now();
        for _ in 0..job.count {
            let payload = Payload::Borrowed(job.payload.as_bytes());
            let frame = if job.text { Frame::text(payload) } else { Frame::binary(payload) };
            ws.write_frame(frame).await?;
        }
        Ok(started.elapsed())
    };
    writing.now_or_never().ok_or("memory has made it wait")?
}

pub fn read(stream: &mut MemoryStream, job: &Job) -> Result<Duration> {
    let mut ws = FragmentCollector::new(WebSocket::after_handshake(stream, role(job)));
    let reading = async {
        let started = Instant::now();
        for _ in 0..job.count {
            if ws.read_frame().await?.payload.len() != job.payload.len() {
                return Err("not the message".into());
            }
        }
        Ok(started.elapsed())
    };
    reading.now_or_never().ok_or("memory has made it wait")?
}

fn role(job: &Job) -> Role {
    if job.client { Role::Client } else { Role::Server }
}
