//! Reads a track.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EPOCH_S, Event, EventKind, EventSet, Stage};

use crate::error::{Error, Result};
use crate::stages::transitions::N_STAGES;
use crate::track::writer::EpochSignals;
use crate::track::{
    CONSECUTIVE, EVENT, EVENTS_SCORED, FIRST_EPOCH, FORMAT, HEADER, LEGS_MEASURED, MAGIC, NO_DEPTH,
    PROBABILITIES, SIGNALS, SIGNALS_MEASURED, SIMULATED, STAGES_SCORED, START_KNOWN, UNKNOWN,
    restored,
};

/// The track of a recording, over bytes in memory or mapped from a file. Cloning it copies no bytes.
#[derive(Clone)]
pub struct Track {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    flags: u8,
    n_epochs: usize,
    n_events: usize,
    start_s: i64,
    declared_events: EventSet,
    concepts: Arc<[String]>,
    /// Where numbers and onsets start.
    epochs_at: usize,
    /// Where the columns after them start.
    columns: usize,
}

/// Where an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum EventSource {
    /// A scorer.
    Scored = 0,
    /// A rule on a signal.
    Signal = 1,
}

/// An event of a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackEvent {
    /// What it is.
    pub kind: EventKind,
    /// Where it comes from.
    pub source: EventSource,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// Duration in seconds.
    pub duration_s: f64,
    /// Fall of the oxygen saturation in per cent, if known.
    pub depth: Option<f64>,
}

impl Track {
    /// Reads the header of a track and checks its length.
    ///
    /// # Errors
    ///
    /// [`Error::Track`] if these bytes are not a track of this format.
    #[expect(clippy::needless_pass_by_value, reason = "the track keeps the bytes")]
    pub fn new(bytes: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Result<Self> {
        let data: &[u8] = (*bytes).as_ref();
        let header = data.get(..HEADER).ok_or_else(|| Error::track("it is too short"))?;
        if header[..4] != MAGIC || u16_at(header, 4) != FORMAT {
            return Err(Error::track("it does not start as a track of format 1"));
        }
        let [n_epochs, n_events] = [8, 12].map(|at| u32_at(header, at) as usize);
        let [n_concepts, ids_len] = [16, 18].map(|at| usize::from(u16_at(header, at)));
        let start_s = i64::from_le_bytes(header[20..28].try_into().expect("8 bytes"));
        let declared_events = EventSet::from_bits(u32_at(header, 28));
        let epochs_at = HEADER + ids_len;
        let ids = data.get(HEADER..epochs_at).and_then(|ids| std::str::from_utf8(ids).ok());
        let ids = ids.ok_or_else(|| Error::track("the ids of its concepts are not text"))?;
        let concepts: Arc<[String]> = ids.lines().map(str::to_owned).collect();
        let flags = header[6];
        let is_consecutive = flags & CONSECUTIVE != 0;
        let columns = epochs_at + if is_consecutive { FIRST_EPOCH } else { FIRST_EPOCH * n_epochs };
        let track = Self {
            bytes: Arc::clone(&bytes),
            flags,
            n_epochs,
            n_events,
            start_s,
            declared_events,
            concepts,
            epochs_at,
            columns,
        };
        if track.concepts.len() != n_concepts || data.len() != track.events_at() + n_events * EVENT
        {
            return Err(Error::track("its length does not fit its header"));
        }
        Ok(track)
    }

    /// Reads a track from a buffer.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn from_vec(bytes: Vec<u8>) -> Result<Self> {
        Self::new(Arc::new(bytes))
    }

    /// Returns the number of epochs.
    pub fn n_epochs(&self) -> usize {
        self.n_epochs
    }

    /// Returns whether at least one epoch has a scored stage.
    pub fn has_scored_stages(&self) -> bool {
        self.flags & STAGES_SCORED != 0
    }

    /// Returns whether events were scored.
    pub fn has_scored_events(&self) -> bool {
        self.flags & EVENTS_SCORED != 0
    }

    /// Returns the kinds of events that were scored even if none occurred.
    pub fn declared_events(&self) -> EventSet {
        self.declared_events
    }

    /// Returns whether signals were measured, whether or not the recording has them.
    pub fn has_signals(&self) -> bool {
        self.flags & SIGNALS_MEASURED != 0
    }

    /// Returns whether a leg EMG was measured.
    pub fn has_leg_emg(&self) -> bool {
        self.flags & LEGS_MEASURED != 0
    }

    /// Returns whether the recording was simulated.
    pub fn is_simulated(&self) -> bool {
        self.flags & SIMULATED != 0
    }

    /// Returns the start of the recording by its clock in seconds from 1970-01-01 00:00, if known.
    pub fn start_s(&self) -> Option<i64> {
        (self.flags & START_KNOWN != 0).then_some(self.start_s)
    }

    /// Returns the start of the recording by its clock, if known.
    pub fn start(&self) -> Option<DateTime> {
        let start = Timestamp::from_second(self.start_s).ok()?;
        (self.flags & START_KNOWN != 0).then(|| start.to_zoned(TimeZone::UTC).datetime())
    }

