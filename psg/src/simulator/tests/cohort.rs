//! Sleepers and nights of a cohort differ as people do.

use std::sync::LazyLock;

use crate::simulator::{FaultKind, Indices, NightPlan, NightSpec, Site, Truth};
use crate::{EventKind, Stage};

static COHORT: LazyLock<Vec<Truth>> = LazyLock::new(|| {
    (0..24)
        .map(|night| NightPlan::draw(&NightSpec { seed: 1, night, hours: 7.5, site: None }).truth())
        .collect()
});

/// Returns the lowest, the middle and the highest value over the cohort.
fn spread(value: impl Fn(&Truth) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = COHORT.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

fn stage_share(truth: &Truth, stage: Stage) -> f64 {
    let n = truth.stages.iter().filter(|scored| **scored == stage).count();
    n as f64 / truth.stages.len() as f64
}

#[test]
fn indices_are_those_of_the_events() {
    for truth in COHORT.iter() {
        let indices = Indices::count(&truth.stages, &truth.events);
        assert_eq!(indices.arousal_index_per_h, truth.arousal_index_per_h);
        assert_eq!(indices.ahi_per_h, truth.ahi_per_h);
        assert_eq!(indices.sleep_h, truth.sleep_h);
    }
}

#[test]
fn arousal_and_apnea_indices_spread_widely() {
    let (lowest, middle, highest) = spread(|truth| truth.arousal_index_per_h);
    assert!(lowest < 9.0 && highest > 28.0, "{lowest} to {highest}");
    assert!((9.0..25.0).contains(&middle), "{middle}");
    let (lowest, middle, highest) = spread(|truth| truth.ahi_per_h);
    assert!(lowest < 3.0 && highest > 25.0, "{lowest} to {highest}");
    assert!((3.0..20.0).contains(&middle), "{middle}");
}

#[test]
fn nights_have_the_share_of_stages_that_adults_have() {
    // Ohayon et al. 2004, widened: these sleepers are not all healthy.
    let check = |stage, (low, high): (f64, f64)| {
        let (_, middle, _) = spread(|truth| stage_share(truth, stage));
        assert!((low..high).contains(&middle), "{stage}: {middle}");
    };
    check(Stage::Wake, (0.08, 0.25));
    check(Stage::N1, (0.03, 0.12));
    check(Stage::N2, (0.33, 0.60));
    check(Stage::N3, (0.07, 0.28));
    check(Stage::Rem, (0.12, 0.25));
    let (lowest, _, highest) = spread(|truth| stage_share(truth, Stage::N3));
    assert!(lowest < 0.05 && highest > 0.25, "{lowest} to {highest}");
}

#[test]
fn all_sites_are_met() {
    for site in Site::ALL {
        assert!(COHORT.iter().any(|truth| truth.site == site), "{}", site.name());
    }
}

#[test]
fn some_nights_lose_a_channel() {
    let lost = |truth: &&Truth| {
        let is_lost = |kind| matches!(kind, FaultKind::Absent | FaultKind::Disconnected);
        truth.faults.iter().any(|fault| is_lost(fault.kind))
    };
    let plan = |night| NightPlan::draw(&NightSpec { seed: 2, night, hours: 0.2, site: None });
    let truths: Vec<Truth> = (0..400).map(|night| plan(night).truth()).collect();
    let n = truths.iter().filter(lost).count();
    assert!((32..=76).contains(&n), "{n} of 400");
}

#[test]
fn events_lie_in_order_within_the_night() {
    for truth in COHORT.iter() {
        assert!(truth.events.windows(2).all(|pair| pair[0].onset_s <= pair[1].onset_s));
        for event in &truth.events {
            assert!(event.onset_s >= 0.0 && event.end_s() <= truth.duration_s, "{event:?}");
        }
    }
}

#[test]
fn arousals_last_3_to_15_seconds_after_10_seconds_of_sleep() {
    for truth in COHORT.iter() {
        let arousals: Vec<_> =
            truth.events.iter().filter(|event| event.kind == EventKind::Arousal).collect();
        assert!(arousals.iter().all(|arousal| (3.0..15.0).contains(&arousal.duration_s)));
        assert!(arousals.windows(2).all(|pair| pair[1].onset_s - pair[0].end_s() >= 10.0));
    }
}

#[test]
fn apneas_and_hypopneas_last_at_least_10_seconds() {
    for truth in COHORT.iter() {
        let events = truth.events.iter().filter(|event| event.kind.is_apnea_or_hypopnea());
        assert!(events.clone().all(|event| event.duration_s >= 10.0));
    }
}
