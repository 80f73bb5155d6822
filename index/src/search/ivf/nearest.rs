//! Groups of rows that point the same way: k-means on the sphere, with the products of 8-bit codes.

use crate::search::threads;
use crate::vector::Codes;
use crate::vector::kernel::{Kernel, LINE};

/// Rows for each group that each round looks at: a few tell where the groups are, and more of them where their middles are.
/// Beyond, the groups hardly change.
const ROUNDS: [usize; 6] = [8, 8, 8, 16, 16, SAMPLE];

/// Rows for each group from which its middle is found.
pub(crate) const SAMPLE: usize = 32;

/// Rows, and middles, of which a table of products stays in the first-level cache.
const TILE: usize = 64;

/// Returns the middles of `n` groups of rows, or of as many as there are rows; each of length 1.
///
/// The groups begin at rows that are evenly spread, so that the same rows always give the same middles.
pub(crate) fn middles(rows: &Codes, n: usize) -> Codes {
    let n = n.min(rows.len());
    let mut middles = Codes::with_room(rows.dim(), n);
    (0..n).for_each(|place| middles.push(&rows.numbers(place * rows.len() / n)));
    for (round, rows_of_group) in ROUNDS.into_iter().enumerate() {
        let some = evenly_spread(rows, n * rows_of_group);
        let nearest = nearest(&some, &middles);
        middles = means(&some, &nearest, n, round);
    }
    middles
}

/// Returns `n` of some rows, or as many as there are.
fn evenly_spread(rows: &Codes, n: usize) -> Codes {
    let n = n.min(rows.len());
    let mut some = Codes::with_room(rows.dim(), n);
    (0..n).for_each(|place| some.push_row_of(rows, place * rows.len() / n));
    some
}

/// Returns for each row the place of the middle with which its product is greatest.
pub(crate) fn nearest(rows: &Codes, middles: &Codes) -> Vec<u32> {
    let parts = threads::parts((0..rows.len().div_ceil(TILE)).map(|_| TILE));
    let found = threads::in_parts(parts, |part| {
        let mut nearest = vec![0; (part.end * TILE).min(rows.len()) - part.start * TILE];
        let mut products = vec![0; TILE * TILE];
        for (tile, nearest) in part.zip(nearest.chunks_mut(TILE)) {
            nearest_of_tile(rows, tile * TILE, middles, nearest, &mut products);
        }
        nearest
    });
    found.concat()
}

fn nearest_of_tile(
    rows: &Codes,
    start: usize,
    middles: &Codes,
    nearest: &mut [u32],
    products: &mut [i32],
) {
    let kernel = Kernel::best();
    let n = nearest.len();
    let mut best = [f32::NEG_INFINITY; TILE];
    for first in (0..middles.len()).step_by(TILE) {
        let some = first..middles.len().min(first + TILE);
        let products = &mut products[..some.len() * n];
        let (rows, lines) = (rows.lines(start..start + n), middles.lines(some.clone()));
        kernel.product(rows, lines, middles.n_lines(), products);
        for (middle, products) in some.zip(products.chunks_exact(n)) {
            // A row's own scale is the same for all middles.
            let scale = middles.scales()[middle];
            for ((product, best), nearest) in products.iter().zip(&mut best).zip(&mut *nearest) {
                let score = *product as f32 * scale;
                let is_better = score > *best;
                *best = if is_better { score } else { *best };
                *nearest = if is_better { middle as u32 } else { *nearest };
            }
        }
    }
}

/// Returns the mean of each group at length 1. A group without rows, or without direction, begins anew at some row.
fn means(rows: &Codes, nearest: &[u32], n: usize, round: usize) -> Codes {
    /// A step that visits all rows before one comes again, for it is a prime beyond their number.
    const STEP: usize = 4_294_967_291;
    let dim = rows.dim();
    let mut sums = vec![0.0_f32; n * dim];
    for (row, group) in nearest.iter().enumerate() {
        let scale = rows.scales()[row];
        let sum = &mut sums[*group as usize * dim..][..dim];
        for (sum, line) in sum.chunks_mut(LINE).zip(rows.lines(row..row + 1)) {
            sum.iter_mut().zip(line.0).for_each(|(sum, code)| *sum += scale * f32::from(code));
        }
    }
    let mut means = Codes::with_room(dim, n);
    for (group, sum) in sums.chunks_exact_mut(dim).enumerate() {
        let length = sum.iter().map(|number| number * number).sum::<f32>().sqrt();
        if length > 1e-6 {
            sum.iter_mut().for_each(|number| *number /= length);
            means.push(sum);
        } else {
            means.push(&rows.numbers((group + round + 1).wrapping_mul(STEP) % rows.len()));
        }
    }
    means
}

#[cfg(test)]
mod tests {
    use nocturne_encoder::Embedding;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Rows near to a few directions, and which of these each of them is near to.
    fn clustered(n: usize, n_groups: usize, dim: usize) -> (Codes, Vec<usize>) {
        let mut random = Pcg64Mcg::seed_from_u64(6);
        let mut direction = |spread: f32| -> Vec<f32> {
            (0..dim).map(|_| spread * random.random_range(-1.0..1.0)).collect()
        };
        let centres: Vec<_> = (0..n_groups).map(|_| direction(1.0)).collect();
        // As epochs of a stage do, rows of a group follow one another.
        let groups: Vec<usize> = (0..n).map(|row| row * n_groups / n).collect();
        let near = |group: &usize| {
            let pairs = centres[*group].iter().zip(direction(0.1));
            Embedding::new(pairs.map(|(centre, away)| centre + away).collect()).unwrap()
        };
        let rows: Vec<_> = groups.iter().map(near).collect();
        (Codes::of(dim, &rows), groups)
    }

    #[test]
    fn nearest_is_the_greatest_product() {
        let (rows, _) = clustered(150, 9, 70);
        let (others, _) = clustered(131, 5, 70);
        let mut scores = vec![0.0; 150 * 131];
        rows.score(0..150, &others, &mut scores);
        for (row, nearest) in nearest(&rows, &others).into_iter().enumerate() {
            let scores = &scores[row * 131..][..131];
            let greatest = scores.iter().copied().fold(f32::MIN, f32::max);
            assert!((scores[nearest as usize] - greatest).abs() < 1e-6, "{row}");
        }
    }

    #[test]
    fn groups_are_found_again() {
        let (rows, groups) = clustered(900, 12, 64);
        let middles = middles(&rows, 12);
        let found = nearest(&rows, &middles);
        let pairs: std::collections::BTreeSet<_> = found.iter().zip(&groups).collect();
        assert_eq!(pairs.len(), 12, "{pairs:?}");
    }

    #[test]
    fn there_are_no_more_middles_than_rows() {
        let (rows, _) = clustered(3, 3, 8);
        assert_eq!(middles(&rows, 10).len(), 3);
        assert_eq!(middles(&Codes::with_room(8, 0), 10).len(), 0);
        let same = Codes::of(2, &vec![Embedding::new(vec![1.0, 0.0]).unwrap(); 9]);
        assert_eq!(nearest(&same, &middles(&same, 4)), [0; 9]);
    }
}
