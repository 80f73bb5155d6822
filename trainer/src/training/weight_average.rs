//! The moving average of the weights, which is often better than the last weights.

use burn::tensor::backend::Backend;

use crate::model::SleepLm;
use crate::parameters::{self, NamedTensors};

/// The exponential moving average of a model's weights (Polyak and Juditsky, SIAM J. Control Optim. 30, 1992).
#[derive(Debug, Clone)]
pub(super) struct WeightAverage<B: Backend> {
    decay: f64,
    model: SleepLm<B>,
}

impl<B: Backend> WeightAverage<B> {
    /// Starts or continues an average.
    pub(super) const fn new(decay: f64, model: SleepLm<B>) -> Self {
        Self { decay, model }
    }

    /// Returns the averaged model.
    pub(super) const fn model(&self) -> &SleepLm<B> {
        &self.model
    }

    /// Updates the average with the weights after a step, counted from 0.
    ///
    /// The decay is smaller at first, so that the initial weights are forgotten quickly.
    pub(super) fn update(&mut self, model: &SleepLm<B>, step: u64) {
        let so_far = (1.0 + step as f64) / (10.0 + step as f64);
        let new = 1.0 - self.decay.min(so_far);
        let mut weights = NamedTensors::new();
        parameters::visit(model, |name, _, values| {
            weights.insert(name.to_owned(), values);
        });
        let average: SleepLm<B> = self.model.clone();
        self.model = parameters::map(average, |name, _, average| match weights.remove(name) {
            // In this form the average of a constant weight is exactly that weight.
            Some(weight) => average.clone() + (weight - average) * new,
            None => average,
        });
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Device;

    use super::*;
    use crate::config::Preset;
    use crate::weights::Weights;

    #[test]
    fn the_average_of_a_constant_weight_is_exact() {
        let device = Device::<Flex>::default();
        let mut config = Preset::Tiny.config();
        config.text_cfg.vocab_size = 20;
        let weights = Weights::initial(&config, 3);
        let model = |scale: f32| {
            let mut weights = weights.clone();
            weights.insert("logit_scale", vec![], vec![scale]);
            weights.to_model::<Flex>(&config, &device).unwrap()
        };
        let mut average = WeightAverage::new(0.5, model(1.0));
        // First step: the old average has weight 1/10, then 2/11.
        let mut expected = 1.0;
        for (step, (scale, kept)) in [(2.0, 0.1), (4.0, 2.0 / 11.0)].into_iter().enumerate() {
            average.update(&model(scale), step as u64);
            expected = kept * expected + (1.0 - kept) * scale;
        }
        let found = Weights::from_model(average.model());
        assert!((found.get("logit_scale").unwrap().values[0] - expected).abs() < 1e-6);
        let others = weights.iter().filter(|(name, _)| *name != "logit_scale");
        assert!(others.into_iter().all(|(name, tensor)| found.get(name) == Some(tensor)));
    }
}
