//! Writes a track.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EPOCH_S, Event, EventKind, EventSet, Stage};

use crate::stages::transitions::PerStage;
use crate::track::reader::EventSource;
use crate::track::{
    CONSECUTIVE, EVENT, EVENTS_SCORED, FORMAT, HEADER, LEGS_MEASURED, MAGIC, NO_DEPTH,
    SIGNALS_MEASURED, SIMULATED, STAGES_SCORED, START_KNOWN, UNKNOWN, quantised,
};

/// What a track stores. All columns have one value for each epoch.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the format")]
pub struct TrackContents {
    /// Start of the recording by its clock.
    pub start: Option<DateTime>,
    /// Whether the recording was simulated.
    pub is_simulated: bool,
    /// Kinds of events that were scored even if none occurred.
    pub declared_events: EventSet,
    /// Numbers of the epochs, ascending.
    pub numbers: Vec<u32>,
    /// Onsets in seconds from the start.
    pub onsets_s: Vec<f64>,
    /// Channels with a usable signal.
    pub masks: Vec<ChannelMask>,
    /// Scored stages.
    pub scored_stages: Vec<Option<Stage>>,
    /// Posterior probabilities of the stages.
    pub posteriors: Vec<Option<PerStage>>,
    /// Concepts and their probabilities; `None` where the channels of the epoch do not show it.
    pub concepts: Vec<(String, Vec<Option<f64>>)>,
    /// What signals show; `None` if they were not measured.
    pub signals: Option<Vec<EpochSignals>>,
    /// Whether a leg EMG was measured; the absence of leg movements then means that there were none.
    pub legs_measured: bool,
    /// Whether events were scored; the absence of events then means that there were none.
    pub events_scored: bool,
    /// Events with their source and, for desaturations, their depth in per cent.
    pub events: Vec<(Event, EventSource, Option<f64>)>,
}

/// What signals show in an epoch; `None` where a signal is missing or not valid.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EpochSignals {
    /// Mean oxygen saturation in per cent.
    pub mean_spo2: Option<f64>,
    /// Lowest oxygen saturation in per cent.
    pub lowest_spo2: Option<f64>,
    /// Seconds with a saturation below 90 % in 30 valid ones.
    pub below_90_s: Option<f64>,
    /// Heart rate in beats per minute.
    pub heart_rate: Option<f64>,
    /// Code of the body position, see [`nocturne_psg::sleep::Position`].
    pub position: Option<u8>,
    /// Median amplitude of the chin EMG over its standard deviation in the night, in per cent.
    pub chin_tone: Option<f64>,
}

impl TrackContents {
    /// Returns the bytes of the track.
    ///
    /// # Panics
    ///
    /// Panics if the columns differ in length.
    pub fn to_bytes(&self) -> Vec<u8> {
        let n = self.numbers.len();
        let columns = [
            self.onsets_s.len(),
            self.masks.len(),
            self.scored_stages.len(),
            self.posteriors.len(),
        ];
        let concepts = self.concepts.iter().map(|(_, column)| column.len());
        let signals = self.signals.iter().map(Vec::len);
        assert!(
            columns.into_iter().chain(concepts).chain(signals).all(|it| it == n),
            "columns have n values"
        );
        let ids: String = self.concepts.iter().flat_map(|(id, _)| [id, "\n"]).collect();
        let mut bytes = Vec::with_capacity(HEADER + ids.len() + n * 40 + self.events.len() * EVENT);
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend([self.flags(), 0]);
        bytes.extend((n as u32).to_le_bytes());
        bytes.extend((self.events.len() as u32).to_le_bytes());
        bytes.extend((self.concepts.len() as u16).to_le_bytes());
        bytes.extend((ids.len() as u16).to_le_bytes());
        let start = self.start.and_then(|start| start.to_zoned(TimeZone::UTC).ok());
        bytes.extend(start.map_or(0, |start| start.timestamp().as_second()).to_le_bytes());
        bytes.extend(self.declared_events.bits().to_le_bytes());
        bytes.extend(ids.as_bytes());
        self.write_columns(&mut bytes);
        for (event, source, depth) in &self.events {
            bytes.extend([kind_byte(event.kind), *source as u8]);
            let depth = depth
                .map_or(NO_DEPTH, |percent| (percent * 10.0).round().clamp(0.0, 1000.0) as u16);
            bytes.extend(depth.to_le_bytes());
            bytes.extend((event.onset_s as f32).to_le_bytes());
            bytes.extend((event.duration_s as f32).to_le_bytes());
        }
        bytes
    }

