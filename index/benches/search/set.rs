//! Epochs to search and queries: generated from a seed, or read from files.
//!
//! The generated set has the property that makes searching epochs by texts hard: epochs are in one cone and texts in
//! another. An epoch is the sum of a concept, a subject and a slow random walk in 32 dimensions, and noise in all:
//!
//! ```text
//! epoch = unit(0.8 · m₁ + W (concept + 0.5 · subject + 0.45 · walk) + 0.25 · noise)
//! text  = unit(0.8 · m₂ + W (mean of one or two concepts) + 0.3 · noise),   cos(m₁, m₂) = 0.15
//! ```

use std::path::Path;

use anyhow::{Result, ensure};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::npy;

/// Number of epochs in a recording.
pub(crate) const NIGHT: usize = 1000;
const CONCEPTS: usize = 40;
const INNER: usize = 32;
/// Probability that an epoch has the concept of the previous one.
const STICKY: f32 = 0.95;
const QUERIES: usize = 500;

const EPOCH: &str = "epoch";
const TEXT: &str = "text";

/// Vectors of unit length, by rows.
pub(crate) struct Rows {
    pub(crate) dim: usize,
    pub(crate) numbers: Vec<f32>,
}

/// Epochs to search, and queries.
pub(crate) struct Set {
    pub(crate) epochs: Rows,
    /// Each kind of query by name: `epoch` for epochs of held-out recordings, `text`, or `given`.
    pub(crate) queries: Vec<(&'static str, Rows)>,
    /// If given: for each query of the only kind, the row numbers of its nearest epochs.
    pub(crate) truth: Option<Vec<Vec<u64>>>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.numbers.len() / self.dim
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.dim)
    }
}

impl Set {
    /// Generates `n` epochs, and queries.
    pub(crate) fn of_seed(n: usize, dim: usize, seed: u64) -> Self {
        let mut generator = Generator::new(dim, seed);
        let n_held_out = QUERIES.div_ceil(5);
        let mut epochs = Rows { dim, numbers: Vec::with_capacity(n * dim) };
        for start in (0..n).step_by(NIGHT) {
            generator.night(NIGHT.min(n - start), &mut epochs.numbers);
        }
        let mut like_epochs = Rows { dim, numbers: Vec::new() };
        for _ in 0..n_held_out {
            let mut night = Vec::new();
            generator.night(50, &mut night);
            let sample = night.chunks_exact(dim).step_by(10);
            like_epochs.numbers.extend(sample.flatten());
        }
        let mut texts = Rows { dim, numbers: Vec::new() };
        (0..QUERIES).for_each(|_| generator.text(&mut texts.numbers));
        Self { epochs, queries: vec![(EPOCH, like_epochs), (TEXT, texts)], truth: None }
    }

    /// Reads `epochs.npy`, `like_epochs.npy` and `texts.npy`.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let read = |name: &str| npy::read(&folder.join(format!("{name}.npy")));
        let queries = vec![(EPOCH, read("like_epochs")?), (TEXT, read("texts")?)];
        Self { epochs: read("epochs")?, queries, truth: None }.checked()
    }

    /// Reads vectors and queries, and the row numbers of the nearest vectors of each query, nearest first.
    pub(crate) fn of_files(vectors: &Path, queries: &Path, truth: Option<&Path>) -> Result<Self> {
        let queries = npy::read(queries)?;
        let truth = truth.map(npy::read_integers).transpose()?;
        if let Some(truth) = &truth {
            ensure!(
                truth.len() == queries.len(),
                "`--truth` has {} rows; expected {}, one per query",
                truth.len(),
                queries.len()
            );
        }
        Self { epochs: npy::read(vectors)?, queries: vec![("given", queries)], truth }.checked()
    }

    fn checked(self) -> Result<Self> {
        let dim = self.epochs.dim;
        for (name, queries) in &self.queries {
            ensure!(
                queries.dim == dim,
                "queries of kind `{name}` have {} dimensions; the epochs have {dim}",
                queries.dim
            );
        }
        Ok(self)
    }

    /// Writes the files that [`read`](Self::read) reads, for other programs.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        npy::write(&folder.join("epochs.npy"), &self.epochs)?;
        for (name, rows) in &self.queries {
            let file = if *name == EPOCH { "like_epochs.npy" } else { "texts.npy" };
            npy::write(&folder.join(file), rows)?;
        }
        Ok(())
    }
}

