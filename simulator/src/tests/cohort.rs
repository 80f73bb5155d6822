//! The statistics of a simulated cohort: indices, shares of stages, faults, and the differences between sleepers.

use std::sync::LazyLock;

use nocturne_psg::montage::Channel;
use nocturne_psg::{EPOCH_S, EventKind, Stage};

use crate::plan::vigilance::{SleepCourse, Vigilance};
use crate::{FaultKind, NightPlan, NightSpec, Site, Truth};

/// Truth and course of each night.
static COHORT: LazyLock<Vec<(Truth, SleepCourse)>> = LazyLock::new(|| {
    let plan = |night| NightPlan::draw(&NightSpec { seed: 1, night, hours: 7.5, site: None });
    (0..24).map(plan).map(|plan| (plan.truth(), plan.course)).collect()
});

fn truths() -> impl Iterator<Item = &'static Truth> {
    COHORT.iter().map(|(truth, _)| truth)
}

/// Returns minimum, median and maximum over the cohort.
fn cohort_range(value: impl Fn(&Truth) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = truths().map(value).collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

fn stage_share(truth: &Truth, stage: Stage) -> f64 {
    let n = truth.stages.iter().filter(|scored| **scored == stage).count();
    n as f64 / truth.stages.len() as f64
}

#[test]
fn indices_equal_events_in_sleep_per_hour_of_sleep() {
    for truth in truths() {
        let (mut n_asleep, mut n_arousals, mut n_breathing) = (0.0, 0.0, 0.0);
        for (epoch_idx, stage) in truth.stages.iter().enumerate() {
            if *stage == Stage::Wake {
                continue;
            }
            n_asleep += 1.0;
            let start_s = epoch_idx as f64 * EPOCH_S;
            let epoch = start_s..start_s + EPOCH_S;
            for event in truth.events.iter().filter(|event| epoch.contains(&event.onset_s)) {
                match event.kind.name() {
                    "arousal" => n_arousals += 1.0,
                    "obstructive_apnea" | "central_apnea" | "mixed_apnea" | "hypopnea" => {
                        n_breathing += 1.0;
                    }
                    _ => {}
                }
            }
        }
        let sleep_h = n_asleep / 120.0;
        assert!((truth.sleep_h - sleep_h).abs() < 1e-9);
        assert!((truth.arousal_index_per_h - n_arousals / sleep_h).abs() < 1e-9);
        assert!((truth.ahi_per_h - n_breathing / sleep_h).abs() < 1e-9);
    }
}

#[test]
fn traits_vary_widely_within_a_cohort() {
    let check = |name: &str, value: fn(&Truth) -> f64, (low, high): (f64, f64)| {
        let (lowest, _, highest) = cohort_range(value);
        assert!(lowest < low && highest > high, "{name}: {lowest} to {highest}");
    };
    check("age", |truth| truth.subject.age_years, (30.0, 65.0));
    check("heart rate", |truth| truth.subject.heart.rate_bpm, (52.0, 70.0));
    check("breaths per minute", |truth| truth.subject.breathing.rate_per_min, (13.0, 17.0));
    check("alpha", |truth| truth.subject.brain.alpha_uv, (3.0, 9.0));
    check("spindle frequency", |truth| truth.subject.brain.spindle_hz, (12.3, 13.7));
    check("chin tone", |truth| truth.subject.muscle.chin_uv, (7.0, 18.0));
}

#[test]
fn traits_of_a_sleeper_do_not_depend_on_the_site() {
    let at = |site| NightPlan::draw(&NightSpec { seed: 4, night: 2, hours: 0.5, site }).truth();
    let sleeper = at(None).subject;
    assert!(Site::ALL.into_iter().all(|site| at(Some(site)).subject == sleeper));
}

#[test]
fn hours_are_rounded_to_epochs_and_clamped() {
    let check = |hours, n_epochs: usize| {
        let plan = NightPlan::draw(&NightSpec { seed: 1, night: 1, hours, site: None });
        assert_eq!(plan.truth().stages.len(), n_epochs, "{hours} h");
        assert_eq!(plan.truth().duration_s, n_epochs as f64 * EPOCH_S);
    };
    check(f64::NAN, 12);
    check(-1.0, 12);
    check(0.1, 12);
    check(0.506, 61);
    check(99.0, 1920);
}

#[test]
fn arousal_and_apnea_indices_vary_widely() {
    let (lowest, middle, highest) = cohort_range(|truth| truth.arousal_index_per_h);
    assert!(lowest < 9.0 && highest > 28.0, "{lowest} to {highest}");
    assert!((9.0..25.0).contains(&middle), "{middle}");
    let (lowest, middle, highest) = cohort_range(|truth| truth.ahi_per_h);
    assert!(lowest < 3.0 && highest > 25.0, "{lowest} to {highest}");
    assert!((3.0..20.0).contains(&middle), "{middle}");
}

#[test]
fn median_shares_of_stages_are_those_of_adults() {
    // Ohayon et al. 2004, widened because these sleepers are not all healthy.
    let check = |stage, (low, high): (f64, f64)| {
        let (_, middle, _) = cohort_range(|truth| stage_share(truth, stage));
        assert!((low..high).contains(&middle), "{stage}: {middle}");
    };
    check(Stage::Wake, (0.08, 0.25));
    check(Stage::N1, (0.03, 0.12));
    check(Stage::N2, (0.33, 0.60));
    check(Stage::N3, (0.07, 0.28));
    check(Stage::Rem, (0.12, 0.25));
    let (lowest, _, highest) = cohort_range(|truth| stage_share(truth, Stage::N3));
    assert!(lowest < 0.05 && highest > 0.25, "{lowest} to {highest}");
}

#[test]
fn all_sites_but_the_held_out_ones_are_drawn() {
    for site in Site::ALL {
        let is_drawn = truths().any(|truth| truth.site == site);
        assert_eq!(is_drawn, !Site::HELD_OUT.contains(&site), "{}", site.name());
    }
}

#[test]
fn some_nights_lose_channels_but_never_both_eeg_derivations() {
    let plan = |night| NightPlan::draw(&NightSpec { seed: 2, night, hours: 0.2, site: None });
    let lost = |night| -> Vec<(Channel, FaultKind)> {
        let faults = plan(night).truth().faults.into_iter();
        let is_lost = |kind| matches!(kind, FaultKind::Absent | FaultKind::Disconnected);
        faults
            .filter(|fault| is_lost(fault.kind))
            .map(|fault| (fault.channel, fault.kind))
            .collect()
    };
    let nights: Vec<_> = (0..400).map(lost).filter(|lost| !lost.is_empty()).collect();
    assert!((32..=76).contains(&nights.len()), "{} of 400", nights.len());
    for lost in nights {
        let is_lost = |channel| lost.iter().any(|(it, _)| *it == channel);
        assert!(!(is_lost(Channel::EegC3A2) && is_lost(Channel::EegC4A1)), "{lost:?}");
        // A detached position sensor still reports a position.
        assert!(!lost.contains(&(Channel::Position, FaultKind::Disconnected)));
    }
}

#[test]
fn events_are_sorted_and_within_the_night() {
    for truth in truths() {
        assert!(truth.events.windows(2).all(|pair| pair[0].onset_s <= pair[1].onset_s));
        for event in &truth.events {
            assert!(event.onset_s >= 0.0 && event.end_s() <= truth.duration_s, "{event:?}");
        }
    }
}

#[test]
fn asda_arousals_last_3_to_15_seconds_and_follow_10_seconds_of_sleep() {
    for (truth, course) in COHORT.iter() {
        let wakes: Vec<_> =
            course.bouts.iter().filter(|bout| bout.vigilance == Vigilance::Wake).collect();
        let arousals: Vec<_> =
            truth.events.iter().filter(|event| event.kind == EventKind::Arousal).collect();
        assert!(!arousals.is_empty());
        for arousal in &arousals {
            assert!((3.0..15.0).contains(&arousal.duration_s), "{arousal:?}");
            let is_awake = wakes
                .iter()
                .any(|wake| wake.end_s > arousal.onset_s - 10.0 && wake.start_s < arousal.end_s());
            assert!(!is_awake, "{arousal:?}");
        }
        assert!(arousals.windows(2).all(|pair| pair[1].onset_s - pair[0].end_s() >= 10.0));
    }
}

#[test]
fn apneas_and_hypopneas_last_at_least_10_seconds() {
    for truth in truths() {
        let events = truth.events.iter().filter(|event| event.kind.is_apnea_or_hypopnea());
        assert!(events.clone().all(|event| event.duration_s >= 10.0));
    }
}

#[test]
fn aasm_hypopneas_come_with_an_arousal_or_a_desaturation() {
    // Rule 1A of Berry et al. 2012.
    let mut n_hypopneas = 0;
    for truth in truths() {
        let starts_within = |kind, from_s: f64, to_s: f64| {
            let mut onsets = truth.events.iter().filter(|event| event.kind == kind);
            onsets.any(|event| (from_s..to_s).contains(&event.onset_s))
        };
        for event in truth.events.iter().filter(|event| event.kind == EventKind::Hypopnea) {
            let end_s = event.end_s();
            let is_scored = starts_within(EventKind::Arousal, end_s - 2.0, end_s + 1.0)
                || starts_within(EventKind::Desaturation, event.onset_s, end_s + 15.0);
            assert!(is_scored, "{} at {} s", truth.id, event.onset_s);
            n_hypopneas += 1;
        }
    }
    assert!(n_hypopneas > 100, "{n_hypopneas}");
}
