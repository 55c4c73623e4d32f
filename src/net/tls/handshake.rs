//! The TLS handshake, from the first byte to the last, under one absolute deadline; and what can be wrong with it.

use super::stream::TlsStream;
use crate::error::{Error, HandshakeError, TlsError};
use crate::net::greeting::head::timeout_or_io;
use crate::net::wire::transport::{Transport, recv_until, send_until};
use rustls::{CertificateError, Connection};
use std::sync::Arc;
use std::time::Instant;

/// A handshake that has failed.
pub(super) struct Failure {
    pub error: Error,
    /// The alert that tells the peer why, if there is one.
    pub last_words: Vec<u8>,
}

/// Does the handshake of either side. Nothing else goes through `inner` before it is over.
pub(super) fn shake_hands(
    inner: Arc<dyn Transport>,
    mut tls: Connection,
    deadline: Instant,
) -> Result<TlsStream, Failure> {
    match run(&*inner, &mut tls, deadline) {
        Ok(()) => Ok(TlsStream::new(inner, tls)),
        Err(error) => {
            let mut last_words = Vec::new();
            // RFC 8446 §6.2
            while tls.wants_write() && tls.write_tls(&mut last_words).is_ok() {}
            Err(Failure { error, last_words })
        }
    }
}

#[inline(never)] // for a caller would have the buffer on its stack, encrypted or not
fn run(inner: &dyn Transport, tls: &mut Connection, deadline: Instant) -> Result<(), Error> {
    let mut buf = [0; 4096];
    let mut heard_tls = false;
    loop {
        let mut records = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut records)?;
        }
        send_until(inner, &records, deadline).map_err(timeout_or_io)?;
        if !tls.is_handshaking() {
            return Ok(());
        }
        let received = match recv_until(inner, &mut buf, deadline).map_err(timeout_or_io)? {
            0 => return Err(HandshakeError::ConnectionClosed.into()),
            n => &buf[..n],
        };
        if !heard_tls && !received.first().is_some_and(is_record_type) {
            return Err(TlsError::NotTls.into());
        }
        heard_tls = true;
        let mut rest = received;
        while !rest.is_empty() && tls.read_tls(&mut rest)? > 0 {
            tls.process_new_packets().map_err(|error| fault(&error))?;
        }
    }
}

/// RFC 8446 §5.1: the first byte of a record says what is in it. No text begins with any of these.
fn is_record_type(byte: &u8) -> bool {
    (20..=24).contains(byte)
}

/// What went wrong, in words for whoever can do something about it.
fn fault(error: &rustls::Error) -> TlsError {
    use CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            Certificate::NotValidForNameContext { expected, presented } => {
                TlsError::WrongName { expected: expected.to_str().into(), presented: names(presented) }
            }
            Certificate::Expired | Certificate::ExpiredContext { .. } => TlsError::Expired,
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => TlsError::NotYetValid,
            Certificate::UnknownIssuer => TlsError::UnknownIssuer,
            // A certificate that says it is an authority, as `openssl req -x509` makes them: its own.
            Certificate::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                TlsError::UnknownIssuer
            }
            other => TlsError::InvalidCertificate(other.to_string()),
        },
        rustls::Error::AlertReceived(alert) => TlsError::Refused(format!("{alert:?}")),
        other => TlsError::Failed(other.to_string()),
    }
}

/// The names in a certificate, as its reader wants them: `DnsName("example.com")` is how `rustls` has them.
fn names(presented: &[String]) -> String {
    let name = |text: &String| text.split('"').nth(1).unwrap_or(text).to_owned();
    match presented {
        [] => "nobody by name".into(),
        names => names.iter().map(name).collect::<Vec<_>>().join(", "),
    }
}
