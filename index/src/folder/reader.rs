//! A snapshot of a space in a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochRef, RecordingId};

use super::SEGMENTS;
use super::manifest::Manifest;
use super::spaces::{SpaceFolder, read_record};
use super::tracks;
use crate::contract::{
    CacheProblem, CaptionHit, CollectionReader, SearchAnswer, SearchRequest, SpaceRecord, Track,
    TrackDraft, VectorIndex, VerifyProblem,
};
use crate::error::{Error, LocationName, Result, StoredFile};
use crate::filter::Filter;
use crate::recording::{EmbeddingSpace, EpochRow, RecordingEntry, SpaceName};
use crate::search::{ExactIndex, PlannedIndex, check_caches};
use crate::storage::segment::{MissingRecording, OpenSegment, Recording, SegmentFile, SegmentSet};
use crate::storage::{FileContent, Folder, Storage};
use crate::vector::ScoreTable;

/// What a space of a collection in a folder held when it was opened.
///
/// It takes no lock and never changes: a writer may continue meanwhile, and [`refresh`](CollectionReader::refresh) shows
/// what it has done. Opening reads the manifest alone. A recording is read and checked as far as it is needed, its vectors
/// one by one; indexes are opened by the first search.
#[derive(Debug)]
pub struct FolderReader {
    folder: SpaceFolder,
    manifest: Manifest,
    space: Arc<EmbeddingSpace>,
    segments: BTreeMap<RecordingId, OnceLock<Arc<OpenSegment>>>,
    index: OnceLock<Arc<PlannedIndex>>,
}

impl FolderReader {
    /// Opens the newest generation of the served space.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`], [`Error::Damaged`], [`Error::Format`] and [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self> {
        Self::open_in(Arc::new(Folder::at(folder)))
    }

    /// Opens the newest generation of the served space in any kind of storage, like [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_in(storage: Arc<dyn Storage>) -> Result<Self> {
        SpaceFolder::try_served(storage, Self::open_at)
    }

    /// Opens the newest generation of a space.
    pub(super) fn open_at(folder: SpaceFolder) -> Result<Self> {
        let manifest = Manifest::read_newest(folder.storage.as_ref())?;
        let ids = manifest.recordings.keys();
        let segments = ids.map(|id| (id.clone(), OnceLock::new())).collect();
        let space = Arc::new(manifest.space.clone());
        Ok(Self { folder, manifest, space, segments, index: OnceLock::new() })
    }

    /// Returns the folder of the space.
    pub fn path(&self) -> PathBuf {
        self.storage().path("")
    }

    /// Opens every segment, for an index of one's own. A segment that does not exist is listed as lost.
    ///
    /// # Errors
    ///
    /// [`Error::Outdated`] and [`Error::Io`].
    pub fn segments(&self) -> Result<SegmentSet> {
        let (mut segments, mut lost) = (Vec::with_capacity(self.segments.len()), Vec::new());
        for id in self.segments.keys() {
            match self.segment(id) {
                Ok(segment) => segments.push(Arc::clone(segment)),
                Err(Error::Damaged { file: StoredFile::Segment, path, offset, problem }) => {
                    let recording = id.clone();
                    let (location, offset) = (LocationName::Path(path), Some(offset));
                    lost.push(MissingRecording { recording, location, offset, problem }.logged());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(SegmentSet {
            space: self.manifest.space.clone(),
            generation: self.manifest.generation,
            segments,
            lost,
            storage: Arc::clone(self.storage()),
        })
    }

    /// Returns the index that searches use; it is opened on the first call.
    ///
    /// # Errors
    ///
    /// Those of [`segments`](Self::segments).
    pub fn index(&self) -> Result<&Arc<PlannedIndex>> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let index = Arc::new(PlannedIndex::open(self.segments()?)?);
        Ok(self.index.get_or_init(|| index))
    }

    fn storage(&self) -> &Arc<dyn Storage> {
        &self.folder.storage
    }

    fn known(&self, id: &RecordingId) -> Result<&RecordingEntry> {
        self.entry(id).ok_or_else(|| Error::UnknownRecording { recording: id.clone() })
    }

    /// Returns the open segment of a recording; it is opened on the first call, and nothing of it is read.
    fn segment(&self, id: &RecordingId) -> Result<&Arc<OpenSegment>> {
        let entry = self.known(id)?;
        let slot = self.segments.get(id).expect("every entry has a slot");
        if let Some(segment) = slot.get() {
            return Ok(segment);
        }
        let segment = self.open_segment(entry)?;
        Ok(slot.get_or_init(|| Arc::new(segment)))
    }

    fn open_segment(&self, entry: &RecordingEntry) -> Result<OpenSegment> {
        let name = segment_name(entry);
        let content = self.existing(&name, self.storage().map(&name))?;
        Ok(OpenSegment::new(self.segment_file(entry, content)))
    }

    fn segment_file(&self, entry: &RecordingEntry, content: FileContent) -> SegmentFile {
        let path = self.storage().path(&segment_name(entry));
        SegmentFile::new(path, Arc::new(entry.clone()), Arc::clone(&self.space), content)
    }

    /// Explains why a segment could not be read: it was removed by a writer, or is lost.
    fn existing<T>(&self, name: &str, read: std::io::Result<T>) -> Result<T> {
        let path = self.storage().path(name);
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.lost(path)?),
            other => other.map_err(Error::io(&path, "read")),
        }
    }

    fn lost(&self, path: PathBuf) -> Result<Error> {
        let generation = self.generation();
        let newest = match Manifest::newest_generation(self.storage().as_ref()) {
            // The space was dropped.
            Err(_) if !self.is_served()? => generation + 1,
            newest => newest?,
        };
        if newest != generation {
            return Ok(Error::Outdated { path: self.path(), generation, newest });
        }
        let (file, problem) = (StoredFile::Segment, "the file does not exist".to_owned());
        Ok(Error::Damaged { file, path, offset: 0, problem })
    }
}

