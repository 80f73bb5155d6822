//! Captions to epochs and back, in a gallery of fixed size.

use std::collections::BTreeMap;

use nocturne_encoder::{Embedding, TextEncoder};
use serde::Serialize;

use super::scored_night::ScoredNight;
use crate::Result;

/// Epochs in the gallery, where there are as many.
const GALLERY: usize = 1000;

/// Retrieval both ways.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RetrievalReport {
    /// From a caption to its epoch.
    pub text_to_epoch: Retrieval,
    /// From an epoch to its caption.
    pub epoch_to_text: Retrieval,
}

/// How often the partner is among the best.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Retrieval {
    /// Share whose partner comes first.
    pub r1: f64,
    /// Share whose partner is among the first five.
    pub r5: f64,
    /// Share whose partner is among the first ten.
    pub r10: f64,
    /// Mean of one over the partner's rank.
    pub mrr: f64,
    /// Pairs in the gallery; chance finds `k / gallery`.
    pub gallery: usize,
}

/// A pair of an epoch and its caption. Pairs of one caption are partners of each other.
struct Pair {
    epoch: Embedding,
    text: Embedding,
    caption: usize,
}

pub(super) fn evaluate(
    nights: &[ScoredNight],
    encoder: &mut TextEncoder,
) -> Result<Option<RetrievalReport>> {
    let captioned: Vec<(&Embedding, &String)> = nights
        .iter()
        .flat_map(|night| &night.epochs)
        .filter_map(|epoch| Some((&epoch.embedding, epoch.caption.as_ref()?)))
        .collect();
    if captioned.len() < 2 {
        return Ok(None);
    }
    // Spread evenly over all nights, so that the gallery needs no drawing.
    let n = captioned.len().min(GALLERY);
    let chosen: Vec<_> = (0..n).map(|i| captioned[i * captioned.len() / n]).collect();
    let texts: Vec<&String> = chosen.iter().map(|(_, caption)| *caption).collect();
    let encoded = encoder.encode_all(&texts)?;
    let mut numbers = BTreeMap::new();
    let pairs: Vec<Pair> = chosen
        .iter()
        .zip(encoded)
        .map(|((epoch, caption), text)| {
            let next = numbers.len();
            let caption = *numbers.entry((*caption).clone()).or_insert(next);
            Pair { epoch: (*epoch).clone(), text: text.embedding, caption }
        })
        .collect();
    Ok(Some(RetrievalReport {
        text_to_epoch: retrieve(&pairs, |pair| &pair.text, |pair| &pair.epoch),
        epoch_to_text: retrieve(&pairs, |pair| &pair.epoch, |pair| &pair.text),
    }))
}

fn retrieve(
    pairs: &[Pair],
    query: impl Fn(&Pair) -> &Embedding,
    item: impl Fn(&Pair) -> &Embedding,
) -> Retrieval {
    let ranks: Vec<usize> =
        pairs.iter().map(|pair| rank(pairs, pair, query(pair), &item)).collect();
    let n = ranks.len() as f64;
    let within = |k: usize| ranks.iter().filter(|rank| **rank <= k).count() as f64 / n;
    let mrr = ranks.iter().map(|rank| 1.0 / *rank as f64).sum::<f64>() / n;
    Retrieval { r1: within(1), r5: within(5), r10: within(10), mrr, gallery: pairs.len() }
}

/// Returns the rank, from 1, of the best partner; items of the same score that are no partners come before it.
fn rank(
    pairs: &[Pair],
    asked: &Pair,
    query: &Embedding,
    item: &impl Fn(&Pair) -> &Embedding,
) -> usize {
    let score = |pair: &Pair| query.cosine(item(pair));
    let is_partner = |pair: &&Pair| pair.caption == asked.caption;
    let best = pairs.iter().filter(is_partner).map(score).fold(f32::NEG_INFINITY, f32::max);
    1 + pairs.iter().filter(|pair| !is_partner(pair) && score(pair) >= best).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(epoch: [f32; 2], text: [f32; 2], caption: usize) -> Pair {
        let embedding = |numbers: [f32; 2]| Embedding::new(numbers.to_vec()).unwrap();
        Pair { epoch: embedding(epoch), text: embedding(text), caption }
    }

    #[test]
    fn partner_is_ranked_among_the_others() {
        let pairs = [
            pair([1.0, 0.0], [1.0, 0.1], 0),
            pair([0.0, 1.0], [0.1, 1.0], 1),
            pair([1.0, 1.0], [1.0, -1.0], 2),
        ];
        let found = retrieve(&pairs, |pair| &pair.text, |pair| &pair.epoch);
        assert!((found.r1 - 2.0 / 3.0).abs() < 1e-9, "{found:?}");
        assert!((found.mrr - (1.0 + 1.0 + 0.5) / 3.0).abs() < 1e-9, "{found:?}");
        assert_eq!((found.r5, found.gallery), (1.0, 3));
    }

    #[test]
    fn epochs_of_one_caption_are_partners() {
        let pairs = [pair([1.0, 0.0], [0.0, 1.0], 0), pair([0.0, 1.0], [0.0, 1.0], 0)];
        assert_eq!(retrieve(&pairs, |pair| &pair.text, |pair| &pair.epoch).r1, 1.0);
    }
}
