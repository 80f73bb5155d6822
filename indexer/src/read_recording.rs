//! Reads one recording for the encoder, unless the collection already has it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nocturne_index::RecordingEntry;
use nocturne_psg::annotation::{
    AUTOMATIC, AnnotationFormat, STAGE_SOURCE, ScoringOptions, sha256_of_annotations,
};
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::{
    Event, EventSet, Night, OpenOptions, Recording, RecordingId, SignalMeasures, Warning,
};

use crate::captions::{Caption, captions};
use crate::error::RecordingError;
use crate::options::IndexOptions;

/// Metadata column with the profile that the caller chose; missing if the profile was detected.
pub(crate) const PROFILE: &str = "profile";

/// Metadata columns with what the caller said about the annotations, as in a list of recordings.
const STAGE_MAP: &str = "stage_map";
const FORMAT: &str = "annotations_format";
const SCORER: &str = "scorer";

/// The metadata columns that say how a recording is read.
const HOW_READ: [&str; 4] = [PROFILE, STAGE_MAP, FORMAT, SCORER];

/// A recording that is ready to be encoded.
pub(crate) struct ReadRecording {
    pub(crate) id: RecordingId,
    pub(crate) source: FileHashes,
    pub(crate) night: Night,
    pub(crate) captions: Vec<Caption>,
    pub(crate) events: Option<Vec<Event>>,
    /// Kinds of events that were scored even if none occurred.
    pub(crate) declared_events: EventSet,
    pub(crate) signals: SignalMeasures,
    pub(crate) montage: serde_json::Value,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// The path of a recording, and the hashes of its files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileHashes {
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
    /// Files beside it that are not understood.
    pub(crate) unknown: Vec<PathBuf>,
    /// What a list says about its annotations.
    pub(crate) scoring: ScoringOptions,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// The result of reading a recording.
pub(crate) enum ReadOutcome {
    Read(Box<ReadRecording>),
    /// The collection has it with the same content and metadata.
    Unchanged,
    /// The collection has the same content with other metadata; these are the new ones.
    NewMetadata(BTreeMap<String, String>),
}

/// How a recording differs from its entry in the collection.
enum Difference {
    None,
    /// Only its metadata differs; this is the new metadata.
    Metadata(BTreeMap<String, String>),
    /// Its content or how it is read differs; this is its metadata.
    Content(BTreeMap<String, String>),
}

/// Reads a recording, unless the collection has it already; `entry` is its entry there.
pub(crate) fn read(
    named: &NamedRecording,
    entry: Option<&RecordingEntry>,
    options: &IndexOptions,
) -> Result<ReadOutcome, RecordingError> {
    let source = FileHashes::of(&named.path, &named.annotations)?;
    let difference = match entry {
        None => Difference::Content(given_metadata(named, options)),
        Some(entry) => difference(named, &source, entry, options)?,
    };
    match difference {
        Difference::None => Ok(ReadOutcome::Unchanged),
        Difference::Metadata(metadata) => Ok(ReadOutcome::NewMetadata(metadata)),
        Difference::Content(metadata) => {
            let read = read_night(named, source, options)?;
            let mut metadata = metadata;
            metadata.remove(STAGE_SOURCE);
            metadata.extend(read.metadata);
            Ok(ReadOutcome::Read(Box::new(ReadRecording { metadata, ..read })))
        }
    }
}

/// Returns the metadata that this run has for a recording.
fn given_metadata(named: &NamedRecording, options: &IndexOptions) -> BTreeMap<String, String> {
    let scoring = scoring(named, options);
    let ScoringOptions { stage_map, format, scorer } = scoring;
    let stage_map = (!stage_map.is_empty()).then(|| stage_map.to_string());
    let said =
        [(STAGE_MAP, stage_map), (FORMAT, format.map(AnnotationFormat::id)), (SCORER, scorer)];
    let said = said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    named.metadata.clone().into_iter().chain(options.metadata.clone()).chain(said).collect()
}

/// Returns what the user and a list say about the annotations of a recording.
fn scoring(named: &NamedRecording, options: &IndexOptions) -> ScoringOptions {
    options.scoring.clone().or(&named.scoring)
}

/// Compares a recording with its entry in the collection.
fn difference(
    named: &NamedRecording,
    source: &FileHashes,
    entry: &RecordingEntry,
    options: &IndexOptions,
) -> Result<Difference, RecordingError> {
    let given = given_metadata(named, options);
    let is_read_alike = HOW_READ.iter().all(|key| given.get(*key) == entry.metadata.get(*key));
    // Stored metadata stays unless this run has other values; how the recording is read is that of this run.
    let stored = entry.metadata.clone().into_iter();
    let stored = stored.filter(|(key, _)| !HOW_READ.contains(&key.as_str()));
    let metadata: BTreeMap<_, _> = stored.chain(given).collect();
    if source.is_that_of(entry) && is_read_alike {
        let is_same = entry.metadata == metadata;
        return Ok(if is_same { Difference::None } else { Difference::Metadata(metadata) });
    }
    // Other content at the same path is a new version of the file; at another path it is another recording.
    if entry.source == source.path {
        return Ok(Difference::Content(metadata));
    }
    let (path, id) = (named.path.clone(), named.id.clone());
    Err(RecordingError::NameTaken { path, id, holder: entry.source.clone() })
}

/// Reads the signals and annotations of a recording; the metadata of the result says if a program scored the stages.
fn read_night(
    named: &NamedRecording,
    source: FileHashes,
    options: &IndexOptions,
) -> Result<ReadRecording, RecordingError> {
    let NamedRecording { path, id, annotations, unknown, .. } = named;
    let (annotations, id) = (Some(annotations.clone()), id.clone());
    let open = OpenOptions {
        annotations,
        unknown: unknown.clone(),
        profile: options.profile.clone(),
        scoring: scoring(named, options),
    };
    let recording = Recording::open_with(path, &open)?;
    let night = Night::read(&recording, options.z_score)?;
    let declared_events = recording.declared_events();
    let events = recording.scoring().events.clone();
    let has_events = !events.is_empty();
    let events = (has_events || !declared_events.is_empty()).then_some(events);
    let montage = montage_report(&recording);
    let mut warnings = recording.warnings().to_vec();
    warnings.extend_from_slice(night.warnings());
    if let Some(first) = warnings.first().filter(|_| options.strict) {
        let (n, first) = (warnings.len(), first.message.clone());
        return Err(RecordingError::Strict { path: path.clone(), n, first });
    }
    let captions = captions(&options.captions, &id, &night, has_events);
    let signals = SignalMeasures::measure(&recording, &night);
    let automatic = recording.scoring().has_automatic_stages;
    let metadata = automatic.then(|| (STAGE_SOURCE.to_owned(), AUTOMATIC.to_owned()));
    let metadata = metadata.into_iter().collect();
    Ok(ReadRecording {
        id,
        source,
        night,
        captions,
        events,
        declared_events,
        signals,
        montage,
        warnings,
        metadata,
    })
}

/// Returns which signals feed which channels of a recording, as JSON.
pub(crate) fn montage_report(recording: &Recording) -> serde_json::Value {
    let report = recording.montage().report(recording.file().header());
    serde_json::json!({ "profile": recording.montage().profile().name, "channels": report })
}

impl FileHashes {
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

