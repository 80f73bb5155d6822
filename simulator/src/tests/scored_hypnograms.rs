//! Transitions and bout lengths of simulated nights match those of scored hypnograms.
//!
//! The hypnograms are not in the repository; without them the test is skipped.

use std::collections::BTreeMap;

use nocturne_psg::Stage;

use crate::{NightPlan, NightSpec};

/// Stage of each epoch, `None` while the recorder was disconnected.
type EpochStages = Vec<Option<Stage>>;

/// The consensus of three experts over the 128 nights of BOAS (`OpenNeuro` ds005555).
fn scored() -> Option<Vec<EpochStages>> {
    let data = nocturne_testing::available!(nocturne_testing::shared_data())?;
    let table = std::fs::read_to_string(data.join("boas-hypnograms/hypnograms.tsv")).unwrap();
    let mut nights: BTreeMap<&str, EpochStages> = BTreeMap::new();
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let stage = cells[3].parse().ok().and_then(|code: usize| Stage::ALL.get(code).copied());
        nights.entry(cells[0]).or_default().push(stage);
    }
    Some(nights.into_values().collect())
}

fn simulated() -> Vec<EpochStages> {
    let spec = |night| NightSpec { seed: 19, night, hours: 8.0, site: None };
    (0..40)
        .map(|night| NightPlan::draw(&spec(night)).stages.into_iter().map(Some).collect())
        .collect()
}

/// Returns the transition probabilities out of a stage, in the order of [`Stage::ALL`].
fn changes(nights: &[EpochStages], from: Stage) -> [f64; 5] {
    let mut counts = [0.0; 5];
    for pair in nights.iter().flat_map(|night| night.windows(2)) {
        if let [Some(before), Some(after)] = *pair
            && before == from
            && after != from
        {
            counts[after as usize] += 1.0;
        }
    }
    let sum: f64 = counts.iter().sum();
    counts.map(|count| count / sum)
}

/// Returns the 25th, 50th and 90th percentile of the bout lengths of a stage, in epochs.
fn bouts(nights: &[EpochStages], of: Stage) -> [f64; 3] {
    let chunks = nights.iter().flat_map(|night| night.chunk_by(|a, b| a == b));
    let mut lengths: Vec<usize> =
        chunks.filter(|chunk| chunk[0] == Some(of)).map(<[_]>::len).collect();
    lengths.sort_unstable();
    [0.25, 0.5, 0.9].map(|share| lengths[(share * (lengths.len() - 1) as f64) as usize] as f64)
}

/// Merges N3 into N2, because scorers disagree far more on the border between them than on other stages.
fn merged(nights: Vec<EpochStages>) -> Vec<EpochStages> {
    let deeper = |stage| if stage == Some(Stage::N3) { Some(Stage::N2) } else { stage };
    nights.into_iter().map(|night| night.into_iter().map(deeper).collect()).collect()
}

#[test]
fn transitions_and_bout_lengths_match_scored_nights() {
    let Some(scored) = scored() else { return };
    assert_eq!(scored.len(), 128);
    let (scored, simulated) = (merged(scored), merged(simulated()));
    for stage in [Stage::Wake, Stage::N1, Stage::N2, Stage::Rem] {
        let (expected, found) = (changes(&scored, stage), changes(&simulated, stage));
        for (expected, found) in expected.iter().zip(found) {
            assert!((expected - found).abs() < 0.16, "from {stage}: {found} for {expected}");
        }
        let (expected, found) = (bouts(&scored, stage), bouts(&simulated, stage));
        for (expected, found) in expected.iter().zip(found) {
            assert!((0.5..=2.0).contains(&(found / expected)), "{stage}: {found} for {expected}");
        }
    }
}
