//! The scorers within one file, and which sources are programs.

use crate::annotation::names::{Meaning, meaning};
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::compared_name::compared_name;
use crate::sleep::{EPOCH_S, EventKind};

/// Maximum number of scorers in a file; more are not scorers.
const MAX_SCORERS: usize = 16;

/// Seconds that the stages of two scorers must overlap for both to have scored the same part of a night.
const MIN_OVERLAP_S: f64 = EPOCH_S / 2.0;

/// Words in the name of a scorer or a file by which the scoring of a program is recognised.
const PROGRAMS: [&str; 11] = [
    "yasa",
    "usleep",
    "u sleep",
    "pops",
    "somnolyzer",
    "automatic",
    "automated",
    "autoscore",
    "autoscoring",
    "autoscored",
    "stage ai",
];

/// The scorer of what a program scored, where a format says so.
pub const AUTOMATIC: &str = "automatic";

/// The metadata column of a recording whose stages a program scored, with the value [`AUTOMATIC`].
pub const STAGE_SOURCE: &str = "stage_source";

/// The annotations of one scorer in a file.
#[derive(Debug)]
pub(crate) struct ScorerPart {
    /// The scorer as the file names it, or its annotation signal; `None` if the file has one scorer.
    pub(crate) scorer: Option<String>,
    pub(crate) annotations: Vec<ScoredAnnotation>,
}

/// Splits the annotations of a file by scorer, if several scored the same part of the night.
///
/// A scorer is a name in the file or an annotation signal of EDF+. Names that score different parts of the night, or
/// different kinds of events, share their work; annotation signals whose stages do not overlap are one list, which did not
/// fit into one signal.
pub(crate) fn split(annotations: Vec<ScoredAnnotation>) -> Vec<ScorerPart> {
    let mut scorers: Vec<(Option<String>, usize)> = Vec::new();
    let of = |annotation: &ScoredAnnotation| (annotation.scorer.clone(), annotation.signal);
    let mut indices = Vec::with_capacity(annotations.len());
    for annotation in &annotations {
        let scorer = of(annotation);
        let known = scorers.iter().position(|it| *it == scorer);
        if known.is_none() && scorers.len() == MAX_SCORERS {
            return vec![ScorerPart { scorer: None, annotations }];
        }
        indices.push(known.unwrap_or_else(|| {
            scorers.push(scorer);
            scorers.len() - 1
        }));
    }
    let one = match scorers.as_slice() {
        [] => Some(None),
        [(scorer, _)] => Some(scorer.clone()),
        several => (!are_parallel(several, &annotations, &indices)).then_some(None),
    };
    if let Some(scorer) = one {
        return vec![ScorerPart { scorer, annotations }];
    }
    let has_names = scorers.iter().any(|(name, _)| name.is_some());
    let label = |(name, signal): (Option<String>, usize)| match name {
        None if has_names => None,
        None => Some(format!("annotation signal {}", signal + 1)),
        Some(name) => Some(name),
    };
    let part = |scorer| ScorerPart { scorer: label(scorer), annotations: Vec::new() };
    let mut parts: Vec<ScorerPart> = scorers.into_iter().map(part).collect();
    for (annotation, scorer_idx) in annotations.into_iter().zip(indices) {
        parts[scorer_idx].annotations.push(annotation);
    }
    parts
}

/// Returns whether the name of a scorer or a file is that of a program.
pub(crate) fn is_program(name: &str) -> bool {
    let words = format!(" {} ", compared_name(name));
    PROGRAMS.iter().any(|program| words.contains(&format!(" {program} ")))
}

