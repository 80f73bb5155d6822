//! Labels as they are compared, and labels that are nearly right.

/// Nearest labels that are named for an unknown one.
const MOST_NEAREST: usize = 3;

/// Brings a label to the form in which labels are compared: lower case, single blanks, `_` as a blank, `/` and `:` as `-`.
pub(super) fn normalised(label: &str) -> String {
    let text = label.replace('_', " ").replace(['/', ':'], "-").to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the known labels within a quarter of the label's length in edits, the nearest first.
///
/// `known` holds each label as it is compared and as it is written.
pub(super) fn nearest<'a>(
    label: &str,
    known: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<String> {
    let label = normalised(label);
    let furthest = (label.chars().count() / 4).max(1);
    let mut near: Vec<(usize, &str)> = known
        .map(|(compared, written)| (distance(&label, compared), written))
        .filter(|(edits, _)| *edits <= furthest)
        .collect();
    near.sort_unstable();
    near.dedup_by_key(|(_, written)| *written);
    near.into_iter().take(MOST_NEAREST).map(|(_, written)| written.to_owned()).collect()
}

/// Returns how many letters must be put in, left out, changed or swapped with their neighbour to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(last[j] + 1).min(row[j - 1] + 1);
            let is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if is_swap {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_compared_without_regard_to_spelling() {
        assert_eq!(normalised(" EEG_C3:A2 "), "eeg c3-a2");
        assert_eq!(normalised("C3/A2"), normalised("c3-a2"));
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(distance("position", "position"), 0);
        assert_eq!(distance("airlfow", "airflow"), 1);
        assert_eq!(distance("postion", "position"), 1);
        assert_eq!(distance("", "ecg"), 3);
        assert_eq!(distance("thorax", "chest"), 5);
    }

    #[test]
    fn nearest_labels_come_in_order() {
        let known = [("airflow", "Airflow"), ("air flow", "AIR FLOW"), ("ecg", "ECG")];
        assert_eq!(nearest("Air flwo", known.into_iter()), ["AIR FLOW", "Airflow"]);
        assert!(nearest("Battery", known.into_iter()).is_empty());
    }
}
