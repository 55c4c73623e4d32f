//! The client's side of TLS: what it trusts, and whom it says it wants to speak to.

use super::handshake::shake_hands;
use super::server::{provider, unusable, with_alpn};
use super::stream::TlsStream;
use crate::error::Error;
use crate::handshake::Url;
use crate::net::wire::transport::Transport;
use rustls::client::WantsClientCert;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What a client was told about TLS.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct ClientTls(Option<Arc<ClientConfig>>);

impl ClientTls {
    pub fn new(config: Arc<ClientConfig>) -> ClientTls {
        ClientTls(Some(with_alpn(config, |config| &mut config.alpn_protocols)))
    }

    /// Whether this URL can be connected to.
    pub fn check(_: &Url) -> Result<(), Error> {
        Ok(())
    }

    /// Encrypts what will go through `transport`, if the URL wants that and nobody has done it.
    pub fn secure(
        &self,
        url: &Url,
        transport: Arc<dyn Transport>,
        deadline: Instant,
    ) -> Result<Arc<dyn Transport>, Error> {
        if !url.secure() || transport.is_secure() {
            return Ok(transport);
        }
        // RFC 6455 §4.1/l §4.1/n §10.6/a §10.6/b: nobody else has the transport.
        transport.prepare()?;
        let config = match &self.0 {
            Some(config) => config.clone(),
            None => default_config()?,
        };
        Ok(Arc::new(connect(transport, config, url.host(), deadline)?))
    }
}

impl TlsStream {
    /// The client's side: `host` is what the certificate must be for, a name or an address. Without a `config`, it must
    /// come from an authority that the system trusts. The handshake takes at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`], [`Error::Timeout`], [`Error::Io`]; [`Error::InvalidArgument`] if the host is none.
    pub fn connect(
        stream: impl Transport,
        config: Option<Arc<ClientConfig>>,
        host: &str,
        timeout: Duration,
    ) -> Result<TlsStream, Error> {
        stream.prepare()?;
        let config = config.map_or_else(default_config, Ok)?;
        connect(Arc::new(stream), config, host, Instant::now() + timeout)
    }
}

fn connect(
    inner: Arc<dyn Transport>,
    config: Arc<ClientConfig>,
    host: &str,
    deadline: Instant,
) -> Result<TlsStream, Error> {
    // RFC 6455 §4.1/o: RFC 6066 has no addresses in the extension, and rustls leaves them out.
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| unusable("the host", "no name that TLS knows"))?;
    let tls =
        ClientConnection::new(config, name).map_err(|error| unusable("the TLS configuration", error))?;
    shake_hands(inner.clone(), tls.into(), deadline).map_err(|failure| {
        // RFC 6455 §4.1/m
        let _ = inner.try_send(&failure.last_words);
        failure.error
    })
}

/// A client's configuration: the authorities that it trusts, and no others.
///
/// For [`Client::tls`](crate::Client::tls). Anything else can be had from `rustls` itself.
///
/// # Errors
///
/// [`Error::InvalidArgument`] if the process has installed a provider of cryptography that cannot be used.
pub fn client_config(roots: RootCertStore) -> Result<Arc<ClientConfig>, Error> {
    finish(builder()?.with_root_certificates(roots))
}

/// The configuration of clients that have none of their own: who is trusted is the system's decision.
fn default_config() -> Result<Arc<ClientConfig>, Error> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let builder = builder()?.with_platform_verifier();
    let config =
        finish(builder.map_err(|error| unusable("what the system says of its authorities", error))?)?;
    Ok(CONFIG.get_or_init(|| config).clone())
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    builder.map_err(|error| unusable("the provider of cryptography", error))
}

fn finish(builder: ConfigBuilder<ClientConfig, WantsClientCert>) -> Result<Arc<ClientConfig>, Error> {
    Ok(with_alpn(Arc::new(builder.with_no_client_auth()), |config| &mut config.alpn_protocols))
}
