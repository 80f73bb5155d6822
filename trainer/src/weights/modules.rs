//! Weights into a model and out of it.

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor, TensorData};

use super::names::{self, LOGIT_SCALE, SHARED_FREQUENCIES};
use super::{HostTensor, Weights, layout};
use crate::error::WrongShape;
use crate::model::SleepLm;
use crate::{Error, ModelConfig, Parts, Result, parameters};

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

    /// Builds the model of a configuration with these weights, and with the [`parts`](Self::parts) that they have.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`] with every name that is missing, has no place or has another shape;
    /// [`Error::Inconsistent`] where an alias is not what it is an alias of;
    /// [`Error::Config`] where they have a caption decoder that the configuration cannot have.
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
        Err(Error::Mismatch { missing, surplus, wrong })
    }

    /// Refuses shared frequencies that differ under their names.
    pub(crate) fn check_aliases(&self) -> Result<()> {
        let shared = self.get(SHARED_FREQUENCIES);
        for (name, tensor) in self.iter().filter(|(name, _)| names::is_alias(name)) {
            if shared.is_some_and(|shared| shared != tensor) {
                let (name, other) = (name.to_owned(), SHARED_FREQUENCIES);
                return Err(Error::Inconsistent { name, other });
            }
        }
        Ok(())
    }

    /// Returns the names that the configuration has no place for.
    fn surplus(&self, config: &ModelConfig, parts: &Parts) -> Vec<String> {
        let layout = layout(config, parts);
        let surplus = self.iter().filter(|(name, _)| !layout.contains_key(*name));
        surplus.map(|(name, _)| name.to_owned()).collect()
    }
}

/// Returns the shape that the state dict has where the framework knows no tensor without axes.
pub(super) fn file_shape(name: &str, shape: &[usize]) -> Vec<usize> {
    if name == LOGIT_SCALE { Vec::new() } else { shape.to_vec() }
}

/// Copies a flattened tensor into memory.
pub(crate) fn to_host<B: Backend>(values: Tensor<B, 1>) -> Vec<f32> {
    values.into_data().convert::<f32>().into_vec().expect("`convert` has made the values f32")
}

/// Copies a tensor, flattened, onto a device.
pub(crate) fn to_device<B: Backend>(tensor: &HostTensor, device: &Device<B>) -> Tensor<B, 1> {
    let data = TensorData::new(tensor.values.clone(), [tensor.values.len()]);
    Tensor::from_data(data, device)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;
    use crate::Preset;

    fn tiny() -> (ModelConfig, Weights) {
        let mut config = Preset::Tiny.config();
        config.text_cfg.vocab_size = 50;
        let weights = Weights::initial(&config, 3);
        (config, weights)
    }

    #[test]
    fn a_model_gives_its_weights_back() {
        let (config, weights) = tiny();
        let model: SleepLm<Flex> = weights.to_model(&config, &Device::<Flex>::default()).unwrap();
        assert_eq!(Weights::from_model(&model), weights);
    }

    #[test]
    fn lists_what_does_not_fit() {
        let (config, mut weights) = tiny();
        weights.tensors.remove("text.cls_emb");
        weights.insert("biosignals.extra", vec![1], vec![0.0]);
        weights.insert("logit_scale", vec![1], vec![0.0]);
        let error = weights.to_model::<Flex>(&config, &Device::<Flex>::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the weights do not fit the configuration: missing `text.cls_emb`; \
             no place for `biosignals.extra`; `logit_scale` has shape [1], expected []"
        );
    }

    #[test]
    fn refuses_aliases_that_differ() {
        let (config, mut weights) = tiny();
        weights.insert(names::alias(1), vec![16], vec![1.0; 16]);
        let error = weights.to_model::<Flex>(&config, &Device::<Flex>::default()).unwrap_err();
        assert!(matches!(error, Error::Inconsistent { .. }), "{error}");
    }
}
