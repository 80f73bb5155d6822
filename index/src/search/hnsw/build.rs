//! Builds a graph with `hnsw_rs`.
//!
//! The library ends the process or panics on invalid input, so no other file uses it, and this one
//!
//! - never saves or loads a graph with it;
//! - checks the settings before the library sees them;
//! - uses its own distance, clamped so that rounding never makes it negative;
//! - inserts the first recording on one thread: the first points do not find each other if they are inserted in parallel.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use hnsw_rs::prelude::{Distance, Hnsw, Neighbour};
use nocturne_encoder::Embedding;
use nocturne_psg::{EpochRef, RecordingId};

use crate::contract::{VectorIndex, expect_dim};
use crate::error::{Error, Result};
use crate::search::ExactIndex;
use crate::vector::{RowId, cosine};

/// Maximum number of layers of the library.
const MAX_LAYERS: usize = 16;

/// Maximum number of epochs; the library counts them with signed integers.
const MAX_ROWS: usize = i32::MAX as usize;

/// How a graph is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HnswSettings {
    /// Neighbours of a point in each layer (`M`), 4 to 128; the lowest layer, the only one that is frozen, has twice as many.
    pub max_connections: usize,
    /// Candidates for the neighbours of each new point, 8 to 4096.
    pub ef_construction: usize,
    /// Threads that insert points, 1 to 256; with one, the same points always give the same graph.
    pub threads: usize,
}

impl Default for HnswSettings {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(16);
        Self { max_connections: 16, ef_construction: 200, threads }
    }
}

impl HnswSettings {
    fn check(&self) -> Result<()> {
        let ranges = [
            ("max_connections", self.max_connections, 4..=128, "4 to 128"),
            ("ef_construction", self.ef_construction, 8..=4096, "8 to 4096"),
            ("threads", self.threads, 1..=256, "1 to 256"),
        ];
        match ranges.into_iter().find(|(_, value, range, _)| !range.contains(value)) {
            Some((name, value, _, expected)) => Err(Error::Setting { name, value, expected }),
            None => Ok(()),
        }
    }
}

/// A graph as `hnsw_rs` builds it, over the vectors in single precision.
///
/// It is searched by the library's own search, for comparison; [`HnswIndex::freeze`](crate::HnswIndex::freeze) turns it into
/// an index.
pub struct HnswGraph {
    exact: Arc<ExactIndex>,
    graph: Hnsw<'static, f32, CosineDistance>,
    settings: HnswSettings,
    /// The row of each point, by the number under which it was inserted.
    points: Vec<RowId>,
}

impl HnswGraph {
    /// Builds a graph of all epochs except those of damaged recordings.
    ///
    /// A point takes about 4.5 KB and 1.5 ms of processor time (512 dimensions, 200,000 points).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] and [`Error::Format`].
    pub fn build(exact: Arc<ExactIndex>, settings: HnswSettings) -> Result<Self> {
        settings.check()?;
        let (n_rows, expected) = (exact.n_epochs(), "at most 2147483647");
        if n_rows > MAX_ROWS {
            return Err(Error::Setting { name: "epochs of a graph", value: n_rows, expected });
        }
        let HnswSettings { max_connections, ef_construction, threads } = settings;
        let mut graph =
            Hnsw::new(max_connections, n_rows.max(1), MAX_LAYERS, ef_construction, CosineDistance);
        // Without pruned neighbours, equal epochs (with disconnected leads, for example) would be cut off from the rest.
        graph.set_keeping_pruned(true);
        let mut points = Vec::with_capacity(n_rows);
        for (recording, segment) in exact.undamaged() {
            let n_epochs = segment.entry().n_epochs;
            let mut vectors = Vec::with_capacity(n_epochs * exact.space().dim);
            let read = segment.recording().and_then(|recording| {
                recording.vectors().for_each(|_| true, |_, vector| vectors.extend(vector))
            });
            if segment.unless_damaged(read)?.is_some() {
                let start = points.len();
                points.extend((0..n_epochs).map(|row| RowId { recording, row }));
                let threads = if start == 0 { 1 } else { threads };
                insert(&graph, start, &vectors, exact.space().dim, threads);
            }
        }
        graph.set_searching_mode(true);
        Ok(Self { exact, graph, settings, points })
    }

