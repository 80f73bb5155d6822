//! Flattens the lowest layer of a graph, ordered so that similar epochs are adjacent.

use super::build::HnswGraph;
use super::file::{Details, GraphDraft, MemberRow, NO_NEIGHBOUR};
use crate::contract::VectorIndex;
use crate::error::Result;
use crate::search::cache_member::CacheMember;
use crate::search::{ExactIndex, ivf};
use crate::vector::{Int8Codes, kmeans};

/// Maximum number of clusters; a search scores the centroid of each.
const MAX_CLUSTERS: usize = 4096;

/// A row of the file to be written.
struct Row {
    cluster: u32,
    /// Its number in the graph of `hnsw_rs`.
    id: usize,
    /// Member and row of the epoch in the recordings.
    position: MemberRow,
}

/// Returns the content of the file, without a calibration. Recordings that turned out to be damaged are left out.
pub(super) fn draft<'a>(exact: &'a ExactIndex, graph: &HnswGraph) -> Result<GraphDraft<'a>> {
    let n_clusters = exact.n_epochs().isqrt().clamp(1, MAX_CLUSTERS);
    let centroids = ivf::train(exact, n_clusters)?;
    let mut recordings = Vec::new();
    let mut members: Vec<&Int8Codes> = Vec::new();
    let mut rows = Vec::with_capacity(graph.points().len());
    let mut next_id = 0;
    for points in graph.points().chunk_by(|a, b| a.recording == b.recording) {
        let first_id = next_id;
        next_id += points.len();
        let segment = &exact.segments()[points[0].recording];
        let Some(codes) = segment.unless_damaged(segment.codes())? else { continue };
        let clusters = kmeans::nearest(codes, &centroids);
        rows.extend(clusters.into_iter().enumerate().map(|(row, cluster)| Row {
            cluster,
            id: first_id + row,
            position: [members.len() as u32, row as u32],
        }));
        members.push(codes);
        recordings.push(CacheMember::of(segment));
    }
    rows.sort_by_key(|row| row.cluster);
    let ends = (0..centroids.len())
        .map(|cluster| rows.partition_point(|row| row.cluster as usize <= cluster));
    let fingerprint = exact.space().fingerprint.clone();
    Ok(GraphDraft {
        details: Details { fingerprint, recordings, calibration: Vec::new() },
        ends: ends.collect(),
        centroids,
        max_neighbours: graph.max_neighbours(),
        neighbours: neighbours(graph, &rows),
        members,
        rows: rows.into_iter().map(|row| row.position).collect(),
    })
}

/// Returns the neighbours of each row, as rows of the file.
fn neighbours(graph: &HnswGraph, rows: &[Row]) -> Vec<u32> {
    let mut row_of_id = vec![NO_NEIGHBOUR; graph.points().len()];
    for (row, Row { id, .. }) in rows.iter().enumerate() {
        row_of_id[*id] = row as u32;
    }
    let width = graph.max_neighbours();
    let mut neighbours = vec![NO_NEIGHBOUR; rows.len() * width];
    for (id, ids) in graph.neighbours() {
        let row = row_of_id[id];
        // A point of a damaged recording has no row.
        if row == NO_NEIGHBOUR {
            continue;
        }
        let others = ids.into_iter().map(|id| row_of_id[id]);
        let others = others.filter(|other| ![NO_NEIGHBOUR, row].contains(other));
        let slots = &mut neighbours[row as usize * width..][..width];
        slots.iter_mut().zip(others).for_each(|(slot, other)| *slot = other);
    }
    neighbours
}
