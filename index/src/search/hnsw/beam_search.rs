//! Beam search on a frozen graph: follows neighbours and keeps the best few candidates, scored by 8-bit codes.
//!
//! A graph of epochs is hard to enter for a text, which is in another cone: from one entry point, a search passes through
//! many epochs before it comes near. It therefore starts with all rows of the clusters with the nearest centroids. They are
//! adjacent in the file, so they are scored at the speed of memory.

use std::sync::{Mutex, PoisonError};

use super::file::FrozenGraph;
use crate::vector::Int8Codes;
use crate::vector::kernel::Kernel;

/// Clusters whose rows are the entry points of a search.
const ENTRY_CLUSTERS: usize = 2;

/// The memory of a search, reused by later ones.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    visited: VisitedSet,
    beam: Beam,
    /// Rows to be scored next, and their products.
    unscored: Vec<u32>,
    products: Vec<i32>,
    n_scored: usize,
}

/// Scratch memory that no search is using.
#[derive(Debug, Default)]
// A standard mutex: it is held only to push or pop one element.
pub(super) struct ScratchPool(Mutex<Vec<Scratch>>);

/// A row and its score, without the query's scale, which changes no order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) score: f32,
    pub(super) row: u32,
    /// Whether its neighbours have been followed.
    is_expanded: bool,
}

impl ScratchPool {
    /// Runs a search with scratch memory.
    pub(super) fn with<T>(&self, search: impl FnOnce(&mut Scratch) -> T) -> T {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = pool.pop().unwrap_or_default();
        drop(pool);
        let result = search(&mut scratch);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        result
    }
}

impl Scratch {
    /// Returns the `ef` best candidates for the first query, the best first.
    ///
    /// Excluded rows are never visited, as if they were not in the graph.
    pub(super) fn search(
        &mut self,
        query: &Int8Codes,
        graph: &FrozenGraph,
        ef: usize,
        excluded: &[u32],
    ) -> &[Candidate] {
        self.visited.reset(graph.n_rows());
        self.beam.reset(ef);
        self.n_scored = 0;
        for row in excluded {
            self.visited.insert(*row);
        }
        for cluster in nearest_clusters(query, graph) {
            let visited = &mut self.visited;
            let rows = graph.cluster(cluster).map(|row| row as u32);
            self.unscored.extend(rows.filter(|row| visited.insert(*row)));
        }
        self.score(query, graph);
        // The beam keeps only the best `ef`, so each expanded candidate is better than those that were dropped, and the
        // search ends when all that are left have been expanded.
        while let Some(row) = self.beam.expand_best() {
            // Most often this one is expanded next, and its neighbours have arrived when these are scored.
            if let Some(next) = self.beam.best_unexpanded() {
                graph.prefetch_neighbours(next);
            }
            let visited = &mut self.visited;
            self.unscored.extend(graph.neighbours(row).filter(|row| visited.insert(*row)));
            self.score(query, graph);
        }
        &self.beam.candidates
    }

    /// Returns the number of rows that the last search scored.
    pub(super) fn n_scored(&self) -> usize {
        self.n_scored
    }

    /// Scores the unscored rows and offers them to the beam.
    fn score(&mut self, query: &Int8Codes, graph: &FrozenGraph) {
        self.products.resize(self.unscored.len(), 0);
        let products = &mut self.products[..];
        // All neighbours of a row at once, so that the kernel can prefetch: they are anywhere in the file.
        Kernel::best().gather(query.lines(0..1), graph.lines(), &self.unscored, products);
        for (row, product) in self.unscored.iter().zip(products) {
            self.beam.offer(*product as f32 * graph.scales()[*row as usize], *row);
        }
        self.n_scored += self.unscored.len();
        self.unscored.clear();
    }
}

