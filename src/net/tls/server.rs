//! The server's side of TLS: its certificate, and what a peer hears that does not speak TLS.

use super::handshake::shake_hands;
use super::stream::TlsStream;
use crate::error::{Error, TlsError};
use crate::handshake::write_response;
use crate::net::greeting::greeter::Farewell;
use crate::net::greeting::refusal::refusal;
use crate::net::wire::transport::Transport;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a server was told about TLS.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct ServerTls(Option<Arc<ServerConfig>>);

impl ServerTls {
    pub fn new(config: Arc<ServerConfig>) -> ServerTls {
        ServerTls(Some(with_alpn(config, |config| &mut config.alpn_protocols)))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Encrypts what will go through `transport`, if the server was told so. A peer who does not speak TLS hears of it.
    pub fn secure(
        &self,
        transport: Arc<dyn Transport>,
        deadline: Instant,
    ) -> Result<Arc<dyn Transport>, Error> {
        let Some(config) = &self.0 else { return Ok(transport) };
        // RFC 6455 §4.2.2/b §10.6/a §10.6/b
        Ok(Arc::new(accept(transport, config, deadline)?))
    }
}

impl TlsStream {
    /// The server's side, of a connection that a listener of your own has accepted. The handshake takes at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`], [`Error::Timeout`], [`Error::Io`]; [`Error::Handshake`] if the peer went without a word. It
    /// has been told what there was to tell.
    pub fn accept(
        stream: impl Transport,
        config: &Arc<ServerConfig>,
        timeout: Duration,
    ) -> Result<TlsStream, Error> {
        stream.prepare()?;
        accept(Arc::new(stream), config, Instant::now() + timeout)
    }
}

#[inline(never)] // for a server without TLS would have all of this on its threads' stacks
fn accept(
    inner: Arc<dyn Transport>,
    config: &Arc<ServerConfig>,
    deadline: Instant,
) -> Result<TlsStream, Error> {
    let tls =
        ServerConnection::new(config.clone()).map_err(|error| unusable("the TLS configuration", error))?;
    shake_hands(inner.clone(), tls.into(), deadline).map_err(|failure| {
        let last_words = match &failure.error {
            // In the clear, for that is all it can read: a browser shows it.
            error @ Error::Tls(TlsError::NotTls) => {
                refusal(error).as_ref().map_or_else(Vec::new, write_response)
            }
            _ => failure.last_words,
        };
        if !last_words.is_empty() {
            Farewell::new(inner, last_words, deadline).wait();
        }
        failure.error
    })
}

/// A server's configuration: its certificate, followed by those that lead to an authority, and the certificate's private
/// key, both in PEM, as certificate authorities hand them out. Clients need no certificate.
///
/// For [`Server::tls`](crate::Server::tls). Anything else can be had from `rustls` itself.
///
/// # Errors
///
/// [`Error::InvalidArgument`] if there is no certificate or no key, or if they do not belong together.
pub fn server_config(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, Error> {
    let chain = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| unusable("the certificate", error))?;
    if chain.is_empty() {
        return Err(unusable("the certificate", "there is no BEGIN CERTIFICATE in it"));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| unusable("the private key", error))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| unusable("this certificate with this private key", error))?;
    Ok(with_alpn(Arc::new(config), |config| &mut config.alpn_protocols))
}

/// Like [`server_config`], with the names of two PEM files.
///
/// # Errors
///
/// As [`server_config`], and the same for a file that cannot be read; with the file's name.
pub fn server_config_from_files(
    certificates: impl AsRef<Path>,
    key: impl AsRef<Path>,
) -> Result<Arc<ServerConfig>, Error> {
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| unusable(&path.display().to_string(), error));
    let (certificates, key) = (certificates.as_ref(), key.as_ref());
    let name = |error| match error {
        Error::InvalidArgument(problem) => {
            Error::InvalidArgument(format!("{} with {}: {problem}", certificates.display(), key.display()))
        }
        other => other,
    };
    server_config(&read(certificates)?, &read(key)?).map_err(name)
}

/// What the process has chosen for its cryptography, or ring.
pub(super) fn provider() -> Arc<CryptoProvider> {
    let chosen = CryptoProvider::get_default().cloned();
    chosen.unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()))
}

/// Says that HTTP/1.1 will be spoken inside (RFC 7301), unless the configuration says something else: then nobody can
/// be brought to send HTTP/2 or another protocol's bytes to us.
pub(super) fn with_alpn<C: Clone>(mut config: Arc<C>, protocols: fn(&mut C) -> &mut Vec<Vec<u8>>) -> Arc<C> {
    let names = protocols(Arc::make_mut(&mut config));
    if names.is_empty() {
        names.push(b"http/1.1".to_vec());
    }
    config
}

/// What the caller has given cannot be used.
pub(super) fn unusable(what: &str, problem: impl Display) -> Error {
    Error::InvalidArgument(format!("{what} cannot be used: {problem}"))
}
