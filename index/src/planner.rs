//! Chooses how to search: look at every epoch that is allowed, or at the nearest lists, or walk a graph.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nocturne_encoder::Embedding;

use crate::partitions::{Due, PartitionIndex};
use crate::storage::Storage;
use crate::{
    Collection, ExactIndex, Found, HnswIndex, Plan, Result, SearchRequest, Space, VectorIndex,
};

/// Epochs that are allowed, up to which all of them are looked at: about a millisecond.
const EXACT_BELOW: usize = 50_000;

/// Epochs that are scanned in the time of one in a list: a list is short, and is read from its beginning.
const COST_OF_LISTED: usize = 2;

/// Least epochs for which it is worth while to make lists.
const LEAST_FOR_LISTS: usize = 100_000;

/// The exact index with whatever makes it faster, used where it pays and the request allows it.
///
/// Lists and graph are caches: without them, or while they are made, every epoch is looked at.
pub struct PlannedIndex {
    exact: Arc<ExactIndex>,
    storage: Arc<dyn Storage>,
    // A std lock: it is held to copy a pointer.
    partitions: Mutex<Option<Arc<PartitionIndex>>>,
    graph: Option<Arc<HnswIndex>>,
}

impl PlannedIndex {
    /// Opens a snapshot, with the lists that were saved beside it where they can be trusted.
    ///
    /// # Errors
    ///
    /// Those of [`ExactIndex::open`].
    pub fn open(collection: &Collection) -> Result<Self> {
        let exact = Arc::new(ExactIndex::open(collection)?);
        let storage = Arc::clone(collection.storage());
        let partitions = PartitionIndex::open(Arc::clone(&exact), storage.as_ref())?;
        Ok(Self { exact, storage, partitions: Mutex::new(partitions.map(Arc::new)), graph: None })
    }

    /// Opens a later snapshot of the same collection; new recordings are put into the lists. A graph does not follow.
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
        let storage = Arc::clone(&self.storage);
        Ok(Self { exact, storage, partitions: Mutex::new(partitions), graph: None })
    }

    /// Returns the same index with a graph over the same snapshot.
    pub fn with_graph(self, graph: Arc<HnswIndex>) -> Self {
        Self { graph: Some(graph), ..self }
    }

    /// Returns the index that looks at every epoch.
    pub fn exact(&self) -> &Arc<ExactIndex> {
        &self.exact
    }

    /// Returns the lists, where there are any by now.
    pub fn partitions(&self) -> Option<Arc<PartitionIndex>> {
        self.lock_partitions().clone()
    }

    /// Makes the lists that are missing, or makes them anew where they no longer fit, and saves them beside the collection;
    /// searches go on meanwhile. Returns whether there was something to do.
    ///
    /// # Errors
    ///
    /// Those of [`PartitionIndex::build`] and [`PartitionIndex::save`]; what there was stays in use then.
    pub fn improve(&self) -> Result<bool> {
        let before = match self.partitions() {
            // Somebody else may have made them since.
            None => {
                PartitionIndex::open(Arc::clone(&self.exact), self.storage.as_ref())?.map(Arc::new)
            }
            known => known,
        };
        let is_worth = self.exact.n_epochs() >= LEAST_FOR_LISTS;
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

    fn lock_partitions(&self) -> MutexGuard<'_, Option<Arc<PartitionIndex>>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the plan for a request, given how many epochs its filter allows.
    fn plan(
        &self,
        partitions: Option<&PartitionIndex>,
        request: &SearchRequest,
        n_allowed: usize,
    ) -> Plan {
        let Some(recall) = request.recall.filter(|recall| *recall < 1.0) else { return Plan::Scan };
        if n_allowed <= EXACT_BELOW || request.min_score.is_some() {
            return Plan::Scan;
        }
        let n_epochs = self.exact.n_epochs();
        if let Some(partitions) = partitions {
            let (lists, of) = (partitions.lists_for_some(recall, n_allowed), partitions.n_lists());
            let n_listed = n_epochs / of.max(1) * lists;
            if of + COST_OF_LISTED * n_listed < n_allowed {
                return Plan::Partitions { lists, of };
            }
        }
        match &self.graph {
            // A graph passes over what a filter forbids, and finds too little where that is most.
            Some(graph) if 2 * n_allowed >= n_epochs => {
                Plan::Graph { candidates: graph.candidates(request) }
            }
            Some(_) | None => Plan::Scan,
        }
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
        let plan = self.plan(partitions.as_deref(), request, n_allowed);
        let hits = match (plan, partitions, &self.graph) {
            (Plan::Partitions { lists, .. }, Some(partitions), _) => {
                partitions.probe(query, request, lists)?
            }
            (Plan::Graph { .. }, _, Some(graph)) => return graph.find(query, request),
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
            .field("has_graph", &self.graph.is_some())
            .finish_non_exhaustive()
    }
}
