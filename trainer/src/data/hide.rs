//! What can still be said of an epoch whose channels are hidden.

use nocturne_psg::EventKind;
use nocturne_psg::caption::EpochFacts;
use nocturne_psg::montage::{Channel, ChannelMask};

const EEG: [Channel; 2] = [Channel::EegC3A2, Channel::EegC4A1];
const EYES: [Channel; 2] = [Channel::EogLeft, Channel::EogRight];
const BREATH: [Channel; 3] = [Channel::Abdomen, Channel::Thorax, Channel::Airflow];

/// Returns the facts without what is measured on hidden channels, and without events that none of the others shows.
///
/// The stage stays: a scorer's word, of which breathing and pulse know something too.
/// Where events had to go, nothing is said of their absence.
pub(super) fn visible_facts(facts: &EpochFacts, shown: ChannelMask) -> EpochFacts {
    let mut visible = facts.clone();
    let features = &mut visible.features;
    keep(&mut features.eog_left, shown, Channel::EogLeft);
    keep(&mut features.eog_right, shown, Channel::EogRight);
    keep(&mut features.eeg_c3, shown, Channel::EegC3A2);
    keep(&mut features.eeg_c4, shown, Channel::EegC4A1);
    keep(&mut features.heart, shown, Channel::Ecg);
    keep(&mut features.abdomen, shown, Channel::Abdomen);
    keep(&mut features.thorax, shown, Channel::Thorax);
    keep(&mut features.airflow, shown, Channel::Airflow);
    keep(&mut features.chin, shown, Channel::EmgChin);
    keep(&mut features.position, shown, Channel::Position);
    visible.events.retain(|event| shows(shown, event.kind));
    visible.events_scored &= EventKind::ALL.into_iter().all(|kind| shows(shown, kind));
    visible
}

fn keep<T>(feature: &mut Option<T>, shown: ChannelMask, channel: Channel) {
    if !shown.contains(channel) {
        *feature = None;
    }
}

/// Returns whether a shown channel can tell of an event.
fn shows(shown: ChannelMask, kind: EventKind) -> bool {
    let any = |channels: &[Channel]| channels.iter().any(|channel| shown.contains(*channel));
    match kind {
        EventKind::Arousal | EventKind::Spindle | EventKind::KComplex | EventKind::SlowWave => {
            any(&EEG)
        }
        EventKind::ObstructiveApnea
        | EventKind::CentralApnea
        | EventKind::MixedApnea
        | EventKind::Apnea
        | EventKind::Hypopnea
        | EventKind::Rera
        | EventKind::PeriodicBreathing
        | EventKind::Snore
        // No channel measures oxygen; breathing tells of it.
        | EventKind::Desaturation => any(&BREATH),
        EventKind::RapidEyeMovement | EventKind::SlowEyeMovement => any(&EYES),
        EventKind::LimbMovement | EventKind::PeriodicLimbMovement => any(&[Channel::EmgChin]),
        EventKind::PositionChange => any(&[Channel::Position]),
        EventKind::Bradycardia | EventKind::Tachycardia => any(&[Channel::Ecg]),
        EventKind::Artifact => true,
    }
}

#[cfg(test)]
mod tests {
    use nocturne_psg::features::{EegPowers, Features};
    use nocturne_psg::{Event, Stage};

    use super::*;

    fn facts() -> EpochFacts {
        let event = |kind| Event { kind, onset_s: 1.0, duration_s: 10.0 };
        let powers = EegPowers { delta: 50.0, theta: 20.0, alpha: 20.0, beta: 10.0 };
        EpochFacts {
            features: Features {
                eeg_c3: Some(powers),
                eeg_c4: Some(powers),
                ..Features::default()
            },
            stage: Some(Stage::N2),
            events: vec![event(EventKind::Arousal), event(EventKind::Hypopnea)],
            events_scored: true,
        }
    }

    #[test]
    fn nothing_is_lost_where_all_is_shown() {
        assert_eq!(visible_facts(&facts(), ChannelMask::ALL), facts());
    }

    #[test]
    fn hidden_channels_are_not_spoken_of() {
        let shown = ChannelMask::from_iter([Channel::EegC4A1]);
        let visible = visible_facts(&facts(), shown);
        assert!(visible.features.eeg_c3.is_none() && visible.features.eeg_c4.is_some());
        assert_eq!(visible.stage, Some(Stage::N2));
        let kinds: Vec<EventKind> = visible.events.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Arousal]);
        assert!(!visible.events_scored);
    }
}
