//! Families of events: kinds that a scorer marks in the same pass over a night.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sleep::{EventKind, EventSet};

/// Kinds of events that are scored together.
///
/// A scorer who marked one hypopnea looked for apneas too, so a night with a hypopnea and without an apnea has zero
/// apneas. A night without any event of the family may not have been scored for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventFamily {
    /// EEG arousals.
    Arousal,
    /// Apneas of every type, hypopneas and respiratory effort-related arousals.
    Respiratory,
    /// Desaturations of oxygen.
    Desaturation,
    /// Limb movements, periodic or not.
    LimbMovement,
    /// Snoring.
    Snore,
    /// Periodic breathing.
    PeriodicBreathing,
    /// Sleep spindles.
    Spindle,
    /// K-complexes.
    KComplex,
    /// Slow waves.
    SlowWave,
    /// Rapid eye movements.
    RapidEyeMovement,
    /// Slow eye movements.
    SlowEyeMovement,
    /// Changes of body position.
    PositionChange,
    /// Bradycardia and tachycardia.
    HeartRate,
    /// Artefacts.
    Artifact,
}

impl EventFamily {
    /// Every family.
    pub const ALL: [Self; 14] = [
        Self::Arousal,
        Self::Respiratory,
        Self::Desaturation,
        Self::LimbMovement,
        Self::Snore,
        Self::PeriodicBreathing,
        Self::Spindle,
        Self::KComplex,
        Self::SlowWave,
        Self::RapidEyeMovement,
        Self::SlowEyeMovement,
        Self::PositionChange,
        Self::HeartRate,
        Self::Artifact,
    ];

    /// Returns the family of a kind of event.
    pub const fn of(kind: EventKind) -> Self {
        match kind {
            EventKind::Arousal => Self::Arousal,
            EventKind::ObstructiveApnea
            | EventKind::CentralApnea
            | EventKind::MixedApnea
            | EventKind::Apnea
            | EventKind::Hypopnea
            | EventKind::Rera => Self::Respiratory,
            EventKind::Desaturation => Self::Desaturation,
            EventKind::LimbMovement | EventKind::PeriodicLimbMovement => Self::LimbMovement,
            EventKind::Snore => Self::Snore,
            EventKind::PeriodicBreathing => Self::PeriodicBreathing,
            EventKind::Spindle => Self::Spindle,
            EventKind::KComplex => Self::KComplex,
            EventKind::SlowWave => Self::SlowWave,
            EventKind::RapidEyeMovement => Self::RapidEyeMovement,
            EventKind::SlowEyeMovement => Self::SlowEyeMovement,
            EventKind::PositionChange => Self::PositionChange,
            EventKind::Bradycardia | EventKind::Tachycardia => Self::HeartRate,
            EventKind::Artifact => Self::Artifact,
        }
    }

    /// Returns the kinds of the family.
    pub fn kinds(self) -> EventSet {
        EventKind::ALL.into_iter().filter(|kind| Self::of(*kind) == self).collect()
    }

    /// Returns the name in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arousal => "arousal",
            Self::Respiratory => "respiratory",
            Self::Desaturation => "desaturation",
            Self::LimbMovement => "limb_movement",
            Self::Snore => "snore",
            Self::PeriodicBreathing => "periodic_breathing",
            Self::Spindle => "spindle",
            Self::KComplex => "k_complex",
            Self::SlowWave => "slow_wave",
            Self::RapidEyeMovement => "rapid_eye_movement",
            Self::SlowEyeMovement => "slow_eye_movement",
            Self::PositionChange => "position_change",
            Self::HeartRate => "heart_rate",
            Self::Artifact => "artifact",
        }
    }
}

impl fmt::Display for EventFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_the_kinds_that_belong_to_it() {
        let all: usize = EventFamily::ALL.iter().map(|family| family.kinds().iter().count()).sum();
        assert_eq!(all, EventKind::ALL.len());
        assert!(EventFamily::ALL.iter().all(|family| !family.kinds().is_empty()));
    }
}
