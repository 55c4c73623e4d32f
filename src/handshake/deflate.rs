//! Agreeing on permessage-deflate (RFC 7692 §5, §7.1).
//!
//! The client offers, in its order of preference; the server takes the first offer that it can keep, or none:
//!
//! ```text
//!   client  Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10, permessage-deflate
//!   server  Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10
//!
//!                                   in an offer                        in a response
//!   server_no_context_takeover      the server must not refer back     it will not
//!   client_no_context_takeover      the client will not refer back     the client must not
//!   server_max_window_bits=8..15    the server's window, at most       its window, at most what was offered
//!   client_max_window_bits[=8..15]  "you may limit my window"          the client's window; only if it was offered
//! ```
//!
//! A parameter that is unknown, repeated, out of range, or has a value too many or too few makes an offer one to decline
//! (the connection goes on without it), and a response one to fail for.
//!
//! For the next editor: this is words only. What is agreed on is done in `proto/deflate.rs`.

use super::extensions::Extension;
use crate::HandshakeError;
use crate::compression::{Agreement, Context, Deflate};

/// The server's choice among the offers: the first that is in order (RFC 7692 §5.1).
pub(super) fn choose(offers: &[Extension], ours: &Deflate) -> Option<Agreed> {
    // RFC 7692 §5/c §5/e §5/h; RFC 6455 §9/b: the first, and one at most.
    offers.iter().filter(|offer| offer.name == NAME).find_map(|offer| {
        // RFC 7692 §7/b §7/c §7/d: declined if it is not in order.
        let offer = Params::parse(offer, true)?;
        Some(answer(&offer, ours))
    })
}

/// What was agreed on, and the words of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    pub agreement: Agreement,
    pub response: String,
}

fn answer(offer: &Params, ours: &Deflate) -> Agreed {
    // RFC 7692 §7.1.1.1/c §7.1.1.1/d §7.1.1.1/e: if the client asks for it, the server has to comply; it may also
    // do so unasked.
    let server_no_takeover = offer.server_no_context_takeover || ours.server_no_context_takeover;
    // RFC 7692 §7.1.1.2/c §7.1.1.2/d
    let client_no_takeover = offer.client_no_context_takeover || ours.client_no_context_takeover;
    // RFC 7692 §7.1.2.1/c §7.1.2.1/d: not more than the client asks for.
    let server_bits = ours.server_max_window_bits.clamp(8, offer.server_max_window_bits.unwrap_or(15));
    // RFC 7692 §7.1.2.2/d §7.1.2.2/e: not said unless the client has offered to comply.
    let client_limit = offer.client_max_window_bits.map(|bits| bits.unwrap_or(15));
    let client_bits = client_limit.map_or(15, |limit| ours.client_max_window_bits.clamp(8, limit));
    // RFC 7692 §5/d; RFC 6455 §9/d
    let response = Params {
        server_no_context_takeover: server_no_takeover,
        client_no_context_takeover: client_no_takeover,
        server_max_window_bits: (offer.server_max_window_bits.is_some() || server_bits < 15)
            .then_some(server_bits),
        client_max_window_bits: (client_limit.is_some() && client_bits < 15).then_some(Some(client_bits)),
    };
    // RFC 7692 §5.1/a
    let agreement = Agreement {
        server: Context { no_takeover: server_no_takeover, window_bits: server_bits },
        client: Context { no_takeover: client_no_takeover, window_bits: client_bits },
    };
    Agreed { agreement, response: response.to_string() }
}

/// The client's offer.
pub(super) fn offer(ours: &Deflate) -> String {
    let limit = |bits: u8| (bits < 15).then_some(bits.max(8));
    // RFC 7692 §7.1.1.1/a §7.1.1.2/a §7.1.2.1/a §7.1.2.2/a §7.1.2.2/b
    Params {
        server_no_context_takeover: ours.server_no_context_takeover,
        client_no_context_takeover: ours.client_no_context_takeover,
        server_max_window_bits: limit(ours.server_max_window_bits),
        client_max_window_bits: Some(limit(ours.client_max_window_bits)),
    }
    .to_string()
}

