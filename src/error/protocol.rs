//! [`ProtocolError`]: what a peer can do wrong once the connection is open, one variant for each rule.
//!
//! Each knows the section that it breaks and the close code that the peer is answered with, so that the mapping
//! from rule to answer stands in one place (RFC 6455 §7.1.7, §7.4.1).

use crate::proto::CloseCode;

/// A rule of RFC 6455 that the peer broke. The Close that the RFC asks for has been sent by the time that you see it.
///
/// ```
/// use clearsocket::{CloseCode, ProtocolError};
/// assert_eq!(ProtocolError::InvalidUtf8.close_code(), CloseCode::INVALID_PAYLOAD); // 1007
/// assert_eq!(ProtocolError::UnmaskedFrame.section(), "5.1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A client sent a frame without a mask.
    #[error("a frame from a client is not masked")]
    UnmaskedFrame,
    /// A server sent a masked frame.
    #[error("a frame from a server is masked")]
    MaskedFrame,
    /// RSV1, RSV2 or RSV3 is set though no extension gives it a meaning.
    #[error("a reserved bit (RSV) is set, and no extension was negotiated that defines it")]
    ReservedBit,
    /// Opcode 3-7 or 11-15.
    #[error("the opcode is reserved")]
    ReservedOpcode,
    /// A payload length in more bytes than it needs.
    #[error("the payload length is not written in its shortest form")]
    LengthNotMinimal,
    /// A 64-bit payload length with its top bit set.
    #[error("the top bit of the 64-bit payload length is set")]
    LengthTopBit,
    /// A control frame with FIN clear.
    #[error("a control frame is fragmented")]
    FragmentedControlFrame,
    /// A control frame of more than 125 bytes.
    #[error("a control frame has more than 125 bytes of payload")]
    ControlFrameTooLong,
    /// A continuation frame with no message to continue.
    #[error("a continuation frame continues no message")]
    UnexpectedContinuation,
    /// A new message begins inside an unfinished one.
    #[error("a new message begins before the last fragment of the previous one")]
    InterleavedMessage,
    /// A Close frame with a payload of one byte.
    #[error("a Close frame has a payload of one byte; a close code takes two")]
    ClosePayloadTooShort,
    /// A close code that may not appear on the wire.
    #[error("a Close frame carries a close code that may not be sent")]
    InvalidCloseCode,
    /// A close reason that is not UTF-8.
    #[error("a close reason is not UTF-8")]
    InvalidCloseReason,
    /// A text message that is not UTF-8.
    #[error("a text message is not UTF-8")]
    InvalidUtf8,
    /// A compressed message that cannot be decompressed.
    #[error("a compressed message cannot be decompressed")]
    InvalidDeflate,
    /// A frame larger than [`Config::max_frame_size`](crate::Config::max_frame_size).
    #[error("a frame is larger than the limit")]
    FrameTooBig,
    /// A message larger than [`Config::max_message_size`](crate::Config::max_message_size).
    #[error("a message is larger than the limit")]
    MessageTooBig,
    /// A message in more frames than [`Config::max_fragments`](crate::Config::max_fragments).
    #[error("a message has more fragments than the limit")]
    TooManyFragments,
    /// A message that comes more slowly than [`Config::message_timeout`](crate::Config::message_timeout) allows.
    #[error("a message comes too slowly")]
    MessageTooSlow,
}

use ProtocolError::*;

impl ProtocolError {
    /// Every variant, for tables and tests.
    pub const ALL: &'static [ProtocolError] = &[
        UnmaskedFrame,
        MaskedFrame,
        ReservedBit,
        ReservedOpcode,
        LengthNotMinimal,
        LengthTopBit,
        FragmentedControlFrame,
        ControlFrameTooLong,
        UnexpectedContinuation,
        InterleavedMessage,
        ClosePayloadTooShort,
        InvalidCloseCode,
        InvalidCloseReason,
        InvalidUtf8,
        InvalidDeflate,
        FrameTooBig,
        MessageTooBig,
        TooManyFragments,
        MessageTooSlow,
    ];

    /// The close code of the Close frame that the peer is answered with (§7.4.1): 1007 for bytes that are not UTF-8
    /// or not what a compressor makes, 1009 beyond a limit of size, 1008 beyond one of time, 1002 for everything else.
    pub fn close_code(self) -> CloseCode {
        match self {
            // RFC 6455 §7.1.6/b §8.1/a
            InvalidUtf8 | InvalidCloseReason | InvalidDeflate => CloseCode::INVALID_PAYLOAD,
            // RFC 6455 §10.4/a
            FrameTooBig | MessageTooBig | TooManyFragments => CloseCode::MESSAGE_TOO_BIG,
            MessageTooSlow => CloseCode::POLICY_VIOLATION,
            // RFC 6455 §5.1/c §5.1/f
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// The RFC that holds the broken rule: 6455, or 7692 where compressed messages are concerned.
    pub fn rfc(self) -> u16 {
        if self == InvalidDeflate { 7692 } else { 6455 }
    }

    /// The section of that RFC.
    pub fn section(self) -> &'static str {
        match self {
            UnmaskedFrame | MaskedFrame => "5.1",
            ReservedBit | ReservedOpcode | LengthNotMinimal | LengthTopBit => "5.2",
            UnexpectedContinuation | InterleavedMessage => "5.4",
            FragmentedControlFrame | ControlFrameTooLong => "5.5",
            ClosePayloadTooShort | InvalidCloseReason => "5.5.1",
            InvalidCloseCode => "7.4.1",
            InvalidUtf8 => "8.1",
            InvalidDeflate => "7.2.2",
            FrameTooBig | MessageTooBig | TooManyFragments | MessageTooSlow => "10.4",
        }
    }
}
