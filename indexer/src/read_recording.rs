//! Reads one recording, up to the input of the encoder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nocturne_index::RecordingEntry;
use nocturne_psg::annotation::sha256_of_annotations;
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::{Event, Night, OpenOptions, Recording, RecordingId, Warning};

use crate::RecordingError;
use crate::captions::{Caption, captions};
use crate::pipeline::Options;

/// Metadata column with the profile that the caller has chosen for a recording.
pub(crate) const PROFILE: &str = "profile";

/// A recording that is ready to be encoded.
pub(crate) struct ReadRecording {
    pub(crate) id: RecordingId,
    pub(crate) source: Source,
    pub(crate) night: Night,
    pub(crate) captions: Vec<Caption>,
    pub(crate) events: Option<Vec<Event>>,
    pub(crate) montage: serde_json::Value,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// The path of a recording, and the hashes of its files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) annotations_sha256: Option<String>,
}

/// A recording file with its id.
#[derive(Debug, Clone)]
pub(crate) struct NamedRecording {
    pub(crate) path: PathBuf,
    pub(crate) id: RecordingId,
    pub(crate) annotations: Vec<PathBuf>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// The result of reading a recording.
pub(crate) enum ReadOutcome {
    Read(Box<ReadRecording>),
    /// The collection has it with the same content and metadata.
    Unchanged,
    /// The collection has it with other metadata than these.
    NewMetadata(BTreeMap<String, String>),
}

/// How a recording differs from its entry in the collection.
enum Difference {
    None,
    /// Only its metadata are new.
    Metadata(BTreeMap<String, String>),
    /// Its content is new, or its profile; these are its metadata.
    Content(BTreeMap<String, String>),
}

/// Reads a recording, unless the collection has it already; `entry` is its entry there.
pub(crate) fn read(
    named: &NamedRecording,
    entry: Option<&RecordingEntry>,
    options: &Options,
) -> Result<ReadOutcome, RecordingError> {
    let source = Source::of(&named.path, &named.annotations)?;
    let difference = match entry {
        None => Difference::Content(given_metadata(named, options)),
        Some(entry) => difference(named, &source, entry, options)?,
    };
    match difference {
        Difference::None => Ok(ReadOutcome::Unchanged),
        Difference::Metadata(metadata) => Ok(ReadOutcome::NewMetadata(metadata)),
        Difference::Content(metadata) => {
            let read = read_night(named, source, options)?;
            Ok(ReadOutcome::Read(Box::new(ReadRecording { metadata, ..read })))
        }
    }
}

/// Returns the metadata that this run has for a recording.
fn given_metadata(named: &NamedRecording, options: &Options) -> BTreeMap<String, String> {
    named.metadata.clone().into_iter().chain(options.metadata.clone()).collect()
}

/// Compares a recording with its entry in the collection.
fn difference(
    named: &NamedRecording,
    source: &Source,
    entry: &RecordingEntry,
    options: &Options,
) -> Result<Difference, RecordingError> {
    let given = given_metadata(named, options);
    // Metadata that were set later stay, unless this run has other values.
    let profiles = [&entry.metadata, &given].map(|metadata| metadata.get(PROFILE).cloned());
    let mut metadata: BTreeMap<_, _> = entry.metadata.clone().into_iter().chain(given).collect();
    if profiles[1].is_none() {
        metadata.remove(PROFILE);
    }
    if source.is_that_of(entry) && profiles[0] == profiles[1] {
        let is_same = entry.metadata == metadata;
        return Ok(if is_same { Difference::None } else { Difference::Metadata(metadata) });
    }
    if entry.source == source.path {
        return Ok(Difference::Content(metadata));
    }
    let (path, id) = (named.path.clone(), named.id.clone());
    Err(RecordingError::NameTaken { path, id, holder: entry.source.clone() })
}

fn read_night(
    named: &NamedRecording,
    source: Source,
    options: &Options,
) -> Result<ReadRecording, RecordingError> {
    let NamedRecording { path, id, annotations, .. } = named;
    let (annotations, id) = (Some(annotations.clone()), id.clone());
    let open = OpenOptions { annotations, profile: options.profile.clone() };
    let recording = Recording::open_by(path, &open)?;
    let night = Night::read(&recording, options.z_score)?;
    let events = Some(recording.scoring().events.clone()).filter(|events| !events.is_empty());
    let montage = montage_report(&recording);
    let mut warnings = recording.warnings().to_vec();
    warnings.extend_from_slice(night.warnings());
    if let Some(first) = warnings.first().filter(|_| options.strict) {
        let (n, first) = (warnings.len(), first.message.clone());
        return Err(RecordingError::Strict { path: path.clone(), n, first });
    }
    let captions = captions(&options.captions, &id, &night, events.is_some());
    let metadata = BTreeMap::new();
    Ok(ReadRecording { id, source, night, captions, events, montage, warnings, metadata })
}

/// Returns which signals feed which channels of a recording, as JSON.
pub(crate) fn montage_report(recording: &Recording) -> serde_json::Value {
    let report = recording.montage().report(recording.file().header());
    serde_json::json!({ "profile": recording.montage().profile().name, "channels": report })
}

impl Source {
    fn of(path: &Path, annotations: &[PathBuf]) -> Result<Self, RecordingError> {
        Ok(Self {
            // An absolute path distinguishes two cohorts with the same file names.
            path: std::path::absolute(path)
                .unwrap_or_else(|_| path.to_owned())
                .display()
                .to_string(),
            sha256: sha256_of_file(path)?,
            annotations_sha256: sha256_of_annotations(annotations)?,
        })
    }

    /// Returns whether the entry has the same hashes.
    fn is_that_of(&self, entry: &RecordingEntry) -> bool {
        entry.source_sha256 == self.sha256 && entry.annotations_sha256 == self.annotations_sha256
    }
}
