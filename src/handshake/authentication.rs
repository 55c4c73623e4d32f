//! Who is there? Basic and Bearer credentials, on both sides (RFC 6455 §10.5; RFC 9110 §11, RFC 7617, RFC 6750).
//!
//! ```text
//!   client   Authorization: Basic dXNlcjpwYXNzd29yZA==     user:password in base64
//!            Authorization: Bearer mF_9.B5f-4.1JqM         a token, as it is
//!   server   WWW-Authenticate: Basic realm="chat"          with a 401, when that did not convince
//! ```
//!
//! WebSocket has no way of its own; these are HTTP's, and both send the secret itself. So they are for wss, or for
//! networks that one trusts. A browser's script can set neither: there a cookie or a first message does it.
//!
//! For the next editor: a secret never goes into an error or into what `Debug` prints. Secrets are compared in a time
//! that does not tell how much of them was right.

use super::http::single;
use super::request::Request;
use super::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::hash::{Hash, Hasher};
use subtle::ConstantTimeEq;

impl Request {
    /// The user and password of Basic authentication (RFC 7617). `None` if there are none, if there are several, or if
    /// they are malformed: not base64, not UTF-8, without a colon, with control characters.
    ///
    /// ```no_run
    /// use clearsocket::{Challenge, Server, unauthorized};
    ///
    /// let server = Server::bind("127.0.0.1:0")?.on_request(|request, _headers| {
    ///     match request.basic_auth() {
    ///         Some(credentials) if credentials.matches("ada", "correct horse") => Ok(()),
    ///         _ => Err(unauthorized(Challenge::Basic, "the chat")),
    ///     }
    /// });
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    pub fn basic_auth(&self) -> Option<Credentials> {
        let decoded = STANDARD.decode(authorization(self.headers(), "basic")?).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        // The first colon: a password may contain further ones, a user name cannot.
        let (user, password) = text.split_once(':')?;
        let credentials = Credentials::new(user, password);
        credentials.check().is_ok().then_some(credentials)
    }

    /// The token of Bearer authentication (RFC 6750 §2.1). `None` if there is none, if there are several, or if it is
    /// malformed. To compare it with one that you know, use [`constant_time_eq`].
    ///
    /// ```no_run
    /// use clearsocket::{Challenge, Server, constant_time_eq, unauthorized};
    ///
    /// let server = Server::bind("127.0.0.1:0")?.on_request(|request, _headers| {
    ///     match request.bearer() {
    ///         Some(token) if constant_time_eq(token, "mF_9.B5f-4.1JqM") => Ok(()),
    ///         _ => Err(unauthorized(Challenge::Bearer, "the chat")),
    ///     }
    /// });
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    pub fn bearer(&self) -> Option<&str> {
        authorization(self.headers(), "bearer").filter(|token| is_token68(token))
    }
}

/// What stands behind the scheme, whose name has no case (RFC 9110 §11.1).
fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let value = single(headers, AUTHORIZATION)?.ok()?.to_str().ok()?;
    let (found, rest) = value.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| rest.trim_start_matches(' '))
}

