//! What rules measured on the signals of a night, as a track stores it.

use nocturne_psg::signal_rules::{EpochColumn, Measured, SignalMeasures};
use nocturne_psg::{EPOCH_S, Event, EventKind};

use crate::track::reader::EventSource;
use crate::track::writer::EpochSignals;

/// Returns the measures of each epoch.
pub(super) fn columns(measures: &SignalMeasures, n_epochs: usize) -> Vec<EpochSignals> {
    let saturation = measures.saturation.as_ref().ok();
    let of = |column: Option<&EpochColumn>, epoch: usize| {
        column.and_then(|column| column.get(epoch)).map(f64::from)
    };
    let position = |epoch: usize| {
        let position = measures.position.as_ref().ok().and_then(|column| column[epoch])?;
        Some(position as u8)
    };
    // Seconds below 90 % as if all of the epoch were valid: an invalid second is neither below nor above.
    let below_90_s = |epoch: usize| {
        let valid_s = of(saturation.map(|it| &it.valid_s), epoch).filter(|it| *it > 0.0)?;
        Some(EPOCH_S * of(saturation.map(|it| &it.below_90_s), epoch)? / valid_s)
    };
    let signals = |epoch: usize| EpochSignals {
        mean_spo2: of(saturation.map(|it| &it.mean), epoch),
        lowest_spo2: of(saturation.map(|it| &it.lowest), epoch),
        below_90_s: below_90_s(epoch),
        heart_rate: of(measured(&measures.heart_rate), epoch),
        position: position(epoch),
        chin_tone: of(measured(&measures.chin_tone), epoch),
    };
    (0..n_epochs).map(signals).collect()
}

fn measured(column: &Measured<EpochColumn>) -> Option<&EpochColumn> {
    column.as_ref().ok()
}

/// Returns the events that rules found: desaturations with their depth, and leg movements.
pub(super) fn events(
    measures: &SignalMeasures,
) -> impl Iterator<Item = (Event, EventSource, Option<f64>)> + '_ {
    let falls = measures.saturation.iter().flat_map(|it| &it.desaturations).map(|fall| {
        let event = Event::new(EventKind::Desaturation, fall.onset_s, fall.duration_s.into());
        (event, EventSource::Signal, Some(f64::from(fall.depth_percent)))
    });
    let legs = measures.legs.iter().flat_map(|it| &it.movements).map(|movement| {
        let kind = if movement.is_periodic {
            EventKind::PeriodicLimbMovement
        } else {
            EventKind::LimbMovement
        };
        (Event::new(kind, movement.onset_s, movement.duration_s.into()), EventSource::Signal, None)
    });
    falls.chain(legs)
}