/// Returns the clusters with the centroids nearest to the query.
fn nearest_clusters(query: &Int8Codes, graph: &FrozenGraph) -> impl Iterator<Item = usize> + use<> {
    let centroids = graph.centroids();
    let mut scores = vec![0.0; centroids.len()];
    centroids.score(0..centroids.len(), query, &mut scores);
    let mut nearest = [None; ENTRY_CLUSTERS];
    for (cluster, score) in scores.into_iter().enumerate() {
        // Insertion into a sorted array: each better one moves the others down by one.
        let mut offered = Some((score, cluster));
        for slot in &mut nearest {
            if offered > *slot {
                std::mem::swap(slot, &mut offered);
            }
        }
    }
    nearest.into_iter().flatten().map(|(_, cluster)| cluster)
}

/// The best candidates so far, in order. Beams are short, so inserting into a sorted array is faster than a heap.
#[derive(Debug, Default)]
struct Beam {
    ef: usize,
    candidates: Vec<Candidate>,
    /// No candidate before this one is unexpanded.
    first_unexpanded: usize,
}

impl Beam {
    fn reset(&mut self, ef: usize) {
        self.ef = ef;
        self.first_unexpanded = 0;
        self.candidates.clear();
    }

    /// Adds a row if it is among the best, and drops the worst.
    fn offer(&mut self, score: f32, row: u32) {
        if self.candidates.len() == self.ef {
            match self.candidates.last() {
                Some(last) if score > last.score => drop(self.candidates.pop()),
                Some(_) | None => return,
            }
        }
        let at = self.candidates.partition_point(|other| other.score >= score);
        self.candidates.insert(at, Candidate { score, row, is_expanded: false });
        self.first_unexpanded = self.first_unexpanded.min(at);
    }

    /// Returns the best row that has not been expanded.
    fn best_unexpanded(&mut self) -> Option<u32> {
        let rest = self.candidates[self.first_unexpanded..].iter();
        self.first_unexpanded += rest.take_while(|it| it.is_expanded).count();
        self.candidates.get(self.first_unexpanded).map(|candidate| candidate.row)
    }

    /// Returns the best row that has not been expanded, and marks it as expanded.
    fn expand_best(&mut self) -> Option<u32> {
        let row = self.best_unexpanded()?;
        self.candidates[self.first_unexpanded].is_expanded = true;
        self.first_unexpanded += 1;
        Some(row)
    }
}

/// The rows that a search has seen.
#[derive(Debug, Default)]
struct VisitedSet {
    n_rows: usize,
    /// A bit per row.
    words: Vec<u64>,
    /// Words with a bit that is set, so that clearing costs what was visited and not what the graph has.
    touched: Vec<u32>,
}

impl VisitedSet {
    fn reset(&mut self, n_rows: usize) {
        self.touched.drain(..).for_each(|word| self.words[word as usize] = 0);
        self.words.resize(n_rows.div_ceil(64), 0);
        self.n_rows = n_rows;
    }

