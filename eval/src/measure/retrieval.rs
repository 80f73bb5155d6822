//! Measures the retrieval of epochs by their captions and of captions by their epochs, in galleries of fixed size.

use std::collections::BTreeMap;

use nocturne_encoder::metrics::{
    Bootstrap, RetrievalPair, UnitSums, average_precision_of_relevant, mean, rank_of_partner,
};
use nocturne_encoder::{Embedding, TextEncoder};
use nocturne_psg::{EventSet, Stage};
use serde::Serialize;

use crate::error::Result;
use crate::intervals::Intervals;
use crate::scored_night::{ScoredEpoch, ScoredNight};

/// Number of epochs in the standard gallery, or all epochs if there are fewer.
const GALLERY: usize = 1000;

/// Retrieval in both directions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RetrievalReport {
    /// From a caption to its epoch, in a gallery of 1,000.
    pub text_to_epoch: Retrieval,
    /// From an epoch to its caption, in a gallery of 1,000.
    pub epoch_to_text: Retrieval,
    /// The same in a larger gallery; `None` if there are not more captions.
    pub large_gallery: Option<LargeGallery>,
}

/// Retrieval both ways in a larger gallery.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LargeGallery {
    /// From a caption to its epoch.
    pub text_to_epoch: Retrieval,
    /// From an epoch to its caption.
    pub epoch_to_text: Retrieval,
}

/// Ranks of the partners of queries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Retrieval {
    /// Share of the queries whose partner ranks first.
    pub r1: f64,
    /// Share of the queries whose partner is among the first 5.
    pub r5: f64,
    /// Share of the queries whose partner is among the first 10.
    pub r10: f64,
    /// Mean reciprocal rank of the partner.
    pub mrr: f64,
    /// Number of pairs in the gallery; a random ranking finds `k / gallery`. Pairs of the same caption are partners of each
    /// other.
    pub gallery: usize,
    /// Number of different captions among them.
    pub captions: usize,
    /// Mean average precision if every item with the same stage and kinds of event is right; in galleries of 1,000 only.
    pub label_map: Option<f64>,
    /// The same for a random ranking: the mean share of the gallery that is right.
    pub label_map_by_chance: Option<f64>,
    /// 95 % intervals; queries are resampled, the gallery stays.
    pub ci95: Intervals,
}

/// An epoch and its caption.
struct Captioned<'a> {
    epoch: &'a ScoredEpoch,
    /// The embedding of the caption.
    text: Embedding,
    /// Number of the wording, equal for equal captions.
    caption: usize,
}

// Indices of the quantities in the sums of a unit.
const R1: usize = 0;
const R5: usize = 1;
const R10: usize = 2;
const MRR: usize = 3;
const PRECISION: usize = 4;
const N: usize = 5;

/// Measures retrieval of up to `largest` captions, spread evenly over all nights, so that the gallery does not depend on
/// random numbers.
pub(crate) fn evaluate(
    nights: &[ScoredNight],
    encoder: &mut TextEncoder,
    bootstrap: &Bootstrap,
    largest: usize,
) -> Result<Option<RetrievalReport>> {
    let epochs: Vec<&ScoredEpoch> = nights
        .iter()
        .flat_map(|night| &night.epochs)
        .filter(|epoch| epoch.caption.is_some())
        .collect();
    if epochs.len() < 2 {
        return Ok(None);
    }
    let gallery = captioned(&spread(&epochs, GALLERY), encoder)?;
    let (text_to_epoch, epoch_to_text) = both_ways(&gallery, bootstrap, true);
    let large_gallery = if epochs.len().min(largest) > GALLERY {
        let gallery = captioned(&spread(&epochs, largest), encoder)?;
        let (text_to_epoch, epoch_to_text) = both_ways(&gallery, bootstrap, false);
        Some(LargeGallery { text_to_epoch, epoch_to_text })
    } else {
        None
    };
    Ok(Some(RetrievalReport { text_to_epoch, epoch_to_text, large_gallery }))
}

/// Returns up to `n` epochs at equal distances.
fn spread<'a>(epochs: &[&'a ScoredEpoch], n: usize) -> Vec<&'a ScoredEpoch> {
    let n = epochs.len().min(n);
    (0..n).map(|i| epochs[i * epochs.len() / n]).collect()
}

