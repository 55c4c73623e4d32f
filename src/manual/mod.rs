//! What is worth knowing beyond single functions.

#[doc = include_str!("attacks.md")]
pub mod attacks {}

#[doc = include_str!("observability.md")]
pub mod observability {}

#[doc = include_str!("speed.md")]
pub mod speed {}
