//! The words that captions and phrases can hold.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use toml::Value;

use super::templates::FILES;
use super::text::{question, statement};

static VOCABULARY: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut wordings = Vec::new();
    for file in FILES {
        let table = toml::from_str(file).expect("the embedded wordings are checked by a test");
        strings(&Value::Table(table), &mut wordings);
    }
    let mut words = BTreeSet::new();
    for wording in wordings {
        words.extend(words_of(&statement(&wording, "")));
        words.extend(words_of(&question(&wording, "")));
    }
    words
});

/// Returns every word of the wordings, in lower case, without the numbers that captions fill in.
///
/// A text encoder that was trained on captions has seen these words and hardly others.
pub fn vocabulary() -> &'static BTreeSet<String> {
    &VOCABULARY
}

/// Splits a text into its words, in lower case: runs of letters, and runs of digits.
///
/// ```
/// use nocturne_psg::caption::words_of;
///
/// let words: Vec<String> = words_of("REM sleep, 2 K-complexes").collect();
/// assert_eq!(words, ["rem", "sleep", "2", "k", "complexes"]);
/// ```
pub fn words_of(text: &str) -> impl Iterator<Item = String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for letter in text.chars() {
        let class = (letter.is_alphabetic(), letter.is_numeric());
        if class != (false, false) {
            match words.last_mut() {
                Some(word) if last == Some(class) => word.extend(letter.to_lowercase()),
                Some(_) | None => words.push(letter.to_lowercase().collect()),
            }
        }
        last = Some(class);
    }
    words.into_iter()
}

/// Gathers the strings of a file, without the places that are filled in.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let mut rest = text.as_str();
            let mut kept = String::new();
            while let Some((before, after)) = rest.split_once('{') {
                kept.push_str(before);
                rest = after.split_once('}').map_or("", |(_, behind)| behind);
            }
            found.push(kept + rest);
        }
        Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        Value::Table(table) => table.values().for_each(|value| strings(value, found)),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_wordings_are_known_and_their_places_are_not() {
        for word in ["sleep", "stops", "stop", "does", "varies", "vary", "n2", "complexes", "bpm"] {
            for part in words_of(word) {
                assert!(vocabulary().contains(&part), "{part}");
            }
        }
        for word in ["noun", "giraffe", "name"] {
            assert!(!vocabulary().contains(word), "{word}");
        }
    }
}
