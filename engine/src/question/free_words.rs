//! Free words: which of them the bundle knows, and whether anything in the collection matches them.

use nocturne_concepts::{Concept, Input};
use nocturne_encoder::Embedding;
use nocturne_index::Filter;

use crate::error::{Error, Result};
use crate::grammar::{Reason, Unreadable};
use crate::live::live_collection::PinnedSpace;
use crate::question::epochs::TextReading;

/// Words that say nothing about what an epoch shows.
const WORDS_WITHOUT_CONTENT: [&str; 74] = [
    "a",
    "about",
    "all",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "but",
    "by",
    "can",
    "during",
    "epoch",
    "epochs",
    "every",
    "find",
    "for",
    "from",
    "had",
    "has",
    "have",
    "in",
    "into",
    "is",
    "it",
    "its",
    "like",
    "many",
    "me",
    "more",
    "most",
    "much",
    "night",
    "nights",
    "of",
    "on",
    "one",
    "only",
    "or",
    "patient",
    "patients",
    "person",
    "recording",
    "recordings",
    "search",
    "segment",
    "segments",
    "show",
    "shows",
    "similar",
    "sleep",
    "sleeping",
    "some",
    "subject",
    "subjects",
    "than",
    "that",
    "the",
    "then",
    "there",
    "these",
    "this",
    "those",
    "to",
    "very",
    "was",
    "were",
    "when",
    "where",
    "which",
    "with",
];

/// Encodes free words.
///
/// # Errors
///
/// [`Error::Unreadable`] if none of the words that say something occurred in the training of the bundle: their embedding
/// would mean nothing.
pub(crate) fn encode(space: &PinnedSpace, text: &str) -> Result<(Embedding, TextReading)> {
    let encoded = space.bundle.texts.encode_one(text)?;
    let reading = TextReading::from(&encoded);
    let is_unknown = |word: &str| {
        let mut unknown = reading.unknown_words.iter();
        unknown.any(|it| it.eq_ignore_ascii_case(word))
    };
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let content: Vec<&str> = words
        .filter(|word| !WORDS_WITHOUT_CONTENT.contains(&word.to_lowercase().as_str()))
        .collect();
    // "sleep" alone says as much as the bundle learned about sleep.
    let asks_for_sleep = content.is_empty() && text.to_lowercase().contains("sleep");
    if content.iter().any(|word| !is_unknown(word)) || asks_for_sleep {
        return Ok((encoded.embedding, reading));
    }
    let shown = content.first().copied().unwrap_or(text.trim());
    let at = text.find(shown).unwrap_or(0);
    let expected =
        "at least one word about what an epoch shows that occurred in the training of the bundle";
    let problem = Unreadable::new(text, at..at + shown.len(), Reason::UnknownWords, expected);
    Err(Error::Unreadable(Box::new(problem.with_nearest(space.bundle.registry()))))
}

/// Returns the background of the calibration if the best cosine is not above it: then nothing matches.
pub(crate) fn background_above(space: &PinnedSpace, best: Option<f32>) -> Option<f32> {
    let background = space.bundle.calibration()?.background?.cosine;
    best.is_none_or(|best| best <= background).then_some(background)
}

/// Restricts a filter to the epochs whose channels show concepts.
///
/// # Errors
///
/// Those of reading the filter.
pub(crate) fn with_channels_of(filter: Filter, concepts: &[&Concept]) -> Result<Filter> {
    let channel = |input: &Input| match input {
        Input::Channel(channel) => Some(format!("channel = {}", channel.name())),
        Input::Signal(_) => None,
    };
    let mut conditions: Vec<String> = Vec::new();
    for group in concepts.iter().flat_map(|concept| &concept.needs) {
        let any: Vec<String> = group.iter().filter_map(channel).collect();
        let condition = format!("({})", any.join(" OR "));
        if !any.is_empty() && !conditions.contains(&condition) {
            conditions.push(condition);
        }
    }
    if conditions.is_empty() {
        return Ok(filter);
    }
    conditions.extend(filter.expression.as_ref().map(|given| format!("({given})")));
    let expression = conditions.join(" AND ").parse().map_err(nocturne_index::Error::from)?;
    Ok(Filter { expression: Some(expression), ..filter })
}