impl VectorIndex for FolderReader {
    fn space(&self) -> &EmbeddingSpace {
        &self.manifest.space
    }

    fn n_epochs(&self) -> usize {
        match self.index.get() {
            Some(index) => index.n_epochs(),
            None => self.manifest.recordings.values().map(|entry| entry.n_epochs).sum(),
        }
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer> {
        self.index()?.find(query, request)
    }
}

impl CollectionReader for FolderReader {
    fn location(&self) -> LocationName {
        LocationName::Path(self.path())
    }

    fn space_name(&self) -> SpaceName {
        self.folder.name.clone()
    }

    fn generation(&self) -> u64 {
        self.manifest.generation
    }

    fn record(&self) -> Result<Option<SpaceRecord>> {
        read_record(self.storage().as_ref())
    }

    fn entries(&self) -> Vec<&RecordingEntry> {
        self.manifest.recordings.values().collect()
    }

    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        self.manifest.recordings.get(id)
    }

    fn epochs(&self, entry: &RecordingEntry) -> Result<Option<Vec<EpochRow>>> {
        let segment = match self.segment(&entry.id) {
            Err(error) if error.is_damage() => return Ok(None),
            other => other?,
        };
        let recording = segment.unless_damaged(segment.recording())?;
        Ok(recording.map(|it| (0..it.n_epochs()).map(|row| it.row(row)).collect()))
    }

    fn recording(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        let segment = self.segment(id)?;
        // Damage is recorded, so that every later answer leaves the recording out.
        match segment.unless_damaged(segment.recording())? {
            Some(recording) => Ok(Arc::clone(recording)),
            None => Err(segment.damage().expect("it has just been recorded").error()),
        }
    }

    fn read_recording(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        self.open_segment(self.known(id)?)?.recording().cloned()
    }

    fn read_segment(&self, id: &RecordingId) -> Result<Vec<u8>> {
        let entry = self.known(id)?;
        let name = segment_name(entry);
        let content = FileContent::from(self.existing(&name, self.storage().read(&name))?);
        Arc::new(self.segment_file(entry, content.clone())).verify()?;
        Ok(content.to_vec())
    }

