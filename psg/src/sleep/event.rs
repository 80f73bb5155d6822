//! Scored events: kind, onset and duration.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sleep::{Channel, ChannelMask, EventOrigin};

/// Kind of an event that a scorer marked or a detector found.
///
/// The order is the bit order of [`EventSet`] and therefore part of the format of a collection: append, never reorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// EEG arousal (AASM: abrupt shift of EEG frequency for at least 3 s after 10 s of stable sleep).
    Arousal,
    /// Apnea with continued effort.
    ObstructiveApnea,
    /// Apnea without effort.
    CentralApnea,
    /// Apnea without effort at its start and with effort at its end.
    MixedApnea,
    /// Apnea whose type was not scored.
    Apnea,
    /// Hypopnea by the scorer's rule: reduced airflow with an arousal or a desaturation.
    Hypopnea,
    /// Respiratory effort-related arousal.
    Rera,
    /// Desaturation of oxygen.
    Desaturation,
    /// Limb movement outside a periodic series.
    LimbMovement,
    /// Periodic limb movement.
    PeriodicLimbMovement,
    /// Snoring.
    Snore,
    /// Periodic (Cheyne–Stokes) breathing.
    PeriodicBreathing,
    /// Sleep spindle, 11–16 Hz for at least 0.5 s.
    Spindle,
    /// K-complex.
    KComplex,
    /// Slow wave, 0.5–2 Hz and over 75 µV.
    SlowWave,
    /// Burst of rapid eye movements.
    RapidEyeMovement,
    /// Slow rolling eye movement.
    SlowEyeMovement,
    /// Change of body position.
    PositionChange,
    /// Heart rate below the scorer's limit.
    Bradycardia,
    /// Heart rate above the scorer's limit.
    Tachycardia,
    /// Artefact.
    Artifact,
}

impl EventKind {
    /// Every kind, in bit order.
    pub const ALL: [Self; 21] = [
        Self::Arousal,
        Self::ObstructiveApnea,
        Self::CentralApnea,
        Self::MixedApnea,
        Self::Apnea,
        Self::Hypopnea,
        Self::Rera,
        Self::Desaturation,
        Self::LimbMovement,
        Self::PeriodicLimbMovement,
        Self::Snore,
        Self::PeriodicBreathing,
        Self::Spindle,
        Self::KComplex,
        Self::SlowWave,
        Self::RapidEyeMovement,
        Self::SlowEyeMovement,
        Self::PositionChange,
        Self::Bradycardia,
        Self::Tachycardia,
        Self::Artifact,
    ];

    /// Returns the name in snake case, as in JSON, filters and concept names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arousal => "arousal",
            Self::ObstructiveApnea => "obstructive_apnea",
            Self::CentralApnea => "central_apnea",
            Self::MixedApnea => "mixed_apnea",
            Self::Apnea => "apnea",
            Self::Hypopnea => "hypopnea",
            Self::Rera => "rera",
            Self::Desaturation => "desaturation",
            Self::LimbMovement => "limb_movement",
            Self::PeriodicLimbMovement => "periodic_limb_movement",
            Self::Snore => "snore",
            Self::PeriodicBreathing => "periodic_breathing",
            Self::Spindle => "spindle",
            Self::KComplex => "k_complex",
            Self::SlowWave => "slow_wave",
            Self::RapidEyeMovement => "rapid_eye_movement",
            Self::SlowEyeMovement => "slow_eye_movement",
            Self::PositionChange => "position_change",
            Self::Bradycardia => "bradycardia",
            Self::Tachycardia => "tachycardia",
            Self::Artifact => "artifact",
        }
    }

    /// Returns the kind with a [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns whether any of these channels can show the event.
    ///
    /// Limb movements, snoring and desaturations have no channel of their own; they are visible in the chin EMG or in
    /// breathing.
    pub fn is_visible_in(self, mask: ChannelMask) -> bool {
        let any = |channels: &[Channel]| channels.iter().any(|channel| mask.contains(*channel));
        match self {
            Self::Arousal | Self::Rera | Self::Spindle | Self::KComplex | Self::SlowWave => {
                any(&[Channel::EegC3A2, Channel::EegC4A1])
            }
            Self::ObstructiveApnea
            | Self::CentralApnea
            | Self::MixedApnea
            | Self::Apnea
            | Self::Hypopnea
            | Self::PeriodicBreathing
            | Self::Desaturation
            | Self::Snore => any(&[Channel::Airflow, Channel::Abdomen, Channel::Thorax]),
            Self::RapidEyeMovement | Self::SlowEyeMovement => {
                any(&[Channel::EogLeft, Channel::EogRight])
            }
            Self::LimbMovement | Self::PeriodicLimbMovement => any(&[Channel::EmgChin]),
            Self::PositionChange => any(&[Channel::Position]),
            Self::Bradycardia | Self::Tachycardia => any(&[Channel::Ecg]),
            Self::Artifact => !mask.is_empty(),
        }
    }

    /// Returns whether the event counts in the apnea–hypopnea index.
    pub const fn is_apnea_or_hypopnea(self) -> bool {
        matches!(
            self,
            Self::ObstructiveApnea
                | Self::CentralApnea
                | Self::MixedApnea
                | Self::Apnea
                | Self::Hypopnea
        )
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One event of a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Kind of event.
    pub kind: EventKind,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// Duration in seconds, 0 for an instant.
    pub duration_s: f64,
    /// File, scorers and signals, if known; not stored in collections and shards.
    #[serde(skip)]
    pub origin: Option<Arc<EventOrigin>>,
}

