//! The wordings of captions, read from a data file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::montage::Position;
use crate::{EventKind, Stage};

/// A list of wordings that mean the same.
pub(super) type Wordings = Vec<String>;

/// The data file, which is part of the program.
const DATA: &str = include_str!("../../data/captions.toml");

/// The wordings that are embedded in the program.
pub(super) static TEMPLATES: LazyLock<Templates> =
    LazyLock::new(|| toml::from_str(DATA).expect("the embedded wordings are checked by a test"));

/// Returns every text of the data file, wherever it stands in it.
pub(super) fn wordings() -> Vec<String> {
    let mut wordings = Vec::new();
    let data: toml::Table =
        toml::from_str(DATA).expect("the embedded wordings are checked by a test");
    data.values().for_each(|value| collect(value, &mut wordings));
    wordings
}

fn collect(value: &toml::Value, wordings: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => wordings.push(text.clone()),
        toml::Value::Array(values) => values.iter().for_each(|value| collect(value, wordings)),
        toml::Value::Table(table) => table.values().for_each(|value| collect(value, wordings)),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => {}
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Templates {
    pub(super) number: NumberWords,
    pub(super) stage: BTreeMap<Stage, Wordings>,
    pub(super) event: EventWords,
    pub(super) micro: MicroWords,
    pub(super) brain: BTreeMap<String, Wordings>,
    pub(super) heart: BTreeMap<String, Wordings>,
    pub(super) respiratory: BTreeMap<String, Wordings>,
    pub(super) position_muscle: MuscleWords,
    pub(super) words: Vec<NumberInWords>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberWords {
    pub(super) verbs: Wordings,
    pub(super) rounded: Wordings,
    pub(super) connectives: Wordings,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventWords {
    pub(super) timed: Wordings,
    pub(super) untimed: Wordings,
    pub(super) none: Wordings,
    pub(super) loose: Wordings,
    pub(super) plurals: BTreeMap<EventKind, Wordings>,
    pub(super) names: BTreeMap<EventKind, Wordings>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MicroWords {
    pub(super) few: Wordings,
    pub(super) many: Wordings,
    pub(super) kinds: Vec<EventKind>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MuscleWords {
    #[serde(flatten)]
    pub(super) names: BTreeMap<String, Wordings>,
    pub(super) position: BTreeMap<Position, Wordings>,
}

/// Sentences that say in words what a number says, where it lies beyond a bound.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberInWords {
    pub(super) feature: NumberName,
    pub(super) above: Option<f64>,
    pub(super) below: Option<f64>,
    pub(super) sentences: Wordings,
}

/// The numbers that can be said in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NumberName {
    EegDelta,
    EegTheta,
    EegAlpha,
    EegBeta,
    EogSlow,
    EogRapid,
    HeartRate,
    HeartRmssd,
    BreathingRate,
    BreathingDeviation,
    FlowFlatness,
    ChinBurstRatio,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_of_stages_and_events_has_ten_wordings() {
        let templates = &*TEMPLATES;
        for stage in Stage::ALL {
            assert!(templates.stage[&stage].len() >= 10, "{stage}");
        }
        for kind in EventKind::ALL {
            assert!(templates.event.names[&kind].len() >= 10, "{kind}");
        }
        for sentences in [&templates.event.timed, &templates.event.untimed, &templates.event.none] {
            assert!(sentences.len() >= 10);
        }
    }

    #[test]
    fn kinds_told_by_number_have_a_plural() {
        for kind in &TEMPLATES.micro.kinds {
            assert!(TEMPLATES.event.plurals.contains_key(kind), "{kind}");
        }
    }

    #[test]
    fn every_bound_is_one_sided() {
        for words in &TEMPLATES.words {
            assert!(words.above.is_some() != words.below.is_some(), "{words:?}");
        }
    }
}
