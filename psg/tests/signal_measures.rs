//! What rules measure on the signals of a file.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as they do")]

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use nocturne_edf::{NewRecording, NewSignal, SIMULATOR_EQUIPMENT};
use nocturne_psg::signal_rules::{Desaturation, NoSignal};
use nocturne_psg::{Event, EventKind, Night, Recording, RecordingOrigin, SignalMeasures, ZScore};

/// Length of the files in epochs, and of their data records in seconds.
const N_EPOCHS: usize = 12;
const RECORD_S: usize = 30;

/// A signal of a file: label, unit, rate in hertz, half of its range, and its value at each second.
type Made<'a> = (&'a str, &'a str, usize, f64, &'a dyn Fn(f64) -> f64);

fn write(folder: &Path, equipment: Option<&str>, signals: &[Made<'_>]) -> PathBuf {
    let path = folder.join("night.edf");
    let header = |(label, unit, rate_hz, limit, _): &Made<'_>| NewSignal {
        label: (*label).to_owned(),
        unit: (*unit).to_owned(),
        physical_range: (-limit, *limit),
        samples_per_record: rate_hz * RECORD_S,
    };
    let samples = |(_, _, rate_hz, _, value): &Made<'_>| -> Vec<f32> {
        let n = rate_hz * RECORD_S * N_EPOCHS;
        (0..n).map(|i| value(i as f64 / *rate_hz as f64) as f32).collect()
    };
    let recording = NewRecording {
        start: jiff::civil::date(2020, 1, 1).at(22, 0, 0, 0),
        equipment: equipment.map(str::to_owned),
        n_records: N_EPOCHS,
        record_duration_s: RECORD_S as f64,
        signals: signals.iter().map(header).collect(),
        annotations: Vec::new(),
    };
    recording.write_to(&path, &signals.iter().map(samples).collect::<Vec<_>>()).unwrap();
    path
}

fn measure_with(path: &Path, events: Vec<Event>) -> SignalMeasures {
    let mut recording = Recording::open(path).unwrap();
    recording.set_events(events);
    let night = Night::read(&recording, ZScore::Recording).unwrap();
    let measures = SignalMeasures::measure(&recording, &night);
    assert_eq!(measures.n_epochs(), Some(night.epochs().len()));
    measures
}

fn measure(path: &Path) -> SignalMeasures {
    measure_with(path, Vec::new())
}

/// Narrow beats, 75 a minute.
fn ecg(at_s: f64) -> f64 {
    let phase_s = at_s.rem_euclid(0.8) - 0.4;
    1000.0 * (-0.5 * (phase_s / 0.012).powi(2)).exp()
}

/// 96 %; 88 % from 60 to 80 s; 0 without a finger from 200 to 230 s.
fn spo2(at_s: f64) -> f64 {
    match at_s {
        60.0..80.0 => 88.0,
        200.0..230.0 => 0.0,
        _ => 96.0,
    }
}

/// A leg EMG that moves for 2 s at each onset.
fn leg(at_s: f64, onsets_s: &[f64]) -> f64 {
    let moves = onsets_s.iter().any(|onset_s| (*onset_s..onset_s + 2.0).contains(&at_s));
    let uv = if moves { 40.0 } else { 3.0 };
    uv * (TAU * 33.0 * at_s).sin()
}

