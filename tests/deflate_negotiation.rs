//! Agreeing on permessage-deflate (RFC 7692 §5, §7.1), word by word.
//!
//! The tables hold what one side says, and what the other has to make of it.

#![cfg(feature = "deflate")]

use clearsocket::compression::{Agreement, Context, Deflate};
use clearsocket::handshake::{ClientHandshake, ClientOptions, Request, ServerOptions, judge};
use clearsocket::{Config, HandshakeError};
use proptest::prelude::*;

fn deflate(server: (bool, u8), client: (bool, u8)) -> Deflate {
    let mut deflate = Deflate::default();
    (deflate.server_no_context_takeover, deflate.server_max_window_bits) = server;
    (deflate.client_no_context_takeover, deflate.client_max_window_bits) = client;
    deflate
}

fn agreement(server: (bool, u8), client: (bool, u8)) -> Agreement {
    let context = |(no_takeover, window_bits)| Context { no_takeover, window_bits };
    Agreement { server: context(server), client: context(client) }
}

/// What changes nothing.
const ALL: (bool, u8) = (false, 15);

// ---- The server ----

/// The value of the header in the 101, and the agreement, for a request with these header lines.
fn answer(lines: &[&str], ours: Option<Deflate>) -> Result<Option<(String, Agreement)>, HandshakeError> {
    let lines: String = lines.iter().map(|line| format!("Sec-WebSocket-Extensions: {line}\r\n")).collect();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{lines}\r\n"
    );
    let mut request = Request::parse(head.as_bytes(), &Config::default())?;
    let mut options = ServerOptions::default();
    options.deflate = ours;
    let accepted = judge(&mut request, &options)?;
    let response = String::from_utf8(accepted.response(&Default::default())?).expect("text");
    assert!(response.starts_with("HTTP/1.1 101 "));
    let said: Vec<&str> =
        response.lines().filter_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: ")).collect();
    assert!(said.len() <= 1, "{response}");
    // The three ways to ask say the same.
    assert_eq!(accepted.extensions(), said.first().copied().unwrap_or_default());
    assert_eq!(accepted.deflate().is_some(), said.len() == 1);
    Ok(accepted.deflate().map(|agreement| (accepted.extensions().to_owned(), agreement)))
}

#[track_caller]
fn answers(lines: &[&str], ours: &Deflate, response: &str, agreed: Agreement) {
    let answer = answer(lines, Some(ours.clone())).unwrap_or_else(|error| panic!("{lines:?}: {error}"));
    assert_eq!(answer, Some((response.to_owned(), agreed)), "{lines:?}");
}

#[track_caller]
fn declines(offer: &str) {
    for ours in [Deflate::default(), deflate((true, 9), (true, 9))] {
        // The connection goes on without it.
        assert_eq!(answer(&[offer], Some(ours)).expect("101"), None, "{offer}");
    }
}

#[test]
fn what_the_server_says_to_an_offer() {
    // RFC 7692 §5/d §5/h §7/a §7.1.1.1/b §7.1.1.1/c §7.1.1.2/b §7.1.2.1/c; RFC 6455 §9/d §9.1/c §9.1/d
    for (offer, response, server, client) in [
        ("", "", ALL, ALL),
        ("; server_no_context_takeover", "; server_no_context_takeover", (true, 15), ALL),
        ("; client_no_context_takeover", "; client_no_context_takeover", ALL, (true, 15)),
        ("; server_max_window_bits=8", "; server_max_window_bits=8", (false, 8), ALL),
        ("; server_max_window_bits=9", "; server_max_window_bits=9", (false, 9), ALL),
        ("; server_max_window_bits=10", "; server_max_window_bits=10", (false, 10), ALL),
        ("; server_max_window_bits=15", "; server_max_window_bits=15", ALL, ALL),
        ("; client_max_window_bits", "", ALL, ALL),
        ("; client_max_window_bits=15", "", ALL, ALL),
        ("; client_max_window_bits=10", "; client_max_window_bits=10", ALL, (false, 10)),
        ("; client_max_window_bits=8", "; client_max_window_bits=8", ALL, (false, 8)),
        (
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; \
             client_max_window_bits=12",
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; \
             client_max_window_bits=12",
            (true, 11),
            (true, 12),
        ),
        // RFC 7692 §5.2: a value may be quoted (RFC 6455 §9.1).
        ("; server_max_window_bits=\"10\"", "; server_max_window_bits=10", (false, 10), ALL),
        ("; client_max_window_bits=\"1\\2\"", "; client_max_window_bits=12", ALL, (false, 12)),
        // In any order, with any blanks.
        (
            ";client_max_window_bits = 9 ;\tserver_no_context_takeover",
            "; server_no_context_takeover; client_max_window_bits=9",
            (true, 15),
            (false, 9),
        ),
    ] {
        let offer = format!("permessage-deflate{offer}");
        let response = format!("permessage-deflate{response}");
        answers(&[&offer], &Deflate::default(), &response, agreement(server, client));
    }
}