/// Returns whether two scorers have stages at the same time, or two names an event of the same kind.
fn are_parallel(
    scorers: &[(Option<String>, usize)],
    annotations: &[ScoredAnnotation],
    indices: &[usize],
) -> bool {
    /// What is compared between scorers: stages, or events of a kind.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    enum Kind {
        Stage,
        Event(EventKind),
    }
    let mut spans: Vec<(Kind, f64, f64, usize)> = Vec::new();
    for (annotation, scorer_idx) in annotations.iter().zip(indices) {
        let (kind, length_s) = match meaning(&annotation.text) {
            Some(Meaning::Stage(Some(_))) => (Kind::Stage, annotation.duration_s),
            Some(Meaning::Event(kind)) => (Kind::Event(kind), annotation.duration_s),
            Some(_) | None => continue,
        };
        let length_s = length_s.filter(|length_s| *length_s > 0.0).unwrap_or(match kind {
            Kind::Stage => EPOCH_S,
            Kind::Event(_) => 1.0,
        });
        spans.push((kind, annotation.onset_s, annotation.onset_s + length_s, *scorer_idx));
    }
    spans.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    // For each kind, the span that ends last so far of each scorer.
    let mut last: Vec<Option<usize>> = vec![None; scorers.len()];
    for at in 0..spans.len() {
        if at > 0 && spans[at].0 != spans[at - 1].0 {
            last.fill(None);
        }
        let (kind, onset_s, end_s, scorer_idx) = &spans[at];
        for (other_idx, other) in last.iter().enumerate() {
            let Some(other) = other.filter(|_| other_idx != *scorer_idx) else { continue };
            let overlap_s = spans[other].2.min(*end_s) - onset_s;
            let is_same_work = match kind {
                Kind::Stage => overlap_s > MIN_OVERLAP_S,
                Kind::Event(_) => overlap_s > 0.0 && scorers[other_idx].0 != scorers[*scorer_idx].0,
            };
            if is_same_work {
                return true;
            }
        }
        let ends_later = last[*scorer_idx].is_none_or(|other| spans[other].2 < *end_s);
        if ends_later {
            last[*scorer_idx] = Some(at);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(scorer: &str, onset_s: f64, length_s: f64, text: &str) -> ScoredAnnotation {
        let scorer = (!scorer.is_empty()).then(|| scorer.to_owned());
        ScoredAnnotation { scorer, ..ScoredAnnotation::new(onset_s, Some(length_s), text) }
    }

    fn parts(annotations: Vec<ScoredAnnotation>) -> Vec<(Option<String>, usize)> {
        let part = |it: ScorerPart| (it.scorer, it.annotations.len());
        split(annotations).into_iter().map(part).collect()
    }

    #[test]
    fn scorers_of_the_same_hours_are_apart() {
        let both = ["A", "B"].map(|scorer| by(scorer, 0.0, 30.0, "Sleep stage W"));
        let named = |name: &str| (Some(name.to_owned()), 1);
        assert_eq!(parts(both.to_vec()), [named("A"), named("B")]);
        let events = [by("A", 0.0, 10.0, "Arousal"), by("B", 5.0, 10.0, "Arousal")];
        assert_eq!(parts(events.to_vec()), [named("A"), named("B")]);
        let unnamed = ScoredAnnotation { signal: 1, ..by("", 0.0, 30.0, "Sleep stage R") };
        let signals = vec![by("", 0.0, 30.0, "Sleep stage W"), unnamed];
        assert_eq!(parts(signals), [named("annotation signal 1"), named("annotation signal 2")]);
    }

    #[test]
    fn scorers_of_different_hours_or_kinds_share_their_work() {
        let halves = [by("A", 0.0, 30.0, "Sleep stage W"), by("B", 30.0, 30.0, "Sleep stage R")];
        assert_eq!(parts(halves.to_vec()), [(None, 2)]);
        let kinds = [by("A", 0.0, 30.0, "Sleep stage W"), by("B", 5.0, 10.0, "Arousal")];
        assert_eq!(parts(kinds.to_vec()), [(None, 2)]);
    }

    #[test]
    fn list_that_goes_on_in_a_second_annotation_signal_is_one() {
        let second = ScoredAnnotation { signal: 1, ..by("", 2.0, 10.0, "Arousal@@C4") };
        let first = by("", 0.0, 10.0, "Arousal@@C3");
        assert_eq!(parts(vec![first, second]), [(None, 2)]);
    }

    #[test]
    fn programs_are_known_by_whole_words() {
        for name in ["night_YASA.csv", "U-Sleep", "automatic", "sub-01_desc-usleep_hypnogram.tsv"] {
            assert!(is_program(name), "{name}");
        }
        for name in ["Popsicle", "AI Smith", "autor.csv"] {
            assert!(!is_program(name), "{name}");
        }
    }
}
