//! Retrieval metrics: the rank of a query's partner in a gallery.

use super::Ranking;
use crate::embedding::Embedding;

/// A pair in a gallery: a query and the item that it should retrieve.
#[derive(Debug, Clone, Copy)]
pub struct RetrievalPair<'a> {
    /// The query.
    pub query: &'a Embedding,
    /// The item.
    pub item: &'a Embedding,
    /// Pairs with the same number are partners of each other, such as those of one caption.
    pub partner: usize,
}

/// Returns the rank, from 1, of the best partner of pair `pair_idx`; other items with the same score rank before it.
///
/// # Panics
///
/// Panics if there is no such pair.
pub fn rank_of_partner(gallery: &[RetrievalPair<'_>], pair_idx: usize) -> usize {
    let RetrievalPair { query, partner, .. } = gallery[pair_idx];
    let scores: Vec<f32> = gallery.iter().map(|pair| query.cosine(pair.item)).collect();
    let is_partner = |pair: &RetrievalPair<'_>| pair.partner == partner;
    let partners = gallery.iter().zip(&scores).filter(|(pair, _)| is_partner(pair));
    let best = partners.map(|(_, score)| *score).fold(f32::NEG_INFINITY, f32::max);
    let before = |(pair, score): &(&RetrievalPair<'_>, &f32)| **score >= best && !is_partner(pair);
    1 + gallery.iter().zip(&scores).filter(before).count()
}

/// Returns the average precision of a query over a gallery of items, each with whether it is relevant; `None` if no item
/// is relevant.
pub fn average_precision_of_relevant<'a>(
    query: &Embedding,
    gallery: impl IntoIterator<Item = (&'a Embedding, bool)>,
) -> Option<f64> {
    let scored =
        gallery.into_iter().map(|(item, is_relevant)| (query.cosine(item), is_relevant, 0));
    Ranking::new(scored).average_precision(&[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedding(numbers: [f32; 2]) -> Embedding {
        Embedding::new(numbers.to_vec()).unwrap()
    }

    fn ranks(pairs: &[([f32; 2], [f32; 2], usize)]) -> Vec<usize> {
        let sides: Vec<(Embedding, Embedding, usize)> = pairs
            .iter()
            .map(|(query, item, partner)| (embedding(*query), embedding(*item), *partner))
            .collect();
        let gallery: Vec<RetrievalPair<'_>> = sides
            .iter()
            .map(|(query, item, partner)| RetrievalPair { query, item, partner: *partner })
            .collect();
        (0..gallery.len()).map(|pair_idx| rank_of_partner(&gallery, pair_idx)).collect()
    }

    #[test]
    fn partner_is_ranked_among_the_others() {
        let pairs = [
            ([1.0, 0.1], [1.0, 0.0], 0),
            ([0.1, 1.0], [0.0, 1.0], 1),
            ([1.0, -1.0], [1.0, 1.0], 2),
        ];
        assert_eq!(ranks(&pairs), [1, 1, 2]);
    }

    #[test]
    fn pairs_with_the_same_number_are_partners() {
        let pairs = [([0.0, 1.0], [1.0, 0.0], 0), ([0.0, 1.0], [0.0, 1.0], 0)];
        assert_eq!(ranks(&pairs), [1, 1]);
    }

    #[test]
    fn other_items_with_the_same_score_rank_first() {
        let pairs = [([0.0, 1.0], [0.0, 1.0], 0), ([1.0, 0.0], [0.0, 1.0], 1)];
        assert_eq!(ranks(&pairs), [2, 2]);
    }
}
