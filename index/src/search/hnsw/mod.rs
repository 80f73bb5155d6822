//! The HNSW index: a graph in which each epoch has its nearest as neighbours, and a search follows them.
//!
//! - `build` has `hnsw_rs` build the graph.
//! - `freeze` flattens its lowest layer: neighbours and 8-bit codes in columns of a file, ordered so that similar epochs are
//!   adjacent.
//! - `file` stores it.
//! - `beam_search` searches it. Frozen, the same graph is searched 2.6 to 7.6 times as fast with the same number of
//!   candidates, and finds 0.91 to 0.97 of the nearest instead of 0.44 to 0.65 (`BENCHMARKS.md`).
//! - `calibration` measures how many candidates a recall needs.
//!
//! A recording that is added later is scanned beside the graph, and rows of removed or replaced recordings are followed
//! and never returned, until too many rows have changed and the graph is rebuilt.
//!
//! The file is a cache: on any doubt about it, the exact index answers instead and the file is rebuilt.

mod beam_search;
mod build;
mod calibration;
mod file;
mod freeze;

use std::fmt;
use std::sync::Arc;

use nocturne_encoder::Embedding;

pub use build::{HnswGraph, HnswSettings};

use super::ExactIndex;
use super::allowed::AllowedRows;
use super::sample_queries::K;
use super::shortlist::{Shortlist, ShortlistedRow};
use crate::contract::{Hit, SearchAnswer, SearchPlan, SearchRequest, VectorIndex};
use crate::error::Result;
use crate::recording::{ContentHash, EmbeddingSpace};
use crate::storage::cache_files::CacheFiles;
use crate::storage::envelope::Damage;
use crate::storage::{FileContent, Storage};
use crate::vector::{Int8Codes, RowId};
use beam_search::{Candidate, ScratchPool};
use file::FrozenGraph;

/// Maximum number of hits; for more, a scan is as fast and complete.
const MAX_K: usize = 200;

/// Maximum number of candidates of a search.
const MAX_EF: usize = 4096;

/// The graph must be rebuilt when more than one row in this many was added or removed since.
const MAX_CHANGED: usize = 8;

/// A graph over the epochs of a snapshot, with the exact index for requests that a graph cannot answer.
pub struct HnswIndex {
    exact: Arc<ExactIndex>,
    graph: Arc<FrozenGraph>,
    scratch: Arc<ScratchPool>,
    /// For each member of the graph, its position in the snapshot; `None` if it was removed, replaced or damaged.
    positions: Vec<Option<usize>>,
    /// Rows of the graph that are in the snapshot.
    n_live: usize,
    /// Positions of the recordings that are not in the graph.
    added: Vec<usize>,
    /// Epochs of these.
    n_added: usize,
}

/// The cost of a search, as far as it is known before.
#[derive(Debug, Clone, Copy)]
pub(super) struct HnswCost {
    /// Candidates of the beam search.
    pub(super) ef: usize,
    /// Rows of the graph that are scored, one by one.
    pub(super) n_scored: usize,
    /// Rows beside the graph that are scanned.
    pub(super) n_scanned: usize,
}

impl HnswIndex {
    /// Builds a graph, freezes it, and measures how many candidates a recall needs.
    ///
    /// # Errors
    ///
    /// Those of [`HnswGraph::build`].
    pub fn build(exact: Arc<ExactIndex>, settings: HnswSettings) -> Result<Self> {
        Self::freeze(&HnswGraph::build(exact, settings)?)
    }

