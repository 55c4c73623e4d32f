//! Where the outgoing path has its locks and threads from: the standard library, and nowhere else.
//!
//! In a test with `--cfg clearsocket_model` they are shuttle's, which runs the same code under a scheduler of its own and
//! tries thousands of orders in which the threads could have gone. `tests/outgoing_model` is what it runs, and says how.
//!
//! For the next editor: what `outgoing` and its parts share between threads comes from here, or the model does not see it.

#[cfg(not(all(test, clearsocket_model)))]
pub(super) use std::{
    sync::atomic::AtomicBool,
    sync::{Condvar, Mutex, MutexGuard},
    thread, thread_local,
};

#[cfg(all(test, clearsocket_model))]
pub(super) use shuttle::{
    sync::atomic::AtomicBool,
    sync::{Condvar, Mutex, MutexGuard},
    thread, thread_local,
};
