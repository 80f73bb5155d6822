//! The IVF index: epochs grouped into inverted lists by their nearest centroid; a search scans a few lists.
//!
//! Embeddings of texts and of epochs are in two cones. A graph of epochs is therefore entered from outside by a text, and
//! needs many candidates; inverted lists do not mind (`BENCHMARKS.md`).
//!
//! - `build` trains centroids once by k-means and assigns each row to the list of its nearest centroid.
//! - `file` stores 4-bit codes of the residuals, list after list.
//! - `calibration` measures how many lists must be probed for a recall.
//! - `probe` searches: 4-bit codes select, 8-bit codes sort, vectors score.
//! - `layer` combines the file with recordings that were added since. A later recording is assigned to the same lists, in a
//!   layer of its own. When many have been added, the layers are merged, and when the centroids no longer fit, the index
//!   is rebuilt.
//!
//! The file is a cache: on any doubt about it, the exact index answers instead and the file is rebuilt.

mod build;
mod calibration;
mod file;
mod layer;
mod probe;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nocturne_encoder::Embedding;

use super::ExactIndex;
use crate::contract::{SearchAnswer, SearchPlan, SearchRequest, VectorIndex};
use crate::error::{Error, Result};
use crate::recording::{ContentHash, EmbeddingSpace};
use crate::storage::cache_files::CacheFiles;
use crate::storage::envelope::Damage;
use crate::storage::{FileContent, Storage};
use crate::vector::Int8Codes;
pub(super) use build::train;
use build::{Assignment, assign, imbalance_factor, list_lengths};
use file::InvertedLists;
use layer::{Layer, Training};

/// Maximum number of lists.
const MAX_LISTS: usize = 65_536;

/// Inverted lists over the epochs of a snapshot, with the exact index for requests that lists cannot answer.
#[derive(Debug)]
pub struct IvfIndex {
    exact: Arc<ExactIndex>,
    centroids: Arc<Int8Codes>,
    /// The one with the centroids first, then those of later recordings; each is larger than the next.
    layers: Vec<Layer>,
    /// Whether a file turned out to be damaged.
    is_damaged: AtomicBool,
}

/// What an index needs after recordings were added or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompactionState {
    /// Nothing.
    UpToDate,
    /// Many rows were added after the file was written: [`IvfIndex::merged`] combines the layers.
    NeedsMerge,
    /// The centroids no longer fit the rows, or a file is damaged: the index must be [built](IvfIndex::build) again.
    NeedsRebuild,
}

impl IvfIndex {
    /// Builds lists for the epochs of a snapshot: `n_lists`, or four times the square root of the number of epochs.
    ///
    /// A million epochs of 512 dimensions take about a minute of processor time, and 268 bytes each.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for no lists or more than 65,536, and [`Error::Format`].
    pub fn build(exact: Arc<ExactIndex>, n_lists: Option<usize>) -> Result<Self> {
        let n_rows = exact.n_epochs();
        let n_lists = n_lists.unwrap_or_else(|| (4 * n_rows.isqrt()).clamp(1, MAX_LISTS));
        if !(1..=MAX_LISTS).contains(&n_lists) {
            return Err(Error::Setting { name: "lists", value: n_lists, expected: "1 to 65536" });
        }
        let centroids = Arc::new(train(&exact, n_lists)?);
        let all: Vec<usize> = (0..exact.segments().len()).collect();
        let assignments = assign(&exact, &all, &centroids)?;
        let training = Training {
            probe_ranks: calibration::measure(&exact, &centroids, &assignments)?,
            n_rows: assignments.iter().map(|it| it.lists.len()).sum(),
            imbalance: imbalance_factor(&list_lengths(&assignments, centroids.len())),
        };
        let layer = Layer::seal(&exact, &centroids, &assignments, Some(training))?;
        Ok(Self { exact, centroids, layers: vec![layer], is_damaged: AtomicBool::new(false) })
    }

    /// Opens the lists that were saved beside a collection, and adds later recordings; `None` if there are no lists that
    /// can be trusted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Format`].
    pub fn open(exact: Arc<ExactIndex>, storage: &dyn Storage) -> Result<Option<Self>> {
        let candidates = CacheFiles::IVF.list(storage)?.into_iter().filter_map(|(name, hash)| {
            let lists = InvertedLists::open(storage.map(&name).ok()?).ok()?;
            let is_valid = lists.hash() == hash
                && lists.dim() == exact.space().dim
                && lists.details.fingerprint == exact.space().fingerprint;
            let centroids = lists.centroids().ok().filter(|_| is_valid)?;
            let layer = Layer::over(&exact, Arc::new(lists));
            Some((layer.n_live(), layer, centroids))
        });
        let Some((_, layer, centroids)) = candidates.max_by_key(|(n_live, ..)| *n_live) else {
            return Ok(None);
        };
        let saved = Self {
            exact: Arc::clone(&exact),
            centroids: Arc::new(centroids),
            layers: vec![layer],
            is_damaged: AtomicBool::new(false),
        };
        saved.followed_by(exact).map(Some)
    }

