//! Looks at every epoch of some recordings, one recording after the other.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use nocturne_encoder::Embedding;
use nocturne_psg::RecordingId;

use super::QdrantIndex;
use super::index::Candidate;
use super::night::{NightPoint, PointRow};
use super::recording::Read;
use crate::contract::expect_dim;
use crate::contract::{SearchRequest, VectorIndex};
use crate::error::Result;
use crate::recording::cosine;
use crate::recording::{Recording, RecordingEntry};
use crate::search::{ScoreTable, threads};
use crate::storage::MissingRecording;
use crate::vector::Codes;

/// The recordings that passes have found to be damaged.
#[derive(Debug, Default)]
pub(super) struct Damaged(Mutex<BTreeMap<RecordingId, MissingRecording>>);

impl Damaged {
    pub(super) fn all(&self) -> Vec<MissingRecording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn note(&self, missing: MissingRecording) {
        let mut damaged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.entry(missing.recording.clone()).or_insert_with(|| missing.told());
    }
}

impl QdrantIndex {
    /// Scores every epoch of the recordings that are wanted with every prompt, and returns what `visit` makes of each
    /// recording, by ascending name: the same tables as [`ExactIndex::score_all`](crate::ExactIndex::score_all) makes.
    ///
    /// As many recordings are read at once as the settings allow requests, and none stays in memory. One that is damaged is
    /// left out, and told of by [`missing`](Self::missing).
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`](crate::Error::Dimension), and those of
    /// [`QdrantCollection::recording`](super::QdrantCollection::recording) but for damage.
    pub fn score_all<T: Send>(
        &self,
        prompts: &[Embedding],
        is_wanted: impl Fn(&RecordingId) -> bool,
        visit: impl Fn(&Recording, &ScoreTable) -> T + Sync,
    ) -> Result<Vec<T>> {
        prompts.iter().try_for_each(|prompt| expect_dim(self.space(), prompt))?;
        let prompts = Codes::of(self.space().dim, prompts);
        let wanted = self.collection().recordings().filter(|entry| is_wanted(&entry.id));
        let wanted: Vec<&RecordingEntry> = wanted.collect();
        let score = |entry: &&RecordingEntry| -> Result<Option<T>> {
            let Some(Read { recording, codes }) = self.unless_damaged(entry)? else {
                return Ok(None);
            };
            Ok(Some(visit(&recording, &ScoreTable::of(&codes, &prompts))))
        };
        let streams = self.collection().connection.settings().streams;
        let visited = threads::in_parts(parts(wanted.len(), streams), |part| {
            wanted[part].iter().map(score).filter_map(Result::transpose).collect::<Result<Vec<T>>>()
        });
        Ok(visited.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Returns the best epochs that a filter allows, with memory for as many and for one recording, however many there are.
    pub(super) fn best_of_pass(
        &self,
        query: &Embedding,
        request: &SearchRequest,
    ) -> Result<Vec<Candidate>> {
        let mut best: Vec<Candidate> = Vec::new();
        let entries = self.collection().recordings();
        for entry in entries.filter(|entry| request.filter.may_allow(entry)) {
            let Some(Read { recording, .. }) = self.unless_damaged(entry)? else { continue };
            let Some(rows) = request.filter.rows(&recording) else { continue };
            recording.vectors().for_each(
                |row| rows.allows(row),
                |row, vector| {
                    let score = cosine(query.as_slice(), vector);
                    if request.accepts(score) {
                        let epoch = recording.row(row);
                        // Whoever has a score needs no vector any more.
                        let point = NightPoint { epoch, row: PointRow::Epoch, vector: Vec::new() };
                        best.push(Candidate { score, recording: entry.id.clone(), point });
                    }
                },
            )?;
            best.sort_by(Candidate::order);
            best.truncate(request.k);
        }
        Ok(best)
    }

    /// Reads a recording; where it is damaged, keeps that in mind and returns nothing.
    fn unless_damaged(&self, entry: &RecordingEntry) -> Result<Option<Read>> {
        match self.collection().read(entry) {
            Err(error) if error.is_damage() => {
                self.damaged.note(MissingRecording {
                    recording: entry.id.clone(),
                    path: self.collection().place().into(),
                    offset: 0,
                    problem: error.to_string(),
                });
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}

/// Splits `n` recordings into so many parts, as even as can be.
fn parts(n: usize, n_parts: usize) -> Vec<Range<usize>> {
    let length = n.div_ceil(n_parts).max(1);
    (0..n).step_by(length).map(|start| start..n.min(start + length)).collect()
}
