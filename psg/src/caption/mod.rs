//! Describes an epoch in words as in the training captions of SleepLM, and parses such captions.
//!
//! Captions have five kinds ([`CaptionKind`]) and three levels: measures of the channels, scored events with onset and
//! end, and the stage. [`caption`] describes them in full, [`phrase`] in a few words as typed in a search. Wordings are
//! data in `psg/data/captions`; a seed chooses among them. `docs/captions.md` describes them for users.

mod caption_claim;
mod caption_vocabulary;
mod epoch_facts;
mod generate;
mod kind;
mod number_accuracy;
mod number_names;
mod number_sentences;
mod parse_names;
mod parse_numbers;
mod search_phrase;
mod stage_event_sentences;
mod templates;
mod word_sentences;
mod wording_grammar;

pub use caption_claim::{Caption, CaptionClaim, EventFamily, NumberClaim, StageFamily};
pub use caption_vocabulary::{vocabulary, words, words_of};
pub use epoch_facts::EpochFacts;
pub use generate::{caption, phrase};
pub use kind::CaptionKind;
pub use number_accuracy::{NumberAccuracy, NumberTolerance, number_accuracy};
pub use number_names::{NumberHeading, NumberName};
pub use parse_names::{named_events, named_stage};
pub use parse_numbers::{CaptionNumbers, WrittenEvent, WrittenNumber};

#[cfg(test)]
mod round_trip_tests;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Airflow, EegPowers, Features};
    use crate::sleep::{Event, EventKind, Position, Stage};

    fn facts() -> EpochFacts {
        let event = Event::new;
        EpochFacts {
            features: Features {
                eeg_c3: Some(EegPowers { delta: 81.25, theta: 10.0, alpha: 5.0, beta: 3.75 }),
                airflow: Some(Airflow { rate_bpm: 14.0, flatness: 0.7 }),
                position: Some(Position::Supine),
                ..Features::default()
            },
            stage: Some(Stage::N3),
            events: vec![
                event(EventKind::Arousal, 3.25, 7.0),
                event(EventKind::SlowWave, 12.0, 1.0),
                event(EventKind::SlowWave, 14.0, 1.0),
            ],
            events_scored: true,
        }
    }

    #[test]
    fn equal_seeds_give_equal_captions() {
        for kind in CaptionKind::ALL {
            assert_eq!(caption(kind, &facts(), 7), caption(kind, &facts(), 7));
        }
        let different: std::collections::BTreeSet<_> = (0..50)
            .map(|seed| caption(CaptionKind::StageEvent, &facts(), seed).unwrap().text)
            .collect();
        assert!(different.len() > 40, "{different:?}");
    }

    #[test]
    fn stage_event_captions_give_onset_and_end() {
        for seed in 0..50 {
            let text = caption(CaptionKind::StageEvent, &facts(), seed).unwrap().text;
            assert!(text.contains("3.2 ") || text.contains("3.3 "), "{text}");
            assert!(text.contains("10.2 ") || text.contains("10.3 "), "{text}");
            assert!(text.contains('2'), "{text}");
            assert!(!text.contains('{'), "{text}");
        }
    }

    #[test]
    fn captions_have_no_unfilled_slots() {
        for kind in CaptionKind::ALL {
            for seed in 0..50 {
                if let Some(caption) = caption(kind, &facts(), seed) {
                    assert!(!caption.text.contains(['{', '}']), "{caption:?}");
                }
            }
        }
    }

    #[test]
    fn captions_do_not_mention_channels_without_measures() {
        for seed in 0..50 {
            assert_eq!(caption(CaptionKind::Heart, &facts(), seed), None);
            let brain = caption(CaptionKind::Brain, &facts(), seed)
                .map_or(String::new(), |caption| caption.text);
            assert!(!brain.contains("C4") && !brain.contains("EOG"), "{brain}");
        }
    }

    #[test]
    fn captions_state_the_absence_of_events_only_if_events_were_scored() {
        let quiet = EpochFacts { events: Vec::new(), ..facts() };
        let unscored = EpochFacts { events_scored: false, ..quiet.clone() };
        for seed in 0..50 {
            let stage = caption(CaptionKind::StageEvent, &unscored, seed).unwrap().text;
            let with_absence = caption(CaptionKind::StageEvent, &quiet, seed).unwrap().text;
            assert!(with_absence.len() > stage.len(), "{with_absence}");
            assert!(with_absence.starts_with(&stage), "{with_absence}");
        }
    }

    #[test]
    fn empty_facts_give_no_caption() {
        for kind in CaptionKind::ALL {
            assert_eq!(caption(kind, &EpochFacts::default(), 1), None);
        }
        assert_eq!(phrase(&EpochFacts::default(), 1), None);
    }

    #[test]
    fn phrases_are_short() {
        for seed in 0..200 {
            let text = phrase(&facts(), seed).unwrap().text;
            assert!(text.len() < 140, "{text}");
        }
    }

    #[test]
    fn captions_hold_for_other_epochs_with_the_same_claims() {
        let other = EpochFacts { stage: Some(Stage::N2), ..facts() };
        let quiet = EpochFacts { events: Vec::new(), ..facts() };
        for seed in 0..200 {
            let phrase = phrase(&facts(), seed).unwrap();
            assert!(phrase.holds(&facts()), "{phrase:?}");
            let names_stage = phrase.claims.contains(&CaptionClaim::Stage(Stage::N3));
            assert_eq!(phrase.holds(&other), !names_stage, "{phrase:?}");
            let names_event =
                phrase.claims.iter().any(|claim| matches!(claim, CaptionClaim::Events { .. }));
            assert_eq!(phrase.holds(&quiet), !names_event, "{phrase:?}");
            let precise = caption(CaptionKind::StageEvent, &facts(), seed).unwrap();
            assert!(
                !precise.holds(&facts()),
                "times with decimals hold for their own epoch only: {precise:?}"
            );
        }
    }
}
