//! Spherical k-means on 8-bit codes: finds centroids, and the nearest centroid of each row.
//!
//! Rows and centroids are compared by the products of their codes, which take half the time of products in single
//! precision (`BENCHMARKS.md`, "64 labels"). Nothing is random: the same rows always give the same centroids.

use super::kernel::{Kernel, LINE};
use super::{Int8Codes, parallel};

/// Rows per centroid in each round. A few rows show where the clusters are; more of them locate their means. Further
/// rounds hardly change the clusters.
const ROUNDS: [usize; 6] = [8, 8, 8, 16, 16, ROWS_PER_CENTROID];

/// Rows per centroid from which the final centroids are computed.
pub(crate) const ROWS_PER_CENTROID: usize = 32;

/// Rows, and centroids, whose table of products stays in the first-level cache.
const TILE: usize = 64;

/// Returns `n` centroids of unit length, or as many as there are rows.
///
/// The initial centroids are rows at equal distances, so that rows of many recordings are among them.
pub(crate) fn centroids(rows: &Int8Codes, n: usize) -> Int8Codes {
    let n = n.min(rows.len());
    let mut centroids = Int8Codes::with_capacity(rows.dim(), n);
    (0..n).for_each(|i| centroids.push(&rows.reconstruct(i * rows.len() / n)));
    for (round, rows_per_centroid) in ROUNDS.into_iter().enumerate() {
        let sample = evenly_spaced(rows, n * rows_per_centroid);
        let nearest = nearest(&sample, &centroids);
        centroids = means(&sample, &nearest, n, round);
    }
    centroids
}

/// Returns `n` evenly spaced rows, or all if there are fewer.
fn evenly_spaced(rows: &Int8Codes, n: usize) -> Int8Codes {
    let n = n.min(rows.len());
    let mut sample = Int8Codes::with_capacity(rows.dim(), n);
    (0..n).for_each(|i| sample.push_row_of(rows, i * rows.len() / n));
    sample
}

/// Returns the nearest centroid of each row, by inner product.
pub(crate) fn nearest(rows: &Int8Codes, centroids: &Int8Codes) -> Vec<u32> {
    let ranges = parallel::ranges((0..rows.len().div_ceil(TILE)).map(|_| TILE));
    let nearest = parallel::map(ranges, |tiles| {
        let mut nearest = vec![0; (tiles.end * TILE).min(rows.len()) - tiles.start * TILE];
        let mut products = vec![0; TILE * TILE];
        for (tile, nearest) in tiles.zip(nearest.chunks_mut(TILE)) {
            nearest_of_tile(rows, tile * TILE, centroids, nearest, &mut products);
        }
        nearest
    });
    nearest.concat()
}

/// Finds the nearest centroids of the rows from `start` on, one for each element of `nearest`.
///
/// Rows and centroids are multiplied in tiles, so that each row is loaded once per 64 centroids instead of once per
/// centroid.
fn nearest_of_tile(
    rows: &Int8Codes,
    start: usize,
    centroids: &Int8Codes,
    nearest: &mut [u32],
    products: &mut [i32],
) {
    let kernel = Kernel::best();
    let n = nearest.len();
    let mut best = [f32::NEG_INFINITY; TILE];
    for first in (0..centroids.len()).step_by(TILE) {
        let tile = first..centroids.len().min(first + TILE);
        let products = &mut products[..tile.len() * n];
        let (rows, lines) = (rows.lines(start..start + n), centroids.lines(tile.clone()));
        kernel.product(rows, lines, centroids.n_lines(), products);
        for (centroid, products) in tile.zip(products.chunks_exact(n)) {
            // The row's scale is left out: it is the same for all centroids and changes no comparison.
            let scale = centroids.scales()[centroid];
            for ((product, best), nearest) in products.iter().zip(&mut best).zip(&mut *nearest) {
                let score = *product as f32 * scale;
                // Two selections without a branch, which the compiler vectorises.
                let is_better = score > *best;
                *best = if is_better { score } else { *best };
                *nearest = if is_better { centroid as u32 } else { *nearest };
            }
        }
    }
}

