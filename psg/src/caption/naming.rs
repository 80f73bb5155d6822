//! Reads the stage and the kinds of event back out of a caption, by the wordings that made it.

use std::sync::LazyLock;

use super::templates::TEMPLATES;
use super::text::bare;
use crate::{EventKind, EventSet, Stage};

/// What a wording names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Stage(Stage),
    Event(EventKind),
}

/// Every wording of a stage and of an event, in words as they are compared.
static WORDINGS: LazyLock<Vec<(Vec<String>, Named)>> = LazyLock::new(|| {
    let mut wordings = Vec::new();
    for (stage, words) in &TEMPLATES.stage.stage {
        for wording in words.nouns.iter().chain(words.states.iter()) {
            wordings.push((parts(wording), Named::Stage(*stage)));
        }
    }
    for (kind, words) in &TEMPLATES.event.event {
        for wording in words.names.iter().chain(words.plurals.iter()) {
            wordings.push((parts(bare(wording)), Named::Event(*kind)));
        }
    }
    wordings
});

/// Returns the stage that a caption names first, or `None` where it names none.
///
/// Capitals, signs and the blanks between letters and digits do not count, so that text is read too that a decoder
/// wrote token by token (`n 2 sleep`). Words that hold for several stages name none.
///
/// ```
/// use nocturne_psg::{Stage, caption::named_stage};
///
/// assert_eq!(named_stage("epoch of non - rem stage 2 sleep ."), Some(Stage::N2));
/// assert_eq!(named_stage("Delta power of 61%."), None);
/// ```
pub fn named_stage(text: &str) -> Option<Stage> {
    all_named(text).into_iter().find_map(|named| match named {
        Named::Stage(stage) => Some(stage),
        Named::Event(_) => None,
    })
}

/// Returns the kinds of event that a caption names, with times, by their number or without either.
///
/// Words that hold for several kinds name none.
///
/// ```
/// use nocturne_psg::{EventKind, caption::named_events};
///
/// assert!(named_events("n 2 sleep . many sleep spindles .").contains(EventKind::Spindle));
/// assert!(named_events("Rapid eye movement sleep.").is_empty());
/// ```
pub fn named_events(text: &str) -> EventSet {
    let kind = |named: Named| match named {
        Named::Stage(_) => None,
        Named::Event(kind) => Some(kind),
    };
    all_named(text).into_iter().filter_map(kind).collect()
}

/// Returns what is named from left to right; of wordings that begin at one word, the longest counts.
fn all_named(text: &str) -> Vec<Named> {
    let text = parts(text);
    let (mut at, mut all) = (0, Vec::new());
    while at < text.len() {
        let fits = |(wording, _): &&(Vec<String>, Named)| text[at..].starts_with(wording);
        let longest = WORDINGS.iter().filter(fits).max_by_key(|(wording, _)| wording.len());
        all.extend(longest.map(|(_, named)| *named));
        at += longest.map_or(1, |(wording, _)| wording.len());
    }
    all
}

/// Returns the runs of letters and the runs of digits, in lower case.
fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut last = None;
    for letter in text.chars().flat_map(char::to_lowercase) {
        let kind = letter.is_alphanumeric().then(|| letter.is_numeric());
        match (kind, parts.last_mut()) {
            (Some(_), Some(part)) if kind == last => part.push(letter),
            (Some(_), _) => parts.push(letter.to_string()),
            (None, _) => {}
        }
        last = kind;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::{CaptionKind, EpochFacts, caption};
    use super::*;

    #[test]
    fn stage_of_every_caption_is_read_back() {
        for stage in Stage::ALL {
            let facts = EpochFacts { stage: Some(stage), ..EpochFacts::default() };
            for seed in 0..400 {
                let text = caption(CaptionKind::StageEvent, &facts, seed).unwrap().text;
                assert_eq!(named_stage(&text), Some(stage), "{text}");
            }
        }
    }

    #[test]
    fn events_of_every_caption_are_read_back() {
        use crate::Event;
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
    fn letters_and_digits_are_parted() {
        assert_eq!(parts("Non-REM (N2)."), ["non", "rem", "n", "2"]);
        assert_eq!(parts("n 2"), parts("N2"));
    }
}