    /// Inserts a row and returns whether it exists and is new.
    fn insert(&mut self, row: u32) -> bool {
        if row as usize >= self.n_rows {
            return false;
        }
        let (word, bit) = (row / 64, 1 << (row % 64));
        let bits = &mut self.words[word as usize];
        if *bits == 0 {
            self.touched.push(word);
        }
        let is_new = *bits & bit == 0;
        *bits |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use nocturne_encoder::Embedding;
    use nocturne_psg::RecordingId;

    use super::super::file::{Details, GraphDraft, NO_NEIGHBOUR};
    use super::*;
    use crate::recording::ContentHash;
    use crate::search::cache_member::CacheMember;

    /// Rows of a ring, far enough apart for their codes to differ, and rows of a cluster.
    const ROWS: usize = 24;
    const CLUSTER: usize = 4;

    fn direction(angle: f32) -> Embedding {
        Embedding::new(vec![angle.cos(), angle.sin()]).unwrap()
    }

    fn angle_of(row: f32) -> f32 {
        TAU * row / ROWS as f32
    }

    /// A graph in which the neighbours of each row are the next and the previous one.
    fn ring() -> FrozenGraph {
        let rows: Vec<_> = (0..ROWS).map(|row| direction(angle_of(row as f32))).collect();
        let codes = Int8Codes::of(2, &rows);
        let centroid = |cluster| direction(angle_of((cluster * CLUSTER) as f32 + 1.5));
        let centroids: Vec<_> = (0..ROWS / CLUSTER).map(centroid).collect();
        let id = RecordingId::new("a").unwrap();
        let member = CacheMember { id, segment: ContentHash(0), n_epochs: ROWS };
        let beside = |row: usize| [(row + 1) % ROWS, (row + ROWS - 1) % ROWS].map(|row| row as u32);
        let neighbours = |row| [beside(row)[0], beside(row)[1], NO_NEIGHBOUR];
        let draft = GraphDraft {
            details: Details {
                fingerprint: String::new(),
                recordings: vec![member],
                calibration: Vec::new(),
            },
            centroids: Int8Codes::of(2, &centroids),
            ends: (CLUSTER..=ROWS).step_by(CLUSTER).collect(),
            max_neighbours: 3,
            neighbours: (0..ROWS).flat_map(neighbours).collect(),
            members: vec![&codes],
            rows: (0..ROWS as u32).map(|row| [0, row]).collect(),
        };
        FrozenGraph::open(draft.seal()).unwrap()
    }

    /// Searches for a direction on the ring, and returns the rows of the candidates, the best first.
    fn search(row: f32, ef: usize, excluded: &[u32]) -> Vec<u32> {
        let query = Int8Codes::of(2, [&direction(angle_of(row))]);
        ScratchPool::default().with(|scratch| {
            let candidates = scratch.search(&query, &ring(), ef, excluded);
            candidates.iter().map(|candidate| candidate.row).collect()
        })
    }

    #[test]
    fn search_ends_at_the_nearest() {
        for row in 0..ROWS as u32 {
            // Nearer to the previous row than to the next.
            let before = (row + ROWS as u32 - 1) % ROWS as u32;
            assert_eq!(search(row as f32 - 0.3, 2, &[]), [row, before]);
        }
    }

    #[test]
    fn excluded_rows_are_not_visited() {
        assert_eq!(search(8.1, 3, &[8, 10]), [9, 7, 6]);
    }

    #[test]
    fn beam_of_all_rows_finds_all() {
        let mut rows = search(7.0, ROWS + 5, &[]);
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..ROWS as u32));
    }

    #[test]
    fn scratch_is_clean_when_it_is_reused() {
        let (pool, graph) = (ScratchPool::default(), ring());
        let nearest = |row: f32| {
            let query = Int8Codes::of(2, [&direction(angle_of(row))]);
            pool.with(|scratch| (scratch.search(&query, &graph, 1, &[])[0].row, scratch.n_scored()))
        };
        let first = nearest(3.0);
        assert_eq!((nearest(20.0).0, nearest(3.0)), (20, first));
    }

    #[test]
    fn beam_keeps_the_best_and_expands_each_once() {
        let mut beam = Beam::default();
        beam.reset(3);
        for (score, row) in [(0.5, 1), (0.9, 2), (0.1, 3), (0.7, 4)] {
            beam.offer(score, row);
        }
        assert_eq!([beam.expand_best(), beam.expand_best()], [Some(2), Some(4)]);
        // A better one comes first, and one that is worse than all is not added.
        beam.offer(0.8, 5);
        beam.offer(0.2, 6);
        assert_eq!(beam.best_unexpanded(), Some(5));
        assert_eq!([beam.expand_best(), beam.expand_best()], [Some(5), None]);
    }

    #[test]
    fn rows_are_visited_once_and_must_exist() {
        let mut visited = VisitedSet::default();
        visited.reset(70);
        assert_eq!([0, 69].map(|row| visited.insert(row)), [true, true]);
        assert_eq!([69, 0, 70, NO_NEIGHBOUR].map(|row| visited.insert(row)), [false; 4]);
        visited.reset(65);
        assert_eq!([0, 64, 69].map(|row| visited.insert(row)), [true, true, false]);
    }
}
