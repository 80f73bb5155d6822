//! The nights of a collection that can teach or test a calibration.

use std::fmt;

use nocturne_concepts::calibration::{MIN_CHANNELS, Origin};
use nocturne_concepts::{EncodedNight, Kind, Registry, Source};
use nocturne_index::{Filter, RecordingEntry};
use nocturne_psg::statistics::least_minutes;
use nocturne_psg::{EPOCH_S, RecordingOrigin};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::grammar::{Quantity, canonical_measure_of};
use crate::live::live_collection::PinnedSpace;

/// A night that is not used, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeftOutNight {
    /// Name of the recording.
    pub recording: String,
    /// Why it is not used.
    #[serde(flatten)]
    pub reason: LeftOut,
}

/// Why a night is not used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum LeftOut {
    /// Its stages or its events were not scored.
    NotScored,
    /// Most of its epochs have too few channels.
    FewChannels {
        /// Number of channels that most epochs have.
        channels: usize,
    },
    /// It has too little scored sleep.
    LittleSleep {
        /// Minutes of scored sleep.
        minutes: f64,
    },
    /// It is damaged in the collection.
    Damaged,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotScored => f.write_str("its stages or its events were not scored"),
            Self::FewChannels { channels } => {
                write!(f, "{channels} channels; at least {MIN_CHANNELS} are needed")
            }
            Self::LittleSleep { minutes } => write!(
                f,
                "{minutes:.0} min of scored sleep; at least {:.0} are needed",
                least_minutes::INTERVAL
            ),
            Self::Damaged => f.write_str("damaged in the collection; index it again"),
        }
    }
}

/// Calls `take` with each scored night that a filter allows, in the order of their names, and returns the others.
///
/// # Errors
///
/// Those of reading the collection, except of single damaged recordings.
pub(super) fn for_each(
    space: &PinnedSpace,
    filter: &Filter,
    mut take: impl FnMut(&RecordingEntry, EncodedNight) -> Result<()>,
) -> Result<Vec<LeftOutNight>> {
    let snapshot = space.snapshot();
    snapshot.check_filter(filter)?;
    let mut left_out = Vec::new();
    for entry in snapshot.entries().into_iter().filter(|entry| filter.may_allow(entry)) {
        let night = snapshot.recording(&entry.id).and_then(|it| EncodedNight::read(&it));
        let reason = match night {
            Ok(night) => match unusable(&night) {
                None => {
                    take(entry, night)?;
                    continue;
                }
                Some(reason) => reason,
            },
            Err(error) if error.is_damage() => LeftOut::Damaged,
            Err(error) => return Err(Error::Index(error)),
        };
        left_out.push(LeftOutNight { recording: entry.id.to_string(), reason });
    }
    Ok(left_out)
}

fn unusable(night: &EncodedNight) -> Option<LeftOut> {
    let asleep = night.stages.iter().flatten().filter(|stage| stage.is_sleep()).count();
    if asleep == 0 || night.events.as_ref().is_none_or(Vec::is_empty) {
        return Some(LeftOut::NotScored);
    }
    let mut counts: Vec<usize> = night.masks.iter().map(|mask| mask.iter().count()).collect();
    counts.sort_unstable();
    let channels = counts[counts.len() / 2];
    if channels < MIN_CHANNELS {
        return Some(LeftOut::FewChannels { channels });
    }
    let minutes = asleep as f64 * EPOCH_S / 60.0;
    (minutes < least_minutes::INTERVAL).then_some(LeftOut::LittleSleep { minutes })
}

/// Returns where a night comes from.
pub(super) fn origin(night: &EncodedNight) -> Origin {
    match night.origin {
        RecordingOrigin::Simulated => Origin::Simulated,
        RecordingOrigin::Recorded => Origin::Recorded,
    }
}

/// Returns the measures that the model may answer: rates of events, times in stages, and the measures of the registry, each
/// once.
pub(super) fn measures(registry: &Registry) -> Vec<Quantity> {
    let mut found: Vec<Quantity> = Vec::new();
    let by_model = registry.concepts().iter().filter(|it| it.has_source(Source::Model));
    for concept in by_model.filter(|it| it.kind != Kind::State) {
        let Some(measure) = canonical_measure_of(concept, registry) else { continue };
        let quantity = Quantity { measure, over: None };
        if !found.contains(&quantity) {
            found.push(quantity);
        }
    }
    found
}
