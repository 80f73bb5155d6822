//! `AdamW` (Loshchilov and Hutter, arXiv 1711.05101), the arithmetic that of `torch.optim.AdamW`.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::decay::{DecayRule, is_decayed};
use crate::kernels::{AdamStep, Kernels};
use crate::parameters::{self, NamedTensors};
use crate::weights::{to_device, to_host};
use crate::{Result, Weights};

/// Constants of `AdamW`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamWOptions {
    /// Decay of the mean of the gradients.
    pub beta_1: f64,
    /// Decay of the mean of their squares.
    pub beta_2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Share of a weight that a learning rate of 1 would take away, apart from the gradient.
    pub weight_decay: f64,
}

impl Default for AdamWOptions {
    /// As `OpenCLIP` trains transformers, but for the decay: a tiny model needs less of it.
    fn default() -> Self {
        Self { beta_1: 0.9, beta_2: 0.98, epsilon: 1e-6, weight_decay: 0.05 }
    }
}

/// The optimizer: its constants, and the two means of every weight.
#[derive(Debug, Clone)]
pub struct AdamW<B: Backend> {
    options: AdamWOptions,
    is_decayed: DecayRule,
    steps: u64,
    means: BTreeMap<String, Means<B>>,
}

#[derive(Debug, Clone)]
struct Means<B: Backend> {
    /// Of the gradients.
    first: Tensor<B, 1>,
    /// Of their squares.
    second: Tensor<B, 1>,
}

/// Begins of the names under which the means are kept.
const FIRST: &str = "first.";
const SECOND: &str = "second.";

impl<B: Kernels> AdamW<B> {
    /// Begins with all means zero.
    pub fn new(options: AdamWOptions) -> Self {
        Self { options, is_decayed, steps: 0, means: BTreeMap::new() }
    }

    /// Lets another rule say which weights decay.
    pub fn with_decay(self, is_decayed: DecayRule) -> Self {
        Self { is_decayed, ..self }
    }

    /// Goes on where [`state`](Self::state) was taken, after so many steps.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`](crate::Error::Mismatch) where a weight has one mean only.
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
            means.insert(name.to_owned(), Means { first, second });
        }
        Ok(Self { steps, means, ..Self::new(options) })
    }

    /// Returns the means by name.
    pub fn state(&self) -> Weights {
        let mut state = Weights::default();
        for (name, means) in &self.means {
            for (begin, mean) in [(FIRST, &means.first), (SECOND, &means.second)] {
                let values = to_host(mean.clone());
                state.insert(format!("{begin}{name}"), vec![values.len()], values);
            }
        }
        state
    }

    /// Takes a step: returns the module with every weight that has a gradient moved.
    pub fn step<M: Module<B>>(
        &mut self,
        module: M,
        gradients: NamedTensors<B>,
        learning_rate: f64,
    ) -> M {
        self.step_beside(module, &mut NamedTensors::new(), gradients, learning_rate)
    }

    /// Takes a step, as [`step`](Self::step) does, with matrices that stand beside the module.
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

    /// Returns a weight of so many axes after the step, of its values and their gradient.
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
            Means { first: zeros.clone(), second: zeros }
        });
        let [values, first, second] =
            B::adam_step([values, gradient, means.first, means.second], step);
        self.means.insert(name.to_owned(), Means { first, second });
        values
    }

    fn constants(&self, name: &str, axes: usize, learning_rate: f64) -> AdamStep {
        let AdamWOptions { beta_1, beta_2, epsilon, weight_decay } = self.options;
        let decay = if (self.is_decayed)(name, axes) { weight_decay } else { 0.0 };
        let done = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        AdamStep {
            kept: (1.0 - learning_rate * decay) as f32,
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
    struct Two<B: Backend> {
        matrix: Param<Tensor<B, 2>>,
        bias: Param<Tensor<B, 1>>,
    }

    fn start() -> (Two<Flex>, Device<Flex>) {
        let device = Device::<Flex>::default();
        let matrix = Tensor::from_floats([[0.5, -1.0], [2.0, 0.25]], &device);
        let bias = Tensor::from_floats([1.0, -1.0], &device);
        (Two { matrix: Param::from_tensor(matrix), bias: Param::from_tensor(bias) }, device)
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

    /// Worked out in 64 bits by the formula in the documentation of `torch.optim.AdamW`: rate 0.01, two steps with
    /// gradients g and −2 g,
    /// decay on the matrix only.
    #[test]
    fn two_steps_are_those_of_the_formula() {
        let (module, _device) = start();
        let mut optimizer = AdamW::new(OPTIONS);
        let module = optimizer.step(module, gradients(1.0), 0.01);
        let module = optimizer.step(module, gradients(-2.0), 0.01);
        check(&module.matrix.val().into_data(), &TWO_STEPS_OF_THE_MATRIX);
        check(&module.bias.val().into_data(), &TWO_STEPS_OF_THE_BIAS);
    }

    #[test]
    fn a_resumed_run_takes_the_same_step() {
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