    /// Returns an index of a graph that `hnsw_rs` has built.
    ///
    /// It takes 4 bytes per neighbour and 516 per epoch of 512 dimensions, all but 4 of them in the file.
    ///
    /// # Errors
    ///
    /// [`Error::Format`](crate::Error::Format).
    pub fn freeze(graph: &HnswGraph) -> Result<Self> {
        let exact = Arc::clone(graph.exact());
        let mut draft = freeze::draft(&exact, graph)?;
        let open = |draft: &file::GraphDraft<'_>| {
            FrozenGraph::open(draft.seal()).expect("what was just sealed is undamaged")
        };
        // Sealed twice: the calibration searches the frozen graph, and its result is stored with the graph.
        draft.details.calibration = calibration::measure(&exact, &open(&draft))?;
        let graph = Arc::new(open(&draft));
        drop(draft);
        Ok(Self::over(exact, graph, Arc::default()))
    }

    /// Opens the graph that was saved beside a collection; `None` if there is no graph that can be trusted.
    ///
    /// Every byte is verified, which reads the file once.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub fn open(exact: &Arc<ExactIndex>, storage: &dyn Storage) -> Result<Option<Self>> {
        let graphs = CacheFiles::HNSW.list(storage)?.into_iter().filter_map(|(name, hash)| {
            let graph = FrozenGraph::open(storage.map(&name).ok()?).ok()?;
            let is_valid = graph.hash() == hash
                && graph.dim() == exact.space().dim
                && graph.details.fingerprint == exact.space().fingerprint;
            is_valid.then(|| Self::over(Arc::clone(exact), Arc::new(graph), Arc::default()))
        });
        Ok(graphs.max_by_key(|index| index.n_live))
    }

    /// Returns whether a graph was saved beside a collection, valid or not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub(super) fn was_saved(storage: &dyn Storage) -> Result<bool> {
        Ok(!CacheFiles::HNSW.list(storage)?.is_empty())
    }

    /// Writes the graph beside a collection and removes other files.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub fn save(&self, storage: &dyn Storage) -> Result<()> {
        CacheFiles::HNSW.replace(storage, self.graph.hash(), self.graph.bytes())
    }

    /// Returns the same graph over a later snapshot; added recordings are scanned beside it.
    pub fn followed_by(&self, exact: Arc<ExactIndex>) -> Self {
        Self::over(exact, Arc::clone(&self.graph), Arc::clone(&self.scratch))
    }

    /// Finds the members of a graph in a snapshot.
    fn over(exact: Arc<ExactIndex>, graph: Arc<FrozenGraph>, scratch: Arc<ScratchPool>) -> Self {
        let members = &graph.details.recordings;
        let positions: Vec<_> = members.iter().map(|member| member.position_in(&exact)).collect();
        let mut is_in_graph = vec![false; exact.segments().len()];
        positions.iter().flatten().for_each(|position| is_in_graph[*position] = true);
        let added = exact.undamaged().map(|(position, _)| position);
        let added: Vec<usize> = added.filter(|position| !is_in_graph[*position]).collect();
        let n_epochs = |position: &usize| exact.segments()[*position].entry().n_epochs;
        let n_live = positions.iter().flatten().map(n_epochs).sum();
        let n_added = added.iter().map(n_epochs).sum();
        Self { exact, graph, scratch, positions, n_live, added, n_added }
    }

    /// Returns whether the graph should be rebuilt because too many rows were added or removed since.
    pub fn is_outgrown(&self) -> bool {
        let n_removed = self.graph.n_rows() - self.n_live;
        MAX_CHANGED * (n_removed + self.n_added) > self.graph.n_rows()
    }

    /// Returns the exact index over the same snapshot.
    pub fn exact(&self) -> &Arc<ExactIndex> {
        &self.exact
    }

    /// Returns the number of candidates for a recall, as measured when the graph was built, or `None` if no tried number
    /// reached it.
    pub fn ef_for(&self, recall: f32) -> Option<usize> {
        let cheapest = calibration::cheapest(&self.graph.details.calibration, recall);
        cheapest.map(|trial| trial.ef as usize)
    }

    /// Returns the cost of a request whose filter allows a number of epochs, or `None` if a graph cannot answer it.
    pub(super) fn cost(&self, request: &SearchRequest, n_allowed: usize) -> Option<HnswCost> {
        let recall = request.recall.filter(|recall| *recall < 1.0)?;
        let trial = calibration::cheapest(&self.graph.details.calibration, recall)?;
        // The calibration is for ten hits among all rows. If a tenth is allowed, a tenth of the candidates is, so that ten
        // times as many are needed; and as many times more as there are more hits.
        let n_rows = self.graph.n_rows();
        let factor = n_rows as f64 / n_allowed.clamp(1, n_rows.max(1)) as f64
            * (request.k as f64 / K as f64).max(1.0);
        let ef = (factor * f64::from(trial.ef)).ceil() as usize;
        let n_scored = (factor * f64::from(trial.n_scored)).ceil() as usize;
        let is_for_graph = request.min_score.is_none() && request.k <= MAX_K && ef <= MAX_EF;
        is_for_graph.then_some(HnswCost { ef, n_scored, n_scanned: self.n_added })
    }

    /// Searches with `ef` candidates, and returns `None` if the result may be incomplete.
    ///
    /// More candidates find more and take longer. Recordings that are not in the graph are scanned.
    ///
    /// # Errors
    ///
    /// Those of [`find`](VectorIndex::find).
    pub fn search_with(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        ef: usize,
    ) -> Result<Option<Vec<Hit>>> {
        self.exact.check(query, &request.filter)?;
        self.search_among(query, request, ef, &self.exact.allowed(&request.filter)?)
    }

    /// Searches with `ef` candidates among the allowed rows, and returns `None` if the result may be incomplete.
    pub(super) fn search_among(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        ef: usize,
        allowed: &AllowedRows,
    ) -> Result<Option<Vec<Hit>>> {
        // A minimum score asks for every epoch that reaches it, which a graph does not promise.
        if request.min_score.is_some() || request.k > MAX_K {
            return Ok(None);
        }
        let codes = Int8Codes::of(self.exact.space().dim, [query]);
        let rows = self.scratch.with(|scratch| {
            let candidates = scratch.search(&codes, &self.graph, ef.max(request.k), &[]);
            self.shortlisted(candidates, &codes, request.k, allowed)
        });
        let Some(mut rows) = rows else { return Ok(None) };
        let mut added = Shortlist::new(request.k, None);
        for position in &self.added {
            let segment = &self.exact.segments()[*position];
            let scanned = self.exact.scan_recording(*position, &codes, allowed, &mut added);
            if segment.unless_damaged(scanned)?.is_none() {
                return Ok(None);
            }
        }
        rows.extend(added.into_rows());
        self.exact.rescore(query, request, rows)
    }

    /// Returns the best candidates that are in the snapshot and allowed, or `None` if there are fewer than `k`.
    fn shortlisted(
        &self,
        candidates: &[Candidate],
        query: &Int8Codes,
        k: usize,
        allowed: &AllowedRows,
    ) -> Option<Vec<ShortlistedRow>> {
        // More than `k`, because the order of codes may differ from that of vectors for the last few.
        let max_rows = 2 * k + 10;
        let (scale, bound) = (query.scales()[0], query.likely_bound());
        let mut rows = Vec::with_capacity(max_rows);
        for candidate in candidates {
            let [member, row] = self.graph.member_row(candidate.row).map(|number| number as usize);
            let Some(recording) = self.positions[member] else { continue };
            let id = RowId { recording, row };
            if allowed.contains(id) {
                rows.push(ShortlistedRow { upper_bound: candidate.score * scale + bound, id });
            }
            if rows.len() == max_rows {
                break;
            }
        }
        Some(rows).filter(|rows| rows.len() >= k)
    }
}

/// Compares the file of a graph with the segments, and returns the hash of its content.
pub(super) fn check(content: FileContent, exact: &ExactIndex) -> Result<ContentHash, Damage> {
    FrozenGraph::open(content)?.check(exact)
}

impl VectorIndex for HnswIndex {
    fn space(&self) -> &EmbeddingSpace {
        self.exact.space()
    }

    fn n_epochs(&self) -> usize {
        self.exact.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer> {
        self.exact.check(query, &request.filter)?;
        let allowed = self.exact.allowed(&request.filter)?;
        if let Some(HnswCost { ef, .. }) = self.cost(request, allowed.n_rows()) {
            let hits = self.search_among(query, request, ef, &allowed)?;
            if let Some(hits) = hits.filter(|hits| hits.len() == request.k.min(allowed.n_rows())) {
                return Ok(SearchAnswer { hits, plan: SearchPlan::Hnsw { ef } });
            }
        }
        self.exact.find_among(query, request, &allowed)
    }
}

impl fmt::Debug for HnswIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HnswIndex")
            .field("n_rows", &self.graph.n_rows())
            .field("n_live", &self.n_live)
            .field("n_added", &self.n_added)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests;
