//! Does a query find its partner in a gallery?

use super::Ranking;
use crate::Embedding;

/// A pair in a gallery, of which one side is asked and the other is found.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// What is asked.
    pub query: &'a Embedding,
    /// What is found.
    pub item: &'a Embedding,
    /// Pairs of one number are partners of each other, such as those of one caption.
    pub partner: usize,
}

/// Returns the rank, from 1, of the best partner of the pair at place `asked`; items of the same score that are no
/// partners come before it.
///
/// # Panics
///
/// Panics where there is no such place.
pub fn rank_of_partner(gallery: &[Pair<'_>], asked: usize) -> usize {
    let Pair { query, partner, .. } = gallery[asked];
    let scores: Vec<f32> = gallery.iter().map(|pair| query.cosine(pair.item)).collect();
    let is_partner = |pair: &Pair<'_>| pair.partner == partner;
    let partners = gallery.iter().zip(&scores).filter(|(pair, _)| is_partner(pair));
    let best = partners.map(|(_, score)| *score).fold(f32::NEG_INFINITY, f32::max);
    let before = |(pair, score): &(&Pair<'_>, &f32)| **score >= best && !is_partner(pair);
    1 + gallery.iter().zip(&scores).filter(before).count()
}

/// Returns the average precision of a query over a whole gallery: the mean, over the relevant items, of the share of
/// relevant ones among those at least as near. `None` where nothing is relevant.
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
        let gallery: Vec<Pair<'_>> = sides
            .iter()
            .map(|(query, item, partner)| Pair { query, item, partner: *partner })
            .collect();
        (0..gallery.len()).map(|asked| rank_of_partner(&gallery, asked)).collect()
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
    fn pairs_of_one_number_are_partners() {
        let pairs = [([0.0, 1.0], [1.0, 0.0], 0), ([0.0, 1.0], [0.0, 1.0], 0)];
        assert_eq!(ranks(&pairs), [1, 1]);
    }

    #[test]
    fn other_items_of_the_same_score_come_first() {
        let pairs = [([0.0, 1.0], [0.0, 1.0], 0), ([1.0, 0.0], [0.0, 1.0], 1)];
        assert_eq!(ranks(&pairs), [2, 2]);
    }
}
