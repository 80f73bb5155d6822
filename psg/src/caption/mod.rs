//! Sentences about an epoch, as SleepLM was taught to read them.
//!
//! Captions come in five kinds ([`CaptionKind`]) and on three levels: measured numbers of the channels, scored events
//! with their begin and end, and the stage. [`caption`] says them in full, [`phrase`] in the few words of a question.
//! Wordings are data; a seed chooses among them.

mod claim;
mod facts;
mod judging;
mod kind;
mod maker;
mod naming;
mod number;
mod numbers;
mod phrase;
mod reading;
mod stage_event;
mod templates;
mod text;
mod vocabulary;
mod words;

pub use claim::{Caption, Claim, EventFamily, NumberClaim, StageFamily};
pub use facts::EpochFacts;
pub use judging::{NumbersRight, Tolerance, numbers_right};
pub use kind::CaptionKind;
pub use maker::{caption, phrase};
pub use naming::{named_events, named_stage};
pub use number::{NumberHead, NumberName};
pub use reading::{Figures, SaidEvent, SaidNumber};
pub use vocabulary::{vocabulary, words, words_of};

#[cfg(test)]
mod read_back;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Airflow, EegPowers, Features};
    use crate::montage::Position;
    use crate::{Event, EventKind, Stage};

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
    fn one_seed_gives_the_same_words() {
        for kind in CaptionKind::ALL {
            assert_eq!(caption(kind, &facts(), 7), caption(kind, &facts(), 7));
        }
        let different: std::collections::BTreeSet<_> = (0..50)
            .map(|seed| caption(CaptionKind::StageEvent, &facts(), seed).unwrap().text)
            .collect();
        assert!(different.len() > 40, "{different:?}");
    }

    #[test]
    fn stage_and_events_are_said_with_their_times() {
        for seed in 0..50 {
            let text = caption(CaptionKind::StageEvent, &facts(), seed).unwrap().text;
            assert!(text.contains("3.2 ") || text.contains("3.3 "), "{text}");
            assert!(text.contains("10.2 ") || text.contains("10.3 "), "{text}");
            assert!(text.contains('2'), "{text}");
            assert!(!text.contains('{'), "{text}");
        }
    }

    #[test]
    fn every_kind_is_free_of_open_slots() {
        for kind in CaptionKind::ALL {
            for seed in 0..50 {
                if let Some(caption) = caption(kind, &facts(), seed) {
                    assert!(!caption.text.contains(['{', '}']), "{caption:?}");
                }
            }
        }
    }

    #[test]
    fn channel_that_was_not_measured_is_not_spoken_of() {
        for seed in 0..50 {
            assert_eq!(caption(CaptionKind::Heart, &facts(), seed), None);
            let brain = caption(CaptionKind::Brain, &facts(), seed)
                .map_or(String::new(), |caption| caption.text);
            assert!(!brain.contains("C4") && !brain.contains("EOG"), "{brain}");
        }
    }

    #[test]
    fn absence_of_events_is_said_only_where_somebody_looked() {
        let quiet = EpochFacts { events: Vec::new(), ..facts() };
        let unscored = EpochFacts { events_scored: false, ..quiet.clone() };
        for seed in 0..50 {
            let stage = caption(CaptionKind::StageEvent, &unscored, seed).unwrap().text;
            let said = caption(CaptionKind::StageEvent, &quiet, seed).unwrap().text;
            assert!(said.len() > stage.len() && said.starts_with(&stage), "{said}");
        }
    }

    #[test]
    fn nothing_known_gives_no_caption() {
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
    fn captions_tell_of_which_other_epochs_they_are_true() {
        let other = EpochFacts { stage: Some(Stage::N2), ..facts() };
        let quiet = EpochFacts { events: Vec::new(), ..facts() };
        for seed in 0..200 {
            let phrase = phrase(&facts(), seed).unwrap();
            assert!(phrase.holds(&facts()), "{phrase:?}");
            let names_stage = phrase.claims.contains(&Claim::Stage(Stage::N3));
            assert_eq!(phrase.holds(&other), !names_stage, "{phrase:?}");
            let names_event =
                phrase.claims.iter().any(|claim| matches!(claim, Claim::Events { .. }));
            assert_eq!(phrase.holds(&quiet), !names_event, "{phrase:?}");
            let precise = caption(CaptionKind::StageEvent, &facts(), seed).unwrap();
            assert!(
                !precise.holds(&facts()),
                "a time to the decimal is true of its own epoch alone: {precise:?}"
            );
        }
    }
}
