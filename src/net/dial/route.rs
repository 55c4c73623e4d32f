//! The steps of a connection, in their order: TCP, then TLS (RFC 6455 §4.1, items 3 to 5).

use super::tcp;
use super::turn::Turn;
use crate::error::Error;
use crate::handshake::Url;
use crate::net::transport::Transport;
use std::sync::Arc;
use std::time::Instant;

/// Whether there is a way to `url`: said before anything is looked up or connected to.
pub(in crate::net) fn check(url: &Url) -> Result<(), Error> {
    match url.secure() {
        true => Err(Error::InvalidArgument("wss:// needs TLS, which this version does not have".into())),
        false => Ok(()),
    }
}

/// A connection to the server of `url`, and our turn to shake hands on it.
pub(in crate::net) fn dial(url: &Url, deadline: Instant) -> Result<(Arc<dyn Transport>, Turn), Error> {
    check(url)?;
    let (stream, turn) = tcp::open(url, deadline)?;
    let transport: Arc<dyn Transport> = Arc::new(stream);
    // For wss, TLS comes here: what it makes of `transport` is the transport.
    Ok((transport, turn))
}
