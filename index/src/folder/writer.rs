//! The writer of a space in a folder; there is one at a time.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nocturne_psg::RecordingId;

use super::cleanup::{
    READABLE_GENERATIONS, all_unneeded_files, is_unfinished, manifests_before, remove_durably,
    unneeded_files,
};
use super::manifest::{Change, Manifest, NextManifest};
use super::reader::segment_name;
use super::spaces::{RECORD, SERVING, SPACES, SpaceFolder, read_record, write_record};
use super::{FolderReader, SEGMENTS, tracks};
use crate::contract::{
    COPIED_AT_ONCE, CollectionReader, CollectionWriter, CopyReport, SpaceRecord, TrackDraft,
    expect_space,
};
use crate::error::{Error, LocationName, Result};
use crate::recording::{EmbeddingSpace, RecordingDraft, RecordingEntry, SpaceName};
use crate::storage::segment::{Recording, SegmentFile, seal};
use crate::storage::track_file::TRACKS;
use crate::storage::{FileContent, Folder, Item, Lock, LockResult, Storage, write_atomically};
use crate::vector::kernel::MAX_DIM;

/// Name of the file that a writer holds locked.
pub(super) const WRITER_LOCK: &str = "writer.lock";

/// The only writer of a space of a collection in a folder, until it is dropped.
///
/// # What happens when a write fails?
///
/// The recording is not there, everything acknowledged before is, and the next [`commit`](CollectionWriter::commit) may
/// succeed, for example after a full disk was cleared.
/// Only if the disk fails to confirm names (`fsync` of a folder), it is unknown what a power cut would leave: the writer
/// then refuses to continue ([`Error::WriterStopped`]), and opening the collection again finds out.
#[derive(Debug)]
pub struct FolderWriter {
    folder: SpaceFolder,
    manifest: Manifest,
    removed_files: Vec<PathBuf>,
    is_stopped: bool,
    _lock: Lock,
}

impl FolderWriter {
    /// Creates a collection in a folder that is empty or does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyACollection`], [`Error::FolderInUse`], [`Error::Locked`] and [`Error::Io`];
    /// [`Error::Setting`] if vectors have no dimension, or more than 65,536.
    pub fn create(folder: &Path, space: &EmbeddingSpace) -> Result<Self> {
        Self::create_in(Arc::new(Folder::at(folder)), space)
    }

    /// Opens the served space of a collection, and removes what a crash has left.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`], [`Error::Locked`], and those of [`FolderReader::open`].
    pub fn open(folder: &Path, space: &EmbeddingSpace) -> Result<Self> {
        Self::open_in(Arc::new(Folder::at(folder)), space)
    }

