//! Copies: recordings of several collections into one, and whole collections with all their embedding spaces.
//!
//! A recording is copied as its sealed segment, so that the copy has the same bytes under the same hash, wherever it is.
//! Its concept track comes with it if it can be used.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use nocturne_psg::RecordingId;

use crate::contract::{
    CollectionReader, CollectionWriter, SpaceRecord, Spaces, copy_tracks, expect_space,
};
use crate::error::{Error, FoundInstead, LocationName, Result};
use crate::recording::{RecordingEntry, SpaceName};

/// How often a copy starts again with a newer snapshot because a writer has removed what was being copied.
const ATTEMPTS: usize = 10;

/// What a copy of one space has, and what it took to make it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyReport {
    /// Recordings that are now the same in both places.
    pub n_recordings: usize,
    /// Epochs of these recordings.
    pub n_epochs: usize,
    /// Recordings that were written; the others were the same before.
    pub n_written: usize,
    /// Bytes of the segments that were written.
    pub n_bytes: u64,
    /// Recordings of the target that no source has; a [`join`] leaves them alone.
    pub n_others: usize,
    /// Recordings that were not copied, because the target has another recording of the same id.
    pub conflicts: Vec<CopyConflict>,
}

/// A recording that was not copied, because the target has another one of the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyConflict {
    /// The recording.
    pub recording: RecordingId,
    /// The collection that it was to be copied from.
    pub source: LocationName,
}

/// What became of a recording that was to be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyOutcome {
    /// It was copied.
    Written,
    /// The target had it, the same.
    Unchanged,
    /// The target has another recording of the same id, which was left as it is.
    Conflict,
}

/// What happens to a recording of the target that differs from the one to be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// It stays, and is reported.
    Keep,
    /// It is replaced. Of two sources that differ, the first one counts, and the other is reported.
    Replace,
}

/// Whether a copy may take the place of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingCopy {
    /// The target must be empty, missing, or an unfinished copy.
    Refuse,
    /// A collection at the target becomes equal to the source; what both have is not written again.
    Update,
}

/// What a copy of a collection with all its spaces has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionCopy {
    /// Name of the served space.
    pub served: SpaceName,
    /// The copy of the served space; segments and bytes that were written are counted over all spaces.
    pub report: CopyReport,
    /// Number of the snapshot of the served space that was copied.
    pub generation: u64,
    /// The other spaces.
    pub others: Vec<SpaceName>,
}

/// Copies the recordings of several collections into one, and calls `observe` after each.
///
/// Nothing is replaced unless `on_conflict` says so. A join that was interrupted continues when it is run again.
///
/// # Errors
///
/// [`Error::OtherBundle`] if a source was filled with another bundle than the target, before anything is copied; those of
/// [`CollectionReader::read_segment`], which end the join, so that no damaged recording is copied; and those of the target.
pub fn join(
    sources: &[&dyn CollectionReader],
    target: &mut dyn CollectionWriter,
    on_conflict: OnConflict,
    observe: &mut dyn FnMut(&RecordingEntry, CopyOutcome),
) -> Result<CopyReport> {
    for source in sources {
        expect_space(source.location(), source.space(), target.space())?;
    }
    adopt_record(sources, target)?;
    let mut report = CopyReport::default();
    let mut seen = BTreeSet::new();
    for source in sources {
        let mut written = Vec::new();
        for entry in source.entries() {
            let is_first = seen.insert(entry.id.clone());
            let known = target.entry(&entry.id);
            let outcome = match known {
                Some(known) if known == entry => CopyOutcome::Unchanged,
                Some(_) if on_conflict == OnConflict::Keep || !is_first => CopyOutcome::Conflict,
                Some(_) | None => {
                    let segment = source.read_segment(&entry.id)?;
                    let n_bytes = segment.len() as u64;
                    match target.put_segment(entry, segment) {
                        // Another writer has written the recording meanwhile.
                        Err(error) if error.is_conflict() => CopyOutcome::Conflict,
                        result => {
                            result?;
                            written.push(entry);
                            report.n_bytes += n_bytes;
                            CopyOutcome::Written
                        }
                    }
                }
            };
            report.count(entry, *source, outcome, is_first);
            observe(entry, outcome);
        }
        copy_tracks(*source, target, &written)?;
    }
    report.n_others = target.entries().iter().filter(|entry| !seen.contains(&entry.id)).count();
    Ok(report)
}

/// Records where the bundle is, if the target has no record and a source has one.
fn adopt_record(
    sources: &[&dyn CollectionReader],
    target: &mut dyn CollectionWriter,
) -> Result<()> {
    if target.record()?.is_some() {
        return Ok(());
    }
    for source in sources {
        if let Some(record) = source.record()? {
            return target.set_record(&SpaceRecord { name: target.space_name(), ..record });
        }
    }
    Ok(())
}

impl CopyReport {
    /// Counts a recording; the same one in a second source counts once.
    fn count(
        &mut self,
        entry: &RecordingEntry,
        source: &dyn CollectionReader,
        outcome: CopyOutcome,
        is_first: bool,
    ) {
        match outcome {
            CopyOutcome::Conflict => self
                .conflicts
                .push(CopyConflict { recording: entry.id.clone(), source: source.location() }),
            CopyOutcome::Unchanged if !is_first => {}
            CopyOutcome::Unchanged | CopyOutcome::Written => {
                self.n_written += usize::from(outcome == CopyOutcome::Written);
                self.n_recordings += 1;
                self.n_epochs += entry.n_epochs;
            }
        }
    }
}

