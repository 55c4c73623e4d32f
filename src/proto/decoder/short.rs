//! The short way to what nearly every frame is: a whole message of at most 125 bytes (RFC 6455 §5.2).
//!
//! ```text
//!   1 0 0 0 0001 │ M  0-125   │ masking key,  │ payload,
//!   1 0 0 0 0010 │            │ if M is set   │ all of it
//!   FIN, no RSV, │ M: set to  │
//!   text, binary │ a server   │
//! ```
//!
//! Nothing is judged here. Where the first two bytes say this, and no message in fragments is under way, there is nothing
//! that [`judge`](Decoder::judge) could find; where they say anything else, the frame takes the long way, which alone knows
//! the rules. So this can be left out at the cost of speed only: a tenth of the time that a short message takes.

use super::{Decoder, Verdict};
use crate::Role;
use crate::proto::{Opcode, apply_mask};

impl Decoder {
    /// Whether a short message lay at the front of the input; then it is at hand, unmasked.
    #[inline(always)] // one caller, and it calls this for every frame
    pub(super) fn take_short_message(&mut self) -> bool {
        if self.frame.is_some() || self.fragmented.is_some() {
            return false;
        }
        // RFC 6455 §5.2/a §6.2/c
        let [first, second, rest @ ..] = self.input.unread_mut() else { return false };
        let opcode = match *first {
            0x81 => Opcode::Text,
            0x82 => Opcode::Binary,
            _ => return false,
        };
        let mask_bit = if self.role == Role::Server { 0x80 } else { 0 };
        let len = usize::from(*second ^ mask_bit);
        if len > 125 || len > self.max_message_size || len as u64 > self.max_frame_size {
            return false;
        }
        let header_len = match self.role {
            Role::Server => {
                let Some((key, rest)) = rest.split_first_chunk_mut() else { return false };
                let Some(payload) = rest.get_mut(..len) else { return false };
                // RFC 6455 §5.3/e §6.2/f
                apply_mask(payload, *key, 0);
                6
            }
            Role::Client if len > rest.len() => return false,
            Role::Client => 2,
        };
        self.input.consume(header_len);
        self.verdict = Verdict::Frame { opcode, len };
        true
    }
}
