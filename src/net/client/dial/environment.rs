//! Proxies out of environment variables, as curl and many others know them.
//!
//! ```text
//!   http_proxy                for ws://     the lower case only: in CGI, HTTP_PROXY is what a client wrote into a header
//!   https_proxy HTTPS_PROXY   for wss://
//!   all_proxy   ALL_PROXY     for both, where there is none of those
//!   no_proxy    NO_PROXY      for whom there is none: example.com,.internal,10.0.0.0/8,[::1]:9001  or  *
//! ```
//!
//! A value without a scheme means `http://`; an empty one means nothing.

use super::proxy::Proxy;
use crate::handshake::Url;
use std::net::IpAddr;

/// What the environment said when it was asked.
#[derive(Clone, Debug)]
pub(in crate::net) struct Environment {
    ws: Option<Proxy>,
    wss: Option<Proxy>,
    exceptions: Vec<String>,
}

impl Environment {
    /// Reads the variables by `get`. The error names the variable, and not its value.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Environment, String> {
        let get =
            |name: &&str| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let proxy = |names: &[&str]| {
            let Some((name, value)) = names.iter().find_map(|name| Some((name, get(name)?))) else {
                return Ok(None);
            };
            let value = if value.contains("://") { value } else { format!("http://{value}") };
            Proxy::parse(&value).map(Some).map_err(|error| format!("the variable {name}: {error}"))
        };
        let exceptions = ["no_proxy", "NO_PROXY"].iter().find_map(get).unwrap_or_default();
        Ok(Environment {
            ws: proxy(&["http_proxy", "all_proxy", "ALL_PROXY"])?,
            wss: proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            exceptions: exceptions
                .split([',', ' ', '\t'])
                .filter(|exception| !exception.is_empty())
                .map(str::to_ascii_lowercase)
                .collect(),
        })
    }

    /// The proxy to use for this URL.
    pub fn for_url(&self, url: &Url) -> Option<&Proxy> {
        let host = url.host().trim_end_matches('.');
        let is_exception = self.exceptions.iter().any(|exception| matches(exception, host, url.port()));
        let proxy = if url.secure() { &self.wss } else { &self.ws };
        proxy.as_ref().filter(|_| !is_exception)
    }
}

/// Whether an exception, in lower case, is about this host.
fn matches(exception: &str, host: &str, port: u16) -> bool {
    if exception == "*" {
        return true;
    }
    let (pattern, only_port) = split_port(exception);
    if only_port.is_some_and(|only| only != port) {
        return false;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let (network, prefix) = pattern.split_once('/').map_or((pattern, None), |(a, b)| (a, Some(b)));
        let Ok(network) = network.parse::<IpAddr>() else { return false };
        return match prefix.map(str::parse) {
            None => network == address,
            Some(Ok(len)) => is_within(address, network, len),
            Some(Err(_)) => false,
        };
    }
    // A domain with everything below it, with a dot before it or without.
    let domain = pattern.trim_start_matches("*.").trim_matches('.');
    match host.strip_suffix(domain) {
        Some(rest) => !domain.is_empty() && (rest.is_empty() || rest.ends_with('.')),
        None => false,
    }
}

/// `host:port` or `[address]:port`; an IPv6 address may stand without brackets, if it has no port.
fn split_port(exception: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = exception.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match exception.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port.parse().ok()),
        _ => (exception, None),
    }
}

/// Whether the first `len` bits are the same.
fn is_within(address: IpAddr, network: IpAddr, len: u32) -> bool {
    let differs = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
        (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
        _ => return false,
    };
    differs.leading_zeros() >= len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, String> {
        Environment::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    /// The proxy's host for a URL, or "" for none.
    fn host_for(variables: &[(&str, &str)], url: &str) -> String {
        let environment = read(variables).unwrap();
        environment.for_url(&url.parse().unwrap()).map(|proxy| proxy.host.clone()).unwrap_or_default()
    }

    #[test]
    fn each_scheme_has_its_variables() {
        let both =
            [("http_proxy", "http://plain"), ("https_proxy", "http://secure"), ("ALL_PROXY", "http://all")];
        assert_eq!(host_for(&both, "ws://a"), "plain");
        assert_eq!(host_for(&both, "wss://a"), "secure");
        assert_eq!(host_for(&both[2..], "ws://a"), "all");
        assert_eq!(host_for(&[("HTTPS_PROXY", "upper")], "wss://a"), "upper");
        assert_eq!(host_for(&[("HTTPS_PROXY", "upper"), ("https_proxy", "lower:1")], "wss://a"), "lower");
        assert_eq!(host_for(&[("HTTPS_PROXY", "upper"), ("https_proxy", " ")], "wss://a"), "upper");
        // A CGI script's HTTP_PROXY is a request's header "Proxy".
        assert_eq!(host_for(&[("HTTP_PROXY", "http://evil")], "ws://a"), "");
        assert_eq!(host_for(&[("https_proxy", "http://secure")], "ws://a"), "");
        assert_eq!(host_for(&[], "wss://a"), "");
    }

    #[test]
    fn a_variable_of_no_use_is_named_and_its_value_is_not() {
        let error = read(&[("https_proxy", "https://u:secret@proxy")]).unwrap_err();
        assert!(error.contains("https_proxy") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn exceptions_are_domains_addresses_networks_and_ports() {
        for (no_proxy, url, is_exception) in [
            ("*", "ws://anything", true),
            ("example.com", "ws://example.com", true),
            ("example.com", "ws://EXAMPLE.com.", true),
            ("Example.COM", "ws://a.example.com", true),
            (".example.com", "ws://a.example.com", true),
            (".example.com", "ws://example.com", true),
            ("*.example.com", "ws://a.example.com", true),
            ("example.com", "ws://notexample.com", false),
            ("example.com", "ws://example.com.evil", false),
            ("com", "ws://example.com", true),
            ("a,b c,,", "ws://c", true),
            ("example.com:81", "ws://example.com:81", true),
            ("example.com:81", "ws://example.com", false),
            ("10.0.0.1", "ws://10.0.0.1", true),
            ("10.0.0.1", "ws://10.0.0.10", false),
            ("0.0.1", "ws://10.0.0.1", false),
            ("10.0.0.0/8", "ws://10.255.0.1", true),
            ("10.0.0.0/8", "ws://11.0.0.1", false),
            ("0.0.0.0/0", "ws://192.0.2.1", true),
            ("0.0.0.0/0", "ws://[::1]", false),
            ("10.0.0.0/33", "ws://10.0.0.1", false),
            ("10.0.0.0/x", "ws://10.0.0.0", false),
            ("::1", "ws://[::1]:9001", true),
            ("[::1]:9001", "ws://[::1]:9001", true),
            ("[::1]:9001", "ws://[::1]", false),
            ("fe80::/10", "ws://[febf::1]", true),
            ("fe80::/10", "ws://[fec0::1]", false),
            (".", "ws://a", false),
            ("", "ws://a", false),
        ] {
            let variables = [("http_proxy", "http://proxy"), ("NO_PROXY", no_proxy)];
            assert_eq!(host_for(&variables, url).is_empty(), is_exception, "{no_proxy:?} {url}");
        }
    }
}