    /// Opens the served space of a collection, or creates a collection if there is none.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(folder: &Path, space: &EmbeddingSpace) -> Result<Self> {
        Self::open_or_create_in(Arc::new(Folder::at(folder)), space)
    }

    /// Creates a collection in any kind of storage, like [`create`](Self::create).
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create).
    pub fn create_in(storage: Arc<dyn Storage>, space: &EmbeddingSpace) -> Result<Self> {
        let folder = SpaceFolder::served(storage)?;
        if !folder.was_never_promoted() {
            return Err(Error::AlreadyACollection { location: folder.location() });
        }
        Self::create_at(&folder, space)
    }

    /// Opens the served space in any kind of storage, like [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_in(storage: Arc<dyn Storage>, space: &EmbeddingSpace) -> Result<Self> {
        SpaceFolder::try_served(storage, |folder| Self::open_at(folder, space))
    }

    /// Opens or creates a collection in any kind of storage, like [`open_or_create`](Self::open_or_create).
    ///
    /// # Errors
    ///
    /// Those of [`open_or_create`](Self::open_or_create).
    pub fn open_or_create_in(storage: Arc<dyn Storage>, space: &EmbeddingSpace) -> Result<Self> {
        let was_never_promoted = SpaceFolder::served(Arc::clone(&storage))?.was_never_promoted();
        if was_never_promoted && !Manifest::exists(storage.as_ref())? {
            return Self::create_in(storage, space);
        }
        Self::open_in(storage, space)
    }

    /// Creates a space in its folder.
    pub(super) fn create_at(folder: &SpaceFolder, space: &EmbeddingSpace) -> Result<Self> {
        let exists = || Error::AlreadyACollection { location: folder.location() };
        if Manifest::exists(folder.storage.as_ref())? {
            return Err(exists());
        }
        let mut writer = Self::open_for_copy(folder.clone(), space)?;
        if writer.generation() > 0 {
            // Another process has created it since.
            return Err(exists());
        }
        let first = writer.manifest.next_full(vec![]);
        writer.advance_to(first)?;
        Ok(writer)
    }

    /// Opens a space.
    pub(super) fn open_at(folder: SpaceFolder, space: &EmbeddingSpace) -> Result<Self> {
        let storage = Arc::clone(&folder.storage);
        // Before the lock, so that no lock file appears in a folder that is not a collection.
        Manifest::newest_generation(storage.as_ref())?;
        let lock = take_lock(storage.as_ref())?;
        let path = storage.path("");
        if !folder.is_served()? {
            // Another space was promoted between reading the pointer and taking the lock. Now it cannot be any more.
            return Err(Error::Outdated { path, generation: 0, newest: 0 });
        }
        let manifest = Manifest::read_newest(storage.as_ref())?;
        expect_space(folder.location(), &manifest.space, space)?;
        // What a killed process has renamed is visible but perhaps not durable yet, and the caller takes what it sees for
        // acknowledged.
        storage.sync_folder("").map_err(Error::io(&path, "synchronise"))?;
        let mut writer = Self::new(folder, manifest, lock);
        writer.clean_up();
        Ok(writer)
    }

    /// Opens a space for a copy, and removes nothing, so that an interrupted copy can continue. A space that does not exist
    /// appears with the first commit.
    pub(super) fn open_for_copy(folder: SpaceFolder, space: &EmbeddingSpace) -> Result<Self> {
        if !(1..=MAX_DIM).contains(&space.dim) {
            return Err(Error::Setting { name: "dim", value: space.dim, expected: "1 to 65536" });
        }
        let storage = Arc::clone(&folder.storage);
        if !Manifest::exists(storage.as_ref())? {
            refuse_other_files(storage.as_ref())?;
        }
        for name in ["", SEGMENTS] {
            let path = storage.path(name);
            storage.create_folder(name).map_err(Error::io(&path, "create"))?;
        }
        let lock = take_lock(storage.as_ref())?;
        let manifest = if Manifest::exists(storage.as_ref())? {
            Manifest::read_newest(storage.as_ref())?
        } else {
            Manifest::before_first(space)
        };
        expect_space(folder.location(), &manifest.space, space)?;
        Ok(Self::new(folder, manifest, lock))
    }

    fn new(folder: SpaceFolder, manifest: Manifest, lock: Lock) -> Self {
        Self { folder, manifest, removed_files: Vec::new(), is_stopped: false, _lock: lock }
    }

    /// Returns the number of the last acknowledged commit.
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// Returns the files that opening has removed, because a crash or a replacement had left them.
    pub fn removed_files(&self) -> &[PathBuf] {
        &self.removed_files
    }

    /// Removes every recording, in one step.
    pub(super) fn remove_all(&mut self) -> Result<()> {
        let all = self.manifest.recordings.keys().cloned().map(Change::Remove).collect();
        self.advance_to(self.manifest.next_full(all))
    }

    fn storage(&self) -> &Arc<dyn Storage> {
        &self.folder.storage
    }

    /// Makes the next generation durable and visible, then the current one.
    fn advance_to(&mut self, next: NextManifest) -> Result<()> {
        self.write("", &Manifest::file_name(next.generation), &next.bytes)?;
        self.manifest.advance(next);
        // Once for each full manifest. Best effort: what stays is removed when the collection is next opened.
        let full = self.manifest.full;
        if full + READABLE_GENERATIONS == self.generation() + 1 {
            let storage = self.storage().as_ref();
            for name in manifests_before(storage, full).unwrap_or_default() {
                let _ = storage.remove(&name);
            }
        }
        Ok(())
    }

    fn write(&mut self, folder: &str, file_name: &str, bytes: &[u8]) -> Result<()> {
        if self.is_stopped {
            return Err(Error::WriterStopped { path: self.storage().path("") });
        }
        let storage = Arc::clone(self.storage());
        write_atomically(storage.as_ref(), folder, file_name, bytes).map_err(|error| {
            self.is_stopped |= error.is_in_doubt;
            error.into_error(storage.as_ref())
        })
    }

    /// Writes the segment of an entry, once every byte of it is checked.
    fn write_segment(&mut self, entry: &RecordingEntry, segment: Vec<u8>) -> Result<()> {
        let content = FileContent::from(segment);
        Arc::new(self.segment_file(entry, content.clone())).verify()?;
        self.write(SEGMENTS, &entry.segment.file_name(), &content)
    }

    fn segment_file(&self, entry: &RecordingEntry, content: FileContent) -> SegmentFile {
        let path = self.storage().path(&segment_name(entry));
        let (entry, space) = (Arc::new(entry.clone()), Arc::new(self.manifest.space.clone()));
        SegmentFile::new(path, entry, space, content)
    }

    /// Returns whether the segment of an entry is stored, every byte of it undamaged.
    fn has_segment(&self, entry: &RecordingEntry) -> bool {
        let Ok(content) = self.storage().map(&segment_name(entry)) else { return false };
        Arc::new(self.segment_file(entry, content)).verify().is_ok()
    }

    /// Writes the tracks of a snapshot that are not here yet.
    fn copy_tracks(&self, source: &dyn CollectionReader) -> Result<()> {
        let storage = self.storage().as_ref();
        for entries in source.entries().chunks(COPIED_AT_ONCE) {
            let missing = tracks::missing(storage, &source.tracks(None, entries)?)?;
            let missing: Vec<_> = missing.iter().map(|(hash, track)| (*hash, track)).collect();
            tracks::write(storage, &missing)?;
        }
        Ok(())
    }

    /// Removes unfinished files, old generations, and the segments and tracks that no readable generation needs. Best
    /// effort: what stays is left to the next writer.
    fn clean_up(&mut self) {
        let storage = Arc::clone(self.storage());
        for name in unneeded_files(storage.as_ref(), self.generation()) {
            if storage.remove(&name).is_ok() {
                self.removed_files.push(storage.path(&name));
            }
        }
    }
}

