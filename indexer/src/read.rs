//! Reads one recording to the point where only the encoder is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nocturne_index::{Claim, Claims, RecordingEntry};
use nocturne_psg::annotation::sha256_of_annotations;
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

/// A recording file that has a name.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) path: PathBuf,
    pub(crate) id: RecordingId,
    pub(crate) annotations: Vec<PathBuf>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// What came of a recording.
pub(crate) enum Outcome {
    Read(Box<ReadRecording>),
    /// The collection holds it as it is.
    Unchanged,
    /// Another writer has brought it as it is, after this one had read the list.
    ByOthers,
    /// The collection holds it, but something else was said of it.
    Said(BTreeMap<String, String>),
    /// Another writer is at work on it.
    Held {
        holder: String,
        look_again: Duration,
    },
    Failed(RecordingError),
}

/// What a recording lacks that the collection holds.
enum Lack {
    Nothing,
    Metadata(BTreeMap<String, String>),
    /// It is another by now; this is said of it.
    All(BTreeMap<String, String>),
}

impl From<Named> for FoundRecording {
    fn from(named: Named) -> Self {
        let Named { path, id, annotations, metadata } = named;
        Self { path, id: Ok(id), annotations: Some(annotations), metadata }
    }
}

/// Reads a recording, unless what is `listed` of it says that it is there already, or another writer is at work on it.
///
/// What was read or said is claimed.
///
/// # Errors
///
/// Those of [`Claims::claim`].
pub(crate) fn read(
    named: &Named,
    listed: Option<&RecordingEntry>,
    claims: &dyn Claims,
    options: &Options,
) -> nocturne_index::Result<Outcome> {
    // Most often nothing is lacking, which is seen without a claim.
    let source = match listed.map(|entry| look(named, entry, options)) {
        None => None,
        Some(Ok((_, Lack::Nothing))) => return Ok(Outcome::Unchanged),
        Some(Ok((source, Lack::Metadata(_) | Lack::All(_)))) => Some(source),
        Some(Err(error)) => return Ok(Outcome::Failed(error)),
    };
    let entry = match claims.claim(&named.id, listed)? {
        Claim::Ours(entry) => entry,
        Claim::Held { holder, look_again } => return Ok(Outcome::Held { holder, look_again }),
    };
    let outcome =
        read_claimed(named, source, entry.as_ref(), options).unwrap_or_else(Outcome::Failed);
    if !matches!(outcome, Outcome::Read(_) | Outcome::Said(_)) {
        claims.give_back(&named.id);
    }
    Ok(outcome)
}

fn look(
    named: &Named,
    entry: &RecordingEntry,
    options: &Options,
) -> Result<(Source, Lack), RecordingError> {
    let source = Source::of(&named.path, &named.annotations)?;
    let lack = lack(named, &source, entry, options)?;
    Ok((source, lack))
}

fn read_claimed(
    named: &Named,
    source: Option<Source>,
    entry: Option<&RecordingEntry>,
    options: &Options,
) -> Result<Outcome, RecordingError> {
    let source = source.map_or_else(|| Source::of(&named.path, &named.annotations), Ok)?;
    let lack = match entry {
        None => Lack::All(said(named, options)),
        Some(entry) => lack(named, &source, entry, options)?,
    };
    match lack {
        Lack::Nothing => Ok(Outcome::ByOthers),
        Lack::Metadata(metadata) => Ok(Outcome::Said(metadata)),
        Lack::All(metadata) => {
            let read = read_night(named, source, options)?;
            Ok(Outcome::Read(Box::new(ReadRecording { metadata, ..read })))
        }
    }
}

/// Returns what is said of a recording in this run.
fn said(named: &Named, options: &Options) -> BTreeMap<String, String> {
    named.metadata.clone().into_iter().chain(options.metadata.clone()).collect()
}

/// Compares a recording with what the collection holds of that name.
fn lack(
    named: &Named,
    source: &Source,
    entry: &RecordingEntry,
    options: &Options,
) -> Result<Lack, RecordingError> {
    let said = said(named, options);
    // What was said of it later, with `nocturne metadata`, stays unless it is said anew.
    let profiles = [&entry.metadata, &said].map(|said| said.get(PROFILE).cloned());
    let mut metadata: BTreeMap<_, _> = entry.metadata.clone().into_iter().chain(said).collect();
    if profiles[1].is_none() {
        metadata.remove(PROFILE);
    }
    if source.is_held_by(entry) && profiles[0] == profiles[1] {
        let is_same = entry.metadata == metadata;
        return Ok(if is_same { Lack::Nothing } else { Lack::Metadata(metadata) });
    }
    if entry.source == source.path {
        return Ok(Lack::All(metadata));
    }
    let (path, id) = (named.path.clone(), named.id.clone());
    Err(RecordingError::NameTaken { path, id, holder: entry.source.clone() })
}

fn read_night(
    named: &Named,
    source: Source,
    options: &Options,
) -> Result<ReadRecording, RecordingError> {
    let Named { path, id, annotations, .. } = named;
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
