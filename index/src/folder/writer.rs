//! Fills a collection; there is one writer at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nocturne_encoder::Bundle;
use nocturne_psg::RecordingId;

use crate::error::{Error, Result};
use crate::folder::manifest::{Change, Manifest, Next};
use crate::folder::spaces::place::{Place, SPACES};
use crate::folder::spaces::record::RECORD;
use crate::folder::spaces::serving::SERVING;
use crate::folder::{Collection, SpaceRecord};
use crate::folder::{SEGMENTS, expect_space};
use crate::recording::SegmentRef;
use crate::recording::{EmbeddingSpace, RecordingDraft, RecordingEntry, SpaceName};
use crate::storage::cache_files::CacheFiles;
use crate::storage::segment;
use crate::storage::{Folder, Item, Lock, LockResult, Storage, UNFINISHED, write_atomically};
use crate::vector::kernel::MAX_DIM;

/// Name of the file that a writer holds locked.
pub(crate) const LOCK: &str = "writer.lock";

/// How many generations stay readable.
const GENERATIONS: u64 = 3;

/// The only writer of a space of a collection, until it is dropped.
///
/// # What happens when a write fails?
///
/// The recording is not there, everything acknowledged before is, and the next [`commit`](Self::commit) may succeed,
/// for example after space was made on a full disk.
/// Only where the disk fails to confirm names (`fsync` of a folder) nobody can tell what a power cut would leave:
/// the writer then refuses to go on ([`Error::WriterStopped`]), and opening the collection again finds out.
#[derive(Debug)]
pub struct CollectionWriter {
    place: Place,
    manifest: Manifest,
    cleared: Vec<PathBuf>,
    is_stopped: bool,
    _lock: Lock,
}

impl CollectionWriter {
    /// Creates a collection in a folder that is empty or not there yet.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyACollection`], [`Error::FolderInUse`], [`Error::Locked`] and [`Error::Io`];
    /// [`Error::Setting`] for a space whose vectors have no numbers, or more than 65,536.
    pub fn create(folder: &Path, space: &EmbeddingSpace) -> Result<Self> {
        Self::create_in(Arc::new(Folder::at(folder)), space)
    }

    /// Opens the space that the collection in a folder serves, and clears away what a crash left behind.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`], [`Error::Locked`], and those of [`Collection::open`](crate::Collection::open).
    pub fn open(folder: &Path, space: &EmbeddingSpace) -> Result<Self> {
        Self::open_in(Arc::new(Folder::at(folder)), space)
    }

