//! Written nights are read back with the right channels, stages, events and masks.

use std::path::Path;

use nocturne_psg::montage::{Channel, ChannelMask, Confidence, Position};
use nocturne_psg::{
    EPOCH_S, Event, EventKind, Night, RATE_HZ, Recording, Stage, WarningCode, ZScore,
};

use super::signal_measures::{MeasuredSignal, assert_mostly};
use super::{count, plan_with, plan_without_faults};
use crate::plan::position;
use crate::{ChannelFault, FaultKind, NightPlan, Site, Truth};

/// Renders and writes a plan and opens the recording.
fn reopened(plan: &NightPlan, folder: &Path) -> (Recording, Truth) {
    let written = plan.render().write(folder).unwrap();
    (Recording::open(&written.recording).unwrap(), Truth::read(&written.truth).unwrap())
}

#[test]
fn every_site_feeds_the_whole_montage_without_warnings() {
    let check = |site, profile: &str, derivations: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (recording, truth) = reopened(&plan_without_faults(0.2, site), folder.path());
        let site = site.name();
        assert_eq!(recording.warnings(), [], "{site}");
        assert_eq!(recording.montage().profile().name, profile, "{site}");
        let lines = recording.montage().report(recording.file().header());
        assert_eq!(derivations.split('|').count(), lines.len(), "{site}");
        for (line, derivation) in lines.iter().zip(derivations.split('|')) {
            assert_eq!(line.derivation.as_deref(), Some(derivation), "{site}, {}", line.channel);
            assert!(line.confidence <= Some(Confidence::Documented), "{site}, {}", line.channel);
        }
        let night = Night::read(&recording, ZScore::Recording).unwrap();
        assert_eq!(night.epochs().len(), truth.stages.len(), "{site}");
        assert_eq!(night.start().unwrap().to_string(), truth.start, "{site}");
    };
    check(
        Site::Shhs,
        "shhs",
        "ECG|ABDO RES|THOR RES|NEW AIR|EOG(L)|EOG(R)|EEG(sec)|EEG|EMG|POSITION",
    );
    check(
        Site::Referential,
        "general",
        "ECG1 - ECG2|Abdominal|Thoracic|Airflow|LOC - A2|ROC - A2|C3 - A2|C4 - A1|L Chin - R Chin|Position",
    );
    check(
        Site::Aasm,
        "general",
        "EKG|Abdo|Thor|Airflow|E1-M2|E2-M2|C3-M2|C4-M1|Chin1-Chin2|PosSensor",
    );
    check(Site::Plain, "nocturne", &Channel::ALL.map(Channel::name).join("|"));
    check(
        Site::Cassette,
        "general",
        "ECG|Abdomen|Chest|Airflow|LOC-A2|ROC-A2|C3-A2|C4-A1|Chin EMG|Body Position",
    );
    check(
        Site::Wideband,
        "general",
        "ECG|RIP Abdomen|RIP Thorax|Resp Flow|EOG Left|EOG Right|EEG C3-M2|EEG C4-M1|Chin|Position",
    );
}

#[test]
fn stages_and_scored_events_match_the_truth() {
    let scored = [
        EventKind::Arousal,
        EventKind::ObstructiveApnea,
        EventKind::CentralApnea,
        EventKind::MixedApnea,
        EventKind::Hypopnea,
        EventKind::Desaturation,
    ];
    for site in Site::ALL {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan_with(1.5, site, |plan| {
            plan.stages.contains(&Stage::N3)
                && count(plan, EventKind::Hypopnea) >= 3
                && count(plan, EventKind::Desaturation) >= 3
        });
        let (recording, truth) = reopened(&plan, folder.path());
        let scoring = recording.scoring();
        let expected: Vec<Event> =
            truth.events.iter().filter(|event| scored.contains(&event.kind)).cloned().collect();
        let without_origin = |event: &Event| Event { origin: None, ..event.clone() };
        let found: Vec<Event> = scoring.events.iter().map(without_origin).collect();
        assert_eq!(found, expected, "{}", site.name());
        assert!(scoring.events.iter().all(|event| event.origin.is_some()), "{}", site.name());
        assert_eq!(scoring.n_unknown, 0, "{}", site.name());
        let stages: Vec<Option<Stage>> = (0..truth.stages.len())
            .map(|epoch_idx| scoring.hypnogram.stage_of_epoch(epoch_idx as f64 * EPOCH_S))
            .collect();
        let expected: Vec<Option<Stage>> = truth.stages.iter().copied().map(Some).collect();
        assert_eq!(stages, expected, "{}", site.name());

        let sleep_h = scoring.hypnogram.total_sleep_s() / 3600.0;
        assert_eq!(sleep_h, truth.sleep_h);
        let per_h = |is_counted: &dyn Fn(EventKind) -> bool| {
            let in_sleep = |event: &&Event| {
                let onset_s = (event.onset_s / EPOCH_S).floor() * EPOCH_S;
                scoring.hypnogram.stage_of_epoch(onset_s) != Some(Stage::Wake)
            };
            let counted = scoring.events.iter().filter(|event| is_counted(event.kind));
            counted.filter(in_sleep).count() as f64 / sleep_h
        };
        let arousal_index = per_h(&|kind| kind == EventKind::Arousal);
        assert!((arousal_index - truth.arousal_index_per_h).abs() < 1e-9);
        let ahi = per_h(&EventKind::is_apnea_or_hypopnea);
        assert!((ahi - truth.ahi_per_h).abs() < 1e-9);
    }
}

