//! Failing the connection: RFC 6455 §7.1.7, for every breach that there is.
//!
//! ```text
//!  a rule is broken ─▶ one Close that says which, unless ours is out ─▶ nothing more is processed
//!                      1002 framing, 1007 not UTF-8, 1009 a limit      the close code is 1006
//! ```

mod common;

use clearsocket::{CloseEvent, Config, ProtocolError, Role};
use common::frame::CLOSE;
use common::*;
use std::collections::HashSet;

#[test]
fn every_breach_of_the_protocol_is_answered_with_its_code() {
    let mut covered = HashSet::new();
    for breach in breaches() {
        let Breach { error, code, sections, .. } = breach;
        for &role in &breach.roles {
            let outcome = receive_bytes(role, &small_limits(), &breach.bytes(role));
            // RFC 6455 §7.1.7/a §7.1.7/c §7.1.7/e §7.2.1/a §10.7/a §10.7/c
            assert_eq!(outcome.seen, [Seen::Error(error)]);
            outcome.assert_failed(error);
            assert_eq!(outcome.sent.len(), 1);
            assert_eq!(outcome.sent[0].payload[..2], code.to_be_bytes(), "{error:?}");
        }
        assert_eq!(error.close_code(), code, "{error:?}");
        // RFC 6455 §7.1.7/b
        assert!(sections.contains(&error.section()), "{error:?} is not in §{}", error.section());
        assert!(!error.to_string().is_empty() && error.to_string().len() <= 123);
        covered.insert(error);
    }
    // A message that cannot be decompressed is the business of RFC 7692, and of another file.
    assert!(covered.insert(ProtocolError::InvalidDeflate));
    // A message that comes too slowly is found out by whoever has a clock: see pace.rs.
    assert!(covered.insert(ProtocolError::MessageTooSlow));
    let all: HashSet<_> = ProtocolError::ALL.iter().copied().collect();
    assert_eq!(covered, all);
    assert_eq!(ProtocolError::ALL.len(), all.len());
}

#[test]
fn nothing_is_processed_after_failing() {
    for breach in breaches() {
        let error = breach.error;
        for &role in &breach.roles {
            let after = [Frame::text("x"), Frame::ping("x"), Frame::close(1000, "x"), Frame::new(3, "x")];
            let mut bytes = wire(role, &[Frame::text("before")]);
            bytes.extend(breach.bytes(role));
            bytes.extend(wire(role, &after));
            let outcome = receive_bytes(role, &small_limits(), &bytes);
            // RFC 6455 §7.1.7/g
            assert_eq!(outcome.seen, [Seen::text("before"), Seen::Error(error)]);
            assert_eq!(outcome.sent.len(), 1, "{outcome:?}");
            // RFC 6455 §7.1.5/c
            outcome.assert_failed(error);
        }
    }
}

#[test]
fn failing_sends_no_second_close() {
    for breach in breaches() {
        let error = breach.error;
        for &role in &breach.roles {
            let mut connection = connection_with(role, &small_limits());
            connection.close(1000, "").unwrap();
            let seen = fill(&mut connection, &breach.bytes(role));
            assert_eq!(seen, [Seen::Error(error)]);
            // RFC 6455 §5.5.1/f §7.1.7/g
            assert_eq!(take_sent(role, &mut connection), [Frame::close(1000, "")]);
            assert!(connection.is_finished());
            let lost = CloseEvent { code: 1006.into(), reason: String::new(), was_clean: false };
            // RFC 6455 §7.1.5/c
            assert_eq!(connection.close_event(), lost);
        }
    }
}

#[test]
fn what_was_queued_before_failing_is_still_sent() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send(&"queued".into()).unwrap();
        fill(&mut connection, &wire(role, &[Frame::ping("p"), Frame::new(3, "")]));
        let sent = take_sent(role, &mut connection);
        // RFC 6455 §6.1/h §7.1.7/e
        assert_eq!(sent[..2], [Frame::text("queued"), Frame::pong("p")]);
        assert_eq!((sent.len(), sent[2].opcode), (3, CLOSE));
    }
}

// ---- The table ----

/// A way to break the protocol, and what the RFC says of it.
struct Breach {
    error: ProtocolError,
    /// Who can be told it.
    roles: Vec<Role>,
    frames: Vec<Frame>,
    /// The close code of the answer (§7.4.1).
    code: u16,
    /// The sections that hold the rule.
    sections: &'static [&'static str],
}

impl Breach {
    /// Masked as they should be, but for the two breaches about masks.
    fn bytes(&self, role: Role) -> Vec<u8> {
        match self.error {
            ProtocolError::UnmaskedFrame | ProtocolError::MaskedFrame => {
                self.frames.iter().flat_map(Frame::bytes).collect()
            }
            _ => wire(role, &self.frames),
        }
    }
}

/// One for every variant of [`ProtocolError`], under [`small_limits`].
fn breaches() -> Vec<Breach> {
    use ProtocolError::*;
    let text = || Frame::text("abcdefgh");
    let table: [(ProtocolError, &[Frame], u16, &[&str]); 17] = [
        (UnmaskedFrame, &[Frame::text("a")], 1002, &["5.1"]),
        (MaskedFrame, &[Frame::text("a").masked()], 1002, &["5.1"]),
        (ReservedBit, &[Frame::text("a").rsv(2)], 1002, &["5.2"]),
        (ReservedOpcode, &[Frame::new(15, "a")], 1002, &["5.2"]),
        (LengthNotMinimal, &[Frame::text("a").form(Form::Bits16)], 1002, &["5.2"]),
        (LengthTopBit, &[Frame::text("").announcing(1 << 63)], 1002, &["5.2"]),
        (FragmentedControlFrame, &[Frame::pong("").more()], 1002, &["5.4", "5.5"]),
        (ControlFrameTooLong, &[Frame::pong([0; 126])], 1002, &["5.5"]),
        (UnexpectedContinuation, &[Frame::continuation("a")], 1002, &["5.4"]),
        (InterleavedMessage, &[Frame::text("a").more(), Frame::text("b")], 1002, &["5.4"]),
        (ClosePayloadTooShort, &[Frame::new(CLOSE, [3])], 1002, &["5.5.1"]),
        (InvalidCloseCode, &[Frame::close(1006, "")], 1002, &["7.4.1", "7.4.2"]),
        (InvalidCloseReason, &[Frame::close(1000, [0xff])], 1007, &["5.5.1", "8.1"]),
        (InvalidUtf8, &[Frame::text([0xff])], 1007, &["5.6", "8.1"]),
        (FrameTooBig, &[Frame::text("abcdefghi")], 1009, &["10.4"]),
        (MessageTooBig, &[text().more(), Frame::continuation(text().payload)], 1009, &["10.4"]),
        (
            TooManyFragments,
            &[Frame::text("").more(), Frame::continuation("").more(), Frame::continuation("")],
            1009,
            &["10.4"],
        ),
    ];
    let breach = |(error, frames, code, sections): (_, &[Frame], _, _)| {
        let roles = match error {
            UnmaskedFrame => vec![Role::Server],
            MaskedFrame => vec![Role::Client],
            _ => ROLES.to_vec(),
        };
        Breach { error, roles, frames: frames.to_vec(), code, sections }
    };
    table.map(breach).into()
}

/// Limits that the last of those vectors exceed.
fn small_limits() -> Config {
    let mut config = Config::default();
    config.max_frame_size = 8;
    config.max_message_size = 12;
    config.max_fragments = 2;
    config
}
