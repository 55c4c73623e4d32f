//! Why a connection that was to last has ended, and whether to make another (RFC 6455 §7.2.3).
//!
//! ```text
//!   an error ─────▶ Error::is_transient
//!   a Close ──────▶ 1001, 1006, 1011-1014: again
//!                   1000, 1005, and all others: over
//! ```
//!
//! A Close is what the server's application says, or its machinery. 1001 and 1012 say that the server goes away, which is not
//! about us; 1013 asks for another try; 1011 and 1014 are accidents; 1006 is no Close at all. With 1000 or no code (1005) the
//! server has done what it wanted to do. 1002, 1003 and 1007-1010 blame what we sent, which we would send again, and
//! 3000-4999 are the application's own: only it can tell which of them mean "again".

use crate::error::Error;
use crate::proto::CloseEvent;
use std::fmt;

/// Why there is no connection: a [`Reconnect`](crate::Reconnect) had one and lost it, or got none.
#[derive(Debug)]
pub enum Interruption {
    /// The server closed it in order.
    Closed(CloseEvent),
    /// It was lost, or an attempt failed.
    Failed(Error),
}

impl Interruption {
    /// Whether to make another connection, unless [`Reconnect::retry_if`](crate::Reconnect::retry_if) decides otherwise.
    /// For an error see [`Error::is_transient`]. Of close codes these mean it: 1001, 1006, and 1011 to 1014; with all others
    /// the server has said that it is over.
    pub fn is_worth_retrying(&self) -> bool {
        match self {
            Interruption::Failed(error) => error.is_transient(),
            // RFC 6455 §7.4.1/a
            Interruption::Closed(event) => matches!(event.code.get(), 1001 | 1006 | 1011..=1014),
        }
    }

    /// What a read tells the user when there will be no other connection: a clean end is no error.
    pub(super) fn into_result(self) -> Result<(), Error> {
        match self {
            Interruption::Closed(_) => Ok(()),
            Interruption::Failed(error) => Err(error),
        }
    }
}

/// A line for a log.
impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Interruption::Closed(event) if event.reason.is_empty() => {
                write!(f, "the server closed the connection ({})", event.code)
            }
            Interruption::Closed(event) => {
                write!(f, "the server closed the connection ({}: {})", event.code, event.reason)
            }
            Interruption::Failed(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_close_codes_that_mean_again() {
        let again = |code: u16| {
            let event = CloseEvent { code: code.into(), reason: String::new(), was_clean: true };
            Interruption::Closed(event).is_worth_retrying()
        };
        let codes: Vec<u16> = (0..5000).filter(|code| again(*code)).collect();
        assert_eq!(codes, [1001, 1006, 1011, 1012, 1013, 1014]);
    }
}
