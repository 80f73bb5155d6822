//! Captions with their claims, which can be checked against the facts about any epoch.
//!
//! "This is stage N2" is true of half a night, so training must not treat it as false for all epochs but one.

use serde::Deserialize;

use super::EpochFacts;
use super::templates::Measure;
use super::word_sentences;
use crate::sleep::{EventKind, Position, Stage};

/// A claim of a caption about an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CaptionClaim {
    /// The epoch has this stage.
    Stage(Stage),
    /// The epoch has a stage of this family.
    AnyStage(StageFamily),
    /// The number of events of a kind is within a range.
    Events {
        /// The kind.
        kind: EventKind,
        /// Minimum number.
        at_least: usize,
        /// Maximum number.
        at_most: usize,
    },
    /// The epoch has an event of this family.
    AnyEvent(EventFamily),
    /// Events were scored, and the epoch has none.
    NoEvents,
    /// The position is held for more than half of the epoch.
    Position(Position),
    /// A measure is beyond a threshold.
    Number(NumberClaim),
    /// Exact measures or times, which are true of their own epoch only.
    Precise,
}

/// A group of stages with a common name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageFamily {
    /// N1 and N2.
    Light,
    /// N1, N2 and N3.
    NonRem,
    /// All but wake.
    Asleep,
}

impl StageFamily {
    /// Every family.
    pub const ALL: [Self; 3] = [Self::Light, Self::NonRem, Self::Asleep];

    /// Returns whether a stage belongs to the family.
    pub const fn holds(self, stage: Stage) -> bool {
        match self {
            Self::Light => matches!(stage, Stage::N1 | Stage::N2),
            Self::NonRem => matches!(stage, Stage::N1 | Stage::N2 | Stage::N3),
            Self::Asleep => !matches!(stage, Stage::Wake),
        }
    }
}

/// A group of event kinds with a common name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventFamily {
    /// Apneas of any type.
    Apnea,
    /// Apneas and hypopneas.
    RespiratoryEvent,
    /// Limb movements, periodic or not.
    LegMovement,
}

impl EventFamily {
    /// Every family.
    pub const ALL: [Self; 3] = [Self::Apnea, Self::RespiratoryEvent, Self::LegMovement];

    /// Returns whether a kind belongs to the family.
    pub const fn holds(self, kind: EventKind) -> bool {
        match self {
            Self::Apnea => kind.is_apnea_or_hypopnea() && !matches!(kind, EventKind::Hypopnea),
            Self::RespiratoryEvent => kind.is_apnea_or_hypopnea(),
            Self::LegMovement => {
                matches!(kind, EventKind::LimbMovement | EventKind::PeriodicLimbMovement)
            }
        }
    }
}

/// A measure is above or below a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberClaim {
    pub(super) name: Measure,
    pub(super) above: Option<f64>,
    pub(super) below: Option<f64>,
}

impl CaptionClaim {
    /// Returns the claim that there is at least one event of a kind.
    pub(super) const fn has_event(kind: EventKind) -> Self {
        Self::Events { kind, at_least: 1, at_most: usize::MAX }
    }

    /// Returns whether the facts about an epoch confirm the claim.
    pub fn holds(&self, facts: &EpochFacts) -> bool {
        match self {
            Self::Stage(stage) => facts.stage == Some(*stage),
            Self::AnyStage(family) => facts.stage.is_some_and(|stage| family.holds(stage)),
            Self::Events { kind, at_least, at_most } => {
                let n = facts.events.iter().filter(|event| event.kind == *kind).count();
                (*at_least..=*at_most).contains(&n)
            }
            Self::AnyEvent(family) => facts.events.iter().any(|event| family.holds(event.kind)),
            Self::NoEvents => facts.events_scored && facts.events.is_empty(),
            Self::Position(position) => facts.features.position == Some(*position),
            Self::Number(claim) => claim.holds(facts),
            Self::Precise => false,
        }
    }
}

impl NumberClaim {
    pub(super) fn holds(&self, facts: &EpochFacts) -> bool {
        word_sentences::value(self.name, &facts.features).is_some_and(|value| {
            self.above.is_none_or(|bound| value > bound)
                && self.below.is_none_or(|bound| value < bound)
        })
    }
}

/// A caption and its claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Caption {
    /// The text.
    pub text: String,
    /// The claims of the text.
    pub claims: Vec<CaptionClaim>,
}

impl Caption {
    /// Returns whether the facts about an epoch confirm all claims.
    pub fn holds(&self, facts: &EpochFacts) -> bool {
        self.claims.iter().all(|claim| claim.holds(facts))
    }

    /// Joins sentences, or returns `None` if there are none.
    pub(super) fn of(sentences: Vec<Sentence>) -> Option<Self> {
        if sentences.is_empty() {
            return None;
        }
        let text =
            sentences.iter().map(|sentence| sentence.text.as_str()).collect::<Vec<_>>().join(" ");
        let claims = sentences.into_iter().flat_map(|sentence| sentence.claims).collect();
        Some(Self { text, claims })
    }

    /// Appends another caption.
    pub fn followed_by(mut self, other: Self) -> Self {
        self.text.push(' ');
        self.text.push_str(&other.text);
        self.claims.extend(other.claims);
        self
    }
}

/// One sentence of a caption.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sentence {
    pub(super) text: String,
    pub(super) claims: Vec<CaptionClaim>,
}

impl Sentence {
    pub(super) fn new(text: impl Into<String>, claim: CaptionClaim) -> Self {
        Self { text: text.into(), claims: vec![claim] }
    }

    /// Creates a sentence with exact measures or times.
    pub(super) fn precise(text: impl Into<String>) -> Self {
        Self::new(text, CaptionClaim::Precise)
    }
}
