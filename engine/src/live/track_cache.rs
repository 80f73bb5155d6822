//! The concept tracks of a space, in memory or mapped, by segment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use nocturne_concepts::{EncodedNight, Track, TrackBuilder};
use nocturne_index::{ContentHash, RecordingEntry, TrackDraft};
use nocturne_psg::RecordingId;

use crate::error::{Error, Result};
use crate::live::snapshot::Snapshot;

/// Number of tracks that are asked for, or computed again, at a time.
const AT_ONCE: usize = 256;

/// The tracks that questions have used so far. A recording that is replaced gets a new segment, and so a new track.
#[derive(Debug, Default)]
pub(crate) struct TrackCache {
    tracks: Mutex<HashMap<ContentHash, Arc<Track>>>,
}

/// A recording and its track; `None` if the recording is damaged or is being uploaded.
pub(crate) type TrackOf<'a> = (&'a RecordingEntry, Option<Arc<Track>>);

/// Bytes of a stored track, which stay where they are.
struct StoredBytes(Arc<nocturne_index::Track>);

impl AsRef<[u8]> for StoredBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes().unwrap_or_default()
    }
}

impl TrackCache {
    /// Returns the tracks of recordings, in their order. A track that is missing or out of date is computed from the
    /// stored vectors, and stored.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) fn tracks<'a>(
        &self,
        snapshot: &Snapshot,
        builder: &TrackBuilder,
        entries: &[&'a RecordingEntry],
    ) -> Result<Vec<TrackOf<'a>>> {
        let mut found = Vec::with_capacity(entries.len());
        for entries in entries.chunks(AT_ONCE) {
            let unknown: Vec<&RecordingEntry> =
                entries.iter().copied().filter(|entry| self.get(entry).is_none()).collect();
            if !unknown.is_empty() {
                self.load(snapshot, builder, &unknown)?;
            }
            found.extend(entries.iter().map(|entry| (*entry, self.get(entry))));
        }
        Ok(found)
    }

    fn get(&self, entry: &RecordingEntry) -> Option<Arc<Track>> {
        let tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        tracks.get(&entry.segment.hash).map(Arc::clone)
    }

    fn insert(&self, entry: &RecordingEntry, track: Track) {
        let mut tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        tracks.insert(entry.segment.hash, Arc::new(track));
    }

    fn load(
        &self,
        snapshot: &Snapshot,
        builder: &TrackBuilder,
        entries: &[&RecordingEntry],
    ) -> Result<()> {
        let stored = snapshot.tracks(Some(builder.version()), entries)?;
        let mut computed: Vec<(RecordingId, TrackDraft)> = Vec::new();
        for (entry, stored) in entries.iter().zip(stored) {
            let usable = stored.bytes().is_ok();
            if let Some(Ok(track)) = usable.then(|| Track::new(Arc::new(StoredBytes(stored)))) {
                self.insert(entry, track);
                continue;
            }
            let Some(bytes) = compute(snapshot, builder, entry)? else { continue };
            computed.push((entry.id.clone(), TrackDraft::new(builder.version(), bytes.clone())?));
            self.insert(entry, Track::from_vec(bytes)?);
        }
        if !computed.is_empty() {
            tracing::info!("{} concept tracks were computed again", computed.len());
            if let Err(error) = snapshot.save_tracks(&computed) {
                // The collection may be read-only; the tracks in memory serve as well.
                tracing::warn!("cannot store concept tracks: {error}");
            }
        }
        Ok(())
    }
}

/// Returns the bytes of the track of a recording; `None` if the recording is damaged.
fn compute(
    snapshot: &Snapshot,
    builder: &TrackBuilder,
    entry: &RecordingEntry,
) -> Result<Option<Vec<u8>>> {
    let night = snapshot.recording(&entry.id).and_then(|recording| EncodedNight::read(&recording));
    match night {
        Ok(night) => Ok(Some(builder.build(&night).to_bytes())),
        Err(error) if error.is_damage() => Ok(None),
        Err(error) => Err(Error::Index(error)),
    }
}
