//! Makes one scoring of what several files say of one night.

use crate::annotation::Scoring;
use crate::sleep::{EPOCH_S, Event, EventKind, Hypnogram};
use crate::warning::{Warning, WarningCode};

/// Onsets that lie no further apart, in seconds, are taken for one: files round to whole seconds.
const SAME_ONSET_S: f64 = 1.0;

/// Combines the scorings of several sources, each with its name, in the order of their rank.
///
/// The stages are those of the first source that has any, and so are the events of each kind; two sources are never
/// mixed in one kind, which would count its events twice. Where a later source says otherwise, a warning names both.
pub fn combined(sources: &[(String, Scoring)]) -> (Scoring, Vec<Warning>) {
    let mut all = Scoring::default();
    let mut warnings = Vec::new();
    let mut staged_by: Option<(&str, &Hypnogram)> = None;
    let mut kinds_by: Vec<(EventKind, &str, Vec<&Event>)> = Vec::new();
    for (name, scoring) in sources {
        all.n_unknown += scoring.n_unknown;
        for (text, n) in &scoring.ambiguous {
            *all.ambiguous.entry(text).or_insert(0) += n;
        }
        match staged_by {
            Some((first, stages)) => {
                warnings.extend(stage_conflict((first, stages), (name, &scoring.hypnogram)));
            }
            None if !scoring.hypnogram.is_empty() => staged_by = Some((name, &scoring.hypnogram)),
            None => {}
        }
        for kind in EventKind::ALL {
            let events: Vec<&Event> = scoring.events.iter().filter(|e| e.kind == kind).collect();
            if events.is_empty() {
                continue;
            }
            match kinds_by.iter().find(|(known, ..)| *known == kind) {
                Some((_, first, theirs)) => {
                    warnings.extend(event_conflict(kind, (first, theirs), (name, &events)));
                }
                None => kinds_by.push((kind, name, events)),
            }
        }
    }
    all.hypnogram = staged_by.map(|(_, stages)| stages.clone()).unwrap_or_default();
    all.events = kinds_by.into_iter().flat_map(|(_, _, events)| events).cloned().collect();
    all.events.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s).then(a.kind.cmp(&b.kind)));
    (all, warnings)
}

/// Says in how many epochs two sources score different stages, if they do in any.
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
        combined(sources).1.into_iter().map(|warning| warning.message).collect()
    }

    #[test]
    fn stages_of_one_file_and_events_of_another_make_one_scoring() {
        let stages = scoring(&[Some(Stage::N2)], &[]);
        let events = scoring(&[], &[(EventKind::Hypopnea, 3.0)]);
        let sources = [("a".to_owned(), stages), ("b".to_owned(), events)];
        let expected = scoring(&[Some(Stage::N2)], &[(EventKind::Hypopnea, 3.0)]);
        assert_eq!(combined(&sources), (expected, vec![]));
    }

    #[test]
    fn files_that_contradict_each_other_are_both_named() {
        let night = [Some(Stage::N2), Some(Stage::N3), None];
        let first = scoring(&night, &[(EventKind::Arousal, 3.0)]);
        let other_night = [Some(Stage::N2), Some(Stage::Rem), Some(Stage::Wake)];
        let second =
            scoring(&other_night, &[(EventKind::Arousal, 3.5), (EventKind::Arousal, 20.0)]);
        let sources = [("a".to_owned(), first.clone()), ("b".to_owned(), second)];
        assert_eq!(combined(&sources).0, first);
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