    /// Returns whether an entry has the same hashes. The path may differ: a moved recording is unchanged.
    fn is_that_of(&self, entry: &RecordingEntry) -> bool {
        entry.source_sha256 == self.sha256 && entry.annotations_sha256 == self.annotations_sha256
    }
}

#[cfg(test)]
mod tests {
    use nocturne_index::{ContentHash, SegmentRef};
    use nocturne_psg::montage::ChannelMask;

    use super::*;

    /// A file that is not a recording, so that reading it fails and shows that it was read.
    struct Lab {
        folder: tempfile::TempDir,
        named: NamedRecording,
    }

    impl Lab {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.edf");
            std::fs::write(&path, "not a recording").unwrap();
            let id = RecordingId::new("a").unwrap();
            let named = NamedRecording {
                path,
                id,
                annotations: Vec::new(),
                unknown: Vec::new(),
                scoring: ScoringOptions::default(),
                metadata: BTreeMap::new(),
            };
            Self { folder, named }
        }

        /// The entry of the file as it is now.
        fn entry(&self, metadata: &[(&str, &str)]) -> RecordingEntry {
            let source = FileHashes::of(&self.named.path, &self.named.annotations).unwrap();
            RecordingEntry {
                id: self.named.id.clone(),
                source: source.path,
                source_sha256: source.sha256,
                annotations_sha256: source.annotations_sha256,
                origin: nocturne_psg::RecordingOrigin::Recorded,
                declared_events: EventSet::EMPTY,
                start: None,
                n_epochs: 0,
                n_captions: 0,
                sleep_s: None,
                n_events: None,
                mask: ChannelMask::ALL,
                segment: SegmentRef { hash: ContentHash(1), length: 0 },
                metadata: columns(metadata),
            }
        }

