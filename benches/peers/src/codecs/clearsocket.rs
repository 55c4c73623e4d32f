//! clearsocket: [`Connection`], with the random masking keys of its client.

use super::Job;
use crate::Result;
use crate::streams::MemoryStream;
use clearsocket::proto::{Connection, Event, Progress};
use clearsocket::{Config, Message};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

pub fn write(stream: &mut MemoryStream, job: &Job) -> Result<Duration> {
    let mut connection = connection(job);
    let message = match job.text {
        true => Message::from(&job.payload),
        false => Message::from(job.payload.as_bytes()),
    };
    let started = Instant::now();
    for _ in 0..job.count {
        connection.send(&message)?;
        if connection.to_transmit().len() >= FLUSH {
            flush(&mut connection, stream)?;
        }
    }
    flush(&mut connection, stream)?;
    Ok(started.elapsed())
}

pub fn read(stream: &mut MemoryStream, job: &Job) -> Result<Duration> {
    let mut connection = connection(job);
    let mut count = 0;
    let started = Instant::now();
    while count < job.count {
        match stream.read(connection.recv_space())? {
            0 => return Err("messages are missing".into()),
            n => connection.received(n),
        }
        while count < job.count && connection.advance() == Progress::Ready {
            match connection.event()? {
                Some(Event::Message(message)) if message.len() == job.payload.len() => count += 1,
                other => return Err(format!("not the message: {other:?}").into()),
            }
        }
    }
    Ok(started.elapsed())
}

fn connection(job: &Job) -> Connection {
    match job.client {
        true => Connection::client(&Config::default(), Box::new(rand::random)),
        false => Connection::server(&Config::default()),
    }
}

fn flush(connection: &mut Connection, stream: &mut MemoryStream) -> Result {
    stream.write_all(connection.to_transmit())?;
    let sent = connection.to_transmit().len();
    connection.transmitted(sent);
    Ok(())
}

/// When a batch is handed to the stream.
const FLUSH: usize = 32 << 10;
