//! What stands in for `tls` without the feature of that name: clients that refuse `wss://`, and servers without TLS.

use crate::error::Error;
use crate::handshake::Url;
use crate::net::wire::transport::Transport;
use std::sync::Arc;
use std::time::Instant;

#[derive(Clone, Debug, Default)]
pub(super) struct ClientTls(());

impl ClientTls {
    pub fn check(url: &Url) -> Result<(), Error> {
        match url.secure() {
            true => Err(Error::InvalidArgument("wss:// needs TLS: the crate's feature `tls`".into())),
            false => Ok(()),
        }
    }

    pub fn secure(
        &self,
        _: &Url,
        transport: Arc<dyn Transport>,
        _: Instant,
    ) -> Result<Arc<dyn Transport>, Error> {
        Ok(transport)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct ServerTls(());

impl ServerTls {
    pub fn is_on(&self) -> bool {
        false
    }

    pub fn secure(&self, transport: Arc<dyn Transport>, _: Instant) -> Result<Arc<dyn Transport>, Error> {
        Ok(transport)
    }
}
