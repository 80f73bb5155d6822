//! Walks a frozen graph towards a query, by the products of 8-bit codes.
//!
//! Texts lie in another cone than epochs, and a graph that is entered anywhere is walked for long. So a walk begins with
//! all rows of the groups whose middles are nearest, which lie side by side and are scored as fast as memory is read.

use std::sync::{Mutex, PoisonError};

use super::file::Frozen;
use crate::codes::Codes;
use crate::kernel::Kernel;

/// Groups whose rows a walk begins with.
const GROUPS: usize = 2;

/// What a walk needs room for; it is used again and again.
#[derive(Debug, Default)]
pub(super) struct Walk {
    visited: Visited,
    beam: Beam,
    /// Rows that are about to be scored, and their products.
    fresh: Vec<u32>,
    products: Vec<i32>,
    n_scored: usize,
}

/// Room for walks that nobody is on.
#[derive(Debug, Default)]
// A std lock: it is held to move a few pointers.
pub(super) struct Rooms(Mutex<Vec<Walk>>);

/// A row and its score without the query's scale, which changes no order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) score: f32,
    pub(super) row: u32,
    /// Whether its neighbours were not looked at yet.
    is_open: bool,
}

impl Rooms {
    /// Lends room for a walk.
    pub(super) fn lend<T>(&self, work: impl FnOnce(&mut Walk) -> T) -> T {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = rooms.pop().unwrap_or_default();
        drop(rooms);
        let result = work(&mut room);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(room);
        result
    }
}

impl Walk {
    /// Walks towards a query with some candidates held at a time, and returns these, the best first.
    ///
    /// Rows that are held out are never stepped on, as if they were not in the graph.
    pub(super) fn towards(
        &mut self,
        query: &Codes,
        graph: &Frozen,
        n_candidates: usize,
        held_out: &[u32],
    ) -> &[Candidate] {
        self.visited.begin(graph.n_rows());
        self.beam.begin(n_candidates);
        self.n_scored = 0;
        for row in held_out {
            self.visited.visit(*row);
        }
        for group in nearest_groups(query, graph) {
            self.fresh.extend(graph.group(group).map(|row| row as u32));
            self.fresh.retain(|row| self.visited.visit(*row));
            self.score(query, graph);
        }
        while let Some(row) = self.beam.next() {
            let visited = &mut self.visited;
            self.fresh.extend(graph.neighbours(row).filter(|row| visited.visit(*row)));
            self.score(query, graph);
        }
        &self.beam.candidates
    }

    /// Returns how many rows were scored.
    pub(super) fn n_scored(&self) -> usize {
        self.n_scored
    }

    /// Scores the fresh rows and offers them to the beam.
    fn score(&mut self, query: &Codes, graph: &Frozen) {
        self.products.resize(self.fresh.len(), 0);
        let products = &mut self.products[..];
        Kernel::best().gather(query.lines(0..1), graph.lines(), &self.fresh, products);
        for (row, product) in self.fresh.iter().zip(products) {
            self.beam.offer(*product as f32 * graph.scales()[*row as usize], *row);
        }
        self.n_scored += self.fresh.len();
        self.fresh.clear();
    }
}

/// Returns the groups whose middles are nearest to the query.
fn nearest_groups(query: &Codes, graph: &Frozen) -> impl Iterator<Item = usize> + use<> {
    let middles = graph.middles();
    let mut scores = vec![0.0; middles.len()];
    middles.score(0..middles.len(), query, &mut scores);
    let mut nearest = [None; GROUPS];
    for (group, score) in scores.into_iter().enumerate() {
        let mut offered = Some((score, group));
        for place in &mut nearest {
            if offered > *place {
                std::mem::swap(place, &mut offered);
            }
        }
    }
    nearest.into_iter().flatten().map(|(_, group)| group)
}

/// The best rows so far, in order.
#[derive(Debug, Default)]
struct Beam {
    width: usize,
    candidates: Vec<Candidate>,
    /// None before it is open.
    first_open: usize,
}

impl Beam {
    fn begin(&mut self, width: usize) {
        self.width = width;
        self.first_open = 0;
        self.candidates.clear();
    }

    fn offer(&mut self, score: f32, row: u32) {
        if self.candidates.len() == self.width {
            match self.candidates.last() {
                Some(last) if score > last.score => drop(self.candidates.pop()),
                Some(_) | None => return,
            }
        }
        let place = self.candidates.partition_point(|other| other.score >= score);
        self.candidates.insert(place, Candidate { score, row, is_open: true });
        self.first_open = self.first_open.min(place);
    }

    /// Returns the best row that is open, and closes it.
    fn next(&mut self) -> Option<u32> {
        let open = self.candidates.iter_mut().skip(self.first_open);
        for candidate in open {
            self.first_open += 1;
            if candidate.is_open {
                candidate.is_open = false;
                return Some(candidate.row);
            }
        }
        None
    }
}

/// The rows that a walk has been at.
#[derive(Debug, Default)]
struct Visited {
    n_rows: usize,
    /// A bit for each row.
    words: Vec<u64>,
    /// Words with a bit that is set.
    touched: Vec<u32>,
}

impl Visited {
    fn begin(&mut self, n_rows: usize) {
        self.touched.drain(..).for_each(|word| self.words[word as usize] = 0);
        self.words.resize(n_rows.div_ceil(64), 0);
        self.n_rows = n_rows;
    }

    /// Returns whether this is a row that was not visited before.
    fn visit(&mut self, row: u32) -> bool {
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
