//! Epochs to embeddings.

use nocturne_psg::montage::Channel;
use nocturne_psg::night::INPUT_LEN;
use nocturne_psg::{EPOCH_SAMPLES, Night};
use ort::value::TensorElementType;

use crate::attention::AttentionMap;
use crate::bundle::{Bundle, SIGNAL_TOWER};
use crate::caption::Memory;
use crate::runtime::{Device, Provider, Runtime};
use crate::tower::{Contract, Output, Tower};
use crate::{Embedding, Error, Result};

/// Shape of the signal tower's input.
const SHAPE: [i64; 3] = [-1, Channel::COUNT as i64, EPOCH_SAMPLES as i64];

/// Names of the tower's outputs.
const EMBEDDING: &str = "signal_embedding";
const ATTENTION: &str = "attention";
const MEMORY: &str = "memory";

/// The signal tower of a bundle.
#[expect(missing_debug_implementations, reason = "a session of the runtime has none")]
pub struct SignalEncoder {
    tower: Tower,
    batch: Vec<f32>,
    batch_size: usize,
    /// Outputs that a tower may do without, of those that this one has.
    extras: Vec<&'static str>,
}

/// All that the tower makes of an epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochReading {
    /// The embedding.
    pub embedding: Embedding,
    /// Where the tower looked, if the bundle tells.
    pub attention: Option<AttentionMap>,
    /// What a caption decoder reads, if the bundle has one.
    pub memory: Option<Memory>,
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
            output: EMBEDDING,
            dim: bundle.manifest().embedding_dim,
        };
        let tower =
            Tower::open(runtime, &bundle.file(SIGNAL_TOWER), contract, device, options.threads)?;
        let mut extras = Vec::new();
        for name in [ATTENTION, MEMORY] {
            if tower.check_optional(name, 3)? {
                extras.push(name);
            }
        }
        Ok(Self { tower, batch: Vec::new(), batch_size: options.batch_size, extras })
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
        let epochs: Vec<usize> = (0..night.epochs().len()).collect();
        self.encode_some(night, &epochs)
    }

    /// Encodes some epochs of a night, in the given order, as many at a time as were asked for when it was opened.
    ///
    /// # Errors
    ///
    /// Those of [`encode_night`](Self::encode_night).
    pub fn encode_some(&mut self, night: &Night, epochs: &[usize]) -> Result<Vec<Embedding>> {
        let mut embeddings = Vec::with_capacity(epochs.len());
        for batch in epochs.chunks(self.batch_size) {
            embeddings.extend(self.encode_epochs(night, batch)?);
        }
        Ok(embeddings)
    }

    /// Encodes some epochs of a night in one batch, in the given order.
    ///
    /// # Errors
    ///
    /// Those of [`encode_night`](Self::encode_night).
    pub fn encode_epochs(&mut self, night: &Night, epochs: &[usize]) -> Result<Vec<Embedding>> {
        self.fill(night, epochs);
        self.tower.run(&[epochs.len(), Channel::COUNT, EPOCH_SAMPLES], &self.batch)
    }

    /// Encodes some epochs of a night in one batch, in the given order, with all that the tower tells of them.
    ///
    /// # Errors
    ///
    /// Those of [`encode_night`](Self::encode_night).
    pub fn read_epochs(&mut self, night: &Night, epochs: &[usize]) -> Result<Vec<EpochReading>> {
        self.fill(night, epochs);
        let batch = std::mem::take(&mut self.batch);
        let readings = self.read_inputs(&batch);
        self.batch = batch;
        readings
    }

    fn fill(&mut self, night: &Night, epochs: &[usize]) {
        self.batch.resize(epochs.len() * INPUT_LEN, 0.0);
        for (epoch_idx, input) in epochs.iter().zip(self.batch.chunks_exact_mut(INPUT_LEN)) {
            night.write_input(*epoch_idx, input);
        }
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

    /// Encodes raw inputs as [`encode_inputs`](Self::encode_inputs) does, with all that the tower tells of them.
    ///
    /// # Errors
    ///
    /// Those of [`encode_night`](Self::encode_night).
    ///
    /// # Panics
    ///
    /// Panics where the length is no multiple of [`INPUT_LEN`].
    pub fn read_inputs(&mut self, inputs: &[f32]) -> Result<Vec<EpochReading>> {
        assert_eq!(inputs.len() % INPUT_LEN, 0, "inputs come in epochs of ten channels");
        let n = inputs.len() / INPUT_LEN;
        let names = [&[EMBEDDING], self.extras.as_slice()].concat();
        let outputs = self.tower.run_for(&[n, Channel::COUNT, EPOCH_SAMPLES], inputs, &names)?;
        let (mut attentions, mut memories) = (vec![None; n], vec![None; n]);
        let mut embeddings = Vec::new();
        for (name, output) in names.into_iter().zip(outputs) {
            match name {
                ATTENTION => attentions = self.attention_maps(&output, n)?,
                MEMORY => memories = self.memories(&output, n)?,
                _ => embeddings = self.tower.embeddings(&output)?,
            }
        }
        let readings = embeddings.into_iter().zip(attentions).zip(memories);
        Ok(readings
            .map(|((embedding, attention), memory)| EpochReading { embedding, attention, memory })
            .collect())
    }

    /// Returns whether the bundle tells where its tower looks.
    ///
    /// # Errors
    ///
    /// [`Error::NoAttention`] where it does not.
    pub fn expect_attention(&self) -> Result<()> {
        let found = self.extras.contains(&ATTENTION).then_some(());
        found.ok_or_else(|| Error::NoAttention { path: self.tower.path().to_owned() })
    }

    fn attention_maps(&self, output: &Output, n: usize) -> Result<Vec<Option<AttentionMap>>> {
        let maps = output.rows(n).map(|row| AttentionMap::new(row.to_vec()));
        let maps: Vec<Option<AttentionMap>> = maps.collect();
        let is_whole =
            output.shape.first() == Some(&Channel::COUNT) && maps.iter().all(Option::is_some);
        is_whole.then_some(maps).ok_or_else(|| {
            self.odd(ATTENTION, output, "[10, patches], with whole patches in a second")
        })
    }

    fn memories(&self, output: &Output, n: usize) -> Result<Vec<Option<Memory>>> {
        match output.shape.as_slice() {
            [tokens, width] if tokens * width > 0 => {
                Ok(output.rows(n).map(|row| Some(Memory::new(*width, row.to_vec()))).collect())
            }
            _ => Err(self.odd(MEMORY, output, "[tokens, width], none of them 0")),
        }
    }

    fn odd(&self, name: &str, output: &Output, expected: &str) -> Error {
        let problem = format!("its `{name}` has the shape {:?}; expected {expected}", output.shape);
        Error::Model { path: self.tower.path().to_owned(), problem }
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
    /// Eight items at a time, on every core: an epoch takes 50 MiB at the size of the published model.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { batch_size: 8, threads }
    }
}