/// RFC 9110 §11.2: letters, digits and `-._~+/`, then perhaps `=`.
fn is_token68(text: &str) -> bool {
    let token = text.trim_end_matches('=');
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// Whether two secrets are the same, in a time that depends on their lengths only. With `==` a guesser could measure how
/// many of the first bytes are right.
///
/// ```
/// use clearsocket::constant_time_eq;
/// assert!(constant_time_eq("secret", "secret"));
/// assert!(!constant_time_eq("secret", "Secret"));
/// ```
pub fn constant_time_eq(a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> bool {
    a.as_ref().ct_eq(b.as_ref()).into()
}

/// A user name with a password.
///
/// `Debug` shows neither. `==` takes the same time wherever the difference is.
///
/// ```
/// use clearsocket::Credentials;
/// let credentials = Credentials::new("ada", "correct horse");
/// assert_eq!(credentials.user(), "ada");
/// assert!(credentials.matches("ada", "correct horse"));
/// assert_eq!(format!("{credentials:?}"), "Credentials(..)");
/// ```
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// The two of them, of any length; either may be empty.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Credentials {
        Credentials { user: user.into(), password: password.into() }
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password. Compare it by [`matches`](Self::matches), not with `==`.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Whether both are these, in a time that depends on their lengths only.
    pub fn matches(&self, user: &str, password: &str) -> bool {
        let same = self.user.as_bytes().ct_eq(user.as_bytes());
        (same & self.password.as_bytes().ct_eq(password.as_bytes())).into()
    }

    /// Out of a URL, where they are percent-encoded. `None` if both are empty.
    pub(crate) fn in_url(user: &str, password: Option<&str>) -> Result<Option<Credentials>, &'static str> {
        let decode = |text: &str| match percent_decode_str(text).decode_utf8() {
            Ok(decoded) => Ok(decoded.into_owned()),
            Err(_) => Err("its user name or password is not UTF-8"),
        };
        let credentials = Credentials::new(decode(user)?, decode(password.unwrap_or_default())?);
        credentials.check()?;
        Ok((!credentials.user.is_empty() || !credentials.password.is_empty()).then_some(credentials))
    }

    /// The value of an Authorization or Proxy-Authorization header. The error says why there is none.
    pub(crate) fn to_basic(&self) -> Result<HeaderValue, &'static str> {
        self.check()?;
        let encoded = STANDARD.encode(format!("{}:{}", self.user, self.password));
        secret_value(&format!("Basic {encoded}"))
    }

    /// RFC 7617 §2: no colon in a user name, and no control characters.
    fn check(&self) -> Result<(), &'static str> {
        if self.user.contains(':') {
            return Err("a user name contains a colon, which ends it in Basic authentication");
        }
        match self.user.chars().chain(self.password.chars()).any(char::is_control) {
            true => Err("a user name or password contains a control character"),
            false => Ok(()),
        }
    }
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Credentials) -> bool {
        self.matches(&other.user, &other.password)
    }
}

impl Eq for Credentials {}

impl Hash for Credentials {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.user, &self.password).hash(state);
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// The value of an Authorization header with a token. The error says why there is none.
pub(crate) fn bearer_value(token: &str) -> Result<HeaderValue, &'static str> {
    match is_token68(token) {
        true => secret_value(&format!("Bearer {token}")),
        false => Err("a Bearer token contains a character that cannot stand there"),
    }
}

fn secret_value(text: &str) -> Result<HeaderValue, &'static str> {
    let mut value = HeaderValue::from_str(text).map_err(|_| "a header would have a control character")?;
    value.set_sensitive(true);
    Ok(value)
}

/// How to authenticate: what a 401 asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Challenge {
    /// User and password (RFC 7617), in UTF-8.
    Basic,
    /// A token (RFC 6750).
    Bearer,
}

/// A 401 with the WWW-Authenticate that belongs to it: the refusal of a hook ([`Server::on_request`]) that wants to know
/// who is there. The realm says what the credentials are for; quotes in it are escaped, control characters left out.
///
/// ```
/// use clearsocket::{Challenge, unauthorized};
/// let response = unauthorized(Challenge::Basic, "the chat");
/// assert_eq!(response.status(), 401);
/// assert_eq!(response.headers()["www-authenticate"], r#"Basic realm="the chat", charset="UTF-8""#);
/// ```
///
/// [`Server::on_request`]: crate::Server::on_request
pub fn unauthorized(challenge: Challenge, realm: &str) -> Box<Response> {
    let mut quoted = String::new();
    for c in realm.chars().filter(|c| !c.is_control()) {
        // RFC 9110 §5.6.4
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    let value = match challenge {
        Challenge::Basic => format!("Basic realm=\"{quoted}\", charset=\"UTF-8\""),
        Challenge::Bearer => format!("Bearer realm=\"{quoted}\""),
    };
    let mut response = Response::new(b"who are you?\n".to_vec());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    // Without control characters it is a header's value.
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response.into()
}
