//! A concept: what it is called, what shows it, and how it may be answered.

use nocturne_encoder::{Label, PromptSet};
use nocturne_psg::montage::Channel;
use nocturne_psg::sleep::Position;
use nocturne_psg::{EventKind, Stage};
use serde::{Deserialize, Serialize};

/// Something that can be asked about a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    /// Name in typed questions, answers and files: snake case, or the code of a stage.
    pub id: String,
    /// Names in plain words. Case, hyphens, plural endings and British spelling do not matter.
    pub names: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// Events that scorers mark together: if one of them was scored, all of them were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// What a signal rule or the model needs: at least one input of each group.
    #[serde(default)]
    pub needs: Vec<Vec<Input>>,
    /// Concepts that it contains (a group), or that a measure counts.
    #[serde(default)]
    pub members: Vec<String>,
    /// Stages that it covers.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// Kinds of scored event that it covers, besides those of its members.
    #[serde(default)]
    pub events: Vec<EventKind>,
    /// Body positions that it covers.
    #[serde(default)]
    pub positions: Vec<Position>,
    /// Stage of which its share is taken; all sleep if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Stage>,
    /// Positive prompts; empty to use those of the prompt sets.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// Negative prompts; empty to use those of the prompt sets.
    #[serde(default)]
    pub negatives: Vec<String>,
    /// Where its answers may come from.
    pub sources: Vec<Source>,
    /// How a measure is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
    /// Unit of a measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Least fall of the oxygen saturation in per cent, for desaturation indices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_fall_percent: Option<f64>,
    /// Classes of severity of a measure.
    #[serde(default)]
    pub classes: Vec<Class>,
    /// Which end of a measure is bad for the sleeper; `None` if neither is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poor: Option<Direction>,
    /// Whether no accepted standard defines it.
    #[serde(default)]
    pub experimental: bool,
    /// Why its answers may be believed, in one sentence.
    #[serde(default)]
    pub evidence: String,
}

/// What a concept is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A stage or a group of stages.
    Stage,
    /// Something with an onset, which can be counted.
    Event,
    /// Something that an epoch is in, such as a position.
    State,
    /// A number for a night.
    Measure,
}

/// A signal that shows a concept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// One of the ten input channels of the encoder.
    Channel(Channel),
    /// A signal beside them, which only rules on signals read.
    Signal(Signal),
}

/// A signal that is not an input of the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Signal {
    /// Oxygen saturation of an oximeter.
    #[serde(rename = "SPO2")]
    Oximeter,
    /// Electromyogram of a leg.
    #[serde(rename = "EMG_LEG")]
    LegEmg,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Annotations of a scorer.
    Scored,
    /// A rule on a signal.
    Signal,
    /// The probabilities of the model.
    Model,
}

/// How a measure is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Events per hour.
    Rate,
    /// Number of events.
    Count,
    /// Share of the sleep.
    Share,
    /// Longest uninterrupted run.
    LongestRun,
    /// A statistic with a definition of its own (`docs/measures.md`).
    Statistic,
}

/// Unit of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Events per hour.
    PerHour,
    /// Per cent.
    Percent,
    /// Minutes.
    Minutes,
    /// A number without unit.
    Number,
    /// Beats per minute.
    BeatsPerMinute,
}

/// A class of severity: from its lower bound (included) to its upper bound (excluded).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its name, such as `severe`.
    pub name: String,
    /// Lower bound, included; `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// Upper bound, excluded; `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

impl Class {
    /// Returns whether a value is in the class.
    pub fn contains(&self, value: f64) -> bool {
        self.from.is_none_or(|from| value >= from) && self.below.is_none_or(|below| value < below)
    }
}

/// One end of a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// High values, long times.
    Highest,
    /// Low values, short times.
    Lowest,
}

impl Concept {
    /// Returns whether a source may answer for it.
    pub fn has_source(&self, source: Source) -> bool {
        self.sources.contains(&source)
    }

    /// Returns the label of the prompt sets with the same name.
    ///
    /// A concept with prompts of its own does not use it.
    pub fn label(&self) -> Option<&'static Label> {
        let sets = [PromptSet::stages(), PromptSet::events()];
        sets.into_iter().find_map(|set| set.label(&self.id))
    }

    /// Returns its positive prompts, its own or those of its label; empty if it has none.
    pub fn positive_prompts(&self) -> &[String] {
        match self.label() {
            Some(label) if self.prompts.is_empty() => &label.prompts,
            Some(_) | None => &self.prompts,
        }
    }

    /// Returns its negative prompts, its own or those of its label; empty if it has none.
    pub fn negative_prompts(&self) -> &[String] {
        match self.label() {
            Some(label) if self.prompts.is_empty() => &label.negatives,
            Some(_) | None => &self.negatives,
        }
    }

    /// Returns the inputs of the encoder that it needs, of every group.
    pub fn channels(&self) -> impl Iterator<Item = Channel> + '_ {
        self.needs.iter().flatten().filter_map(|input| match input {
            Input::Channel(channel) => Some(*channel),
            Input::Signal(_) => None,
        })
    }

    /// Returns the class of severity with that name.
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.name == name)
    }
}

impl Input {
    /// Returns the name of the channel or signal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Channel(channel) => channel.name(),
            Self::Signal(Signal::Oximeter) => "SPO2",
            Self::Signal(Signal::LegEmg) => "EMG_LEG",
        }
    }
}

impl Kind {
    /// Returns the name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Event => "event",
            Self::State => "state",
            Self::Measure => "measure",
        }
    }
}

impl Source {
    /// Every source, in the order in which they are preferred.
    pub const ALL: [Self; 3] = [Self::Scored, Self::Signal, Self::Model];

    /// Returns the name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scored => "scored",
            Self::Signal => "signal",
            Self::Model => "model",
        }
    }
}

impl Unit {
    /// Returns the name in snake case, as in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PerHour => "per_hour",
            Self::Percent => "percent",
            Self::Minutes => "minutes",
            Self::Number => "number",
            Self::BeatsPerMinute => "beats_per_minute",
        }
    }

    /// Returns the sign after a number; empty where the measure shows the unit.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::PerHour | Self::Number => "",
            Self::Percent => "%",
            Self::Minutes => "min",
            Self::BeatsPerMinute => "bpm",
        }
    }
}
