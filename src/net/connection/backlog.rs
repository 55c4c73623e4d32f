//! What waits for a peer that reads too slowly.
//!
//! As long as the network takes everything, there is no backlog. When it does not, the rest of the batch comes
//! here, and every frame after it, each in a piece of its own, so that whole messages can be dropped if the
//! caller's [`Overflow`](crate::Overflow) says so.
//!
//! ```text
//!               front                                        back
//!   batch  ◀──  [rest of a batch] [frame] [frame] [ping] ... [frame]
//!   on its way   never dropped     may be   ...    never
//! ```

use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// What is being sent, of which `sent` bytes have left.
    batch: Vec<u8>,
    sent: usize,
    pieces: VecDeque<Piece>,
    /// All bytes in `pieces`.
    bytes: usize,
    /// The payload of messages among them.
    payload: usize,
}

#[derive(Debug)]
struct Piece {
    bytes: Box<[u8]>,
    payload: usize,
    /// A whole message in one frame, of which nothing has been sent.
    droppable: bool,
}

impl Backlog {
    pub fn push(&mut self, bytes: Box<[u8]>, payload: usize, droppable: bool) {
        self.bytes += bytes.len();
        self.payload += payload;
        self.pieces.push_back(Piece { bytes, payload, droppable });
    }

    /// Whether the last batch has left, so that the next one can be put together.
    pub fn is_between_batches(&self) -> bool {
        self.batch.is_empty()
    }

    /// Puts together the next batch, of pieces from the front, until it has about `limit` bytes. Gives
    /// the payload in those pieces.
    pub fn next_batch(&mut self, limit: usize) -> usize {
        let mut moved = 0;
        while self.batch.len() < limit
            && let Some(piece) = self.pieces.pop_front()
        {
            self.bytes -= piece.bytes.len();
            self.payload -= piece.payload;
            moved += piece.payload;
            if self.batch.is_empty() {
                self.batch = piece.bytes.into();
            } else {
                self.batch.extend_from_slice(&piece.bytes);
            }
        }
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new(); // the peer may never be slow again
        }
        moved
    }

    /// Puts a control frame behind the batch, before all the rest.
    pub fn add_to_batch(&mut self, frame: &mut Vec<u8>) {
        self.batch.append(frame);
    }

    /// Takes the batch, to send from it without a lock; what was sent of it before comes first.
    pub fn take_batch(&mut self) -> (Vec<u8>, usize) {
        (std::mem::take(&mut self.batch), std::mem::take(&mut self.sent))
    }

    /// Puts a batch back of which `sent` bytes have left. `true` if it was all.
    pub fn put_batch(&mut self, batch: Vec<u8>, sent: usize) -> bool {
        let all = sent == batch.len();
        if !all {
            (self.batch, self.sent) = (batch, sent);
        }
        all
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

    /// What it takes to keep it: for very short messages that is more than their bytes.
    pub fn size(&self) -> usize {
        self.bytes + self.pieces.len() * PIECE
    }

    pub fn payload(&self) -> usize {
        self.payload
    }
}

/// What a piece takes besides its bytes.
const PIECE: usize = size_of::<Piece>() + 32;
