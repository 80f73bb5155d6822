//! Queries from the collection itself, by which approximate indexes measure their recall when they are built.

use nocturne_encoder::Embedding;
use nocturne_psg::RecordingId;

use super::ExactIndex;
use crate::contract::SearchRequest;
use crate::error::Result;
use crate::filter::Filter;
use crate::storage::segment::Recording;

/// Number of queries of each kind.
const QUERIES: usize = 100;

/// Number of nearest epochs of each query that count as found or missed.
pub(super) const K: usize = 10;

/// A query that represents later ones.
pub(super) struct SampleQuery {
    pub(super) embedding: Embedding,
    /// The recording that it was taken from.
    pub(super) recording: RecordingId,
}

impl SampleQuery {
    /// Returns a request for the nearest epochs of other recordings.
    ///
    /// An epoch is similar to those before and after it. Later queries come from other nights, or are texts, and are less
    /// similar to anything; with its own night, a sample would promise too much.
    pub(super) fn request(&self) -> SearchRequest {
        let excluded_recordings = [self.recording.clone()].into();
        let filter = Filter { excluded_recordings, ..Filter::default() };
        SearchRequest { filter, ..SearchRequest::nearest(K) }
    }
}

/// Returns about a hundred epochs and about a hundred captions of some recordings.
///
/// Captions represent texts: these are in another cone than epochs, so that they are the harder queries of an approximate
/// index.
pub(super) fn sample_queries(
    exact: &ExactIndex,
    positions: &[usize],
) -> Result<[Vec<SampleQuery>; 2]> {
    let entry = |position: usize| exact.segments()[position].entry();
    let epochs = evenly_spaced(
        exact,
        positions,
        |position| entry(position).n_epochs,
        |recording, row| recording.vectors().embedding(row),
    )?;
    let captions = evenly_spaced(
        exact,
        positions,
        |position| entry(position).n_captions,
        |recording, row| recording.captions().vectors().embedding(row),
    )?;
    Ok([epochs, captions])
}

/// Takes about [`QUERIES`] queries, evenly spaced over all rows of the recordings.
fn evenly_spaced(
    exact: &ExactIndex,
    positions: &[usize],
    n_rows: impl Fn(usize) -> usize,
    embedding: impl Fn(&Recording, usize) -> Result<Embedding>,
) -> Result<Vec<SampleQuery>> {
    let total: usize = positions.iter().map(|position| n_rows(*position)).sum();
    let step = (total / QUERIES).max(1);
    let mut queries = Vec::new();
    // `next` counts from the first row of the current recording.
    let mut next = step / 2;
    for position in positions {
        let (segment, n_rows) = (&exact.segments()[*position], n_rows(*position));
        while next < n_rows {
            let found = segment.recording().and_then(|recording| embedding(recording, next));
            let found = segment.unless_damaged(found)?;
            let recording = segment.entry().id.clone();
            queries.extend(found.map(|embedding| SampleQuery { embedding, recording }));
            next += step;
        }
        next -= n_rows;
    }
    Ok(queries)
}
