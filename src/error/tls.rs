//! [`TlsError`]: why there is no encrypted connection, and who can do something about it.

/// Why a TLS handshake failed, or what was encrypted broke.
///
/// A certificate is always the peer's. "Not trusted" means: by the system, or by the `rustls` configuration that was given
/// to [`Client`](crate::Client) or [`Server`](crate::Server).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate belongs to somebody else.
    #[error(
        "the certificate is for {presented}, not for {expected}: the URL names the wrong host, or the server has the wrong \
         certificate"
    )]
    WrongName {
        /// The host of the URL.
        expected: String,
        /// The names in the certificate, with commas between them.
        presented: String,
    },

    /// The certificate was valid once.
    #[error("the certificate has expired: the peer must renew it, unless the clock of this machine is wrong")]
    Expired,

    /// The certificate will be valid later.
    #[error(
        "the certificate is not valid yet: the clock of this machine is wrong, or that of whoever issued it"
    )]
    NotYetValid,

    /// Nobody who is trusted vouches for the certificate.
    #[error(
        "the certificate is self-signed or from an authority that is not trusted: whoever trusts it says so in a \
         configuration of their own"
    )]
    UnknownIssuer,

    /// Something else is wrong with the certificate; what.
    #[error("the certificate cannot be accepted: {0}")]
    InvalidCertificate(String),

    /// What the peer sent is not TLS.
    #[error("the peer does not speak TLS: one side means ws:// or http://, the other wss:// or https://")]
    NotTls,

    /// The peer gave up; its alert.
    #[error("the peer refused the TLS handshake with the alert {0}")]
    Refused(String),

    /// The handshake failed in another way; how.
    #[error("the TLS handshake failed: {0}")]
    Failed(String),

    /// After a good handshake: the peer gave up with an alert, or what it sent was changed on its way.
    #[error(
        "the encrypted connection broke: the peer ended it with an alert, or something changed what it sent"
    )]
    Broken,
}