    /// Opens the space that the collection in a folder serves, or creates a collection where there is none.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(folder: &Path, space: &EmbeddingSpace) -> Result<Self> {
        Self::open_or_create_in(Arc::new(Folder::at(folder)), space)
    }

    /// Does what [`create`](Self::create) does in any kind of storage.
    pub fn create_in(storage: Arc<dyn Storage>, space: &EmbeddingSpace) -> Result<Self> {
        let place = Place::served(storage)?;
        if !place.is_first() {
            return Err(Error::AlreadyACollection { path: place.storage.path("") });
        }
        Self::create_at(place, space)
    }

    /// Creates a space in its folder.
    pub(crate) fn create_at(place: Place, space: &EmbeddingSpace) -> Result<Self> {
        if !(1..=MAX_DIM).contains(&space.dim) {
            return Err(Error::Setting { name: "dim", value: space.dim, expected: "1 to 65536" });
        }
        let storage = Arc::clone(&place.storage);
        refuse_other_things(storage.as_ref())?;
        for folder in ["", SEGMENTS] {
            let path = storage.path(folder);
            storage.create_folder(folder).map_err(Error::io(&path, "create"))?;
        }
        let lock = take_lock(storage.as_ref())?;
        if !Manifest::generations(storage.as_ref())?.is_empty() {
            return Err(Error::AlreadyACollection { path: storage.path("") });
        }
        let (manifest, bytes) = Manifest::first(space);
        let mut writer = Self::new(place, manifest, lock);
        writer.publish("", &Manifest::file_name(writer.generation()), &bytes)?;
        Ok(writer)
    }

    /// Does what [`open`](Self::open) does in any kind of storage.
    pub fn open_in(storage: Arc<dyn Storage>, space: &EmbeddingSpace) -> Result<Self> {
        Place::try_served(storage, |place| Self::open_at(place, space))
    }

    /// Opens a space.
    pub(crate) fn open_at(place: Place, space: &EmbeddingSpace) -> Result<Self> {
        let storage = Arc::clone(&place.storage);
        // Before the lock, so that no lock file appears in a folder that is no collection.
        Manifest::newest_generation(storage.as_ref())?;
        let lock = take_lock(storage.as_ref())?;
        let path = storage.path("");
        if !place.is_served()? {
            // It was promoted between the look at the pointer and the lock; from here on it cannot be.
            return Err(Error::Outdated { path, generation: 0, newest: 0 });
        }
        let manifest = Manifest::read_newest(storage.as_ref())?;
        expect_space(&path, &manifest.space, space)?;
        // What a process that was killed has renamed is visible but perhaps not durable yet,
        // and the caller will take what it sees for acknowledged.
        storage.sync_folder("").map_err(Error::io(&path, "synchronise"))?;
        let mut writer = Self::new(place, manifest, lock);
        writer.clear();
        Ok(writer)
    }

    /// Does what [`open_or_create`](Self::open_or_create) does in any kind of storage.
    pub fn open_or_create_in(storage: Arc<dyn Storage>, space: &EmbeddingSpace) -> Result<Self> {
        let is_first = Place::served(Arc::clone(&storage))?.is_first();
        match Manifest::newest_generation(storage.as_ref()) {
            _ if !is_first => Self::open_in(storage, space),
            Err(Error::NotACollection { .. }) => Self::create_in(storage, space),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Self::create_in(storage, space)
            }
            Ok(_) => Self::open_in(storage, space),
            Err(error) => Err(error),
        }
    }

    fn new(place: Place, manifest: Manifest, lock: Lock) -> Self {
        Self { place, manifest, cleared: Vec::new(), is_stopped: false, _lock: lock }
    }

    fn storage(&self) -> &Arc<dyn Storage> {
        &self.place.storage
    }

    /// Returns the name of the space.
    pub fn space_name(&self) -> &SpaceName {
        &self.place.name
    }

    /// Keeps where the bundle is that the space is filled with, for programs that are not told; a space that has no
    /// recording yet counts as made at `now`.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`] where another bundle fills the space, [`Error::Damaged`] and [`Error::Io`].
    pub fn set_bundle(&mut self, bundle: &Bundle, now: jiff::Timestamp) -> Result<()> {
        let storage = self.storage().as_ref();
        expect_space(&storage.path(""), &self.manifest.space, &EmbeddingSpace::of(bundle))?;
        let known = SpaceRecord::read(storage)?;
        let made = match &known {
            Some(known) => known.made,
            None => (self.generation() == 1).then_some(now),
        };
        let record = SpaceRecord::of(self.place.name.clone(), bundle, made);
        if known.as_ref() == Some(&record) {
            return Ok(());
        }
        record.write(storage)
    }

    /// Keeps what is told of a space that was copied to here, unless something is told already.
    pub(crate) fn set_record_of_copy(&self, record: SpaceRecord) -> Result<()> {
        let storage = self.storage().as_ref();
        if SpaceRecord::read(storage)?.is_some() {
            return Ok(());
        }
        SpaceRecord { name: self.place.name.clone(), ..record }.write(storage)
    }

    /// Returns which bundle the collection is filled with.
    pub fn space(&self) -> &EmbeddingSpace {
        &self.manifest.space
    }

    /// Returns the number of the last acknowledged commit.
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// Returns the recordings that are acknowledged, by ascending name.
    pub fn recordings(&self) -> impl ExactSizeIterator<Item = &RecordingEntry> {
        self.manifest.recordings.values()
    }

    /// Returns what is acknowledged of a recording, where there is one of that name.
    pub fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        self.manifest.recordings.get(id)
    }

    /// Returns the files that a crash or a replacement had left behind and that opening removed.
    pub fn cleared(&self) -> &[PathBuf] {
        &self.cleared
    }

    /// Reads every segment and returns what is wrong, by recording; a new commit of such a recording mends it.
    ///
    /// # Errors
    ///
    /// Those of [`Collection::open`].
    pub fn damaged(&self) -> Result<Vec<(RecordingId, Error)>> {
        let collection = Collection::open_at(self.place.clone())?;
        Ok(collection.verify().map(|(id, error)| (id.clone(), error)).collect())
    }

    /// Adds a recording, or replaces the one of the same name in one step.
    ///
    /// When this returns, the recording is on the disk whole and the next reader sees it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidDraft`] and [`Error::Dimension`] where the recording is not fit to be kept;
    /// [`Error::Io`] and [`Error::WriterStopped`].
    pub fn commit(&mut self, draft: RecordingDraft) -> Result<RecordingEntry> {
        let (entry, bytes) = segment::seal(&self.manifest.space, draft)?;
        self.publish(SEGMENTS, &entry.segment.file_name(), &bytes)?;
        self.advance(Change::Put(Box::new(entry.clone())))?;
        Ok(entry)
    }

    /// Removes a recording; its file goes when the collection is next opened for writing.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], [`Error::Io`] and [`Error::WriterStopped`].
    pub fn remove(&mut self, id: &RecordingId) -> Result<()> {
        if self.entry(id).is_none() {
            return Err(Error::UnknownRecording { recording: id.clone() });
        }
        self.advance(Change::Remove(id.clone()))
    }

    /// Removes every recording, in one step; their files go as those of [`remove`](Self::remove) do.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::WriterStopped`].
    pub fn remove_all(&mut self) -> Result<()> {
        let all = self.manifest.recordings.keys().cloned().map(Change::Remove).collect();
        self.advance_to(self.manifest.next_whole(all))
    }

    /// Removes from the disk what no recording needs any more: files of recordings that were removed or replaced, older
    /// generations, and lists and graphs, which are made anew. Returns the files that went.
    ///
    /// Until then three generations stay, so that readers finish in peace; a reader that still holds an older one is told
    /// that it is [outdated](Error::Outdated) where it asks for something new.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::WriterStopped`]; calling again goes on.
    pub fn purge(&mut self) -> Result<Vec<PathBuf>> {
        self.advance_to(self.manifest.next_whole(vec![]))?;
        let storage = Arc::clone(self.storage());
        let generations = Manifest::generations(storage.as_ref())?.into_iter();
        let older = generations.filter(|it| *it < self.generation());
        let mut rubbish: Vec<String> = older.map(Manifest::file_name).collect();
        rubbish.extend(self.unused_segments(self.generation())?);
        rubbish.extend(caches(storage.as_ref())?);
        for name in &rubbish {
            let path = storage.path(name);
            storage.remove(name).map_err(Error::io(&path, "remove"))?;
        }
        for folder in ["", SEGMENTS] {
            let path = storage.path(folder);
            storage.sync_folder(folder).map_err(Error::io(&path, "synchronise"))?;
        }
        Ok(rubbish.iter().map(|name| storage.path(name)).collect())
    }

    /// Sets what is said of some recordings, all in one step, and returns how many of them it changed.
    ///
    /// The manifest alone is written: vectors and all else of a recording stay as they are.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], and nothing is changed then; [`Error::Io`] and [`Error::WriterStopped`].
    pub fn set_metadata(
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
        match (changes.pop(), changes) {
            (None, _) => {}
            (Some(only), others) if others.is_empty() => self.advance(only)?,
            (Some(last), mut others) => {
                others.push(last);
                self.advance_to(self.manifest.next_whole(others))?;
            }
        }
        Ok(n_changed)
    }

    /// Makes the next generation durable and visible, then the current one.
    fn advance(&mut self, change: Change) -> Result<()> {
        self.advance_to(self.manifest.next(change))
    }

    fn advance_to(&mut self, next: Next) -> Result<()> {
        self.publish("", &Manifest::file_name(next.generation), &next.bytes)?;
        self.manifest.advance(next);
        // Once for each whole manifest. Best effort: what stays goes when the collection is next opened.
        let whole = self.manifest.whole;
        if whole + GENERATIONS == self.generation() + 1 {
            for name in self.manifests_before(whole).unwrap_or_default() {
                let _ = self.storage().remove(&name);
            }
        }
        Ok(())
    }

    /// Returns the manifests that none of the last generations needs.
    fn old_manifests(&self) -> Result<Vec<String>> {
        let storage = self.storage().as_ref();
        let first = self.generation().saturating_sub(GENERATIONS - 1);
        let kept = Manifest::generations(storage)?.into_iter().find(|it| *it >= first);
        let oldest = kept.map(|first| Manifest::read(storage, first)).transpose()?;
        oldest.map_or(Ok(vec![]), |oldest| self.manifests_before(oldest.whole))
    }

    fn manifests_before(&self, generation: u64) -> Result<Vec<String>> {
        let generations = Manifest::generations(self.storage().as_ref())?.into_iter();
        Ok(generations.filter(|it| *it < generation).map(Manifest::file_name).collect())
    }

    fn publish(&mut self, folder: &str, file_name: &str, bytes: &[u8]) -> Result<()> {
        if self.is_stopped {
            return Err(Error::WriterStopped { path: self.storage().path("") });
        }
        let result = write_atomically(self.storage().as_ref(), folder, file_name, bytes);
        result.map_err(|error| {
            self.is_stopped |= error.is_in_doubt;
            error.into_error(self.storage().as_ref())
        })
    }

    /// Removes unfinished files, old generations and the segments of none that is kept.
    ///
    /// Nothing depends on it, so where it fails it is left to the next writer.
    fn clear(&mut self) {
        let items = self.storage().list("").unwrap_or_default().into_iter();
        let oldest = self.manifest.generation.saturating_sub(GENERATIONS - 1);
        let mut rubbish: Vec<String> = items
            .filter(|item| item.is_file && is_unfinished(&item.name))
            .map(|item| item.name)
            .collect();
        rubbish.extend(self.old_manifests().unwrap_or_default());
        rubbish.extend(self.unused_segments(oldest).unwrap_or_default());
        for name in rubbish {
            if self.storage().remove(&name).is_ok() {
                self.cleared.push(self.storage().path(&name));
            }
        }
    }

    /// Returns the segments that no generation from `oldest` on refers to, and unfinished ones.
    ///
    /// Where a generation cannot be read nobody knows what it needs, and nothing is returned.
    fn unused_segments(&self, oldest: u64) -> Result<Vec<String>> {
        let storage = self.storage().as_ref();
        let mut used = BTreeSet::new();
        for generation in Manifest::generations(storage)?.into_iter().filter(|it| *it >= oldest) {
            let manifest = Manifest::read(storage, generation)?;
            used.extend(manifest.recordings.values().map(|entry| entry.segment.file_name()));
        }
        let items = storage.list(SEGMENTS).map_err(Error::io(&storage.path(SEGMENTS), "read"))?;
        let is_unused = |item: &Item| {
            let is_ours = SegmentRef::is_file_name(&item.name) || is_unfinished(&item.name);
            item.is_file && is_ours && !used.contains(&item.name)
        };
        let unused = items.into_iter().filter(is_unused);
        Ok(unused.map(|item| format!("{SEGMENTS}/{}", item.name)).collect())
    }
}

