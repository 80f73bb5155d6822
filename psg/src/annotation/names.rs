//! Interprets the text of an annotation by exact names; free text is never searched for words.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::compared_name::compared_name;
use crate::sleep::{EventKind, Stage};

/// The embedded table of names.
const TABLE_TEXT: &str = include_str!("../../data/annotations.toml");

/// The start of a label of a whole epoch, such as `epoch with arousal`. It says neither when an event was nor how many there
/// were, so it is not an event.
pub const EPOCH_WITH: &str = "epoch with ";

/// What the text of an annotation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A stage; `None` for movement time and unscored time, which are neither sleep nor wake.
    Stage(Option<Stage>),
    /// An event.
    Event(EventKind),
    /// Lights off, the start of the time in bed.
    LightsOff,
    /// Lights on, the end of the time in bed.
    LightsOn,
    /// A known name that is none of these, such as `Technician notes`.
    Other,
    /// A name with different meanings in different archives, such as `Unsure`.
    Ambiguous,
}

impl Meaning {
    /// Returns whether it is a stage, movement time or unscored time.
    pub const fn is_stage(self) -> bool {
        matches!(self, Self::Stage(_))
    }
}

/// The codes of stages in a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StageCodes {
    /// Those of Rechtschaffen and Kales, as written by Compumedics and the National Sleep Research Resource.
    RechtschaffenKales,
    /// UCDDB.
    Ucddb,
    /// Respironics.
    Respironics,
    /// DREAMS.
    Dreams,
    /// BOAS.
    Boas,
}

impl StageCodes {
    /// Returns the name of the stage with a code.
    pub(super) fn name(self, code: &str) -> Option<&'static str> {
        self.table().get(code).map(String::as_str)
    }

    fn table(self) -> &'static HashMap<String, String> {
        match self {
            Self::RechtschaffenKales => &TABLE.codes.rechtschaffen_kales,
            Self::Ucddb => &TABLE.codes.ucddb,
            Self::Respironics => &TABLE.codes.respironics,
            Self::Dreams => &TABLE.codes.dreams,
            Self::Boas => &TABLE.codes.boas,
        }
    }

    /// Returns the name of the dialect for messages.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::RechtschaffenKales => "Rechtschaffen and Kales",
            Self::Ucddb => "UCDDB",
            Self::Respironics => "Respironics",
            Self::Dreams => "DREAMS",
            Self::Boas => "BOAS",
        }
    }
}

/// Returns what a text means; `None` if its name is not known.
///
/// Case, accents and separators make no difference. `@@CHANNEL` at the end (EDF+) is not part
/// of the name. NSRR XML separates the names of a concept by bars: the whole text or any part may be known, but parts
/// with different meanings make the text unknown.
pub fn meaning(text: &str) -> Option<Meaning> {
    let name = normalised(text.split("@@").next().unwrap_or_default());
    if let Some(meaning) = NAMES.get(&name) {
        return Some(*meaning);
    }
    if name.starts_with(EPOCH_WITH) {
        return Some(Meaning::Other);
    }
    let mut known = name.split('|').filter_map(|part| NAMES.get(part.trim()));
    let first = *known.next()?;
    known.all(|meaning| *meaning == first).then_some(first)
}

/// Returns the ambiguous name in a text, normalised, without the rest of the text, which may name people.
pub(super) fn ambiguous_name(text: &str) -> Option<&'static str> {
    let name = normalised(text.split("@@").next().unwrap_or_default());
    let mut known = [name.as_str()]
        .into_iter()
        .chain(name.split('|'))
        .filter_map(|part| NAMES.get_key_value(part.trim()));
    known.find_map(|(name, meaning)| (*meaning == Meaning::Ambiguous).then_some(name.as_str()))
}

/// Returns a name in the form in which names are compared.
pub(super) fn normalised(text: &str) -> String {
    compared_name(text)
}

/// Returns the codes of stages of each dialect, with the names that they represent, for the reference.
pub(super) fn codes() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    const ALL: [StageCodes; 5] = [
        StageCodes::RechtschaffenKales,
        StageCodes::Ucddb,
        StageCodes::Respironics,
        StageCodes::Dreams,
        StageCodes::Boas,
    ];
    let table = |codes: StageCodes| {
        let pairs = codes.table().iter().map(|(code, name)| (code.as_str(), name.as_str()));
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_by_key(|(code, _)| code.parse::<i32>().unwrap_or(i32::MAX));
        (codes.title(), pairs)
    };
    ALL.into_iter().map(table).collect()
}

/// Returns every name by its meaning, for the reference.
pub(super) fn all_names() -> Vec<(String, &'static [String])> {
    let Table { other, lights_off, lights_on, ambiguous, stages, events, .. } = &*TABLE;
    let stages = Stage::ALL.map(Stage::code).into_iter().chain(["none"]).filter_map(|code| {
        let meaning = if code == "none" { "no stage".to_owned() } else { format!("stage {code}") };
        Some((meaning, stages.get(code)?.as_slice()))
    });
    let events = EventKind::ALL.into_iter().filter_map(|kind| {
        Some((format!("`{}`", kind.name()), events.get(kind.name())?.as_slice()))
    });
    let rest = [
        ("lights off", lights_off),
        ("lights on", lights_on),
        ("ambiguous, not used", ambiguous),
        ("known, not used", other),
    ];
    let rest = rest.into_iter().map(|(meaning, names)| (meaning.to_owned(), names.as_slice()));
    stages.chain(events).chain(rest).collect()
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| parse(TABLE_TEXT).expect("the embedded table is checked by a test"));

