//! Tracks survive their bytes.

use jiff::civil::date;
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{Event, EventKind, Stage};

use super::*;

fn contents() -> TrackContents {
    let eeg: ChannelMask = [Channel::EegC3A2].into_iter().collect();
    TrackContents {
        start: Some(date(2026, 1, 2).at(22, 30, 0, 0)),
        is_simulated: true,
        declared_events: [EventKind::Arousal, EventKind::Snore].into_iter().collect(),
        numbers: vec![0, 1, 5],
        onsets_s: vec![0.0, 30.0, 150.0],
        masks: vec![ChannelMask::ALL, eeg, ChannelMask::NONE],
        scored_stages: vec![Some(Stage::Wake), Some(Stage::Rem), None],
        posteriors: vec![Some([0.9, 0.1, 0.0, 0.0, 0.0]), Some([0.2; 5]), None],
        concepts: vec![
            ("arousal".to_owned(), vec![Some(0.001), Some(1.0), None]),
            ("hypopnea".to_owned(), vec![Some(0.5), None, None]),
        ],
        signals: Some(vec![
            EpochSignals {
                mean_spo2: Some(94.4),
                lowest_spo2: Some(88.0),
                below_90_s: Some(6.0),
                heart_rate: Some(61.0),
                position: Some(2),
                chin_tone: Some(64.0),
            },
            EpochSignals::default(),
            EpochSignals::default(),
        ]),
        legs_measured: false,
        events_scored: true,
        events: vec![
            (Event::new(EventKind::Arousal, 33.5, 8.25), EventSource::Scored, None),
            (Event::new(EventKind::Desaturation, 40.0, 20.0), EventSource::Signal, Some(4.2)),
        ],
    }
}

fn track() -> Track {
    Track::from_vec(contents().to_bytes()).unwrap()
}

#[test]
fn columns_survive_the_bytes() {
    let (track, contents) = (track(), contents());
    assert_eq!((track.n_epochs(), track.start()), (3, contents.start));
    assert_eq!(track.declared_events(), contents.declared_events);
    assert!(track.is_simulated() && track.has_scored_stages() && track.has_scored_events());
    for epoch in 0..3 {
        assert_eq!(track.number(epoch), contents.numbers[epoch]);
        assert_eq!(track.onset_s(epoch), contents.onsets_s[epoch]);
        assert_eq!(track.mask(epoch), contents.masks[epoch]);
        assert_eq!(track.scored_stage(epoch), contents.scored_stages[epoch]);
    }
    assert_eq!(track.concept("hypopnea"), Some(1));
    assert_eq!(track.concept("snore"), None);
}

