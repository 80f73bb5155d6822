//! Fills another space with the recordings of the served one.
//!
//! Signals are read again and embedded with the bundle of the space. Scorings, metadata and caption texts are taken from
//! the served space: they do not depend on a bundle, and the files they came from may no longer exist.
//!
//! One recording at a time is read, embedded and committed, in one thread: a backfill shares its machine with a server.
//! It may be killed at any moment and resumes where it was, by the hashes of the recordings in the space. Several share
//! the work of one space in Qdrant by [`Shard`]s.

mod duty_cycle;
mod file_finder;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nocturne_concepts::TrackBuilder;
use nocturne_encoder::{SignalEncoder, TextEncoder};
use nocturne_index::{
    CollectionReader, CollectionWriter, EpochPoint, RecordingDraft, RecordingEntry,
};
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::montage::ProfileChoice;
use nocturne_psg::{
    EventSet, Night, OpenOptions, Recording, RecordingId, SignalMeasures, Warning, ZScore,
};

use crate::backfill::file_finder::FileFinder;
use crate::captions::Caption;
use crate::encode::Encoder;
use crate::error::{Error, RecordingError, Result, is_of_one_recording};
use crate::read_recording::{PROFILE, montage_report};
use crate::report::{Acknowledged, Failed, Progress, Report};
use crate::reporter::Reporter;
use crate::shard::Shard;
pub use duty_cycle::DutyCycle;

/// Epochs that are embedded between two pauses.
const BATCH: usize = 64;

/// How recordings are found and read again.
#[derive(Debug, Clone, Default)]
pub struct BackfillOptions {
    /// Span over which channels are z-scored, as the bundle requires.
    pub z_score: ZScore,
    /// Folder to search for recordings that are no longer where they were indexed.
    pub recordings: Option<PathBuf>,
    /// Profile for recordings that were indexed with a profile file; the collection stores only its hash.
    pub profile: ProfileChoice,
    /// Share of the time that is spent working.
    pub duty_cycle: DutyCycle,
    /// The recordings to fill in; `None` for all.
    pub shard: Option<Shard>,
}

/// Fills a space from the served one.
#[expect(missing_debug_implementations, reason = "a session of ONNX Runtime has no Debug")]
pub struct Backfill {
    encoder: Encoder,
    writer: Box<dyn CollectionWriter>,
    options: BackfillOptions,
    files: FileFinder,
    /// Damaged recordings of the space, which are embedded again.
    damaged: BTreeSet<RecordingId>,
    tracks: Option<TrackBuilder>,
}

/// The result of filling in one recording.
enum BackfillOutcome {
    Embedded(Acknowledged),
    NewMetadata(Acknowledged),
    Unchanged,
    Failed(RecordingError),
}

impl Backfill {
    /// Takes both towers of a bundle and a writer of the space that it fills.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] and [`Error::NoRecordings`] if the folder of recordings cannot be searched.
    pub fn new(
        signal: SignalEncoder,
        text: TextEncoder,
        writer: Box<dyn CollectionWriter>,
        options: BackfillOptions,
    ) -> Result<Self> {
        let files = FileFinder::of(options.recordings.as_deref())?;
        let encoder = Encoder { signal, text };
        Ok(Self { encoder, writer, options, files, damaged: BTreeSet::new(), tracks: None })
    }

    /// Also stores the concept track of each recording. Without it, the first question about nights computes them.
    #[must_use]
    pub fn with_tracks(self, tracks: TrackBuilder) -> Self {
        Self { tracks: Some(tracks), ..self }
    }

