//! Dropout with masks that depend only on a seed.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Zeroes random values in training, and does nothing otherwise.
///
/// # Why are the masks drawn on the host?
///
/// A back end's generator is shared by all threads, so its numbers depend on their order. A resumed run must see the
/// same masks as an uninterrupted one.
#[derive(Debug)]
pub struct Dropout {
    probability: f64,
    random: Option<Pcg64Mcg>,
}

impl Dropout {
    /// Returns dropout that does nothing.
    pub const fn off() -> Self {
        Self { probability: 0.0, random: None }
    }

    /// Returns dropout that zeroes a share of the values.
    pub fn seeded(probability: f64, seed: u64) -> Self {
        let random = (probability > 0.0).then(|| Pcg64Mcg::seed_from_u64(seed));
        Self { probability, random }
    }

    /// Returns whether values are zeroed.
    pub const fn is_on(&self) -> bool {
        self.random.is_some()
    }

    /// Zeroes values and scales the others up, so that the expected value is unchanged.
    pub fn apply<B: Backend, const D: usize>(&mut self, x: Tensor<B, D>) -> Tensor<B, D> {
        let Some(random) = &mut self.random else { return x };
        // One 32-bit random number per value; the rounding of the threshold is below 1e-9.
        let threshold = (self.probability * f64::from(u32::MAX)) as u32;
        let kept = (1.0 / (1.0 - self.probability)) as f32;
        let shape = x.shape();
        let mask: Vec<f32> = (0..shape.num_elements())
            .map(|_| if random.next_u32() < threshold { 0.0 } else { kept })
            .collect();
        let mask = Tensor::from_data(TensorData::new(mask, shape), &x.device());
        x * mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::backend::Flex;

    #[test]
    fn keeps_the_mean_and_depends_only_on_the_seed() {
        let ones = Tensor::<Flex, 2>::ones([200, 100], &burn::tensor::Device::<Flex>::default());
        let once = Dropout::seeded(0.25, 7).apply(ones.clone());
        let again = Dropout::seeded(0.25, 7).apply(ones.clone());
        assert_eq!(once.to_data(), again.to_data());
        let mean: f32 = once.mean().into_scalar();
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert_eq!(Dropout::off().apply(ones.clone()).to_data(), ones.to_data());
    }
}