    /// Returns the ids of the concepts with probabilities.
    pub fn concepts(&self) -> &[String] {
        &self.concepts
    }

    /// Returns the position of a concept among those with probabilities.
    pub fn concept(&self, id: &str) -> Option<usize> {
        self.concepts.iter().position(|concept| concept == id)
    }

    /// Returns the number of an epoch.
    pub fn number(&self, epoch: usize) -> u32 {
        if self.flags & CONSECUTIVE != 0 {
            return u32_at(self.data(), self.epochs_at) + epoch as u32;
        }
        u32_at(self.data(), self.epochs_at + 4 * epoch)
    }

    /// Returns the onset of an epoch in seconds from the start.
    pub fn onset_s(&self, epoch: usize) -> f64 {
        if self.flags & CONSECUTIVE != 0 {
            return f64::from(f32_at(self.data(), self.epochs_at + 4)) + epoch as f64 * EPOCH_S;
        }
        f64::from(f32_at(self.data(), self.epochs_at + 4 * (self.n_epochs + epoch)))
    }

    /// Returns the epoch that contains a time in seconds from the start.
    pub fn epoch_at(&self, time_s: f64) -> Option<usize> {
        if self.n_epochs == 0 {
            return None;
        }
        let epoch = if self.flags & CONSECUTIVE != 0 {
            let epoch = ((time_s - self.onset_s(0)) / EPOCH_S).floor();
            (epoch >= 0.0).then_some(epoch as usize)?
        } else {
            let (mut low, mut high) = (0, self.n_epochs);
            while low < high {
                let middle = usize::midpoint(low, high);
                if self.onset_s(middle) <= time_s { low = middle + 1 } else { high = middle }
            }
            low.checked_sub(1)?
        };
        (epoch < self.n_epochs && time_s < self.onset_s(epoch) + EPOCH_S).then_some(epoch)
    }

    /// Returns whether an epoch is followed by the next one without a gap.
    pub fn is_joined_to_next(&self, epoch: usize) -> bool {
        self.flags & CONSECUTIVE != 0 || self.number(epoch + 1) == self.number(epoch) + 1
    }

    /// Returns the channels of an epoch with a usable signal.
    pub fn mask(&self, epoch: usize) -> ChannelMask {
        ChannelMask::from_bits(u16_at(self.data(), self.columns + 2 * epoch))
    }

    /// Returns the scored stage of an epoch.
    pub fn scored_stage(&self, epoch: usize) -> Option<Stage> {
        Stage::ALL.get(usize::from(self.column(0)[epoch])).copied()
    }