impl Event {
    /// Creates an event without origin.
    pub fn new(kind: EventKind, onset_s: f64, duration_s: f64) -> Self {
        Self { kind, onset_s, duration_s, origin: None }
    }

    /// Returns the end in seconds from the start of the recording (exclusive).
    pub fn end_s(&self) -> f64 {
        self.onset_s + self.duration_s
    }

    /// Returns the overlap in seconds with the interval `[start_s, end_s)`.
    pub fn overlap_s(&self, start_s: f64, end_s: f64) -> f64 {
        (self.end_s().min(end_s) - self.onset_s.max(start_s)).max(0.0)
    }

    /// Returns whether the event belongs to the interval `[start_s, end_s)`.
    ///
    /// It belongs to it if they overlap by at least one second, or by half of an event shorter than two seconds. An
    /// instant belongs to the interval that contains its onset.
    pub fn belongs_to(&self, start_s: f64, end_s: f64) -> bool {
        if self.duration_s <= 0.0 {
            return (start_s..end_s).contains(&self.onset_s);
        }
        self.overlap_s(start_s, end_s) >= f64::min(1.0, self.duration_s / 2.0)
    }
}

/// A set of event kinds, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct EventSet(u32);

impl EventSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// Creates a set from its bits, in the order of [`EventKind::ALL`]; unknown bits are preserved.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Returns the set as bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Adds a kind.
    pub fn insert(&mut self, kind: EventKind) {
        self.0 |= 1 << kind as u32;
    }

    /// Returns whether a kind is in the set.
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Returns whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the kinds in bit order.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

/// Written as the names of its kinds.
impl Serialize for EventSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for EventSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<EventKind>::deserialize(deserializer)?.into_iter().collect())
    }
}

impl FromIterator<EventKind> for EventSet {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        let mut set = Self::EMPTY;
        kinds.into_iter().for_each(|kind| set.insert(kind));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_fixed_bits() {
        for (bit, kind) in EventKind::ALL.into_iter().enumerate() {
            assert_eq!(EventSet::from_iter([kind]).bits(), 1 << bit);
            assert_eq!(EventKind::from_name(kind.name()), Some(kind));
        }
    }

    #[test]
    fn event_belongs_to_an_interval_with_an_overlap_of_a_second_or_half_of_it() {
        let event = |onset_s, duration_s| Event::new(EventKind::Arousal, onset_s, duration_s);
        assert!(event(29.0, 5.0).belongs_to(0.0, 30.0));
        assert!(!event(29.5, 5.0).belongs_to(0.0, 30.0));
        assert!(event(29.5, 5.0).belongs_to(30.0, 60.0));
        assert!(event(29.7, 0.6).belongs_to(0.0, 30.0));
        assert!(event(30.0, 0.0).belongs_to(30.0, 60.0));
        assert!(!event(30.0, 0.0).belongs_to(0.0, 30.0));
    }
}
