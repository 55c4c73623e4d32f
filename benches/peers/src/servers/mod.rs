//! The servers to compare with: the limits, which know nothing of WebSocket, and other libraries.
//!
//! Every one is a function that serves a listener for ever. Each library is used as its own documentation shows; those on
//! tokio run on one thread, as there is one CPU for the server.
//!
//! | name | what it is | file |
//! | --- | --- | --- |
//! | `raw-threads` | echo of bytes, a thread for each connection | `raw_threads.rs` |
//! | `raw-epoll` | echo of bytes, one thread, level-triggered epoll | `raw_epoll.rs` |
//! | `raw-write-batch`, `raw-write-each` | broadcast of bytes, by plain writes | `raw_broadcast.rs` |
//! | `tungstenite` | a thread for each connection | `tungstenite.rs` |
//! | `fastwebsockets`, `tokio-websockets`, `sockudo-ws` | tokio, one thread | of the same names |

mod fastwebsockets;
mod list;
mod raw_broadcast;
mod raw_epoll;
mod raw_threads;
mod runtime;
mod sockudo_ws;
mod tokio_websockets;
mod tungstenite;

pub use list::{SERVERS, Server, find};
