//! The stages of a night from the probabilities of its epochs: forward–backward over the hypnogram (Rabiner 1989,
//! equations 18 to 27).

use crate::stages::transitions::{N_STAGES, PerStage, StageTransitions, normalise};

/// The likelihood of each stage in an epoch, up to a factor; `None` if no channel shows stages there.
pub type StageLikelihood = Option<PerStage>;

/// Returns the posterior probabilities of the stages of each epoch given all epochs of the night; `None` where nothing
/// was measured.
///
/// `numbers` are the numbers of the epochs, ascending: the stage may change unseen in a gap between them.
///
/// # Panics
///
/// Panics if the slices differ in length or the numbers do not ascend.
pub fn decode(
    likelihoods: &[StageLikelihood],
    numbers: &[u32],
    transitions: &StageTransitions,
) -> Vec<Option<PerStage>> {
    assert_eq!(likelihoods.len(), numbers.len(), "an epoch has a number and a likelihood");
    // An epoch without channels is a gap: its stage is not inferred from its neighbours.
    let seen: Vec<(usize, PerStage)> =
        likelihoods.iter().enumerate().filter_map(|(i, it)| Some((i, (*it)?))).collect();
    let steps = Steps::new(&seen, numbers, transitions);
    let mut posteriors = vec![None; likelihoods.len()];
    let forward = forward(&seen, &steps, transitions);
    let mut backward = [1.0; N_STAGES];
    for (k, (epoch_idx, likelihood)) in seen.iter().enumerate().rev() {
        let mut posterior: PerStage = std::array::from_fn(|s| forward[k][s] * backward[s]);
        normalise(&mut posterior);
        posteriors[*epoch_idx] = Some(posterior);
        if k > 0 {
            let ahead: PerStage = std::array::from_fn(|s| likelihood[s] * backward[s]);
            let step = steps.step_to(k);
            backward =
                std::array::from_fn(|s| (0..N_STAGES).map(|to| step[s][to] * ahead[to]).sum());
            normalise(&mut backward);
        }
    }
    posteriors
}

/// Returns the probabilities of the stages of each seen epoch given it and those before it.
fn forward(
    seen: &[(usize, PerStage)],
    steps: &Steps,
    transitions: &StageTransitions,
) -> Vec<PerStage> {
    let mut forward: Vec<PerStage> = Vec::with_capacity(seen.len());
    for (k, (_, likelihood)) in seen.iter().enumerate() {
        let predicted = match forward.last() {
            None => transitions.first(),
            Some(last) => {
                let step = steps.step_to(k);
                std::array::from_fn(|to| (0..N_STAGES).map(|s| last[s] * step[s][to]).sum())
            }
        };
        let mut here: PerStage = std::array::from_fn(|s| predicted[s] * likelihood[s]);
        normalise(&mut here);
        forward.push(here);
    }
    forward
}

/// The transitions into each seen epoch from the one before it.
struct Steps {
    /// Of adjacent epochs.
    one: [PerStage; N_STAGES],
    /// Of epochs after a gap, by their position among the seen ones.
    gaps: Vec<(usize, [PerStage; N_STAGES])>,
}

impl Steps {
    fn new(seen: &[(usize, PerStage)], numbers: &[u32], transitions: &StageTransitions) -> Self {
        let mut gaps = Vec::new();
        for k in 1..seen.len() {
            let (earlier, later) = (numbers[seen[k - 1].0], numbers[seen[k].0]);
            assert!(later > earlier, "the numbers of epochs ascend");
            if later - earlier > 1 {
                gaps.push((k, transitions.after(later - earlier)));
            }
        }
        Self { one: transitions.after(1), gaps }
    }

    fn step_to(&self, k: usize) -> &[PerStage; N_STAGES] {
        match self.gaps.binary_search_by_key(&k, |(k, _)| *k) {
            Ok(i) => &self.gaps[i].1,
            Err(_) => &self.one,
        }
    }
}

#[cfg(test)]
mod tests {
    use nocturne_psg::Stage;

    use super::*;

    fn shipped(likelihoods: &[StageLikelihood], numbers: &[u32]) -> Vec<Option<PerStage>> {
        decode(likelihoods, numbers, StageTransitions::shipped())
    }

    /// A likelihood that favours one stage.
    #[expect(clippy::unnecessary_wraps, reason = "other epochs have none")]
    fn likely(stage: Stage) -> StageLikelihood {
        let mut likelihood = [0.1; N_STAGES];
        likelihood[stage.index()] = 0.6;
        Some(likelihood)
    }

    fn best(posterior: Option<PerStage>) -> Stage {
        let posterior = posterior.expect("the epoch was measured");
        let at = (0..N_STAGES).max_by(|a, b| posterior[*a].total_cmp(&posterior[*b])).unwrap();
        Stage::ALL[at]
    }

    /// Sums over every sequence of stages.
    fn by_enumeration(likelihoods: &[PerStage], numbers: &[u32]) -> Vec<PerStage> {
        let (n, transitions) = (likelihoods.len(), StageTransitions::shipped());
        let mut posteriors = vec![[0.0; N_STAGES]; n];
        for code in 0..N_STAGES.pow(n as u32) {
            let stage = |epoch: usize| code / N_STAGES.pow(epoch as u32) % N_STAGES;
            let mut p = transitions.first()[stage(0)] * likelihoods[0][stage(0)];
            for epoch in 1..n {
                let step = transitions.after(numbers[epoch] - numbers[epoch - 1]);
                p *= step[stage(epoch - 1)][stage(epoch)] * likelihoods[epoch][stage(epoch)];
            }
            (0..n).for_each(|epoch| posteriors[epoch][stage(epoch)] += p);
        }
        posteriors.iter_mut().for_each(normalise);
        posteriors
    }

    #[test]
    fn posteriors_equal_those_over_all_sequences() {
        let likelihoods = [
            [0.5, 0.2, 0.1, 0.1, 0.1],
            [0.1, 0.3, 0.4, 0.1, 0.1],
            [0.2, 0.2, 0.2, 0.2, 0.2],
            [0.05, 0.1, 0.3, 0.5, 0.05],
        ];
        let numbers = [0, 1, 2, 9];
        let seen: Vec<StageLikelihood> = likelihoods.into_iter().map(Some).collect();
        let expected = by_enumeration(&likelihoods, &numbers);
        for (found, expected) in shipped(&seen, &numbers).iter().zip(expected) {
            let found = found.unwrap();
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        }
    }

    #[test]
    fn the_night_decides_against_a_single_epoch() {
        let mut likelihoods = vec![likely(Stage::N3); 21];
        likelihoods[10] = likely(Stage::Rem);
        let numbers: Vec<u32> = (0..21).collect();
        assert_eq!(best(shipped(&likelihoods, &numbers)[10]), Stage::N3);
    }

    #[test]
    fn an_epoch_after_a_long_gap_is_judged_by_itself() {
        let likelihoods = [vec![likely(Stage::Wake); 10], vec![likely(Stage::Rem); 3]].concat();
        let numbers: Vec<u32> = (0..10).chain(500..503).collect();
        assert_eq!(best(shipped(&likelihoods, &numbers)[11]), Stage::Rem);
    }

    #[test]
    fn epochs_without_channels_have_no_stage() {
        let posteriors = shipped(&[likely(Stage::N2), None, likely(Stage::N2)], &[0, 1, 2]);
        assert!(posteriors[0].is_some() && posteriors[1].is_none());
        assert_eq!(shipped(&[], &[]), []);
    }
}
