//! Draws epochs so that rare stages and events are seen often enough.

use nocturne_psg::{EventKind, Stage};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::TrainingSet;

/// Exponent of a group's size in its weight: 1 would keep the original balance, 0 would make all groups equal.
const BALANCE_EXPONENT: f64 = 0.5;

/// Half of the draws are balanced by stage, half by event.
#[derive(Debug)]
pub(super) struct EpochSampler {
    by_stage: EpochGroups,
    by_event: EpochGroups,
}

/// Epochs in groups, and the weight of each group.
#[derive(Debug)]
struct EpochGroups {
    members: Vec<Vec<u32>>,
    /// Cumulative weights of the groups.
    cumulative: Vec<f64>,
}

impl EpochSampler {
    pub(super) fn new(set: &TrainingSet) -> Self {
        let mut by_stage = vec![Vec::new(); Stage::ALL.len() + 1];
        let mut by_event = vec![Vec::new(); EventKind::ALL.len() + 1];
        for epoch_idx in 0..set.len() {
            let facts = set.facts(epoch_idx);
            let stage = facts.stage.map_or(Stage::ALL.len(), Stage::index);
            by_stage[stage].push(epoch_idx as u32);
            for (group, kind) in EventKind::ALL.into_iter().enumerate() {
                if facts.events.iter().any(|event| event.kind == kind) {
                    by_event[group].push(epoch_idx as u32);
                }
            }
            if facts.events.is_empty() {
                by_event[EventKind::ALL.len()].push(epoch_idx as u32);
            }
        }
        Self { by_stage: EpochGroups::new(by_stage), by_event: EpochGroups::new(by_event) }
    }

    pub(super) fn draw(&self, random: &mut Pcg64Mcg) -> usize {
        let groups = if random.random::<bool>() { &self.by_stage } else { &self.by_event };
        groups.draw(random)
    }
}

impl EpochGroups {
    fn new(mut members: Vec<Vec<u32>>) -> Self {
        members.retain(|group| !group.is_empty());
        let mut sum = 0.0;
        let cumulative = members
            .iter()
            .map(|group| {
                sum += (group.len() as f64).powf(BALANCE_EXPONENT);
                sum
            })
            .collect();
        Self { members, cumulative }
    }

    fn draw(&self, random: &mut Pcg64Mcg) -> usize {
        let total = self.cumulative.last().copied().expect("every epoch is in a group");
        let at = random.random::<f64>() * total;
        let group = self.cumulative.partition_point(|sum| *sum <= at).min(self.members.len() - 1);
        let group = &self.members[group];
        group[random.random_range(0..group.len())] as usize
    }
}
