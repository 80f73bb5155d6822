//! Whether the nearest prompts name the same stages in two spaces, and the scored ones.

use std::collections::BTreeSet;

use nocturne_encoder::metrics::ConfusionMatrix;
use nocturne_index::Recording;
use nocturne_psg::{RecordingId, Stage};
use serde::Serialize;

use crate::error::Result;
use crate::question::compare::compared_space::{ComparedSpace, unless_damaged};
use crate::question::compare::nearest_stage::NearestStage;

/// Agreement of zero-shot stages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelAgreement {
    /// Number of recordings whose epochs were compared.
    pub n_recordings: usize,
    /// Between the two spaces.
    pub between: Kappa,
    /// Between the first space and the scoring.
    pub first_scored: Kappa,
    /// Between the second space and the scoring.
    pub second_scored: Kappa,
}

/// Agreement corrected for chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Kappa {
    /// Number of epochs with a stage from both.
    pub n_epochs: usize,
    /// Cohen's kappa; `None` if there are no such epochs, or only one stage.
    pub kappa: Option<f64>,
}

/// The stage of an epoch by the first space, by the second, and as scored.
type Stages = [Option<Stage>; 3];

pub(super) fn compare(
    spaces: [&ComparedSpace; 2],
    recordings: &[RecordingId],
    damaged: &mut BTreeSet<RecordingId>,
) -> Result<Option<LabelAgreement>> {
    let mut epochs: Vec<Stages> = Vec::new();
    let mut n_recordings = 0;
    for id in recordings {
        let read = |space: &ComparedSpace| space.snapshot.recording(id);
        let Some(first) = unless_damaged(read(spaces[0]), id, damaged)? else { continue };
        let Some(second) = unless_damaged(read(spaces[1]), id, damaged)? else { continue };
        let stages = stages(spaces, [&first, &second]);
        let Some(stages) = unless_damaged(stages, id, damaged)? else { continue };
        epochs.extend(stages);
        n_recordings += 1;
    }
    if epochs.is_empty() {
        return Ok(None);
    }
    let [first, second, scored] = [0, 1, 2];
    Ok(Some(LabelAgreement {
        n_recordings,
        between: kappa(&epochs, first, second),
        first_scored: kappa(&epochs, scored, first),
        second_scored: kappa(&epochs, scored, second),
    }))
}

/// Returns the stages of the epochs in both recordings.
fn stages(
    spaces: [&ComparedSpace; 2],
    recordings: [&Recording; 2],
) -> nocturne_index::Result<Vec<Stages>> {
    let [first, second] = recordings;
    let rows =
        (0..first.n_epochs()).filter_map(|row| Some((row, second.row_of(first.numbers()[row])?)));
    rows.map(|(row, other_row)| {
        let ours = zero_shot(spaces[0], first, row)?;
        let theirs = zero_shot(spaces[1], second, other_row)?;
        Ok([ours, theirs, first.stages()[row]])
    })
    .collect()
}

fn zero_shot(
    space: &ComparedSpace,
    recording: &Recording,
    row: usize,
) -> nocturne_index::Result<Option<Stage>> {
    let scores = recording.cosines(row, space.stages.prompts())?;
    Ok(NearestStage::of(&scores, recording.masks()[row]))
}

fn kappa(epochs: &[Stages], truth: usize, guess: usize) -> Kappa {
    let pairs = epochs.iter().filter_map(|stages| Some((stages[truth]?, stages[guess]?)));
    let pairs = pairs.map(|(truth, guess)| (truth.index(), guess.index()));
    let confusion = ConfusionMatrix::count(Stage::ALL.len(), pairs);
    Kappa { n_epochs: confusion.total(), kappa: confusion.kappa() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_with_a_stage_from_one_side_only_do_not_count() {
        let (n2, n3) = (Some(Stage::N2), Some(Stage::N3));
        let epochs = [[n2, n2, None], [n3, n3, n3], [n2, None, n2], [None, n3, n3]];
        assert_eq!(kappa(&epochs, 0, 1), Kappa { n_epochs: 2, kappa: Some(1.0) });
        assert_eq!(kappa(&epochs, 2, 0), Kappa { n_epochs: 2, kappa: Some(1.0) });
        assert_eq!(kappa(&[[n2, n3, None]], 2, 0), Kappa { n_epochs: 0, kappa: None });
    }
}
