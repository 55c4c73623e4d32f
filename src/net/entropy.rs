//! Randomness for nonces and masking keys (RFC 6455 §4.1, §5.3, §10.3).
//!
//! `rand`'s thread-local generator: ChaCha12, seeded and again and again reseeded by the operating system. A
//! masking key has to be unpredictable even for somebody who has seen all the keys before it, and that is what
//! this kind of generator promises.

use crate::proto::MaskingKeys;

/// A new nonce for a `Sec-WebSocket-Key`.
pub(crate) fn nonce() -> [u8; 16] {
    // RFC 6455 §4.1/x
    rand::random()
}

/// A new masking key for every frame of a client.
pub(crate) fn masking_keys() -> MaskingKeys {
    // RFC 6455 §5.3/c §5.3/d §10.3/a
    Box::new(rand::random)
}