/// Returns the files that can be made anew from the segments.
fn caches(storage: &dyn Storage) -> Result<Vec<String>> {
    let mut caches = Vec::new();
    for folder in CacheFiles::ALL.map(|files| files.folder) {
        let items = match storage.list(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            items => items.map_err(Error::io(&storage.path(folder), "read"))?,
        };
        let files = items.into_iter().filter(|item| item.is_file);
        caches.extend(files.map(|item| format!("{folder}/{}", item.name)));
    }
    Ok(caches)
}

/// Returns whether the name is that of a file that a writer of ours had not finished.
fn is_unfinished(name: &str) -> bool {
    name.strip_suffix(UNFINISHED).is_some_and(|name| {
        SegmentRef::is_file_name(name)
            || Manifest::generation_of(name).is_some()
            || [SERVING, RECORD].contains(&name)
    })
}

pub(crate) fn take_lock(storage: &dyn Storage) -> Result<Lock> {
    match storage.lock(LOCK).map_err(Error::io(&storage.path(LOCK), "lock"))? {
        LockResult::Acquired(lock) => Ok(lock),
        LockResult::HeldBy(holder) => Err(Error::Locked { path: storage.path(""), holder }),
    }
}

/// Refuses a folder of other things, so that a slip of the hand fills no home folder with segments.
pub(crate) fn refuse_other_things(storage: &dyn Storage) -> Result<()> {
    let path = storage.path("");
    let items = match storage.list("") {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(Error::io(&path, "read"))?,
    };
    if items.iter().any(|item| Manifest::generation_of(&item.name).is_some()) {
        return Err(Error::AlreadyACollection { path });
    }
    let is_harmless = |name: &str| {
        [LOCK, SEGMENTS, SPACES, SERVING, RECORD, "lost+found"].contains(&name)
            || is_unfinished(name)
            || name.starts_with('.')
    };
    match items.into_iter().find(|item| !is_harmless(&item.name)) {
        Some(Item { name, .. }) => Err(Error::FolderInUse { path, found: name }),
        None => Ok(()),
    }
}