/// Generates epochs and texts with common concepts.
struct Generator {
    random: Pcg64Mcg,
    dim: usize,
    /// The axes of both cones.
    cones: [Vec<f32>; 2],
    /// Unit vectors, one for each inner dimension.
    inner: Vec<Vec<f32>>,
    concepts: Vec<Vec<f32>>,
}

impl Generator {
    fn new(dim: usize, seed: u64) -> Self {
        const COSINE: f32 = 0.15;
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let epoch = unit(normal(dim, &mut random));
        let other = normal(dim, &mut random);
        let along: f32 = epoch.iter().zip(&other).map(|(a, b)| a * b).sum();
        let across = unit(epoch.iter().zip(&other).map(|(a, b)| b - along * a).collect());
        let sine = (1.0 - COSINE * COSINE).sqrt();
        let text = epoch.iter().zip(&across).map(|(a, b)| COSINE * a + sine * b).collect();
        let inner = (0..INNER).map(|_| unit(normal(dim, &mut random))).collect();
        let concepts = (0..CONCEPTS).map(|_| decaying(INNER, &mut random)).collect();
        Self { random, dim, cones: [epoch, text], inner, concepts }
    }

    fn night(&mut self, n: usize, numbers: &mut Vec<f32>) {
        let subject = decaying(INNER, &mut self.random);
        let mut walk = decaying(INNER, &mut self.random);
        let mut concept = self.random.random_range(0..CONCEPTS);
        for _ in 0..n {
            if self.random.random_range(0.0..1.0) > STICKY {
                concept = self.random.random_range(0..CONCEPTS);
            }
            let step = decaying(INNER, &mut self.random);
            let keep = 0.9_f32;
            walk.iter_mut()
                .zip(step)
                .for_each(|(walk, step)| *walk = keep * *walk + (1.0 - keep * keep).sqrt() * step);
            let position: Vec<f32> = (0..INNER)
                .map(|axis| self.concepts[concept][axis] + 0.5 * subject[axis] + 0.45 * walk[axis])
                .collect();
            self.push(0, &position, 0.25, numbers);
        }
    }

    fn text(&mut self, numbers: &mut Vec<f32>) {
        let [first, second] = [(); 2].map(|()| self.random.random_range(0..CONCEPTS));
        let second = if self.random.random_range(0.0..1.0) < 0.5 { first } else { second };
        let pairs = self.concepts[first].iter().zip(&self.concepts[second]);
        let position: Vec<f32> = pairs.map(|(a, b)| 0.5 * (a + b)).collect();
        self.push(1, &position, 0.3, numbers);
    }

    fn push(&mut self, cone: usize, position: &[f32], noise: f32, numbers: &mut Vec<f32>) {
        let mut vector: Vec<f32> = self.cones[cone].iter().map(|number| 0.8 * number).collect();
        for (axis, coordinate) in self.inner.iter().zip(position) {
            vector.iter_mut().zip(axis).for_each(|(number, axis)| *number += coordinate * axis);
        }
        let deviation = decaying(self.dim, &mut self.random);
        vector
            .iter_mut()
            .zip(deviation)
            .for_each(|(number, deviation)| *number += noise * deviation);
        numbers.extend(unit(vector));
    }
}

/// Returns a random vector whose length is 1 on average and whose later components are smaller.
fn decaying(dim: usize, random: &mut Pcg64Mcg) -> Vec<f32> {
    let weight = |index: usize| 1.0 / (1.0 + index as f32).sqrt();
    let total: f32 = (0..dim).map(weight).sum();
    let scaled = |(index, number): (usize, f32)| number * (weight(index) / total).sqrt();
    normal(dim, random).into_iter().enumerate().map(scaled).collect()
}

/// Returns numbers from a normal distribution (Box–Muller transform).
fn normal(n: usize, random: &mut Pcg64Mcg) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(n + 1);
    while numbers.len() < n {
        let radius = (-2.0 * random.random_range(f32::MIN_POSITIVE..1.0).ln()).sqrt();
        let (sin, cos) = random.random_range(0.0..std::f32::consts::TAU).sin_cos();
        numbers.extend([radius * sin, radius * cos]);
    }
    numbers.truncate(n);
    numbers
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|number| *number /= length);
    vector
}
