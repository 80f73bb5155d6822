//! Parses the stage and the kinds of events that a caption names, with the wordings that generate captions.

use std::sync::LazyLock;

use super::templates::TEMPLATES;
use super::wording_grammar::bare;
use crate::sleep::{EventKind, EventSet, Stage};

/// A stage or an event kind that a wording names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NamedTerm {
    Stage(Stage),
    Event(EventKind),
}

/// Every wording of a stage and of an event, split into words.
static WORDINGS: LazyLock<Vec<(Vec<String>, NamedTerm)>> = LazyLock::new(|| {
    let mut wordings = Vec::new();
    for (stage, words) in &TEMPLATES.stage.stage {
        for wording in words.nouns.iter().chain(words.states.iter()) {
            wordings.push((word_runs(wording), NamedTerm::Stage(*stage)));
        }
    }
    for (kind, words) in &TEMPLATES.event.event {
        for wording in words.names.iter().chain(words.plurals.iter()) {
            wordings.push((word_runs(bare(wording)), NamedTerm::Event(*kind)));
        }
    }
    wordings
});

/// Returns the stage that a caption names first, or `None` if it names none.
///
/// Case, punctuation, and blanks between letters and digits are ignored, so that text generated token by token can be
/// parsed (`n 2 sleep`). Names of groups of stages are ignored.
///
/// ```
/// use nocturne_psg::{Stage, caption::named_stage};
///
/// assert_eq!(named_stage("epoch of non - rem stage 2 sleep ."), Some(Stage::N2));
/// assert_eq!(named_stage("Delta power of 61%."), None);
/// ```
pub fn named_stage(text: &str) -> Option<Stage> {
    named_terms(text).into_iter().find_map(|named| match named {
        NamedTerm::Stage(stage) => Some(stage),
        NamedTerm::Event(_) => None,
    })
}

/// Returns the event kinds that a caption names, with or without times or counts.
///
/// Names of groups of kinds are ignored.
///
/// ```
/// use nocturne_psg::{EventKind, caption::named_events};
///
/// assert!(named_events("n 2 sleep . many sleep spindles .").contains(EventKind::Spindle));
/// assert!(named_events("Rapid eye movement sleep.").is_empty());
/// ```
pub fn named_events(text: &str) -> EventSet {
    let kind = |named: NamedTerm| match named {
        NamedTerm::Stage(_) => None,
        NamedTerm::Event(kind) => Some(kind),
    };
    named_terms(text).into_iter().filter_map(kind).collect()
}

/// Returns the named terms from left to right; of the wordings that match at a word, the longest is used.
fn named_terms(text: &str) -> Vec<NamedTerm> {
    let text = word_runs(text);
    let (mut at, mut all) = (0, Vec::new());
    while at < text.len() {
        let fits = |(wording, _): &&(Vec<String>, NamedTerm)| text[at..].starts_with(wording);
        let longest = WORDINGS.iter().filter(fits).max_by_key(|(wording, _)| wording.len());
        all.extend(longest.map(|(_, named)| *named));
        at += longest.map_or(1, |(wording, _)| wording.len());
    }
    all
}

/// Returns the runs of letters and of digits, in lower case.
fn word_runs(text: &str) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    let mut last = None;
    for letter in text.chars().flat_map(char::to_lowercase) {
        let kind = letter.is_alphanumeric().then(|| letter.is_numeric());
        match (kind, runs.last_mut()) {
            (Some(_), Some(run)) if kind == last => run.push(letter),
            (Some(_), _) => runs.push(letter.to_string()),
            (None, _) => {}
        }
        last = kind;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::super::{CaptionKind, EpochFacts, caption};
    use super::*;

    #[test]
    fn parses_the_stage_of_every_caption() {
        for stage in Stage::ALL {
            let facts = EpochFacts { stage: Some(stage), ..EpochFacts::default() };
            for seed in 0..400 {
                let text = caption(CaptionKind::StageEvent, &facts, seed).unwrap().text;
                assert_eq!(named_stage(&text), Some(stage), "{text}");
            }
        }
    }

    #[test]
    fn parses_the_events_of_every_caption() {
        use crate::sleep::Event;
        for (kind, count) in [
            (EventKind::Arousal, 1),
            (EventKind::Hypopnea, 1),
            (EventKind::ObstructiveApnea, 2),
            (EventKind::Spindle, 1),
            (EventKind::Spindle, 3),
            (EventKind::SlowWave, 9),
            (EventKind::KComplex, 2),
        ] {
            let events = (0..count).map(|i| Event::new(kind, 3.0 * f64::from(i), 2.0)).collect();
            let (stage, events_scored) = (Some(Stage::N2), true);
            let facts = EpochFacts { stage, events, events_scored, ..EpochFacts::default() };
            for seed in 0..200 {
                let text = caption(CaptionKind::StageEvent, &facts, seed).unwrap().text;
                assert_eq!(named_events(&text), EventSet::from_iter([kind]), "{text}");
                assert_eq!(named_stage(&text), Some(Stage::N2), "{text}");
            }
        }
    }

    #[test]
    fn splits_letters_and_digits() {
        assert_eq!(word_runs("Non-REM (N2)."), ["non", "rem", "n", "2"]);
        assert_eq!(word_runs("n 2"), word_runs("N2"));
    }
}
