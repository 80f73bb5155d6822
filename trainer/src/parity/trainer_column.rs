//! The column of the trainer: everything that a fixture may hold, computed by the model of this package.

use burn::backend::Flex;
use burn::tensor::{Device, Tensor};

use super::fixture_tensors::{FixtureTensors, of_ids};
use super::fixtures::Fixtures;
use super::training_step;
use crate::error::Result;
use crate::host_tensor::{HostTensor, to_device, to_host};
use crate::kernels::Dropout;
use crate::model::{CaptionConditions, SignalOutput, SleepLm, TextOutput, Trace, normalize};
use crate::tokens::TokenBatch;
use crate::uncached_captioner::EpochCaptioner;
use crate::weights::Weights;

/// Computes everything that a fixture may hold.
pub(super) fn compute(weights: &Weights, fixtures: &Fixtures) -> Result<FixtureTensors> {
    let model = weights.to_model(&fixtures.config, &Device::<Flex>::default())?;
    let pass = TrainerForward::new(&model, fixtures);
    let mut computed = pass.towers();
    computed.extend(pass.captions());
    computed.extend(pass.reconstruction());
    computed.extend(pass.generated());
    if let Some(case) = &fixtures.training {
        computed.extend(training_step::compute(weights, fixtures, case)?);
    }
    Ok(computed)
}

/// The forward pass of both towers for the inputs of a fixture.
struct TrainerForward<'a> {
    model: &'a SleepLm<Flex>,
    fixtures: &'a Fixtures,
    signal: SignalOutput<Flex>,
    text: TextOutput<Flex>,
    trace: FixtureTensors,
}

impl<'a> TrainerForward<'a> {
    fn new(model: &'a SleepLm<Flex>, fixtures: &'a Fixtures) -> Self {
        let device = &Device::<Flex>::default();
        let mut trace = Trace::on();
        let inputs = &fixtures.inputs;
        let [n, channels, samples] = [0, 1, 2].map(|axis| inputs.signals.shape[axis]);
        let signals = to_device(&inputs.signals, device).reshape([n, channels, samples]);
        let dropout = &mut Dropout::off();
        let signal = model.biosignals.forward_traced(signals, dropout, &mut trace);
        // Every position, because the fixtures also hold states of pads.
        let context = fixtures.config.text_cfg.context_length;
        let texts = TokenBatch::filled(&inputs.texts, context);
        let text = model.text.forward_traced(&texts, &mut trace);
        Self { model, fixtures, signal, text, trace: trace.into_tensors() }
    }

    fn towers(&self) -> FixtureTensors {
        let [signals, texts] =
            [&self.signal.embedding, &self.text.embedding].map(|raw| normalize(raw.clone()));
        let mut computed = self.trace.clone();
        for (name, tensor) in [
            ("signal_embedding_raw", self.signal.embedding.clone()),
            ("signal_embedding", signals),
            ("text_embedding_raw", self.text.embedding.clone()),
            ("text_embedding", texts),
        ] {
            computed.insert(name.to_owned(), host(tensor));
        }
        let channels = self.fixtures.config.biosignals_cfg.input_channels;
        computed.insert("attention".to_owned(), host(self.signal.attention_map(channels)));
        computed.insert("signal_decoder_memory".to_owned(), host(self.signal.memory.clone()));
        computed.insert("text_token_states".to_owned(), host(self.text.states.clone()));
        computed
    }

    /// Returns the decoder's logits for each epoch's text, with and without the condition.
    fn captions(&self) -> FixtureTensors {
        let mut computed = FixtureTensors::new();
        let Some(prefix) =
            self.model.prefix(&CaptionConditions::new(&self.fixtures.inputs.conditions))
        else {
            return computed;
        };
        computed.insert("condition_embs".to_owned(), host(prefix.clone()));
        for (name, prefix) in [("caption_logits", Some(prefix)), ("caption_logits_nocond", None)] {
            if let Some(logits) = self.caption_logits(prefix) {
                computed.insert(name.to_owned(), host(logits));
            }
        }
        computed
    }

    /// Returns the logits after every token but the last, `[epochs, length - 1, vocabulary]`.
    fn caption_logits(&self, prefix: Option<Tensor<Flex, 3>>) -> Option<Tensor<Flex, 3>> {
        let decoder = self.model.text_decoder.as_ref()?;
        let [_, length, width] = self.text.states.dims();
        let (n, length) = (self.fixtures.inputs.epochs(), length - 1);
        let states = self.text.states.clone().slice([0..n, 0..length]);
        let states = decoder.forward(states, &self.signal.memory, prefix);
        let logits = decoder.logits(states.reshape([n * length, width]));
        let vocabulary = logits.dims()[1];
        Some(logits.reshape([n, length, vocabulary]))
    }

    /// Returns the captions of the fixtures as ids; those with unknown epochs or conditions are left out.
    fn generated(&self) -> FixtureTensors {
        let mut computed = FixtureTensors::new();
        for case in &self.fixtures.captions {
            if case.is_within(&self.fixtures.config, self.fixtures.inputs.epochs()) {
                let memory = self.signal.memory.clone().narrow(0, case.epoch, 1);
                let conditions = CaptionConditions::new(&[&case.condition]);
                let conditions = (conditions.slots() > 0).then_some(&conditions);
                if let Some(mut epoch) = EpochCaptioner::new(self.model, memory, conditions) {
                    let ids = epoch.caption(&case.search(), case.limits());
                    computed.insert(case.name.clone(), of_ids(&ids));
                }
            }
        }
        computed
    }

    fn reconstruction(&self) -> FixtureTensors {
        let drawn = self.model.signal_decoder.as_ref().map(|head| {
            let drawn = head.forward(self.signal.memory.clone(), &mut Dropout::off());
            ("reconstructed_signal".to_owned(), host(drawn))
        });
        drawn.into_iter().collect()
    }
}

/// Copies a tensor into main memory.
fn host<const D: usize>(tensor: Tensor<Flex, D>) -> HostTensor {
    let (shape, n) = (tensor.dims().to_vec(), tensor.shape().num_elements());
    HostTensor { shape, values: to_host(tensor.reshape([n])) }
}