/// The client's look at the response (RFC 7692 §5.1, §7.1): what is agreed on, or why it cannot be.
pub(super) fn accept(response: &Extension, ours: &Deflate) -> Result<Agreement, HandshakeError> {
    let unacceptable = || HandshakeError::UnacceptableExtension(response.name.clone());
    // RFC 7692 §7/e §7/f §7/g
    let response = Params::parse(response, false).ok_or_else(unacceptable)?;
    let limit = |bits: u8| bits.clamp(8, 15);
    let server_bits = response.server_max_window_bits.unwrap_or(15);
    // RFC 7692 §7/f: in a response the parameter has a value.
    let client_bits = response.client_max_window_bits.flatten().unwrap_or(15);
    // RFC 7692 §5/g §7/h §7.1.1.1/c §7.1.2.1/c: what we made a condition has to be met.
    if (ours.server_no_context_takeover && !response.server_no_context_takeover)
        || server_bits > limit(ours.server_max_window_bits)
    {
        return Err(unacceptable());
    }
    // RFC 7692 §5.1/a §7.1.1.1/e §7.1.1.2/e §7.1.2.1/d; RFC 6455 §9/d
    Ok(Agreement {
        server: Context { no_takeover: response.server_no_context_takeover, window_bits: server_bits },
        client: Context {
            no_takeover: response.client_no_context_takeover || ours.client_no_context_takeover,
            // RFC 7692 §7.1.2.2/b §7.1.2.2/f: a server may ignore our hint; we keep to it all the same.
            window_bits: client_bits.min(limit(ours.client_max_window_bits)),
        },
    })
}

/// The four parameters, as they stand in an offer or in a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Params {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// `Some(None)`: without a value, which only an offer may have.
    client_max_window_bits: Option<Option<u8>>,
}

impl Params {
    /// `None` if a parameter is unknown, repeated, or has not the value that it needs (RFC 7692 §7.1).
    fn parse(extension: &Extension, is_offer: bool) -> Option<Params> {
        let mut params = Params::default();
        for (name, value) in &extension.params {
            let fresh = match (name.as_str(), value) {
                // RFC 7692 §7.1.1.1/b §7.1.1.2/b: no value.
                ("server_no_context_takeover", None) => {
                    !std::mem::replace(&mut params.server_no_context_takeover, true)
                }
                ("client_no_context_takeover", None) => {
                    !std::mem::replace(&mut params.client_no_context_takeover, true)
                }
                // RFC 7692 §7.1.2.1/b §7.1.2.2/c
                ("server_max_window_bits", Some(value)) => {
                    params.server_max_window_bits.replace(window_bits(value)?).is_none()
                }
                ("client_max_window_bits", Some(value)) => {
                    params.client_max_window_bits.replace(Some(window_bits(value)?)).is_none()
                }
                ("client_max_window_bits", None) if is_offer => {
                    params.client_max_window_bits.replace(None).is_none()
                }
                // RFC 7692 §7/b §7/e
                _ => false,
            };
            // RFC 7692 §7/d §7/g
            if !fresh {
                return None;
            }
        }
        Some(params)
    }
}

/// 8 to 15, without leading zeros (RFC 7692 §7.1.2).
fn window_bits(value: &str) -> Option<u8> {
    // RFC 7692 §7.1.2.1/b §7.1.2.2/c
    let bits = value.parse().ok().filter(|bits| (8..=15).contains(bits))?;
    (value == u8::to_string(&bits)).then_some(bits)
}

impl std::fmt::Display for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // RFC 6455 §9.1/c §9.1/d
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => write!(f, "; client_max_window_bits={bits}"),
            Some(None) => f.write_str("; client_max_window_bits"),
            None => Ok(()),
        }
    }
}

/// The extension's registered name (RFC 7692 §7).
// RFC 7692 §7/a; RFC 6455 §9.2/a
pub(super) const NAME: &str = "permessage-deflate";