#[test]
fn what_the_server_wants_goes_into_its_answer() {
    // RFC 7692 §5/d §7.1.2.1/c §7.1.2.2/e
    for (ours, offer, response, server, client) in [
        // RFC 7692 §7.1.1.1, §7.1.1.2: a server may say so unasked.
        (deflate((true, 15), ALL), "", "; server_no_context_takeover", (true, 15), ALL),
        (deflate(ALL, (true, 15)), "", "; client_no_context_takeover", ALL, (true, 15)),
        // RFC 7692 §7.1.2.1
        (deflate((false, 10), ALL), "", "; server_max_window_bits=10", (false, 10), ALL),
        (
            deflate((false, 10), ALL),
            "; server_max_window_bits=12",
            "; server_max_window_bits=10",
            (false, 10),
            ALL,
        ),
        (
            deflate((false, 12), ALL),
            "; server_max_window_bits=10",
            "; server_max_window_bits=10",
            (false, 10),
            ALL,
        ),
        // RFC 7692 §7.1.2.2: the client is told only if it has offered to listen.
        (deflate(ALL, (false, 10)), "", "", ALL, ALL),
        (
            deflate(ALL, (false, 10)),
            "; client_max_window_bits",
            "; client_max_window_bits=10",
            ALL,
            (false, 10),
        ),
        (
            deflate(ALL, (false, 10)),
            "; client_max_window_bits=12",
            "; client_max_window_bits=10",
            ALL,
            (false, 10),
        ),
        (
            deflate(ALL, (false, 12)),
            "; client_max_window_bits=10",
            "; client_max_window_bits=10",
            ALL,
            (false, 10),
        ),
        // Out of range, the nearest counts.
        (
            deflate((false, 0), (false, 7)),
            "; client_max_window_bits",
            "; server_max_window_bits=8; client_max_window_bits=8",
            (false, 8),
            (false, 8),
        ),
        (deflate((false, 16), (false, 255)), "; client_max_window_bits", "", ALL, ALL),
    ] {
        let offer = format!("permessage-deflate{offer}");
        let response = format!("permessage-deflate{response}");
        answers(&[&offer], &ours, &response, agreement(server, client));
    }
}

/// Parameters that make an offer, and a response, one that cannot be taken (RFC 7692 §7.1).
const WRONG: &[&str] = &[
    "; unknown",
    "; unknown=1",
    "; server_max_window_bit=10",
    "; Server_No_Context_Takeover",
    "; SERVER_MAX_WINDOW_BITS=10",
    "; x-server_no_context_takeover",
    // Out of range, or not a number as §7.1.2 has it.
    "; server_max_window_bits=0",
    "; server_max_window_bits=1",
    "; server_max_window_bits=7",
    "; server_max_window_bits=16",
    "; server_max_window_bits=99",
    "; server_max_window_bits=255",
    "; server_max_window_bits=264",
    "; server_max_window_bits=4294967304",
    "; server_max_window_bits=99999999999999999999999999999999999999999",
    "; server_max_window_bits=08",
    "; server_max_window_bits=010",
    "; server_max_window_bits=+8",
    "; server_max_window_bits=-8",
    "; server_max_window_bits=8.0",
    "; server_max_window_bits=0x8",
    "; server_max_window_bits=1e1",
    "; server_max_window_bits=ten",
    "; server_max_window_bits=\"7\"",
    "; server_max_window_bits=\"16\"",
    "; client_max_window_bits=0",
    "; client_max_window_bits=7",
    "; client_max_window_bits=16",
    "; client_max_window_bits=08",
    "; client_max_window_bits=x",
    "; client_max_window_bits=\"99\"",
    // A value is missing, or one too many.
    "; server_max_window_bits",
    "; server_no_context_takeover=1",
    "; server_no_context_takeover=true",
    "; server_no_context_takeover=\"10\"",
    "; client_no_context_takeover=0",
    // Repeated.
    "; server_no_context_takeover; server_no_context_takeover",
    "; client_no_context_takeover; client_no_context_takeover",
    "; server_max_window_bits=10; server_max_window_bits=10",
    "; server_max_window_bits=10; server_max_window_bits=11",
    "; client_max_window_bits=10; client_max_window_bits=10",
    "; client_max_window_bits=10; server_no_context_takeover; client_max_window_bits=9",
    // One wrong among good ones.
    "; server_no_context_takeover; server_max_window_bits=10; unknown; client_no_context_takeover",
];