/// Encodes the captions, each wording once.
fn captioned<'a>(
    epochs: &[&'a ScoredEpoch],
    encoder: &mut TextEncoder,
) -> Result<Vec<Captioned<'a>>> {
    let mut index_of = BTreeMap::new();
    let mut texts: Vec<&str> = Vec::new();
    let mut captions = Vec::with_capacity(epochs.len());
    for epoch in epochs {
        let text = epoch.caption.as_deref().unwrap_or_default();
        let index = *index_of.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() - 1
        });
        captions.push(index);
    }
    let encoded = encoder.encode_all(&texts)?;
    let pair = |(epoch, caption): (&&'a ScoredEpoch, usize)| Captioned {
        epoch,
        text: encoded[caption].embedding.clone(),
        caption,
    };
    Ok(epochs.iter().zip(captions).map(pair).collect())
}

/// Measures retrieval from captions to epochs and from epochs to captions.
fn both_ways(
    gallery: &[Captioned<'_>],
    bootstrap: &Bootstrap,
    with_labels: bool,
) -> (Retrieval, Retrieval) {
    let text_to_epoch: Vec<RetrievalPair<'_>> = gallery
        .iter()
        .map(|it| RetrievalPair { query: &it.text, item: &it.epoch.embedding, partner: it.caption })
        .collect();
    let epoch_to_text: Vec<RetrievalPair<'_>> = gallery
        .iter()
        .map(|it| RetrievalPair { query: &it.epoch.embedding, item: &it.text, partner: it.caption })
        .collect();
    (
        retrieve(gallery, &text_to_epoch, bootstrap, with_labels),
        retrieve(gallery, &epoch_to_text, bootstrap, with_labels),
    )
}

/// Ranks the items of the gallery for each query, and sums the results by resampling unit.
fn retrieve(
    gallery: &[Captioned<'_>],
    pairs: &[RetrievalPair<'_>],
    bootstrap: &Bootstrap,
    with_labels: bool,
) -> Retrieval {
    let mut sums = UnitSums::new(bootstrap.n_units(), N + 1);
    for (asked, it) in gallery.iter().enumerate() {
        let rank = rank_of_partner(pairs, asked);
        let within = |k: usize| f64::from(u8::from(rank <= k));
        let precision = if with_labels { label_precision(gallery, pairs, asked) } else { 0.0 };
        let quantities = [
            (R1, within(1)),
            (R5, within(5)),
            (R10, within(10)),
            (MRR, 1.0 / rank as f64),
            (PRECISION, precision),
            (N, 1.0),
        ];
        for (quantity, value) in quantities {
            sums.add(it.epoch.unit, quantity, value);
        }
    }
    let share = |weights: &[u32], quantity: usize| {
        let sums = sums.weighted(weights);
        (sums[N] > 0.0).then(|| sums[quantity] / sums[N])
    };
    let once = bootstrap.once();
    let of = |quantity: usize| share(&once, quantity).unwrap_or(0.0);
    let interval = |quantity: usize| bootstrap.interval(|weights| share(weights, quantity));
    let mut ci95 = Intervals::from([
        ("r1", interval(R1)),
        ("r5", interval(R5)),
        ("r10", interval(R10)),
        ("mrr", interval(MRR)),
    ]);
    if with_labels {
        ci95.insert("label_map", interval(PRECISION));
    }
    let captions: std::collections::BTreeSet<usize> = gallery.iter().map(|it| it.caption).collect();
    Retrieval {
        r1: of(R1),
        r5: of(R5),
        r10: of(R10),
        mrr: of(MRR),
        gallery: gallery.len(),
        captions: captions.len(),
        label_map: with_labels.then(|| of(PRECISION)),
        label_map_by_chance: if with_labels { label_map_by_chance(gallery) } else { None },
        ci95,
    }
}

/// The property that an item must share with a query to be relevant.
fn labels(it: &Captioned<'_>) -> (Option<Stage>, EventSet) {
    (it.epoch.stage, it.epoch.events)
}

fn label_precision(gallery: &[Captioned<'_>], pairs: &[RetrievalPair<'_>], asked: usize) -> f64 {
    let items = pairs.iter().zip(gallery);
    let items = items.map(|(pair, it)| (pair.item, labels(it) == labels(&gallery[asked])));
    average_precision_of_relevant(pairs[asked].query, items).expect("a query's own item is right")
}

fn label_map_by_chance(gallery: &[Captioned<'_>]) -> Option<f64> {
    let mut counts: BTreeMap<(Option<usize>, u32), usize> = BTreeMap::new();
    let key = |it: &Captioned<'_>| (it.epoch.stage.map(Stage::index), it.epoch.events.bits());
    gallery.iter().for_each(|it| *counts.entry(key(it)).or_default() += 1);
    mean(gallery.iter().map(|it| counts[&key(it)] as f64 / gallery.len() as f64))
}
