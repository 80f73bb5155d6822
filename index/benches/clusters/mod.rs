//! Vectors to measure with, made from a seed: they lie in clusters, as stages and subjects make them.

use anyhow::Result;
use nocturne_encoder::Embedding;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

/// Epochs of a night of eight hours.
pub(crate) const NIGHT: usize = 960;
/// Clusters in which epochs lie.
const CLUSTERS: usize = 200;

/// Returns the middles of the clusters.
pub(crate) fn centres(dim: usize, random: &mut Pcg64Mcg) -> Vec<Vec<f32>> {
    (0..CLUSTERS).map(|_| direction(dim, random)).collect()
}

/// Returns some epochs, each of one of the clusters.
pub(crate) fn epochs(
    n: usize,
    centres: &[Vec<f32>],
    random: &mut Pcg64Mcg,
) -> Result<Vec<Embedding>> {
    (0..n).map(|_| near_one_of(centres, random)).collect()
}

fn near_one_of(centres: &[Vec<f32>], random: &mut Pcg64Mcg) -> Result<Embedding> {
    let centre = &centres[random.random_range(0..centres.len())];
    let away = direction(centre.len(), random);
    let vector = centre.iter().zip(away).map(|(centre, away)| centre + 0.5 * away).collect();
    Ok(Embedding::new(vector)?)
}

/// Returns a direction that is uniform enough: numbers of a cube, brought to length 1.
fn direction(dim: usize, random: &mut Pcg64Mcg) -> Vec<f32> {
    let vector: Vec<f32> = (0..dim).map(|_| random.random_range(-1.0..1.0)).collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.into_iter().map(|number| number / length).collect()
}
