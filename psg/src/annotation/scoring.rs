//! A scoring: the stages and events that annotations mean.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::names::{Meaning, ambiguous_name, meaning};
use super::scored_annotation::ScoredAnnotation;
use crate::error::counted;
use crate::sleep::{EPOCH_S, Event, EventOrigin, Hypnogram, Stage};
use crate::statistics::InBed;
use crate::warning::{Warning, WarningCode};

/// Stages whose onsets are at most this far apart, in seconds, are about the same epoch.
const SAME_ONSET_S: f64 = 0.5;

/// The stages and events of a night in one scoring.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scoring {
    /// The stages.
    pub hypnogram: Hypnogram,
    /// The events in order of onset. Overlapping events of one kind are merged; the origin of the merged event names the
    /// scorers and signals of all.
    pub events: Vec<Event>,
    /// The first mark of lights off, in seconds from the start of the recording.
    pub lights_off_s: Option<f64>,
    /// The last mark of lights on, in seconds from the start of the recording.
    pub lights_on_s: Option<f64>,
    /// Number of annotations with an unknown text. The texts themselves may name people and are not kept.
    pub n_unknown: usize,
    /// Number of epochs with two different stages, which are left unscored.
    pub n_contradictory: usize,
    /// Whether the stages are those of a program.
    pub has_automatic_stages: bool,
    /// Names with different meanings in different archives, in lower case, with the number of their annotations.
    pub ambiguous: BTreeMap<&'static str, usize>,
}

impl Scoring {
    /// Interprets annotations.
    ///
    /// Free notes of the scorer, and every other text that is not exactly a known name, are counted as unknown. A stage
    /// without a duration lasts one epoch, or until the next stage if that starts earlier.
    pub fn from_annotations<'a>(
        annotations: impl IntoIterator<Item = &'a ScoredAnnotation>,
    ) -> Self {
        let mut scoring = Self::default();
        let mut stages: Vec<(f64, f64, Option<Stage>)> = Vec::new();
        let mut origins: HashSet<Arc<EventOrigin>> = HashSet::new();
        for annotation in annotations {
            let (onset_s, duration_s) = (annotation.onset_s, annotation.duration_s);
            match meaning(&annotation.text) {
                Some(Meaning::Stage(stage)) => {
                    stages.push((onset_s, duration_s.unwrap_or(EPOCH_S), stage));
                }
                Some(Meaning::Event(kind)) => {
                    let duration_s = duration_s.unwrap_or(0.0);
                    let origin = annotation.origin().map(|origin| shared(&mut origins, origin));
                    scoring.events.push(Event { kind, onset_s, duration_s, origin });
                }
                Some(Meaning::LightsOff) => {
                    let first_s = scoring.lights_off_s.map_or(onset_s, |it| it.min(onset_s));
                    scoring.lights_off_s = Some(first_s);
                }
                Some(Meaning::LightsOn) => {
                    let last_s = scoring.lights_on_s.map_or(onset_s, |it| it.max(onset_s));
                    scoring.lights_on_s = Some(last_s);
                }
                Some(Meaning::Other) => {}
                Some(Meaning::Ambiguous) => {
                    let name = ambiguous_name(&annotation.text).unwrap_or_default();
                    *scoring.ambiguous.entry(name).or_insert(0) += 1;
                }
                None => scoring.n_unknown += usize::from(!annotation.text.trim().is_empty()),
            }
        }
        scoring.n_contradictory = leave_contradictions_unscored(&mut stages);
        scoring.hypnogram = Hypnogram::new(stages);
        scoring.events = merge_overlapping(scoring.events);
        scoring
    }

    /// Returns whether there are neither stages nor events.
    pub fn is_empty(&self) -> bool {
        self.hypnogram.is_empty() && self.events.is_empty()
    }

    /// Returns the time in bed: from lights off to lights on if both are marked in this order, else the whole recording.
    pub fn in_bed(&self) -> InBed {
        let marks = self.lights_off_s.zip(self.lights_on_s).filter(|(off_s, on_s)| off_s < on_s);
        marks.map_or(InBed::WholeRecording, |(off_s, on_s)| InBed::LightsMarks { off_s, on_s })
    }

    /// Returns a warning for each ambiguous name, one for all unknown texts, and one for all contradictions.
    pub fn warnings(&self) -> Vec<Warning> {
        let ambiguous = self.ambiguous.iter().map(|(name, n)| {
            let ignored = counted(*n, "annotation");
            format!("`{name}` has different meanings in different archives; {ignored} ignored")
        });
        let unknown = (self.n_unknown > 0).then(|| {
            format!("{} with an unknown name ignored", counted(self.n_unknown, "annotation"))
        });
        let contradictory = (self.n_contradictory > 0).then(|| {
            format!(
                "{} with two different stages left unscored",
                counted(self.n_contradictory, "epoch")
            )
        });
        ambiguous
            .chain(unknown)
            .chain(contradictory)
            .map(|text| Warning::new(WarningCode::Annotation, text))
            .collect()
    }
}

