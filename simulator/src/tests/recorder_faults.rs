//! Faults, polarity and converters change their own signal and no other.

use nocturne_psg::montage::{Channel, Position};

use super::signal_measures::MeasuredSignal;
use super::{plan_with, plan_without_faults};
use crate::site::{PhysicalRange, SignalSource};
use crate::{ChannelFault, FaultKind, NightPlan, NightSpec, SimulatedNight, Site};

/// Onset and end of the inserted fault, in seconds from the start.
const ONSET_S: f64 = 200.0;
const END_S: f64 = 320.0;

fn with_fault(plan: &NightPlan, kind: FaultKind, channel: Channel) -> NightPlan {
    let fault = ChannelFault { channel, kind, onset_s: ONSET_S, duration_s: END_S - ONSET_S };
    let mut plan = plan.clone();
    plan.faults = vec![fault];
    plan
}

/// Returns the root mean square difference between a channel with and without the fault, before and during it.
fn difference(with: &SimulatedNight, without: &SimulatedNight, channel: Channel) -> (f64, f64) {
    let mut difference = MeasuredSignal::of(with, channel);
    let other = MeasuredSignal::of(without, channel);
    difference.samples.iter_mut().zip(&other.samples).for_each(|(a, b)| *a -= b);
    (difference.rms(0.0, ONSET_S - 5.0), difference.rms(ONSET_S, END_S))
}

#[test]
fn faults_change_only_their_channel_and_only_while_they_last() {
    let mut plan = plan_without_faults(0.15, Site::Plain);
    // Movements and pops draw from the same random stream.
    plan.movements.clear();
    let without = plan.render();
    for kind in [FaultKind::Disconnected, FaultKind::Loose, FaultKind::Sway, FaultKind::Pop] {
        let with = with_fault(&plan, kind, Channel::EegC4A1).render();
        for channel in Channel::ALL {
            let (before, during) = difference(&with, &without, channel);
            assert!(before < 1e-3, "{kind:?} changes {channel} before its onset: {before}");
            if channel == Channel::EegC4A1 {
                assert!(during > 4.0, "{kind:?}: {during}");
            } else {
                assert_eq!(during, 0.0, "{kind:?} changes {channel}");
            }
        }
    }
}

#[test]
fn disconnected_channels_are_flat() {
    for site in Site::ALL {
        let plan = plan_without_faults(0.15, site);
        let night = with_fault(&plan, FaultKind::Disconnected, Channel::Airflow).render();
        let airflow = MeasuredSignal::of(&night, Channel::Airflow);
        assert_eq!(airflow.peak_to_peak(ONSET_S, END_S), 0.0, "{}", site.name());
        assert!(airflow.peak_to_peak(END_S + 1.0, END_S + 30.0) > 0.0, "{}", site.name());
    }
}

#[test]
fn drawn_faults_appear_in_the_signals() {
    let has = |plan: &NightPlan, kind| {
        plan.faults.iter().any(|fault| fault.kind == kind && fault.channel == Channel::Airflow)
    };
    let plan = plan_with(0.3, Site::Plain, |plan| has(plan, FaultKind::Absent));
    assert!(plan.render().signals.iter().all(|(signal, _)| signal.label != "AF"));
    let plan = plan_with(0.3, Site::Aasm, |plan| has(plan, FaultKind::Disconnected));
    let night = plan.render();
    let is_off = |fault: &&ChannelFault| fault.kind == FaultKind::Disconnected;
    let fault = night.truth.faults.iter().find(is_off).unwrap();
    let airflow = MeasuredSignal::of(&night, Channel::Airflow);
    assert_eq!(airflow.peak_to_peak(fault.onset_s, fault.end_s()), 0.0);
}

#[test]
fn inverted_recorders_invert_only_eeg_and_eog() {
    let mut plan = plan_without_faults(0.1, Site::Plain);
    plan.recorder.inverted = false;
    let upright = plan.render();
    plan.recorder.inverted = true;
    let inverted = plan.render();
    for ((signal, upright), (_, inverted)) in upright.signals.iter().zip(&inverted.signals) {
        let is_inverted = signal.label.starts_with("EEG") || signal.label.starts_with("EOG");
        let sign = if is_inverted { -1.0 } else { 1.0 };
        assert!(upright.iter().zip(inverted).all(|(a, b)| *a == sign * b), "{}", signal.label);
    }
}

#[test]
fn values_are_within_range_and_on_converter_levels() {
    let night = plan_without_faults(0.3, Site::Shhs).render();
    for signal in Site::Shhs.signals() {
        let PhysicalRange::Fixed(low, high) = signal.range else {
            panic!("the ranges of this site are fixed");
        };
        let (_, samples) = night.signals.iter().find(|(it, _)| it.label == signal.label).unwrap();
        let within = low as f32 - 1e-3..=high as f32 + 1e-3;
        assert!(samples.iter().all(|value| within.contains(value)), "{}", signal.label);
        let mut levels: Vec<u32> = samples.iter().map(|value| value.to_bits()).collect();
        levels.sort_unstable();
        levels.dedup();
        assert!(levels.len() <= signal.levels as usize, "{}: {}", signal.label, levels.len());
        if signal.source == SignalSource::Channel(Channel::EegC3A2) {
            assert!(levels.len() > 50, "{}", levels.len());
        }
    }
}

#[test]
fn shhs_nights_have_no_upright_position() {
    let n_upright = |site| {
        let plan =
            |night| NightPlan::draw(&NightSpec { seed: 3, night, hours: 1.0, site: Some(site) });
        let is_upright = |plan: &NightPlan| {
            plan.postures.iter().any(|posture| posture.position == Position::Upright)
        };
        (0..40).map(plan).filter(is_upright).count()
    };
    assert!(n_upright(Site::Plain) > 0);
    assert_eq!(n_upright(Site::Shhs), 0);
}
