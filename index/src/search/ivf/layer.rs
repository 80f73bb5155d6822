//! A layer of an IVF index: a file of inverted lists, and where a snapshot has its rows.

use std::sync::Arc;

use super::build::Assignment;
use super::calibration::ProbeRanks;
use super::file::{Details, InvertedLists, MemberRow};
use crate::contract::VectorIndex;
use crate::error::Result;
use crate::search::ExactIndex;
use crate::search::cache_member::CacheMember;
use crate::storage::envelope::Damage;
use crate::vector::{Int8Codes, RowId};

/// Rows of some recordings in inverted lists.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) lists: Arc<InvertedLists>,
    /// For each member of the file, its position in the snapshot; `None` if it was removed, replaced or damaged.
    pub(super) positions: Vec<Option<usize>>,
}

/// What was measured when the centroids were trained.
pub(super) struct Training {
    pub(super) probe_ranks: ProbeRanks,
    pub(super) n_rows: usize,
    pub(super) imbalance: f64,
}

impl Training {
    /// Returns the training of an earlier file.
    pub(super) fn of(details: &Details) -> Self {
        Self {
            probe_ranks: details.probe_ranks.clone(),
            n_rows: details.n_rows_at_training,
            imbalance: details.imbalance_at_training,
        }
    }
}

impl Layer {
    /// Writes recordings into lists. Only with a training can the layer be saved as a file, together with the centroids.
    pub(super) fn seal(
        exact: &ExactIndex,
        centroids: &Int8Codes,
        assignments: &[Assignment],
        training: Option<Training>,
    ) -> Result<Self> {
        let segments = exact.segments();
        let mut members = Vec::with_capacity(assignments.len());
        for Assignment { position, lists } in assignments {
            let segment = &segments[*position];
            if let Some(codes) = segment.unless_damaged(segment.codes())? {
                members.push((*position, codes, lists.as_slice()));
            }
        }
        let stores_centroids = training.is_some();
        let untrained = Training { probe_ranks: [vec![], vec![]], n_rows: 0, imbalance: 1.0 };
        let training = training.unwrap_or(untrained);
        let details = Details {
            fingerprint: exact.space().fingerprint.clone(),
            recordings: members.iter().map(|it| CacheMember::of(&segments[it.0])).collect(),
            n_rows_at_training: training.n_rows,
            imbalance_at_training: training.imbalance,
            probe_ranks: training.probe_ranks,
        };
        let positions = members.iter().map(|(position, ..)| Some(*position)).collect();
        let rows: Vec<_> = members.iter().map(|(_, codes, lists)| (*codes, *lists)).collect();
        let content = InvertedLists::seal(&details, centroids, stores_centroids, &rows);
        let lists = InvertedLists::open(content).expect("what was just sealed is undamaged");
        Ok(Self { lists: Arc::new(lists), positions })
    }

    /// Finds the members of a file in a snapshot.
    pub(super) fn over(exact: &ExactIndex, lists: Arc<InvertedLists>) -> Self {
        let position = |member: &CacheMember| member.position_in(exact);
        let positions = lists.details.recordings.iter().map(position).collect();
        Self { lists, positions }
    }

    /// Returns the number of rows that are in the snapshot.
    pub(super) fn n_live(&self) -> usize {
        let members = self.lists.details.recordings.iter().zip(&self.positions);
        members.filter(|(_, position)| position.is_some()).map(|(member, _)| member.n_epochs).sum()
    }

    /// Returns the lists of all rows that are in the snapshot.
    pub(super) fn assignments(&self) -> Result<Vec<Assignment>, Damage> {
        let members = self.positions.iter().zip(self.lists.lists_of_rows()?);
        let live = members
            .filter_map(|(position, lists)| Some(Assignment { position: (*position)?, lists }));
        Ok(live.collect())
    }

    /// Returns the row of the snapshot, or `None` if it is not in the snapshot.
    pub(super) fn row_id(&self, row: MemberRow) -> Result<Option<RowId>, Damage> {
        let [member, row_in_member] = row.map(|number| number as usize);
        let members = &self.lists.details.recordings;
        match members.get(member).filter(|member| row_in_member < member.n_epochs) {
            Some(_) => {
                Ok(self.positions[member].map(|recording| RowId { recording, row: row_in_member }))
            }
            None => Err(self.lists.unknown_row(row)),
        }
    }
}
