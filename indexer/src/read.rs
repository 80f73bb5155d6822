//! Reads one recording to the point where only the encoder is missing.

use std::path::Path;

use nocturne_index::RecordingEntry;
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::{Event, Night, Recording, RecordingId, Warning, ZScore};

use crate::captions::{Caption, CaptionKinds, captions};
use crate::{FoundRecording, RecordingError};

/// A recording that waits for the encoder.
pub(crate) struct ReadRecording {
    pub(crate) id: RecordingId,
    pub(crate) source: Source,
    pub(crate) night: Night,
    pub(crate) captions: Vec<Caption>,
    pub(crate) events: Option<Vec<Event>>,
    pub(crate) montage: serde_json::Value,
    pub(crate) warnings: Vec<Warning>,
}

/// Where a recording comes from, and what it holds, by hash.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) annotations_sha256: Option<String>,
}

/// What came of a recording.
pub(crate) enum Outcome {
    Read(Box<ReadRecording>),
    /// The collection holds it as it is.
    Unchanged(RecordingId),
    Failed(RecordingError),
}

/// Reads a recording, unless the collection's entry of its name says that it is there already.
pub(crate) fn read(
    found: FoundRecording,
    entry: impl Fn(&RecordingId) -> Option<RecordingEntry>,
    kinds: &CaptionKinds,
    z_score: ZScore,
) -> Outcome {
    let outcome = || -> Result<Outcome, RecordingError> {
        let id = found.id?;
        let source = Source::of(&found.path)?;
        if let Some(entry) = entry(&id) {
            if source.is_held_by(&entry) {
                return Ok(Outcome::Unchanged(id));
            }
            if entry.source != source.path {
                return Err(RecordingError::NameTaken {
                    path: found.path.clone(),
                    id,
                    holder: entry.source,
                });
            }
        }
        let read = read_night(&found.path, id, source, kinds, z_score)?;
        Ok(Outcome::Read(Box::new(read)))
    };
    outcome().unwrap_or_else(Outcome::Failed)
}

fn read_night(
    path: &Path,
    id: RecordingId,
    source: Source,
    kinds: &CaptionKinds,
    z_score: ZScore,
) -> Result<ReadRecording, RecordingError> {
    let recording = Recording::open(path)?;
    let night = Night::read(&recording, z_score)?;
    let events = Some(recording.scoring().events.clone()).filter(|events| !events.is_empty());
    let report = recording.montage().report(recording.file().header());
    let montage =
        serde_json::json!({ "profile": recording.montage().profile().name, "channels": report });
    let mut warnings = recording.warnings().to_vec();
    warnings.extend_from_slice(night.warnings());
    let captions = captions(kinds, &id, &night, events.is_some());
    Ok(ReadRecording { id, source, night, captions, events, montage, warnings })
}

impl Source {
    fn of(path: &Path) -> Result<Self, RecordingError> {
        Ok(Self {
            // An absolute path tells two cohorts apart that name their files alike.
            path: std::path::absolute(path)
                .unwrap_or_else(|_| path.to_owned())
                .display()
                .to_string(),
            sha256: sha256_of_file(path)?,
            annotations_sha256: nocturne_psg::annotation::sha256_of_companions(path)?,
        })
    }

    fn is_held_by(&self, entry: &RecordingEntry) -> bool {
        entry.source_sha256 == self.sha256 && entry.annotations_sha256 == self.annotations_sha256
    }
}
