//! Lays the lowest layer of a graph out flat, epochs that point the same way side by side.

use super::build::HnswGraph;
use super::file::{Details, Draft, NONE, Place};
use crate::contract::VectorIndex;
use crate::error::Result;
use crate::search::ExactIndex;
use crate::search::ivf::{nearest, sample};
use crate::search::member::Member;
use crate::vector::Codes;

/// Most groups; a walk looks at the middle of each.
const MAX_GROUPS: usize = 4096;

/// A row in the making: where the graph and the snapshot have it.
struct Row {
    group: u32,
    /// Its number in the graph of `hnsw_rs`.
    id: usize,
    place: Place,
}

/// Returns what the file is made of; recordings that turned out to be damaged are left out, and nothing is known yet of how
/// well the graph is walked.
pub(super) fn draft<'a>(exact: &'a ExactIndex, graph: &HnswGraph) -> Result<Draft<'a>> {
    let n_groups = exact.n_epochs().isqrt().clamp(1, MAX_GROUPS);
    let middles = nearest::middles(&sample(exact, n_groups * nearest::SAMPLE)?, n_groups);
    let mut recordings = Vec::new();
    let mut members: Vec<&Codes> = Vec::new();
    let mut rows = Vec::with_capacity(graph.places().len());
    let mut next_id = 0;
    for points in graph.places().chunk_by(|a, b| a.0 == b.0) {
        let id = next_id;
        next_id += points.len();
        let handle = &exact.handles()[points[0].0];
        let Some(codes) = handle.unless_damaged(handle.codes())? else { continue };
        let groups = nearest::nearest(codes, &middles);
        rows.extend(groups.into_iter().enumerate().map(|(row, group)| Row {
            group,
            id: id + row,
            place: [members.len() as u32, row as u32],
        }));
        members.push(codes);
        recordings.push(Member::of(handle));
    }
    rows.sort_by_key(|row| row.group);
    let ends =
        (0..middles.len()).map(|group| rows.partition_point(|row| row.group as usize <= group));
    let fingerprint = exact.space().fingerprint.clone();
    Ok(Draft {
        details: Details { fingerprint, recordings, efforts: Vec::new() },
        ends: ends.collect(),
        middles,
        stride: graph.stride(),
        neighbours: neighbours(graph, &rows),
        members,
        places: rows.into_iter().map(|row| row.place).collect(),
    })
}

/// Returns the neighbours of each row by the order of the rows.
fn neighbours(graph: &HnswGraph, rows: &[Row]) -> Vec<u32> {
    let mut places = vec![NONE; graph.places().len()];
    for (place, row) in rows.iter().enumerate() {
        places[row.id] = place as u32;
    }
    let mut neighbours = vec![NONE; rows.len() * graph.stride()];
    for (id, own) in graph.neighbours() {
        let place = places[id];
        if place == NONE {
            continue;
        }
        let own =
            own.into_iter().map(|id| places[id]).filter(|other| ![NONE, place].contains(other));
        let room = &mut neighbours[place as usize * graph.stride()..][..graph.stride()];
        room.iter_mut().zip(own).for_each(|(room, neighbour)| *room = neighbour);
    }
    neighbours
}
