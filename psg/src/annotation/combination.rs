//! Combines the scorings of several files of one night.

use super::scoring::Scoring;
use crate::sleep::{EPOCH_S, Event, EventKind, Hypnogram};
use crate::warning::{Warning, WarningCode};

/// Onsets at most this far apart, in seconds, are equal: files round to whole seconds.
const SAME_ONSET_S: f64 = 1.0;

/// Combines the scorings of several files, given with their names in order of priority.
///
/// The stages are those of the first file with stages; lights off and lights on are those of the first file with either;
/// the events of each kind are those of the first file with events of that kind. Files are never mixed within a kind,
/// which would count its events twice. If a later file disagrees on stages or events, a warning names both.
pub fn combine(sources: &[(String, Scoring)]) -> (Scoring, Vec<Warning>) {
    let mut all = Scoring::default();
    let mut warnings = Vec::new();
    let mut first_stages: Option<(&str, &Hypnogram)> = None;
    let mut first_events: Vec<(EventKind, &str, Vec<&Event>)> = Vec::new();
    for (name, scoring) in sources {
        all.n_unknown += scoring.n_unknown;
        if all.lights_off_s.or(all.lights_on_s).is_none() {
            (all.lights_off_s, all.lights_on_s) = (scoring.lights_off_s, scoring.lights_on_s);
        }
        for (text, n) in &scoring.ambiguous {
            *all.ambiguous.entry(text).or_insert(0) += n;
        }
        match first_stages {
            Some((first, stages)) => {
                warnings.extend(stage_conflict((first, stages), (name, &scoring.hypnogram)));
            }
            None if !scoring.hypnogram.is_empty() => {
                first_stages = Some((name, &scoring.hypnogram));
            }
            None => {}
        }
        for kind in EventKind::ALL {
            let events: Vec<&Event> = scoring.events.iter().filter(|e| e.kind == kind).collect();
            if events.is_empty() {
                continue;
            }
            match first_events.iter().find(|(first, ..)| *first == kind) {
                Some((_, first, first_events)) => {
                    warnings.extend(event_conflict(kind, (first, first_events), (name, &events)));
                }
                None => first_events.push((kind, name, events)),
            }
        }
    }
    all.hypnogram = first_stages.map(|(_, stages)| stages.clone()).unwrap_or_default();
    all.events = first_events.into_iter().flat_map(|(_, _, events)| events).cloned().collect();
    all.events.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s).then(a.kind.cmp(&b.kind)));
    (all, warnings)
}

/// Returns a warning with the number of epochs in which two files score different stages, if there are any.
fn stage_conflict(
    (first, stages): (&str, &Hypnogram),
    (second, others): (&str, &Hypnogram),
) -> Option<Warning> {
    let n_epochs = (stages.end_s().min(others.end_s()) / EPOCH_S).ceil().max(0.0) as usize;
    let n_different = (0..n_epochs)
        .map(|epoch| epoch as f64 * EPOCH_S)
        .filter(|onset_s| {
            let pair = stages.stage_of_epoch(*onset_s).zip(others.stage_of_epoch(*onset_s));
            pair.is_some_and(|(one, other)| one != other)
        })
        .count();
    (n_different > 0).then(|| {
        let message = format!(
            "`{first}` and `{second}` score different stages in {n_different} of {n_epochs} epochs; those of \
             `{first}` were used"
        );
        Warning::new(WarningCode::Annotation, message)
    })
}

/// Returns a warning if two files score different events of a kind.
/// Returns a warning if two sources disagree on the events of a kind: on their number or their onsets.
fn event_conflict(
    kind: EventKind,
    (first, events): (&str, &[&Event]),
    (second, others): (&str, &[&Event]),
) -> Option<Warning> {
    let is_same =
        |(one, other): (&&Event, &&Event)| (one.onset_s - other.onset_s).abs() <= SAME_ONSET_S;
    let agree = events.len() == others.len() && events.iter().zip(others).all(is_same);
    (!agree).then(|| {
        let message = format!(
            "`{first}` and `{second}` score `{kind}` differently, {} and {} events; those of `{first}` were used",
            events.len(),
            others.len()
        );
        Warning::new(WarningCode::Annotation, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sleep::Stage;

    fn scoring(stages: &[Option<Stage>], events: &[(EventKind, f64)]) -> Scoring {
        let event = |&(kind, onset_s)| Event::new(kind, onset_s, 5.0);
        Scoring {
            hypnogram: Hypnogram::from_epochs(stages),
            events: events.iter().map(event).collect(),
            ..Scoring::default()
        }
    }

    fn messages(sources: &[(String, Scoring)]) -> Vec<String> {
        combine(sources).1.into_iter().map(|warning| warning.message).collect()
    }

    #[test]
    fn stages_and_events_may_be_of_different_files() {
        let stages = scoring(&[Some(Stage::N2)], &[]);
        let events = scoring(&[], &[(EventKind::Hypopnea, 3.0)]);
        let sources = [("a".to_owned(), stages), ("b".to_owned(), events)];
        let expected = scoring(&[Some(Stage::N2)], &[(EventKind::Hypopnea, 3.0)]);
        assert_eq!(combine(&sources), (expected, vec![]));
    }

    #[test]
    fn files_that_disagree_are_both_named() {
        let night = [Some(Stage::N2), Some(Stage::N3), None];
        let first = scoring(&night, &[(EventKind::Arousal, 3.0)]);
        let other_night = [Some(Stage::N2), Some(Stage::Rem), Some(Stage::Wake)];
        let second =
            scoring(&other_night, &[(EventKind::Arousal, 3.5), (EventKind::Arousal, 20.0)]);
        let sources = [("a".to_owned(), first.clone()), ("b".to_owned(), second)];
        assert_eq!(combine(&sources).0, first);
        let expected = [
            "`a` and `b` score different stages in 1 of 3 epochs; those of `a` were used",
            "`a` and `b` score `arousal` differently, 1 and 2 events; those of `a` were used",
        ];
        assert_eq!(messages(&sources), expected);
    }

    #[test]
    fn files_that_agree_cause_no_warning() {
        let first = scoring(&[Some(Stage::N2)], &[(EventKind::Arousal, 3.0)]);
        let second = scoring(&[Some(Stage::N2)], &[(EventKind::Arousal, 3.9)]);
        assert!(messages(&[("a".to_owned(), first), ("b".to_owned(), second)]).is_empty());
    }
}
