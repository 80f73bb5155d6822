//! Restores capitals, numbers and spacing in generated text.
//!
//! The tokenizer separates digits and drops capitals, so a generated text reads
//! `stable light sleep ( n 2 ) . arousal from 2 . 5 to 1 4 . 7 seconds`. These rules restore what they can:
//!
//! - consecutive digits, also with a point between them, are one number;
//! - there is no space before `, . ; : % ) ! ?`, after `(`, or around `-` and `/`;
//! - a letter that names a stage or an electrode is joined with its digit: `N2`, `C3-A2`;
//! - sentences start with a capital, and abbreviations have theirs.
//!
//! Control characters, which some tokens contain, are removed: the text may be written to a terminal.
//!
//! Two numbers without a word between them are merged, and a full stop between two numbers becomes a decimal point:
//! the tokens do not distinguish these cases.

/// Words that are joined with a following digit.
const BEFORE_DIGITS: [&str; 9] = ["n", "c", "e", "m", "o", "f", "t", "spo", "sao"];

/// Abbreviations in lower case, and as they are written.
const ABBREVIATIONS: [(&str, &str); 12] = [
    ("rem", "REM"),
    ("nrem", "NREM"),
    ("eeg", "EEG"),
    ("eog", "EOG"),
    ("emg", "EMG"),
    ("ecg", "ECG"),
    ("hrv", "HRV"),
    ("rmssd", "RMSSD"),
    ("hz", "Hz"),
    ("spo", "SpO"),
    ("sao", "SaO"),
    ("aasm", "AASM"),
];

/// Returns a generated text with capitals, numbers and spacing restored.
pub(super) fn format_caption(raw: &str) -> String {
    let atoms = atoms(raw);
    let mut text = String::with_capacity(raw.len());
    for (i, atom) in atoms.iter().enumerate() {
        let (before, next) = (&atoms[..i], atoms.get(i + 1).copied());
        if !is_joined(before, atom, next) {
            text.push(' ');
        }
        let is_name = next.is_some_and(|next| takes_digit(before, atom, next));
        if let Some((_, written)) = ABBREVIATIONS.iter().find(|(plain, _)| plain == atom) {
            text.push_str(written);
        } else if is_name || starts_sentence(before) {
            text.push_str(&capitalised(atom));
        } else {
            text.push_str(atom);
        }
    }
    text
}

/// Splits a text into runs of letters, single digits and single other characters.
fn atoms(raw: &str) -> Vec<&str> {
    let mut atoms = Vec::new();
    for word in raw.split_whitespace() {
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let len = if first.is_alphabetic() {
                rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len())
            } else if first == '\'' {
                1 + rest[1..].find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len() - 1)
            } else {
                first.len_utf8()
            };
            if !first.is_control() {
                atoms.push(&rest[..len]);
            }
            rest = &rest[len..];
        }
    }
    atoms
}

/// Returns whether an atom is joined with the one before it, without a space.
fn is_joined(before: &[&str], atom: &str, next: Option<&str>) -> bool {
    let Some(last) = before.last().copied() else { return true };
    let is_joiner = |atom: &str| matches!(atom, "-" | "/");
    let is_decimal = |i: usize, point: &str| {
        point == "." && i.checked_sub(1).is_some_and(|i| is_digit(before[i]))
    };
    match atom {
        "," | "." | ";" | ":" | "%" | ")" | "!" | "?" => true,
        _ if is_joiner(atom) => next.is_some(),
        _ if is_joiner(last) || last == "(" || atom.starts_with('\'') => true,
        _ if is_digit(atom) => {
            is_digit(last)
                || is_decimal(before.len() - 1, last)
                || takes_digit(&before[..before.len() - 1], last, atom)
        }
        _ => false,
    }
}

/// Returns whether a word and the digit after it form one word.
fn takes_digit(before: &[&str], word: &str, next: &str) -> bool {
    // `a` is the mastoid electrode only after another electrode; elsewhere it is an article.
    let is_mastoid = word == "a" && before.last() == Some(&"-");
    is_digit(next) && (is_mastoid || BEFORE_DIGITS.contains(&word))
}

fn starts_sentence(before: &[&str]) -> bool {
    match before {
        [] => true,
        [.., last] => matches!(*last, "." | "!" | "?"),
    }
}

fn capitalised(atom: &str) -> String {
    let mut chars = atom.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

fn is_digit(atom: &str) -> bool {
    atom.chars().all(char::is_numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_text_is_formatted() {
        let check = |raw: &str, expected: &str| assert_eq!(format_caption(raw), expected);
        check("", "");
        check(
            "stable light sleep ( n 2 ). arousal event from 1 2 . 5 to 1 5 . 2 seconds . ",
            "Stable light sleep (N2). Arousal event from 12.5 to 15.2 seconds.",
        );
        check(
            "central eeg activity ( c 3 - a 2 ), ( c 4 - a 1 ): delta relative power of 4 1 . 0 6 %, and",
            "Central EEG activity (C3-A2), (C4-A1): delta relative power of 41.06%, and",
        );
        check("rem sleep . a 2 second event", "REM sleep. A 2 second event");
        check("slow - eye - movement and spo 2 of 9 7 %", "Slow-eye-movement and SpO2 of 97%");
        check("the sleeper 's chin emg : 3 4 . 1 hz", "The sleeper's chin EMG: 34.1 Hz");
        check("n 3 . 2 arousals", "N3.2 arousals");
        check("power 5 % . 2 arousals", "Power 5%. 2 arousals");
    }

    #[test]
    fn terminal_escapes_are_removed() {
        assert_eq!(format_caption("deep \u{1b}[2j sleep\u{7}"), "Deep [ 2 j sleep");
    }

    #[test]
    fn unusual_text_is_preserved() {
        for raw in ["- ", "%", "\u{fffd}x", "é 3", "' '", ". . ."] {
            let expected: String = raw.split_whitespace().collect();
            let formatted: String = format_caption(raw).to_lowercase().split_whitespace().collect();
            assert_eq!(formatted, expected.to_lowercase(), "{raw:?}");
        }
    }
}
