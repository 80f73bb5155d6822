//! Chooses how to search: look at every epoch that is allowed, or at the nearest lists, or walk a graph.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nocturne_encoder::Embedding;

use crate::contract::{Found, Plan, SearchRequest, VectorIndex};
use crate::error::Result;
use crate::folder::Collection;
use crate::recording::Space;
use crate::search::ivf::{Due, PartitionIndex};
use crate::search::{ExactIndex, GraphIndex, GraphSettings};
use crate::storage::Storage;

/// Epochs that are scanned in the time of one in a list: a list is short, and is read from its beginning.
const COST_OF_LISTED: usize = 2;

/// Epochs that are scanned in the time of one that a walk steps on: it lies anywhere.
const COST_OF_WALKED: usize = 4;

/// From how many epochs on something else than a scan is worth while.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Epochs that are allowed, up to which all of them are looked at.
    exact_below: usize,
    /// Least epochs for which lists or a graph are made.
    least_for_caches: usize,
}

impl Default for Limits {
    /// Returns limits below which a scan takes about a millisecond or two.
    fn default() -> Self {
        Self { exact_below: 50_000, least_for_caches: 100_000 }
    }
}

/// The exact index with whatever makes it faster, used where it pays and the request allows it.
///
/// Lists and graph are caches: without them, or while they are made, every epoch is looked at.
pub struct PlannedIndex {
    exact: Arc<ExactIndex>,
    storage: Arc<dyn Storage>,
    limits: Limits,
    // A std lock: it is held to copy a pointer.
    partitions: Mutex<Option<Arc<PartitionIndex>>>,
    graph: Mutex<Option<Arc<GraphIndex>>>,
    /// Whether there is to be a graph: it was asked for once, and is built anew where it no longer fits or is damaged.
    wants_graph: AtomicBool,
}

impl PlannedIndex {
    /// Opens a snapshot, with the lists and the graph that were saved beside it where they can be trusted.
    ///
    /// # Errors
    ///
    /// Those of [`ExactIndex::open`].
    pub fn open(collection: &Collection) -> Result<Self> {
        Self::open_with(collection, Limits::default())
    }

    fn open_with(collection: &Collection, limits: Limits) -> Result<Self> {
        let exact = Arc::new(ExactIndex::open(collection)?);
        let storage = Arc::clone(collection.storage());
        let partitions = PartitionIndex::open(Arc::clone(&exact), storage.as_ref())?;
        let graph = GraphIndex::open(&exact, storage.as_ref())?;
        let wants_graph = GraphIndex::was_saved(storage.as_ref())?;
        Ok(Self {
            exact,
            storage,
            limits,
            partitions: Mutex::new(partitions.map(Arc::new)),
            graph: Mutex::new(graph.map(Arc::new)),
            wants_graph: AtomicBool::new(wants_graph),
        })
    }

    /// Opens a later snapshot of the same collection; new recordings are put into the lists, and scanned beside the graph.
    ///
    /// # Errors
    ///
    /// Those of [`ExactIndex::open`].
    pub fn followed_by(&self, collection: &Collection) -> Result<Self> {
        let exact = Arc::new(ExactIndex::open(collection)?);
        let partitions = match self.partitions() {
            Some(before) => Some(Arc::new(before.followed_by(Arc::clone(&exact))?)),
            None => None,
        };
        let graph = self.graph().map(|before| Arc::new(before.followed_by(Arc::clone(&exact))));
        let wants_graph = self.wants_graph.load(Ordering::Relaxed);
        Ok(Self {
            exact,
            storage: Arc::clone(&self.storage),
            limits: self.limits,
            partitions: Mutex::new(partitions),
            graph: Mutex::new(graph),
            wants_graph: AtomicBool::new(wants_graph),
        })
    }

    /// Returns the index that looks at every epoch.
    pub fn exact(&self) -> &Arc<ExactIndex> {
        &self.exact
    }

    /// Returns the lists, where there are any by now.
    pub fn partitions(&self) -> Option<Arc<PartitionIndex>> {
        self.lock_partitions().clone()
    }

    /// Returns the graph, where there is one by now.
    pub fn graph(&self) -> Option<Arc<GraphIndex>> {
        self.lock_graph().clone()
    }

    /// Makes the lists that are missing, or makes them anew where they no longer fit, and saves them beside the collection;
    /// searches go on meanwhile. Where there was a graph, it is kept up too. Returns whether there was something to do.
    ///
    /// # Errors
    ///
    /// Those of [`PartitionIndex::build`] and [`PartitionIndex::save`], and of [`improve_graph`](Self::improve_graph);
    /// what there was stays in use then.
    pub fn improve(&self) -> Result<bool> {
        let has_new_lists = self.improve_lists()?;
        let wants_graph = self.wants_graph.load(Ordering::Relaxed);
        Ok((wants_graph && self.improve_graph(&GraphSettings::default())?) || has_new_lists)
    }

