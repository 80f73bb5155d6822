//! A rule of a profile: the sources of a channel, with confidence and polarity.

use serde::{Deserialize, Serialize};

use super::Channel;

/// Confidence that a signal is the derivation of its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The label names the derivation.
    Exact,
    /// The documents of the cohort say so.
    Documented,
    /// Common practice; the label does not say it.
    Assumed,
    /// Known to be another derivation that substitutes for it.
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

/// Sign in which a signal is stored.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// As in the channel.
    #[default]
    Upright,
    /// With inverted sign, which the reader corrects.
    Inverted,
}

/// A label, or the difference of two labels.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(super) enum SourceLabels {
    Label(String),
    Difference { plus: String, minus: String },
}

impl TryFrom<toml::Value> for SourceLabels {
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
            format!("{value} is not a source; expected `\"C3-A2\"` or `{{ plus = \"C3\", minus = \"A2\" }}`")
        })
    }
}

impl SourceLabels {
    /// Returns the label of the signal, or of the minuend of a difference.
    pub(super) fn plus(&self) -> &str {
        match self {
            Self::Label(label) => label,
            Self::Difference { plus, .. } => plus,
        }
    }

    /// Returns the label of the signal that is subtracted, if any.
    pub(super) fn minus(&self) -> Option<&str> {
        match self {
            Self::Label(_) => None,
            Self::Difference { minus, .. } => Some(minus),
        }
    }
}

/// Sources of a channel, the preferred one first.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelRule {
    pub(super) name: Channel,
    pub(super) confidence: Confidence,
    pub(super) sources: Vec<SourceLabels>,
    #[serde(default)]
    pub(super) polarity: Polarity,
    /// Meaning of the signal, such as `C4-A1` or `thermistor`, if the label does not say it.
    pub(super) meaning: Option<String>,
    /// Unit in files of the cohort; used if a header has none.
    pub(super) unit: Option<String>,
    /// Whether the headers of the cohort are known to have a wrong unit, so that `unit` replaces it.
    #[serde(default)]
    pub(super) replaces_unit: bool,
    /// Sampling rate in files of the cohort, in hertz; distinguishes profiles that share labels.
    pub(super) rate_hz: Option<f64>,
    /// Where the rule comes from; by default the source of the profile.
    #[serde(default)]
    pub(super) source: String,
}
