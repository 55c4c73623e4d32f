//! What has gone through a connection, and what is on its way: for the counters of a server, and for `trace`.

use super::outgoing::Outgoing;

/// The messages of a connection, both ways.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::net) struct Traffic {
    pub messages_in: u64,
    pub bytes_in: u64,
    pub messages_out: u64,
    pub bytes_out: u64,
    pub dropped: u64,
}

/// What is on its way out of a connection now.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct Queue {
    /// The network does not take it.
    pub is_slow: bool,
    pub buffered_amount: usize,
}

impl Outgoing {
    /// Both, in one step.
    pub fn snapshot(&self) -> (Traffic, Queue) {
        let (messages_in, bytes_in) = self.received.so_far();
        let state = self.lock();
        let traffic = Traffic {
            messages_in,
            bytes_in,
            messages_out: state.output.messages,
            bytes_out: state.output.payload,
            dropped: state.dropped,
        };
        (traffic, Queue { is_slow: state.draining, buffered_amount: state.buffered_amount() })
    }
}
