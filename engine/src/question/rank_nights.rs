//! Nights ranked by similarity to words. This measures nothing: there are no rates, intervals or bounds.

use nocturne_index::{Filter, LocationName};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::grammar::{Named, named_concepts, parse_expression};
use crate::live::live_collection::PinnedSpace;
use crate::question::epochs::{EpochHit, TextReading};
use crate::question::free_words;
use crate::question::limits::{check_hits, check_text};
use crate::question::nights::evidence::track_hit;

/// Number of epochs of a night whose mean cosine is its score: ten minutes.
const N_BEST: usize = 20;
/// Number of epochs that are shown for each night.
const N_SHOWN: usize = 3;
/// Maximum number of recordings on a server, whose vectors have to be sent.
const MAX_ON_SERVER: usize = 1000;

/// Words to rank nights by.
#[derive(Debug, Clone, PartialEq)]
pub struct RankRequest {
    /// The words.
    pub text: String,
    /// Which epochs count.
    pub filter: Filter,
    /// Maximum number of nights (1–1000).
    pub k: usize,
}

/// Nights by similarity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightRanking {
    /// The nights, the most similar first.
    pub nights: Vec<NightRank>,
    /// Which parts of the words were not understood.
    pub reading: TextReading,
    /// Whether the words name concepts that none of the listed epochs shows, by the probabilities of the model.
    pub nothing_matches: bool,
    /// Recordings that were not searched: damaged, or not yet completely uploaded to Qdrant.
    pub missing: Vec<String>,
}

/// A night and its similarity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightRank {
    /// Name of the recording.
    pub recording: String,
    /// Mean cosine of its 20 most similar epochs.
    pub score: f32,
    /// The most similar epochs.
    pub epochs: Vec<EpochHit>,
}

/// See [`Engine::rank_nights`](crate::Engine::rank_nights).
pub(crate) fn rank_nights(
    space: &PinnedSpace,
    request: RankRequest,
    mut progress: impl FnMut(usize, usize),
) -> Result<NightRanking> {
    let RankRequest { text, filter, k } = request;
    let (text, k) = (check_text("text", &text)?, check_hits("top_k", k)?);
    let registry = space.bundle.registry();
    let unreadable =
        |problem: crate::grammar::Unreadable| Error::Unreadable(Box::new(problem.in_search()));
    let expected = "words about what the encoder sees: it sees no negation, position, saturation, snoring or leg movement";
    if parse_expression(text, registry).map_err(unreadable)?.is_some() {
        return Err(Error::field("text", format!("`{text}`"), expected));
    }
    let Named::ForTheEncoder(concepts) = named_concepts(text, registry).map_err(unreadable)? else {
        return Err(Error::field("text", format!("`{text}`"), expected));
    };
    space.snapshot().check_filter(&filter)?;
    let (embedding, reading) = free_words::encode(space, text)?;
    let filter = free_words::with_channels_of(filter, &concepts)?;
    let snapshot = space.snapshot();
    snapshot.check_filter(&filter)?;
    let entries: Vec<_> =
        snapshot.entries().into_iter().filter(|entry| filter.may_allow(entry)).collect();
    if matches!(snapshot.location(), LocationName::Address(_)) && entries.len() > MAX_ON_SERVER {
        let expected = format!(
            "at most {MAX_ON_SERVER} on a server, whose vectors have to be read; restrict the recordings by a filter, or ask \
             for a known concept"
        );
        return Err(Error::field("recordings", entries.len(), expected));
    }
    let builder = space.bundle.track_builder()?;
    let mut missing: Vec<String> =
        snapshot.missing().into_iter().map(|(id, _)| id.to_string()).collect();
    let mut nights = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        progress(i, entries.len());
        let recording = match snapshot.recording(&entry.id) {
            Ok(recording) => recording,
            Err(error) if error.is_damage() => {
                missing.push(entry.id.to_string());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Some(rows) = recording.filter(&filter) else { continue };
        let mut cosines: Vec<(usize, f32)> = Vec::new();
        for row in (0..recording.n_epochs()).filter(|row| rows.allows(*row)) {
            let cosine = recording.cosines(row, std::slice::from_ref(&embedding))?[0];
            cosines.push((row, cosine));
        }
        cosines.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        cosines.truncate(N_BEST);
        if cosines.is_empty() {
            continue;
        }
        let (_, track) = space.tracks().tracks(snapshot, builder, &[entry])?.remove(0);
        let shown = cosines.iter().take(N_SHOWN);
        let epochs = track.iter().flat_map(|track| {
            shown.clone().map(|(row, cosine)| track_hit(track, entry, *row, *cosine))
        });
        nights.push(NightRank {
            recording: entry.id.to_string(),
            score: cosines.iter().map(|(_, cosine)| cosine).sum::<f32>() / cosines.len() as f32,
            epochs: epochs.collect(),
        });
    }
    if nights.is_empty() && !entries.is_empty() && !concepts.is_empty() {
        return Err(free_words::no_channels(&concepts));
    }
    nights.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.recording.cmp(&b.recording)));
    nights.truncate(k);
    let found = nights.iter().flat_map(|night| &night.epochs);
    let found: Vec<_> =
        found.filter_map(|hit| Some((hit.recording.parse().ok()?, hit.epoch))).collect();
    missing.sort();
    missing.dedup();
    let nothing_matches = free_words::matches_nothing(space, &concepts, &found)?;
    Ok(NightRanking { nights, reading, nothing_matches, missing })
}

#[cfg(test)]
mod tests {
    use nocturne_encoder::PromptSet;

    use super::*;
    use crate::tests::collections::{night, pinned};

    fn rank(text: &str) -> Result<NightRanking> {
        let (_folder, space) = pinned([night("a", "2!222"), night("b", "2!2!2!2")]);
        let request = RankRequest { text: text.to_owned(), filter: Filter::default(), k: 10 };
        rank_nights(&space, request, |_, _| ())
    }

    #[test]
    fn nights_are_ranked_by_their_most_similar_epochs() {
        let arousal = PromptSet::events().label("arousal").unwrap();
        let ranking = rank(&arousal.prompts[0]).unwrap();
        let names: Vec<&str> = ranking.nights.iter().map(|it| it.recording.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        assert!(ranking.nights[0].score > ranking.nights[1].score);
        assert_eq!(ranking.nights[0].epochs.len(), N_SHOWN);
        assert!(!ranking.nothing_matches);
    }

    #[test]
    fn what_a_similarity_cannot_express_is_refused() {
        for text in ["no arousals", "supine"] {
            let error = rank(text).unwrap_err().to_string();
            assert!(error.contains("expected words about what the encoder sees"), "{error}");
        }
    }
}
