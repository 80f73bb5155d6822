//! Combines the scorings of several files and scorers of one night.

use super::scoring::Scoring;
use crate::compared_name::compared_name;
use crate::sleep::{EPOCH_S, Event, EventKind, Hypnogram};
use crate::warning::{Warning, WarningCode};

/// Onsets at most this far apart, in seconds, are equal: files round to whole seconds.
const SAME_ONSET_S: f64 = 1.0;

/// A scoring and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoringSource {
    /// The file, and the scorer if the file has several, for messages.
    pub name: String,
    /// The scorer, if the file names one.
    pub scorer: Option<String>,
    /// Whether the scorer is a program.
    pub is_automatic: bool,
    /// The scoring.
    pub scoring: Scoring,
}

impl ScoringSource {
    /// Returns whether the user may mean this source: its scorer, its file with or without extension, or its name.
    fn is_named(&self, wanted: &str) -> bool {
        let stem = self.name.rsplit_once('.').map_or("", |(stem, _)| stem);
        let wanted = compared_name(wanted);
        [self.scorer.as_deref().unwrap_or_default(), stem, &self.name]
            .iter()
            .any(|name| !name.is_empty() && compared_name(name) == wanted)
    }
}

/// Puts sources in order of priority: those that the user names, then people, then programs; otherwise the order stays.
///
/// # Errors
///
/// The names of the sources if the user's is not among them.
pub(crate) fn in_order(
    mut sources: Vec<ScoringSource>,
    wanted: Option<&str>,
) -> Result<Vec<ScoringSource>, Vec<String>> {
    let has_scoring = |source: &&ScoringSource| !source.scoring.is_empty();
    if let Some(wanted) = wanted {
        let is_known = sources.iter().filter(has_scoring).any(|it| it.is_named(wanted));
        if !is_known && sources.iter().any(|it| has_scoring(&it)) {
            let name = |it: &ScoringSource| it.scorer.clone().unwrap_or_else(|| it.name.clone());
            return Err(sources.iter().filter(has_scoring).map(name).collect());
        }
    }
    sources.sort_by_key(|source| {
        let is_wanted = wanted.is_some_and(|wanted| source.is_named(wanted));
        (!is_wanted, source.is_automatic)
    });
    Ok(sources)
}

/// Combines the scorings of several files and scorers, in order of priority.
///
/// The stages are those of the first source with stages; lights off and lights on are those of the first source with either;
/// the events of each kind are those of the first source with events of that kind. Sources are never mixed within a kind,
/// which would count its events twice. If a later source disagrees on stages or events, a warning names both.
pub fn combine(sources: &[ScoringSource]) -> (Scoring, Vec<Warning>) {
    let mut all = Scoring::default();
    let mut warnings = Vec::new();
    let mut first_stages: Option<(&str, &Hypnogram)> = None;
    let mut first_events: Vec<(EventKind, &str, Vec<&Event>)> = Vec::new();
    for ScoringSource { name, scoring, is_automatic, .. } in sources {
        all.n_unknown += scoring.n_unknown;
        all.n_contradictory += scoring.n_contradictory;
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
                all.has_automatic_stages = *is_automatic;
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
    if let Some((name, _)) = first_stages.filter(|_| all.has_automatic_stages) {
        let message = format!("the stages are those of a program, not of a person (`{name}`)");
        warnings.push(Warning::new(WarningCode::AutomaticStages, message));
    }
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

    fn source(name: &str, scoring: Scoring) -> ScoringSource {
        ScoringSource { name: name.to_owned(), scorer: None, is_automatic: false, scoring }
    }

    fn messages(sources: &[ScoringSource]) -> Vec<String> {
        combine(sources).1.into_iter().map(|warning| warning.message).collect()
    }

    #[test]
    fn stages_and_events_may_be_of_different_files() {
        let stages = scoring(&[Some(Stage::N2)], &[]);
        let events = scoring(&[], &[(EventKind::Hypopnea, 3.0)]);
        let sources = [source("a", stages), source("b", events)];
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
        let sources = [source("a", first.clone()), source("b", second)];
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
        assert!(messages(&[source("a", first), source("b", second)]).is_empty());
    }

    #[test]
    fn people_come_before_programs_and_the_chosen_scorer_before_all() {
        let night = |stage| scoring(&[Some(stage)], &[]);
        let program =
            ScoringSource { is_automatic: true, ..source("a_yasa.csv", night(Stage::N1)) };
        let person = source("a.csv", night(Stage::N2));
        let scorer = Some("Scorer 7".to_owned());
        let other = ScoringSource { scorer, ..source("b.csv, scorer 7", night(Stage::N3)) };
        let sources = vec![program, person, other];
        let first = |wanted| {
            let ordered = in_order(sources.clone(), wanted)?;
            let (combined, _) = combine(&ordered);
            Ok::<_, Vec<String>>((
                combined.hypnogram.stage_of_epoch(0.0),
                combined.has_automatic_stages,
            ))
        };
        assert_eq!(first(None), Ok((Some(Stage::N2), false)));
        assert_eq!(first(Some("scorer_7")), Ok((Some(Stage::N3), false)));
        assert_eq!(first(Some("a_yasa")), Ok((Some(Stage::N1), true)));
        let known = ["a_yasa.csv", "a.csv", "Scorer 7"].map(str::to_owned).to_vec();
        assert_eq!(first(Some("another")), Err(known));
    }
}
