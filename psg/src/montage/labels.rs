//! Normalises labels for comparison and finds similar labels.

use crate::compared_name::compared_name;

/// Maximum number of similar labels for an unknown one.
const MAX_SIMILAR: usize = 3;

/// Common references, as recorders write them behind an electrode: `C3-REF`.
const COMMON_REFERENCES: [&str; 4] = ["ref", "cle", "ler", "avg"];

/// Classes that recorders write before an electrode: `EEG C3`.
const CLASSES: [&str; 3] = ["eeg", "eog", "emg"];

/// Returns a label in the form in which labels are compared.
pub(super) fn normalised(label: &str) -> String {
    compared_name(label)
}

/// Splits a normalised label such as `eeg c3 ref` into an electrode and the common reference, which cancels in a difference
/// of two electrodes.
pub(super) fn electrode_and_reference(label: &str) -> Option<(&str, &str)> {
    let (electrode, reference) = label.rsplit_once(' ')?;
    let electrode = match electrode.split_once(' ') {
        Some((class, electrode)) if CLASSES.contains(&class) => electrode,
        Some(_) => return None,
        None => electrode,
    };
    COMMON_REFERENCES.contains(&reference).then_some((electrode, reference))
}

/// Returns the known labels within an edit distance of a quarter of the label's length, nearest first.
///
/// `known` yields each label in normalised form and as written.
pub(super) fn nearest<'a>(
    label: &str,
    known: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<String> {
    let label = normalised(label);
    let max_distance = (label.chars().count() / 4).max(1);
    let mut near: Vec<(usize, &str)> = known
        .map(|(compared, written)| (distance(&label, compared), written))
        .filter(|(edits, _)| *edits <= max_distance)
        .collect();
    near.sort_unstable();
    near.dedup_by_key(|(_, written)| *written);
    near.into_iter().take(MAX_SIMILAR).map(|(_, written)| written.to_owned()).collect()
}

/// Returns the edit distance with insertions, deletions, substitutions and swaps of neighbours (optimal string
/// alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut previous_but_one = vec![0; b.len() + 1];
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let substituted = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = substituted.min(previous[j] + 1).min(row[j - 1] + 1);
            let is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if is_swap {
                row[j] = row[j].min(previous_but_one[j - 2] + 1);
            }
        }
        previous_but_one = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalised_labels_ignore_case_blanks_and_separators() {
        assert_eq!(normalised(" EEG_C3:A2 "), "eeg c3 a2");
        for label in ["C3/A2", "C3_A2", "C3 - A2", "c3.a2"] {
            assert_eq!(normalised(label), normalised("C3-A2"), "{label}");
        }
        for (label, known) in [("Chin 1", "Chin1"), ("ECG_2", "ECG2"), ("EEG 2", "EEG2")] {
            assert_eq!(normalised(label), normalised(known), "{label}");
        }
        assert_ne!(normalised("C3 A2"), normalised("C3A2"));
    }

    #[test]
    fn common_reference_is_apart_from_the_electrode() {
        for (label, expected) in [
            ("EEG C3-REF", Some(("c3", "ref"))),
            ("A2_CLE", Some(("a2", "cle"))),
            ("C3-A2", None),
            ("Nasal Flow REF", None),
        ] {
            assert_eq!(electrode_and_reference(&normalised(label)), expected, "{label}");
        }
    }

    #[test]
    fn distance_counts_edits_and_swaps() {
        assert_eq!(distance("position", "position"), 0);
        assert_eq!(distance("airlfow", "airflow"), 1);
        assert_eq!(distance("postion", "position"), 1);
        assert_eq!(distance("", "ecg"), 3);
        assert_eq!(distance("thorax", "chest"), 5);
    }

    #[test]
    fn similar_labels_are_sorted_by_distance() {
        let known = [("airflow", "Airflow"), ("air flow", "AIR FLOW"), ("ecg", "ECG")];
        assert_eq!(nearest("Air flwo", known.into_iter()), ["AIR FLOW", "Airflow"]);
        assert!(nearest("Battery", known.into_iter()).is_empty());
    }
}