        fn read(
            &self,
            entry: &RecordingEntry,
            options: &IndexOptions,
        ) -> Result<ReadOutcome, RecordingError> {
            read(&self.named, Some(entry), options)
        }
    }

    fn columns(metadata: &[(&str, &str)]) -> BTreeMap<String, String> {
        metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn given(metadata: &[(&str, &str)]) -> IndexOptions {
        IndexOptions { metadata: columns(metadata), ..IndexOptions::default() }
    }

    /// Expects that the recording was read again, which fails here.
    fn expect_read(outcome: &Result<ReadOutcome, RecordingError>) {
        assert!(matches!(outcome, Err(RecordingError::Psg(_))), "the recording was not read");
    }

    #[test]
    fn unchanged_recording_is_not_read_again() {
        let lab = Lab::new();
        let outcome = lab.read(&lab.entry(&[]), &IndexOptions::default()).unwrap();
        assert!(matches!(outcome, ReadOutcome::Unchanged));
    }

    #[test]
    fn new_recording_is_read() {
        let lab = Lab::new();
        expect_read(&read(&lab.named, None, &IndexOptions::default()));
    }

    #[test]
    fn moved_recording_is_unchanged() {
        let lab = Lab::new();
        let entry = RecordingEntry { source: "/old/a.edf".to_owned(), ..lab.entry(&[]) };
        assert!(matches!(lab.read(&entry, &IndexOptions::default()), Ok(ReadOutcome::Unchanged)));
    }

    #[test]
    fn changed_recording_is_read_again() {
        let lab = Lab::new();
        let entry = lab.entry(&[]);
        std::fs::write(&lab.named.path, "something else").unwrap();
        expect_read(&lab.read(&entry, &IndexOptions::default()));
    }

    #[test]
    fn recording_with_changed_annotations_is_read_again() {
        let mut lab = Lab::new();
        let scoring = lab.folder.path().join("a.xml");
        std::fs::write(&scoring, "scored once").unwrap();
        lab.named.annotations = vec![scoring.clone()];
        let entry = lab.entry(&[]);
        assert!(matches!(lab.read(&entry, &IndexOptions::default()), Ok(ReadOutcome::Unchanged)));
        std::fs::write(&scoring, "scored twice").unwrap();
        expect_read(&lab.read(&entry, &IndexOptions::default()));
    }

    #[test]
    fn other_file_with_the_same_name_is_refused() {
        let lab = Lab::new();
        let other = RecordingEntry {
            source: "/other/a.edf".to_owned(),
            source_sha256: "another hash".to_owned(),
            ..lab.entry(&[])
        };
        let Err(error) = lab.read(&other, &IndexOptions::default()) else {
            panic!("another file was accepted")
        };
        let RecordingError::NameTaken { holder, .. } = error else { panic!("{error}") };
        assert_eq!(holder, "/other/a.edf");
    }

    #[test]
    fn new_metadata_is_set_without_reading_the_recording() {
        let mut lab = Lab::new();
        let entry = lab.entry(&[("age", "60"), ("sex", "F")]);
        lab.named.metadata = columns(&[("age", "61")]);
        let outcome = lab.read(&entry, &given(&[("cohort", "x")])).unwrap();
        let ReadOutcome::NewMetadata(metadata) = outcome else { panic!("not new metadata") };
        assert_eq!(metadata, columns(&[("age", "61"), ("cohort", "x"), ("sex", "F")]));
    }

    #[test]
    fn stored_metadata_stays_if_not_given() {
        let lab = Lab::new();
        let entry = lab.entry(&[("age", "60"), ("cohort", "x")]);
        assert!(matches!(lab.read(&entry, &given(&[("cohort", "x")])), Ok(ReadOutcome::Unchanged)));
    }

    #[test]
    fn other_profile_reads_the_recording_again() {
        let lab = Lab::new();
        let entry = lab.entry(&[(PROFILE, "shhs")]);
        assert!(matches!(
            lab.read(&entry, &given(&[(PROFILE, "shhs")])),
            Ok(ReadOutcome::Unchanged)
        ));
        expect_read(&lab.read(&entry, &given(&[(PROFILE, "mesa")])));
        expect_read(&lab.read(&entry, &IndexOptions::default()));
    }
}