static NAMES: LazyLock<HashMap<String, Meaning>> =
    LazyLock::new(|| TABLE.names().expect("the embedded table is checked by a test"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    other: Vec<String>,
    lights_off: Vec<String>,
    lights_on: Vec<String>,
    ambiguous: Vec<String>,
    stages: HashMap<String, Vec<String>>,
    events: HashMap<String, Vec<String>>,
    codes: CodeTables,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeTables {
    rechtschaffen_kales: HashMap<String, String>,
    ucddb: HashMap<String, String>,
    respironics: HashMap<String, String>,
    dreams: HashMap<String, String>,
    boas: HashMap<String, String>,
}

fn parse(table: &str) -> Result<Table, String> {
    toml::from_str(table).map_err(|error| error.to_string())
}

impl Table {
    /// Returns the meaning of each name.
    fn names(&self) -> Result<HashMap<String, Meaning>, String> {
        let mut names = HashMap::new();
        let mut add = |meaning, texts: &[String]| {
            texts.iter().try_for_each(|text| match names.insert(normalised(text), meaning) {
                None => Ok(()),
                Some(earlier) if earlier == meaning => Ok(()),
                Some(earlier) => Err(format!("`{text}` means {earlier:?} and {meaning:?}")),
            })
        };
        add(Meaning::Other, &self.other)?;
        add(Meaning::LightsOff, &self.lights_off)?;
        add(Meaning::LightsOn, &self.lights_on)?;
        add(Meaning::Ambiguous, &self.ambiguous)?;
        for (code, texts) in &self.stages {
            let stage = if code == "none" {
                None
            } else {
                Some(code.parse::<Stage>().map_err(|error| error.to_string())?)
            };
            add(Meaning::Stage(stage), texts)?;
        }
        for (name, texts) in &self.events {
            let kind = EventKind::from_name(name)
                .ok_or_else(|| format!("`{name}` is not a kind of event"))?;
            add(Meaning::Event(kind), texts)?;
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_table_gives_each_name_one_meaning() {
        parse(TABLE_TEXT).unwrap().names().unwrap();
    }

    #[test]
    fn every_code_is_a_stage() {
        let codes = &TABLE.codes;
        let tables = [
            &codes.rechtschaffen_kales,
            &codes.ucddb,
            &codes.respironics,
            &codes.dreams,
            &codes.boas,
        ];
        for (code, name) in tables.into_iter().flatten() {
            assert!(meaning(name).is_some_and(Meaning::is_stage), "{code}: {name}");
        }
    }

    #[test]
    fn channel_of_edf_plus_is_not_part_of_the_name() {
        assert_eq!(meaning("Arousal@@EEG C3-A2"), Some(Meaning::Event(EventKind::Arousal)));
    }

    #[test]
    fn names_with_different_meanings_in_archives_are_ambiguous() {
        for text in ["Unsure", "Unsure|Unsure", "Unsure|Unsure|Unsure", "NREM", "Sleep stage N"] {
            assert_eq!(meaning(text), Some(Meaning::Ambiguous), "{text}");
        }
    }

    #[test]
    fn known_names_may_be_neither_stage_nor_event() {
        for text in ["Lights", "Technician Notes", "Notification", "Respiratory paradox"] {
            assert_eq!(meaning(text), Some(Meaning::Other), "{text}");
        }
    }

    #[test]
    fn lights_off_and_on_are_known_in_every_spelling() {
        for text in ["Lights off", "LIGHTS_OFF", "LIGHTS-OFF", "LIGHTS OUT", "LightsOff"] {
            assert_eq!(meaning(text), Some(Meaning::LightsOff), "{text}");
        }
        for text in ["Lights on", "LIGHTS-ON", "LightsOn"] {
            assert_eq!(meaning(text), Some(Meaning::LightsOn), "{text}");
        }
    }

    #[test]
    fn aasm_scores_stage_4_as_n3() {
        for text in ["Sleep stage 4", "Stage 4 sleep|4", "SDO:NonRapidEyeMovementSleep-N4"] {
            assert_eq!(meaning(text), Some(Meaning::Stage(Some(Stage::N3))), "{text}");
        }
    }

    #[test]
    fn nsrr_concepts_are_recognised_by_either_part() {
        let check = |text, kind| assert_eq!(meaning(text), Some(Meaning::Event(kind)), "{text}");
        check("Arousal|Arousal ()", EventKind::Arousal);
        check("Obstructive apnea|Obstructive Apnea", EventKind::ObstructiveApnea);
        check("Obstructive_apnea|APNEA-OBSTRUCTIVE", EventKind::ObstructiveApnea);
        check("SpO2 desaturation|SpO2 desaturation", EventKind::Desaturation);
        check("Respiratory effort related arousal|RERA", EventKind::Rera);
        check("Periodic leg movement - left|PLM (Left)", EventKind::PeriodicLimbMovement);
    }

    #[test]
    fn unscored_and_movement_time_are_not_stages() {
        assert_eq!(meaning("Unscored|9"), Some(Meaning::Stage(None)));
        assert_eq!(meaning("Movement|6"), Some(Meaning::Stage(None)));
    }

    #[test]
    fn label_of_an_epoch_is_not_an_event() {
        assert_eq!(meaning("epoch with obstructive_apnea"), Some(Meaning::Other));
    }

    #[test]
    fn free_text_is_unknown() {
        for text in [
            "not a desat",
            "post XXX central apneas",
            "desat to 88%",
            "",
            "Arousal|Hypopnea",
            "Unsure|Hypopnea",
            "0",
        ] {
            assert_eq!(meaning(text), None, "{text}");
        }
    }
}
