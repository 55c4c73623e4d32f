//! tungstenite: [`WebSocket`], `write` and one `flush`.

use super::Job;
use crate::Result;
use crate::streams::MemoryStream;
use std::time::{Duration, Instant};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

pub fn write(stream: &mut MemoryStream, job: &Job) -> Result<Duration> {
    let mut ws = WebSocket::from_raw_socket(stream, role(job), None);
    let message = match job.text {
        true => Message::text(job.payload.as_str()),
        false => Message::binary(job.payload.clone().into_bytes()),
    };
    let started = Instant::now();
    for _ in 0..job.count {
        ws.write(message.clone())?;
    }
    ws.flush()?;
    Ok(started.elapsed())
}

pub fn read(stream: &mut MemoryStream, job: &Job) -> Result<Duration> {
    let mut ws = WebSocket::from_raw_socket(stream, role(job), None);
    let started = Instant::now();
    for _ in 0..job.count {
        if ws.read()?.len() != job.payload.len() {
            return Err("not the message".into());
        }
    }
    Ok(started.elapsed())
}

fn role(job: &Job) -> Role {
    if job.client { Role::Client } else { Role::Server }
}
