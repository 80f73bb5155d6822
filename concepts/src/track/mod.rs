//! Concept tracks: what is known of each epoch of a recording, as compact bytes that answer every question about known
//! concepts without its vectors.
//!
//! # Format
//!
//! All numbers are little-endian. A probability `p` is the byte `round(254 · √p)`, which resolves small ones; 255 means
//! that it is not known, because no channel of the epoch shows the concept.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | `NTRK` |
//! | 2 | version of the format, 1 |
//! | 1 | flags: 1 stages were scored, 2 simulated, 4 the start is known, 8 events were scored, 16 signals were measured, 32 a leg EMG was, 64 the epochs follow each other without a gap |
//! | 1 | 0 |
//! | 4, 4 | number of epochs `n` and of events `m` |
//! | 2, 2 | number of concepts `c`, and length of their ids `l` |
//! | 8 | start: seconds from 1970-01-01 00:00 by the clock of the recording |
//! | 4 | kinds of events that were scored even if none occurred, one bit each in the order of [`nocturne_psg::EventKind::ALL`] |
//! | l | ids of the concepts, each with a line feed after it |
//! | 4, 4 | only if the epochs follow each other: number (`u32`) and onset in seconds (`f32`) of the first |
//! | 4 n, 4 n | only if they do not: numbers of the epochs (`u32`), and their onsets in seconds from the start (`f32`) |
//! | 2 n | their channel masks, `u16` |
//! | n | their scored stages, the index in [`nocturne_psg::Stage::ALL`], 255 where not scored |
//! | 5 n | posterior probabilities of the stages, one column for each |
//! | c n | probabilities of the concepts, one column for each |
//! | 6 n | only if signals were measured: mean and lowest oxygen saturation in per cent, seconds below 90 % in 30 valid ones, heart rate in beats per minute, body position, half of the chin tone in per cent; 255 where not known |
//! | 12 m | events: kind, source (0 scored, 1 signal), depth in tenths of a per cent (65535 if it has none, `u16`), onset and duration in seconds (`f32`) |

mod builder;
mod reader;
mod signals;
mod writer;

pub use builder::TrackBuilder;
pub use reader::{EventSource, Track, TrackEvent};
pub use writer::{EpochSignals, TrackContents};

/// The first bytes of a track.
const MAGIC: [u8; 4] = *b"NTRK";
/// The version of the format.
const FORMAT: u16 = 1;
/// Length of the part with a fixed length.
const HEADER: usize = 32;
/// A byte that is not known.
const UNKNOWN: u8 = 255;
/// Length of an event.
const EVENT: usize = 12;
/// The depth of an event that has none.
const NO_DEPTH: u16 = u16::MAX;
/// Number of columns of measured signals.
const SIGNALS: usize = 6;

const STAGES_SCORED: u8 = 1;
const SIMULATED: u8 = 2;
const START_KNOWN: u8 = 4;
const EVENTS_SCORED: u8 = 8;
const SIGNALS_MEASURED: u8 = 16;
const LEGS_MEASURED: u8 = 32;
const CONSECUTIVE: u8 = 64;
/// Length of number and onset of the first epoch.
const FIRST_EPOCH: usize = 8;

/// Returns the byte of a probability.
fn quantised(probability: f64) -> u8 {
    (254.0 * probability.clamp(0.0, 1.0).sqrt()).round() as u8
}

/// The probability of each byte; NaN for the unknown one.
const PROBABILITIES: [f32; 256] = {
    let mut table = [f32::NAN; 256];
    let mut byte = 0;
    while byte < 255 {
        let root = byte as f32 / 254.0;
        table[byte] = root * root;
        byte += 1;
    }
    table
};

/// Returns the probability of a byte.
fn restored(byte: u8) -> Option<f32> {
    (byte != UNKNOWN).then_some(PROBABILITIES[usize::from(byte)])
}

#[cfg(test)]
mod tests;
