//! What a sentence claims, so that it can be told of which other epochs it is true too.
//!
//! "This is stage N2" is true of half a night. Training must not teach that it is false of all epochs but one.

use serde::Deserialize;

use super::EpochFacts;
use super::templates::Measure;
use super::words;
use crate::montage::Position;
use crate::{EventKind, Stage};

/// What a sentence says of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Claim {
    /// The epoch has this stage.
    Stage(Stage),
    /// The epoch has one of these stages.
    AnyStage(StageFamily),
    /// The epoch holds events of a kind, at least and at most so many.
    Events {
        /// The kind.
        kind: EventKind,
        /// Least number.
        at_least: usize,
        /// Greatest number.
        at_most: usize,
    },
    /// The epoch holds an event of one of these kinds.
    AnyEvent(EventFamily),
    /// Somebody looked for events, and there is none.
    NoEvents,
    /// The sleeper lies so for most of the epoch.
    Position(Position),
    /// A measured number lies beyond a bound.
    Number(NumberClaim),
    /// Measured numbers or times to the decimal: true of this epoch alone.
    Precise,
}

/// Stages that people have one word for.
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

    /// Returns whether the stage is one of them.
    pub const fn holds(self, stage: Stage) -> bool {
        match self {
            Self::Light => matches!(stage, Stage::N1 | Stage::N2),
            Self::NonRem => matches!(stage, Stage::N1 | Stage::N2 | Stage::N3),
            Self::Asleep => !matches!(stage, Stage::Wake),
        }
    }
}

/// Kinds of event that people have one word for.
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

    /// Returns whether the kind is one of them.
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

/// A measured number lies above or below a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberClaim {
    pub(super) name: Measure,
    pub(super) above: Option<f64>,
    pub(super) below: Option<f64>,
}

impl Claim {
    /// Returns the claim that at least one event of a kind is there.
    pub(super) const fn has(kind: EventKind) -> Self {
        Self::Events { kind, at_least: 1, at_most: usize::MAX }
    }

    /// Returns whether the claim is known to be true of an epoch.
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
        words::value(self.name, &facts.features).is_some_and(|value| {
            self.above.is_none_or(|bound| value > bound)
                && self.below.is_none_or(|bound| value < bound)
        })
    }
}

/// A caption and what it claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Caption {
    /// The words.
    pub text: String,
    /// What they say.
    pub claims: Vec<Claim>,
}

impl Caption {
    /// Returns whether all that the caption says is known to be true of an epoch.
    pub fn holds(&self, facts: &EpochFacts) -> bool {
        self.claims.iter().all(|claim| claim.holds(facts))
    }

    /// Joins sentences, or returns `None` where there is none.
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
    pub(super) claims: Vec<Claim>,
}

impl Sentence {
    pub(super) fn new(text: impl Into<String>, claim: Claim) -> Self {
        Self { text: text.into(), claims: vec![claim] }
    }

    /// Makes a sentence of numbers to the decimal.
    pub(super) fn precise(text: impl Into<String>) -> Self {
        Self::new(text, Claim::Precise)
    }
}
