//! What the servers on tokio have in common.

use crate::Result;
use std::net::TcpListener;

/// Runs a future of a tokio server on this thread.
pub fn on_tokio<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// The listener in tokio's hands. To be called on its runtime.
pub fn tokio_listener(listener: TcpListener) -> Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    Ok(tokio::net::TcpListener::from_std(listener)?)
}