    /// Returns the onset of each epoch in seconds from the start.
    pub fn onsets_s(&self) -> impl Iterator<Item = f64> + '_ {
        let is_consecutive = self.flags & CONSECUTIVE != 0;
        let first_s = if is_consecutive && self.n_epochs > 0 { self.onset_s(0) } else { 0.0 };
        (0..self.n_epochs).map(move |epoch| {
            if is_consecutive { first_s + epoch as f64 * EPOCH_S } else { self.onset_s(epoch) }
        })
    }

    /// Returns the channels of each epoch with a usable signal.
    pub fn masks(&self) -> impl Iterator<Item = ChannelMask> + '_ {
        let bytes = &self.data()[self.columns..self.columns + 2 * self.n_epochs];
        bytes.chunks_exact(2).map(|mask| ChannelMask::from_bits(u16_at(mask, 0)))
    }

    /// Returns the scored stage of each epoch.
    pub fn scored_stages(&self) -> impl Iterator<Item = Option<Stage>> + '_ {
        self.column(0).iter().map(|byte| Stage::ALL.get(usize::from(*byte)).copied())
    }

    /// Returns the posterior probabilities of the stages of an epoch, in the order of [`Stage::ALL`].
    pub fn posterior(&self, epoch: usize) -> Option<[f32; N_STAGES]> {
        posterior(std::array::from_fn(|i| self.column(1 + i)[epoch]))
    }

    /// Returns the posterior probabilities of the stages of each epoch, in the order of [`Stage::ALL`], as they are stored:
    /// their sum is near 1. NaN where they are not known.
    pub fn posteriors(&self) -> impl Iterator<Item = [f32; N_STAGES]> + '_ {
        let columns: [&[u8]; N_STAGES] = std::array::from_fn(|i| self.column(1 + i));
        let [wake, n1, n2, n3, rem] = columns.map(|column| column.iter());
        let bytes = wake.zip(n1).zip(n2).zip(n3).zip(rem);
        bytes.map(|((((wake, n1), n2), n3), rem)| {
            [wake, n1, n2, n3, rem].map(|byte| PROBABILITIES[usize::from(*byte)])
        })
    }

    /// Returns the probability of a concept, by its position, in an epoch; `None` if no channel shows it there.
    pub fn probability(&self, concept: usize, epoch: usize) -> Option<f32> {
        restored(self.column(1 + N_STAGES + concept)[epoch])
    }

    /// Returns the probability that each epoch is in one of some stages; NaN where it is not known.
    pub fn stage_probabilities(&self, stages: &[Stage]) -> Vec<f32> {
        let is_in: [bool; N_STAGES] = std::array::from_fn(|i| stages.contains(&Stage::ALL[i]));
        let columns: [&[u8]; N_STAGES] = std::array::from_fn(|i| self.column(1 + i));
        let n = self.n_epochs;
        // Probabilities are squares of bytes. Plain sums over columns let the compiler use vector instructions.
        let (mut inside, mut all) = (vec![0u32; n], vec![0u32; n]);
        for (column, is_in) in columns.into_iter().zip(is_in) {
            for (sum, byte) in all.iter_mut().zip(column) {
                *sum += square(*byte);
            }
            if is_in {
                for (sum, byte) in inside.iter_mut().zip(column) {
                    *sum += square(*byte);
                }
            }
        }
        let share = |(inside, all): (&u32, &u32)| {
            let is_known = *all > 0 && *all < UNKNOWN_SQUARE;
            if is_known { *inside as f32 / *all as f32 } else { f32::NAN }
        };
        inside.iter().zip(&all).map(share).collect()
    }

    /// Returns for each epoch whether it was scored as one of some stages, as 1 or 0; NaN where it was not scored.
    pub fn scored_as(&self, stages: &[Stage]) -> Vec<f32> {
        let mut values = [f32::NAN; 256];
        values[..N_STAGES].fill(0.0);
        stages.iter().for_each(|stage| values[stage.index()] = 1.0);
        self.column(0).iter().map(|byte| values[usize::from(*byte)]).collect()
    }

    /// Returns the probability of a concept, by its position, in each epoch; NaN where no channel shows it.
    pub fn probabilities(&self, concept: usize) -> Vec<f32> {
        let column = self.column(1 + N_STAGES + concept);
        column.iter().map(|byte| PROBABILITIES[usize::from(*byte)]).collect()
    }

    /// Returns what signals show in an epoch.
    pub fn signals(&self, epoch: usize) -> EpochSignals {
        if !self.has_signals() {
            return EpochSignals::default();
        }
        let byte = |i: usize| {
            let byte = self.column(1 + N_STAGES + self.concepts.len() + i)[epoch];
            (byte != UNKNOWN).then_some(byte)
        };
        let number = |i: usize| byte(i).map(f64::from);
        EpochSignals {
            mean_spo2: number(0),
            lowest_spo2: number(1),
            below_90_s: number(2),
            heart_rate: number(3),
            position: byte(4),
            chin_tone: number(5).map(|half| 2.0 * half),
        }
    }

    /// Returns the events, in the order in which they were written.
    pub fn events(&self) -> impl Iterator<Item = TrackEvent> + '_ {
        self.data()[self.events_at()..].chunks_exact(EVENT).filter_map(|event| {
            let depth = u16_at(event, 2);
            Some(TrackEvent {
                kind: *EventKind::ALL.get(usize::from(event[0]))?,
                source: if event[1] == 0 { EventSource::Scored } else { EventSource::Signal },
                onset_s: f64::from(f32_at(event, 4)),
                duration_s: f64::from(f32_at(event, 8)),
                depth: (depth != NO_DEPTH).then(|| f64::from(depth) / 10.0),
            })
        })
    }

    /// Returns the events of the scorer.
    pub fn scored_events(&self) -> impl Iterator<Item = Event> + '_ {
        let scored = self.events().filter(|event| event.source == EventSource::Scored);
        scored.map(|event| Event::new(event.kind, event.onset_s, event.duration_s))
    }

    fn data(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    /// Returns a column of bytes, counted from that of the scored stages.
    fn column(&self, i: usize) -> &[u8] {
        let at = self.columns + (2 + i) * self.n_epochs;
        &self.data()[at..at + self.n_epochs]
    }

    fn events_at(&self) -> usize {
        let signals = if self.has_signals() { SIGNALS } else { 0 };
        self.columns + (2 + 1 + N_STAGES + self.concepts.len() + signals) * self.n_epochs
    }
}

impl fmt::Debug for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Track")
            .field("n_epochs", &self.n_epochs)
            .field("n_events", &self.n_events)
            .finish_non_exhaustive()
    }
}

/// Returns the probabilities of bytes, divided by their sum.
#[inline]
fn posterior(bytes: [u8; N_STAGES]) -> Option<[f32; N_STAGES]> {
    let posterior = bytes.map(|byte| PROBABILITIES[usize::from(byte)]);
    let sum: f32 = posterior.iter().sum();
    let scale = 1.0 / sum;
    (sum > 0.0).then(|| posterior.map(|p| p * scale))
}

/// More than the squares of the bytes of all stages.
const UNKNOWN_SQUARE: u32 = 1 << 20;

/// Returns the square of a byte, [`UNKNOWN_SQUARE`] for the unknown one.
fn square(byte: u8) -> u32 {
    if byte == UNKNOWN { UNKNOWN_SQUARE } else { u32::from(byte) * u32::from(byte) }
}

#[inline]
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("2 bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

fn f32_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}
