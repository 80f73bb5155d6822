//! Suggestions for words that name no concept.

use super::Registry;
use super::words::{edit_distance, words_of};

/// Maximum number of edits between a word and a suggestion.
const MOST_EDITS: usize = 2;
/// Words of fewer characters are not corrected: everything is near to them.
const SHORTEST: usize = 4;
/// Maximum number of suggestions.
const MOST: usize = 5;

/// A concept that words may have meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Id of the concept.
    pub id: String,
    /// The name that is near to the words.
    pub name: String,
}

impl Registry {
    /// Returns up to five concepts with a name near to a text, the nearest first.
    ///
    /// A name within two edits of the text, or of one of its words, comes before a name that shares a whole word with it.
    pub fn nearest(&self, text: &str) -> Vec<Suggestion> {
        let words = words_of(text);
        let whole = words.join(" ");
        let mut found: Vec<(usize, usize, &str)> = Vec::new();
        for (at, concept) in self.concepts.iter().enumerate() {
            let names = std::iter::once(&concept.id).chain(&concept.names);
            let best = names.filter_map(|name| Some((penalty(&words, &whole, name)?, name))).min();
            if let Some((penalty, name)) = best {
                found.push((penalty, at, name));
            }
        }
        found.sort_unstable();
        let suggestion = |(_, at, name): (usize, usize, &str)| Suggestion {
            id: self.concepts[at].id.clone(),
            name: name.to_owned(),
        };
        found.into_iter().take(MOST).map(suggestion).collect()
    }
}

/// Returns how far a name is from a text; `None` if it is not near.
fn penalty(words: &[String], whole: &str, name: &str) -> Option<usize> {
    let name_words = words_of(name);
    let name = name_words.join(" ");
    let near = |a: &str, b: &str| {
        let is_long = a.chars().count() >= SHORTEST && b.chars().count() >= SHORTEST;
        if is_long { edit_distance(a, b, MOST_EDITS) } else { None }
    };
    if let Some(distance) = near(whole, &name) {
        return Some(distance);
    }
    let of_words = words.iter().filter_map(|word| near(word, &name)).min();
    if let Some(distance) = of_words {
        return Some(MOST_EDITS + 1 + distance);
    }
    // Common words such as `sleep` and `index` name nothing on their own.
    let is_content = |word: &&String| {
        word.len() >= SHORTEST && !["sleep", "index", "stage", "time"].contains(&word.as_str())
    };
    let shared = words.iter().filter(is_content).any(|word| {
        name_words.iter().any(|other| near(word, other).is_some_and(|edits| edits <= 1))
    });
    shared.then_some(2 * MOST_EDITS + 1 + name_words.len())
}
