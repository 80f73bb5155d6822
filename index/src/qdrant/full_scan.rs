//! Scores every epoch of some recordings, which are read one by one.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use nocturne_encoder::Embedding;
use nocturne_psg::RecordingId;

use super::QdrantReader;
use super::nearest::ScoredRecordingPoint;
use super::read_recording::RecordingWithCodes;
use super::recording_points::{PointKind, RecordingPoint};
use crate::contract::{SearchRequest, VectorIndex, expect_dim};
use crate::error::Result;
use crate::recording::RecordingEntry;
use crate::storage::segment::MissingRecording;
use crate::storage::segment::Recording;
use crate::vector::Int8Codes;
use crate::vector::cosine;
use crate::vector::{ScoreTable, parallel};

/// The damaged recordings that scans have met.
#[derive(Debug, Default)]
pub(super) struct DamagedRecordings(Mutex<BTreeMap<RecordingId, MissingRecording>>);

impl DamagedRecordings {
    pub(super) fn all(&self) -> Vec<MissingRecording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn add(&self, missing: MissingRecording) {
        let mut damaged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.entry(missing.recording.clone()).or_insert_with(|| missing.logged());
    }
}

impl QdrantReader {
    /// Scores every epoch of the included recordings with every query, and calls `visit` with each recording. The scores
    /// are those of an exact scan in a folder.
    ///
    /// As many recordings are read at the same time as the settings allow requests, and none is cached. Damaged ones are
    /// left out, and listed as missing.
    pub(super) fn score_each(
        &self,
        queries: &[Embedding],
        includes: &(dyn Fn(&RecordingId) -> bool + Sync),
        visit: &(dyn Fn(&Recording, &ScoreTable) + Sync),
    ) -> Result<()> {
        queries.iter().try_for_each(|query| expect_dim(self.space(), query))?;
        let queries = Int8Codes::of(self.space().dim, queries);
        let included = self.recordings().filter(|entry| includes(&entry.id));
        let included: Vec<&RecordingEntry> = included.collect();
        let score = |entry: &&RecordingEntry| -> Result<()> {
            if let Some(RecordingWithCodes { recording, codes }) = self.unless_damaged(entry)? {
                visit(&recording, &ScoreTable::of(&codes, &queries));
            }
            Ok(())
        };
        let parts = parts(included.len(), self.settings().streams);
        let scored = parallel::map(parts, |part| included[part].iter().try_for_each(score));
        scored.into_iter().collect()
    }

    /// Returns the `k` nearest epochs that the filter allows; memory is needed for these and one recording.
    pub(super) fn nearest_by_scan(
        &self,
        query: &Embedding,
        request: &SearchRequest,
    ) -> Result<Vec<ScoredRecordingPoint>> {
        let mut best: Vec<ScoredRecordingPoint> = Vec::new();
        let entries = self.recordings();
        for entry in entries.filter(|entry| request.filter.may_allow(entry)) {
            let Some(RecordingWithCodes { recording, .. }) = self.unless_damaged(entry)? else {
                continue;
            };
            let Some(rows) = recording.filter(&request.filter) else { continue };
            recording.vectors().for_each(
                |row| rows.allows(row),
                |row, vector| {
                    let score = cosine(query.as_slice(), vector);
                    if request.accepts(score) {
                        let epoch = recording.row(row);
                        // The score is known, so the vector is no longer needed.
                        let kind = PointKind::Epoch;
                        let point = RecordingPoint { epoch, kind, vector: Vec::new() };
                        best.push(ScoredRecordingPoint {
                            score,
                            recording: entry.id.clone(),
                            point,
                        });
                    }
                },
            )?;
            best.sort_by(ScoredRecordingPoint::order);
            best.truncate(request.k);
        }
        Ok(best)
    }

    /// Reads a recording; one that is damaged is added to the list of these, and `None` is returned.
    fn unless_damaged(&self, entry: &RecordingEntry) -> Result<Option<RecordingWithCodes>> {
        match self.read(entry) {
            Err(error) if error.is_damage() => {
                self.damaged.add(MissingRecording {
                    recording: entry.id.clone(),
                    location: self.connection.location(),
                    offset: None,
                    problem: error.to_string(),
                });
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}

/// Splits `n` recordings into up to `n_parts` ranges of nearly equal length.
fn parts(n: usize, n_parts: usize) -> Vec<Range<usize>> {
    let length = n.div_ceil(n_parts).max(1);
    (0..n).step_by(length).map(|start| start..n.min(start + length)).collect()
}
