//! Finds the leg EMGs of a file, which feed no channel.

use nocturne_edf::EdfHeader;

use super::Profile;
use super::labels::normalised;

/// A leg EMG: a signal, or the difference of two electrodes on one muscle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegSignal {
    /// Index of the signal in the header.
    pub plus: usize,
    /// Index of the signal that is subtracted, if the electrodes were recorded apart.
    pub minus: Option<usize>,
}

/// The kinds of signal in a profile that are EMGs of one leg.
const ONE_LEG: [&str; 2] = ["left_leg", "right_leg"];
/// The kind of signal in a profile that is an EMG between both legs, or of a leg that the label does not name.
const BOTH_LEGS: &str = "legs";

/// Returns the EMG of each leg, or else the first one whose leg is not known.
pub(super) fn find(header: &EdfHeader, profile: &Profile) -> Vec<LegSignal> {
    let of_kind = |kind: &str| leg_signal(header, &signals_of_kind(header, profile, kind));
    let legs: Vec<LegSignal> = ONE_LEG.into_iter().filter_map(of_kind).collect();
    if legs.is_empty() { of_kind(BOTH_LEGS).into_iter().collect() } else { legs }
}

/// Returns the readable signals of a kind, in the order of the header.
pub(super) fn signals_of_kind(header: &EdfHeader, profile: &Profile, kind: &str) -> Vec<usize> {
    let is_of_kind = |i: &usize| {
        let signal = &header.signals[*i];
        let is_readable = !signal.is_annotations && signal.scaling().is_some();
        is_readable && profile.is_of_kind(&normalised(&signal.label), kind)
    };
    (0..header.signals.len()).filter(is_of_kind).collect()
}

/// Returns the first signal that is a derivation, or else the difference of the electrodes 1 and 2, or else the first
/// signal.
fn leg_signal(header: &EdfHeader, signals: &[usize]) -> Option<LegSignal> {
    let label = |i: &usize| normalised(&header.signals[*i].label);
    let alone = |plus: &usize| LegSignal { plus: *plus, minus: None };
    if let Some(derivation) = signals.iter().find(|i| electrode(&label(i)).is_none()) {
        return Some(alone(derivation));
    }
    let pair = signals.iter().find_map(|plus| {
        let label_1 = label(plus);
        let ('1', muscle) = electrode(&label_1)? else { return None };
        let is_second = |i: &&usize| electrode(&label(i)) == Some(('2', muscle));
        let minus = signals.iter().find(is_second)?;
        // Signals of different rates cannot be subtracted sample by sample.
        let is_same_rate =
            header.signals[*plus].samples_per_record == header.signals[*minus].samples_per_record;
        is_same_rate.then_some(LegSignal { plus: *plus, minus: Some(*minus) })
    });
    pair.or_else(|| signals.first().map(alone))
}

/// Splits the label of one electrode of a pair, such as `lleg1`, into its number and the rest.
fn electrode(label: &str) -> Option<(char, &str)> {
    let number = label.chars().last().filter(|c| matches!(c, '1' | '2'))?;
    let rest = &label[..label.len() - 1];
    // `lleg1-lleg2` is a derivation, `emg lleg-lleg2` too.
    let (before, name) = rest.rsplit_once(' ').unwrap_or(("", rest));
    let mut others = before.split(' ').map(|it| it.trim_end_matches(|c: char| c.is_ascii_digit()));
    (!others.any(|other| other == name)).then_some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::montage::tests::header_with;

    /// Returns the labels of the leg EMGs found by the general profile.
    fn legs(labels: &[&str]) -> Vec<String> {
        let header = header_with(labels);
        let profile = &Profile::embedded()[0];
        let label = |i: usize| header.signals[i].label.clone();
        let name = |leg: LegSignal| match leg.minus {
            None => label(leg.plus),
            Some(minus) => format!("{} minus {}", label(leg.plus), label(minus)),
        };
        find(&header, profile).into_iter().map(name).collect()
    }

    #[test]
    fn labels_of_many_recorders_name_legs() {
        for (left, right) in [
            ("LEG/L", "LEG/R"),
            ("Leg L", "Leg R"),
            ("LAT", "RAT"),
            ("PLM l", "PLM r"),
            ("PLMl", "PLMr"),
            ("Left Leg", "Right Leg"),
            ("EMG AT1", "EMG AT2"),
            ("L-LEG", "R-LEG"),
            ("EMG LAT", "EMG RAT"),
            ("Tib-L", "Tib-R"),
            ("LLEG1-LLEG2", "RLEG1-RLEG2"),
        ] {
            assert_eq!(legs(&["EMG", left, "ECG", right]), [left, right]);
        }
        for one in ["LEG", "EMG LEG", "Leg EMG", "Legs", "EMG Leg"] {
            assert_eq!(legs(&["ECG", one]), [one]);
        }
        assert!(legs(&["EMG", "Chin", "ECG", "SpO2"]).is_empty());
    }

    #[test]
    fn electrodes_of_one_leg_are_subtracted() {
        let found = legs(&["LLeg1", "LLeg2", "RLeg1", "RLeg2", "Leg"]);
        assert_eq!(found, ["LLeg1 minus LLeg2", "RLeg1 minus RLeg2"]);
        assert_eq!(legs(&["LLeg1"]), ["LLeg1"]);
        assert_eq!(legs(&["LLeg1", "LLeg2", "LLeg1-LLeg2"]), ["LLeg1-LLeg2"]);
    }
}
