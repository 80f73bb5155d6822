//! Fills another space with the recordings of the one that is served.
//!
//! Signals are read again and embedded with the space's bundle. What was scored and said of a recording, and the words of
//! its captions, are taken from the served space: they do not depend on a bundle, and the files that they came from need
//! not be there any more.
//!
//! One recording at a time is read, embedded and committed, in one thread: a backfill shares its machine with a server.
//! It may be killed at any moment and goes on where it was, by the hashes of what the space has. Several share the work
//! of one space in Qdrant by [`Shard`]s.

mod duty_cycle;
mod file_finder;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nocturne_encoder::{SignalEncoder, TextEncoder};
use nocturne_index::{Destination, EpochPoint, RecordingDraft, RecordingEntry, SpaceReader};
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::montage::ProfileChoice;
use nocturne_psg::{EventSet, Night, OpenOptions, Recording, RecordingId, Warning, ZScore};

use crate::backfill::file_finder::FileFinder;
use crate::captions::Caption;
use crate::encode::Encoder;
use crate::pipeline::is_of_one_recording;
use crate::read_recording::{PROFILE, montage_report};
use crate::report::{Acknowledged, Failed, Progress, Report};
use crate::reporter::Reporter;
use crate::{Error, RecordingError, Result, Shard};
pub use duty_cycle::DutyCycle;

/// Epochs that are embedded between two rests.
const STRETCH: usize = 64;

/// How recordings are found and read again.
#[derive(Debug, Clone, Default)]
pub struct BackfillOptions {
    /// Span over which channels are scaled, as the bundle demands.
    pub z_score: ZScore,
    /// Folder below which recordings are looked for that are not where they were indexed.
    pub recordings: Option<PathBuf>,
    /// Profile for recordings that were indexed by a file of one's own, of which its hash alone is known.
    pub profile: ProfileChoice,
    /// Share of the time that is spent at work.
    pub pace: DutyCycle,
    /// The recordings to fill in; `None` for all.
    pub shard: Option<Shard>,
}

/// Fills a space from another one.
#[expect(missing_debug_implementations, reason = "a session of the runtime has none")]
pub struct Backfill {
    encoder: Encoder,
    writer: Box<dyn Destination>,
    options: BackfillOptions,
    files: FileFinder,
    /// Recordings of the space that are damaged and are embedded again.
    damaged: BTreeSet<RecordingId>,
}

/// What a recording needed.
enum Step {
    Embedded(Acknowledged),
    Said(Acknowledged),
    Unchanged,
    Failed(RecordingError),
}

impl Backfill {
    /// Takes both towers of a bundle and the writer of a space that belongs to it.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] and [`Error::NoRecordings`] for the folder of recordings.
    pub fn new(
        signal: SignalEncoder,
        text: TextEncoder,
        writer: Box<dyn Destination>,
        options: BackfillOptions,
    ) -> Result<Self> {
        let files = FileFinder::of(options.recordings.as_deref())?;
        let encoder = Encoder { signal, text };
        Ok(Self { encoder, writer, options, files, damaged: BTreeSet::new() })
    }

