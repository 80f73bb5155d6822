//! The origin of an event: its file, scorers and signals.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::sleep::{Event, EventKind};

/// Maximum number of signals and of scorers in an origin; more than any montage has electrodes for one kind of event.
const MAX_NAMES: usize = 32;

/// File, scorers and signals of an event.
///
/// Equal origins within a night are shared, so they take memory once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct EventOrigin {
    /// The file that contains it; `None` for an event created by a program.
    pub file: Option<Arc<Path>>,
    /// Scorers named in the file; several if overlapping scorings were merged. May identify people.
    pub scorers: Vec<Arc<str>>,
    /// Signals or body sites named in the file, by onset.
    pub channels: Vec<Arc<str>>,
}

impl EventOrigin {
    /// Adds the signals and scorers of another origin, up to [`MAX_NAMES`] each.
    pub(crate) fn merge(&mut self, other: &Self) {
        let add = |names: &mut Vec<Arc<str>>, others: &[Arc<str>]| {
            for name in others {
                if names.len() < MAX_NAMES && !names.contains(name) {
                    names.push(Arc::clone(name));
                }
            }
        };
        add(&mut self.scorers, &other.scorers);
        add(&mut self.channels, &other.channels);
        self.file = self.file.take().or_else(|| other.file.clone());
    }
}

/// An event with its origin in plain fields, for output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventInspection {
    /// Kind of event.
    pub kind: EventKind,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// Duration in seconds, 0 for an instant.
    pub duration_s: f64,
    /// Signals or body sites named in the file.
    pub channels: Vec<String>,
    /// Scorers named in the file, separated by `, `.
    pub scorer: Option<String>,
    /// The file that contains it.
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
        EventOrigin { file: None, scorers: vec![scorer.into()], channels: vec![channel.into()] }
    }

    #[test]
    fn merged_origins_contain_each_name_once() {
        let mut merged = origin("A", "C3");
        merged.merge(&origin("A", "C4"));
        merged.merge(&origin("B", "C3"));
        assert_eq!(merged.scorers, ["A".into(), "B".into()]);
        assert_eq!(merged.channels, ["C3".into(), "C4".into()]);
    }

    #[test]
    fn merged_origins_are_bounded() {
        let mut merged = origin("A", "0");
        (1..1000).for_each(|channel| merged.merge(&origin("A", &channel.to_string())));
        assert_eq!(merged.channels.len(), MAX_NAMES);
    }
}