#[test]
fn offers_that_are_declined() {
    // RFC 7692 §5/e §7/b §7/c §7/d §7.1.1.1/b §7.1.1.2/b §7.1.2.1/b §7.1.2.2/c
    for wrong in WRONG {
        declines(&format!("permessage-deflate{wrong}"));
    }
    declines("permessage-deflate; client_max_window_bits; client_max_window_bits");
    declines("permessage-deflate; client_max_window_bits; client_max_window_bits=10");
    for other in
        ["deflate", "permessage-deflate2", "x-webkit-deflate-frame", "permessage-bzip2", "permessage"]
    {
        declines(other);
        declines(&format!("{other}; server_max_window_bits=10"));
    }
}

#[test]
fn the_first_offer_that_can_be_kept_counts() {
    // RFC 7692 §5/c §5/h: offers stand in the order of preference.
    let ours = Deflate::default();
    let ten = ("permessage-deflate; server_max_window_bits=10", agreement((false, 10), ALL));
    let plain = ("permessage-deflate", agreement(ALL, ALL));
    for (lines, (response, agreed)) in [
        (&["permessage-deflate; server_max_window_bits=10, permessage-deflate"][..], ten),
        (&["permessage-deflate, permessage-deflate; server_max_window_bits=10"], plain),
        (&["permessage-deflate; unknown, permessage-deflate"], plain),
        (
            &["permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=10"],
            ten,
        ),
        (
            &[
                "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=16, permessage-deflate",
            ],
            plain,
        ),
        // Over several lines, with others in between.
        (&["permessage-deflate; unknown", "permessage-deflate; server_max_window_bits=10"], ten),
        (&["permessage-deflate; server_max_window_bits=10", "permessage-deflate"], ten),
        (&["x-foo; bar=\"1\", permessage-deflate"], plain),
        (&["x-foo", "mux; max-channels=4, permessage-deflate; server_max_window_bits=10", "x-bar"], ten),
        (&["x-foo; server_max_window_bits=7, permessage-deflate, x-foo; unknown"], plain),
        (&[", permessage-deflate ,,"], plain),
    ] {
        answers(lines, &ours, response, agreed);
    }
}

#[test]
fn a_server_that_does_not_compress_says_nothing() {
    // RFC 7692 §5/e
    assert_eq!(answer(&["permessage-deflate; client_max_window_bits"], None).expect("101"), None);
    // Nor one that was not asked.
    assert_eq!(answer(&[], Some(deflate((true, 9), (true, 9)))).expect("101"), None);
}

/// Values that are no list of extensions (RFC 6455 §9.1).
const MALFORMED: &[&str] = &[
    "",
    ",",
    "permessage-deflate;",
    "permessage-deflate; ; server_no_context_takeover",
    "permessage-deflate; server_max_window_bits=",
    "permessage-deflate; server_max_window_bits=\"\"",
    "permessage-deflate; server_max_window_bits=\"10",
    "permessage-deflate; server_max_window_bits=10\"",
    "permessage-deflate; server_max_window_bits=1 0",
    "permessage-deflate; server_max_window_bits==10",
    "permessage-deflate server_no_context_takeover",
    "permessage-deflate=10",
    "\"permessage-deflate\"",
    "; permessage-deflate",
    // A good one does not help.
    "permessage-deflate, ;",
];

#[test]
fn a_malformed_header_is_a_bad_request() {
    for ours in [None, Some(Deflate::default())] {
        for value in MALFORMED {
            let error = answer(&[value], ours.clone()).expect_err(value);
            assert!(matches!(error, HandshakeError::MalformedExtensions), "{value}: {error:?}");
            assert_eq!(error.status().map(|status| status.as_u16()), Some(400), "{value}");
            let lines = ["permessage-deflate", value];
            assert!(answer(&lines, ours.clone()).is_err() || value.is_empty() || *value == ",", "{value}");
        }
    }
}

// ---- The client ----

