//! Free words: which of them the bundle knows, and whether the hits show the concepts that they name.

use nocturne_concepts::{Concept, Input, Kind};
use nocturne_encoder::Embedding;
use nocturne_index::Filter;
use nocturne_psg::RecordingId;

use crate::error::{Error, Result};
use crate::grammar::{Reason, Unreadable};
use crate::live::live_collection::PinnedSpace;
use crate::question::epochs::TextReading;

/// Words that say nothing about what an epoch shows.
const WORDS_WITHOUT_CONTENT: [&str; 75] = [
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
    "without",
];

/// Encodes free words.
///
/// # Errors
///
/// [`Error::Unreadable`] if at least half of the words that say something did not occur in the training of the bundle: their
/// embedding would mean nothing.
pub(crate) fn encode(space: &PinnedSpace, text: &str) -> Result<(Embedding, TextReading)> {
    let encoded = space.bundle.texts.encode_one(text)?;
    let reading = TextReading::from(&encoded);
    let is_unknown = |word: &str| {
        let mut unknown = reading.unknown_words.iter();
        unknown.any(|it| it.eq_ignore_ascii_case(word))
    };
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let has_content = |word: &&str| !WORDS_WITHOUT_CONTENT.contains(&word.to_lowercase().as_str());
    let (unknown, known): (Vec<&str>, Vec<&str>) =
        words.filter(has_content).partition(|word| is_unknown(word));
    // "Sleep" alone says as much as the bundle learned about sleep.
    let asks_for_sleep = unknown.is_empty() && text.to_lowercase().contains("sleep");
    if known.len() > unknown.len() || asks_for_sleep {
        return Ok((encoded.embedding, reading));
    }
    let shown = unknown.first().copied().unwrap_or(text.trim());
    let at = text.find(shown).unwrap_or(0);
    let expected =
        "words about what an epoch shows, most of which occurred in the training of the bundle";
    let problem = Unreadable::new(text, at..at + shown.len(), Reason::UnknownWords, expected);
    Err(Error::Unreadable(Box::new(problem.with_nearest(space.bundle.registry()).in_search())))
}

/// Returns whether none of the hits shows any of the concepts that a text names, by the probabilities of the model. False if
/// the model cannot judge them.
pub(crate) fn matches_nothing(
    space: &PinnedSpace,
    concepts: &[&Concept],
    hits: &[(RecordingId, u32)],
) -> Result<bool> {
    let judged: Vec<(&Concept, Option<f32>)> = concepts
        .iter()
        .filter_map(|concept| match concept.kind {
            Kind::Stage => Some((*concept, None)),
            Kind::Event => {
                let model = space.bundle.calibration()?.concepts.get(&concept.id)?;
                model.quality.is_useful().then_some((*concept, Some(model.threshold)))
            }
            Kind::State | Kind::Measure => None,
        })
        .collect();
    // A concept that the model cannot judge may be what the hits show.
    if judged.is_empty() || judged.len() < concepts.len() {
        return Ok(false);
    }
    let (snapshot, builder) = (space.snapshot(), space.bundle.track_builder()?);
    for (recording, number) in hits {
        let Some(entry) = snapshot.entry(recording) else { continue };
        let (_, track) = space.tracks().tracks(snapshot, builder, &[entry])?.remove(0);
        let Some(track) = track else { return Ok(false) };
        let Some(epoch) = (0..track.n_epochs()).find(|epoch| track.number(*epoch) == *number)
        else {
            continue;
        };
        let shows = |(concept, threshold): &(&Concept, Option<f32>)| {
            let (p, least) = if let Some(threshold) = threshold {
                let column = track.concept(&concept.id);
                (column.and_then(|column| track.probability(column, epoch)), *threshold)
            } else {
                let stages = space.bundle.registry().stages_of(&concept.id);
                let p = track.stage_probabilities(stages)[epoch];
                ((!p.is_nan()).then_some(p), 0.5)
            };
            p.is_none_or(|p| p >= least)
        };
        if judged.iter().any(shows) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the error of a search that found nothing although the recordings have epochs: none of them has the channels.
pub(crate) fn no_channels(concepts: &[&Concept]) -> Error {
    let group = |group: &Vec<Input>| {
        group.iter().map(|input| input.name()).collect::<Vec<_>>().join(" or ")
    };
    let needs = |concept: &&Concept| {
        let groups: Vec<String> = concept.needs.iter().map(group).collect();
        format!("`{}` needs the channel {}", concept.id, groups.join(" and "))
    };
    let needs: Vec<String> = concepts.iter().filter(|it| !it.needs.is_empty()).map(needs).collect();
    let why = format!("{}, which no epoch of the recordings has", needs.join("; "));
    Error::NotRecorded { why }
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
