//! The clinical indices of events by name.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sleep::{EventKind, EventSet};

/// A clinical index: events of some kinds per hour of sleep, as the scorer marked them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventIndex {
    /// Apneas of every type and hypopneas (AHI).
    ApneaHypopnea,
    /// Apneas of every type (AI).
    Apnea,
    /// Obstructive apneas (OAI).
    ObstructiveApnea,
    /// Central apneas (CAI).
    CentralApnea,
    /// Mixed apneas (MAI).
    MixedApnea,
    /// Hypopneas (HI).
    Hypopnea,
    /// Apneas, hypopneas and respiratory effort-related arousals (RDI).
    RespiratoryDisturbance,
    /// Arousals.
    Arousal,
    /// Scored desaturations of any depth (ODI).
    OxygenDesaturation,
    /// Periodic limb movements (PLMI).
    PeriodicLimbMovement,
}

impl EventIndex {
    /// Every index.
    pub const ALL: [Self; 10] = [
        Self::ApneaHypopnea,
        Self::Apnea,
        Self::ObstructiveApnea,
        Self::CentralApnea,
        Self::MixedApnea,
        Self::Hypopnea,
        Self::RespiratoryDisturbance,
        Self::Arousal,
        Self::OxygenDesaturation,
        Self::PeriodicLimbMovement,
    ];

    /// Returns the name, as in JSON columns and `docs/measures.md`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApneaHypopnea => "ahi",
            Self::Apnea => "ai",
            Self::ObstructiveApnea => "oai",
            Self::CentralApnea => "cai",
            Self::MixedApnea => "mai",
            Self::Hypopnea => "hi",
            Self::RespiratoryDisturbance => "rdi",
            Self::Arousal => "arousal_index",
            Self::OxygenDesaturation => "odi",
            Self::PeriodicLimbMovement => "plmi",
        }
    }

    /// Returns the kinds of events that it counts.
    pub fn kinds(self) -> EventSet {
        let apneas = [
            EventKind::ObstructiveApnea,
            EventKind::CentralApnea,
            EventKind::MixedApnea,
            EventKind::Apnea,
        ];
        let apneas_and = |others: &[EventKind]| apneas.iter().chain(others).copied().collect();
        let only = |kind| EventSet::from_iter([kind]);
        match self {
            Self::ApneaHypopnea => apneas_and(&[EventKind::Hypopnea]),
            Self::Apnea => apneas_and(&[]),
            Self::ObstructiveApnea => only(EventKind::ObstructiveApnea),
            Self::CentralApnea => only(EventKind::CentralApnea),
            Self::MixedApnea => only(EventKind::MixedApnea),
            Self::Hypopnea => only(EventKind::Hypopnea),
            Self::RespiratoryDisturbance => apneas_and(&[EventKind::Hypopnea, EventKind::Rera]),
            Self::Arousal => only(EventKind::Arousal),
            Self::OxygenDesaturation => only(EventKind::Desaturation),
            Self::PeriodicLimbMovement => only(EventKind::PeriodicLimbMovement),
        }
    }
}

impl fmt::Display for EventIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apnea_hypopnea_index_counts_apneas_and_hypopneas() {
        for kind in EventKind::ALL {
            let counts = EventIndex::ApneaHypopnea.kinds().contains(kind);
            assert_eq!(counts, kind.is_apnea_or_hypopnea(), "{kind}");
        }
    }
}
