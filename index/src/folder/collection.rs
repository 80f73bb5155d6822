//! A snapshot of a collection, for readers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use nocturne_psg::{EpochRef, RecordingId};

use crate::error::{Error, Result, StoredFile};
use crate::folder::manifest::Manifest;
use crate::folder::spaces::place::Place;
use crate::recording::{EmbeddingSpace, RecordingEntry, SpaceName};
use crate::search::{CacheProblem, ExactIndex, check_caches};
use crate::storage::segment::{
    EpochView, MissingRecording, OpenSegment, Recording, SegmentFile, SegmentSet,
};
use crate::storage::{Folder, Storage};

/// Name of the folder of segments in a collection.
pub(crate) const SEGMENTS: &str = "segments";

/// What a collection held at the moment when it was opened, in the space that was served then.
///
/// It takes no lock and never changes: a writer may go on meanwhile, and [`refresh`](Self::refresh) shows what it did.
/// Opening reads the manifest alone; a recording is read and checked as far as it is asked about, its vectors one by one.
#[derive(Debug)]
pub struct Collection {
    place: Place,
    manifest: Manifest,
    space: Arc<EmbeddingSpace>,
    segments: BTreeMap<RecordingId, OnceLock<Arc<OpenSegment>>>,
}

impl Collection {
    /// Opens the newest generation of the space that a collection serves.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`], [`Error::Damaged`], [`Error::Damaged`], [`Error::Format`] and
    /// [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self> {
        Self::open_in(Arc::new(Folder::at(folder)))
    }

    /// Opens the newest generation of the collection in any kind of storage, like [`open`](Self::open).
    pub fn open_in(storage: Arc<dyn Storage>) -> Result<Self> {
        Place::try_served(storage, Self::open_at)
    }

    /// Opens the newest generation of a space.
    pub(crate) fn open_at(place: Place) -> Result<Self> {
        let manifest = Manifest::read_newest(place.storage.as_ref())?;
        let segments = manifest.recordings.keys().map(|id| (id.clone(), OnceLock::new())).collect();
        let space = Arc::new(manifest.space.clone());
        Ok(Self { place, manifest, space, segments })
    }

    /// Returns the folder of the space.
    pub fn path(&self) -> PathBuf {
        self.place.storage.path("")
    }

    /// Returns the name of the space.
    pub fn space_name(&self) -> &SpaceName {
        &self.place.name
    }

    /// Returns whether the collection still serves what this was opened as; it costs the reading of a small file. A space
    /// that was opened by its name is its own, whatever is served.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Format`] and [`Error::Io`].
    pub fn is_served(&self) -> Result<bool> {
        self.place.is_served()
    }

    /// Returns the way to its files.
    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.place.storage
    }

    /// Returns which bundle the collection was filled with.
    pub fn space(&self) -> &EmbeddingSpace {
        &self.manifest.space
    }

    /// Returns the number of this snapshot; every commit adds one.
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// Refuses a bundle that the collection was not filled with.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`].
    pub fn expect_space(&self, expected: &EmbeddingSpace) -> Result<()> {
        expect_space(&self.path(), self.space(), expected)
    }

    /// Returns the recordings, by ascending name.
    pub fn recordings(&self) -> impl ExactSizeIterator<Item = &RecordingEntry> + Clone {
        self.manifest.recordings.values()
    }

    /// Returns what the manifest says of a recording, where there is one of that name.
    pub fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        self.manifest.recordings.get(id)
    }

    /// Returns the number of epochs of all recordings.
    pub fn n_epochs(&self) -> usize {
        self.recordings().map(|entry| entry.n_epochs).sum()
    }

    /// Returns a recording, and reads it where this is the first time.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], [`Error::Damaged`], [`Error::Format`], [`Error::Outdated`] and [`Error::Io`].
    pub fn recording(&self, id: &RecordingId) -> Result<&Arc<Recording>> {
        self.segment(id)?.recording()
    }

    /// Reads a recording anew and does not keep it: for whoever goes through all of them once.
    ///
    /// # Errors
    ///
    /// Those of [`recording`](Self::recording).
    pub fn read_recording(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        let entry = self.entry(id);
        let entry = entry.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })?;
        self.open_segment(entry)?.recording().cloned()
    }

    /// Returns the open segments, for an index.
    ///
    /// # Errors
    ///
    /// [`Error::Outdated`] and [`Error::Io`].
    pub fn segments(&self) -> Result<SegmentSet> {
        let mut segments = Vec::with_capacity(self.recordings().len());
        let mut lost = Vec::new();
        for entry in self.recordings() {
            match self.segment(&entry.id) {
                Ok(segment) => segments.push(Arc::clone(segment)),
                Err(Error::Damaged { file: StoredFile::Segment, path, offset, problem }) => {
                    let recording = entry.id.clone();
                    lost.push(MissingRecording { recording, path, offset, problem }.logged());
                }
                Err(error) => return Err(error),
            }
        }
        let (space, storage) = (self.space().clone(), Arc::clone(self.storage()));
        Ok(SegmentSet { space, generation: self.generation(), segments, lost, storage })
    }

    /// Reads every byte of the approximate indexes beside the collection, compares each row with its segment, and returns
    /// the problems. Rows of recordings that were removed or replaced since are skipped, as searches do.
    ///
    /// # Errors
    ///
    /// Those of [`segments`](Self::segments).
    pub fn verify_caches(&self) -> Result<Vec<CacheProblem>> {
        check_caches(&ExactIndex::new(self.segments()?), self.storage().as_ref())
    }

    /// Returns the open segment of a recording; nothing of it need have been read.
    pub(crate) fn segment(&self, id: &RecordingId) -> Result<&Arc<OpenSegment>> {
        let (Some(entry), Some(slot)) = (self.entry(id), self.segments.get(id)) else {
            return Err(Error::UnknownRecording { recording: id.clone() });
        };
        if let Some(segment) = slot.get() {
            return Ok(segment);
        }
        let segment = self.open_segment(entry)?;
        Ok(slot.get_or_init(|| Arc::new(segment)))
    }

    /// Returns one epoch.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEpoch`], and those of [`recording`](Self::recording).
    pub fn epoch(&self, epoch: &EpochRef) -> Result<EpochView<'_>> {
        self.recording(&epoch.recording)?.epoch(epoch.epoch)
    }

    /// Returns whether no writer has gone on since, and the same space is served; it costs a look at a folder of a few
    /// files.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`], and those of [`is_served`](Self::is_served).
    pub fn is_current(&self) -> Result<bool> {
        Ok(self.is_served()?
            && Manifest::newest_generation(self.storage().as_ref())? == self.generation())
    }

    /// Returns the newest snapshot where there is a newer one, of the space that is served now; it shares every recording
    /// that stayed the same.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn refresh(&self) -> Result<Option<Self>> {
        if self.is_current()? {
            return Ok(None);
        }
        let next = self.again()?;
        if next.place.name != self.place.name {
            return Ok(Some(next));
        }
        for (id, slot) in &next.segments {
            // What is damaged may have been written once more.
            let is_same = |segment: &&Arc<OpenSegment>| {
                Some(segment.entry()) == next.entry(id) && segment.damage().is_none()
            };
            if let Some(known) = self.segments.get(id).and_then(OnceLock::get).filter(is_same) {
                slot.get_or_init(|| Arc::clone(known));
            }
        }
        Ok(Some(next))
    }

    /// Opens the newest generation: of what is served now, or of the space that was asked for by name.
    pub(crate) fn again(&self) -> Result<Self> {
        self.place.again_with(Self::open_at)
    }

    /// Reads every segment from the disk and returns what is wrong, by recording.
    pub fn verify(&self) -> impl Iterator<Item = (&RecordingId, Error)> {
        let problem = |entry: &RecordingEntry| {
            self.open_segment(entry).and_then(|segment| segment.verify()).err()
        };
        self.recordings().filter_map(move |entry| Some((&entry.id, problem(entry)?)))
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) fn open_segment(&self, entry: &RecordingEntry) -> Result<OpenSegment> {
        self.open_segment_in(self.storage().as_ref(), entry)
    }

    /// Opens the segment of a recording in a place where a copy of it is.
    pub(crate) fn open_segment_in(
        &self,
        storage: &dyn Storage,
        entry: &RecordingEntry,
    ) -> Result<OpenSegment> {
        let name = format!("{SEGMENTS}/{}", entry.segment.file_name());
        let path = storage.path(&name);
        let content = match storage.map(&name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(self.missing(path)?);
            }
            other => other.map_err(Error::io(&path, "read"))?,
        };
        let (entry, space) = (Arc::new(entry.clone()), Arc::clone(&self.space));
        Ok(OpenSegment::new(SegmentFile::new(path, entry, space, content)))
    }

    /// Returns why a segment is not there: it was cleared away, or lost.
    fn missing(&self, path: PathBuf) -> Result<Error> {
        let newest = match Manifest::newest_generation(self.storage().as_ref()) {
            // The space was dropped.
            Err(_) if !self.is_served()? => self.generation() + 1,
            newest => newest?,
        };
        if newest == self.generation() {
            return Ok(Error::Damaged {
                file: StoredFile::Segment,
                path,
                offset: 0,
                problem: "it is missing".to_owned(),
            });
        }
        Ok(Error::Outdated { path: self.path(), generation: self.generation(), newest })
    }
}

/// Refuses a space whose vectors cannot be compared with those of the collection.
pub(crate) fn expect_space(
    path: &Path,
    found: &EmbeddingSpace,
    expected: &EmbeddingSpace,
) -> Result<()> {
    if found.is_same(expected) {
        return Ok(());
    }
    Err(Error::OtherBundle {
        path: path.to_owned(),
        found: found.bundle.clone(),
        found_fingerprint: found.fingerprint.clone(),
        expected: expected.bundle.clone(),
        expected_fingerprint: expected.fingerprint.clone(),
    })
}
