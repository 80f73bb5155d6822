//! Reads one recording to the point where only the encoder is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nocturne_index::RecordingEntry;
use nocturne_psg::annotation::{companions, sha256_of_annotations};
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
    /// What is said of the recording, and of all of them.
    pub(crate) metadata: BTreeMap<String, String>,
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
    /// The collection holds it, but something else was said of it.
    Said(RecordingId, BTreeMap<String, String>),
    Failed(RecordingError),
}

/// Reads a recording, unless the collection's entry of its name says that it is there already.
pub(crate) fn read(
    found: FoundRecording,
    entry: impl Fn(&RecordingId) -> Option<RecordingEntry>,
    options: &Options,
) -> Outcome {
    let outcome = || -> Result<Outcome, RecordingError> {
        let FoundRecording { path, id, annotations, mut metadata } = found;
        let id = id?;
        metadata.extend(options.metadata.clone());
        let annotations = annotations.unwrap_or_else(|| companions(&path));
        let source = Source::of(&path, &annotations)?;
        if let Some(entry) = entry(&id) {
            // What was said of it later, with `nocturne metadata`, stays unless it is said anew.
            let profiles = [&entry.metadata, &metadata].map(|said| said.get(PROFILE).cloned());
            metadata = entry.metadata.clone().into_iter().chain(metadata).collect();
            if profiles[1].is_none() {
                metadata.remove(PROFILE);
            }
            if source.is_held_by(&entry) && profiles[0] == profiles[1] {
                let is_same = entry.metadata == metadata;
                return Ok(if is_same {
                    Outcome::Unchanged(id)
                } else {
                    Outcome::Said(id, metadata)
                });
            }
            if entry.source != source.path {
                return Err(RecordingError::NameTaken { path, id, holder: entry.source });
            }
        }
        let read = read_night(&path, id, (source, annotations), options)?;
        Ok(Outcome::Read(Box::new(ReadRecording { metadata, ..read })))
    };
    outcome().unwrap_or_else(Outcome::Failed)
}

fn read_night(
    path: &Path,
    id: RecordingId,
    (source, annotations): (Source, Vec<PathBuf>),
    options: &Options,
) -> Result<ReadRecording, RecordingError> {
    let open = OpenOptions { annotations: Some(annotations), profile: options.profile.clone() };
    let recording = Recording::open_by(path, &open)?;
    let night = Night::read(&recording, options.z_score)?;
    let events = Some(recording.scoring().events.clone()).filter(|events| !events.is_empty());
    let montage = montage_report(&recording);
    let mut warnings = recording.warnings().to_vec();
    warnings.extend_from_slice(night.warnings());
    if let Some(first) = warnings.first().filter(|_| options.strict) {
        let (n, first) = (warnings.len(), first.message.clone());
        return Err(RecordingError::Strict { path: path.to_owned(), n, first });
    }
    let captions = captions(&options.captions, &id, &night, events.is_some());
    let metadata = BTreeMap::new();
    Ok(ReadRecording { id, source, night, captions, events, montage, warnings, metadata })
}

/// Tells how the channels of a recording were found.
pub(crate) fn montage_report(recording: &Recording) -> serde_json::Value {
    let report = recording.montage().report(recording.file().header());
    serde_json::json!({ "profile": recording.montage().profile().name, "channels": report })
}

impl Source {
    fn of(path: &Path, annotations: &[PathBuf]) -> Result<Self, RecordingError> {
        Ok(Self {
            // An absolute path tells two cohorts apart that name their files alike.
            path: std::path::absolute(path)
                .unwrap_or_else(|_| path.to_owned())
                .display()
                .to_string(),
            sha256: sha256_of_file(path)?,
            annotations_sha256: sha256_of_annotations(annotations)?,
        })
    }

    /// Returns whether the entry is of the same bytes.
    fn is_held_by(&self, entry: &RecordingEntry) -> bool {
        entry.source_sha256 == self.sha256 && entry.annotations_sha256 == self.annotations_sha256
    }
}
