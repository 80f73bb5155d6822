//! The approximate index of a graph: each epoch knows some of its nearest, and a search steps from one to the next.
//!
//! `hnsw_rs` builds the graph, which takes long. Then its lowest layer is frozen: neighbours and 8-bit codes in flat columns
//! of a file, in an order in which epochs that point the same way lie side by side. A recording that comes later is scanned
//! beside the graph, and rows of one that was removed or replaced are stepped on and never returned, until there is so much
//! of both that the graph is to be built anew.
//!
//! The file is a cache: whatever is odd about it, the exact index answers instead and the file is made anew.

mod build;
mod effort;
mod file;
mod freeze;
mod walk;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;

use nocturne_encoder::Embedding;

pub use build::{GraphSettings, HnswGraph};

use crate::contract::{Found, Hit, Plan, SearchRequest, VectorIndex};
use crate::error::Result;
use crate::recording::SegmentHash;
use crate::recording::Space;
use crate::search::ExactIndex;
use crate::search::shortlist::{Promising, Shortlist};
use crate::storage::CacheFiles;
use crate::storage::envelope::Damage;
use crate::storage::{FileContent, Storage};
use crate::vector::Codes;
use file::Frozen;
use walk::{Candidate, Rooms};

/// Where the files are in a collection.
pub(crate) const FILES: CacheFiles = CacheFiles { folder: "graphs", suffix: ".graph" };

/// Most hits that a graph is asked for; beyond, a scan is as fast and complete.
const MAX_K: usize = 200;

/// Most candidates of a walk.
const MAX_CANDIDATES: usize = 4096;

/// Share of the epochs that may be missing from a graph or gone from the snapshot, in eighths.
const MOST_EIGHTHS_APART: usize = 1;

/// A graph over the epochs of a snapshot, with the exact index for what a graph cannot do.
pub struct GraphIndex {
    exact: Arc<ExactIndex>,
    frozen: Arc<Frozen>,
    rooms: Arc<Rooms>,
    /// For each member of the graph, its number in the exact index, unless it was removed, replaced or damaged.
    numbers: Vec<Option<usize>>,
    /// Rows of the graph that are in the snapshot.
    n_live: usize,
    /// Numbers of the recordings that the graph lacks.
    others: Vec<usize>,
    /// Epochs of these.
    n_others: usize,
}

impl GraphIndex {
    /// Builds a graph, freezes it, and finds out how well it is walked.
    ///
    /// # Errors
    ///
    /// Those of [`HnswGraph::build`].
    pub fn build(exact: Arc<ExactIndex>, settings: GraphSettings) -> Result<Self> {
        Self::freeze(&HnswGraph::build(exact, settings)?)
    }

