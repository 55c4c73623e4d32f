//! The bytes that travel: one frame of the client, ready-made and masked, and the reply that it must get.
//!
//! They are built by hand, apart from every library that is measured (RFC 6455 §5.2).

/// A frame of a client, and the bytes of the answer.
#[derive(Clone, Debug)]
pub struct Frames {
    /// What the client sends.
    pub request: Vec<u8>,
    /// What it must receive.
    pub reply: Vec<u8>,
}

impl Frames {
    /// A message of `size` bytes, which comes back as it is.
    pub fn echo(size: usize, text: bool) -> Frames {
        let payload = payload(size);
        Frames { request: frame(&payload, text, true), reply: frame(&payload, text, false) }
    }

    /// The same for a server that knows nothing of WebSocket: the request itself comes back, mask and all.
    pub fn raw(size: usize) -> Frames {
        let request = frame(&payload(size), false, true);
        Frames { reply: request.clone(), request }
    }
}

/// Printable ASCII of `size` bytes, not too regular.
pub fn payload(size: usize) -> Vec<u8> {
    (0..size).map(|i| b' ' + ((i * 7 + i / 251) % 94) as u8).collect()
}

/// A whole message in one frame.
pub fn frame(payload: &[u8], text: bool, masked: bool) -> Vec<u8> {
    let mask_bit = if masked { 0x80 } else { 0 };
    let mut frame = vec![if text { 0x81 } else { 0x82 }];
    match payload.len() {
        length @ 0..=125 => frame.push(mask_bit | length as u8),
        length @ 126..=0xffff => {
            frame.push(mask_bit | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(mask_bit | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if masked {
        frame.extend_from_slice(&MASKING_KEY);
        frame.extend(payload.iter().zip(MASKING_KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        frame.extend_from_slice(payload);
    }
    frame
}

/// The request of every handshake.
pub const HANDSHAKE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A response to it, with nothing that is not needed.
pub const SWITCHING: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Whether `head` accepts [`HANDSHAKE`], and nothing comes after it.
pub fn is_accepted(head: &[u8]) -> bool {
    head.starts_with(b"HTTP/1.1 101") && head.ends_with(b"\r\n\r\n") && contains(head, ACCEPT)
}

/// Whether a head of HTTP is complete.
pub fn is_complete(head: &[u8]) -> bool {
    contains(head, b"\r\n\r\n")
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const MASKING_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
