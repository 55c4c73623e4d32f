//! Whose certificate a server may show: `--cacert` and `--insecure`.
//!
//! By default it is whoever the system trusts, and nothing of this is used.

use clearsocket::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use clearsocket::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use clearsocket::rustls::pki_types::pem::PemObject;
use clearsocket::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use clearsocket::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, version,
};
use clearsocket::tls;
use std::sync::Arc;

/// The authorities in a PEM file, and nobody else.
pub fn authorities(file: &str) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| format!("{file}: {error}"))?;
    for certificate in certificates {
        let added = certificate.map_err(|error| error.to_string());
        let added = added.and_then(|one| roots.add(one).map_err(|error| error.to_string()));
        added.map_err(|error| format!("{file}: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("{file} has no certificate in PEM form"));
    }
    tls::client_config(roots).map_err(|error| error.to_string())
}

/// Everybody. What is sent is encrypted, but nobody knows for whom.
pub fn everybody() -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Everybody(provider.clone()));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|error| error.to_string())?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    Ok(Arc::new(builder.with_no_client_auth()))
}

/// Looks at no certificate. The signatures are checked, as ever: the peer must have the key that goes with its own.
#[derive(Debug)]
struct Everybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Everybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
