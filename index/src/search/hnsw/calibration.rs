//! How many candidates a beam search needs for a recall, measured when the graph is built.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::beam_search::ScratchPool;
use super::file::FrozenGraph;
use crate::contract::{Hit, VectorIndex};
use crate::error::Result;
use crate::search::ExactIndex;
use crate::search::sample_queries::{K, SampleQuery, sample_queries};
use crate::vector::{Int8Codes, RowId};

/// Numbers of candidates that are tried.
const TRIED_EF: [u32; 14] = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];

/// The result of searches with some number of candidates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    /// Number of candidates.
    pub(super) ef: u32,
    /// Share of the ten nearest that was found, for epochs and for captions as queries; `None` if there are no queries.
    pub(super) recalls: [Option<f32>; 2],
    /// Mean number of rows that a search scored.
    pub(super) n_scored: u32,
}

impl Trial {
    /// Returns the recall for the harder kind of query.
    fn recall(&self) -> Option<f32> {
        self.recalls.iter().flatten().copied().reduce(f32::min)
    }
}

/// Returns the trial with the fewest candidates that reached a recall, if any did.
pub(super) fn cheapest(trials: &[Trial], recall: f32) -> Option<Trial> {
    trials.iter().find(|trial| trial.recall().is_some_and(|found| found >= recall)).copied()
}

/// Searches for some epochs and some captions, with their own recordings excluded from the graph, and compares the results
/// with those of the exact index.
pub(super) fn measure(exact: &ExactIndex, graph: &FrozenGraph) -> Result<Vec<Trial>> {
    let members = graph.details.recordings.iter();
    let positions: Vec<usize> = members.filter_map(|member| member.position_in(exact)).collect();
    let rows = rows_by_id(exact, graph);
    let mut queries = [Vec::new(), Vec::new()];
    for (queries, samples) in queries.iter_mut().zip(sample_queries(exact, &positions)?) {
        for sample in samples {
            queries.push(TrialQuery::of(exact, &rows, &sample)?);
        }
    }
    Ok(TRIED_EF.map(|ef| trial(graph, ef, &queries)).to_vec())
}

/// A query with its true nearest rows of the graph.
struct TrialQuery {
    codes: Int8Codes,
    /// Rows of its own recording.
    excluded: Vec<u32>,
    nearest: Vec<u32>,
}

impl TrialQuery {
    fn of(exact: &ExactIndex, rows: &BTreeMap<RowId, u32>, sample: &SampleQuery) -> Result<Self> {
        let excluded = exact.position(&sample.recording).map_or_else(Vec::new, |recording| {
            let first = |recording| RowId { recording, row: 0 };
            rows.range(first(recording)..first(recording + 1)).map(|(_, row)| *row).collect()
        });
        let mut nearest = Vec::with_capacity(K);
        for Hit { epoch, .. } in exact.search(&sample.embedding, &sample.request())? {
            let row = exact.recording(&epoch.recording)?.row_of(epoch.epoch);
            let id = exact.position(&epoch.recording).zip(row);
            let id = id.map(|(recording, row)| RowId { recording, row });
            nearest.extend(id.and_then(|id| rows.get(&id)));
        }
        let codes = Int8Codes::of(exact.space().dim, [&sample.embedding]);
        Ok(Self { codes, excluded, nearest })
    }
}

fn trial(graph: &FrozenGraph, ef: u32, queries: &[Vec<TrialQuery>; 2]) -> Trial {
    let pool = ScratchPool::default();
    let mut n_scored = 0;
    let recalls = queries.each_ref().map(|queries| {
        let mut n_found = 0;
        for TrialQuery { codes, excluded, nearest } in queries {
            pool.with(|scratch| {
                let candidates = scratch.search(codes, graph, ef as usize, excluded);
                n_found += candidates.iter().filter(|it| nearest.contains(&it.row)).count();
                n_scored += scratch.n_scored();
            });
        }
        let n_nearest: usize = queries.iter().map(|query| query.nearest.len()).sum();
        (n_nearest > 0).then(|| n_found as f32 / n_nearest as f32)
    });
    let n_searches = queries.iter().map(Vec::len).sum::<usize>().max(1);
    Trial { ef, recalls, n_scored: n_scored.div_ceil(n_searches) as u32 }
}

/// Returns the row of the graph for each row of the snapshot.
fn rows_by_id(exact: &ExactIndex, graph: &FrozenGraph) -> BTreeMap<RowId, u32> {
    let members = graph.details.recordings.iter();
    let positions: Vec<_> = members.map(|member| member.position_in(exact)).collect();
    let rows = 0..graph.n_rows() as u32;
    rows.filter_map(|row| {
        let [member, row_in_member] = graph.member_row(row).map(|number| number as usize);
        let recording = positions[member]?;
        Some((RowId { recording, row: row_in_member }, row))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harder_kind_of_query_decides() {
        let trial = |ef, epochs, captions| Trial {
            ef,
            recalls: [Some(epochs), captions],
            n_scored: 10 * ef,
        };
        let both = [trial(10, 0.9, Some(0.5)), trial(20, 0.95, Some(0.9))];
        assert_eq!(cheapest(&both, 0.4).map(|trial| trial.ef), Some(10));
        assert_eq!(cheapest(&both, 0.9).map(|trial| trial.ef), Some(20));
        assert_eq!(cheapest(&both, 0.95), None);
        assert_eq!(cheapest(&[trial(10, 0.9, None)], 0.9).map(|trial| trial.n_scored), Some(100));
        let unknown = Trial { ef: 10, recalls: [None; 2], n_scored: 0 };
        assert_eq!(cheapest(&[unknown], 0.1), None);
    }
}