    /// Fills the space with the recordings of `served` and with those added there meanwhile, and calls `progress` for each
    /// recording when it is done.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] if the space can no longer be written or the served one no longer read; acknowledged recordings are
    /// safe. A recording that cannot be read is not an error of the run: it is in the report.
    pub fn run(
        mut self,
        mut served: Box<dyn CollectionReader>,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Report> {
        let n_recordings = served.entries().iter().filter(|it| self.is_ours(&it.id)).count();
        let mut reporter = Reporter::new(&mut progress);
        reporter.found(n_recordings);
        for (recording, error) in self.writer.damaged()? {
            reporter.damaged(&recording, &error);
            self.damaged.insert(recording);
        }
        let mut done: BTreeMap<RecordingId, RecordingEntry> = BTreeMap::new();
        loop {
            self.remove_deleted(&*served, &mut reporter)?;
            match self.pass(&*served, &mut done, &mut reporter) {
                // A writer has replaced a recording that was about to be read; the newer list has it.
                Err(Error::Index(error)) if error.is_outdated() => {}
                other => other?,
            }
            match served.refresh()? {
                Some(newer) => served = newer,
                None => return Ok(reporter.report),
            }
        }
    }

    /// Removes the recordings that were removed from the served space.
    fn remove_deleted(
        &mut self,
        served: &dyn CollectionReader,
        reporter: &mut Reporter<'_>,
    ) -> Result<()> {
        let is_deleted =
            |entry: &&RecordingEntry| self.is_ours(&entry.id) && served.entry(&entry.id).is_none();
        let deleted: Vec<RecordingEntry> =
            self.writer.entries().into_iter().filter(is_deleted).cloned().collect();
        for RecordingEntry { id, source, .. } in deleted {
            match self.writer.remove(&id) {
                Ok(()) => reporter.removed(id),
                Err(error) if is_of_one_recording(&error) => {
                    let (path, error) = (PathBuf::from(source), RecordingError::Index(error));
                    reporter.failed(Failed { path, error });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Returns whether a recording belongs to the shard of this backfill.
    fn is_ours(&self, id: &RecordingId) -> bool {
        self.options.shard.is_none_or(|shard| shard.contains(id))
    }

    /// Fills in each recording once, except those that were done already with the same entry.
    fn pass(
        &mut self,
        served: &dyn CollectionReader,
        done: &mut BTreeMap<RecordingId, RecordingEntry>,
        reporter: &mut Reporter<'_>,
    ) -> Result<()> {
        for entry in served.entries() {
            if !self.is_ours(&entry.id) || done.get(&entry.id) == Some(entry) {
                continue;
            }
            match self.fill_in(served, entry)? {
                BackfillOutcome::Embedded(acknowledged)
                | BackfillOutcome::NewMetadata(acknowledged) => {
                    reporter.acknowledged(acknowledged);
                }
                BackfillOutcome::Unchanged => reporter.unchanged(entry.id.clone()),
                BackfillOutcome::Failed(error) => {
                    reporter.failed(Failed { path: PathBuf::from(&entry.source), error });
                }
            }
            done.insert(entry.id.clone(), entry.clone());
        }
        Ok(())
    }

    /// Fills in one recording, unless the space has it.
    fn fill_in(
        &mut self,
        served: &dyn CollectionReader,
        entry: &RecordingEntry,
    ) -> Result<BackfillOutcome> {
        let known = self.writer.entry(&entry.id).filter(|it| !self.damaged.contains(&it.id));
        if known.is_some_and(|known| has_same_entry(known, entry)) {
            return Ok(BackfillOutcome::Unchanged);
        }
        if known.is_some_and(|known| has_same_content(known, entry)) {
            let updated = self.writer.set_metadata_of(&entry.id, entry.metadata.clone());
            return outcome(updated, |entry| {
                BackfillOutcome::NewMetadata(acknowledged(&entry, vec![]))
            });
        }
        let stored = match served.read_recording(&entry.id) {
            Err(error) if error.is_damage() => {
                return Ok(BackfillOutcome::Failed(RecordingError::Index(error)));
            }
            stored => stored?,
        };
        let (draft, warnings) = match self.embed(entry, &stored) {
            Ok(embedded) => embedded,
            Err(error) => return Ok(BackfillOutcome::Failed(error)),
        };
        let Self { writer, tracks, options, .. } = self;
        let mut track = |recording: &nocturne_index::Recording| tracks.as_ref()?.draft(recording);
        let committed = options.duty_cycle.work(|| writer.commit_with_track(draft, &mut track));
        if committed.is_ok() {
            self.damaged.remove(&entry.id);
        }
        outcome(committed, |entry| BackfillOutcome::Embedded(acknowledged(&entry, warnings)))
    }

    /// Reads a recording again and embeds it; everything else is copied from the served space.
    fn embed(
        &mut self,
        entry: &RecordingEntry,
        stored: &nocturne_index::Recording,
    ) -> std::result::Result<(RecordingDraft, Vec<Warning>), RecordingError> {
        let Self { encoder, options: BackfillOptions { z_score, duty_cycle, .. }, .. } = self;
        let profile = profile(entry, &self.options.profile)?;
        let (path, recording, night, signals) = duty_cycle.work(|| {
            let path = self.files.locate(entry)?;
            // The served space has what annotations contain.
            let open =
                OpenOptions { annotations: Some(Vec::new()), profile, ..OpenOptions::default() };
            let mut recording = Recording::open_with(&path, &open)?;
            recording.set_events(stored.events().unwrap_or_default().to_vec());
            let night = Night::read(&recording, *z_score)?;
            let signals = SignalMeasures::measure(&recording, &night);
            Ok::<_, RecordingError>((path, recording, night, signals))
        })?;
        let encoding = |source| RecordingError::Encoder { path: path.clone(), source };
        let epochs = embed_epochs(encoder, &night, stored, *duty_cycle).map_err(encoding)?;
        let captions = captions(stored, &epochs);
        let captions = duty_cycle.work(|| encoder.encode_captions(captions)).map_err(encoding)?;
        let warnings = recording.warnings().iter().chain(night.warnings()).cloned().collect();
        let draft = RecordingDraft {
            id: entry.id.clone(),
            source: absolute(&path),
            source_sha256: entry.source_sha256.clone(),
            annotations_sha256: entry.annotations_sha256.clone(),
            origin: entry.origin,
            declared_events: entry.declared_events,
            start: entry.start,
            metadata: entry.metadata.clone(),
            montage: montage_report(&recording),
            events: stored.events().map(<[_]>::to_vec),
            signals: Some(signals),
            epochs,
            captions,
        };
        Ok((draft, warnings))
    }
}

/// Embeds the epochs of a night; stages and events are copied from the served space.
fn embed_epochs(
    encoder: &mut Encoder,
    night: &Night,
    stored: &nocturne_index::Recording,
    duty_cycle: DutyCycle,
) -> nocturne_encoder::Result<Vec<EpochPoint>> {
    let indices: Vec<usize> = (0..night.epochs().len()).collect();
    let mut points = Vec::with_capacity(indices.len());
    for batch in indices.chunks(BATCH) {
        let vectors = duty_cycle.work(|| encoder.encode_epochs(night, batch))?;
        for (epoch, vector) in batch.iter().map(|i| &night.epochs()[*i]).zip(vectors) {
            let row = stored.row_of(epoch.number).map(|row| stored.row(row));
            points.push(EpochPoint {
                number: epoch.number,
                onset_s: epoch.onset_s,
                mask: epoch.mask,
                quality: epoch.quality,
                stage: row.and_then(|row| row.stage),
                events: row.map_or(EventSet::EMPTY, |row| row.events),
                vector,
            });
        }
    }
    Ok(points)
}

/// Returns the captions in the served space of the epochs that were embedded.
fn captions(stored: &nocturne_index::Recording, epochs: &[EpochPoint]) -> Vec<Caption> {
    let numbers: BTreeSet<_> = epochs.iter().map(|epoch| epoch.number).collect();
    let captions = stored.captions();
    let all = (0..captions.len()).map(|i| Caption {
        epoch: stored.numbers()[captions.row(i)],
        kind: captions.kind(i),
        text: captions.text(i).to_owned(),
    });
    all.filter(|caption| numbers.contains(&caption.epoch)).collect()
}

/// Returns the profile that a recording was indexed with.
fn profile(
    entry: &RecordingEntry,
    given: &ProfileChoice,
) -> std::result::Result<ProfileChoice, RecordingError> {
    let Some(stored) = entry.metadata.get(PROFILE) else { return Ok(ProfileChoice::Auto) };
    let named = ProfileChoice::Named(stored.clone());
    if named.profile().is_ok() {
        return Ok(named);
    }
    match given {
        ProfileChoice::File(path) if sha256_of_file(path)? == *stored => Ok(given.clone()),
        ProfileChoice::Auto | ProfileChoice::Named(_) | ProfileChoice::File(_) => {
            Err(RecordingError::OwnProfile { id: entry.id.clone(), sha256: stored.clone() })
        }
    }
}

/// Returns whether two entries have the same recording and annotations, read with the same profile.
fn has_same_content(known: &RecordingEntry, entry: &RecordingEntry) -> bool {
    known.source_sha256 == entry.source_sha256
        && known.annotations_sha256 == entry.annotations_sha256
        && known.metadata.get(PROFILE) == entry.metadata.get(PROFILE)
}

/// Returns whether two entries have the same content and metadata.
fn has_same_entry(known: &RecordingEntry, entry: &RecordingEntry) -> bool {
    has_same_content(known, entry) && known.metadata == entry.metadata
}

/// Returns the outcome of a write. An error that is due to the recording does not end the run.
fn outcome(
    written: nocturne_index::Result<RecordingEntry>,
    done: impl FnOnce(RecordingEntry) -> BackfillOutcome,
) -> Result<BackfillOutcome> {
    match written {
        Ok(entry) => Ok(done(entry)),
        Err(error) if is_of_one_recording(&error) => {
            Ok(BackfillOutcome::Failed(RecordingError::Index(error)))
        }
        Err(error) => Err(error.into()),
    }
}

fn acknowledged(entry: &RecordingEntry, warnings: Vec<Warning>) -> Acknowledged {
    Acknowledged { recording: entry.id.clone(), n_epochs: entry.n_epochs, warnings }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

#[cfg(test)]
mod tests {
    use nocturne_index::{ContentHash, SegmentRef};
    use nocturne_psg::montage::ChannelMask;

    use super::*;

    fn entry(metadata: &[(&str, &str)]) -> RecordingEntry {
        RecordingEntry {
            id: RecordingId::new("a").unwrap(),
            source: "a.edf".to_owned(),
            source_sha256: "1".to_owned(),
            annotations_sha256: Some("2".to_owned()),
            origin: nocturne_psg::RecordingOrigin::Recorded,
            declared_events: EventSet::EMPTY,
            start: None,
            n_epochs: 960,
            n_captions: 0,
            sleep_s: None,
            n_events: None,
            mask: ChannelMask::ALL,
            segment: SegmentRef { hash: ContentHash(1), length: 0 },
            metadata: metadata
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn content_is_the_files_and_the_profile() {
        let entry_of = |annotations: &str, metadata: &[(&str, &str)]| RecordingEntry {
            annotations_sha256: Some(annotations.to_owned()),
            ..entry(metadata)
        };
        assert!(has_same_content(&entry_of("2", &[("age", "60")]), &entry(&[])));
        assert!(!has_same_content(&entry_of("3", &[]), &entry(&[])));
        assert!(!has_same_content(&entry_of("2", &[(PROFILE, "shhs")]), &entry(&[])));
        assert!(!has_same_entry(&entry_of("2", &[("age", "60")]), &entry(&[])));
        assert!(has_same_entry(&entry(&[("age", "60")]), &entry(&[("age", "60")])));
    }

    #[test]
    fn recording_is_read_with_the_profile_of_its_entry() {
        let auto = profile(&entry(&[]), &ProfileChoice::Named("mesa".to_owned())).unwrap();
        assert_eq!(auto, ProfileChoice::Auto);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, "a profile").unwrap();
        let sha256 = sha256_of_file(&path).unwrap();
        let given = ProfileChoice::File(path);
        let by_file = entry(&[(PROFILE, &sha256)]);
        assert_eq!(profile(&by_file, &given).unwrap(), given);
        let error = profile(&by_file, &ProfileChoice::Auto).unwrap_err();
        assert!(matches!(error, RecordingError::OwnProfile { .. }), "{error}");
        let error = profile(&entry(&[(PROFILE, "another hash")]), &given).unwrap_err();
        assert!(matches!(error, RecordingError::OwnProfile { .. }), "{error}");
    }

    #[test]
    fn error_of_one_recording_does_not_end_the_run() {
        let done =
            |entry: RecordingEntry| BackfillOutcome::Embedded(acknowledged(&entry, Vec::new()));
        let committed = outcome(Ok(entry(&[])), done).unwrap();
        assert!(matches!(committed, BackfillOutcome::Embedded(it) if it.n_epochs == 960));
        let dimension = nocturne_index::Error::Dimension { expected: 8, received: 3 };
        assert!(matches!(outcome(Err(dimension), done), Ok(BackfillOutcome::Failed(_))));
        let fatal = nocturne_index::Error::PageToken;
        assert!(matches!(outcome(Err(fatal), done), Err(Error::Index(_))));
    }
}
