//! A copy of a collection, taken while a writer may be at work.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::folder::SEGMENTS;
use crate::folder::manifest::Manifest;
use crate::folder::writer::{refuse_other_things, take_lock};
use crate::folder::{Collection, CollectionWriter, spaces};
use crate::recording::{RecordingEntry, SpaceName};
use crate::storage::{Lock, Storage, write_atomically};

/// How often a copy begins with a newer snapshot because the writer has cleared away what was being copied.
const ATTEMPTS: usize = 10;

/// What a copy has, and what it took to make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Recordings of the copy.
    pub n_recordings: usize,
    /// Epochs of the copy.
    pub n_epochs: usize,
    /// Segments that were written; the others were there, whole, from an earlier copy.
    pub n_written: usize,
    /// Bytes of the segments that were written.
    pub n_bytes: u64,
    /// The snapshot that was copied.
    pub generation: u64,
}

/// Whether a copy may take the place of what a collection held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// The folder must be empty, not there, or hold what an unfinished copy left.
    Refuse,
    /// A collection in the folder becomes the same as the one that is copied; what both have is not written again.
    Replace,
}

impl Collection {
    /// Copies the newest snapshot of this space, every byte of it checked, into another place.
    ///
    /// A writer may go on meanwhile: the copy is what the collection held at one moment. It is not there before it is there
    /// whole and durably. It is a collection like any other, so that copying it back restores it.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where something is damaged: a copy of it would pass for whole. For the place of the copy:
    /// [`Error::AlreadyACollection`], [`Error::FolderInUse`], [`Error::OtherBundle`], [`Error::Locked`] and [`Error::Io`].
    /// [`Error::Outdated`] where the writer clears away faster than this copies.
    pub fn copy_to(&self, place: Arc<dyn Storage>, existing: Existing) -> Result<Copied> {
        let mut place = Place::take(place, self, existing)?;
        let newer = self.refresh()?;
        let mut copied = place.fill(newer.as_ref().unwrap_or(self));
        for _ in 1..ATTEMPTS {
            if !matches!(copied, Err(Error::Outdated { .. })) {
                break;
            }
            copied = place.fill(&self.again()?);
        }
        let Place { storage, lock, .. } = place;
        drop(lock);
        // Opening clears away what the copy has replaced. Best effort: the next writer does it as well.
        let space = spaces::place::Place::named(storage, SpaceName::main());
        let _ = CollectionWriter::open_at(space, self.space());
        copied
    }
}

/// Where a copy goes, locked.
struct Place {
    storage: Arc<dyn Storage>,
    before: Option<Manifest>,
    lock: Lock,
    n_written: usize,
    n_bytes: u64,
}

impl Place {
    fn take(storage: Arc<dyn Storage>, source: &Collection, existing: Existing) -> Result<Self> {
        let is_there = match Manifest::newest_generation(storage.as_ref()) {
            Ok(_) => true,
            Err(Error::NotACollection { .. }) => false,
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !is_there || existing == Existing::Refuse {
            refuse_other_things(storage.as_ref())?;
        }
        for folder in ["", SEGMENTS] {
            let path = storage.path(folder);
            storage.create_folder(folder).map_err(Error::io(&path, "create"))?;
        }
        let lock = take_lock(storage.as_ref())?;
        let before = if is_there { Some(Manifest::read_newest(storage.as_ref())?) } else { None };
        if let Some(before) = &before {
            crate::folder::expect_space(&storage.path(""), &before.space, source.space())?;
        }
        Ok(Self { storage, before, lock, n_written: 0, n_bytes: 0 })
    }

    /// Brings every segment of a snapshot, and then its manifest.
    fn fill(&mut self, source: &Collection) -> Result<Copied> {
        for entry in source.recordings() {
            self.bring(source, entry)?;
        }
        let least = self.before.as_ref().map_or(0, |before| before.generation + 1);
        let (generation, recordings) =
            (source.generation().max(least), source.manifest().recordings.clone());
        let (_, bytes) = Manifest::new_whole(generation, source.space().clone(), recordings);
        self.publish("", &Manifest::file_name(generation), &bytes)?;
        Ok(Copied {
            n_recordings: source.recordings().len(),
            n_epochs: source.n_epochs(),
            n_written: self.n_written,
            n_bytes: self.n_bytes,
            generation: source.generation(),
        })
    }

    /// Brings a recording's segment, unless it is there and whole.
    fn bring(&mut self, source: &Collection, entry: &RecordingEntry) -> Result<()> {
        let file = entry.segment.file_name();
        let name = format!("{SEGMENTS}/{file}");
        let is_whole = |place: &Self| {
            let there = source.open_segment_in(place.storage.as_ref(), entry);
            there.and_then(|handle| handle.verify()).is_ok()
        };
        if is_whole(self) {
            return Ok(());
        }
        source.open_segment(entry)?.verify()?;
        let from = source.storage();
        let bytes = from.read(&name).map_err(Error::io(&from.path(&name), "read"))?;
        self.publish(SEGMENTS, &file, &bytes)?;
        self.n_written += 1;
        self.n_bytes += bytes.len() as u64;
        Ok(())
    }

    fn publish(&self, folder: &str, file: &str, bytes: &[u8]) -> Result<()> {
        let storage = self.storage.as_ref();
        write_atomically(storage, folder, file, bytes).map_err(|error| error.into_error(storage))
    }
}
