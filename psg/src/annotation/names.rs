//! What the text of an annotation means, by exact known names.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::{EventKind, Stage};

/// The table that is embedded in the program.
const TABLE: &str = include_str!("../../data/annotations.toml");

/// What an annotation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A stage; `None` for movement time and unscored, which are neither sleep nor wake.
    Stage(Option<Stage>),
    /// An event.
    Event(EventKind),
}

/// Returns what a text means, or `None` where its name is not known.
///
/// Case and `_` make no difference. Of a pair `left|right`, as NSRR XML writes concepts, the whole or either part may
/// be known; parts that contradict each other mean nothing.
pub fn meaning(text: &str) -> Option<Meaning> {
    let name = normalised(text);
    if let Some(meaning) = NAMES.get(&name) {
        return Some(*meaning);
    }
    let (left, right) = name.split_once('|')?;
    match (NAMES.get(left.trim()), NAMES.get(right.trim())) {
        (Some(left), Some(right)) => (left == right).then_some(*left),
        (one, other) => one.or(other).copied(),
    }
}

static NAMES: LazyLock<HashMap<String, Meaning>> =
    LazyLock::new(|| parse(TABLE).expect("the embedded table is checked by a test"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    stages: HashMap<String, Vec<String>>,
    events: HashMap<String, Vec<String>>,
}

fn parse(table: &str) -> Result<HashMap<String, Meaning>, String> {
    let table: Table = toml::from_str(table).map_err(|error| error.to_string())?;
    let mut names = HashMap::new();
    let mut add = |meaning, texts: Vec<String>| {
        texts.into_iter().try_for_each(|text| match names.insert(normalised(&text), meaning) {
            None => Ok(()),
            Some(earlier) => Err(format!("`{text}` stands for {earlier:?} and for {meaning:?}")),
        })
    };
    for (code, texts) in table.stages {
        let stage = if code == "none" {
            None
        } else {
            Some(code.parse::<Stage>().map_err(|error| error.to_string())?)
        };
        add(Meaning::Stage(stage), texts)?;
    }
    for (name, texts) in table.events {
        let kind =
            EventKind::from_name(&name).ok_or_else(|| format!("`{name}` is no kind of event"))?;
        add(Meaning::Event(kind), texts)?;
    }
    Ok(names)
}

fn normalised(text: &str) -> String {
    text.replace('_', " ").split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_table_gives_each_name_one_meaning() {
        parse(TABLE).unwrap();
    }

    #[test]
    fn aasm_scores_stage_4_as_n3() {
        for text in ["Sleep stage 4", "Stage 4 sleep|4", "SDO:NonRapidEyeMovementSleep-N4"] {
            assert_eq!(meaning(text), Some(Meaning::Stage(Some(Stage::N3))), "{text}");
        }
    }

    #[test]
    fn nsrr_concepts_are_known_by_either_part() {
        let check = |text, kind| assert_eq!(meaning(text), Some(Meaning::Event(kind)), "{text}");
        check("Arousal|Arousal ()", EventKind::Arousal);
        check("Obstructive apnea|Obstructive Apnea", EventKind::ObstructiveApnea);
        check("Obstructive_apnea|APNEA-OBSTRUCTIVE", EventKind::ObstructiveApnea);
        check("SpO2 desaturation|SpO2 desaturation", EventKind::Desaturation);
        check("Respiratory effort related arousal|RERA", EventKind::Rera);
        check("Periodic leg movement - left|PLM (Left)", EventKind::PeriodicLimbMovement);
    }

    #[test]
    fn unscored_is_no_stage_and_movement_time_is_none() {
        assert_eq!(meaning("Unscored|9"), Some(Meaning::Stage(None)));
        assert_eq!(meaning("Movement|6"), Some(Meaning::Stage(None)));
    }

    #[test]
    fn free_text_means_nothing() {
        for text in [
            "not a desat",
            "post XXX central apneas",
            "desat to 88%",
            "",
            "Arousal|Hypopnea",
            "Unsure|Unsure",
        ] {
            assert_eq!(meaning(text), None, "{text}");
        }
    }
}
