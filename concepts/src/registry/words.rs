//! How names are compared: without case, hyphens and plural endings, in either spelling.

/// Returns the words of a name in the form in which names are compared.
pub fn words_of(name: &str) -> Vec<String> {
    let parts = name.split(|c: char| !c.is_alphanumeric());
    parts.filter(|part| !part.is_empty()).map(word).collect()
}

/// Returns a single word in the form in which names are compared: lower case, singular, American spelling.
pub fn word(text: &str) -> String {
    let lower = text.to_lowercase().replace("noea", "nea").replace("isation", "ization");
    let lower = lower.replace("artefact", "artifact");
    singular(&lower).to_owned()
}

/// Removes the ending of a regular plural.
fn singular(word: &str) -> &str {
    let is_abbreviation = word.len() <= 3;
    match word.strip_suffix("es") {
        Some(stem) if ["x", "ch", "sh", "ss"].iter().any(|end| stem.ends_with(end)) => stem,
        Some(_) | None => match word.strip_suffix('s') {
            Some(stem) if !is_abbreviation && !stem.ends_with('s') => stem,
            Some(_) | None => word,
        },
    }
}

/// Returns the number of insertions, deletions, substitutions and swaps of neighbours between two words, or `None` if it
/// exceeds `most`.
pub fn edit_distance(a: &str, b: &str, most: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = substituted.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    Some(rows[a.len()][b.len()]).filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_hyphens_plurals_and_spelling() {
        assert_eq!(words_of("K-Complexes"), ["k", "complex"]);
        assert_eq!(words_of("Hypopnoeas"), words_of("hypopnea"));
        assert_eq!(words_of("sleep_onset latency"), ["sleep", "onset", "latency"]);
        assert_eq!(
            (word("PLMS"), word("REM"), word("less")),
            ("plm".into(), "rem".into(), "less".into())
        );
    }

    #[test]
    fn edit_distance_counts_up_to_its_limit() {
        assert_eq!(edit_distance("arosual", "arousal", 2), Some(1));
        assert_eq!(edit_distance("apnea", "apnea", 2), Some(0));
        assert_eq!(edit_distance("apena", "apnea", 2), Some(1));
        assert_eq!(edit_distance("hypnea", "hypopnea", 2), Some(2));
        assert_eq!(edit_distance("banana", "arousal", 2), None);
        assert_eq!(edit_distance("", "ab", 2), Some(2));
    }
}
