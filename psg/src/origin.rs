//! Where an event comes from: the file, the scorer and the signals.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::annotation::ScoredAnnotation;
use crate::{Event, EventKind};

/// Signals and scorers that an origin names: more than a montage has electrodes for one kind of event.
const MOST: usize = 32;

/// Where an event was scored, and by whom.
///
/// The events of a night share their origins; what files repeat takes memory once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct EventOrigin {
    /// The file that it stands in; `None` for an annotation that was made here.
    pub file: Option<Arc<Path>>,
    /// Who scored it, as the file says; several where scorings that overlap were merged. They may name people.
    pub scorers: Vec<Arc<str>>,
    /// The signals or places on the body at which it was scored, as the file says, in the order of their onsets.
    pub channels: Vec<Arc<str>>,
}

impl EventOrigin {
    /// Returns the origin of an annotation, or nothing where nothing is known of it.
    pub(crate) fn of(annotation: &ScoredAnnotation) -> Option<Self> {
        let one = |text: &Option<String>| text.as_deref().map(Arc::from).into_iter().collect();
        let origin = Self {
            file: annotation.file.clone(),
            scorers: one(&annotation.scorer),
            channels: one(&annotation.channel),
        };
        (origin != Self::default()).then_some(origin)
    }

    /// Adds what another origin names and this one does not, up to 32 signals and scorers.
    pub(crate) fn join(&mut self, other: &Self) {
        let add = |known: &mut Vec<Arc<str>>, others: &[Arc<str>]| {
            for name in others {
                if known.len() < MOST && !known.contains(name) {
                    known.push(Arc::clone(name));
                }
            }
        };
        add(&mut self.scorers, &other.scorers);
        add(&mut self.channels, &other.channels);
        self.file = self.file.take().or_else(|| other.file.clone());
    }
}

/// An event for people and programs who want to see where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventInspection {
    /// What happened.
    pub kind: EventKind,
    /// Begin, in seconds from the start of the recording.
    pub onset_s: f64,
    /// Length in seconds, 0 for an instant.
    pub duration_s: f64,
    /// The signals or places at which it was scored, as the file says.
    pub channels: Vec<String>,
    /// Who scored it, as the file says; several are parted by `, `.
    pub scorer: Option<String>,
    /// The file that it stands in.
    pub source: Option<String>,
}

impl From<&Event> for EventInspection {
    fn from(event: &Event) -> Self {
        let Event { kind, onset_s, duration_s, origin } = event;
        let origin = origin.as_deref().cloned().unwrap_or_default();
        Self {
            kind: *kind,
            onset_s: *onset_s,
            duration_s: *duration_s,
            scorer: (!origin.scorers.is_empty()).then(|| origin.scorers.join(", ")),
            source: origin.file.map(|file| file.display().to_string()),
            channels: origin.channels.iter().map(ToString::to_string).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(scorer: &str, channel: &str) -> EventOrigin {
        let mut annotation = ScoredAnnotation::new(0.0, None, "Arousal");
        annotation.scorer = Some(scorer.to_owned());
        annotation.channel = Some(channel.to_owned());
        EventOrigin::of(&annotation).unwrap()
    }

    #[test]
    fn joined_origins_name_everything_once() {
        let mut joined = origin("A", "C3");
        joined.join(&origin("A", "C4"));
        joined.join(&origin("B", "C3"));
        assert_eq!(joined.scorers, ["A".into(), "B".into()]);
        assert_eq!(joined.channels, ["C3".into(), "C4".into()]);
    }

    #[test]
    fn origins_do_not_grow_without_bound() {
        let mut joined = origin("A", "0");
        (1..1000).for_each(|channel| joined.join(&origin("A", &channel.to_string())));
        assert_eq!(joined.channels.len(), MOST);
    }

    #[test]
    fn annotation_of_which_nothing_is_known_has_no_origin() {
        assert_eq!(EventOrigin::of(&ScoredAnnotation::new(0.0, None, "Arousal")), None);
    }
}
