//! Masking (RFC 6455 §5.3).
//!
//! Byte `i` of a payload is XORed with byte `i mod 4` of the masking key:
//!
//! ```text
//!  payload   48 65 6c 6c 6f          "Hello"
//!  key       37 fa 21 3d 37 (fa 21 3d ...)
//!  on wire   7f 9f 4d 51 58
//! ```
//!
//! The same operation masks and unmasks. Its purpose is not secrecy: a client that masks with keys
//! which a script cannot predict cannot be made to write chosen bytes on the wire, and so cannot
//! speak HTTP to a proxy that takes the connection for HTTP (§10.3).
//!
//! For the next editor: the loop works on eight bytes at a time in a form that the compiler turns
//! into vector instructions. A property test holds it against the sentence above, byte by byte.

/// The four bytes that a client draws anew for every frame (§5.3).
pub type MaskingKey = [u8; 4];

/// Masks or unmasks `payload`, whose first byte is byte number `offset` of the frame's payload. §5.3.
///
/// ```
/// let mut payload = *b"Hello";
/// clearsocket::proto::apply_mask(&mut payload, [0x37, 0xfa, 0x21, 0x3d], 0);
/// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]); // the example of §5.7
/// ```
#[inline]
pub fn apply_mask(mut payload: &mut [u8], key: MaskingKey, offset: usize) {
    let mut offset = offset % 4;
    if payload.len() >= LONG {
        // Behind a header of 8 bytes, every other vector would lie across two lines of the cache.
        let odd = payload.as_ptr().align_offset(VECTOR).min(VECTOR);
        let (head, rest) = payload.split_at_mut(odd);
        // RFC 6455 §5.3/e: the RFC's loop over bytes.
        for (i, byte) in head.iter_mut().enumerate() {
            *byte ^= key[(offset + i) % 4];
        }
        (payload, offset) = (rest, offset + odd);
    }
    let [a, b, c, d] = u32::from_le_bytes(key).rotate_right(offset as u32 % 4 * 8).to_le_bytes();
    let key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    // RFC 6455 §5.3/e §5.3/f §2/a: the same, eight at a time.
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ key).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.to_ne_bytes()) {
        *byte ^= key;
    }
}

/// The largest vector that the compiler is likely to use.
const VECTOR: usize = 32;

/// From this length on it pays to begin at a multiple of it.
const LONG: usize = 256;
