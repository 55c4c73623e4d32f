//! Masking and UTF-8: passes over bytes, beside a plain copy, the floor for whatever touches each byte once.

use crate::Result;
use crate::figures::Figures;
use crate::load::Timing;
use std::hint::black_box;
use std::str;
use std::time::{Duration, Instant};

/// A way to pass over bytes.
pub struct Way {
    /// Whose.
    pub name: &'static str,
    /// Works on the target in place, or looks at the source; tells whether that went well.
    pub pass: fn(target: &mut [u8], source: &[u8], key: [u8; 4]) -> bool,
}

const MEMCPY: Way = Way {
    name: "memcpy",
    pass: |target, source, _| {
        target.copy_from_slice(source);
        true
    },
};

/// Masking in place.
pub const MASKING: [Way; 4] = [
    MEMCPY,
    Way {
        name: "clearsocket",
        pass: |target, _, key| {
            clearsocket::proto::apply_mask(target, key, 0);
            true
        },
    },
    Way {
        name: "fastwebsockets",
        pass: |target, _, key| {
            fastwebsockets::unmask(target, key);
            true
        },
    },
    Way {
        name: "sockudo-ws",
        pass: |target, _, key| {
            sockudo_ws::simd::apply_mask(target, key);
            true
        },
    },
];

/// Checks of text.
pub const VALIDATION: [Way; 4] = [
    MEMCPY,
    Way { name: "clearsocket", pass: |_, source, _| clearsocket::proto::from_utf8(source).is_some() },
    Way { name: "std", pass: |_, source, _| str::from_utf8(source).is_ok() },
    Way { name: "sockudo-ws", pass: |_, source, _| sockudo_ws::utf8::validate_utf8(source) },
];

/// Text of a kind.
pub struct Script {
    /// Its name.
    pub name: &'static str,
    /// Some of it.
    pub sample: &'static str,
}

/// One, two, three, and one to four bytes a character.
pub const SCRIPTS: [Script; 4] = [
    Script { name: "ASCII", sample: "The quick brown fox. " },
    Script { name: "Cyrillic", sample: "Съешь же ещё этих мягких. " },
    Script { name: "Chinese", sample: "我能吞下玻璃而不伤身体。" },
    Script { name: "mixed", sample: "aé€😀" },
];

impl Script {
    /// As many whole characters as fit into `size` bytes.
    pub fn text(&self, size: usize) -> String {
        let mut text = self.sample.repeat(size / self.sample.len() + 1);
        text.truncate(text.floor_char_boundary(size));
        text
    }
}

/// Measures a way over `source`. Figure: `gb_per_s`, the median of batches of a millisecond or so.
pub fn measure(way: &Way, timing: Timing, source: &[u8]) -> Result<Figures> {
    let mut room = vec![1; source.len() + HEADER];
    let target = &mut room[HEADER..];
    let passes = (BATCH / source.len().max(1)).max(1);
    let mut batches: Vec<Duration> = Vec::new();
    let started = Instant::now();
    while started.elapsed() < timing.warm_up + timing.measured {
        let batch = Instant::now();
        for pass in 0..passes {
            let key = [1, 2, 3, pass as u8];
            if !(way.pass)(black_box(&mut *target), black_box(source), key) {
                return Err("valid text was refused".into());
            }
        }
        let time = batch.elapsed();
        if started.elapsed() > timing.warm_up {
            batches.push(time);
        }
    }
    batches.sort_unstable();
    let median = batches.get(batches.len() / 2).ok_or("no time to measure")?;
    let bytes = (passes * source.len()) as f64;
    Ok(Figures::default().with("gb_per_s", bytes / median.as_secs_f64() / 1e9))
}

/// Of a small frame: payloads are not aligned.
const HEADER: usize = 6;
const BATCH: usize = 32 << 20;
