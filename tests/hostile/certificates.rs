//! Attacks with certificates (RFC 6455 §4.1, §10.6): C21.
//!
//! The attacker sits between a client and its server, with a certificate for another name, one that has run out, or one
//! that he has signed himself. Clients have looked at the signature and not at the name, or at nothing at all.
//!
//! We promise: for wss the name, the time and the issuer are checked before a byte of HTTP is sent, and the server is told
//! which name was meant; there is no option to leave that out.

use super::figures::note_text;
use super::raw::*;
use super::tls::{Authority, Identity, SERVER, TRUSTED};
use clearsocket::{Client, Error, TlsError};
use rcgen::date_time_ymd;

type IsRight = fn(&TlsError) -> bool;

#[test]
fn c21_no_certificate_is_taken_without_a_check() {
    let here: &[&str] = &["127.0.0.1", "localhost"];
    let stranger = Authority::new("somebody else's authority");
    let wrong: [(&str, Identity, IsRight); 6] = [
        ("another name", TRUSTED.issue(&["other.example"], |_| {}), |it| {
            matches!(it, TlsError::WrongName { .. })
        }),
        ("a name that begins so", TRUSTED.issue(&["127.0.0.1.evil.example"], |_| {}), |it| {
            matches!(it, TlsError::WrongName { .. })
        }),
        ("expired", TRUSTED.issue(here, |it| it.not_after = date_time_ymd(2001, 1, 1)), |it| {
            *it == TlsError::Expired
        }),
        ("not valid yet", TRUSTED.issue(here, |it| it.not_before = date_time_ymd(3000, 1, 1)), |it| {
            *it == TlsError::NotYetValid
        }),
        ("self-signed", Identity::self_signed(here, |_| {}), |it| *it == TlsError::UnknownIssuer),
        ("of a stranger", stranger.issue(here, |_| {}), |it| *it == TlsError::UnknownIssuer),
    ];
    let client = Client::new().tls(TRUSTED.client_config());
    for (what, identity, is_right) in &wrong {
        let server = TestServer::echo(server().tls(identity.config()));
        let url = format!("wss://{}/", server.address);
        let error = client.connect(&url).expect_err("it is refused");
        // RFC 6455 §4.1/m
        assert!(matches!(&error, Error::Tls(fault) if is_right(fault)), "{what}: {error:?}");
        // Nor by whoever trusts whom the system trusts.
        assert!(matches!(Client::new().connect(&url), Err(Error::Tls(_))), "{what}");
    }
    let good = TestServer::echo(server().tls(SERVER.config()));
    let (ws, _) = client.connect(&format!("wss://{}/", good.address)).expect("the right one is taken");
    ws.abort();
    let text = format!("{} of {} refused", wrong.len(), wrong.len());
    note_text("C21", "certificates that are wrong in one thing", "client", &text);
}