    /// Builds the graph that is missing, or builds it anew where it no longer fits, and saves it beside the collection;
    /// searches go on meanwhile. Returns whether there was something to do.
    ///
    /// It takes about 1.5 ms of processor time and 4.5 KB of memory for each epoch of 512 numbers until it is done.
    ///
    /// # Errors
    ///
    /// Those of [`GraphIndex::build`] and [`GraphIndex::save`]; what there was stays in use then.
    pub fn improve_graph(&self, settings: &GraphSettings) -> Result<bool> {
        let known = match self.graph() {
            // Somebody else may have built it since.
            None => GraphIndex::open(&self.exact, self.storage.as_ref())?.map(Arc::new),
            known => known,
        };
        let fits = known.as_ref().is_some_and(|graph| !graph.is_outgrown());
        if fits || self.exact.n_epochs() < self.limits.least_for_caches {
            *self.lock_graph() = known;
            return Ok(false);
        }
        let made = GraphIndex::build(Arc::clone(&self.exact), settings.clone())?;
        made.save(self.storage.as_ref())?;
        drop(made);
        let saved = GraphIndex::open(&self.exact, self.storage.as_ref())?;
        *self.lock_graph() = saved.map(Arc::new);
        self.wants_graph.store(true, Ordering::Relaxed);
        Ok(true)
    }

    fn improve_lists(&self) -> Result<bool> {
        let before = match self.partitions() {
            // Somebody else may have made them since.
            None => {
                PartitionIndex::open(Arc::clone(&self.exact), self.storage.as_ref())?.map(Arc::new)
            }
            known => known,
        };
        let is_worth = self.exact.n_epochs() >= self.limits.least_for_caches;
        let due = before.as_ref().map_or(Due::Rebuild, |before| before.due());
        let made = match (before, due) {
            _ if !is_worth => return Ok(false),
            (before, Due::Nothing) => {
                *self.lock_partitions() = before;
                return Ok(false);
            }
            (Some(before), Due::Merge) => before.merged()?,
            (_, Due::Merge | Due::Rebuild) => PartitionIndex::build(Arc::clone(&self.exact), None)?,
        };
        made.save(self.storage.as_ref())?;
        // What was saved is used from the file, so that the system keeps only what is needed of it in memory.
        drop(made);
        let saved = PartitionIndex::open(Arc::clone(&self.exact), self.storage.as_ref())?;
        *self.lock_partitions() = saved.map(Arc::new);
        Ok(true)
    }

    fn lock_graph(&self) -> MutexGuard<'_, Option<Arc<GraphIndex>>> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_partitions(&self) -> MutexGuard<'_, Option<Arc<PartitionIndex>>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the cheapest plan for a request, given how many epochs its filter allows.
    fn plan(
        &self,
        partitions: Option<&PartitionIndex>,
        graph: Option<&GraphIndex>,
        request: &SearchRequest,
        n_allowed: usize,
    ) -> Plan {
        let Some(recall) = request.recall.filter(|recall| *recall < 1.0) else { return Plan::Scan };
        if n_allowed <= self.limits.exact_below || request.min_score.is_some() {
            return Plan::Scan;
        }
        let lists = partitions.map(|partitions| {
            let (lists, of) = (partitions.lists_for_some(recall, n_allowed), partitions.n_lists());
            let n_listed = self.exact.n_epochs() / of.max(1) * lists;
            (of + COST_OF_LISTED * n_listed, Plan::Partitions { lists, of })
        });
        let walk = graph.and_then(|graph| graph.stroll(request, n_allowed)).map(|stroll| {
            let cost = COST_OF_WALKED * stroll.n_scored + stroll.n_scanned;
            (cost, Plan::Graph { candidates: stroll.candidates })
        });
        let plans = [Some((n_allowed, Plan::Scan)), lists, walk];
        let cheapest = plans.into_iter().flatten().min_by_key(|(cost, _)| *cost);
        cheapest.map_or(Plan::Scan, |(_, plan)| plan)
    }
}

impl VectorIndex for PlannedIndex {
    fn space(&self) -> &Space {
        self.exact.space()
    }

    fn n_epochs(&self) -> usize {
        self.exact.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<Found> {
        self.exact.check(query, &request.filter)?;
        let partitions = self.partitions();
        let n_allowed = self.exact.count(&request.filter)?;
        let graph = self.graph();
        let plan = self.plan(partitions.as_deref(), graph.as_deref(), request, n_allowed);
        let hits = match (plan, partitions, graph) {
            (Plan::Partitions { lists, .. }, Some(partitions), _) => {
                partitions.probe(query, request, lists)?
            }
            (Plan::Graph { candidates }, _, Some(graph)) => {
                graph.walk(query, request, candidates)?
            }
            (
                Plan::Scan | Plan::Partitions { .. } | Plan::Graph { .. } | Plan::Qdrant { .. },
                ..,
            ) => None,
        };
        match hits.filter(|hits| hits.len() == request.k.min(n_allowed)) {
            Some(hits) => Ok(Found { hits, plan }),
            None => self.exact.find(query, request),
        }
    }
}

impl fmt::Debug for PlannedIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedIndex")
            .field("n_epochs", &self.exact.n_epochs())
            .field("has_partitions", &self.partitions().is_some())
            .field("has_graph", &self.graph().is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
