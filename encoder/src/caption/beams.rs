//! Several texts at once, of which the best are kept.
//!
//! The rules are those of the group beam search that SleepLM's demonstration calls, for one group:
//!
//! - a text's score is the sum of its raw logits; there is no softmax;
//! - of `2 · width` candidates the best that do not end become the next texts; one that ends is kept only where its
//!   rank is below `width`;
//! - a finished text is judged by its sum divided by its length with the end token, and `width` of them are kept;
//! - the search is over when `width` texts are finished and the worst is at least as good as the best candidate's sum
//!   divided by its length; at the greatest length the texts that are still open are judged too.

use super::search::{Continue, Ended, Found, Limits, Watch};
use crate::Result;

/// A text that may still grow.
#[derive(Debug, Clone)]
struct Open {
    ids: Vec<u32>,
    sum: f32,
}

/// A text with a score by which it is judged.
#[derive(Debug)]
struct Judged {
    found: Found,
    score: f64,
}

/// The best finished texts.
#[derive(Debug)]
struct Finished {
    width: usize,
    texts: Vec<Judged>,
}

/// A token that may come next.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    row: usize,
    id: u32,
    sum: f32,
}

/// Keeps `width` texts at a time. A width of 1 finds what greedy search finds.
pub(super) fn search(
    model: &mut impl Continue,
    width: usize,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<Found> {
    let mut finished = Finished { width, texts: Vec::new() };
    // The reference begins with `width` equal texts and lets one of them live.
    let mut open = vec![Open { ids: vec![limits.begin], sum: 0.0 }];
    let mut parents = vec![0];
    let mut length = 1;
    while length < limits.max_length && !open.is_empty() {
        let rows: Vec<Vec<u32>> = open.iter().map(|text| text.ids.clone()).collect();
        let mut logits = model.next_logits(&rows, &parents)?;
        let vocabulary = logits.len() / open.len();
        for row in logits.chunks_exact_mut(vocabulary) {
            limits.forbid_end(length, row);
        }
        length += 1;
        let candidates = best_candidates(&open, &logits, 2 * width);
        let mut next = Vec::with_capacity(width);
        parents.clear();
        for (rank, candidate) in candidates.iter().enumerate() {
            let mut ids = open[candidate.row].ids.clone();
            ids.push(candidate.id);
            if candidate.id != limits.end {
                next.push(Open { ids, sum: candidate.sum });
                parents.push(candidate.row);
            } else if rank < width {
                finished.add(Found { ids, ended: Ended::End }, candidate.sum);
            }
            if next.len() == width {
                break;
            }
        }
        open = next;
        let best_sum = candidates.first().map_or(f32::NEG_INFINITY, |candidate| candidate.sum);
        if finished.is_done(best_sum, length) {
            open.clear();
            break;
        }
        if !watch(None) {
            return Ok(Found { ids: vec![limits.begin], ended: Ended::Stopped });
        }
    }
    for Open { ids, sum } in open {
        finished.add(Found { ids, ended: Ended::Length }, sum);
    }
    let found = finished.best().unwrap_or(Found { ids: vec![limits.begin], ended: Ended::Length });
    let words = found.ids[1..].iter().filter(|id| **id != limits.end);
    for id in words {
        watch(Some(*id));
    }
    Ok(found)
}

/// Returns the `n` candidates with the highest sums, best first; of equals the one that comes first.
fn best_candidates(open: &[Open], logits: &[f32], n: usize) -> Vec<Candidate> {
    let vocabulary = logits.len() / open.len();
    let mut best: Vec<Candidate> = Vec::with_capacity(n + 1);
    for (row, (text, logits)) in open.iter().zip(logits.chunks_exact(vocabulary)).enumerate() {
        for (id, logit) in (0..).zip(logits) {
            let sum = text.sum + logit;
            let is_among_them = best.len() < n || best.last().is_some_and(|last| sum > last.sum);
            if is_among_them && sum > f32::NEG_INFINITY {
                let place = best.partition_point(|other| other.sum >= sum);
                best.insert(place, Candidate { row, id, sum });
                best.truncate(n);
            }
        }
    }
    best
}

impl Finished {
    /// Keeps a text if it is among the `width` best.
    fn add(&mut self, found: Found, sum: f32) {
        let score = f64::from(sum) / found.ids.len() as f64;
        if self.texts.len() < self.width {
            self.texts.push(Judged { found, score });
            return;
        }
        // Of equals the reference gives up the one that came first.
        let worst = (0..self.texts.len())
            .min_by(|a, b| self.texts[*a].score.total_cmp(&self.texts[*b].score))
            .expect("a width is at least 1");
        if score > self.texts[worst].score {
            self.texts.remove(worst);
            self.texts.push(Judged { found, score });
        }
    }

    /// Returns whether no open text is expected to become better than the worst of these.
    fn is_done(&self, best_sum: f32, length: usize) -> bool {
        let worst = self.texts.iter().map(|text| text.score).fold(f64::INFINITY, f64::min);
        self.texts.len() == self.width && worst >= f64::from(best_sum) / length as f64
    }

    /// Returns the best text; of equals the one that came last.
    fn best(self) -> Option<Found> {
        let best = self.texts.into_iter().max_by(|a, b| a.score.total_cmp(&b.score));
        best.map(|text| text.found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::super::search::tests::{Table, limits};
    use super::*;

    /// Greedy search goes by 2 and is poor from there; the way by 3 is better as a whole.
    const TRAP: Table<4> =
        Table([[-9.0, -9.0, 2.0, 1.5], [0.0; 4], [-9.0, 0.1, 0.0, 0.0], [-9.0, 4.0, 0.0, 0.0]]);

    fn run(model: &Table<4>, width: usize, min_length: usize, max_length: usize) -> Found {
        let limits = limits(min_length, max_length);
        search(&mut Table(model.0), width, limits, &mut |_| true).unwrap()
    }

    #[test]
    fn two_beams_find_what_greedy_search_misses() {
        assert_eq!(run(&TRAP, 1, 1, 9).ids, [0, 2, 1]);
        assert_eq!(run(&TRAP, 2, 1, 9), Found { ids: vec![0, 3, 1], ended: Ended::End });
    }

    #[test]
    fn one_beam_is_greedy_search() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(4);
        for case in 0..200 {
            let table = [[0.0; 4]; 4].map(|row| row.map(|_: f32| random.random_range(-1.0..1.0)));
            let limits = limits(case % 7, 9);
            let greedy = line::greedy(&mut Table(table), limits, &mut |_| true).unwrap();
            let beam = search(&mut Table(table), 1, limits, &mut |_| true).unwrap();
            assert_eq!(greedy, beam, "{table:?}");
        }
    }

    #[test]
    fn end_token_of_a_low_rank_does_not_count() {
        // After 0 the end is third of four candidates: with two beams it is passed over.
        let table = Table([
            [-9.0, 1.0, 3.0, 2.0],
            [0.0; 4],
            [-9.0, -9.0, -5.0, -9.0],
            [-9.0, -9.0, -9.0, -6.0],
        ]);
        assert_eq!(run(&table, 2, 1, 3).ids, [0, 2, 2]);
        // With three it is kept, and a mean of 0.5 is better than that of any text that goes on.
        assert_eq!(run(&table, 3, 1, 3), Found { ids: vec![0, 1], ended: Ended::End });
    }

    #[test]
    fn open_texts_count_at_the_greatest_length() {
        assert_eq!(run(&TRAP, 2, 9, 4).ended, Ended::Length);
        assert_eq!(run(&TRAP, 2, 9, 4).ids.len(), 4);
    }

    #[test]
    fn finished_texts_are_judged_by_their_mean() {
        let mut finished = Finished { width: 2, texts: Vec::new() };
        let found = |n| Found { ids: vec![0; n], ended: Ended::End };
        finished.add(found(2), 2.0);
        assert!(!finished.is_done(-9.0, 3));
        finished.add(found(4), 3.0);
        finished.add(found(3), 2.7);
        assert!(finished.is_done(2.7, 3) && !finished.is_done(2.8, 3));
        assert_eq!(finished.best().unwrap().ids.len(), 2);
    }

    #[test]
    fn tokens_are_told_when_they_are_settled() {
        let mut told = Vec::new();
        let mut watch = |id: Option<u32>| {
            told.push(id);
            true
        };
        search(&mut Table(TRAP.0), 2, limits(1, 9), &mut watch).unwrap();
        assert_eq!(told.last(), Some(&Some(3)));
        let stopped = search(&mut Table(TRAP.0), 2, limits(9, 9), &mut |_| false).unwrap();
        assert_eq!(stopped.ended, Ended::Stopped);
    }
}
