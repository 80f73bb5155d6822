//! The approximate index: a graph of `hnsw_rs` in front of the exact one.
//!
//! The library ends the process or panics on much that it dislikes, so this file alone names it, and:
//!
//! - never saves or loads a graph; it is a cache that is built from the segments;
//! - checks dimension and settings before the library sees them;
//! - brings its own distance, clamped so that rounding never makes it negative;
//! - inserts on one thread, which makes the same graph every time;
//! - uses no filter of the library's, which may return what it refuses and walks the whole graph for a rare match;
//! - rescores what the graph finds with the exact index's own cosine.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;

use hnsw_rs::prelude::{Distance, Hnsw};
use nocturne_encoder::Embedding;

use crate::top_k::Place;
use crate::vectors::cosine;
use crate::{Error, ExactIndex, Found, Plan, Result, SearchRequest, Space, VectorIndex};

/// Most layers that the library can make.
const MAX_LAYERS: usize = 16;

/// Most hits that a graph is asked for; beyond, a scan is as fast and complete.
const MAX_K: usize = 200;

/// How a graph is built and walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HnswSettings {
    /// Edges of a point in each layer, 4 to 128; the lowest layer has twice as many.
    pub max_connections: usize,
    /// Candidates that are looked at for each new point, 8 to 4096.
    pub ef_construction: usize,
    /// Candidates that are looked at for each query, 8 to 4096; more find more and take longer.
    pub ef_search: usize,
    /// Where a filter allows fewer epochs than this, all of them are looked at.
    pub exact_below: usize,
}

impl Default for HnswSettings {
    fn default() -> Self {
        Self { max_connections: 16, ef_construction: 200, ef_search: 256, exact_below: 50_000 }
    }
}

impl HnswSettings {
    fn check(&self) -> Result<()> {
        let ranges = [
            ("max_connections", self.max_connections, 4..=128, "4 to 128"),
            ("ef_construction", self.ef_construction, 8..=4096, "8 to 4096"),
            ("ef_search", self.ef_search, 8..=4096, "8 to 4096"),
        ];
        match ranges.into_iter().find(|(_, value, range, _)| !range.contains(value)) {
            Some((name, value, _, expected)) => Err(Error::Setting { name, value, expected }),
            None => Ok(()),
        }
    }
}

/// A graph over the epochs of a snapshot, with the exact index for what a graph cannot do.
pub struct HnswIndex {
    exact: Arc<ExactIndex>,
    settings: HnswSettings,
    graph: Hnsw<'static, f32, CosineDistance>,
    /// For each recording, how many epochs the ones before it have; a point's id counts from there.
    starts: Vec<usize>,
}

impl HnswIndex {
    /// Builds the graph, on one thread.
    ///
    /// A point takes about 4.5 KB and 1.5 ms (512 numbers, 200,000 points).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] and [`Error::Format`].
    pub fn build(exact: Arc<ExactIndex>, settings: HnswSettings) -> Result<Self> {
        settings.check()?;
        let HnswSettings { max_connections, ef_construction, .. } = settings;
        let n_points = exact.n_epochs().max(1);
        let mut graph =
            Hnsw::new(max_connections, n_points, MAX_LAYERS, ef_construction, CosineDistance);
        // Without them, epochs that are equal (leads off, for example) would be cut off from the rest.
        graph.set_keeping_pruned(true);
        let mut starts = Vec::with_capacity(exact.handles().len());
        let mut start = 0;
        for handle in exact.handles() {
            starts.push(start);
            let insert = |row, vector: &[f32]| graph.insert((vector, start + row));
            let read = handle
                .recording()
                .and_then(|recording| recording.vectors().for_each(|_| true, insert));
            // What came before the damage is in the graph, and left out when it is found.
            handle.unless_damaged(read)?;
            start += handle.entry().n_epochs;
        }
        graph.set_searching_mode(true);
        Ok(Self { exact, settings, graph, starts })
    }

    /// Returns the exact index over the same snapshot.
    pub fn exact(&self) -> &Arc<ExactIndex> {
        &self.exact
    }

    /// Returns how many candidates a walk holds at a time.
    pub(crate) fn candidates(&self, request: &SearchRequest) -> usize {
        self.settings.ef_search.max(2 * request.k)
    }

    /// Returns whether a graph is the right tool, given how many epochs the filter allows.
    fn is_for_graph(&self, request: &SearchRequest, n_allowed: usize) -> bool {
        // Below a tenth, too few of the graph's candidates would pass the filter.
        let is_selective = n_allowed < self.exact.n_epochs() / 10;
        // A threshold asks for every epoch above it, which a graph does not promise.
        request.min_score.is_none()
            && request.k <= MAX_K
            && !is_selective
            && n_allowed >= self.settings.exact_below
    }

    /// Returns the places of epochs that the graph leads to and the filter allows.
    fn walk(&self, query: &Embedding, request: &SearchRequest) -> Result<Vec<Place>> {
        let ef = self.candidates(request);
        let mut filters = BTreeMap::new();
        let mut places = Vec::new();
        for neighbour in self.graph.search(query.as_slice(), ef, ef) {
            let (number, row) = self.place(neighbour.d_id);
            let filter = match filters.entry(number) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.exact.filter_of(number, &request.filter)?),
            };
            if filter.as_ref().is_some_and(|filter| filter.allows(row)) {
                places.push((number, row));
            }
        }
        Ok(places)
    }

    fn place(&self, id: usize) -> Place {
        // Recordings without epochs begin where the next one does; the last one of them has the point.
        let number = self.starts.partition_point(|start| *start <= id) - 1;
        (number, id - self.starts[number])
    }
}

impl VectorIndex for HnswIndex {
    fn space(&self) -> &Space {
        self.exact.space()
    }

    fn n_epochs(&self) -> usize {
        self.exact.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<Found> {
        self.exact.check(query, &request.filter)?;
        let n_allowed = self.exact.count(&request.filter)?;
        if self.is_for_graph(request, n_allowed) {
            let hits = self.exact.rescored(query, request, self.walk(query, request)?)?;
            if let Some(hits) = hits.filter(|hits| hits.len() == request.k.min(n_allowed)) {
                let plan = Plan::Graph { candidates: self.candidates(request) };
                return Ok(Found { hits, plan });
            }
        }
        self.exact.find(query, request)
    }
}

impl fmt::Debug for HnswIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HnswIndex").field("settings", &self.settings).finish_non_exhaustive()
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
