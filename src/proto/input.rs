//! The receive buffer: bytes from the network, until the decoder has used them up.
//!
//! ```text
//!   buf  [ used up | unread: bytes received | space: the next recv goes here ]
//!        0         start                    end                            len
//! ```
//!
//! It begins small, grows only behind bytes that really came (at most twofold, so an announced length
//! buys no memory, §10.4), and is given back when the connection falls silent. A frame lies in it in one
//! piece, so that its payload can be unmasked in place and lent to the user without a copy.
//!
//! For the next editor: `buf` is always initialised to its full length; safe code needs that, and it
//! costs once per growth, not once per read.

/// The receive buffer of one connection.
#[derive(Debug, Default)]
pub(super) struct Input {
    buf: Vec<u8>,
    start: usize,
    end: usize,
    /// Where the space ended that the last read had.
    offered: usize,
    /// It filled all of it: more may be waiting.
    filled: bool,
    /// `buf` belongs to somebody else.
    lent: bool,
}

impl Input {
    /// Room for the next read, never empty. `missing` is what the frame in progress still lacks.
    pub fn space(&mut self, missing: usize) -> &mut [u8] {
        // What is unread moves to the front if that gains as much room as it moves bytes. A large frame stays where it
        // began, unless the rest of it has no room there.
        let (unread, room) = (self.end - self.start, self.buf.len() - self.end);
        if self.start > 0 && (self.start >= unread || room < missing) {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let full = self.end == self.buf.len();
        if full || (self.filled && self.buf.len() < ENOUGH) {
            let useful = (self.end + missing).max(ENOUGH);
            let grown = (2 * self.buf.len()).min(useful).max(self.end + FIRST);
            self.buf.resize(grown, 0);
        }
        // The beginning of a large frame in a read of its own: meanwhile most of the rest comes, for one more.
        let limit = if missing == 0 { self.end + ENOUGH } else { usize::MAX };
        self.offered = limit.min(self.buf.len());
        self.filled = false;
        &mut self.buf[self.end..self.offered]
    }

    /// The first `n` bytes of [`space`](Self::space) now hold received bytes.
    pub fn received(&mut self, n: usize) {
        self.end = self.end.saturating_add(n).min(self.offered);
        self.filled = self.end == self.offered;
    }

    /// Whether more may be waiting: the last read filled all its space.
    pub fn is_filled(&self) -> bool {
        self.filled
    }

    /// Uses `buffer` from now on, unless there is a large one already; what is unread moves there.
    pub fn lend(&mut self, buffer: &mut Vec<u8>) {
        let unread = self.end - self.start;
        if self.lent || self.buf.len() > buffer.len() / 2 {
            return;
        }
        buffer[..unread].copy_from_slice(&self.buf[self.start..self.end]);
        self.buf = std::mem::take(buffer);
        (self.start, self.end) = (0, unread);
        self.lent = true;
    }

    /// Gives the buffer back. What is unread moves to one of its own, of the same size.
    pub fn give_back(&mut self, buffer: &mut Vec<u8>) {
        if !std::mem::take(&mut self.lent) {
            return;
        }
        let unread = self.unread().to_vec();
        (self.start, self.end) = (0, unread.len());
        *buffer = std::mem::replace(&mut self.buf, unread);
    }

    #[inline]
    pub fn unread(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    #[inline]
    pub fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.buf[self.start..self.end]
    }

    /// The first `n` unread bytes are used up.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        if n < self.end - self.start {
            self.start += n;
        } else {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Gives memory back, if nothing is in it.
    pub fn release(&mut self) {
        if self.start == self.end {
            *self = Input::default();
        }
    }
}

/// The first buffer: a chat line and its neighbours.
const FIRST: usize = 2 << 10;

/// Beyond this a larger read saves no more system calls worth having; only a larger frame needs more.
const ENOUGH: usize = 64 << 10;
