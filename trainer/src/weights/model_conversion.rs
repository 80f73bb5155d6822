//! Converts weights into a model and back.

use burn::tensor::Device;
use burn::tensor::backend::Backend;

use super::names::{self, LOGIT_SCALE, SHARED_FREQUENCIES};
use super::{Weights, layout};
use crate::config::{ModelConfig, ModelParts};
use crate::error::{Error, Result, WrongShape};
use crate::host_tensor::{to_device, to_host};
use crate::model::SleepLm;
use crate::parameters;

impl Weights {
    /// Copies the weights of a model, with the aliases and buffers of the published state dict.
    pub fn from_model<B: Backend>(model: &SleepLm<B>) -> Self {
        let mut weights = Self::default();
        parameters::visit(model, |name, shape, values| {
            weights.insert(name, file_shape(name, shape), to_host(values));
        });
        let shared = weights.tensors[SHARED_FREQUENCIES].clone();
        for block in 0..model.biosignals.transformer_blocks.len() {
            weights.tensors.insert(names::alias(block), shared.clone());
        }
        weights
    }

    /// Builds the model of a configuration with these weights and their [`parts`](Self::parts).
    ///
    /// # Errors
    ///
    /// [`Error::WeightMismatch`] with every missing or unexpected name and every wrong shape; [`Error::AliasMismatch`]
    /// if an alias differs from its tensor; [`Error::Config`] if the configuration does not allow the caption decoder
    /// of the weights.
    pub fn to_model<B: Backend>(
        &self,
        config: &ModelConfig,
        device: &Device<B>,
    ) -> Result<SleepLm<B>> {
        self.check_aliases()?;
        let parts = self.parts(&config.biosignals_cfg);
        if parts.captions {
            config.check_captions()?;
        }
        let (mut missing, mut wrong) = (Vec::new(), Vec::new());
        let model =
            parameters::map(SleepLm::zeros(config, &parts, device), |name, shape, zeros| {
                let Some(tensor) = self.get(name) else {
                    missing.push(name.to_owned());
                    return zeros;
                };
                let expected = file_shape(name, shape);
                if tensor.shape != expected {
                    let found = tensor.shape.clone();
                    wrong.push(WrongShape { name: name.to_owned(), found, expected });
                    return zeros;
                }
                to_device(tensor, device)
            });
        let surplus = self.surplus(config, &parts);
        if missing.is_empty() && surplus.is_empty() && wrong.is_empty() {
            return Ok(model);
        }
        Err(Error::WeightMismatch { missing, surplus, wrong })
    }

    /// Rejects shared frequencies that differ between their names.
    pub(crate) fn check_aliases(&self) -> Result<()> {
        let shared = self.get(SHARED_FREQUENCIES);
        for (name, tensor) in self.iter().filter(|(name, _)| names::is_alias(name)) {
            if shared.is_some_and(|shared| shared != tensor) {
                let (name, other) = (name.to_owned(), SHARED_FREQUENCIES);
                return Err(Error::AliasMismatch { name, other });
            }
        }
        Ok(())
    }

    /// Returns the names that the configuration does not have.
    fn surplus(&self, config: &ModelConfig, parts: &ModelParts) -> Vec<String> {
        let layout = layout(config, parts);
        let surplus = self.iter().filter(|(name, _)| !layout.contains_key(*name));
        surplus.map(|(name, _)| name.to_owned()).collect()
    }
}

/// Returns the shape in the state dict; the framework does not support tensors without axes.
pub(super) fn file_shape(name: &str, shape: &[usize]) -> Vec<usize> {
    if name == LOGIT_SCALE { Vec::new() } else { shape.to_vec() }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;
    use crate::config::Preset;

    fn tiny() -> (ModelConfig, Weights) {
        let mut config = Preset::Tiny.config();
        config.text_cfg.vocab_size = 50;
        let weights = Weights::initial(&config, 3);
        (config, weights)
    }

    #[test]
    fn a_model_round_trips() {
        let (config, weights) = tiny();
        let model: SleepLm<Flex> = weights.to_model(&config, &Device::<Flex>::default()).unwrap();
        assert_eq!(Weights::from_model(&model), weights);
    }

    #[test]
    fn lists_every_mismatch() {
        let (config, mut weights) = tiny();
        weights.tensors.remove("text.cls_emb");
        weights.insert("biosignals.extra", vec![1], vec![0.0]);
        weights.insert("logit_scale", vec![1], vec![0.0]);
        let error = weights.to_model::<Flex>(&config, &Device::<Flex>::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the weights do not fit the configuration: missing `text.cls_emb`; \
             unexpected `biosignals.extra`; `logit_scale` has shape [1], expected []"
        );
    }

    #[test]
    fn rejects_aliases_that_differ() {
        let (config, mut weights) = tiny();
        weights.insert(names::alias(1), vec![16], vec![1.0; 16]);
        let error = weights.to_model::<Flex>(&config, &Device::<Flex>::default()).unwrap_err();
        assert!(matches!(error, Error::AliasMismatch { .. }), "{error}");
    }
}
