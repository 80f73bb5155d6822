//! `AdamW` (Loshchilov and Hutter, arXiv 1711.05101) with the arithmetic of `torch.optim.AdamW`.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::decay::{DecayRule, is_decayed};
use crate::error::Result;
use crate::host_tensor::{to_device, to_host};
use crate::kernels::{AdamStep, Kernels};
use crate::parameters::{self, NamedTensors};
use crate::weights::Weights;

/// Hyperparameters of `AdamW`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamWOptions {
    /// Decay rate of the first moment (the momentum).
    pub beta_1: f64,
    /// Decay rate of the second moment.
    pub beta_2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay, multiplied by the learning rate at each step.
    pub weight_decay: f64,
}

impl Default for AdamWOptions {
    /// The values with which `OpenCLIP` trains transformers, but with less decay for the tiny model.
    fn default() -> Self {
        Self { beta_1: 0.9, beta_2: 0.98, epsilon: 1e-6, weight_decay: 0.05 }
    }
}

/// The optimizer: its hyperparameters, and both moments of every weight.
#[derive(Debug, Clone)]
pub struct AdamW<B: Backend> {
    options: AdamWOptions,
    is_decayed: DecayRule,
    steps: u64,
    means: BTreeMap<String, Moments<B>>,
}

#[derive(Debug, Clone)]
struct Moments<B: Backend> {
    /// Moving average of the gradients.
    first: Tensor<B, 1>,
    /// Moving average of the squared gradients.
    second: Tensor<B, 1>,
}

/// Prefixes of the names of the stored moments.
const FIRST: &str = "first.";
const SECOND: &str = "second.";

impl<B: Kernels> AdamW<B> {
    /// Creates an optimizer with all moments zero.
    pub fn new(options: AdamWOptions) -> Self {
        Self { options, is_decayed, steps: 0, means: BTreeMap::new() }
    }

    /// Sets the rule for which weights decay.
    pub fn with_decay(self, is_decayed: DecayRule) -> Self {
        Self { is_decayed, ..self }
    }

    /// Continues from a [`state`](Self::state) after a number of steps.
    ///
    /// # Errors
    ///
    /// [`Error::WeightMismatch`](crate::error::Error::WeightMismatch) if a weight has only one moment.
    pub fn resume(
        options: AdamWOptions,
        steps: u64,
        state: &Weights,
        device: &Device<B>,
    ) -> Result<Self> {
        let mut means = BTreeMap::new();
        for (name, first) in state.iter() {
            let Some(name) = name.strip_prefix(FIRST) else { continue };
            let second = state.need(&format!("{SECOND}{name}"))?;
            let (first, second) = (to_device(first, device), to_device(second, device));
            means.insert(name.to_owned(), Moments { first, second });
        }
        Ok(Self { steps, means, ..Self::new(options) })
    }

    /// Returns the moments by name.
    pub fn state(&self) -> Weights {
        let mut state = Weights::default();
        for (name, means) in &self.means {
            for (prefix, mean) in [(FIRST, &means.first), (SECOND, &means.second)] {
                let values = to_host(mean.clone());
                state.insert(format!("{prefix}{name}"), vec![values.len()], values);
            }
        }
        state
    }

    /// Takes a step: returns the module with every weight updated that has a gradient.
    pub fn step<M: Module<B>>(
        &mut self,
        module: M,
        gradients: NamedTensors<B>,
        learning_rate: f64,
    ) -> M {
        self.step_beside(module, &mut NamedTensors::new(), gradients, learning_rate)
    }

    /// Takes a step, as [`step`](Self::step) does, and also updates matrices outside the module.
    pub fn step_beside<M: Module<B>>(
        &mut self,
        module: M,
        matrices: &mut NamedTensors<B>,
        mut gradients: NamedTensors<B>,
        learning_rate: f64,
    ) -> M {
        self.steps += 1;
        for (name, values) in matrices {
            if let Some(gradient) = gradients.remove(name) {
                *values = self.moved(name, [values.clone(), gradient], 2, learning_rate);
            }
        }
        parameters::map(module, |name, shape, values| match gradients.remove(name) {
            Some(gradient) => self.moved(name, [values, gradient], shape.len(), learning_rate),
            None => values,
        })
    }

