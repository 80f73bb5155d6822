//! Walks a frozen graph towards a query, by the products of 8-bit codes.
//!
//! Texts lie in another cone than epochs, and a graph that is entered anywhere is walked for long. So a walk begins with
//! all rows of the groups whose middles are nearest, which lie side by side and are scored as fast as memory is read.

use std::sync::{Mutex, PoisonError};

use super::file::Frozen;
use crate::vector::Codes;
use crate::vector::kernel::Kernel;

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
            let visited = &mut self.visited;
            let rows = graph.group(group).map(|row| row as u32);
            self.fresh.extend(rows.filter(|row| visited.visit(*row)));
        }
        self.score(query, graph);
        while let Some(row) = self.beam.next() {
            // Most often it is the next one, and its neighbours are there when the scores of these are.
            if let Some(later) = self.beam.open() {
                graph.ask_for_neighbours(later);
            }
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

    /// Returns the best row that is open.
    fn open(&mut self) -> Option<u32> {
        let closed = self.candidates[self.first_open..].iter().take_while(|it| !it.is_open);
        self.first_open += closed.count();
        self.candidates.get(self.first_open).map(|candidate| candidate.row)
    }

    /// Returns the best row that is open, and closes it.
    fn next(&mut self) -> Option<u32> {
        let row = self.open()?;
        self.candidates[self.first_open].is_open = false;
        self.first_open += 1;
        Some(row)
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

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use nocturne_encoder::Embedding;
    use nocturne_psg::RecordingId;

    use super::super::file::{Details, Draft, NONE};
    use super::*;
    use crate::recording::SegmentHash;
    use crate::search::member::Member;

    /// Rows of a ring, so far apart that codes tell them from one another, and rows of a group.
    const ROWS: usize = 24;
    const GROUP: usize = 4;

    fn direction(angle: f32) -> Embedding {
        Embedding::new(vec![angle.cos(), angle.sin()]).unwrap()
    }

    fn angle_of(row: f32) -> f32 {
        TAU * row / ROWS as f32
    }

    /// A graph in which each row knows the next one and the one before.
    fn ring() -> Frozen {
        let rows: Vec<_> = (0..ROWS).map(|row| direction(angle_of(row as f32))).collect();
        let codes = Codes::of(2, &rows);
        let middle = |group| direction(angle_of((group * GROUP) as f32 + 1.5));
        let middles: Vec<_> = (0..ROWS / GROUP).map(middle).collect();
        let id = RecordingId::new("a").unwrap();
        let member = Member { id, segment: SegmentHash(0), n_epochs: ROWS };
        let beside = |row: usize| [(row + 1) % ROWS, (row + ROWS - 1) % ROWS].map(|row| row as u32);
        let draft = Draft {
            details: Details {
                fingerprint: String::new(),
                recordings: vec![member],
                efforts: Vec::new(),
            },
            middles: Codes::of(2, &middles),
            ends: (GROUP..=ROWS).step_by(GROUP).collect(),
            stride: 3,
            neighbours: (0..ROWS).flat_map(|row| [beside(row)[0], beside(row)[1], NONE]).collect(),
            members: vec![&codes],
            places: (0..ROWS as u32).map(|row| [0, row]).collect(),
        };
        Frozen::open(draft.seal()).unwrap()
    }

    /// Walks from somewhere on the ring and returns the rows that are held, the best first.
    fn walk(row: f32, n_candidates: usize, held_out: &[u32]) -> Vec<u32> {
        let query = Codes::of(2, [&direction(angle_of(row))]);
        Rooms::default().lend(|walk| {
            let found = walk.towards(&query, &ring(), n_candidates, held_out);
            found.iter().map(|candidate| candidate.row).collect()
        })
    }

    #[test]
    fn walk_ends_at_the_nearest() {
        for row in 0..ROWS as u32 {
            // Nearer to the row before than to the next.
            let before = (row + ROWS as u32 - 1) % ROWS as u32;
            assert_eq!(walk(row as f32 - 0.3, 2, &[]), [row, before]);
        }
    }

    #[test]
    fn held_out_rows_are_not_stepped_on() {
        assert_eq!(walk(8.1, 3, &[8, 10]), [9, 7, 6]);
    }

    #[test]
    fn walk_that_holds_all_finds_all() {
        let mut found = walk(7.0, ROWS + 5, &[]);
        found.sort_unstable();
        assert!(found.into_iter().eq(0..ROWS as u32));
    }

    #[test]
    fn room_is_clean_when_it_is_lent_again() {
        let (rooms, graph) = (Rooms::default(), ring());
        let ask = |row: f32| {
            let query = Codes::of(2, [&direction(angle_of(row))]);
            rooms.lend(|walk| (walk.towards(&query, &graph, 1, &[])[0].row, walk.n_scored()))
        };
        let first = ask(3.0);
        assert_eq!((ask(20.0).0, ask(3.0)), (20, first));
    }

    #[test]
    fn beam_keeps_the_best_and_gives_each_once() {
        let mut beam = Beam::default();
        beam.begin(3);
        for (score, row) in [(0.5, 1), (0.9, 2), (0.1, 3), (0.7, 4)] {
            beam.offer(score, row);
        }
        assert_eq!([beam.next(), beam.next()], [Some(2), Some(4)]);
        // A better one comes first, and one that is worse than all is not taken.
        beam.offer(0.8, 5);
        beam.offer(0.2, 6);
        assert_eq!(beam.open(), Some(5));
        assert_eq!([beam.next(), beam.next()], [Some(5), None]);
    }

    #[test]
    fn rows_are_visited_once_and_none_beyond_the_last() {
        let mut visited = Visited::default();
        visited.begin(70);
        assert_eq!([0, 69].map(|row| visited.visit(row)), [true, true]);
        assert_eq!([69, 0, 70, NONE].map(|row| visited.visit(row)), [false; 4]);
        visited.begin(65);
        assert_eq!([0, 64, 69].map(|row| visited.visit(row)), [true, true, false]);
    }
}
