//! A scoring: annotations that have been understood.

use super::names::{Meaning, meaning};
use super::{Annotation, nsrr_xml};
use crate::{Event, Hypnogram};

/// The stages and events of a night, as one source scored them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scoring {
    /// The stages.
    pub hypnogram: Hypnogram,
    /// The events in order of onset; overlapping scorings of one kind are merged into one event.
    pub events: Vec<Event>,
    /// Number of annotations whose text is not known. The texts themselves may name people and are not kept.
    pub n_unknown: usize,
}

impl Scoring {
    /// Reads what annotations mean.
    ///
    /// The first part of an NSRR concept, the scorer's free notes and every text that is not an exact known name are
    /// counted as unknown.
    pub fn from_annotations<'a>(annotations: impl IntoIterator<Item = &'a Annotation>) -> Self {
        let mut stretches = Vec::new();
        let mut events = Vec::new();
        let mut n_unknown = 0;
        for annotation in annotations {
            let (onset_s, duration_s) = (annotation.onset_s, annotation.duration_s.unwrap_or(0.0));
            match meaning(&annotation.text) {
                Some(Meaning::Stage(stage)) => stretches.push((onset_s, duration_s, stage)),
                Some(Meaning::Event(kind)) => events.push(Event { kind, onset_s, duration_s }),
                None => n_unknown += usize::from(!is_technical(&annotation.text)),
            }
        }
        Self { hypnogram: Hypnogram::new(stretches), events: merged(events), n_unknown }
    }

    /// Returns whether the source scored nothing that is understood here.
    pub fn is_empty(&self) -> bool {
        self.hypnogram.is_empty() && self.events.is_empty()
    }
}

/// Returns whether a text is known to say nothing about sleep.
fn is_technical(text: &str) -> bool {
    text.is_empty() || text == nsrr_xml::RECORDING_START
}

/// Merges events of one kind that overlap: one arousal scored on two channels is one arousal.
fn merged(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by(|a, b| a.kind.cmp(&b.kind).then(a.onset_s.total_cmp(&b.onset_s)));
    let mut merged: Vec<Event> = Vec::new();
    for event in events {
        match merged.last_mut() {
            Some(last) if last.kind == event.kind && event.onset_s < last.end_s() => {
                last.duration_s = last.end_s().max(event.end_s()) - last.onset_s;
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
    use crate::{EventKind, Stage};

    #[test]
    fn annotations_become_stages_and_events() {
        let annotations = [
            Annotation::new(0.0, Some(60.0), "Sleep stage W"),
            Annotation::new(60.0, Some(30.0), "Stage 2 sleep|2"),
            Annotation::new(70.0, Some(12.0), "Hypopnea|Hypopnea"),
            Annotation::new(75.0, None, "spoke to Mr X"),
        ];
        let scoring = Scoring::from_annotations(&annotations);
        assert_eq!(scoring.hypnogram.stage_of_epoch(60.0), Some(Stage::N2));
        assert_eq!(
            scoring.events,
            [Event { kind: EventKind::Hypopnea, onset_s: 70.0, duration_s: 12.0 }]
        );
        assert_eq!(scoring.n_unknown, 1);
    }

    #[test]
    fn one_arousal_scored_on_two_channels_is_one_event() {
        let annotations = [
            Annotation::new(10.0, Some(5.0), "ASDA arousal|Arousal (ASDA)"),
            Annotation::new(12.0, Some(6.0), "Arousal|Arousal ()"),
            Annotation::new(30.0, Some(4.0), "Arousal|Arousal ()"),
        ];
        let events = Scoring::from_annotations(&annotations).events;
        let event = |onset_s, duration_s| Event { kind: EventKind::Arousal, onset_s, duration_s };
        assert_eq!(events, [event(10.0, 8.0), event(30.0, 4.0)]);
    }
}
