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
//! For the next editor: what is long is masked in the widest vectors that the processor has, found out when the program
//! runs; `fearless_simd` does that without any `unsafe` of ours. A property test holds it against the sentence above, byte
//! by byte.

use fearless_simd::{Level, Simd, SimdBase, dispatch};

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
pub fn apply_mask(payload: &mut [u8], key: MaskingKey, offset: usize) {
    let key = turned(key, offset);
    if payload.len() < LONG { mask_words(payload, key) } else { mask_long(payload, key) }
}

/// The same for a payload that is worth asking which vectors this processor has.
#[inline(never)] // what is short stays short
fn mask_long(payload: &mut [u8], key: MaskingKey) {
    dispatch!(Level::new(), simd => mask_vectors(simd, payload, key));
}

#[inline(always)] // into code for each kind of processor
fn mask_vectors<S: Simd>(simd: S, payload: &mut [u8], key: MaskingKey) {
    // Behind a header of 8 bytes, vectors would lie across two lines of the cache.
    let odd = payload.as_ptr().align_offset(S::u8s::LEN).min(payload.len());
    let (head, rest) = payload.split_at_mut(odd);
    mask_words(head, key);
    let key = turned(key, odd);
    let keys = S::u8s::from_fn(simd, |i| key[i % key.len()]);
    let mut vectors = rest.chunks_exact_mut(S::u8s::LEN);
    // RFC 6455 §5.3/e
    for vector in &mut vectors {
        (S::u8s::from_slice(simd, vector) ^ keys).store_slice(vector);
    }
    mask_words(vectors.into_remainder(), key);
}

/// The key as it stands for byte number `offset` and those that follow.
#[inline]
fn turned(key: MaskingKey, offset: usize) -> MaskingKey {
    u32::from_le_bytes(key).rotate_right(offset as u32 % 4 * 8).to_le_bytes()
}

/// RFC 6455 §5.3/e §5.3/f §2/a: eight bytes at a time, then four, then each.
#[inline]
fn mask_words(payload: &mut [u8], key: MaskingKey) {
    let narrow = u32::from_ne_bytes(key);
    let wide = u64::from(narrow) << 32 | u64::from(narrow);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    let (halves, rest) = rest.as_chunks_mut::<4>();
    if let Some(half) = halves.first_mut() {
        *half = (u32::from_ne_bytes(*half) ^ narrow).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// From this length on vectors pay.
const LONG: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests from outside meet one kind, that of the machine they run on.
    #[test]
    fn narrow_and_wide_vectors_do_the_same() {
        let (plain, key): (Vec<u8>, _) = ((0..=255).cycle().take(512).collect(), [0x37, 0xfa, 0x21, 0x3d]);
        for level in [Level::baseline(), Level::new()] {
            for (start, end) in (0..65).flat_map(|start| (start..=512).map(move |end| (start, end))) {
                let mut masked = plain.clone();
                let payload = &mut masked[start..end];
                dispatch!(level, simd => mask_vectors(simd, payload, key));
                for (at, byte) in masked.into_iter().enumerate() {
                    let expected = if at < start || at >= end { 0 } else { key[(at - start) % 4] };
                    assert_eq!(byte ^ plain[at], expected, "{level:?}, {start}..{end}, byte {at}");
                }
            }
        }
    }
}