impl CollectionWriter for FolderWriter {
    fn location(&self) -> LocationName {
        self.folder.location()
    }

    fn space_name(&self) -> SpaceName {
        self.folder.name.clone()
    }

    fn space(&self) -> &EmbeddingSpace {
        &self.manifest.space
    }

    fn record(&self) -> Result<Option<SpaceRecord>> {
        read_record(self.storage().as_ref())
    }

    fn set_record(&mut self, record: &SpaceRecord) -> Result<()> {
        write_record(self.storage().as_ref(), record)
    }

    fn entries(&self) -> Vec<&RecordingEntry> {
        self.manifest.recordings.values().collect()
    }

    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        self.manifest.recordings.get(id)
    }

    /// Reads every segment.
    fn damaged(&self) -> Result<Vec<(RecordingId, Error)>> {
        let reader = FolderReader::open_at(self.folder.clone())?;
        Ok(reader.verify().map(|(id, error)| (id.clone(), error)).collect())
    }

    fn commit_with_track(
        &mut self,
        draft: RecordingDraft,
        track: &mut dyn FnMut(&Recording) -> Option<TrackDraft>,
    ) -> Result<RecordingEntry> {
        let (entry, bytes) = seal(&self.manifest.space, draft)?;
        let content = FileContent::from(bytes);
        let recording = Arc::new(self.segment_file(&entry, content.clone())).recording()?;
        let track = track(&recording);
        self.write(SEGMENTS, &entry.segment.file_name(), &content)?;
        if let Some(track) = track {
            // Before the manifest, so that readers find both or none.
            tracks::write(self.storage().as_ref(), &[(entry.segment.hash, &track)])?;
        }
        self.advance_to(self.manifest.next(Change::Put(Box::new(entry.clone()))))?;
        Ok(entry)
    }

    fn put_tracks(&mut self, tracks: &[(RecordingId, TrackDraft)]) -> Result<()> {
        let segment_of = |id: &RecordingId| Some(self.entry(id)?.segment.hash);
        tracks::put(self.storage().as_ref(), tracks, segment_of)
    }

    fn commit(&mut self, draft: RecordingDraft) -> Result<RecordingEntry> {
        let (entry, bytes) = seal(&self.manifest.space, draft)?;
        self.write(SEGMENTS, &entry.segment.file_name(), &bytes)?;
        self.advance_to(self.manifest.next(Change::Put(Box::new(entry.clone()))))?;
        Ok(entry)
    }

    fn put_segment(&mut self, entry: &RecordingEntry, segment: Vec<u8>) -> Result<()> {
        self.write_segment(entry, segment)?;
        self.advance_to(self.manifest.next(Change::Put(Box::new(entry.clone()))))
    }

    fn mirror(&mut self, source: &dyn CollectionReader) -> Result<CopyReport> {
        expect_space(self.location(), self.space(), source.space())?;
        if let Some(record) = source.record()? {
            let record = SpaceRecord { name: self.space_name(), ..record };
            if self.record()?.as_ref() != Some(&record) {
                self.set_record(&record)?;
            }
        }
        let mut report = CopyReport::default();
        for entry in source.entries() {
            report.n_recordings += 1;
            report.n_epochs += entry.n_epochs;
            if !self.has_segment(entry) {
                let segment = source.read_segment(&entry.id)?;
                report.n_written += 1;
                report.n_bytes += segment.len() as u64;
                self.write_segment(entry, segment)?;
            }
        }
        self.copy_tracks(source)?;
        // All of it appears with one manifest, whose number is never behind that of the source.
        let recordings = source.entries().into_iter();
        let recordings = recordings.map(|entry| (entry.id.clone(), entry.clone())).collect();
        self.advance_to(self.manifest.replaced_by(recordings, source.generation()))?;
        self.clean_up();
        Ok(report)
    }

    fn set_metadata(
        &mut self,
        metadata: BTreeMap<RecordingId, BTreeMap<String, String>>,
    ) -> Result<usize> {
        let mut changes = Vec::new();
        for (recording, metadata) in metadata {
            let Some(entry) = self.entry(&recording) else {
                return Err(Error::UnknownRecording { recording });
            };
            if entry.metadata != metadata {
                changes.push(Change::Put(Box::new(RecordingEntry { metadata, ..entry.clone() })));
            }
        }
        let n_changed = changes.len();
        // A delta holds one change, so several of them need a full manifest to appear in one step.
        match n_changed {
            0 => {}
            1 => {
                let only = changes.pop().expect("there is one");
                self.advance_to(self.manifest.next(only))?;
            }
            _ => self.advance_to(self.manifest.next_full(changes))?,
        }
        Ok(n_changed)
    }

    /// The segment is deleted when the collection is next opened for writing.
    fn remove(&mut self, id: &RecordingId) -> Result<()> {
        if self.entry(id).is_none() {
            return Err(Error::UnknownRecording { recording: id.clone() });
        }
        self.advance_to(self.manifest.next(Change::Remove(id.clone())))
    }

    /// Deletes the segments and tracks of recordings that were removed or replaced, older generations, and approximate
    /// indexes, which are rebuilt.
    /// Without a purge, three generations stay readable; a reader that is still open in an older one learns that it is
    /// [outdated](Error::Outdated).
    fn purge(&mut self) -> Result<usize> {
        self.advance_to(self.manifest.next_full(vec![]))?;
        let storage = Arc::clone(self.storage());
        let files = all_unneeded_files(storage.as_ref(), self.generation())?;
        remove_durably(storage.as_ref(), &files)?;
        Ok(files.len())
    }
}

/// Takes the lock of the writer of a space.
pub(super) fn take_lock(storage: &dyn Storage) -> Result<Lock> {
    match storage.lock(WRITER_LOCK).map_err(Error::io(&storage.path(WRITER_LOCK), "lock"))? {
        LockResult::Acquired(lock) => Ok(lock),
        LockResult::HeldBy(holder) => Err(Error::Locked { path: storage.path(""), holder }),
    }
}

/// Refuses a folder with other files, so that a mistyped path does not fill a home folder with segments.
pub(super) fn refuse_other_files(storage: &dyn Storage) -> Result<()> {
    let path = storage.path("");
    let items = match storage.list("") {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(Error::io(&path, "read"))?,
    };
    let is_harmless = |name: &str| {
        [WRITER_LOCK, SEGMENTS, TRACKS, SPACES, SERVING, RECORD, "lost+found"].contains(&name)
            || is_unfinished(name)
            || name.starts_with('.')
    };
    match items.into_iter().find(|item| !is_harmless(&item.name)) {
        Some(Item { name, .. }) => Err(Error::FolderInUse { path, found: name }),
        None => Ok(()),
    }
}