#[test]
fn saturation_is_measured_without_the_time_when_the_finger_is_out() {
    let folder = tempfile::tempdir().unwrap();
    let signals: [Made<'_>; 2] =
        [("ECG", "uV", 128, 3276.7, &ecg), ("SpO2", "%", 1, 163.835, &spo2)];
    let measures = measure(&write(folder.path(), None, &signals));
    let saturation = measures.saturation.unwrap();
    // 20 of the 30 seconds of the third epoch are at 88 %.
    assert_eq!(saturation.below_90_s.codes(), [0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(saturation.valid_s.codes(), [30, 30, 30, 30, 30, 30, 20, 10, 30, 30, 30, 30]);
    assert_eq!(saturation.lowest.get(2), Some(88.0));
    // (20 * 88 + 10 * 96) / 30 is 90.67.
    assert_eq!(saturation.mean.get(2), Some(90.75));
    assert_eq!((saturation.mean.get(6), saturation.lowest.get(6)), (Some(96.0), Some(96.0)));
    let [Desaturation { onset_s, duration_s, depth_percent }] = saturation.desaturations[..] else {
        panic!("{:?}", saturation.desaturations)
    };
    assert_eq!((onset_s, duration_s, depth_percent), (59.0, 21.0, 8.0));
    let rates: Vec<Option<f32>> = measures.heart_rate.unwrap().values().collect();
    assert_eq!(rates, [Some(75.0); N_EPOCHS]);
}

#[test]
fn what_has_no_channel_or_no_usable_one_is_not_measured() {
    let folder = tempfile::tempdir().unwrap();
    let signals: [Made<'_>; 3] = [
        ("ECG", "uV", 128, 3276.7, &ecg),
        // Without a finger all night.
        ("SpO2", "%", 1, 163.835, &|_| 0.0),
        // Too slow for an EMG.
        ("LAT", "uV", 64, 327.67, &|at_s| leg(at_s, &[100.0])),
    ];
    let measures = measure(&write(folder.path(), None, &signals));
    assert_eq!(measures.saturation, Err(NoSignal::PoorSignal));
    assert_eq!(measures.legs, Err(NoSignal::Unsuitable));
    assert_eq!(measures.position, Err(NoSignal::NoChannel));
    assert_eq!(measures.chin_tone, Err(NoSignal::NoChannel));
}

#[test]
fn movements_of_two_legs_are_found_and_those_at_respiratory_events_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let left = |at_s: f64| leg(at_s, &[100.0, 130.0, 160.0, 190.0]);
    // The first one is a part of the left leg's; the second one is 110 s behind the left leg's last.
    let right = |at_s: f64| leg(at_s, &[102.0, 300.0]);
    let signals: [Made<'_>; 3] = [
        ("ECG", "uV", 128, 3276.7, &ecg),
        ("LAT", "uV", 200, 327.67, &left),
        ("RAT", "mV", 250, 0.32767, &|at_s| right(at_s) / 1000.0),
    ];
    let path = write(folder.path(), None, &signals);
    let found = |events: Vec<Event>| {
        let legs = measure_with(&path, events).legs.unwrap();
        assert_eq!((legs.n_legs, legs.valid_s.codes()), (2, &[30; N_EPOCHS][..]));
        let rounded = legs
            .movements
            .iter()
            .map(|it| (it.onset_s.round(), f64::from(it.duration_s).round(), it.is_periodic));
        (rounded.collect::<Vec<_>>(), legs.excludes_respiratory)
    };
    let expected = [
        (100.0, 4.0, true),
        (130.0, 2.0, true),
        (160.0, 2.0, true),
        (190.0, 2.0, true),
        (300.0, 2.0, false),
    ];
    assert_eq!(found(Vec::new()), (expected.to_vec(), false));
    // It ends 0.3 s before the movement; without that movement, there are three within 90 s.
    let hypopnea = Event::new(EventKind::Hypopnea, 115.0, 14.7);
    let expected =
        [(100.0, 4.0, false), (160.0, 2.0, false), (190.0, 2.0, false), (300.0, 2.0, false)];
    assert_eq!(found(vec![hypopnea]), (expected.to_vec(), true));
}

/// Makes the file discontinuous: `gap_s` seconds after the first `n` data records.
fn add_gap(path: &Path, n: usize, gap_s: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[192..197].copy_from_slice(b"EDF+D");
    let header_bytes: usize =
        std::str::from_utf8(&bytes[184..192]).unwrap().trim().parse().unwrap();
    let record_bytes = (bytes.len() - header_bytes) / N_EPOCHS;
    for record in n..N_EPOCHS {
        let end = header_bytes + (record + 1) * record_bytes;
        // The time-keeping list is the last signal, of 24 bytes.
        let list = format!("+{}\u{14}\u{14}\0", record * RECORD_S + gap_s);
        bytes[end - 24..end].fill(0);
        bytes[end - 24..end - 24 + list.len()].copy_from_slice(list.as_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn nothing_crosses_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let falls = |at_s: f64| if (120.0..140.0).contains(&at_s) { 92.0 } else { 96.0 };
    let moves = |at_s: f64| leg(at_s, &[70.0, 100.0, 130.0, 160.0]);
    let signals: [Made<'_>; 3] = [
        ("ECG", "uV", 128, 3276.7, &ecg),
        ("SpO2", "%", 1, 163.835, &falls),
        ("LAT", "uV", 200, 327.67, &moves),
    ];
    let path = write(folder.path(), None, &signals);
    let counts = |measures: SignalMeasures| {
        let movements = measures.legs.unwrap().movements;
        let n_periodic = movements.iter().filter(|movement| movement.is_periodic).count();
        let onsets_s: Vec<f64> = movements.iter().map(|it| it.onset_s.round()).collect();
        (measures.saturation.unwrap().desaturations.len(), onsets_s, n_periodic)
    };
    assert_eq!(counts(measure(&path)), (1, vec![70.0, 100.0, 130.0, 160.0], 4));
    // A minute, after which two successive movements would still be 90 s apart.
    add_gap(&path, 4, 60);
    assert_eq!(counts(measure(&path)), (0, vec![70.0, 100.0, 190.0, 220.0], 0));
}

#[test]
fn origin_is_that_of_the_header() {
    let folder = tempfile::tempdir().unwrap();
    let signals: [Made<'_>; 1] = [("ECG", "uV", 128, 3276.7, &ecg)];
    let origin = |equipment: Option<&str>| {
        let recording = Recording::open(&write(folder.path(), equipment, &signals)).unwrap();
        let night = Night::read(&recording, ZScore::Recording).unwrap();
        assert_eq!(night.origin(), recording.origin());
        night.origin()
    };
    assert_eq!(origin(None), RecordingOrigin::Recorded);
    assert_eq!(origin(Some("Telemetry03")), RecordingOrigin::Recorded);
    assert_eq!(origin(Some(SIMULATOR_EQUIPMENT)), RecordingOrigin::Simulated);
}