    /// Returns the `k` nearest epochs by the library's own search with `ef` candidates, the nearest first.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] and [`Error::Damaged`].
    pub fn search(&self, query: &Embedding, k: usize, ef: usize) -> Result<Vec<EpochRef>> {
        expect_dim(self.exact.space(), query)?;
        self.epochs(&self.graph.search(query.as_slice(), k, ef))
    }

    /// Returns the `k` nearest epochs of some recordings by the library's own search with `ef` candidates, the nearest
    /// first. If few epochs are allowed, it visits most of the graph.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] and [`Error::Damaged`].
    pub fn search_among(
        &self,
        query: &Embedding,
        k: usize,
        ef: usize,
        recordings: &BTreeSet<RecordingId>,
    ) -> Result<Vec<EpochRef>> {
        expect_dim(self.exact.space(), query)?;
        let segments = self.exact.segments().iter();
        let is_allowed: Vec<bool> =
            segments.map(|segment| recordings.contains(&segment.entry().id)).collect();
        let filter = |id: &usize| is_allowed[self.points[*id].recording];
        let mut found = self.graph.search_filter(query.as_slice(), k, ef, Some(&filter));
        // The library may return its entry point although the filter excludes it.
        found.retain(|neighbour| filter(&neighbour.d_id));
        self.epochs(&found)
    }

    fn epochs(&self, found: &[Neighbour]) -> Result<Vec<EpochRef>> {
        let epoch = |neighbour: &Neighbour| {
            let id = self.points[neighbour.d_id];
            let recording = self.exact.segments()[id.recording].recording()?;
            Ok(EpochRef { recording: recording.id().clone(), epoch: recording.numbers()[id.row] })
        };
        found.iter().map(epoch).collect()
    }

    pub(super) fn exact(&self) -> &Arc<ExactIndex> {
        &self.exact
    }

    /// Returns the row of each point, by its number in the graph.
    pub(super) fn points(&self) -> &[RowId] {
        &self.points
    }

    /// Returns the maximum number of neighbours of a point in the lowest layer.
    pub(super) fn max_neighbours(&self) -> usize {
        2 * self.settings.max_connections
    }

    /// Returns the number of each point with those of its neighbours in the lowest layer, the nearest first.
    pub(super) fn neighbours(&self) -> impl Iterator<Item = (usize, Vec<usize>)> {
        let points = self.graph.get_point_indexation();
        // The library lists a point in its highest layer only, so all layers are visited for their neighbours in the lowest.
        let layers = 0..=usize::from(points.get_max_level_observed());
        layers.flat_map(move |layer| points.get_layer_iterator(layer)).map(|point| {
            let lowest = point.get_neighborhood_id().swap_remove(0);
            (point.get_origin_id(), lowest.into_iter().map(|neighbour| neighbour.d_id).collect())
        })
    }
}

/// Inserts the rows of a recording. Each thread inserts consecutive rows, so that rows that are inserted at the same time,
/// and may not find each other, are far apart in the night.
fn insert(
    graph: &Hnsw<'static, f32, CosineDistance>,
    start: usize,
    vectors: &[f32],
    dim: usize,
    threads: usize,
) {
    let n_rows = (vectors.len() / dim).div_ceil(threads).max(1);
    thread::scope(|scope| {
        for (chunk, vectors) in vectors.chunks(n_rows * dim).enumerate() {
            let insert = move || {
                let ids = start + chunk * n_rows..;
                ids.zip(vectors.chunks_exact(dim)).for_each(|(id, row)| graph.insert((row, id)));
            };
            if threads == 1 {
                insert();
            } else {
                scope.spawn(insert);
            }
        }
    });
}

impl fmt::Debug for HnswGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HnswGraph").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// One minus the cosine, 0 to 2; the library asserts that it is not negative.
#[derive(Debug, Clone, Copy)]
struct CosineDistance;

impl Distance<f32> for CosineDistance {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        1.0 - cosine(a, b)
    }
}