fn client(ours: Option<Deflate>) -> ClientHandshake {
    let mut options = ClientOptions::default();
    options.deflate = ours;
    let url = "ws://example.com/".parse().expect("a good URL");
    ClientHandshake::new(&url, &options, *b"the sample nonce").expect("good options")
}

/// The values of the header in the request.
fn offers(ours: Option<Deflate>) -> Vec<String> {
    let request = String::from_utf8(client(ours).request().to_vec()).expect("text");
    let values = request.lines().filter_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
    values.map(str::to_owned).collect()
}

/// What the client makes of a response with these header lines.
fn verdict(ours: Option<Deflate>, lines: &[&str]) -> Result<Option<Agreement>, HandshakeError> {
    let lines: String = lines.iter().map(|line| format!("Sec-WebSocket-Extensions: {line}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{lines}\r\n"
    );
    let client = client(ours);
    let (response, _) = client.verify(head.as_bytes(), &Config::default())?;
    Ok(client.deflate(&response))
}

#[test]
fn what_the_client_offers() {
    // RFC 7692 §5/a §7/a; RFC 6455 §9.1/c §9.1/d
    assert_eq!(offers(None), [""; 0]);
    for (ours, params) in [
        // RFC 7692 §7.1.2.2: it can comply, so it says so.
        (deflate(ALL, ALL), "client_max_window_bits"),
        (deflate((true, 15), ALL), "server_no_context_takeover; client_max_window_bits"),
        (deflate(ALL, (true, 15)), "client_no_context_takeover; client_max_window_bits"),
        (deflate((false, 10), ALL), "server_max_window_bits=10; client_max_window_bits"),
        (deflate((false, 8), ALL), "server_max_window_bits=8; client_max_window_bits"),
        (deflate(ALL, (false, 10)), "client_max_window_bits=10"),
        (
            deflate((true, 9), (true, 14)),
            "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; \
             client_max_window_bits=14",
        ),
        // Out of range, the nearest counts.
        (deflate((false, 0), (false, 7)), "server_max_window_bits=8; client_max_window_bits=8"),
        (deflate((false, 16), (false, 255)), "client_max_window_bits"),
    ] {
        assert_eq!(offers(Some(ours)), [format!("permessage-deflate; {params}")]);
    }
}

#[test]
fn responses_that_the_client_takes() {
    // RFC 7692 §5.1/a §7.1.2.1/b; RFC 6455 §9/d
    for (ours, params, server, client) in [
        (deflate(ALL, ALL), "", ALL, ALL),
        (deflate(ALL, ALL), "; server_no_context_takeover", (true, 15), ALL),
        (deflate(ALL, ALL), "; client_no_context_takeover", ALL, (true, 15)),
        // RFC 7692 §7.1.2.1: a server may narrow its window unasked.
        (deflate(ALL, ALL), "; server_max_window_bits=8", (false, 8), ALL),
        (deflate(ALL, ALL), "; server_max_window_bits=15", ALL, ALL),
        (deflate(ALL, ALL), "; client_max_window_bits=8", ALL, (false, 8)),
        (deflate(ALL, ALL), "; client_max_window_bits=15", ALL, ALL),
        (deflate(ALL, ALL), "; client_max_window_bits=\"10\"", ALL, (false, 10)),
        (
            deflate(ALL, ALL),
            "; client_max_window_bits=9; server_max_window_bits=11; client_no_context_takeover; \
             server_no_context_takeover",
            (true, 11),
            (true, 9),
        ),
        // What was asked for, or more of it.
        (deflate((true, 15), ALL), "; server_no_context_takeover", (true, 15), ALL),
        (deflate((false, 10), ALL), "; server_max_window_bits=10", (false, 10), ALL),
        (deflate((false, 10), ALL), "; server_max_window_bits=9", (false, 9), ALL),
        (deflate(ALL, (false, 10)), "; client_max_window_bits=10", ALL, (false, 10)),
        (deflate(ALL, (false, 10)), "; client_max_window_bits=9", ALL, (false, 9)),
        // RFC 7692 §7.1.2.2/f: hints that a server may ignore, and we keep.
        (deflate(ALL, (true, 10)), "", ALL, (true, 10)),
        (deflate(ALL, (false, 10)), "; client_max_window_bits=11", ALL, (false, 10)),
    ] {
        let response = format!("permessage-deflate{params}");
        let agreed = verdict(Some(ours), &[&response]).unwrap_or_else(|error| panic!("{response}: {error}"));
        assert_eq!(agreed, Some(agreement(server, client)), "{response}");
    }
}

#[test]
fn no_answer_is_no_compression() {
    assert_eq!(verdict(Some(deflate((true, 9), (true, 9))), &[]).expect("101"), None);
    assert_eq!(verdict(None, &[]).expect("101"), None);
}

#[test]
fn responses_that_the_client_fails_for() {
    // RFC 7692 §5/g §7/e §7/f §7/g §7/h §7.1.1.1/c §7.1.2.1/c
    let unacceptable = |ours: Deflate, params: &str| {
        let response = format!("permessage-deflate{params}");
        let error = verdict(Some(ours), &[&response]).expect_err(&response);
        assert!(
            matches!(&error, HandshakeError::UnacceptableExtension(name) if name == "permessage-deflate"),
            "{response}: {error:?}"
        );
    };
    for wrong in WRONG {
        unacceptable(Deflate::default(), wrong);
        unacceptable(deflate((false, 15), (false, 9)), wrong);
    }
    // RFC 7692 §7.1.2.2: in a response it has a value.
    unacceptable(Deflate::default(), "; client_max_window_bits");
    // RFC 7692 §7.1.1.1, §7.1.2.1: what was asked for is missing, or not enough.
    unacceptable(deflate((true, 15), ALL), "");
    unacceptable(deflate((true, 15), ALL), "; client_no_context_takeover");
    unacceptable(deflate((false, 10), ALL), "");
    unacceptable(deflate((false, 10), ALL), "; server_max_window_bits=11");
    unacceptable(deflate((false, 10), ALL), "; server_no_context_takeover");
    unacceptable(deflate((false, 8), ALL), "; server_max_window_bits=15");
}

#[test]
fn extensions_that_were_not_offered() {
    // RFC 7692 §5/f §5/i
    let ours = Some(Deflate::default());
    for (ours, lines, name) in [
        (None, &["permessage-deflate"][..], "permessage-deflate"),
        (ours.clone(), &["x-foo"], "x-foo"),
        (ours.clone(), &["permessage-deflate, x-foo"], "x-foo"),
        (ours.clone(), &["permessage-deflate", "x-foo"], "x-foo"),
        (ours.clone(), &["x-foo, permessage-deflate"], "x-foo"),
        // Once was offered, not twice.
        (ours.clone(), &["permessage-deflate, permessage-deflate"], "permessage-deflate"),
        (ours.clone(), &["permessage-deflate", "permessage-deflate"], "permessage-deflate"),
    ] {
        let error = verdict(ours, lines).expect_err("it was not offered");
        assert!(
            matches!(&error, HandshakeError::UnrequestedExtension(found) if found == name),
            "{lines:?}: {error:?}"
        );
    }
}

#[test]
fn a_malformed_response_fails() {
    for value in MALFORMED {
        for ours in [None, Some(Deflate::default())] {
            let error = verdict(ours, &[value]).expect_err(value);
            assert!(matches!(error, HandshakeError::MalformedExtensions), "{value}: {error:?}");
        }
    }
}

// ---- Both ----

fn params() -> impl Strategy<Value = Deflate> {
    (any::<(bool, bool)>(), 0..=20u8, 0..=20u8).prop_map(|((server, client), server_bits, client_bits)| {
        deflate((server, server_bits), (client, client_bits))
    })
}

proptest! {
    /// Our client takes what our server answers to it, and both understand the same.
    #[test]
    fn both_ends_agree(clients in params(), servers in params()) {
        let offers = offers(Some(clients.clone()));
        let (response, agreed) =
            answer(&[&offers[0]], Some(servers.clone())).unwrap().expect("our own offer can be kept");
        prop_assert_eq!(verdict(Some(clients.clone()), &[&response]).unwrap(), Some(agreed));
        for ours in [&clients, &servers] {
            prop_assert!(agreed.server.window_bits <= ours.server_max_window_bits.clamp(8, 15));
            prop_assert!(agreed.client.window_bits <= ours.client_max_window_bits.clamp(8, 15));
            prop_assert!(agreed.server.no_takeover || !ours.server_no_context_takeover);
            prop_assert!(agreed.client.no_takeover || !ours.client_no_context_takeover);
        }
    }

    #[test]
    fn no_value_is_too_much(value in "[ -~\t]{0,60}", params in "[a-z_;=,\" 0-9\\\\-]{0,60}", ours in params()) {
        for value in [value, format!("permessage-deflate{params}"), format!("permessage-deflate; {params}")] {
            let _ = answer(&[&value], Some(ours.clone()));
            let _ = verdict(Some(ours.clone()), &[&value]);
        }
    }
}
