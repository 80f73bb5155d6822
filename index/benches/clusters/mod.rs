//! Clustered vectors generated from a seed, because the epochs of a stage or a subject form clusters.

use anyhow::Result;
use nocturne_encoder::Embedding;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

/// Number of epochs in a night of eight hours.
pub(crate) const NIGHT: usize = 960;
/// Number of clusters.
const CLUSTERS: usize = 200;

/// Returns the centres of the clusters.
pub(crate) fn centres(dim: usize, random: &mut Pcg64Mcg) -> Vec<Vec<f32>> {
    (0..CLUSTERS).map(|_| direction(dim, random)).collect()
}

/// Returns `n` epochs, each near a random centre.
pub(crate) fn epochs(
    n: usize,
    centres: &[Vec<f32>],
    random: &mut Pcg64Mcg,
) -> Result<Vec<Embedding>> {
    (0..n).map(|_| near_a_centre(centres, random)).collect()
}

fn near_a_centre(centres: &[Vec<f32>], random: &mut Pcg64Mcg) -> Result<Embedding> {
    let centre = &centres[random.random_range(0..centres.len())];
    let noise = direction(centre.len(), random);
    let vector = centre.iter().zip(noise).map(|(centre, noise)| centre + 0.5 * noise).collect();
    Ok(Embedding::new(vector)?)
}

/// Returns a random direction: a point in a cube, scaled to length 1, which is uniform enough here.
fn direction(dim: usize, random: &mut Pcg64Mcg) -> Vec<f32> {
    let vector: Vec<f32> = (0..dim).map(|_| random.random_range(-1.0..1.0)).collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.into_iter().map(|number| number / length).collect()
}
