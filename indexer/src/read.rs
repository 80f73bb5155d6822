//! Reads one recording to the point where only the encoder is missing.

use std::path::Path;

use nocturne_index::RecordingEntry;
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::{Event, Night, OpenOptions, Recording, RecordingId, Warning};

use crate::captions::{Caption, captions};
use crate::pipeline::Options;
use crate::{FoundRecording, RecordingError};

/// Name under which a profile of one's choice is kept with what is said of a recording.
pub(crate) const PROFILE: &str = "profile";

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
    options: &Options,
) -> Outcome {
    let outcome = || -> Result<Outcome, RecordingError> {
        let id = found.id?;
        let source = Source::of(&found.path)?;
        if let Some(entry) = entry(&id) {
            if source.is_held_by(&entry, options) {
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
        let read = read_night(&found.path, id, source, options)?;
        Ok(Outcome::Read(Box::new(read)))
    };
    outcome().unwrap_or_else(Outcome::Failed)
}

fn read_night(
    path: &Path,
    id: RecordingId,
    source: Source,
    options: &Options,
) -> Result<ReadRecording, RecordingError> {
    let open = OpenOptions { profile: options.profile.clone(), ..OpenOptions::default() };
    let recording = Recording::open_by(path, &open)?;
    let night = Night::read(&recording, options.z_score)?;
    let events = Some(recording.scoring().events.clone()).filter(|events| !events.is_empty());
    let report = recording.montage().report(recording.file().header());
    let montage =
        serde_json::json!({ "profile": recording.montage().profile().name, "channels": report });
    let mut warnings = recording.warnings().to_vec();
    warnings.extend_from_slice(night.warnings());
    if let Some(first) = warnings.first().filter(|_| options.strict) {
        let (n, first) = (warnings.len(), first.message.clone());
        return Err(RecordingError::Strict { path: path.to_owned(), n, first });
    }
    let captions = captions(&options.captions, &id, &night, events.is_some());
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

    /// Returns whether the entry is of the same bytes, read in the same way.
    fn is_held_by(&self, entry: &RecordingEntry, options: &Options) -> bool {
        entry.source_sha256 == self.sha256
            && entry.annotations_sha256 == self.annotations_sha256
            && entry.metadata.get(PROFILE) == options.metadata.get(PROFILE)
    }
}