    /// Brings the space up to what `served` holds, and to what is added there meanwhile; tells `progress` of each
    /// recording as it is done.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] where the space can no longer be written or the other one no longer read; what was acknowledged
    /// is safe. A recording that cannot be read is no error of the run: it is in the report.
    pub fn run(
        mut self,
        mut served: Box<dyn SpaceReader>,
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
            self.remove_what_is_gone(&*served, &mut reporter)?;
            match self.pass(&*served, &mut done, &mut reporter) {
                // A writer has replaced a recording that was about to be read; the newer list has it.
                Err(Error::Index(error)) if error.is_outdated() => {}
                other => other?,
            }
            match served.newer()? {
                Some(newer) => served = newer,
                None => return Ok(reporter.report),
            }
        }
    }

    fn remove_what_is_gone(
        &mut self,
        served: &dyn SpaceReader,
        reporter: &mut Reporter<'_>,
    ) -> Result<()> {
        let is_gone =
            |entry: &&RecordingEntry| self.is_ours(&entry.id) && served.entry(&entry.id).is_none();
        let gone: Vec<RecordingEntry> = self.writer.recordings().filter(is_gone).cloned().collect();
        for RecordingEntry { id, source, .. } in gone {
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

    /// Goes once through the recordings, except those that were tried as they are now.
    fn pass(
        &mut self,
        served: &dyn SpaceReader,
        done: &mut BTreeMap<RecordingId, RecordingEntry>,
        reporter: &mut Reporter<'_>,
    ) -> Result<()> {
        for entry in served.entries() {
            if !self.is_ours(&entry.id) || done.get(&entry.id) == Some(entry) {
                continue;
            }
            match self.bring(served, entry)? {
                Step::Embedded(acknowledged) | Step::Said(acknowledged) => {
                    reporter.acknowledged(acknowledged);
                }
                Step::Unchanged => reporter.unchanged(entry.id.clone()),
                Step::Failed(error) => {
                    reporter.failed(Failed { path: PathBuf::from(&entry.source), error });
                }
            }
            done.insert(entry.id.clone(), entry.clone());
        }
        Ok(())
    }

    /// Fills in one recording, unless the space has it.
    fn bring(&mut self, served: &dyn SpaceReader, entry: &RecordingEntry) -> Result<Step> {
        let known = self.writer.entry(&entry.id).filter(|it| !self.damaged.contains(&it.id));
        if known.is_some_and(|known| is_as_said(known, entry)) {
            return Ok(Step::Unchanged);
        }
        if known.is_some_and(|known| is_of_the_same_bytes(known, entry)) {
            let said = self.writer.set_metadata(&entry.id, entry.metadata.clone());
            return step(said, |entry| Step::Said(acknowledged(&entry, vec![])));
        }
        let kept = match served.read_recording(&entry.id) {
            Err(error) if error.is_damage() => {
                return Ok(Step::Failed(RecordingError::Index(error)));
            }
            kept => kept?,
        };
        let (draft, warnings) = match self.embed(entry, &kept) {
            Ok(embedded) => embedded,
            Err(error) => return Ok(Step::Failed(error)),
        };
        let committed = self.options.pace.work(|| self.writer.commit(draft));
        if committed.is_ok() {
            self.damaged.remove(&entry.id);
        }
        step(committed, |entry| Step::Embedded(acknowledged(&entry, warnings)))
    }

    /// Reads a recording again and embeds it, with what the other space keeps of it.
    fn embed(
        &mut self,
        entry: &RecordingEntry,
        kept: &nocturne_index::Recording,
    ) -> std::result::Result<(RecordingDraft, Vec<Warning>), RecordingError> {
        let Self { encoder, options: BackfillOptions { z_score, pace, .. }, .. } = self;
        let profile = profile(entry, &self.options.profile)?;
        let (path, recording, night) = pace.work(|| {
            let path = self.files.locate(entry)?;
            // Annotations change no sample, and what they said is kept.
            let open = OpenOptions { annotations: Some(Vec::new()), profile };
            let recording = Recording::open_by(&path, &open)?;
            let night = Night::read(&recording, *z_score)?;
            Ok::<_, RecordingError>((path, recording, night))
        })?;
        let encoding = |source| RecordingError::Encoder { path: path.clone(), source };
        let epochs = embed_epochs(encoder, &night, kept, *pace).map_err(encoding)?;
        let captions = captions(kept, &epochs);
        let captions = pace.work(|| encoder.encode_captions(captions)).map_err(encoding)?;
        let warnings = recording.warnings().iter().chain(night.warnings()).cloned().collect();
        let draft = RecordingDraft {
            id: entry.id.clone(),
            source: absolute(&path),
            source_sha256: entry.source_sha256.clone(),
            annotations_sha256: entry.annotations_sha256.clone(),
            start: entry.start,
            metadata: entry.metadata.clone(),
            montage: montage_report(&recording),
            events: kept.events().map(<[_]>::to_vec),
            epochs,
            captions,
        };
        Ok((draft, warnings))
    }
}

/// Embeds the epochs of a night, and says of each what the other space keeps of it.
fn embed_epochs(
    encoder: &mut Encoder,
    night: &Night,
    kept: &nocturne_index::Recording,
    pace: DutyCycle,
) -> nocturne_encoder::Result<Vec<EpochPoint>> {
    let places: Vec<usize> = (0..night.epochs().len()).collect();
    let mut points = Vec::with_capacity(places.len());
    for stretch in places.chunks(STRETCH) {
        let vectors = pace.work(|| encoder.encode_epochs(night, stretch))?;
        for (epoch, vector) in stretch.iter().map(|place| &night.epochs()[*place]).zip(vectors) {
            let row = kept.row_of(epoch.number).map(|row| kept.row(row));
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

/// Returns the captions that another space keeps, of the epochs that there are.
fn captions(kept: &nocturne_index::Recording, epochs: &[EpochPoint]) -> Vec<Caption> {
    let numbers: BTreeSet<_> = epochs.iter().map(|epoch| epoch.number).collect();
    let captions = kept.captions();
    let all = (0..captions.len()).map(|i| Caption {
        epoch: kept.numbers()[captions.row(i)],
        kind: captions.kind(i),
        text: captions.text(i).to_owned(),
    });
    all.filter(|caption| numbers.contains(&caption.epoch)).collect()
}

/// Returns the profile that a recording was indexed by.
fn profile(
    entry: &RecordingEntry,
    given: &ProfileChoice,
) -> std::result::Result<ProfileChoice, RecordingError> {
    let Some(kept) = entry.metadata.get(PROFILE) else { return Ok(ProfileChoice::Auto) };
    let named = ProfileChoice::Named(kept.clone());
    if named.profile().is_ok() {
        return Ok(named);
    }
    match given {
        ProfileChoice::File(path) if sha256_of_file(path)? == *kept => Ok(given.clone()),
        ProfileChoice::Auto | ProfileChoice::Named(_) | ProfileChoice::File(_) => {
            Err(RecordingError::OwnProfile { id: entry.id.clone(), sha256: kept.clone() })
        }
    }
}

/// Returns whether both are of the same recording and annotations, read by the same profile.
fn is_of_the_same_bytes(known: &RecordingEntry, entry: &RecordingEntry) -> bool {
    known.source_sha256 == entry.source_sha256
        && known.annotations_sha256 == entry.annotations_sha256
        && known.metadata.get(PROFILE) == entry.metadata.get(PROFILE)
}

/// Returns whether nothing is lacking.
fn is_as_said(known: &RecordingEntry, entry: &RecordingEntry) -> bool {
    is_of_the_same_bytes(known, entry) && known.metadata == entry.metadata
}

/// Returns what came of a write: what the recording is to blame for does not end the run.
fn step(
    written: nocturne_index::Result<RecordingEntry>,
    done: impl FnOnce(RecordingEntry) -> Step,
) -> Result<Step> {
    match written {
        Ok(entry) => Ok(done(entry)),
        Err(error) if is_of_one_recording(&error) => Ok(Step::Failed(RecordingError::Index(error))),
        Err(error) => Err(error.into()),
    }
}

fn acknowledged(entry: &RecordingEntry, warnings: Vec<Warning>) -> Acknowledged {
    Acknowledged { recording: entry.id.clone(), n_epochs: entry.n_epochs, warnings }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
