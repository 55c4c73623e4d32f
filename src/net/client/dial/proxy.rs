//! A proxy's URL.
//!
//! ```text
//!   http://user:password@proxy.example.com:3128      HTTP CONNECT, port 80 unless said otherwise
//!   socks5://127.0.0.1                               SOCKS5, port 1080 unless said otherwise
//! ```

use crate::handshake::{Credentials, socks};

/// Where a proxy is, what it speaks, and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net) struct Proxy {
    pub kind: Kind,
    pub host: String,
    pub port: u16,
    pub credentials: Option<Credentials>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Kind {
    Http,
    Socks5,
}

impl Proxy {
    /// Reads a proxy's URL. The error never repeats it, for there may be a password in it.
    pub fn parse(text: &str) -> Result<Proxy, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("a proxy's URL has no scheme, such as http://")?;
        let (kind, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Kind::Http, 80),
            // Names go to the proxy in any case, which is what the h means.
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => return Err("a proxy's URL has another scheme than http, socks5 and socks5h"),
        };
        // `url` takes hosts as every browser does only for schemes that it knows; this one has no default port here.
        let url = url::Url::parse(&format!("ftp://{rest}")).map_err(|_| "a proxy's URL cannot be parsed")?;
        let host = match url.host().ok_or("a proxy's URL has no host")? {
            url::Host::Ipv6(address) => address.to_string(),
            other => other.to_string(),
        };
        let port = url.port().unwrap_or(default_port);
        let credentials = Credentials::in_url(url.username(), url.password())?;
        if let (Kind::Socks5, Some(credentials)) = (kind, &credentials) {
            socks::check_credentials(credentials)?;
        }
        Ok(Proxy { kind, host, port, credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_a_kind_a_place_and_perhaps_credentials() {
        for (text, kind, host, port) in [
            ("http://proxy.example.com:3128", Kind::Http, "proxy.example.com", 3128),
            ("HTTP://PROXY/", Kind::Http, "proxy", 80),
            ("socks5://127.0.0.1", Kind::Socks5, "127.0.0.1", 1080),
            ("socks5h://[::1]:80", Kind::Socks5, "::1", 80),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!((proxy.kind, proxy.host.as_str(), proxy.port), (kind, host, port), "{text}");
            assert_eq!(proxy.credentials, None, "{text}");
        }
        let proxy = Proxy::parse("http://a%40b:p%3A%20w@[::1]:1/").unwrap();
        assert_eq!(proxy.credentials, Some(Credentials::new("a@b", "p: w")));
        assert!(!format!("{proxy:?}").contains("p: w"), "{proxy:?}");
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_repeating_it() {
        let long = format!("socks5://u:{}@a", "x".repeat(256));
        for text in [
            "",
            "proxy:3128",
            "https://u:secret@proxy",
            "ftp://proxy",
            "http://",
            "http://u:secret@",
            "http://u:secret@a:65536",
            "http://u%3A:secret@a",
            "socks5://u@a",
            "socks5://u:%FF@a",
            &long,
        ] {
            let error = Proxy::parse(text).expect_err(text);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
