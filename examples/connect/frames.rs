//! Everything that passes over the wire, made readable: `--frames`.
//!
//! ```text
//!                  bytes                     bytes
//!   WebSocket ◀──────────▶ Shown<Transport> ◀──────▶ network
//!                            │         │
//!                          sent     received          two of `Passing`, one for each direction
//!                            ▼         ▼
//!                  → FIN Text ...   ← FIN Text ...
//! ```
//!
//! [`Shown`] is a [`Transport`] around another: it hands every call on, and looks at the bytes that went through. With
//! TLS it stands between the WebSocket and TLS, so the bytes are in the clear.
//!
//! [`Passing`] reads one direction the way every WebSocket endpoint does, and forgives nothing: a head of HTTP up to its
//! empty line (RFC 6455 §4), then frame after frame (§5.2), each a header and as many bytes as it says. Bytes come in pieces
//! that have nothing to do with frames, so what is incomplete waits in `unread`; of a payload only as much is kept as is
//! going to be shown.

use crate::screen::{Colour, Screen};
use clearsocket::Transport;
use clearsocket::proto::{FrameHeader, Opcode, apply_mask};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A transport that shows what passes.
pub struct Shown<T> {
    inner: T,
    passing: Mutex<Directions>,
    screen: Screen,
}

#[derive(Default)]
struct Directions {
    sent: Passing,
    received: Passing,
}

impl<T: Transport> Shown<T> {
    pub fn new(inner: T, screen: Screen) -> Shown<T> {
        Shown { inner, passing: Mutex::default(), screen }
    }

    fn lock(&self) -> MutexGuard<'_, Directions> {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, passing: &mut Passing, arrow: &str, colour: Colour, bytes: &[u8]) {
        passing.push(bytes);
        while let Some(line) = passing.next_line() {
            self.screen.tell(arrow, colour, &line);
        }
    }

    fn show_sent(&self, passing: &mut Directions, bytes: &[u8]) {
        self.show(&mut passing.sent, "→", Colour::Green, bytes);
    }

    fn show_received(&self, bytes: &[u8]) {
        self.show(&mut self.lock().received, "←", Colour::Cyan, bytes);
    }
}

impl<T: Transport> Transport for Shown<T> {
    fn prepare(&self) -> io::Result<()> {
        self.inner.prepare()
    }

    fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.recv(buf)?;
        self.show_received(&buf[..n]);
        Ok(n)
    }

    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.try_recv(buf)?;
        self.show_received(&buf[..n]);
        Ok(n)
    }

    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        // Locked before, so that the answer, which another thread may have at once, is shown after what it answers.
        let mut passing = self.lock();
        let n = self.inner.try_send(bytes)?;
        self.show_sent(&mut passing, &bytes[..n]);
        Ok(n)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.send(bytes)?; // which may block, and then the other direction must not wait for it
        self.show_sent(&mut self.lock(), &bytes[..n]);
        Ok(n)
    }

    fn set_recv_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.set_recv_timeout(timeout)
    }

    fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.set_send_timeout(timeout)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.shutdown(how)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        self.inner.remote_addr()
    }

    fn is_secure(&self) -> bool {
        self.inner.is_secure()
    }
}

/// The bytes of one direction, on their way from HTTP to frames.
#[derive(Debug)]
struct Passing {
    stage: Stage,
    /// What comes behind the head that is passing.
    behind_head: Stage,
    /// Bytes that have passed and were not shown.
    unread: Vec<u8>,
    /// Bytes of payload that are still to come, and are not shown.
    skip: u64,
    /// The kind of the message whose fragments are passing (§5.4), and whether it is compressed (RFC 7692).
    message: Option<(Opcode, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The lines of a request or a response.
    Head,
    Frames,
    /// What follows cannot be told apart: the body of a refusal, or what is no frame.
    Rest,
}

impl Default for Passing {
    fn default() -> Passing {
        Passing { stage: Stage::Head, behind_head: Stage::Frames, unread: Vec::new(), skip: 0, message: None }
    }
}

impl Passing {
    fn push(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        self.unread.extend_from_slice(&bytes[skipped as usize..]);
    }

    /// The next thing that can be shown.
    fn next_line(&mut self) -> Option<String> {
        match self.stage {
            Stage::Head => self.next_head_line(),
            Stage::Frames => self.next_frame(),
            Stage::Rest => {
                self.unread.clear();
                None
            }
        }
    }

