//! Do the prompts nearest to an epoch name the same stage in two spaces, and the one that was scored?

use std::collections::BTreeSet;

use nocturne_encoder::metrics::Confusion;
use nocturne_index::Recording;
use nocturne_psg::{RecordingId, Stage};
use serde::Serialize;

use super::{ComparedSpace, unless_damaged};
use crate::error::Result;

/// Agreement of the stages that the nearest prompts name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelAgreement {
    /// Recordings whose epochs were looked at.
    pub n_recordings: usize,
    /// Between the two spaces.
    pub between: Kappa,
    /// Of the first with the scored stages.
    pub first_scored: Kappa,
    /// Of the second with the scored stages.
    pub second_scored: Kappa,
}

/// Agreement beyond chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Kappa {
    /// Epochs that both have a stage for.
    pub n_epochs: usize,
    /// Cohen's kappa; nothing where there are none, or but one stage.
    pub kappa: Option<f64>,
}

/// An epoch's stage by the first space, by the second, and as scored.
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

/// Returns the stages of the epochs that both have.
fn stages(
    spaces: [&ComparedSpace; 2],
    recordings: [&Recording; 2],
) -> nocturne_index::Result<Vec<Stages>> {
    let [first, second] = recordings;
    let rows =
        (0..first.n_epochs()).filter_map(|row| Some((row, second.row_of(first.numbers()[row])?)));
    rows.map(|(row, twin)| {
        let ours = named(spaces[0], first, row)?;
        let theirs = named(spaces[1], second, twin)?;
        Ok([ours, theirs, first.stages()[row]])
    })
    .collect()
}

fn named(
    space: &ComparedSpace,
    recording: &Recording,
    row: usize,
) -> nocturne_index::Result<Option<Stage>> {
    let scores = recording.cosines(row, space.stages.prompts())?;
    let verdict = space.stages.judge(&scores, recording.masks()[row]);
    Ok(verdict.labels.first().and_then(|label| label.parse().ok()))
}

fn kappa(epochs: &[Stages], truth: usize, guess: usize) -> Kappa {
    let pairs = epochs.iter().filter_map(|stages| Some((stages[truth]?, stages[guess]?)));
    let pairs = pairs.map(|(truth, guess)| (truth.index(), guess.index()));
    let confusion = Confusion::count(Stage::ALL.len(), pairs);
    Kappa { n_epochs: confusion.total(), kappa: confusion.kappa() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_without_a_stage_on_one_side_do_not_count() {
        let (n2, n3) = (Some(Stage::N2), Some(Stage::N3));
        let epochs = [[n2, n2, None], [n3, n3, n3], [n2, None, n2], [None, n3, n3]];
        assert_eq!(kappa(&epochs, 0, 1), Kappa { n_epochs: 2, kappa: Some(1.0) });
        assert_eq!(kappa(&epochs, 2, 0), Kappa { n_epochs: 2, kappa: Some(1.0) });
        assert_eq!(kappa(&[[n2, n3, None]], 2, 0), Kappa { n_epochs: 0, kappa: None });
    }
}