/// What became of a recording that was to be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairOutcome {
    /// It was copied again from the source.
    Repaired,
    /// The source does not have it.
    NotInSource,
}

/// Copies recordings that are damaged or were not uploaded completely from a source that has them whole, and calls
/// `observe` after each.
///
/// # Errors
///
/// [`Error::OtherBundle`], those of [`CollectionReader::read_segment`] and those of the target.
pub fn repair(
    source: &dyn CollectionReader,
    target: &mut dyn CollectionWriter,
    broken: &BTreeSet<RecordingId>,
    observe: &mut dyn FnMut(&RecordingId, RepairOutcome),
) -> Result<()> {
    expect_space(source.location(), source.space(), target.space())?;
    for id in broken {
        let Some(entry) = source.entry(id) else {
            observe(id, RepairOutcome::NotInSource);
            continue;
        };
        target.put_segment(entry, source.read_segment(id)?)?;
        observe(id, RepairOutcome::Repaired);
    }
    Ok(())
}

/// Makes a space equal to a snapshot, recording by recording: what [`CollectionWriter::mirror`] does where it cannot show
/// the result in one step.
pub(crate) fn mirror_each(
    source: &dyn CollectionReader,
    target: &mut dyn CollectionWriter,
) -> Result<CopyReport> {
    expect_space(target.location(), target.space(), source.space())?;
    let mut report = CopyReport::default();
    let mut written = Vec::new();
    for entry in source.entries() {
        let mut outcome = CopyOutcome::Unchanged;
        if target.entry(&entry.id) != Some(entry) {
            let segment = source.read_segment(&entry.id)?;
            report.n_bytes += segment.len() as u64;
            target.put_segment(entry, segment)?;
            outcome = CopyOutcome::Written;
            written.push(entry);
        }
        report.count(entry, source, outcome, true);
    }
    copy_tracks(source, target, &written)?;
    let gone = target.entries().into_iter().filter(|entry| source.entry(&entry.id).is_none());
    let gone: Vec<RecordingId> = gone.map(|entry| entry.id.clone()).collect();
    gone.iter().try_for_each(|id| target.remove(id))?;
    if let Some(record) = source.record()? {
        target.set_record(&SpaceRecord { name: target.space_name(), ..record })?;
    }
    Ok(report)
}

/// Copies every space of a collection, and which of them is served: a backup, or a backup restored.
///
/// A new copy in a folder does not exist for readers before all of it is there, and one that is updated is a collection
/// all the time. Each space is copied as of one moment, and different spaces as of different moments.
///
/// # Errors
///
/// One for which [`Error::is_damage`] holds if something in the source is damaged, because a copy of it would pass for
/// whole. For the target: [`Error::AlreadyACollection`], [`Error::FolderInUse`], [`Error::OtherBundle`],
/// [`Error::Locked`], and those of the store. [`Error::Outdated`] if a writer removes recordings faster than they are
/// copied.
pub fn copy_collection(
    from: &dyn Spaces,
    to: &dyn Spaces,
    existing: ExistingCopy,
) -> Result<CollectionCopy> {
    let serving = from.serving()?;
    if !is_collection(to)? {
        to.start_copy(&serving)?;
    } else if existing == ExistingCopy::Refuse {
        return Err(Error::AlreadyACollection { location: to.location() });
    }
    let (mut others, mut written) = (Vec::new(), CopyReport::default());
    for name in from.names()?.into_iter().filter(|name| *name != serving.space) {
        match copy_space(from, to, &name) {
            Ok((report, _)) => {
                written.n_written += report.n_written;
                written.n_bytes += report.n_bytes;
            }
            // It was dropped meanwhile.
            Err(_) if !from.names()?.contains(&name) => continue,
            Err(error) => return Err(error),
        }
        others.push(name);
    }
    // The served space comes last: with it, the copy appears.
    let (mut report, generation) = copy_space(from, to, &serving.space)?;
    report.n_written += written.n_written;
    report.n_bytes += written.n_bytes;
    if to.serving()? != serving {
        to.set_serving(&serving)?;
    }
    for name in to.names()? {
        // `main` of a folder is the folder itself.
        if name != serving.space && !others.contains(&name) && !name.is_main() {
            to.remove(&name)?;
        }
    }
    Ok(CollectionCopy { served: serving.space, report, generation, others })
}

/// Returns whether readers find a collection.
fn is_collection(spaces: &dyn Spaces) -> Result<bool> {
    let served = spaces.serving().and_then(|serving| spaces.reader(&serving.space));
    match served {
        Ok(_) => Ok(true),
        // A file is not replaced.
        Err(
            Error::NotACollection {
                found: FoundInstead::Nothing | FoundInstead::OtherFolder, ..
            }
            | Error::UnknownSpace { .. },
        ) => Ok(false),
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Copies the newest snapshot of a space, and returns its number.
fn copy_space(from: &dyn Spaces, to: &dyn Spaces, name: &SpaceName) -> Result<(CopyReport, u64)> {
    let mut source = from.reader(name)?;
    if !name.is_main()
        && let Ok(there) = to.reader(name)
        && !there.space().is_same(source.space())
    {
        // A space that was created again under the same name takes the place of the previous one.
        to.remove(name)?;
    }
    let mut target = to.copy_writer(name, source.space())?;
    for _ in 1..ATTEMPTS {
        match target.mirror(&*source) {
            Err(error) if error.is_outdated() => source = from.reader(name)?,
            other => return Ok((other?, source.generation())),
        }
    }
    Ok((target.mirror(&*source)?, source.generation()))
}
