//! The stage whose prompts are nearest to an epoch, without the context of the night.

use nocturne_encoder::{Embedding, LabelDirections, PromptSet};
use nocturne_psg::Stage;
use nocturne_psg::montage::ChannelMask;

/// The stage prompts of a bundle.
#[derive(Debug)]
pub(super) struct NearestStage {
    /// In the order of [`Stage::ALL`].
    prompts: Vec<Embedding>,
}

impl NearestStage {
    /// Takes the directions of [`PromptSet::stages`].
    pub(super) fn new(directions: &[LabelDirections]) -> Self {
        Self { prompts: directions.iter().map(|it| it.positive.clone()).collect() }
    }

    /// Returns what epochs must be compared with for [`of`](Self::of).
    pub(super) fn prompts(&self) -> &[Embedding] {
        &self.prompts
    }

    /// Returns the stage of an epoch with these cosines and channels; `None` if the channels do not show all stages.
    pub(super) fn of(cosines: &[f32], mask: ChannelMask) -> Option<Stage> {
        if !PromptSet::stages().labels.iter().all(|label| label.is_visible_in(mask)) {
            return None;
        }
        let best = (0..cosines.len()).max_by(|a, b| cosines[*a].total_cmp(&cosines[*b]))?;
        Some(Stage::ALL[best])
    }
}

#[cfg(test)]
mod tests {
    use nocturne_psg::montage::Channel;

    use super::*;

    #[test]
    fn stage_is_that_of_the_highest_cosine() {
        let cosines = [0.1, 0.2, 0.6, 0.5, -0.3];
        assert_eq!(NearestStage::of(&cosines, ChannelMask::ALL), Some(Stage::N2));
        let ecg = ChannelMask::from_iter([Channel::Ecg]);
        assert_eq!(NearestStage::of(&cosines, ecg), None);
    }
}
