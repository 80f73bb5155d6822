//! How many candidates a walk has to hold to find a share of the nearest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::file::Frozen;
use super::walk::Rooms;
use crate::contract::{Hit, VectorIndex};
use crate::error::Result;
use crate::search::ExactIndex;
use crate::search::ivf::ranks;
use crate::search::ivf::ranks::{K, Query, from_others};
use crate::vector::Codes;
use crate::vector::Place;

/// Numbers of candidates that are tried.
const TRIED: [u32; 14] = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];

/// What walks found with some candidates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effort {
    /// How many candidates a walk held.
    pub(super) candidates: u32,
    /// Share of the ten nearest that walks led to, from epochs and from captions; nothing where there are none.
    pub(super) recalls: [Option<f32>; 2],
    /// Rows that a walk scored on average.
    pub(super) n_scored: u32,
}

impl Effort {
    /// Returns the recall of the harder kind of query.
    fn recall(&self) -> Option<f32> {
        self.recalls.iter().flatten().copied().reduce(f32::min)
    }
}

/// Returns the least effort that finds a share of the nearest, where one is known that does.
pub(super) fn least(efforts: &[Effort], recall: f32) -> Option<Effort> {
    efforts.iter().find(|effort| effort.recall().is_some_and(|found| found >= recall)).copied()
}

/// Walks towards some epochs and some captions, whose recordings are held out of the graph, and compares what is found with
/// what the exact index finds in the others.
pub(super) fn efforts(exact: &ExactIndex, graph: &Frozen) -> Result<Vec<Effort>> {
    let members = graph.details.recordings.iter();
    let numbers: Vec<usize> = members.filter_map(|member| member.number_in(exact)).collect();
    let rows = rows_by_place(exact, graph);
    let kinds = [ranks::epochs(exact, &numbers)?, ranks::captions(exact, &numbers)?];
    let mut trials = [Vec::new(), Vec::new()];
    for (trials, queries) in trials.iter_mut().zip(kinds) {
        for query in queries {
            trials.push(Trial::of(exact, &rows, query)?);
        }
    }
    Ok(TRIED.map(|candidates| effort(graph, candidates, &trials)).to_vec())
}

/// A query and the rows that are nearest to it.
struct Trial {
    query: Codes,
    /// Rows of its own recording.
    held_out: Vec<u32>,
    nearest: Vec<u32>,
}

impl Trial {
    fn of(exact: &ExactIndex, rows: &BTreeMap<Place, u32>, query: Query) -> Result<Self> {
        let Query { embedding, own } = query;
        let held_out = exact.number_of(&own).map_or_else(Vec::new, |number| {
            rows.range((number, 0)..(number + 1, 0)).map(|(_, row)| *row).collect()
        });
        let mut nearest = Vec::with_capacity(K);
        for Hit { epoch, .. } in exact.search(&embedding, &from_others(own))? {
            let row = exact.recording(&epoch.recording)?.row_of(epoch.epoch);
            let place = exact.number_of(&epoch.recording).zip(row);
            nearest.extend(place.and_then(|place| rows.get(&place)));
        }
        Ok(Self { query: Codes::of(exact.space().dim, [&embedding]), held_out, nearest })
    }
}

fn effort(graph: &Frozen, candidates: u32, trials: &[Vec<Trial>; 2]) -> Effort {
    let rooms = Rooms::default();
    let mut n_scored = 0;
    let recalls = trials.each_ref().map(|trials| {
        let mut n_found = 0;
        for Trial { query, held_out, nearest } in trials {
            rooms.lend(|walk| {
                let found = walk.towards(query, graph, candidates as usize, held_out);
                n_found += found.iter().filter(|it| nearest.contains(&it.row)).count();
                n_scored += walk.n_scored();
            });
        }
        let n_nearest: usize = trials.iter().map(|trial| trial.nearest.len()).sum();
        (n_nearest > 0).then(|| n_found as f32 / n_nearest as f32)
    });
    let n_walks = trials.iter().map(Vec::len).sum::<usize>().max(1);
    Effort { candidates, recalls, n_scored: n_scored.div_ceil(n_walks) as u32 }
}

/// Returns the graph's row of each row of the snapshot.
fn rows_by_place(exact: &ExactIndex, graph: &Frozen) -> BTreeMap<Place, u32> {
    let members = graph.details.recordings.iter();
    let numbers: Vec<_> = members.map(|member| member.number_in(exact)).collect();
    let rows = 0..graph.n_rows() as u32;
    rows.filter_map(|row| {
        let [member, own] = graph.place(row).map(|number| number as usize);
        numbers[member].map(|number| ((number, own), row))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harder_kind_decides_how_many_candidates() {
        let effort = |candidates, epochs, captions| Effort {
            candidates,
            recalls: [Some(epochs), captions],
            n_scored: 10 * candidates,
        };
        let both = [effort(10, 0.9, Some(0.5)), effort(20, 0.95, Some(0.9))];
        assert_eq!(least(&both, 0.4).map(|effort| effort.candidates), Some(10));
        assert_eq!(least(&both, 0.9).map(|effort| effort.candidates), Some(20));
        assert_eq!(least(&both, 0.95), None);
        assert_eq!(least(&[effort(10, 0.9, None)], 0.9).map(|effort| effort.n_scored), Some(100));
        let unknown = Effort { candidates: 10, recalls: [None; 2], n_scored: 0 };
        assert_eq!(least(&[unknown], 0.1), None);
    }
}