    /// A line of HTTP. The empty one ends the head. Frames follow a request, and a response that says 101 (§4.2.2).
    fn next_head_line(&mut self) -> Option<String> {
        let end = self.unread.iter().position(|&byte| byte == b'\n')?;
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line).trim_end().to_string();
        if line.is_empty() {
            self.stage = self.behind_head;
        } else if let Some((_, status)) = line.split_once(' ').filter(|(first, _)| first.starts_with("HTTP/"))
        {
            self.behind_head = match status.as_bytes() {
                [b'1', b'0', b'1', ..] => Stage::Frames,
                [b'1', ..] => Stage::Head, // an interim response, such as 103: another one follows
                _ => Stage::Rest,
            };
        }
        Some(without_secrets(line))
    }

    /// A frame, once its header and the beginning of its payload have passed.
    fn next_frame(&mut self) -> Option<String> {
        let (header, len) = match FrameHeader::decode(&self.unread) {
            Ok(frame) => frame?,
            Err(error) => {
                self.stage = Stage::Rest;
                let bytes = hex(&self.unread, self.unread.len() as u64);
                return Some(format!("{bytes}  is no frame: {error}"));
            }
        };
        let looked_at = header.payload_len.min(LOOKED_AT as u64) as usize;
        let mut payload = self.unread.get(len..len + looked_at)?.to_vec();
        if let Some(key) = header.masking_key {
            apply_mask(&mut payload, key, 0); // §5.3: the same operation takes the mask off
        }
        let line = self.describe(&header, &payload);
        // The rest of the payload passes unseen: what is here already, and what is still to come.
        let end = (len as u64).saturating_add(header.payload_len);
        let here = end.min(self.unread.len() as u64);
        self.unread.drain(..here as usize);
        self.skip = end - here;
        Some(line)
    }

    fn describe(&mut self, header: &FrameHeader, payload: &[u8]) -> String {
        let FrameHeader { fin, rsv, opcode, masking_key, payload_len } = *header;
        let compressed = rsv & 4 != 0;
        // A fragment is of the kind that the first one told.
        let (kind, compressed) = match (opcode, self.message) {
            (Opcode::Continuation, Some(message)) => message,
            _ => (opcode, compressed),
        };
        if !opcode.is_control() {
            self.message = (!fin).then_some((kind, compressed));
        }
        let len = payload_len;
        let content = match kind {
            _ if compressed => format!("{}  compressed", hex(payload, len)),
            Opcode::Close => close(payload),
            Opcode::Text => text(payload, len),
            _ => hex(payload, len),
        };
        format!(
            "{fin} {rsv} {opcode:<12} {mask:<13} {payload_len:>8} bytes  {content}",
            fin = if fin { "FIN" } else { "   " },
            rsv = reserved_bits(rsv),
            opcode = format!("{opcode:?}"),
            mask = masking_key
                .map(|[a, b, c, d]| format!("mask {a:02x}{b:02x}{c:02x}{d:02x}"))
                .unwrap_or_default(),
        )
        .trim_end()
        .to_string()
    }
}

/// RSV1, RSV2 and RSV3, those that are set.
fn reserved_bits(rsv: u8) -> String {
    let names = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")];
    let set: Vec<_> = names.into_iter().filter(|(bit, _)| rsv & bit != 0).map(|(_, name)| name).collect();
    format!("{:<4}", set.join("+"))
}

/// A Close: two bytes of code and a reason in UTF-8, or nothing at all (§5.5.1).
fn close(payload: &[u8]) -> String {
    match payload {
        [] => "no code".into(),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if reason.is_empty() { code.to_string() } else { format!("{code} {}", text(reason, 0)) }
        }
        half_a_code => hex(half_a_code, 1),
    }
}

/// The beginning of `len` bytes as a string in quotes, with everything escaped that would do something to a terminal.
fn text(payload: &[u8], len: u64) -> String {
    // A character that is cut off at the end comes out as a replacement.
    let text = String::from_utf8_lossy(payload);
    let shown: String = text.chars().take(SHOWN_TEXT).collect();
    let rest = if shown.len() < text.len() || (payload.len() as u64) < len { " ..." } else { "" };
    format!("{shown:?}{rest}")
}

/// The beginning of `len` bytes as pairs of digits.
fn hex(payload: &[u8], len: u64) -> String {
    let mut out: Vec<_> = payload.iter().take(SHOWN_HEX).map(|byte| format!("{byte:02x}")).collect();
    if (out.len() as u64) < len {
        out.push("...".into());
    }
    out.join(" ")
}

/// What is shown may be shown to others, too.
fn without_secrets(line: String) -> String {
    match line.split_once(':') {
        Some((name, _)) if SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)) => {
            format!("{name}: (not shown)")
        }
        _ => line.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'"),
    }
}

const SECRET: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// So many bytes of a payload are looked at: all of a Close, for no control frame has more (§5.5).
const LOOKED_AT: usize = 125;

/// So many characters of text are shown, and so many bytes of all else.
const SHOWN_TEXT: usize = 60;
const SHOWN_HEX: usize = 20;
