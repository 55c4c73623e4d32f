//! Randomness for nonces and masking keys (RFC 6455 §4.1, §5.3, §10.3).
//!
//! Each connection has a generator of its own: ChaCha12, seeded by the operating system when the connection is made. A
//! masking key has to be unpredictable even for somebody who has seen all the keys before it, and that is what this kind
//! of generator promises.
//!
//! For the next editor: a generator that lives longer than a connection, such as `rand`'s for a thread, has a state that a
//! fork would give to two processes, whose next connections would have the same keys.

use crate::proto::MaskingKeys;
use rand::rngs::{StdRng, SysRng};
use rand::{RngExt, SeedableRng};

/// A new nonce for a `Sec-WebSocket-Key`.
pub(crate) fn nonce() -> [u8; 16] {
    // RFC 6455 §4.1/x
    generator().random()
}

/// A number from 0 up to and without 1, for delays that shall not be the same for everybody.
pub(crate) fn fraction() -> f64 {
    rand::random()
}

/// A new masking key for every frame of a client.
pub(crate) fn masking_keys() -> MaskingKeys {
    let mut generator = generator();
    // RFC 6455 §5.3/c §5.3/d §10.3/a
    Box::new(move || generator.random())
}

fn generator() -> StdRng {
    // A system without randomness is a system that has not started: then `rand` panics, as it says.
    StdRng::try_from_rng(&mut SysRng).unwrap_or_else(|_| rand::make_rng())
}
