//! Which epochs of a scored night have an event.

use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EPOCH_S, EventSet, Stage};

use crate::calibration::epoch_curve::LabelledEpoch;
use crate::night::EncodedNight;
use crate::registry::Registry;
use crate::registry::concept::{Concept, Input};

/// An event concept, to be found in scored nights.
#[derive(Debug)]
pub struct EventLabels<'a> {
    concept: &'a Concept,
    kinds: EventSet,
}

impl<'a> EventLabels<'a> {
    /// Finds a concept by the kinds of event that it covers.
    pub fn new(concept: &'a Concept, registry: &Registry) -> Self {
        Self { concept, kinds: registry.events_of(&concept.id) }
    }

    /// Returns whether a night was scored for the concept, even if no event occurred.
    pub fn is_scored(&self, night: &EncodedNight) -> bool {
        let scored = night.scored_kinds();
        self.kinds.iter().any(|kind| scored.contains(kind))
    }

    /// Returns the epochs of scored sleep whose channels show the concept, and whether an event lies in each, even if
    /// only in part.
    pub fn judged(&self, night: &EncodedNight) -> Vec<(usize, bool)> {
        let has_it = self.has_event(night);
        let is_judged = |row: &usize| {
            night.stages[*row].is_some_and(Stage::is_sleep)
                && is_shown(self.concept, night.masks[*row])
        };
        (0..night.stages.len()).filter(is_judged).map(|row| (row, has_it[row])).collect()
    }

    /// Returns the embeddings of the judged epochs.
    pub(super) fn labelled<'n>(&self, night: &'n EncodedNight) -> Vec<LabelledEpoch<'n>> {
        let judged = self.judged(night).into_iter();
        judged.map(|(row, has_it)| (night.embeddings[row].as_slice(), has_it)).collect()
    }

    fn has_event(&self, night: &EncodedNight) -> Vec<bool> {
        let mut has_it = vec![false; night.onsets_s.len()];
        let events = night.events.iter().flatten();
        for event in events.filter(|event| self.kinds.contains(event.kind)) {
            let end_s = event.onset_s + event.duration_s;
            let first =
                night.onsets_s.partition_point(|onset_s| onset_s + EPOCH_S <= event.onset_s);
            for (row, onset_s) in night.onsets_s.iter().enumerate().skip(first) {
                if *onset_s > event.onset_s && *onset_s >= end_s {
                    break;
                }
                has_it[row] = true;
            }
        }
        has_it
    }
}

/// Returns whether an epoch with these channels shows a concept to the model.
pub(crate) fn is_shown(concept: &Concept, mask: ChannelMask) -> bool {
    let has = |input: &Input| match input {
        Input::Channel(channel) => mask.contains(*channel),
        Input::Signal(_) => false,
    };
    concept.needs.iter().all(|group| group.iter().any(has))
}

#[cfg(test)]
mod tests {
    use nocturne_psg::montage::Channel;
    use nocturne_psg::{Event, EventKind};

    use super::*;

    fn night(events: Vec<Event>) -> EncodedNight {
        let mut masks = vec![ChannelMask::ALL; 5];
        masks[4] = ChannelMask::from_iter([Channel::Ecg]);
        EncodedNight {
            numbers: (0..5).collect(),
            onsets_s: (0..5).map(|i| f64::from(i) * EPOCH_S).collect(),
            masks,
            stages: [Stage::N2, Stage::N2, Stage::Wake, Stage::Rem, Stage::Rem].map(Some).to_vec(),
            embeddings: vec![vec![1.0]; 5],
            events: Some(events),
            ..EncodedNight::default()
        }
    }

    fn labels(id: &str) -> EventLabels<'static> {
        EventLabels::new(Registry::shipped().get(id).unwrap(), Registry::shipped())
    }

    #[test]
    fn epochs_of_sleep_with_the_channels_are_judged() {
        let night = night(vec![Event::new(EventKind::Arousal, 25.0, 10.0)]);
        let expected = [(0, true), (1, true), (3, false)];
        assert_eq!(labels("arousal").judged(&night), expected);
    }

    #[test]
    fn an_event_of_the_family_means_that_the_concept_was_scored() {
        let night = night(vec![Event::new(EventKind::Hypopnea, 25.0, 10.0)]);
        assert!(labels("obstructive_apnea").is_scored(&night));
        assert!(!labels("arousal").is_scored(&night));
        assert!(!labels("hypopnea").is_scored(&EncodedNight { events: None, ..night }));
    }
}