#[test]
fn probabilities_survive_within_their_resolution() {
    let (track, contents) = (track(), contents());
    for (concept, (_, column)) in contents.concepts.iter().enumerate() {
        for (epoch, expected) in column.iter().enumerate() {
            let found = track.probability(concept, epoch).map(f64::from);
            match (found, expected) {
                (Some(found), Some(p)) => assert!((found - p).abs() < 0.004, "{found} {p}"),
                (found, expected) => assert_eq!(found, *expected),
            }
        }
    }
    // A linear byte would round this to 0 or to 0.0039.
    assert!((track.probability(0, 0).unwrap() - 0.001).abs() < 1e-4);
    let posterior = track.posterior(0).unwrap();
    assert!((posterior[0] - 0.9).abs() < 0.005, "{posterior:?}");
    assert!((posterior.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    assert_eq!(track.posterior(2), None);
}

#[test]
fn signals_and_events_survive() {
    let track = track();
    assert_eq!(track.signals(0).mean_spo2, Some(94.0));
    assert_eq!(track.signals(0).position, Some(2));
    assert_eq!(track.signals(1), EpochSignals::default());
    let events: Vec<TrackEvent> = track.events().collect();
    assert_eq!(
        (events[0].kind, events[0].onset_s, events[0].duration_s),
        (EventKind::Arousal, 33.5, 8.25)
    );
    assert_eq!((events[1].source, events[1].depth), (EventSource::Signal, Some(4.2)));
    assert_eq!(track.scored_events().count(), 1);
}

#[test]
fn bytes_that_are_not_a_track_are_refused() {
    let bytes = contents().to_bytes();
    let refusal = |bytes: &[u8]| Track::from_vec(bytes.to_vec()).unwrap_err().to_string();
    assert_eq!(refusal(b"NTRK"), "the track is malformed: it is too short");
    assert!(refusal(&[0; 64]).ends_with("it does not start as a track of format 1"));
    assert!(refusal(&bytes[..bytes.len() - 1]).ends_with("its length does not fit its header"));
    for at in 0..HEADER + 20 {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        // It may be another track; it must not panic.
        let _ = Track::from_vec(damaged);
    }
}

#[test]
fn shipped_registry_takes_at_most_forty_bytes_for_an_epoch() {
    use crate::registry::Registry;
    use crate::registry::concept::{Kind, Source};
    let n = 840;
    let events = Registry::shipped().concepts().iter();
    let events = events.filter(|it| it.kind == Kind::Event && it.has_source(Source::Model));
    let scored = Event::new(EventKind::Arousal, 0.0, 5.0);
    let contents = TrackContents {
        numbers: (0..n).collect(),
        onsets_s: vec![0.0; n as usize],
        masks: vec![ChannelMask::ALL; n as usize],
        scored_stages: vec![None; n as usize],
        posteriors: vec![None; n as usize],
        concepts: events.map(|it| (it.id.clone(), vec![None; n as usize])).collect(),
        signals: Some(vec![EpochSignals::default(); n as usize]),
        // A night of severe apnea: 25 arousals, 40 respiratory events and 40 desaturations an hour.
        events: vec![(scored, EventSource::Scored, None); 105 * 7 / 3],
        ..TrackContents::default()
    };
    let bytes = contents.to_bytes().len() as f64 / f64::from(n);
    assert!(bytes <= 40.0, "{bytes} bytes");
}

#[test]
fn probabilities_of_all_epochs_are_those_of_each() {
    let track = track();
    let same = |all: &[f32], of: &dyn Fn(usize) -> Option<f32>| {
        assert_eq!(all.len(), 3);
        for (epoch, p) in all.iter().enumerate() {
            match of(epoch) {
                Some(expected) => assert!((p - expected).abs() < 1e-6, "{epoch}: {p}, {expected}"),
                None => assert!(p.is_nan(), "{epoch}: {p}"),
            }
        }
    };
    same(&track.probabilities(1), &|epoch| track.probability(1, epoch));
    let stages = [Stage::N1, Stage::Rem];
    same(&track.stage_probabilities(&stages), &|epoch| {
        let posterior = track.posterior(epoch)?;
        Some(stages.iter().map(|stage| posterior[stage.index()]).sum())
    });
    same(&track.scored_as(&stages), &|epoch| {
        Some(if stages.contains(&track.scored_stage(epoch)?) { 1.0 } else { 0.0 })
    });
}

#[test]
fn epochs_without_a_gap_are_stored_by_the_first() {
    let n = 100;
    let contents = |first: u32, gap: u32| TrackContents {
        numbers: (first..first + n).map(|i| if i > first + 50 { i + gap } else { i }).collect(),
        onsets_s: (0..n)
            .map(|i| 30.0 * f64::from(if i > 50 { i + gap } else { i }) + 7.0)
            .collect(),
        masks: vec![ChannelMask::ALL; n as usize],
        scored_stages: vec![None; n as usize],
        posteriors: vec![None; n as usize],
        ..TrackContents::default()
    };
    let (without, with) = (contents(4, 0), contents(4, 3));
    assert!(without.to_bytes().len() + 8 * 98 < with.to_bytes().len());
    for contents in [without, with, TrackContents::default()] {
        let track = Track::from_vec(contents.to_bytes()).unwrap();
        let numbers: Vec<u32> = (0..track.n_epochs()).map(|i| track.number(i)).collect();
        let onsets_s: Vec<f64> = (0..track.n_epochs()).map(|i| track.onset_s(i)).collect();
        assert_eq!((numbers, onsets_s), (contents.numbers, contents.onsets_s));
    }
}
