//! Asking a proxy to connect us to the server (RFC 6455 §4.1, item 3), under the deadline of the whole.
//!
//! When it has done so, the next byte that comes is the server's.

use super::proxy::{Kind, Proxy};
use crate::Config;
use crate::error::{Error, HandshakeError, ProxyError};
use crate::handshake::{Url, connect_request, is_tunnel_open, socks};
use crate::net::greeting::head::{read_head, timeout_or_io};
use crate::net::wire::transport::{Transport, recv_until, send_until};
use std::time::Instant;

pub(super) fn open(
    transport: &dyn Transport,
    proxy: &Proxy,
    url: &Url,
    config: &Config,
    deadline: Instant,
) -> Result<(), Error> {
    match proxy.kind {
        Kind::Http => http_connect(transport, proxy, url, config, deadline),
        Kind::Socks5 => socks5(transport, proxy, url, deadline),
    }
}

fn http_connect(
    transport: &dyn Transport,
    proxy: &Proxy,
    url: &Url,
    config: &Config,
    deadline: Instant,
) -> Result<(), Error> {
    let request = connect_request(url.host(), url.port(), proxy.credentials.as_ref());
    send_until(transport, &request, deadline).map_err(timeout_or_io)?;
    let mut rest = Vec::new();
    for _ in 0..MAX_REPLIES {
        let head;
        (head, rest) = read_head(transport, config, rest, deadline).map_err(of_the_proxy)?;
        if is_tunnel_open(&head, config)? {
            // The server has not been asked for anything yet, so these are not its bytes.
            return if rest.is_empty() { Ok(()) } else { Err(ProxyError::EarlyBytes.into()) };
        }
    }
    Err(ProxyError::BadReply(HandshakeError::MalformedHead("too many interim responses stand before it"))
        .into())
}

/// A head that is of no use is the proxy's fault here, not the server's.
fn of_the_proxy(error: Error) -> Error {
    match error {
        Error::Handshake(HandshakeError::ConnectionClosed) => ProxyError::ConnectionClosed.into(),
        Error::Handshake(error) => ProxyError::BadReply(error).into(),
        other => other,
    }
}

fn socks5(transport: &dyn Transport, proxy: &Proxy, url: &Url, deadline: Instant) -> Result<(), Error> {
    let credentials = proxy.credentials.as_ref();
    let send = |bytes: &[u8]| send_until(transport, bytes, deadline).map_err(timeout_or_io);
    send(socks::greeting(credentials))?;
    if let Some(login) = socks::login(recv_array(transport, deadline)?, credentials)? {
        send(&login)?;
        socks::check_login(recv_array(transport, deadline)?)?;
    }
    send(&socks::connect(url.host(), url.port()))?;
    let rest = socks::rest_of_answer(recv_array(transport, deadline)?)?;
    recv_exactly(transport, &mut vec![0; rest], deadline)
}

fn recv_array<const N: usize>(transport: &dyn Transport, deadline: Instant) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    recv_exactly(transport, &mut bytes, deadline)?;
    Ok(bytes)
}

fn recv_exactly(transport: &dyn Transport, mut buf: &mut [u8], deadline: Instant) -> Result<(), Error> {
    while !buf.is_empty() {
        match recv_until(transport, buf, deadline).map_err(timeout_or_io)? {
            0 => return Err(ProxyError::ConnectionClosed.into()),
            n => buf = &mut buf[n..],
        }
    }
    Ok(())
}

/// The reply, and interim responses before it.
const MAX_REPLIES: usize = 8;
