//! What stands in for `deflate` without the feature of that name: types that have no values.

use crate::compression::{Context, Deflate};
use crate::error::ProtocolError;

pub(super) enum Deflater {}

impl Deflater {
    pub fn new(_: Context, _: &Deflate) -> Option<Deflater> {
        None
    }

    pub fn wants(&self, _: usize) -> bool {
        match *self {}
    }

    pub fn has_full_window(&self) -> bool {
        match *self {}
    }

    pub fn deflate(&mut self, _: &[u8], _: &mut Vec<u8>) -> bool {
        match *self {}
    }

    pub fn forget(&mut self) {
        match *self {}
    }

    pub fn release_memory(&mut self) {
        match *self {}
    }
}

#[derive(Debug)]
pub(super) enum Inflater {}

impl Inflater {
    pub fn new(_: Context) -> Option<Inflater> {
        None
    }

    pub fn inflate(&mut self, _: &[u8], _: bool, _: &mut Vec<u8>, _: usize) -> Result<(), ProtocolError> {
        match *self {}
    }

    pub fn release_memory(&mut self) {
        match *self {}
    }
}
