//! How stages follow each other, learned from the hypnograms of people.

use std::sync::LazyLock;

use nocturne_psg::Stage;
use serde::Deserialize;

/// Number of stages.
pub const N_STAGES: usize = Stage::ALL.len();

/// A number for each stage, in the order of [`Stage::ALL`].
pub type PerStage = [f64; N_STAGES];

/// Added to each count, so that no transition is impossible.
const PSEUDO_COUNT: f64 = 0.5;
/// Epochs after which a night has forgotten the stage before a gap.
const MAX_GAP: u32 = 240;

/// The probabilities of the next stage given the present one.
#[derive(Debug, Clone, PartialEq)]
pub struct StageTransitions {
    /// `[from][to]`; each row has the sum 1.
    step: [PerStage; N_STAGES],
    /// Probabilities of the stage of the first epoch.
    first: PerStage,
}

/// The contents of `data/stage-transitions.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountsFile {
    version: u32,
    source: Vec<CountsSource>,
}

/// Transitions counted in one set of hypnograms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountsSource {
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file"))]
    name: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file"))]
    reference: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file"))]
    nights: u32,
    first: PerStage,
    counts: [PerStage; N_STAGES],
}

static SHIPPED: LazyLock<(u32, StageTransitions)> = LazyLock::new(|| {
    let text = include_str!("../../data/stage-transitions.toml");
    let file: CountsFile = toml::from_str(text).expect("the embedded counts are checked by a test");
    (file.version, StageTransitions::of_counts(&file.source))
});

impl StageTransitions {
    /// Returns those learned from 148 nights of people; see `data/stage-transitions.toml`.
    pub fn shipped() -> &'static Self {
        &SHIPPED.1
    }

    /// Returns the version of the shipped counts.
    pub fn version() -> u32 {
        SHIPPED.0
    }

    fn of_counts(sources: &[CountsSource]) -> Self {
        let (mut step, mut first) =
            ([[PSEUDO_COUNT; N_STAGES]; N_STAGES], [PSEUDO_COUNT; N_STAGES]);
        for source in sources {
            for (to, count) in first.iter_mut().zip(source.first) {
                *to += count;
            }
            for (row, counts) in step.iter_mut().zip(source.counts) {
                row.iter_mut().zip(counts).for_each(|(to, count)| *to += count);
            }
        }
        step.iter_mut().for_each(normalise);
        normalise(&mut first);
        Self { step, first }
    }

    /// Returns the probabilities of the stage of the first epoch of a night.
    pub fn first(&self) -> PerStage {
        self.first
    }

    /// Returns the transitions over `n` epochs, of which only the last is known: a gap.
    pub fn after(&self, n: u32) -> [PerStage; N_STAGES] {
        let mut over = self.step;
        for _ in 1..n.min(MAX_GAP) {
            over = over.map(|row| {
                let to = |to: usize| row.iter().zip(&self.step).map(|(p, step)| p * step[to]).sum();
                std::array::from_fn(to)
            });
        }
        over
    }
}

/// Scales non-negative numbers to the sum 1.
pub(super) fn normalise(numbers: &mut PerStage) {
    let sum: f64 = numbers.iter().sum();
    numbers.iter_mut().for_each(|number| *number /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_counts_name_their_sources() {
        let text = include_str!("../../data/stage-transitions.toml");
        let file: CountsFile = toml::from_str(text).unwrap();
        assert_eq!(file.source.iter().map(|source| source.nights).sum::<u32>(), 148);
        assert!(file.source.iter().all(|it| !it.name.is_empty() && !it.reference.is_empty()));
    }

    #[test]
    fn rows_are_probabilities() {
        let transitions = StageTransitions::shipped();
        for row in transitions.after(1) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(row.iter().all(|p| *p > 0.0), "{row:?}");
        }
        let [wake, n3] = [Stage::Wake, Stage::N3].map(Stage::index);
        let step = transitions.after(1);
        assert!(step[n3][n3] > 0.8 && step[wake][n3] < 0.001, "{step:?}");
    }

    #[test]
    fn a_long_gap_is_forgotten() {
        let [from_wake, .., from_rem] = StageTransitions::shipped().after(10_000);
        for (a, b) in from_wake.iter().zip(from_rem) {
            assert!((a - b).abs() < 0.01, "{from_wake:?} {from_rem:?}");
        }
    }
}
