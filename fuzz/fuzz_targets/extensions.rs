//! Invariant: no value of Sec-WebSocket-Extensions is too much for a server or a client. What a server answers, it was
//! offered, by a naive reading; what a client takes keeps its conditions; and a client takes what our server answers
//! to its own offer, with the same agreement (RFC 7692 §5, §7.1).

#![no_main]

use arbitrary::Arbitrary;
use clearsocket::handshake::{ClientHandshake, ClientOptions, Request, ServerOptions, judge};
use clearsocket::{Agreement, Config, Deflate, HandshakeError};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    servers: Params,
    clients: Params,
    offer: Value,
    response: Value,
}

#[derive(Arbitrary, Debug)]
struct Params {
    no_takeover: [bool; 2],
    window_bits: [u8; 2],
}

#[derive(Arbitrary, Debug)]
enum Value {
    Text(String),
    Words(Vec<Word>),
}

/// Pieces of which the values are made that get far.
#[derive(Arbitrary, Debug)]
enum Word {
    Comma,
    Semicolon,
    Equals,
    Quote,
    Extension,
    ServerNoTakeover,
    ClientNoTakeover,
    ServerBits,
    ClientBits,
    ServerBitsOf(u8),
    ClientBitsOf(u8),
    Number(u8),
    Other(char),
}

fuzz_target!(|input: Input| {
    let (servers, clients) = (input.servers.deflate(), input.clients.deflate());
    let mut config = Config::default();
    config.max_head_size = 1 << 20;

    // Anything offered to a server.
    if let Some(offer) = input.offer.text()
        && let Ok(Some((response, agreed))) = answer(&offer, &servers, &config)
    {
        check_answer(&offer, &response, agreed, &servers);
    }
    // Anything answered to a client.
    if let Some(response) = input.response.text()
        && let Ok(Some(agreed)) = client(&clients).1(&response, &config)
    {
        check_agreement(agreed, &clients);
    }
    // Each other.
    let (offer, verdict) = client(&clients);
    let (response, agreed) =
        answer(&offer, &servers, &config).expect("101").expect("our own offer can be kept");
    check_answer(&offer, &response, agreed, &servers);
    check_agreement(agreed, &clients);
    assert_eq!(verdict(&response, &config).expect("our own answer can be taken"), Some(agreed));
});

fn answer(
    offer: &str,
    ours: &Deflate,
    config: &Config,
) -> Result<Option<(String, Agreement)>, HandshakeError> {
    let head = format!(
        "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: {offer}\r\n\r\n"
    );
    let mut request = Request::parse(head.as_bytes(), config)?;
    let mut options = ServerOptions::default();
    options.deflate = Some(ours.clone());
    let accepted = judge(&mut request, &options)?;
    Ok(accepted.deflate().map(|agreement| (accepted.extensions().to_owned(), agreement)))
}

type Verdict = Box<dyn Fn(&str, &Config) -> Result<Option<Agreement>, HandshakeError>>;

/// What a client offers, and its look at a response.
fn client(ours: &Deflate) -> (String, Verdict) {
    let mut options = ClientOptions::default();
    options.deflate = Some(ours.clone());
    let url = "ws://example.com/".parse().expect("a good URL");
    let client = ClientHandshake::new(&url, &options, *b"the sample nonce").expect("good options");
    let request = std::str::from_utf8(client.request()).expect("text");
    let offer = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
    let offer = offer.expect("an offer").to_owned();
    let verdict = move |response: &str, config: &Config| {
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
             Sec-WebSocket-Extensions: {response}\r\n\r\n"
        );
        let (response, _) = client.verify(head.as_bytes(), config)?;
        Ok(client.deflate(&response))
    };
    (offer, Box::new(verdict))
}

fn check_agreement(agreed: Agreement, ours: &Deflate) {
    for context in [agreed.server, agreed.client] {
        assert!((8..=15).contains(&context.window_bits));
    }
    assert!(agreed.server.window_bits <= ours.server_max_window_bits.clamp(8, 15));
    assert!(agreed.server.no_takeover || !ours.server_no_context_takeover);
    assert!(agreed.client.no_takeover || !ours.client_no_context_takeover);
}

fn check_answer(offer: &str, response: &str, agreed: Agreement, ours: &Deflate) {
    check_agreement(agreed, ours);
    let (name, params) = response.split_once(';').unwrap_or((response, ""));
    assert_eq!(name, "permessage-deflate");
    assert!(offer.contains(name));
    let mut params: Vec<&str> = params.split(';').map(str::trim).filter(|param| !param.is_empty()).collect();
    let mut take = |wanted: &str| {
        let at = params.iter().position(|param| param.split('=').next() == Some(wanted))?;
        params.remove(at).split_once('=').map_or(Some(None), |(_, value)| value.parse::<u8>().ok().map(Some))
    };
    assert_eq!(take("server_no_context_takeover"), agreed.server.no_takeover.then_some(None));
    assert_eq!(take("client_no_context_takeover"), agreed.client.no_takeover.then_some(None));
    assert_eq!(take("server_max_window_bits").flatten().unwrap_or(15), agreed.server.window_bits);
    let client_bits = take("client_max_window_bits");
    assert_eq!(client_bits.flatten().unwrap_or(15), agreed.client.window_bits);
    // RFC 7692 §7.1.2.2
    assert!(client_bits.is_none() || offer.contains("client_max_window_bits"));
    assert!(params.is_empty(), "{response}");
}

impl Params {
    fn deflate(&self) -> Deflate {
        let mut deflate = Deflate::default();
        [deflate.server_no_context_takeover, deflate.client_no_context_takeover] = self.no_takeover;
        [deflate.server_max_window_bits, deflate.client_max_window_bits] =
            self.window_bits.map(|bits| bits % 20);
        deflate
    }
}

impl Value {
    /// `None` for what would break the head around it.
    fn text(&self) -> Option<String> {
        let text = match self {
            Value::Text(text) => text.clone(),
            Value::Words(words) => words.iter().map(Word::text).collect(),
        };
        (!text.contains(['\r', '\n', '\0'])).then_some(text)
    }
}

impl Word {
    fn text(&self) -> String {
        match self {
            Word::Comma => ", ".into(),
            Word::Semicolon => "; ".into(),
            Word::Equals => "=".into(),
            Word::Quote => "\"".into(),
            Word::Extension => "permessage-deflate".into(),
            Word::ServerNoTakeover => "; server_no_context_takeover".into(),
            Word::ClientNoTakeover => "; client_no_context_takeover".into(),
            Word::ServerBits => "; server_max_window_bits".into(),
            Word::ClientBits => "; client_max_window_bits".into(),
            Word::ServerBitsOf(bits) => format!("; server_max_window_bits={}", bits % 20),
            Word::ClientBitsOf(bits) => format!("; client_max_window_bits=\"{}\"", bits % 20),
            Word::Number(number) => number.to_string(),
            Word::Other(char) => char.to_string(),
        }
    }
}
