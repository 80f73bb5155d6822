//! The wordings of captions, parsed from the embedded data files.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::caption_claim::{EventFamily, StageFamily};
use super::number_names::{NumberHeading, NumberName};
use crate::features::Trend;
use crate::sleep::{EventKind, Position, Stage};

/// Synonymous wordings.
pub(super) type Wordings = Vec<String>;

const NUMBERS: &str = include_str!("../../data/captions/numbers.toml");
const STAGES: &str = include_str!("../../data/captions/stages.toml");
const EVENTS: &str = include_str!("../../data/captions/events.toml");
const WORDS: &str = include_str!("../../data/captions/words.toml");
const PHRASES: &str = include_str!("../../data/captions/phrases.toml");

/// The texts of the data files.
pub(super) const FILES: [&str; 5] = [NUMBERS, STAGES, EVENTS, WORDS, PHRASES];

/// The embedded wordings.
pub(super) static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates {
    number: embedded(NUMBERS),
    stage: embedded(STAGES),
    event: embedded(EVENTS),
    words: embedded::<WordsFile>(WORDS).words,
    phrase: embedded(PHRASES),
});

fn embedded<T: DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).expect("a test parses the embedded wordings")
}

#[derive(Debug)]
pub(super) struct Templates {
    pub(super) number: NumberTemplates,
    pub(super) stage: StageTemplates,
    pub(super) event: EventTemplates,
    pub(super) words: Vec<MeasureWords>,
    pub(super) phrase: PhraseTemplates,
}

/// Wordings for lists of measures.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberTemplates {
    pub(super) verbs: Wordings,
    pub(super) rounded: Wordings,
    pub(super) connectives: Wordings,
    pub(super) head: BTreeMap<NumberHeading, Wordings>,
    pub(super) name: BTreeMap<NumberName, Wordings>,
    pub(super) trend: TrendTemplates,
    pub(super) position: BTreeMap<Position, Wordings>,
}

/// Wordings for trends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrendTemplates {
    pub(super) sentences: Wordings,
    increasing: Wordings,
    decreasing: Wordings,
    stable: Wordings,
}

impl TrendTemplates {
    pub(super) fn of(&self, trend: Trend) -> &Wordings {
        match trend {
            Trend::Increasing => &self.increasing,
            Trend::Decreasing => &self.decreasing,
            Trend::Stable => &self.stable,
        }
    }
}

/// Wordings for stages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StageTemplates {
    pub(super) sentences: Wordings,
    pub(super) stage: BTreeMap<Stage, StageWords>,
    pub(super) family: BTreeMap<StageFamily, StageWords>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StageWords {
    pub(super) nouns: Wordings,
    pub(super) states: Wordings,
}

/// Wordings for events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventTemplates {
    pub(super) timed: Wordings,
    pub(super) untimed: Wordings,
    pub(super) none: Wordings,
    pub(super) loose: Wordings,
    pub(super) few: Wordings,
    pub(super) many: Wordings,
    /// The kinds that are counted rather than listed with times.
    pub(super) counted_kinds: Vec<EventKind>,
    pub(super) event: BTreeMap<EventKind, EventWords>,
    pub(super) family: BTreeMap<EventFamily, EventWords>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventWords {
    pub(super) names: Wordings,
    pub(super) plurals: Wordings,
    #[serde(default)]
    pub(super) clauses: Wordings,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WordsFile {
    words: Vec<MeasureWords>,
}

/// Wordings for a measure beyond a threshold, in one stage or in any.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeasureWords {
    pub(super) feature: Measure,
    pub(super) above: Option<f64>,
    pub(super) below: Option<f64>,
    pub(super) stage: Option<Stage>,
    pub(super) nouns: Wordings,
    pub(super) clauses: Wordings,
    #[serde(default)]
    pub(super) states: Wordings,
}

/// The measures that can be described in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Measure {
    EegDelta,
    EegTheta,
    EegAlpha,
    EegBeta,
    EogSlow,
    EogRapid,
    HeartRate,
    HeartRmssd,
    /// Seconds of the epoch in which the heart rate increases.
    HeartRisingS,
    /// Seconds of the epoch in which the heart rate decreases.
    HeartFallingS,
    BreathingRate,
    BreathingDeviation,
    FlowFlatness,
    ChinBurstRatio,
    ChinTone,
    /// Minimum oxygen saturation.
    SaturationMin,
    /// Mean oxygen saturation.
    SaturationMean,
    /// Seconds of the epoch in which the oxygen saturation decreases.
    SaturationFallingS,
}

