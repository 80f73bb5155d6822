//! Builds a graph with `hnsw_rs`.
//!
//! The library ends the process or panics on much that it dislikes, so this file alone names it, and:
//!
//! - never saves or loads a graph with it;
//! - checks the settings before the library sees them;
//! - brings its own distance, clamped so that rounding never makes it negative;
//! - inserts a first recording alone: points that begin at once do not know of each other.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use hnsw_rs::prelude::{Distance, Hnsw, Neighbour};
use nocturne_encoder::Embedding;
use nocturne_psg::{EpochRef, RecordingId};

use crate::contract::VectorIndex;
use crate::error::{Error, Result};
use crate::recording::cosine;
use crate::search::ExactIndex;
use crate::vector::Place;

/// Most layers that the library can make.
const MAX_LAYERS: usize = 16;

/// Most epochs of a graph; the library counts them with signs.
const MAX_ROWS: usize = i32::MAX as usize;

/// How a graph is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphSettings {
    /// Edges of a point in each layer, 4 to 128; the lowest layer, which alone is kept, has twice as many.
    pub max_connections: usize,
    /// Candidates that are looked at for each new point, 8 to 4096.
    pub ef_construction: usize,
    /// Threads that insert points, 1 to 256; one makes the same graph every time.
    pub threads: usize,
}

impl Default for GraphSettings {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(16);
        Self { max_connections: 16, ef_construction: 200, threads }
    }
}

impl GraphSettings {
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
/// It answers by the library's own search, for comparison; [`GraphIndex::freeze`](crate::GraphIndex::freeze) makes an
/// index of it.
pub struct HnswGraph {
    exact: Arc<ExactIndex>,
    graph: Hnsw<'static, f32, CosineDistance>,
    settings: GraphSettings,
    /// Where each point is, by the number under which it was inserted.
    places: Vec<Place>,
}

impl HnswGraph {
    /// Builds a graph of all epochs but those of damaged recordings.
    ///
    /// A point takes about 4.5 KB and 1.5 ms of processor time (512 numbers, 200,000 points).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] and [`Error::Format`].
    pub fn build(exact: Arc<ExactIndex>, settings: GraphSettings) -> Result<Self> {
        settings.check()?;
        let (n_rows, expected) = (exact.n_epochs(), "2147483647 at most");
        if n_rows > MAX_ROWS {
            return Err(Error::Setting { name: "epochs of a graph", value: n_rows, expected });
        }
        let GraphSettings { max_connections, ef_construction, threads } = settings;
        let mut graph =
            Hnsw::new(max_connections, n_rows.max(1), MAX_LAYERS, ef_construction, CosineDistance);
        // Without them, epochs that are equal (leads off, for example) would be cut off from the rest.
        graph.set_keeping_pruned(true);
        let mut places = Vec::with_capacity(n_rows);
        for (number, handle) in exact.present() {
            let mut vectors = Vec::with_capacity(handle.entry().n_epochs * exact.space().dim);
            let read = handle.recording().and_then(|recording| {
                recording.vectors().for_each(|_| true, |_, vector| vectors.extend(vector))
            });
            if handle.unless_damaged(read)?.is_some() {
                let start = places.len();
                places.extend((0..handle.entry().n_epochs).map(|row| (number, row)));
                let threads = if start == 0 { 1 } else { threads };
                insert(&graph, start, &vectors, exact.space().dim, threads);
            }
        }
        graph.set_searching_mode(true);
        Ok(Self { exact, graph, settings, places })
    }

    /// Returns the `k` nearest epochs that the library's own search finds with some candidates, the nearest first.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] and [`Error::DamagedSegment`].
    pub fn search(&self, query: &Embedding, k: usize, candidates: usize) -> Result<Vec<EpochRef>> {
        crate::contract::expect_dim(self.exact.space(), query)?;
        self.epochs(&self.graph.search(query.as_slice(), k, candidates))
    }

    /// Returns the `k` nearest epochs of some recordings that the library's own search finds with some candidates, the
    /// nearest first. Where few are allowed, it walks through most of the graph.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] and [`Error::DamagedSegment`].
    pub fn search_among(
        &self,
        query: &Embedding,
        k: usize,
        candidates: usize,
        recordings: &BTreeSet<RecordingId>,
    ) -> Result<Vec<EpochRef>> {
        crate::contract::expect_dim(self.exact.space(), query)?;
        let handles = self.exact.handles().iter();
        let is_wanted: Vec<bool> =
            handles.map(|handle| recordings.contains(&handle.entry().id)).collect();
        let filter = |id: &usize| is_wanted[self.places[*id].0];
        let mut found = self.graph.search_filter(query.as_slice(), k, candidates, Some(&filter));
        // The library may return the point that it began with although it is not wanted.
        found.retain(|neighbour| filter(&neighbour.d_id));
        self.epochs(&found)
    }

    fn epochs(&self, found: &[Neighbour]) -> Result<Vec<EpochRef>> {
        let epoch = |neighbour: &Neighbour| {
            let (number, row) = self.places[neighbour.d_id];
            let recording = self.exact.handles()[number].recording()?;
            Ok(EpochRef { recording: recording.id().clone(), epoch: recording.numbers()[row] })
        };
        found.iter().map(epoch).collect()
    }

    pub(super) fn exact(&self) -> &Arc<ExactIndex> {
        &self.exact
    }

    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Returns how many neighbours a point of the lowest layer has at most.
    pub(super) fn stride(&self) -> usize {
        2 * self.settings.max_connections
    }

    /// Returns each point with its neighbours in the lowest layer, where every point is; the nearest first.
    pub(super) fn neighbours(&self) -> impl Iterator<Item = (usize, Vec<usize>)> {
        let points = self.graph.get_point_indexation();
        let layers = 0..=usize::from(points.get_max_level_observed());
        layers.flat_map(move |layer| points.get_layer_iterator(layer)).map(|point| {
            let lowest = point.get_neighborhood_id().swap_remove(0);
            (point.get_origin_id(), lowest.into_iter().map(|neighbour| neighbour.d_id).collect())
        })
    }
}

/// Inserts the rows of a recording. Each thread takes rows that follow one another, so that those that are inserted at once
/// and do not see each other are far apart in the night.
fn insert(
    graph: &Hnsw<'static, f32, CosineDistance>,
    start: usize,
    vectors: &[f32],
    dim: usize,
    threads: usize,
) {
    let n_rows = (vectors.len() / dim).div_ceil(threads).max(1);
    thread::scope(|scope| {
        for (part, vectors) in vectors.chunks(n_rows * dim).enumerate() {
            let insert = move || {
                let ids = start + part * n_rows..;
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

/// One less the cosine, 0 to 2; the library asserts that it is not negative.
#[derive(Debug, Clone, Copy)]
struct CosineDistance;

impl Distance<f32> for CosineDistance {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        1.0 - cosine(a, b)
    }
}
