//! Sentences about an epoch, as SleepLM was taught to read them.
//!
//! Captions come in five kinds ([`CaptionKind`]) and on three levels: measured numbers of the channels, scored events
//! with their begin and end, and the stage. [`caption`] says them in full, [`phrase`] in the few words of a question.
//! Wordings are data; a seed chooses among them.

mod facts;
mod kind;
mod maker;
mod numbers;
mod stage_event;
mod templates;
mod words;

pub use facts::EpochFacts;
pub use kind::CaptionKind;
pub use maker::{caption, phrase};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Airflow, EegPowers, Features};
    use crate::montage::Position;
    use crate::{Event, EventKind, Stage};

    fn facts() -> EpochFacts {
        let event = |kind, onset_s, duration_s| Event { kind, onset_s, duration_s };
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
        let different: std::collections::BTreeSet<_> =
            (0..50).map(|seed| caption(CaptionKind::StageEvent, &facts(), seed)).collect();
        assert!(different.len() > 40, "{different:?}");
    }

    #[test]
    fn stage_and_events_are_said_with_their_times() {
        for seed in 0..50 {
            let text = caption(CaptionKind::StageEvent, &facts(), seed).unwrap();
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
                if let Some(text) = caption(kind, &facts(), seed) {
                    assert!(!text.contains(['{', '}']), "{text}");
                }
            }
        }
    }

    #[test]
    fn channel_that_was_not_measured_is_not_spoken_of() {
        for seed in 0..50 {
            assert_eq!(caption(CaptionKind::Heart, &facts(), seed), None);
            let brain = caption(CaptionKind::Brain, &facts(), seed).unwrap_or_default();
            assert!(!brain.contains("C4") && !brain.contains("EOG"), "{brain}");
        }
    }

    #[test]
    fn absence_of_events_is_said_only_where_somebody_looked() {
        let quiet = EpochFacts { events: Vec::new(), ..facts() };
        let unscored = EpochFacts { events_scored: false, ..quiet.clone() };
        for seed in 0..50 {
            let stage = caption(CaptionKind::StageEvent, &unscored, seed).unwrap();
            let said = caption(CaptionKind::StageEvent, &quiet, seed).unwrap();
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
            let text = phrase(&facts(), seed).unwrap();
            assert!(text.len() < 140, "{text}");
        }
    }
}
