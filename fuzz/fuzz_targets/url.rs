//! Invariant: text that is read as a URL can be written and read again with the same result, holds nothing
//! that could break a request (RFC 6455 §3, §11.1), and leads to a handshake that our server accepts.

#![no_main]

use arbitrary::Arbitrary;
use clearsocket::Config;
use clearsocket::handshake::{ClientHandshake, ClientOptions, Request, ServerOptions, Url, judge};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Input {
    Text(String),
    Parts { secure: bool, host: String, port: Option<u16>, path: String },
}

fuzz_target!(|input: Input| {
    let text = match input {
        Input::Text(text) => text,
        Input::Parts { secure, host, port, path } => {
            let scheme = if secure { "wss" } else { "WS" };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}://{host}{port}{path}")
        }
    };
    let Ok(url) = text.parse::<Url>() else { return };

    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(!url.host().is_empty() && is_plain(url.host()), "{url:?}");
    assert!(is_plain(url.host_header()), "{url:?}");
    assert!(url.resource_name().starts_with('/') && is_plain(url.resource_name()), "{url:?}");
    assert!(!url.resource_name().contains('#'), "{url:?}");
    assert!(url.resource_name().split_once('?').is_none_or(|(_, query)| !query.is_empty()), "{url:?}");

    let written = url.to_string();
    let read_again = written.parse::<Url>();
    match url.credentials() {
        None => assert_eq!(read_again.as_ref().ok(), Some(&url), "{written}"),
        Some(_) => assert!(read_again.is_ok_and(|read| read.credentials().is_none()), "{written}"),
    }

    let mut config = Config::default();
    config.max_head_size = 1 << 20;
    let client =
        ClientHandshake::new(&url, &ClientOptions::default(), [7; 16]).expect("no options, no error");
    let mut request = Request::parse(client.request(), &config).expect("our own request is HTTP");
    assert_eq!(request.resource_name(), url.resource_name());
    assert_eq!(request.host(), url.host_header());
    let accepted = judge(&mut request, &ServerOptions::default()).expect("and a handshake");
    let reply = accepted.response(&Default::default()).expect("no headers, no error");
    client.verify(&reply, &config).expect("the client takes our server's reply");
});
