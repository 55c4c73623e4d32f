//! Which errors are worth another try, and when (RFC 6455 §7.2.3).
//!
//! What passes by itself: a network that is down, a server that restarts or has no room. What does not: an answer that
//! will be the same tomorrow (404, a certificate for another name, something that is no WebSocket), and what we did wrong.

use super::{Error, HandshakeError, ProtocolError, ProxyError, TlsError};
use crate::proto::CloseCode;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

impl Error {
    /// Whether another attempt may go better: what [`Reconnect`](crate::Reconnect) goes by.
    ///
    /// It is true for connections that were refused, lost or timed out, for names that could not be looked up, for refusals
    /// with 408, 425, 429 and 5xx, and for a peer that broke the protocol of an open connection, unless by a message
    /// beyond our limits, which would come again. It is false for all other refusals, for replies that are no WebSocket
    /// handshake, for certificates, and for mistakes of the caller.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Handshake(HandshakeError::Refused(response)) => may_pass(response.status()),
            Error::Proxy(error) => error.is_transient(),
            Error::Tls(error) => *error == TlsError::Broken,
            // The server, or what stands before it, went away in the middle.
            Error::Handshake(error) => matches!(error, HandshakeError::ConnectionClosed),
            Error::Protocol(error) => ProtocolError::close_code(*error) != CloseCode::MESSAGE_TOO_BIG,
            Error::ConnectionLost | Error::Timeout(_) | Error::BacklogFull => true,
            // These say that it cannot be; all others, among them those of looking up a name, that it could not.
            Error::Io(error) => !matches!(
                error.kind(),
                ErrorKind::InvalidInput
                    | ErrorKind::InvalidData
                    | ErrorKind::Unsupported
                    | ErrorKind::PermissionDenied
            ),
            _ => false,
        }
    }

    /// How long the server asks us to stay away: the `Retry-After` of its refusal (RFC 9110 §10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Handshake(HandshakeError::Refused(response)) => {
                parse_retry_after(response.headers().get(RETRY_AFTER)?, SystemTime::now())
            }
            _ => None,
        }
    }
}

impl ProxyError {
    /// The proxy, or what lies behind it, has trouble that may pass.
    fn is_transient(&self) -> bool {
        match self {
            ProxyError::Refused(status) => may_pass(*status),
            // Failure, network or host unreachable, connection refused, expired.
            ProxyError::Socks(code) => matches!(code, 1 | 3..=6),
            ProxyError::BadReply(error) => matches!(error, HandshakeError::ConnectionClosed),
            ProxyError::ConnectionClosed => true,
            _ => false,
        }
    }
}

/// A refusal that is about now, and not about us.
fn may_pass(status: StatusCode) -> bool {
    let now = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_server_error() || now.contains(&status)
}

/// A number of seconds, or a date: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn parse_retry_after(value: &HeaderValue, now: SystemTime) -> Option<Duration> {
    let value = value.to_str().ok()?.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().ok()?));
    }
    let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(parse_date(value)?))?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Seconds since 1970 at an HTTP date, of the form that is not obsolete.
fn parse_date(date: &str) -> Option<u64> {
    let (_, date) = date.strip_suffix(" GMT")?.split_once(", ")?;
    let mut fields = date.split(' ');
    let day: u64 = fields.next()?.parse().ok()?;
    let name = fields.next()?;
    let month = MONTHS.iter().position(|month| *month == name)?;
    let year: u64 = fields.next()?.parse().ok()?;
    let mut time = fields.next()?.split(':').map(|number| number.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if !(1970..10_000).contains(&year) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60
    {
        return None;
    }
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = DAYS[..month].iter().sum::<u64>() + u64::from(month > 1 && is_leap(year));
    Some((((years + months + day - 1) * 24 + hour) * 60 + minute) * 60 + second)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Timeout;
    use crate::handshake::Response;
    use crate::proto::ReadyState;
    use std::io;

    fn refusal(status: u16) -> Error {
        let mut response = Response::new(Vec::new());
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("7"));
        HandshakeError::Refused(Box::new(response)).into()
    }

    #[test]
    fn what_may_pass_by_itself_is_worth_another_try() {
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(refusal(status).is_transient(), "{status}");
        }
        for kind in [
            ErrorKind::ConnectionRefused,
            ErrorKind::ConnectionReset,
            ErrorKind::TimedOut,
            ErrorKind::HostUnreachable,
            ErrorKind::NetworkDown,
            ErrorKind::Other, // a name that could not be looked up
        ] {
            assert!(Error::from(io::Error::from(kind)).is_transient(), "{kind}");
        }
        for error in [
            Error::ConnectionLost,
            Error::Timeout(Timeout::Handshake),
            Error::Timeout(Timeout::Pong),
            ProtocolError::InvalidUtf8.into(),
            HandshakeError::ConnectionClosed.into(),
            ProxyError::ConnectionClosed.into(),
            ProxyError::Refused(StatusCode::BAD_GATEWAY).into(),
            ProxyError::Socks(5).into(),
            TlsError::Broken.into(),
        ] {
            assert!(error.is_transient(), "{error}");
        }
    }

    #[test]
    fn what_will_be_the_same_tomorrow_is_not() {
        for status in [200, 204, 301, 302, 400, 401, 403, 404, 407, 410, 426] {
            assert!(!refusal(status).is_transient(), "{status}");
        }
        for error in [
            HandshakeError::WrongAccept.into(),
            HandshakeError::TooManyRedirects(3).into(),
            ProxyError::AuthenticationRequired.into(),
            ProxyError::Socks(2).into(),
            TlsError::Expired.into(),
            TlsError::UnknownIssuer.into(),
            TlsError::NotTls.into(),
            HandshakeError::MalformedHead("no").into(),
            HandshakeError::InvalidUrl("no").into(),
            Error::InvalidArgument("no".into()),
            Error::NotOpen(ReadyState::Closed),
            Error::InvalidCloseCode(1),
            ProtocolError::MessageTooBig.into(),
            io::Error::from(ErrorKind::InvalidData).into(),
            io::Error::from(ErrorKind::PermissionDenied).into(),
        ] {
            assert!(!error.is_transient(), "{error}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(refusal(503).retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(Error::ConnectionLost.retry_after(), None);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 60);
        for (value, seconds) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", Some(0)),
            ("Thu, 29 Feb 1996 00:00:00 GMT", Some(825_552_000 - 784_111_717)),
            ("Fri, 01 Mar 1996 00:00:00 GMT", Some(825_638_400 - 784_111_717)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("99999999999999999999", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 00 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 19940000000 08:49:37 GMT", None),
            ("Sun, 06 Abc 1994 08:49:37 GMT", None),
        ] {
            let parsed = parse_retry_after(&HeaderValue::from_static(value), now);
            assert_eq!(parsed, seconds.map(Duration::from_secs), "{value}");
        }
        assert_eq!(parse_retry_after(&HeaderValue::from_static(""), now), None);
    }
}
