//! What is worth knowing beyond single functions.

#[doc = include_str!("speed.md")]
pub mod speed {}