/// Wordings of search phrases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PhraseTemplates {
    pub(super) nouns: Wordings,
    pub(super) clauses: Wordings,
    pub(super) states: Wordings,
    pub(super) questions: Wordings,
    pub(super) pairs: Wordings,
    pub(super) during: Wordings,
    pub(super) states_with: Wordings,
    pub(super) placed: Wordings,
    pub(super) states_placed: Wordings,
    pub(super) who: Wordings,
    pub(super) position: BTreeMap<Position, Wordings>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every list of wordings with a name for messages.
    fn slots() -> Vec<(String, &'static Wordings)> {
        let Templates { number, stage, event, words, phrase } = &*TEMPLATES;
        let mut slots: Vec<(String, &Wordings)> = Vec::new();
        let mut slot = |name: String, list: &'static Wordings| slots.push((name, list));
        for (name, list) in [
            ("verbs", &number.verbs),
            ("rounded", &number.rounded),
            ("connectives", &number.connectives),
            ("trend", &number.trend.sentences),
            ("increasing", &number.trend.increasing),
            ("decreasing", &number.trend.decreasing),
            ("stable", &number.trend.stable),
            ("stage sentences", &stage.sentences),
            ("timed", &event.timed),
            ("untimed", &event.untimed),
            ("none", &event.none),
            ("loose", &event.loose),
            ("few", &event.few),
            ("many", &event.many),
            ("phrases of nouns", &phrase.nouns),
            ("phrases of clauses", &phrase.clauses),
            ("phrases of states", &phrase.states),
            ("questions", &phrase.questions),
            ("pairs", &phrase.pairs),
            ("states with", &phrase.states_with),
            ("during", &phrase.during),
            ("placed", &phrase.placed),
            ("states placed", &phrase.states_placed),
            ("who", &phrase.who),
        ] {
            slot(name.to_owned(), list);
        }
        for head in NumberHeading::ALL {
            slot(format!("{head:?}"), &number.head[&head]);
        }
        for name in NumberName::ALL {
            slot(format!("{name:?}"), &number.name[&name]);
        }
        for position in Position::ALL {
            slot(format!("{position:?}"), &number.position[&position]);
            slot(format!("{position:?} in phrases"), &phrase.position[&position]);
        }
        let stages = Stage::ALL.map(|stage_| (format!("{stage_}"), &stage.stage[&stage_]));
        let families =
            StageFamily::ALL.map(|family| (format!("{family:?}"), &stage.family[&family]));
        for (name, words) in stages.into_iter().chain(families) {
            slot(format!("{name} nouns"), &words.nouns);
            slot(format!("{name} states"), &words.states);
        }
        let kinds = EventKind::ALL.map(|kind| (format!("{kind}"), &event.event[&kind]));
        let families =
            EventFamily::ALL.map(|family| (format!("{family:?}"), &event.family[&family]));
        for (name, words) in kinds.into_iter().chain(families) {
            slot(format!("{name} names"), &words.names);
            slot(format!("{name} plurals"), &words.plurals);
            if !words.clauses.is_empty() {
                slot(format!("{name} clauses"), &words.clauses);
            }
        }
        for words in words {
            let name = format!("{:?} {:?}", words.feature, words.stage);
            slot(name, &words.nouns);
        }
        slots
    }

    #[test]
    fn every_slot_has_ten_wordings() {
        for (name, list) in slots() {
            let distinct: BTreeSet<String> =
                list.iter().map(|wording| wording.trim_end_matches('.').to_lowercase()).collect();
            assert!(distinct.len() >= 10, "{name} has {}", distinct.len());
        }
    }

    #[test]
    fn wordings_are_unique_within_a_list_except_deliberate_repetitions() {
        let repeated = ["{noun}.", "{x}", "{x} with {and}", "{x} {at}", "the sleeper"];
        for (name, list) in slots() {
            let mut seen = BTreeSet::new();
            for wording in list.iter().filter(|wording| !repeated.contains(&wording.as_str())) {
                assert!(seen.insert(wording.to_lowercase()), "{name}: `{wording}`");
            }
        }
    }

    #[test]
    fn every_threshold_is_one_sided() {
        for words in &TEMPLATES.words {
            assert!(words.above.is_some() != words.below.is_some(), "{words:?}");
            assert!(!words.clauses.is_empty(), "{words:?}");
        }
    }

    #[test]
    fn every_wording_has_the_expected_slots() {
        let check = |list: &Wordings, slots: &[&str]| {
            for wording in list {
                for slot in slots {
                    assert_eq!(wording.matches(slot).count(), 1, "`{wording}` and `{slot}`");
                }
                assert_eq!(wording.matches('{').count(), slots.len(), "`{wording}`");
            }
        };
        let Templates { number, stage, event, phrase, .. } = &*TEMPLATES;
        check(&number.trend.sentences, &["{trend}", "{begin}", "{end}"]);
        check(&stage.sentences, &["{noun}"]);
        check(&event.few, &["{count}", "{names}"]);
        check(&event.many, &["{names}"]);
        check(&event.loose, &["{names}"]);
        check(&phrase.nouns, &["{x}"]);
        check(&phrase.clauses, &["{x}"]);
        check(&phrase.questions, &["{x}"]);
        check(&phrase.pairs, &["{x}", "{and}"]);
        check(&phrase.during, &["{x}", "{and}"]);
        check(&phrase.placed, &["{x}", "{at}"]);
    }

    #[test]
    fn every_family_has_words_and_no_counted_kind() {
        assert_eq!(TEMPLATES.stage.family.len(), StageFamily::ALL.len());
        assert_eq!(TEMPLATES.event.family.len(), EventFamily::ALL.len());
        for kind in &TEMPLATES.event.counted_kinds {
            assert!(EventFamily::ALL.iter().all(|family| !family.holds(*kind)), "{kind}");
        }
    }
}