/// Replaces different stages with the same onset by one unscored stage; returns how many there were. Unscored time is no
/// contradiction to a stage.
fn leave_contradictions_unscored(stages: &mut Vec<(f64, f64, Option<Stage>)>) -> usize {
    stages.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut n_contradictory = 0;
    let mut kept: Vec<(f64, f64, Option<Stage>)> = Vec::with_capacity(stages.len());
    let mut is_contradictory = false;
    for (onset_s, duration_s, stage) in stages.drain(..) {
        match kept.last_mut() {
            Some(last) if onset_s - last.0 <= SAME_ONSET_S => {
                last.1 = last.1.max(duration_s);
                if is_contradictory || stage.is_none() || stage == last.2 {
                    continue;
                }
                if last.2.is_none() {
                    last.2 = stage;
                    continue;
                }
                (last.2, is_contradictory) = (None, true);
                n_contradictory += 1;
            }
            Some(_) | None => {
                is_contradictory = false;
                kept.push((onset_s, duration_s, stage));
            }
        }
    }
    *stages = kept;
    n_contradictory
}

/// Returns the copy of an origin that all its events share.
fn shared(origins: &mut HashSet<Arc<EventOrigin>>, origin: EventOrigin) -> Arc<EventOrigin> {
    if let Some(known) = origins.get(&origin) {
        return Arc::clone(known);
    }
    let origin = Arc::new(origin);
    origins.insert(Arc::clone(&origin));
    origin
}

/// Merges the origin of an event into that of the event that it overlaps.
fn merge_origin(origin: &mut Option<Arc<EventOrigin>>, other: Option<Arc<EventOrigin>>) {
    match (origin.as_mut(), other) {
        (Some(origin), Some(other)) if *origin != other => Arc::make_mut(origin).merge(&other),
        (Some(_), Some(_) | None) => {}
        (None, other) => *origin = other,
    }
}

/// Merges overlapping events of one kind: an arousal scored on two channels is one arousal.
fn merge_overlapping(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by(|a, b| a.kind.cmp(&b.kind).then(a.onset_s.total_cmp(&b.onset_s)));
    let mut merged: Vec<Event> = Vec::new();
    for event in events {
        match merged.last_mut() {
            Some(last) if last.kind == event.kind && event.onset_s < last.end_s() => {
                last.duration_s = last.end_s().max(event.end_s()) - last.onset_s;
                merge_origin(&mut last.origin, event.origin);
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
            "`unsure` has different meanings in different archives; 1 annotation ignored",
            "1 annotation with an unknown name ignored",
        ];
        assert_eq!(warnings, expected);
    }

    #[test]
    fn epoch_with_two_stages_is_unscored() {
        let stage = |onset_s, text: &str| ScoredAnnotation::new(onset_s, Some(30.0), text);
        let annotations = [
            stage(0.0, "W"),
            stage(30.0, "N2"),
            stage(30.0, "R"),
            stage(60.0, "N2"),
            stage(60.0, "?"),
        ];
        let scoring = Scoring::from_annotations(&annotations);
        let stages = [0.0, 30.0, 60.0].map(|onset_s| scoring.hypnogram.stage_of_epoch(onset_s));
        assert_eq!(stages, [Some(Stage::Wake), None, Some(Stage::N2)]);
        assert_eq!(
            scoring.warnings()[0].message,
            "1 epoch with two different stages left unscored"
        );
    }

    #[test]
    fn time_in_bed_is_from_the_first_lights_off_to_the_last_lights_on() {
        let in_bed = |marks: &[(f64, &str)]| {
            let annotation =
                |(onset_s, text): &(f64, &str)| ScoredAnnotation::new(*onset_s, None, *text);
            let annotations: Vec<_> = marks.iter().map(annotation).collect();
            Scoring::from_annotations(&annotations).in_bed()
        };
        let visit = [
            (3600.0, "Lights off"),
            (600.0, "Lights off"),
            (3500.0, "Lights on"),
            (28000.0, "Lights on"),
        ];
        assert_eq!(in_bed(&visit), InBed::LightsMarks { off_s: 600.0, on_s: 28000.0 });
        assert_eq!(in_bed(&visit[..2]), InBed::WholeRecording);
        assert_eq!(in_bed(&visit[..3]), InBed::LightsMarks { off_s: 600.0, on_s: 3500.0 });
        let reversed = [(600.0, "Lights on"), (3600.0, "Lights off")];
        assert_eq!(in_bed(&reversed), InBed::WholeRecording);
    }

    #[test]
    fn stage_without_a_duration_lasts_at_most_one_epoch() {
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
    fn arousal_scored_on_two_channels_is_one_event() {
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
    fn merged_event_has_the_channels_and_scorers_of_both() {
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
    fn events_with_equal_origins_share_one() {
        let scored = |onset_s| ScoredAnnotation {
            channel: Some("C3".to_owned()),
            ..ScoredAnnotation::new(onset_s, Some(5.0), "Arousal")
        };
        let events = Scoring::from_annotations(&[scored(10.0), scored(30.0)]).events;
        let [first, second] = [&events[0], &events[1]].map(|event| event.origin.as_ref().unwrap());
        assert!(Arc::ptr_eq(first, second));
    }
}
