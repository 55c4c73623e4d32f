//! RFC 6455 §3 and §11.1: what a WebSocket URL is, and what it means for the request.

use clearsocket::HandshakeError;
use clearsocket::handshake::Url;

fn url(text: &str) -> Url {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_default_ports_are_80_and_443() {
    // RFC 6455 §3/a §4.1/t
    for (text, secure, port, host_header) in [
        ("ws://example.com", false, 80, "example.com"),
        ("wss://example.com", true, 443, "example.com"),
        ("ws://example.com:80/", false, 80, "example.com"),
        ("wss://example.com:443/", true, 443, "example.com"),
        ("ws://example.com:443", false, 443, "example.com:443"),
        ("wss://example.com:80", true, 80, "example.com:80"),
        ("ws://example.com:", false, 80, "example.com"),
        ("ws://example.com:65535", false, 65535, "example.com:65535"),
    ] {
        let url = url(text);
        assert_eq!((url.secure(), url.port(), url.host_header()), (secure, port, host_header), "{text}");
        assert_eq!(url.host(), "example.com");
    }
}

#[test]
fn the_scheme_is_ws_or_wss_in_any_case() {
    // RFC 6455 §3/b
    assert!(!url("WS://a").secure());
    assert!(url("wSs://a").secure());
    for text in
        ["http://a", "https://a", "ftp://a", "file:///a", "wsx://a", "a", "a/b", "//a", "", "://a", "ws"]
    {
        assert!(text.parse::<Url>().is_err(), "{text}");
    }
}

#[test]
fn the_resource_name_is_path_and_query() {
    // RFC 6455 §3/c
    for (text, resource_name) in [
        ("ws://a", "/"),
        ("ws://a/", "/"),
        ("ws://a/chat", "/chat"),
        ("ws://a?x=1", "/?x=1"),
        ("ws://a/chat?x=1&y=?/", "/chat?x=1&y=?/"),
        ("ws://a/chat?", "/chat"), // "?" only if the query component is non-empty
        ("ws://a//b/", "//b/"),
        ("ws://a/b/../c/./d", "/c/d"),
        ("ws://a/;p=1:@!$&'()*+,~", "/;p=1:@!$&'()*+,~"),
        (" ws://a/b ", "/b"),
    ] {
        assert_eq!(url(text).resource_name(), resource_name, "{text}");
    }
}

#[test]
fn what_the_grammar_excludes_is_percent_encoded_as_utf_8() {
    // RFC 6455 §11.1.1/b
    for (text, resource_name) in [
        ("ws://a/grüße", "/gr%C3%BC%C3%9Fe"),
        ("ws://a/?q=日", "/?q=%E6%97%A5"),
        ("ws://a/a b?c d", "/a%20b?c%20d"),
        ("ws://a/\"<>`{}|^[]", "/%22%3C%3E%60%7B%7D%7C%5E%5B%5D"),
        ("ws://a/?\"<>`{}|^[]\\", "/?%22%3C%3E%60%7B%7D%7C%5E%5B%5D%5C"),
        ("ws://a/%41%2f", "/%41%2f"), // what is encoded already stays as it is
        ("ws://a/%?%zz%4", "/%25?%25zz%254"),
    ] {
        assert_eq!(url(text).resource_name(), resource_name, "{text}");
    }
}

#[test]
fn there_is_no_fragment_and_a_literal_number_sign_travels_as_23() {
    // RFC 6455 §3/d §3/e
    for text in ["ws://a/#", "ws://a/#x", "ws://a#x", "ws://a/?q#x", "ws://a:80#"] {
        let error = text.parse::<Url>().unwrap_err();
        assert!(error.to_string().contains("fragment"), "{error}");
        assert_eq!(error.section(), "3");
        assert!(error.is_callers_fault());
    }
    assert_eq!(url("ws://a/%23?%23").resource_name(), "/%23?%23");
}

#[test]
fn user_information_becomes_credentials_and_is_no_part_of_what_is_sent_or_shown() {
    for (text, user, password) in [
        ("ws://u@a/x", "u", ""),
        ("ws://u:p@a/x", "u", "p"),
        ("ws://:p@a/x", "", "p"),
        ("ws://u:p:q@a/x", "u", "p:q"),
        ("ws://%41%40:%3A%2F%20@a/x", "A@", ":/ "),
        ("ws://grün:%C3%9F@a/x", "grün", "ß"),
    ] {
        let url = url(text);
        let credentials = url.credentials().unwrap_or_else(|| panic!("{text} has credentials"));
        assert_eq!((credentials.user(), credentials.password()), (user, password), "{text}");
        assert_eq!((url.host(), url.host_header(), url.resource_name()), ("a", "a", "/x"), "{text}");
        assert_eq!(url.to_string(), "ws://a/x");
        assert!(format!("{url:?}").contains("Credentials(..)"), "{url:?}");
    }
    for text in ["ws://@a/", "ws://:@a/", "ws://a/u:p@b?c@d"] {
        assert_eq!(url(text).credentials(), None, "{text}");
    }
    for text in [
        "ws://secret@b@c/",
        "ws://u%3A:secret@a",
        "ws://u:secret%00@a",
        "ws://u:secret%FF@a",
        "ws://u:secret@",
    ] {
        let error = text.parse::<Url>().expect_err(text);
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    }
}

#[test]
fn the_secure_scheme_is_read_in_the_same_way() {
    let url = url("wss://bücher.example/grüße");
    // RFC 6455 §11.1.2/a
    assert_eq!(url.host(), "xn--bcher-kva.example");
    // RFC 6455 §11.1.2/b
    assert_eq!(url.resource_name(), "/gr%C3%BC%C3%9Fe");
}

#[test]
fn hosts_are_names_in_ascii_or_addresses() {
    // RFC 6455 §11.1.1/a
    for (text, host, host_header) in [
        ("ws://EXAMPLE.com", "example.com", "example.com"),
        ("ws://bücher.example", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("ws://%41.example", "a.example", "a.example"),
        ("ws://127.0.0.1:9001", "127.0.0.1", "127.0.0.1:9001"),
        ("ws://0x7f.1", "127.0.0.1", "127.0.0.1"), // as every browser reads it
        ("ws://[::1]", "::1", "[::1]"),
        ("ws://[2001:DB8:0:0::1]:9001", "2001:db8::1", "[2001:db8::1]:9001"),
        ("ws://a_b.example", "a_b.example", "a_b.example"),
    ] {
        let url = url(text);
        assert_eq!((url.host(), url.host_header()), (host, host_header), "{text}");
    }
}

#[test]
fn what_is_no_url_is_refused() {
    // RFC 6455 §4.1/c
    for text in [
        "ws:",
        "ws:a",
        "ws:/a",
        "ws://",
        "ws:///a",
        "ws://:80",
        "ws:\\\\a",
        "ws://a:b",
        "ws://a:65536",
        "ws://a:-1",
        "ws://[::1",
        "ws://[x]",
        "ws://::1",
        "ws://a b",
        "ws://a|b",
        "ws://a\"b",
        "ws://a`b",
        "ws://a{b}",
        "ws://1.2.3.256",
        "ws://a/\t",
        "ws://a/\r\nX: y",
        "ws://a/\0",
        "\nws://a",
        "ws://a/\x7f",
        "ws://%00/",
        "ws://%/",
        "ws://a%20b",
    ] {
        let error = text.parse::<Url>().expect_err(text);
        assert!(matches!(error, HandshakeError::InvalidUrl(_)), "{text:?}: {error}");
    }
}

#[test]
fn a_url_is_shown_as_it_will_be_used() {
    for (text, shown) in
        [("WS://Example.COM:80", "ws://example.com/"), ("wss://[::1]:9001/a b?", "wss://[::1]:9001/a%20b")]
    {
        assert_eq!(url(text).to_string(), shown);
        assert_eq!(url(shown), url(text));
    }
}
