//! Who is there: Basic and Bearer credentials, from the client's options or the URL to the server's hook (RFC 6455 §10.5).
//!
//! ```text
//!   basic_auth, bearer, ws://user:password@host ─▶ Authorization ─▶ Request::basic_auth, bearer ─▶ 101 or 401
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::handshake::{ClientHandshake, ClientOptions, Request};
use clearsocket::{
    Challenge, Client, Config, Credentials, Error, HandshakeError, connect, constant_time_eq, unauthorized,
};
use common::RawPeer;
use raw::*;
use std::net::TcpListener;
use std::thread;

/// What a server reads in a request with these header lines.
fn request(lines: &str) -> Request {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    Request::parse(head.as_bytes(), &Config::default()).expect("a request")
}

fn basic(value: &str) -> Option<(String, String)> {
    let credentials = request(&format!("Authorization: {value}\r\n")).basic_auth()?;
    Some((credentials.user().into(), credentials.password().into()))
}

/// The request that `client` sends for this URL; in it, `{}` is replaced by the address.
#[track_caller]
fn sent(client: Client, url: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = url.replace("{}", &listener.local_addr().expect("local_addr").to_string());
    let connecting = thread::spawn(move || client.connect(&url));
    let (peer, head) = RawPeer::accept_with(listener.accept().expect("accept").0, "");
    in_time(connecting).expect("connect").0.abort();
    drop(peer);
    head
}

#[test]
fn basic_credentials_are_read_as_rfc_7617_writes_them() {
    let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
    assert_eq!(basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), pair("Aladdin", "open sesame"));
    assert_eq!(basic("Basic dGVzdDoxMjPCow=="), pair("test", "123£"));
    // The scheme has no case, and several blanks may follow it.
    assert_eq!(basic("bAsIc   dTpw"), pair("u", "p"));
    // The first colon ends the user name.
    assert_eq!(basic("Basic dTpwOnE6"), pair("u", "p:q:"));
    assert_eq!(basic("Basic OnA="), pair("", "p"));
    assert_eq!(basic("Basic dTo="), pair("u", ""));
    assert_eq!(basic("Basic Og=="), pair("", ""));
}

#[test]
fn malformed_credentials_are_none() {
    for value in [
        "",
        "Basic",
        "Basic ",
        "Basic ====",
        "Basic dTpw=",  // one padding too much
        "Basic OnA",    // and one too few
        "Basic dT pw",  // a blank in it
        "Basic dTpw,x", // something behind it
        "Basic dQ==",   // "u", without a colon
        "Basic dTr/",   // a byte that is not UTF-8
        "Basic dToA",   // NUL
        "Basicx dTpw",
        "Bearer dTpw",
        "dTpw",
    ] {
        assert_eq!(basic(value), None, "{value:?}");
    }
    let twice = "Authorization: Basic dTpw\r\nAuthorization: Basic dTpw\r\n";
    assert_eq!(request(twice).basic_auth(), None);
    assert_eq!(request("").basic_auth(), None);
    assert_eq!(request("Proxy-Authorization: Basic dTpw\r\n").basic_auth(), None);
}

#[test]
fn a_bearer_token_is_read_as_rfc_6750_writes_it() {
    let bearer = |value: &str| request(&format!("Authorization: {value}\r\n")).bearer().map(str::to_owned);
    assert_eq!(bearer("Bearer mF_9.B5f-4.1JqM").as_deref(), Some("mF_9.B5f-4.1JqM"));
    assert_eq!(bearer("bearer  a~+/==").as_deref(), Some("a~+/=="));
    for value in
        ["Bearer", "Bearer ", "Bearer =", "Bearer a b", "Bearer a=b", "Bearer a,b", "Bearer \"a\"", "Basic a"]
    {
        assert_eq!(bearer(value), None, "{value:?}");
    }
    assert_eq!(request("Authorization: Bearer a\r\nAuthorization: Bearer a\r\n").bearer(), None);
}

#[test]
fn secrets_are_compared_as_a_whole() {
    assert!(constant_time_eq("", ""));
    assert!(constant_time_eq("secret", b"secret"));
    for other in ["", "secre", "secret ", "Secret", "secreT"] {
        assert!(!constant_time_eq("secret", other), "{other:?}");
    }
    let ada = Credentials::new("ada", "pw");
    assert!(ada.matches("ada", "pw") && ada == Credentials::new("ada", "pw"));
    for (user, password) in [("ada", "px"), ("adb", "pw"), ("adap", "w"), ("", ""), ("ada", "")] {
        assert!(!ada.matches(user, password), "{user} {password}");
    }
}

