//! Sec-WebSocket-Key and Sec-WebSocket-Accept: the proof that both ends mean WebSocket (RFC 6455
//! §1.3, §4.2.2).
//!
//! ```text
//!   16 fresh bytes ──base64──▶ key      "dGhlIHNhbXBsZSBub25jZQ=="                        client → server
//!   key + GUID ──SHA-1, base64──▶ accept  "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="                  server → client
//! ```
//!
//! The GUID is a fixed text that nothing but a WebSocket server would append. This is no secret and
//! no signature: it keeps an HTTP cache or server from taking part by accident, and SHA-1's
//! weaknesses do not matter here (§10.8).
//!
//! For the next editor: the hash is over the key *as it was sent*, never over its 16 bytes.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use sha1::{Digest, Sha1};

/// The Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key (§4.2.2).
///
/// ```
/// use clearsocket::handshake::accept_key;
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &str) -> String {
    // RFC 6455 §4.2.2/r §4.3/d
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    BASE64.encode(hash)
}

/// The Sec-WebSocket-Key made of 16 unpredictable bytes, which must be fresh for each connection
/// (§4.1).
///
/// ```
/// use clearsocket::handshake::encode_nonce;
/// assert_eq!(encode_nonce(*b"the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ==");
/// ```
pub fn encode_nonce(nonce: [u8; 16]) -> String {
    // RFC 6455 §4.1/w §4.3/d §4.3/e: an encoder leaves the spare bits zero.
    BASE64.encode(nonce)
}

/// Whether this is the base64 form of exactly 16 bytes, padded (§4.2.1).
///
/// The last character before the padding carries four bits that mean nothing. They should be zero,
/// but §4.1 itself printed an example where they are not (erratum 3150), so any value is taken.
/// What we send has zeros there.
pub fn is_valid_key(key: &str) -> bool {
    // RFC 6455 §4.2.1/g §4.3/d. The length is looked at first, so that a long value costs nothing.
    key.len() == 24 && BASE64.decode_slice(key, &mut [0; 18]) == Ok(16)
}

// RFC 6455 §4.3/d §4.3/e
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_example_beside_the_rfcs() {
        assert_eq!(accept_key("Iv8io/9s+lYFgZWcXczP8Q=="), "hsBlbuDTkk24srzEOTBUlZAlC2g=");
    }

    #[test]
    fn sixteen_bytes_and_nothing_else() {
        // RFC 6455 §4.2.1/g
        let of = |length| BASE64.encode(vec![7; length]);
        for length in 0..40 {
            assert_eq!(is_valid_key(&of(length)), length == 16, "{length}");
        }
    }

    #[test]
    fn padding_bits_may_be_set_on_receipt_and_are_never_sent() {
        // RFC 6455 §4.3/e
        assert!(is_valid_key("AQIDBAUGBwgJCgsMDQ4PEC==")); // as §4.1 prints it
        assert_eq!(encode_nonce(std::array::from_fn(|i| i as u8 + 1)), "AQIDBAUGBwgJCgsMDQ4PEA==");
    }

    #[test]
    fn base64_of_another_dialect_is_refused() {
        // RFC 6455 §4.3/d
        for key in [
            "dGhlIHNhbXBsZSBub25jZQ",   // no padding
            "dGhlIHNhbXBsZSBub25jZQ=",  // half of it
            "dGhlIHNhbXBsZSBub25j_-==", // the URL-safe alphabet
            "dGhlIHNhbXBs SBub25jZQ==", // a blank
            "dGhlIHNhbXBsZSBub25jZé=",  // 24 bytes, not ASCII
            "dGhlIHNhbXBsZSBub2=jZQ==", // padding in the middle
            "========================",
        ] {
            assert!(!is_valid_key(key), "{key}");
        }
    }
}