    /// Makes an index of a graph as `hnsw_rs` has built it.
    ///
    /// It takes 4 bytes for each neighbour and 516 for each epoch of 512 numbers, all but 4 of them in the file.
    ///
    /// # Errors
    ///
    /// [`Error::Format`](crate::Error::Format).
    pub fn freeze(graph: &HnswGraph) -> Result<Self> {
        let exact = Arc::clone(graph.exact());
        let mut draft = freeze::draft(&exact, graph)?;
        let open = |draft: &file::Draft<'_>| {
            Frozen::open(draft.seal()).expect("what was just sealed is whole")
        };
        draft.details.efforts = effort::efforts(&exact, &open(&draft))?;
        let frozen = Arc::new(open(&draft));
        drop(draft);
        Ok(Self::over(exact, frozen, Arc::default()))
    }

    /// Opens the graph that was saved beside a collection; nothing where there is none that can be trusted.
    ///
    /// Every byte is checked, which reads the file once.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub fn open(exact: &Arc<ExactIndex>, storage: &dyn Storage) -> Result<Option<Self>> {
        let graphs = FILES.list(storage)?.into_iter().filter_map(|(name, hash)| {
            let frozen = Frozen::open(storage.map(&name).ok()?).ok()?;
            let fits = frozen.hash() == hash
                && frozen.dim() == exact.space().dim
                && frozen.details.fingerprint == exact.space().fingerprint;
            fits.then(|| Self::over(Arc::clone(exact), Arc::new(frozen), Arc::default()))
        });
        Ok(graphs.max_by_key(|graph| graph.n_live))
    }

    /// Returns whether files of graphs lie beside a collection, be they good or not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub(crate) fn was_saved(storage: &dyn Storage) -> Result<bool> {
        Ok(!FILES.list(storage)?.is_empty())
    }

    /// Writes the graph beside a collection, in place of others.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub fn save(&self, storage: &dyn Storage) -> Result<()> {
        FILES.publish(storage, self.frozen.hash(), self.frozen.bytes())
    }

    /// Returns the same graph over a later snapshot; recordings that it lacks are scanned beside it.
    pub fn followed_by(&self, exact: Arc<ExactIndex>) -> Self {
        Self::over(exact, Arc::clone(&self.frozen), Arc::clone(&self.rooms))
    }

    /// Finds the members in a snapshot.
    fn over(exact: Arc<ExactIndex>, frozen: Arc<Frozen>, rooms: Arc<Rooms>) -> Self {
        let members = &frozen.details.recordings;
        let numbers: Vec<_> = members.iter().map(|member| member.number_in(&exact)).collect();
        let mut is_in = vec![false; exact.handles().len()];
        numbers.iter().flatten().for_each(|number| is_in[*number] = true);
        let others = exact.present().map(|(number, _)| number).filter(|number| !is_in[*number]);
        let others: Vec<_> = others.collect();
        let n_of = |number: &usize| exact.handles()[*number].entry().n_epochs;
        let n_live = numbers.iter().flatten().map(n_of).sum();
        let n_others = others.iter().map(n_of).sum();
        Self { exact, frozen, rooms, numbers, n_live, others, n_others }
    }

    /// Returns whether so much has come or gone since that the graph is to be built anew.
    pub fn is_outgrown(&self) -> bool {
        let n_gone = self.frozen.n_rows() - self.n_live;
        8 * (n_gone + self.n_others) > MOST_EIGHTHS_APART * self.frozen.n_rows()
    }

    /// Returns the exact index over the same snapshot.
    pub fn exact(&self) -> &Arc<ExactIndex> {
        &self.exact
    }

    /// Returns how many candidates a walk has to hold to find a share of the nearest, as it was when the graph was built;
    /// nothing where no number that was tried has found as much.
    pub fn candidates_for(&self, recall: f32) -> Option<usize> {
        effort::least(&self.frozen.details.efforts, recall).map(|least| least.candidates as usize)
    }

    /// Returns the walk that finds a share of what a request asks for, given how many epochs its filter allows; nothing
    /// where a graph is not for it.
    pub(crate) fn stroll(&self, request: &SearchRequest, n_allowed: usize) -> Option<Stroll> {
        let recall = request.recall.filter(|recall| *recall < 1.0)?;
        let effort = effort::least(&self.frozen.details.efforts, recall)?;
        // Efforts were measured for ten hits of all rows; of those that are held, as great a part has to be allowed.
        let share =
            self.frozen.n_rows() as f64 / n_allowed.clamp(1, self.frozen.n_rows().max(1)) as f64;
        let times = share * (request.k as f64 / crate::search::ivf::ranks::K as f64).max(1.0);
        let candidates = (times * f64::from(effort.candidates)).ceil() as usize;
        let n_scored = (times * f64::from(effort.n_scored)).ceil() as usize;
        let is_for_graph =
            request.min_score.is_none() && request.k <= MAX_K && candidates <= MAX_CANDIDATES;
        is_for_graph.then_some(Stroll { candidates, n_scored, n_scanned: self.n_others })
    }

    /// Walks to the nearest epochs with some candidates held at a time; nothing where that is not complete, for one reason
    /// or another.
    ///
    /// More candidates find more and take longer. What the graph lacks is scanned.
    ///
    /// # Errors
    ///
    /// Those of [`find`](VectorIndex::find).
    pub fn walk(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        candidates: usize,
    ) -> Result<Option<Vec<Hit>>> {
        self.exact.check(query, &request.filter)?;
        // A threshold asks for every epoch above it, which a graph does not promise.
        if request.min_score.is_some() || request.k > MAX_K {
            return Ok(None);
        }
        let prompt = Codes::of(self.exact.space().dim, [query]);
        let walked = self.rooms.lend(|walk| {
            let candidates = candidates.max(request.k);
            self.allowed(walk.towards(&prompt, &self.frozen, candidates, &[]), &prompt, request)
        });
        let Some(mut promising) = walked? else { return Ok(None) };
        let mut others = Shortlist::new(request.k, None);
        for number in &self.others {
            let handle = &self.exact.handles()[*number];
            let scanned = self.exact.scan(*number, &prompt, request, &mut others);
            if handle.unless_damaged(scanned)?.is_none() {
                return Ok(None);
            }
        }
        promising.extend(others.into_promising());
        self.exact.rescored(query, request, promising)
    }

    /// Returns the best candidates that are in the snapshot and allowed; nothing where they are too few.
    fn allowed(
        &self,
        candidates: &[Candidate],
        prompt: &Codes,
        request: &SearchRequest,
    ) -> Result<Option<Vec<Promising>>> {
        // More than are wanted, because codes may be wrong about the order of the last few.
        let most = 2 * request.k + 10;
        let (scale, bound) = (prompt.scales()[0], prompt.likely_bound());
        let is_open = request.filter.is_open();
        let mut filters = BTreeMap::new();
        let mut promising = Vec::with_capacity(most);
        for candidate in candidates {
            let [member, row] = self.frozen.place(candidate.row).map(|number| number as usize);
            let Some(number) = self.numbers[member] else { continue };
            let is_allowed = is_open
                || match filters.entry(number) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        new.insert(self.exact.filter_of(number, &request.filter)?)
                    }
                }
                .as_ref()
                .is_some_and(|filter| filter.allows(row));
            if is_allowed {
                let most = candidate.score * scale + bound;
                promising.push(Promising { most, place: (number, row) });
            }
            if promising.len() == most {
                break;
            }
        }
        Ok(Some(promising).filter(|promising| promising.len() >= request.k))
    }
}

