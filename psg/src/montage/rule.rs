//! A row of a profile: ways to feed a channel, and how sure it is.

use serde::{Deserialize, Serialize};

use super::Channel;

/// How sure it is that a signal is what its channel asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The label names the derivation.
    Exact,
    /// The cohort's documents say so.
    Documented,
    /// Likely by custom; the label leaves it open.
    Assumed,
    /// Known to be something else that stands in.
    Substitute,
}

impl Confidence {
    /// Returns the name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Documented => "documented",
            Self::Assumed => "assumed",
            Self::Substitute => "substitute",
        }
    }
}

/// Which way up a signal is stored.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// As the channel asks for it.
    #[default]
    Upright,
    /// Upside down: its sign is turned when it is read.
    Inverted,
}

/// A label, or the difference of two.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(super) enum Source {
    Label(String),
    Difference { plus: String, minus: String },
}

impl TryFrom<toml::Value> for Source {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        if let Some(label) = value.as_str() {
            return Ok(Self::Label(label.to_owned()));
        }
        let of = |table: &toml::Table| match (table.get("plus"), table.get("minus"), table.len()) {
            (Some(plus), Some(minus), 2) => Some(Self::Difference {
                plus: plus.as_str()?.to_owned(),
                minus: minus.as_str()?.to_owned(),
            }),
            _ => None,
        };
        value.as_table().and_then(of).ok_or_else(|| {
            format!("the source {value} is no label; expected `\"C3-A2\"` or `{{ plus = \"C3\", minus = \"A2\" }}`")
        })
    }
}

impl Source {
    /// Returns the label whose signal carries the channel.
    pub(super) fn plus(&self) -> &str {
        match self {
            Self::Label(label) => label,
            Self::Difference { plus, .. } => plus,
        }
    }

    /// Returns the label whose signal is subtracted.
    pub(super) fn minus(&self) -> Option<&str> {
        match self {
            Self::Label(_) => None,
            Self::Difference { minus, .. } => Some(minus),
        }
    }
}

/// Ways to feed a channel, the best first.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelRule {
    pub(super) name: Channel,
    pub(super) confidence: Confidence,
    pub(super) sources: Vec<Source>,
    #[serde(default)]
    pub(super) polarity: Polarity,
    /// What the signal is where its label does not tell, such as `C4-A1` or `thermistor`.
    pub(super) meaning: Option<String>,
    /// The unit of the cohort's files; stands in where a header names none.
    pub(super) unit: Option<String>,
    /// The rate of the cohort's files in hertz; tells profiles apart that share labels.
    pub(super) rate_hz: Option<f64>,
    /// Where the knowledge of this row comes from; the profile's own source where the file leaves it out.
    #[serde(default)]
    pub(super) source: String,
}
