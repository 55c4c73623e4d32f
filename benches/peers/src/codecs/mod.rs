//! The codecs, without a network: each library's connection object over a [`MemoryStream`](crate::streams::MemoryStream).
//!
//! Each is used in its quickest manner: a message that is made once, `write` or `feed` in place of `send`, and one `flush`
//! at the end. The time is that of the messages; making the connection object is not in it.

mod clearsocket;
mod fastwebsockets;
mod list;
mod sockudo_ws;
mod tokio_websockets;
mod tungstenite;

pub use list::{CODECS, Codec, Job, measure};