/// Checks a file of a graph against the segments, and returns the hash of its content.
pub(crate) fn check(content: FileContent, exact: &ExactIndex) -> Result<SegmentHash, Damage> {
    Frozen::open(content)?.check(exact)
}

/// A walk that is planned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stroll {
    /// Candidates that are held at a time.
    pub(crate) candidates: usize,
    /// Rows that are scored one by one.
    pub(crate) n_scored: usize,
    /// Rows beside the graph, which are scanned.
    pub(crate) n_scanned: usize,
}

impl VectorIndex for GraphIndex {
    fn space(&self) -> &Space {
        self.exact.space()
    }

    fn n_epochs(&self) -> usize {
        self.exact.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<Found> {
        self.exact.check(query, &request.filter)?;
        let n_allowed = self.exact.count(&request.filter)?;
        if let Some(Stroll { candidates, .. }) = self.stroll(request, n_allowed) {
            let hits = self.walk(query, request, candidates)?;
            if let Some(hits) = hits.filter(|hits| hits.len() == request.k.min(n_allowed)) {
                return Ok(Found { hits, plan: Plan::Graph { candidates } });
            }
        }
        self.exact.find(query, request)
    }
}

impl fmt::Debug for GraphIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphIndex")
            .field("n_rows", &self.frozen.n_rows())
            .field("n_live", &self.n_live)
            .field("n_others", &self.n_others)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