/// Returns the mean of the rows of each cluster, scaled to unit length.
///
/// A cluster that has no rows, or whose mean has no direction, restarts at another row.
fn means(rows: &Int8Codes, nearest: &[u32], n: usize, round: usize) -> Int8Codes {
    /// A prime larger than the number of rows: its multiples modulo that number visit every row before one repeats.
    const STEP: usize = 4_294_967_291;
    let dim = rows.dim();
    let mut sums = vec![0.0_f32; n * dim];
    for (row, cluster) in nearest.iter().enumerate() {
        let scale = rows.scales()[row];
        let sum = &mut sums[*cluster as usize * dim..][..dim];
        for (sum, line) in sum.chunks_mut(LINE).zip(rows.lines(row..row + 1)) {
            sum.iter_mut().zip(line.0).for_each(|(sum, code)| *sum += scale * f32::from(code));
        }
    }
    let mut means = Int8Codes::with_capacity(dim, n);
    for (cluster, sum) in sums.chunks_exact_mut(dim).enumerate() {
        let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 1e-6 {
            sum.iter_mut().for_each(|value| *value /= length);
            means.push(sum);
        } else {
            means.push(&rows.reconstruct((cluster + round + 1).wrapping_mul(STEP) % rows.len()));
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

    /// Returns rows near a few directions, and the direction of each row.
    fn clustered(n: usize, n_clusters: usize, dim: usize) -> (Int8Codes, Vec<usize>) {
        let mut random = Pcg64Mcg::seed_from_u64(6);
        let mut direction = |spread: f32| -> Vec<f32> {
            (0..dim).map(|_| spread * random.random_range(-1.0..1.0)).collect()
        };
        let centres: Vec<_> = (0..n_clusters).map(|_| direction(1.0)).collect();
        // Rows of a cluster are consecutive, as epochs of a stage are.
        let clusters: Vec<usize> = (0..n).map(|row| row * n_clusters / n).collect();
        let near = |cluster: &usize| {
            let pairs = centres[*cluster].iter().zip(direction(0.1));
            Embedding::new(pairs.map(|(centre, away)| centre + away).collect()).unwrap()
        };
        let rows: Vec<_> = clusters.iter().map(near).collect();
        (Int8Codes::of(dim, &rows), clusters)
    }

    #[test]
    fn nearest_centroid_has_the_largest_product() {
        let (rows, _) = clustered(150, 9, 70);
        let (others, _) = clustered(131, 5, 70);
        let mut scores = vec![0.0; 150 * 131];
        rows.score(0..150, &others, &mut scores);
        for (row, nearest) in nearest(&rows, &others).into_iter().enumerate() {
            let scores = &scores[row * 131..][..131];
            let max = scores.iter().copied().fold(f32::MIN, f32::max);
            assert!((scores[nearest as usize] - max).abs() < 1e-6, "{row}");
        }
    }

    #[test]
    fn recovers_clusters() {
        let (rows, clusters) = clustered(900, 12, 64);
        let centroids = centroids(&rows, 12);
        let nearest = nearest(&rows, &centroids);
        let pairs: std::collections::BTreeSet<_> = nearest.iter().zip(&clusters).collect();
        assert_eq!(pairs.len(), 12, "{pairs:?}");
    }

    #[test]
    fn there_are_at_most_as_many_centroids_as_rows() {
        let (rows, _) = clustered(3, 3, 8);
        assert_eq!(centroids(&rows, 10).len(), 3);
        assert_eq!(centroids(&Int8Codes::with_capacity(8, 0), 10).len(), 0);
        let same = Int8Codes::of(2, &vec![Embedding::new(vec![1.0, 0.0]).unwrap(); 9]);
        assert_eq!(nearest(&same, &centroids(&same, 4)), [0; 9]);
    }
}