    fn embedding(&self, epoch: &EpochRef) -> Result<Embedding> {
        self.recording(&epoch.recording)?.epoch(epoch.epoch)?.embedding()
    }

    fn open_index(&self) -> Result<()> {
        self.index().map(|_| ())
    }

    fn build_indexes(&self) -> Result<bool> {
        self.index()?.maintain()
    }

    fn search_captions(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        kinds: Option<&BTreeSet<CaptionKind>>,
    ) -> Result<Vec<CaptionHit>> {
        self.index()?.exact().search_captions(query, request, kinds)
    }

    fn score_recordings(
        &self,
        queries: &[Embedding],
        includes: &(dyn Fn(&RecordingId) -> bool + Sync),
        visit: &(dyn Fn(&Recording, &ScoreTable) + Sync),
    ) -> Result<()> {
        self.index()?.exact().score_all(queries, includes, visit).map(|_| ())
    }

    fn tracks(
        &self,
        version: Option<&str>,
        entries: &[&RecordingEntry],
    ) -> Result<Vec<Arc<Track>>> {
        tracks::find(self.storage(), version, entries)
    }

    fn save_tracks(&self, tracks: &[(RecordingId, TrackDraft)]) -> Result<()> {
        let segment_of = |id: &RecordingId| Some(self.entry(id)?.segment.hash);
        tracks::put(self.storage().as_ref(), tracks, segment_of)
    }

    fn missing(&self) -> Vec<MissingRecording> {
        self.index.get().map(|index| index.exact().missing()).unwrap_or_default()
    }

    fn check_filter(&self, filter: &Filter) -> Result<()> {
        filter.check(&self.manifest.recordings.values())?;
        let mut named = filter.recordings.iter().flatten();
        named.try_for_each(|id| self.recording(id).map(|_| ()))
    }

    fn is_served(&self) -> Result<bool> {
        self.folder.is_served()
    }

    fn is_current(&self) -> Result<bool> {
        Ok(self.is_served()?
            && Manifest::newest_generation(self.storage().as_ref())? == self.generation())
    }

    fn refresh(&self) -> Result<Option<Box<dyn CollectionReader>>> {
        // After a promotion there is nothing newer here: this reader stays in its space.
        let storage = self.storage().as_ref();
        if !self.is_served()? || Manifest::newest_generation(storage)? == self.generation() {
            return Ok(None);
        }
        let next = Self::open_at(self.folder.clone())?;
        for (id, slot) in &next.segments {
            // A damaged recording may have been written again.
            let is_same = |segment: &&Arc<OpenSegment>| {
                Some(segment.entry()) == next.entry(id) && segment.damage().is_none()
            };
            if let Some(known) = self.segments.get(id).and_then(OnceLock::get).filter(is_same) {
                slot.get_or_init(|| Arc::clone(known));
            }
        }
        if let Some(index) = self.index.get() {
            let followed = index.followed_by(next.segments()?)?;
            next.index.get_or_init(|| Arc::new(followed));
        }
        Ok(Some(Box::new(next)))
    }

    fn check_reachable(&self) -> Result<()> {
        self.is_current().map(|_| ())
    }

    fn verify(&self) -> Box<dyn Iterator<Item = VerifyProblem<'_>> + '_> {
        let problem = |entry: &RecordingEntry| {
            self.open_segment(entry).and_then(|segment| segment.verify()).err()
        };
        let entries = self.manifest.recordings.values();
        Box::new(entries.filter_map(move |entry| Some((&entry.id, problem(entry)?))))
    }

    fn verify_caches(&self) -> Result<Vec<CacheProblem>> {
        let storage = self.storage().as_ref();
        let mut problems = check_caches(&ExactIndex::new(self.segments()?), storage)?;
        problems.extend(tracks::verify(storage)?);
        Ok(problems)
    }
}

/// Returns the name of a recording's segment in the folder of its space.
pub(super) fn segment_name(entry: &RecordingEntry) -> String {
    format!("{SEGMENTS}/{}", entry.segment.file_name())
}
