//! The five kinds of caption.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a caption, in the order of SleepLM's condition prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptionKind {
    /// EEG and eye movements.
    Brain,
    /// Heart rate, its variability, and oxygen saturation.
    Heart,
    /// Breathing effort and airflow.
    Respiratory,
    /// Chin EMG and body position.
    PositionMuscle,
    /// The stage and the scored events.
    StageEvent,
}

impl CaptionKind {
    /// Every kind, in the order of the condition prefix.
    pub const ALL: [Self; 5] =
        [Self::Brain, Self::Heart, Self::Respiratory, Self::PositionMuscle, Self::StageEvent];

    /// Returns the name in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brain => "brain",
            Self::Heart => "heart",
            Self::Respiratory => "respiratory",
            Self::PositionMuscle => "position_muscle",
            Self::StageEvent => "stage_event",
        }
    }

    /// Returns the kind with a [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for CaptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
