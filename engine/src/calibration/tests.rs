//! Calibrations of small collections with the bundle for tests.

use nocturne_concepts::calibration::Origin;
use nocturne_index::{Filter, RecordingDraft};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{Event, EventKind, RecordingOrigin};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::tests::collections::{night, pinned};

/// Nights of 3 h with arousals in a share of the epochs that differs from night to night, simulated and scored.
fn nights(n: usize, seed: u64) -> Vec<RecordingDraft> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut draft = |i: usize| {
        let share: f64 = random.random_range(0.05..0.5);
        let mut epochs = "W".repeat(20);
        let mut events = Vec::new();
        for epoch in 20..380 {
            epochs.push(if epoch % 90 < 70 { '2' } else { 'R' });
            if random.random_bool(share) {
                epochs.push('!');
                let onset_s = 30.0 * f64::from(epoch) + random.random_range(1.0..15.0);
                events.push(Event::new(EventKind::Arousal, onset_s, 5.0));
            }
        }
        let mut draft = night(&format!("night-{seed}-{i:03}"), &epochs);
        draft.events = Some(events);
        draft.origin = RecordingOrigin::Simulated;
        draft
    };
    (0..n).map(&mut draft).collect()
}

fn request() -> CalibrationRequest {
    CalibrationRequest { filter: Filter::default(), name: "tests".to_owned() }
}

#[test]
fn a_calibration_is_learned_from_scored_nights() {
    let (_folder, space) = pinned(nights(60, 1));
    let mut steps = Vec::new();
    let report = calibrate(&space, &request(), |step| steps.push(step.to_owned())).unwrap();
    let calibration = report.calibration;
    assert_eq!(report.left_out, []);
    assert_eq!(calibration.population.nights, 60);
    assert_eq!(calibration.population.origin, Origin::Simulated);
    assert_eq!(calibration.bundle, space.bundle.fingerprint);
    let ids: Vec<&String> = calibration.concepts.keys().collect();
    assert_eq!(ids, ["arousal"]);
    assert!(calibration.concepts["arousal"].quality.brier_skill > 0.9, "{calibration:?}");
    let rate = calibration.measure("rate(arousal)").unwrap();
    assert!(rate.refused.is_none() && rate.spearman > 0.95, "{rate:?}");
    assert_eq!(steps.len(), 3);
}

#[test]
fn measures_of_the_hypnogram_are_calibrated_as_well() {
    let (_folder, space) = pinned(nights(60, 1));
    let calibration = calibrate(&space, &request(), |_| ()).unwrap().calibration;
    // Every night has the same stages, so there is nothing to learn about their times.
    assert_eq!(calibration.measure("time(R)"), None);
    let mut drafts = nights(60, 1);
    for (i, draft) in drafts.iter_mut().enumerate() {
        let n = draft.epochs.len();
        draft.epochs.truncate(n - i);
    }
    let (_folder, space) = pinned(drafts);
    let calibration = calibrate(&space, &request(), |_| ()).unwrap().calibration;
    assert_eq!(calibration.measure("tst").unwrap().refused, None);
    assert_eq!(calibration.measure("time(sleep)").unwrap().nights, 60);
}

#[test]
fn few_nights_and_nights_of_two_origins_are_refused() {
    let refusal = |drafts: Vec<RecordingDraft>| {
        let (_folder, space) = pinned(drafts);
        calibrate(&space, &request(), |_| ()).unwrap_err().to_string()
    };
    let expected = "`nights` is 38; expected at least 39 nights with scored stages";
    assert!(refusal(nights(38, 1)).starts_with(expected), "{}", refusal(nights(38, 1)));
    let mut mixed = nights(40, 1);
    mixed[3].origin = RecordingOrigin::Recorded;
    let expected = "`nights` is 39 of one origin and 1 of the other; expected only simulated or only recorded nights";
    assert_eq!(refusal(mixed), expected);
}

#[test]
fn nights_that_cannot_teach_are_left_out_by_name() {
    let mut drafts = nights(43, 1);
    drafts[0].events = None;
    drafts[1].epochs.iter_mut().for_each(|it| it.mask = ChannelMask::from_iter([Channel::Ecg]));
    drafts[2].epochs.truncate(100);
    let names: Vec<String> = drafts.iter().map(|draft| draft.id.to_string()).collect();
    let (_folder, space) = pinned(drafts);
    let report = calibrate(&space, &request(), |_| ()).unwrap();
    let left_out: Vec<(&str, String)> = report
        .left_out
        .iter()
        .map(|night| (night.recording.as_str(), night.reason.to_string()))
        .collect();
    let expected = [
        (names[0].as_str(), "its stages or its events were not scored".to_owned()),
        (names[1].as_str(), "1 channels; at least 8 are needed".to_owned()),
        (names[2].as_str(), "40 min of scored sleep; at least 120 are needed".to_owned()),
    ];
    assert_eq!(left_out, expected);
    assert_eq!(report.calibration.population.nights, 40);
}

#[test]
fn a_calibration_is_checked_on_other_nights() {
    // The bundle for tests has a calibration of arousals that fits these nights.
    let (_folder, space) = pinned(nights(50, 2));
    let mut seen = 0;
    let evaluation = evaluate(&space, &Filter::default(), |n| seen = n).unwrap();
    assert_eq!((evaluation.nights, seen), (50, 50));
    let arousal = &evaluation.concepts[0];
    assert_eq!(arousal.concept, "arousal");
    assert!(arousal.quality.ece < 0.02, "{arousal:?}");
    assert!(arousal.risk.windows(2).all(|pair| pair[1].risk <= pair[0].risk), "{arousal:?}");
    let rate = evaluation.measures.iter().find(|it| it.measure == "rate(arousal)").unwrap();
    let overall = rate.overall.unwrap();
    assert_eq!((overall.nights, rate.thirds.len(), rate.without_interval), (50, 3, 0));
    assert!(rate.spearman.unwrap() > 0.95 && overall.share() > 0.9, "{rate:?}");
}

#[test]
fn nights_of_another_origin_have_no_interval_to_check() {
    let mut drafts = nights(5, 2);
    drafts.iter_mut().for_each(|draft| draft.origin = RecordingOrigin::Recorded);
    let (_folder, space) = pinned(drafts);
    let evaluation = evaluate(&space, &Filter::default(), |_| ()).unwrap();
    let rate = &evaluation.measures[0];
    assert_eq!((rate.overall, rate.without_interval), (None, 5));
}
