//! Compressed payloads: the two ends of permessage-deflate (RFC 7692 §7.2).
//!
//! ```text
//!   payload ─▶ deflate, flushed to a byte boundary ─▶ strip 00 00 ff ff ─▶ RSV1 on the first frame
//!   RSV1 ─▶ inflate each piece as it arrives ─▶ at the end of the message, inflate 00 00 ff ff
//! ```
//!
//! With *context takeover* a message may refer back to what was said in messages before it, up to the size of the
//! window. Each direction has a context of its own. The sender may forget its context whenever it likes, for it then
//! only refers to less; the receiver may not, unless the sender has promised not to refer back.
//!
//! The output is bounded while inflating, not after: a small message can stand for a very large one.
//!
//! For the next editor: the algorithm is `flate2`'s with the `zlib-rs` backend. It has no window of 256 bytes (8 bits)
//! to compress with, so where that is agreed on we send everything uncompressed, which §6 allows.
//! It cannot tell us where in a block a stream stands either: a message that ends inside a block is not noticed at its
//! end, but, with context takeover, in the next one.

use crate::compression::{Context, Deflate};
use crate::error::ProtocolError;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The compressing end, in an encoder.
pub(super) struct Deflater {
    context: Context,
    level: Compression,
    threshold: usize,
    /// Made when it is needed; some 310 KiB with the largest window.
    state: Option<Compress>,
    /// The state has something to refer to.
    has_history: bool,
}

impl Deflater {
    /// `None` where there is nothing to compress with.
    pub fn new(context: Context, options: &Deflate) -> Option<Deflater> {
        let level = Compression::new(options.level.min(9).into());
        // RFC 7692 §7.2.1/m §7.2.1/n: not with a window of 8 bits, for there would be one of 9.
        (context.window_bits > 8).then_some(Deflater {
            context,
            level,
            threshold: options.threshold,
            state: None,
            has_history: false,
        })
    }

    /// Whether a payload of this length is worth it.
    #[inline]
    pub fn wants(&self, len: usize) -> bool {
        // RFC 7692 §6/g §7.3/b
        len >= self.threshold
    }

    /// Whether the receiver's window holds what a compressor with the largest window refers to.
    pub fn has_full_window(&self) -> bool {
        self.context.window_bits == 15
    }

    /// Writes the compressed payload to `out`; `false` if it would be no smaller, and has to be sent as it is.
    pub fn deflate(&mut self, payload: &[u8], out: &mut Vec<u8>) -> bool {
        // RFC 7692 §7.2.1/h §7.2.1/m §7.2.1/n
        // Others than 9 to 15 would make the backend panic.
        let window_bits = self.context.window_bits.clamp(9, 15);
        let state =
            self.state.get_or_insert_with(|| Compress::new_with_window_bits(self.level, false, window_bits));
        // RFC 7692 §6/g §7.3/b
        let smaller = run(state, payload, out) && out.len() < payload.len();
        self.has_history = true;
        // RFC 7692 §7.2.1/i §7.2.1/j §7.2.1/k: what the receiver does not get, and what it will not keep, must not be
        // referred to.
        if self.context.no_takeover || !smaller {
            self.forget();
        }
        smaller
    }

    /// The next message refers to nothing before it.
    pub fn forget(&mut self) {
        if let (true, Some(state)) = (self.has_history, &mut self.state) {
            state.reset();
            self.has_history = false;
        }
    }

    /// Gives the memory back. A context that is begun anew refers to nothing, so this is always allowed.
    pub fn release_memory(&mut self) {
        self.state = None;
        self.has_history = false;
    }
}

fn run(state: &mut Compress, mut payload: &[u8], out: &mut Vec<u8>) -> bool {
    out.reserve(payload.len() / 2 + 64);
    loop {
        let before = state.total_in();
        // RFC 7692 §7.2.1/a §7.2.1/c
        if state.compress_vec(payload, out, FlushCompress::Sync).is_err() {
            return false;
        }
        payload = &payload[(state.total_in() - before) as usize..];
        // The flush is complete when it left room.
        if payload.is_empty() && out.len() < out.capacity() {
            break;
        }
        out.reserve(out.capacity());
    }
    // RFC 7692 §7.2.1/b
    if !out.ends_with(&TAIL) {
        return false;
    }
    out.truncate(out.len() - TAIL.len());
    true
}

/// The decompressing end, in a decoder.
pub(super) struct Inflater {
    context: Context,
    /// Made when the first compressed message comes; some 34 KiB.
    state: Option<Decompress>,
}

impl Inflater {
    /// `None` where there is nothing to decompress with.
    pub fn new(context: Context) -> Option<Inflater> {
        Some(Inflater { context, state: None })
    }

    /// Inflates the next piece of a message to the end of `out`, which may have at most `limit` bytes. `last` if the
    /// message ends with it.
    pub fn inflate(
        &mut self,
        piece: &[u8],
        last: bool,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), ProtocolError> {
        self.feed(piece, out, limit)?;
        if last {
            // RFC 7692 §7.2.1/g §7.2.2/a §7.2.3.6/a: at the end of the message, and only there.
            self.feed(&TAIL, out, limit)?;
            // RFC 7692 §7.2.2/c §7.2.2/d
            if let (true, Some(state)) = (self.context.no_takeover, &mut self.state) {
                state.reset(false);
            }
        }
        Ok(())
    }

    fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), ProtocolError> {
        // RFC 7692 §7.2.2/g: a larger window than agreed on does no harm, and a smaller one is not to be had.
        let state = self.state.get_or_insert_with(|| Decompress::new_with_window_bits(false, 15));
        loop {
            if out.len() == out.capacity() {
                // One byte beyond the limit is room enough to see that it is passed.
                out.reserve_exact(out.len().max(1024).min((limit - out.len()).saturating_add(1)));
            }
            let (read, written) = (state.total_in(), out.len());
            // RFC 7692 §7.2.1/c §7.2.2/b §7.2.3.3/a §7.2.3.5/a
            let result = state.decompress_vec(input, out, FlushDecompress::Sync);
            // RFC 6455 §10.4/a. Of two faults the first counts: what was written before an error is judged first.
            if out.len() > limit {
                return Err(ProtocolError::MessageTooBig);
            }
            let status = result.map_err(|_| ProtocolError::InvalidDeflate)?;
            let consumed = (state.total_in() - read) as usize;
            input = &input[consumed..];
            match status {
                // RFC 7692 §7.2.1/e §7.2.3.4/a: a block that calls itself final ends the stream, not the message.
                Status::StreamEnd => state.reset(false),
                _ if input.is_empty() && out.len() < out.capacity() => return Ok(()),
                _ if consumed == 0 && out.len() == written && out.len() < out.capacity() => {
                    return Err(ProtocolError::InvalidDeflate);
                }
                _ => {}
            }
            if status == Status::StreamEnd && input.is_empty() {
                return Ok(());
            }
        }
    }

    /// Gives the memory back, if the sender has promised not to refer to it.
    pub fn release_memory(&mut self) {
        // RFC 7692 §7.2.2/c §7.2.2/d
        if self.context.no_takeover {
            self.state = None;
        }
    }
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("context", &self.context).finish()
    }
}

/// What a flush to a byte boundary ends with: an empty stored block (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
