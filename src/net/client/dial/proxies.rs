//! Which proxy is for which URL.

use super::environment::Environment;
use super::proxy::Proxy;
use crate::handshake::Url;

/// The proxies of a client.
#[derive(Clone, Debug, Default)]
pub(in crate::net) enum Proxies {
    #[default]
    None,
    /// One for everything.
    All(Proxy),
    FromEnvironment(Environment),
}

impl Proxies {
    /// The proxy to use for this URL.
    pub fn for_url(&self, url: &Url) -> Option<&Proxy> {
        match self {
            Proxies::None => None,
            Proxies::All(proxy) => Some(proxy),
            Proxies::FromEnvironment(environment) => environment.for_url(url),
        }
    }
}