    fn flags(&self) -> u8 {
        let flag = |holds: bool, flag: u8| if holds { flag } else { 0 };
        flag(self.scored_stages.iter().any(Option::is_some), STAGES_SCORED)
            | flag(self.is_simulated, SIMULATED)
            | flag(self.start.is_some(), START_KNOWN)
            | flag(self.events_scored, EVENTS_SCORED)
            | flag(self.legs_measured, LEGS_MEASURED)
            | flag(self.signals.is_some(), SIGNALS_MEASURED)
            | flag(self.is_consecutive(), CONSECUTIVE)
    }

    /// Returns whether the epochs follow each other without a gap, so that the first one says when all of them start.
    fn is_consecutive(&self) -> bool {
        let follows = |pair: &[u32]| pair[1] == pair[0] + 1;
        let first_s = self.onsets_s.first().map_or(0.0, |onset_s| f64::from(*onset_s as f32));
        let mut onsets = self.onsets_s.iter().enumerate();
        self.numbers.windows(2).all(follows)
            && onsets.all(|(i, onset_s)| (onset_s - first_s - i as f64 * EPOCH_S).abs() < 1e-3)
    }

    fn write_columns(&self, bytes: &mut Vec<u8>) {
        let n_written = if self.is_consecutive() { 1 } else { self.numbers.len() };
        let numbers = self.numbers.iter().copied().chain([0]).take(n_written);
        let onsets_s = self.onsets_s.iter().copied().chain([0.0]).take(n_written);
        bytes.extend(numbers.flat_map(u32::to_le_bytes));
        bytes.extend(onsets_s.flat_map(|onset_s| (onset_s as f32).to_le_bytes()));
        bytes.extend(self.masks.iter().flat_map(|mask| mask.bits().to_le_bytes()));
        bytes.extend(
            self.scored_stages.iter().map(|it| it.map_or(UNKNOWN, |stage| stage.index() as u8)),
        );
        for stage in Stage::ALL {
            let byte = |posterior: &Option<PerStage>| {
                posterior.map_or(UNKNOWN, |it| quantised(it[stage.index()]))
            };
            bytes.extend(self.posteriors.iter().map(byte));
        }
        for (_, column) in &self.concepts {
            bytes.extend(column.iter().map(|probability| probability.map_or(UNKNOWN, quantised)));
        }
        let whole =
            |value: Option<f64>| value.map_or(UNKNOWN, |it| it.round().clamp(0.0, 254.0) as u8);
        if let Some(signals) = &self.signals {
            bytes.extend(signals.iter().map(|it| whole(it.mean_spo2)));
            bytes.extend(signals.iter().map(|it| whole(it.lowest_spo2)));
            bytes.extend(signals.iter().map(|it| whole(it.below_90_s)));
            bytes.extend(signals.iter().map(|it| whole(it.heart_rate)));
            bytes.extend(signals.iter().map(|it| it.position.unwrap_or(UNKNOWN)));
            bytes.extend(signals.iter().map(|it| whole(it.chin_tone.map(|tone| tone / 2.0))));
        }
    }
}

fn kind_byte(kind: EventKind) -> u8 {
    EventKind::ALL.iter().position(|it| *it == kind).expect("`ALL` has every kind") as u8
}