#[test]
fn what_debug_prints_holds_no_secret() {
    let secret = "Basic dTpzZWNyZXQ=";
    let lines = format!("Authorization: {secret}\r\nCookie: {secret}\r\n");
    let url = "ws://u:secret@a/".parse().expect("a URL");
    let handshake = ClientHandshake::new(&url, &ClientOptions::default(), [0; 16]).expect("a handshake");
    let client = Client::new()
        .basic_auth("u", "secret")
        .header("Cookie", secret)
        .proxy("http://u:secret@proxy.example.com:3128");
    let token = Client::new().bearer("secret");
    let credentials = Credentials::new("u", "secret");
    let shown =
        format!("{:?} {url:?} {url} {handshake:?} {client:?} {token:?} {credentials:?}", request(&lines));
    assert!(!shown.contains("secret") && !shown.contains("dTpzZWNyZXQ="), "{shown}");
    let bytes = format!("{:?}", b"dTpzZWNyZXQ=");
    assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
}

#[test]
fn a_401_names_the_scheme_and_the_realm() {
    let header = |challenge, realm: &str| {
        let response = unauthorized(challenge, realm);
        assert_eq!(response.status(), 401);
        let value = &response.headers()["www-authenticate"];
        String::from_utf8(value.as_bytes().to_vec()).expect("UTF-8")
    };
    assert_eq!(header(Challenge::Basic, "the chat"), r#"Basic realm="the chat", charset="UTF-8""#);
    assert_eq!(header(Challenge::Bearer, ""), r#"Bearer realm="""#);
    assert_eq!(header(Challenge::Bearer, "a\"b\\c\r\nX: y\0"), r#"Bearer realm="a\"b\\cX: y""#);
    assert_eq!(header(Challenge::Bearer, "Grüße"), r#"Bearer realm="Grüße""#);
}

#[test]
fn credentials_in_the_url_travel_in_a_header_and_nowhere_else() {
    let head = sent(Client::new(), "ws://ada:p%40ss%3A%20w@{}/chat?x=1");
    assert_eq!(values(&head, "Authorization"), ["Basic YWRhOnBAc3M6IHc="]); // ada:p@ss: w
    assert!(head.starts_with("GET /chat?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(
        !head.contains("ada") && !head.contains("p%40ss") && !values(&head, "Host")[0].contains('@'),
        "{head}"
    );
    assert_eq!(values(&sent(Client::new(), "ws://@{}/"), "Authorization"), [""; 0]);
}

#[test]
fn what_the_caller_says_goes_before_the_url() {
    let url = "ws://u:p@{}/";
    let header = |client| values(&sent(client, url), "Authorization").join("|");
    assert_eq!(header(Client::new().basic_auth("a", "b:c")), "Basic YTpiOmM=");
    assert_eq!(header(Client::new().bearer("t0ken")), "Bearer t0ken");
    assert_eq!(header(Client::new().header("Authorization", "Custom x")), "Custom x");
    // The last word counts.
    assert_eq!(
        header(Client::new().header("Authorization", "x").bearer("a").basic_auth("", "")),
        "Basic Og=="
    );
}

#[test]
fn credentials_that_cannot_be_sent_fail_before_a_connection_is_made() {
    for client in [
        Client::new().basic_auth("a:b", "secret"),
        Client::new().basic_auth("a", "secret\r\nX: y"),
        Client::new().basic_auth("a\0", "secret"),
        Client::new().bearer("secret secret"),
        Client::new().bearer("secret\r\nX: y"),
        Client::new().bearer(""),
    ] {
        let error = client.connect("ws://127.0.0.1:1/").expect_err("an error");
        assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn a_hook_lets_in_who_is_known_and_answers_401_to_others() {
    let server = TestServer::echo(server().on_request(|request, _| match request.basic_auth() {
        Some(credentials) if credentials.matches("ada", "corréct: horse") => Ok(()),
        _ => Err(unauthorized(Challenge::Basic, "the chat")),
    }));
    let url = format!("ws://{}/", server.address);
    Client::new().basic_auth("ada", "corréct: horse").connect(&url).expect("connect").0.abort();
    connect(&url.replace("ws://", "ws://ada:corr%C3%A9ct%3A%20horse@")).expect("connect").0.abort();
    for client in
        [Client::new(), Client::new().basic_auth("ada", "correct: horse"), Client::new().bearer("ada")]
    {
        match client.connect(&url) {
            Err(Error::Handshake(HandshakeError::Refused(response))) => {
                assert_eq!(response.status(), 401);
                assert!(
                    response.headers()["www-authenticate"]
                        .as_bytes()
                        .starts_with(b"Basic realm=\"the chat\"")
                );
            }
            other => panic!("{other:?} is no refusal"),
        }
    }
}
