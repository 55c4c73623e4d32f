//! The steps of a connection, in their order: a proxy if there is one, TCP, then TLS (RFC 6455 §4.1, items 2 to 5).

use super::proxies::Proxies;
use super::proxy::Proxy;
use super::turn::{Place, Turn};
use super::{addresses, tunnel};
use crate::Config;
use crate::error::{Error, Timeout};
use crate::handshake::Url;
use crate::net::tls::ClientTls;
use crate::net::wire::transport::Transport;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

/// How a client gets to servers.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct Route {
    pub proxies: Proxies,
    pub tls: ClientTls,
}

impl Route {
    /// Whether there is a way to `url`: said before anything is looked up or connected to.
    pub fn check(&self, url: &Url) -> Result<(), Error> {
        ClientTls::check(url)
    }

    /// A connection to the server of `url`, and our turn to shake hands on it.
    pub fn dial(
        &self,
        url: &Url,
        config: &Config,
        deadline: Instant,
    ) -> Result<(Arc<dyn Transport>, Turn), Error> {
        let (stream, turn) = match self.proxies.for_url(url) {
            None => directly(url, deadline)?,
            Some(proxy) => through(proxy, url, config, deadline)?,
        };
        Ok((self.tls.secure(url, Arc::new(stream), deadline)?, turn))
    }
}

fn directly(url: &Url, deadline: Instant) -> Result<(TcpStream, Turn), Error> {
    let addresses = addresses::look_up(url.host(), url.port(), deadline)?;
    // RFC 6455 §4.1/i
    addresses::connect(url.host(), &addresses, deadline, |address, until| {
        Turn::wait(Place::Address(address), until)
    })
}

fn through(proxy: &Proxy, url: &Url, config: &Config, deadline: Instant) -> Result<(TcpStream, Turn), Error> {
    // RFC 6455 §4.1/f §4.1/g: the proxy looks the name up, so the name is all that we know.
    let place = Place::behind_proxy(url.host(), url.port());
    let turn = Turn::wait(place, deadline).ok_or(Error::Timeout(Timeout::Handshake))?;
    // RFC 6455 §4.1/h
    let addresses = addresses::look_up(&proxy.host, proxy.port, deadline)?;
    let name = format!("the proxy {}", proxy.host);
    let (stream, ()) = addresses::connect(&name, &addresses, deadline, |_, _| Some(()))?;
    stream.prepare()?;
    tunnel::open(&stream, proxy, url, config, deadline)?;
    Ok((stream, turn))
}