    /// Writes the first layer beside a collection and removes other files; later layers are not written.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn save(&self, storage: &dyn Storage) -> Result<()> {
        let lists = &self.layers[0].lists;
        CacheFiles::IVF.replace(storage, lists.hash(), lists.bytes())
    }

    /// Returns the same lists over a later snapshot, with added recordings in a layer of their own.
    ///
    /// # Errors
    ///
    /// [`Error::Format`].
    pub fn followed_by(&self, exact: Arc<ExactIndex>) -> Result<Self> {
        let layers = self.layers.iter();
        let mut layers: Vec<_> =
            layers.map(|layer| Layer::over(&exact, Arc::clone(&layer.lists))).collect();
        let covered: BTreeSet<usize> =
            layers.iter().flat_map(|layer| layer.positions.iter().flatten().copied()).collect();
        let added = exact.undamaged().map(|(position, _)| position);
        let added: Vec<usize> = added.filter(|position| !covered.contains(position)).collect();
        let mut assignments = assign(&exact, &added, &self.centroids)?;
        let mut is_damaged = self.is_damaged.load(Ordering::Relaxed);
        if !assignments.is_empty() {
            // Smaller layers are merged into the new one, until each layer is at least twice as large as the next. The
            // number of layers is then logarithmic, and so is the number of times that a row is written again.
            let n_rows =
                |rows: &[Assignment]| -> usize { rows.iter().map(|it| it.lists.len()).sum() };
            while layers.len() > 1
                && let Some(last) = layers.pop_if(|last| last.n_live() < 2 * n_rows(&assignments))
            {
                match last.assignments() {
                    Ok(more) => assignments.extend(more),
                    Err(_) => is_damaged = true,
                }
            }
            layers.push(Layer::seal(&exact, &self.centroids, &assignments, None)?);
        }
        let (centroids, is_damaged) = (Arc::clone(&self.centroids), AtomicBool::new(is_damaged));
        Ok(Self { exact, centroids, layers, is_damaged })
    }

    /// Returns an index with the rows of all layers in one; it is rebuilt if a layer is damaged.
    ///
    /// # Errors
    ///
    /// [`Error::Format`].
    pub fn merged(&self) -> Result<Self> {
        let mut assignments = Vec::new();
        for layer in &self.layers {
            match layer.assignments() {
                Ok(more) => assignments.extend(more),
                Err(_) => return Self::build(Arc::clone(&self.exact), Some(self.n_lists())),
            }
        }
        let training = Training::of(&self.layers[0].lists.details);
        let layer = Layer::seal(&self.exact, &self.centroids, &assignments, Some(training))?;
        Ok(Self {
            exact: Arc::clone(&self.exact),
            centroids: Arc::clone(&self.centroids),
            layers: vec![layer],
            is_damaged: AtomicBool::new(false),
        })
    }

    /// Returns whether the index should be merged or rebuilt.
    ///
    /// It is rebuilt when the rows have doubled, or the imbalance factor has, and merged when an eighth of the rows are in
    /// later layers or gone.
    pub fn compaction_state(&self) -> CompactionState {
        let details = &self.layers[0].lists.details;
        let n_live: usize = self.layers.iter().map(Layer::n_live).sum();
        let mut lengths = vec![0; self.n_lists()];
        for layer in &self.layers {
            lengths.iter_mut().zip(layer.lists.lengths()).for_each(|(sum, more)| *sum += more);
        }
        let has_outgrown = n_live > 2 * details.n_rows_at_training
            || imbalance_factor(&lengths) > 2.0 * details.imbalance_at_training;
        let n_first = self.layers[0].n_live();
        let n_later = n_live - n_first;
        let n_gone = self.layers[0].lists.n_rows() - n_first;
        match (self.is_damaged.load(Ordering::Relaxed) || has_outgrown, n_later + n_gone) {
            (true, _) => CompactionState::NeedsRebuild,
            (false, n) if n > n_live / 8 => CompactionState::NeedsMerge,
            (false, _) => CompactionState::UpToDate,
        }
    }

    /// Returns the number of lists.
    pub fn n_lists(&self) -> usize {
        self.centroids.len()
    }

    /// Returns the exact index over the same snapshot.
    pub fn exact(&self) -> &Arc<ExactIndex> {
        &self.exact
    }

    /// Returns the number of lists to probe for a recall, as measured when the lists were built; all of them for 1.
    pub fn n_probes(&self, recall: f32) -> usize {
        let ranks = &self.layers[0].lists.details.probe_ranks;
        calibration::n_probes(ranks, recall).map_or(self.n_lists(), |n| n.min(self.n_lists()))
    }

    /// Returns the number of lists to probe for a recall of the allowed epochs.
    ///
    /// The nearest allowed epochs are spread over more lists, in proportion to how few are allowed.
    pub(super) fn n_probes_among(&self, recall: f32, n_allowed: usize) -> usize {
        let n_probes = self.n_probes(recall) * self.n_epochs();
        n_probes.div_ceil(n_allowed.max(1)).min(self.n_lists())
    }
}

impl VectorIndex for IvfIndex {
    fn space(&self) -> &EmbeddingSpace {
        self.exact.space()
    }

    fn n_epochs(&self) -> usize {
        self.exact.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer> {
        self.exact.check(query, &request.filter)?;
        let allowed = self.exact.allowed(&request.filter)?;
        if let Some(recall) = request.recall {
            let n_probes = self.n_probes_among(recall, allowed.n_rows());
            let hits = self.probe(query, request, n_probes, &allowed)?;
            if let Some(hits) = hits.filter(|hits| hits.len() == request.k.min(allowed.n_rows())) {
                let plan = SearchPlan::Ivf { n_probes, n_lists: self.n_lists() };
                return Ok(SearchAnswer { hits, plan });
            }
        }
        self.exact.find_among(query, request, &allowed)
    }
}

/// Compares a file of lists with the segments, and returns the hash of its content.
pub(super) fn check(content: FileContent, exact: &ExactIndex) -> Result<ContentHash, Damage> {
    InvertedLists::open(content)?.check(exact)
}

#[cfg(test)]
mod tests;