    /// Returns a weight with `axes` axes after the step.
    fn moved(
        &mut self,
        name: &str,
        [values, gradient]: [Tensor<B, 1>; 2],
        axes: usize,
        learning_rate: f64,
    ) -> Tensor<B, 1> {
        let step = self.constants(name, axes, learning_rate);
        let means = self.means.remove(name).unwrap_or_else(|| {
            let zeros = values.zeros_like();
            Moments { first: zeros.clone(), second: zeros }
        });
        let [values, first, second] =
            B::adam_step([values, gradient, means.first, means.second], step);
        self.means.insert(name.to_owned(), Moments { first, second });
        values
    }

    fn constants(&self, name: &str, axes: usize, learning_rate: f64) -> AdamStep {
        let AdamWOptions { beta_1, beta_2, epsilon, weight_decay } = self.options;
        let decay = if (self.is_decayed)(name, axes) { weight_decay } else { 0.0 };
        let done = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        AdamStep {
            decay: (1.0 - learning_rate * decay) as f32,
            first: (1.0 - beta_1) as f32,
            second: (1.0 - beta_2) as f32,
            root: done(beta_2).sqrt() as f32,
            epsilon: epsilon as f32,
            rate: (learning_rate / done(beta_1)) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::module::Param;
    use burn::tensor::TensorData;

    use super::*;

    #[derive(Module, Debug)]
    struct SmallLayer<B: Backend> {
        matrix: Param<Tensor<B, 2>>,
        bias: Param<Tensor<B, 1>>,
    }

    fn start() -> (SmallLayer<Flex>, Device<Flex>) {
        let device = Device::<Flex>::default();
        let matrix = Tensor::from_floats([[0.5, -1.0], [2.0, 0.25]], &device);
        let bias = Tensor::from_floats([1.0, -1.0], &device);
        (SmallLayer { matrix: Param::from_tensor(matrix), bias: Param::from_tensor(bias) }, device)
    }

    fn gradients(scale: f32) -> NamedTensors<Flex> {
        let device = &Device::<Flex>::default();
        NamedTensors::from([
            ("matrix".to_owned(), Tensor::from_floats([0.1, -0.2, 0.3, 0.0], device) * scale),
            ("bias".to_owned(), Tensor::from_floats([1.0, 0.5], device) * scale),
        ])
    }

    const OPTIONS: AdamWOptions =
        AdamWOptions { beta_1: 0.9, beta_2: 0.98, epsilon: 1e-6, weight_decay: 0.1 };

    const TWO_STEPS_OF_THE_MATRIX: [f64; 4] = [0.492661116, -0.991661578, 1.989662565, 0.249500250];
    const TWO_STEPS_OF_THE_BIAS: [f64; 2] = [0.993650547, -1.006349445];

    fn check(found: &TensorData, expected: &[f64]) {
        for (found, expected) in found.iter::<f64>().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    /// Computed in 64 bits with the formula in the documentation of `torch.optim.AdamW`: learning rate 0.01, two steps
    /// with gradients g and −2 g, decay on the matrix only.
    #[test]
    fn two_steps_match_the_formula() {
        let (module, _device) = start();
        let mut optimizer = AdamW::new(OPTIONS);
        let module = optimizer.step(module, gradients(1.0), 0.01);
        let module = optimizer.step(module, gradients(-2.0), 0.01);
        check(&module.matrix.val().into_data(), &TWO_STEPS_OF_THE_MATRIX);
        check(&module.bias.val().into_data(), &TWO_STEPS_OF_THE_BIAS);
    }

    #[test]
    fn a_resumed_optimizer_takes_the_same_step() {
        let (module, device) = start();
        let mut optimizer = AdamW::new(OPTIONS);
        let module = optimizer.step(module, gradients(1.0), 0.01);
        let mut resumed = AdamW::resume(OPTIONS, 1, &optimizer.state(), &device).unwrap();
        let on = optimizer.step(module.clone(), gradients(-2.0), 0.01);
        let again = resumed.step(module, gradients(-2.0), 0.01);
        assert_eq!(on.matrix.val().into_data(), again.matrix.val().into_data());
        assert_eq!(on.bias.val().into_data(), again.bias.val().into_data());
    }
}
