//! What waits for a peer that reads too slowly.
//!
//! As long as the network takes everything, there is no backlog. When it does not, the rest of the batch comes
//! here, and every frame after it, each in a piece of its own, so that whole messages can be dropped if the
//! caller's [`Overflow`](crate::Overflow) says so.
//!
//! ```text
//!   front                                        back
//!   [rest of a batch] [frame] [frame] [ping] ... [frame]
//!    never dropped     may be   ...    never
//! ```

use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Backlog {
    pieces: VecDeque<Piece>,
    /// All bytes in `pieces`.
    bytes: usize,
    /// The payload of messages among them.
    payload: usize,
}

#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    payload: usize,
    /// A whole message in one frame, of which nothing has been sent.
    droppable: bool,
}

impl Backlog {
    pub fn push(&mut self, bytes: Vec<u8>, payload: usize, droppable: bool) {
        self.bytes += bytes.len();
        self.payload += payload;
        self.pieces.push_back(Piece { bytes, payload, droppable });
    }

    /// Moves pieces from the front to `batch` until it has about `limit` bytes; gives the payload moved.
    pub fn take(&mut self, batch: &mut Vec<u8>, limit: usize) -> usize {
        let mut moved = 0;
        while batch.len() < limit
            && let Some(piece) = self.pieces.pop_front()
        {
            self.bytes -= piece.bytes.len();
            self.payload -= piece.payload;
            moved += piece.payload;
            if batch.is_empty() { *batch = piece.bytes } else { batch.extend_from_slice(&piece.bytes) }
        }
        moved
    }

    /// Drops the oldest message that may be dropped; `false` if there is none.
    pub fn drop_oldest(&mut self) -> bool {
        let Some(at) = self.pieces.iter().position(|piece| piece.droppable) else { return false };
        if let Some(piece) = self.pieces.remove(at) {
            self.bytes -= piece.bytes.len();
            self.payload -= piece.payload;
        }
        true
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn payload(&self) -> usize {
        self.payload
    }
}
