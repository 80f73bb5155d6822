//! Apneas, hypopneas and desaturations are visible in airflow, effort and oxygen saturation.

use std::sync::LazyLock;

use nocturne_psg::montage::Channel;
use nocturne_psg::{Event, EventKind};

use super::signal_measures::{MeasuredSignal, assert_mostly, median, undisturbed};
use super::{count, plan_with};
use crate::{FaultKind, SimulatedNight, Site};

/// Renders a night with at least `n` events of a kind and no lost channel.
fn night_with(kind: EventKind, n: usize, site: Site) -> SimulatedNight {
    let is_lost = |kind| matches!(kind, FaultKind::Absent | FaultKind::Disconnected);
    plan_with(3.0, site, |plan| {
        count(plan, kind) >= n && !plan.faults.iter().any(|fault| is_lost(fault.kind))
    })
    .render()
}

/// Obstructive apneas, measured by a thermistor.
static OBSTRUCTIVE: LazyLock<SimulatedNight> =
    LazyLock::new(|| night_with(EventKind::ObstructiveApnea, 15, Site::Referential));

/// Central apneas.
static CENTRAL: LazyLock<SimulatedNight> =
    LazyLock::new(|| night_with(EventKind::CentralApnea, 6, Site::Shhs));

/// Hypopneas, measured by nasal pressure.
static SHALLOW: LazyLock<SimulatedNight> =
    LazyLock::new(|| night_with(EventKind::Hypopnea, 10, Site::Aasm));

/// Returns the amplitude of a channel during a part of each undisturbed event, relative to the 10 s before it.
///
/// The part is given as fractions of the event: 0 is its onset and 1 its end.
fn remaining(
    night: &SimulatedNight,
    channel: Channel,
    kind: EventKind,
    (from, to): (f64, f64),
) -> Vec<f64> {
    let signal = MeasuredSignal::of(night, channel).band(0.1, 2.0);
    let of = |event: &Event| {
        let at = |fraction: f64| event.onset_s + fraction * event.duration_s;
        signal.rms(at(from), at(to)) / signal.rms(event.onset_s - 10.0, event.onset_s)
    };
    undisturbed(&night.truth, kind).into_iter().map(of).collect()
}

#[test]
fn obstructive_apneas_stop_airflow_but_not_effort() {
    let of = |channel| remaining(&OBSTRUCTIVE, channel, EventKind::ObstructiveApnea, (0.3, 0.9));
    assert_mostly("airflow", &of(Channel::Airflow), 0.9, |share| share < 0.35);
    for belt in [Channel::Thorax, Channel::Abdomen] {
        // The 10 s before an apnea often hold the large breaths after the last one.
        assert_mostly(belt.name(), &of(belt), 0.9, |share| share > 0.2);
        assert!(median(of(belt)) > 0.35, "{belt}: {}", median(of(belt)));
    }
}

#[test]
fn effort_is_paradoxical_in_obstructive_apneas() {
    let belt = |channel| MeasuredSignal::of(&OBSTRUCTIVE, channel).band(0.1, 2.0);
    let (thorax, abdomen) = (belt(Channel::Thorax), belt(Channel::Abdomen));
    let falls: Vec<f64> = undisturbed(&OBSTRUCTIVE.truth, EventKind::ObstructiveApnea)
        .into_iter()
        .map(|apnea| {
            let start_s = apnea.onset_s;
            thorax.correlation(&abdomen, start_s - 12.0, start_s)
                - thorax.correlation(&abdomen, start_s + 3.0, apnea.end_s() - 1.0)
        })
        .collect();
    assert_mostly("fall of the belts' correlation", &falls, 0.9, |fall| fall > 0.5);
}

#[test]
fn central_apneas_stop_airflow_and_effort() {
    for channel in [Channel::Airflow, Channel::Thorax, Channel::Abdomen] {
        let shares = remaining(&CENTRAL, channel, EventKind::CentralApnea, (0.3, 0.85));
        assert_mostly(channel.name(), &shares, 0.85, |share| share < 0.5);
        assert!(median(shares.clone()) < 0.3, "{channel}: {}", median(shares));
    }
}

#[test]
fn effort_returns_during_mixed_apneas() {
    let night = night_with(EventKind::MixedApnea, 4, Site::Plain);
    let of = |channel, part| remaining(&night, channel, EventKind::MixedApnea, part);
    assert_mostly("airflow", &of(Channel::Airflow, (0.3, 0.9)), 0.75, |share| share < 0.35);
    let (early, late) = (of(Channel::Abdomen, (0.15, 0.4)), of(Channel::Abdomen, (0.65, 0.9)));
    let gains: Vec<f64> = early.iter().zip(&late).map(|(early, late)| late / early).collect();
    assert_mostly("gain of effort", &gains, 0.75, |gain| gain > 1.5);
}

#[test]
fn hypopneas_reduce_airflow_without_stopping_it() {
    for night in [&*OBSTRUCTIVE, &SHALLOW] {
        let shares = remaining(night, Channel::Airflow, EventKind::Hypopnea, (0.25, 0.9));
        assert_mostly(night.site.name(), &shares, 0.85, |share| share < 0.85);
        let middle = median(shares);
        assert!((0.15..0.7).contains(&middle), "{}: {middle}", night.site.name());
    }
}

#[test]
fn desaturations_are_at_least_3_percent() {
    let spo2 = MeasuredSignal::labelled(&OBSTRUCTIVE, "SpO2");
    let events = &OBSTRUCTIVE.truth.events;
    let falls: Vec<&Event> =
        events.iter().filter(|event| event.kind == EventKind::Desaturation).collect();
    assert!(falls.len() >= 6, "{}", falls.len());
    for fall in falls {
        let during = spo2.during(fall.onset_s, fall.end_s());
        let lowest = during.iter().copied().fold(f64::MAX, f64::min);
        assert!(during[0] - lowest >= 3.0, "at {} s", fall.onset_s);
        let is_cause = |event: &Event| {
            event.kind.is_apnea_or_hypopnea()
                && event.overlap_s(fall.onset_s - 30.0, fall.end_s()) > 0.0
        };
        assert!(events.iter().any(is_cause), "nothing caused the fall at {} s", fall.onset_s);
    }
}
