//! A scoring: annotations that have been understood.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::ScoredAnnotation;
use super::names::{Meaning, ambiguous_name, meaning};
use crate::sleep::{EPOCH_S, Event, EventOrigin, Hypnogram, Stage};
use crate::warning::{Warning, WarningCode};

/// The stages and events of a night, as one source scored them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scoring {
    /// The stages.
    pub hypnogram: Hypnogram,
    /// The events in order of onset; overlapping scorings of one kind are merged into one event, whose origin names
    /// the scorers and signals of all.
    pub events: Vec<Event>,
    /// Number of annotations whose text is not known. The texts themselves may name people and are not kept.
    pub n_unknown: usize,
    /// Known names that archives use for different things, in lower case, with the number of their annotations.
    pub ambiguous: BTreeMap<&'static str, usize>,
}

impl Scoring {
    /// Reads what annotations mean.
    ///
    /// The scorer's free notes and every text that is not an exact known name are counted as unknown. A stage without
    /// a length lasts one epoch, or until the next stage where that begins sooner.
    pub fn from_annotations<'a>(
        annotations: impl IntoIterator<Item = &'a ScoredAnnotation>,
    ) -> Self {
        let mut scoring = Self::default();
        let mut stretches: Vec<(f64, f64, Option<Stage>)> = Vec::new();
        let mut origins: HashSet<Arc<EventOrigin>> = HashSet::new();
        for annotation in annotations {
            let (onset_s, duration_s) = (annotation.onset_s, annotation.duration_s);
            match meaning(&annotation.text) {
                Some(Meaning::Stage(stage)) => {
                    stretches.push((onset_s, duration_s.unwrap_or(EPOCH_S), stage));
                }
                Some(Meaning::Event(kind)) => {
                    let duration_s = duration_s.unwrap_or(0.0);
                    let origin = annotation.origin().map(|origin| shared(&mut origins, origin));
                    scoring.events.push(Event { kind, onset_s, duration_s, origin });
                }
                Some(Meaning::Other) => {}
                Some(Meaning::Ambiguous) => {
                    let name = ambiguous_name(&annotation.text).unwrap_or_default();
                    *scoring.ambiguous.entry(name).or_insert(0) += 1;
                }
                None => scoring.n_unknown += usize::from(!annotation.text.trim().is_empty()),
            }
        }
        scoring.hypnogram = Hypnogram::new(stretches);
        scoring.events = merged(scoring.events);
        scoring
    }

    /// Returns whether the source scored nothing that is understood here.
    pub fn is_empty(&self) -> bool {
        self.hypnogram.is_empty() && self.events.is_empty()
    }

    /// Returns what was not understood, as warnings.
    pub fn warnings(&self) -> Vec<Warning> {
        let ambiguous = self.ambiguous.iter().map(|(name, n)| {
            format!(
                "`{name}` means different things in different archives; {n} annotations were not understood"
            )
        });
        let unknown = (self.n_unknown > 0).then(|| {
            format!("{} annotations have no known name and were not understood", self.n_unknown)
        });
        ambiguous.chain(unknown).map(|text| Warning::new(WarningCode::Annotation, text)).collect()
    }
}

/// Returns the one copy of an origin that all of its events share.
fn shared(origins: &mut HashSet<Arc<EventOrigin>>, origin: EventOrigin) -> Arc<EventOrigin> {
    if let Some(known) = origins.get(&origin) {
        return Arc::clone(known);
    }
    let origin = Arc::new(origin);
    origins.insert(Arc::clone(&origin));
    origin
}

/// Adds the origin of an event to that of the one into which it is merged.
fn join(origin: &mut Option<Arc<EventOrigin>>, other: Option<Arc<EventOrigin>>) {
    match (origin.as_mut(), other) {
        (Some(origin), Some(other)) if *origin != other => Arc::make_mut(origin).merge(&other),
        (Some(_), Some(_) | None) => {}
        (None, other) => *origin = other,
    }
}

