//! Gives a length to stages that are written without one.

use super::names::{Meaning, meaning};
use super::scored_annotation::ScoredAnnotation;
use crate::error::counted;
use crate::sleep::EPOCH_S;
use crate::warning::{Warning, WarningCode};

/// Gives a length to the stages of one file that have none, or the length 0; returns a warning if there are any.
///
/// Some programs write a stage only where it changes: it lasts until the next stage, and the last one until `end_s`, the
/// end of the recording. If two stages that follow each other are the same, the file lists epochs, and each stage lasts
/// 30 s, or until the next one if that starts earlier.
pub(crate) fn fill(annotations: &mut [ScoredAnnotation], end_s: Option<f64>) -> Option<Warning> {
    let stage_of = |annotation: &ScoredAnnotation| match meaning(&annotation.text) {
        Some(Meaning::Stage(stage)) => Some(stage),
        Some(_) | None => None,
    };
    let mut stages: Vec<usize> =
        (0..annotations.len()).filter(|at| stage_of(&annotations[*at]).is_some()).collect();
    stages.sort_by(|a, b| annotations[*a].onset_s.total_cmp(&annotations[*b].onset_s));
    let has_length = |annotation: &ScoredAnnotation| annotation.duration_s.is_some_and(|s| s > 0.0);
    let without: Vec<usize> =
        (0..stages.len()).filter(|i| !has_length(&annotations[stages[*i]])).collect();
    if without.is_empty() {
        return None;
    }
    let lists_epochs = stages.windows(2).any(|pair| {
        let (first, second) = (&annotations[pair[0]], &annotations[pair[1]]);
        !has_length(first) && stage_of(first) == stage_of(second)
    });
    for i in &without {
        let onset_s = annotations[stages[*i]].onset_s;
        let next_s = stages.get(i + 1).map(|next| annotations[*next].onset_s);
        let until_next_s = next_s.or(end_s).map(|end_s| (end_s - onset_s).max(0.0));
        annotations[stages[*i]].duration_s = Some(match until_next_s {
            Some(length_s) if lists_epochs => length_s.min(EPOCH_S),
            Some(length_s) => length_s,
            None => EPOCH_S,
        });
    }
    let stages = counted(without.len(), "stage");
    let message = if lists_epochs {
        format!("{stages} without a length; each was read as an epoch of 30 s")
    } else {
        format!(
            "{stages} without a length; each was read as lasting until the next one, the last until the end of the \
             recording"
        )
    };
    Some(Warning::new(WarningCode::Annotation, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(stages: &[(f64, Option<f64>, &str)], end_s: Option<f64>) -> (Vec<f64>, bool) {
        let annotation = |(onset_s, duration_s, text): &(f64, Option<f64>, &str)| {
            ScoredAnnotation::new(*onset_s, *duration_s, *text)
        };
        let mut annotations: Vec<ScoredAnnotation> = stages.iter().map(annotation).collect();
        let has_warning = fill(&mut annotations, end_s).is_some();
        (annotations.iter().map(|it| it.duration_s.unwrap_or(-1.0)).collect(), has_warning)
    }

    #[test]
    fn stage_lasts_until_the_next_one() {
        let changes = [(0.0, None, "W"), (60.0, None, "N1"), (90.0, None, "N2")];
        assert_eq!(filled(&changes, Some(300.0)), (vec![60.0, 30.0, 210.0], true));
        assert_eq!(filled(&changes, None), (vec![60.0, 30.0, 30.0], true));
    }

    #[test]
    fn equal_stages_one_after_the_other_are_epochs() {
        let epochs = [(0.0, Some(0.0), "W"), (30.0, Some(0.0), "W"), (3600.0, Some(0.0), "N2")];
        assert_eq!(filled(&epochs, Some(7200.0)), (vec![30.0, 30.0, 30.0], true));
    }

    #[test]
    fn lengths_of_the_file_and_events_stay() {
        let mixed = [(0.0, Some(30.0), "W"), (10.0, None, "Arousal"), (30.0, Some(60.0), "N1")];
        assert_eq!(filled(&mixed, Some(300.0)), (vec![30.0, -1.0, 60.0], false));
    }
}
