//! Epochs to embeddings.

use nocturne_psg::montage::Channel;
use nocturne_psg::night::INPUT_LEN;
use nocturne_psg::{EPOCH_SAMPLES, Night};
use ort::value::TensorElementType;

use crate::bundle::{Bundle, SIGNAL_TOWER};
use crate::runtime::{Device, Provider, Runtime};
use crate::tower::{Contract, Tower};
use crate::{Embedding, Result};

/// Shape of the signal tower's input.
const SHAPE: [i64; 3] = [-1, Channel::COUNT as i64, EPOCH_SAMPLES as i64];

/// The signal tower of a bundle.
#[expect(missing_debug_implementations, reason = "a session of the runtime has none")]
pub struct SignalEncoder {
    tower: Tower,
    batch: Vec<f32>,
    batch_size: usize,
}

impl SignalEncoder {
    /// Opens the tower; epochs are encoded `batch_size` at a time on `threads` threads.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Model`] where the graph is not a signal tower of this bundle, and
    /// [`crate::Error::NoCuda`] where CUDA was asked for and cannot be had.
    pub fn open(
        runtime: Runtime,
        bundle: &Bundle,
        device: Device,
        options: BatchOptions,
    ) -> Result<Self> {
        let contract = Contract {
            input: "signals",
            element: TensorElementType::Float32,
            shape: &SHAPE,
            output: "signal_embedding",
            dim: bundle.manifest().embedding_dim,
        };
        let tower =
            Tower::open(runtime, &bundle.file(SIGNAL_TOWER), contract, device, options.threads)?;
        Ok(Self { tower, batch: Vec::new(), batch_size: options.batch_size })
    }

    /// Returns what the tower runs on.
    pub fn provider(&self) -> &Provider {
        self.tower.provider()
    }

    /// Encodes every epoch of a night, in order.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Model`] where the runtime fails, [`crate::Error::NoDirection`] where an embedding is not finite.
    pub fn encode_night(&mut self, night: &Night) -> Result<Vec<Embedding>> {
        let mut embeddings = Vec::with_capacity(night.epochs().len());
        let epochs: Vec<usize> = (0..night.epochs().len()).collect();
        for some in epochs.chunks(self.batch_size) {
            embeddings.extend(self.encode_epochs(night, some)?);
        }
        Ok(embeddings)
    }

    /// Encodes some epochs of a night in one batch, in the given order.
    ///
    /// # Errors
    ///
    /// Those of [`encode_night`](Self::encode_night).
    pub fn encode_epochs(&mut self, night: &Night, epochs: &[usize]) -> Result<Vec<Embedding>> {
        self.batch.resize(epochs.len() * INPUT_LEN, 0.0);
        for (epoch_idx, input) in epochs.iter().zip(self.batch.chunks_exact_mut(INPUT_LEN)) {
            night.write_input(*epoch_idx, input);
        }
        self.tower.run(&[epochs.len(), Channel::COUNT, EPOCH_SAMPLES], &self.batch)
    }

    /// Encodes raw inputs, `[n, 10, 1920]` one after the other, in one batch.
    ///
    /// # Errors
    ///
    /// Those of [`encode_night`](Self::encode_night).
    ///
    /// # Panics
    ///
    /// Panics where the length is no multiple of [`INPUT_LEN`].
    pub fn encode_inputs(&mut self, inputs: &[f32]) -> Result<Vec<Embedding>> {
        assert_eq!(inputs.len() % INPUT_LEN, 0, "inputs come in epochs of ten channels");
        self.tower.run(&[inputs.len() / INPUT_LEN, Channel::COUNT, EPOCH_SAMPLES], inputs)
    }
}

/// How a tower works through its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOptions {
    /// Items in a batch.
    pub batch_size: usize,
    /// Threads that compute.
    pub threads: usize,
}

impl Default for BatchOptions {
    /// Sixteen items at a time, on every core.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { batch_size: 16, threads }
    }
}