/// Merges events of one kind that overlap: one arousal scored on two channels is one arousal.
fn merged(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by(|a, b| a.kind.cmp(&b.kind).then(a.onset_s.total_cmp(&b.onset_s)));
    let mut merged: Vec<Event> = Vec::new();
    for event in events {
        match merged.last_mut() {
            Some(last) if last.kind == event.kind && event.onset_s < last.end_s() => {
                last.duration_s = last.end_s().max(event.end_s()) - last.onset_s;
                join(&mut last.origin, event.origin);
            }
            Some(_) | None => merged.push(event),
        }
    }
    merged.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s).then(a.kind.cmp(&b.kind)));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sleep::EventKind;

    #[test]
    fn annotations_become_stages_and_events() {
        let annotations = [
            ScoredAnnotation::new(0.0, Some(60.0), "Sleep stage W"),
            ScoredAnnotation::new(60.0, Some(30.0), "Stage 2 sleep|2"),
            ScoredAnnotation::new(70.0, Some(12.0), "Hypopnea|Hypopnea"),
            ScoredAnnotation::new(75.0, None, "spoke to Mr X"),
            ScoredAnnotation::new(75.0, None, "Lights off"),
            ScoredAnnotation::new(80.0, Some(10.0), "Unsure|of Mr X"),
        ];
        let scoring = Scoring::from_annotations(&annotations);
        assert_eq!(scoring.hypnogram.stage_of_epoch(60.0), Some(Stage::N2));
        assert_eq!(scoring.events, [Event::new(EventKind::Hypopnea, 70.0, 12.0)]);
        let warnings: Vec<String> = scoring.warnings().into_iter().map(|w| w.message).collect();
        let expected = [
            "`unsure` means different things in different archives; 1 annotations were not understood",
            "1 annotations have no known name and were not understood",
        ];
        assert_eq!(warnings, expected);
    }

    #[test]
    fn stage_without_a_length_lasts_one_epoch_at_most() {
        let annotations = [
            ScoredAnnotation::new(0.0, None, "W"),
            ScoredAnnotation::new(20.0, None, "N1"),
            ScoredAnnotation::new(90.0, None, "N2"),
        ];
        let hypnogram = Scoring::from_annotations(&annotations).hypnogram;
        assert_eq!(hypnogram.stage_of_epoch(0.0), Some(Stage::Wake));
        assert_eq!(hypnogram.stage_of_epoch(30.0), Some(Stage::N1));
        assert_eq!(hypnogram.stage_of_epoch(60.0), None);
        assert_eq!(hypnogram.total_sleep_s(), 60.0);
    }

    #[test]
    fn one_arousal_scored_on_two_channels_is_one_event() {
        let annotations = [
            ScoredAnnotation::new(10.0, Some(5.0), "ASDA arousal|Arousal (ASDA)"),
            ScoredAnnotation::new(12.0, Some(6.0), "Arousal|Arousal ()"),
            ScoredAnnotation::new(30.0, Some(4.0), "Arousal|Arousal ()"),
        ];
        let events = Scoring::from_annotations(&annotations).events;
        let event = |onset_s, duration_s| Event::new(EventKind::Arousal, onset_s, duration_s);
        assert_eq!(events, [event(10.0, 8.0), event(30.0, 4.0)]);
    }

    #[test]
    fn merged_event_keeps_the_channels_and_scorers_of_both() {
        let scored = |onset_s, channel: &str, scorer: &str| ScoredAnnotation {
            channel: Some(channel.to_owned()),
            scorer: Some(scorer.to_owned()),
            ..ScoredAnnotation::new(onset_s, Some(5.0), "Arousal")
        };
        let annotations =
            [scored(10.0, "C3", "A"), scored(12.0, "C4", "A"), scored(30.0, "C3", "A")];
        let events = Scoring::from_annotations(&annotations).events;
        let origin = |event: &Event| {
            let origin = event.origin.clone().unwrap();
            (origin.channels.join(" "), origin.scorers.join(" "))
        };
        let found: Vec<(String, String)> = events.iter().map(origin).collect();
        assert_eq!(
            found,
            [("C3 C4".to_owned(), "A".to_owned()), ("C3".to_owned(), "A".to_owned())]
        );
    }

    #[test]
    fn annotations_without_file_scorer_and_channel_have_no_origin() {
        assert_eq!(ScoredAnnotation::new(0.0, None, "Arousal").origin(), None);
    }

    #[test]
    fn events_of_one_origin_share_it() {
        let scored = |onset_s| ScoredAnnotation {
            channel: Some("C3".to_owned()),
            ..ScoredAnnotation::new(onset_s, Some(5.0), "Arousal")
        };
        let events = Scoring::from_annotations(&[scored(10.0), scored(30.0)]).events;
        let [first, second] = [&events[0], &events[1]].map(|event| event.origin.as_ref().unwrap());
        assert!(Arc::ptr_eq(first, second));
    }
}