#[test]
fn positions_are_read_if_the_profile_defines_codes() {
    for site in Site::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan_with(1.0, site, |plan| plan.postures.len() >= 2);
        plan.faults.clear();
        let (recording, _) = reopened(&plan, folder.path());
        let night = Night::read(&recording, ZScore::Recording).unwrap();
        let found = |epoch_idx| night.position(epoch_idx);
        let warnings = night.warnings();
        match site {
            Site::Shhs | Site::Plain => {
                let mut seen: Vec<Position> = Vec::new();
                for epoch_idx in 0..plan.n_epochs {
                    let start_s = epoch_idx as f64 * EPOCH_S;
                    let expected = position::at(&plan.postures, start_s);
                    let is_still = !plan
                        .postures
                        .iter()
                        .any(|posture| (start_s..start_s + EPOCH_S).contains(&posture.from_s));
                    if is_still {
                        assert_eq!(found(epoch_idx), Some(expected), "{}", site.name());
                        seen.push(expected);
                    }
                }
                seen.dedup();
                assert!(seen.len() >= 2, "{}: {seen:?}", site.name());
                assert!(warnings.is_empty(), "{}: {warnings:?}", site.name());
            }
            // No profile defines the position codes of these sites, and none is guessed.
            Site::Referential | Site::Aasm | Site::Cassette | Site::Wideband => {
                assert!((0..plan.n_epochs).all(|epoch_idx| found(epoch_idx).is_none()));
                let codes: Vec<_> = warnings.iter().map(|warning| warning.code).collect();
                assert_eq!(codes, [WarningCode::MissingChannel], "{}", site.name());
            }
        }
    }
}

#[test]
fn read_channels_match_the_rendered_signals() {
    for site in Site::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan_without_faults(0.2, site);
        // Avoid clipping by the range of the file.
        plan.recorder.rail_uv = 3200.0;
        let rendered = plan.render();
        let (recording, _) = reopened(&plan, folder.path());
        let night = Night::read(&recording, ZScore::Recording).unwrap();
        for channel in Channel::ALL {
            let (low_hz, high_hz) = match channel {
                Channel::Position => continue,
                Channel::EmgChin => (12.0, 20.0),
                Channel::Abdomen | Channel::Thorax | Channel::Airflow => (0.1, 2.0),
                Channel::Ecg
                | Channel::EogLeft
                | Channel::EogRight
                | Channel::EegC3A2
                | Channel::EegC4A1 => (0.5, 10.0),
            };
            let expected = MeasuredSignal::of(&rendered, channel).band(low_hz, high_hz);
            // Voltages are read in microvolts.
            let gain = if channel == Channel::Ecg { 1000.0 } else { 1.0 };
            let samples = (0..night.epochs().len())
                .flat_map(|epoch_idx| night.samples(epoch_idx, channel).unwrap())
                .map(|sample| f64::from(*sample) / gain)
                .collect();
            let found = MeasuredSignal { samples, rate_hz: RATE_HZ }.band(low_hz, high_hz);
            let ratios: Vec<f64> = (1..plan.n_epochs - 1)
                .map(|epoch_idx| {
                    let start_s = epoch_idx as f64 * EPOCH_S;
                    found.rms(start_s, start_s + EPOCH_S) / expected.rms(start_s, start_s + EPOCH_S)
                })
                .collect();
            let what = format!("{channel} at {}", site.name());
            // The band's upper edge differs slightly between the two rates, so the noise of an epoch differs too.
            let least_share = if channel == Channel::EmgChin { 0.9 } else { 1.0 };
            assert_mostly(&what, &ratios, least_share, |ratio| (ratio - 1.0).abs() < 0.05);
        }
    }
}

#[test]
fn absent_channels_give_a_warning_and_leave_the_mask() {
    let check = |site: Site, channel: Channel| {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan_without_faults(0.1, site);
        let duration_s = plan.duration_s();
        let kind = FaultKind::Absent;
        plan.faults.push(ChannelFault { channel, kind, onset_s: 0.0, duration_s });
        let (recording, _) = reopened(&plan, folder.path());
        let expected = ChannelMask::ALL.without(ChannelMask::from_iter([channel]));
        let what = format!("{} without {channel}", site.name());
        assert_eq!(recording.montage().mask(), expected, "{what}");
        let warnings: Vec<_> = recording.warnings().iter().map(|warning| warning.code).collect();
        assert_eq!(warnings, [WarningCode::MissingChannel], "{what}");
    };
    for site in Site::ALL {
        for channel in Channel::ALL {
            check(site, channel);
        }
    }
}

#[test]
fn disconnected_leads_leave_the_mask_of_their_epochs() {
    for site in Site::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan_without_faults(0.1, site);
        plan.faults.push(ChannelFault {
            channel: Channel::EmgChin,
            kind: FaultKind::Disconnected,
            onset_s: 60.0,
            duration_s: 90.0,
        });
        let (recording, _) = reopened(&plan, folder.path());
        let night = Night::read(&recording, ZScore::Recording).unwrap();
        let without: Vec<usize> = (0..plan.n_epochs)
            .filter(|epoch_idx| !night.epochs()[*epoch_idx].mask.contains(Channel::EmgChin))
            .collect();
        assert_eq!(without, [2, 3, 4], "{}", site.name());
    }
}
