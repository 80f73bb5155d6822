//! The signal encoder: maps epochs to embeddings, attention maps and memories.

use nocturne_psg::montage::Channel;
use nocturne_psg::night::INPUT_LEN;
use nocturne_psg::{EPOCH_SAMPLES, Night};
use ort::value::TensorElementType;

use crate::attention::AttentionMap;
use crate::bundle::{Bundle, SIGNAL_TOWER};
use crate::embedding::Embedding;
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::runtime::{Device, Provider, Runtime};
use crate::tower::{BatchOptions, Tower, TowerContract, TowerOutput};

/// Shape of the input.
const SHAPE: [i64; 3] = [-1, Channel::COUNT as i64, EPOCH_SAMPLES as i64];

/// Names of the outputs.
const EMBEDDING: &str = "signal_embedding";
const ATTENTION: &str = "attention";
const MEMORY: &str = "memory";

/// The signal tower of a bundle.
#[expect(missing_debug_implementations, reason = "an ONNX Runtime session does not implement it")]
pub struct SignalEncoder {
    tower: Tower,
    batch: Vec<f32>,
    batch_size: usize,
    /// The optional outputs that this tower has.
    optional_outputs: Vec<&'static str>,
}

/// All outputs of the tower for an epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochReading {
    /// The embedding.
    pub embedding: Embedding,
    /// The attention map, if the bundle has that output.
    pub attention: Option<AttentionMap>,
    /// The memory for the caption decoder, if the bundle has one.
    pub memory: Option<Memory>,
}

impl SignalEncoder {
    /// Opens the signal tower of a bundle.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the graph is not a signal tower of this bundle, [`Error::NoCuda`] if CUDA was requested and is
    /// not available, [`Error::Hash`] and [`Error::Io`].
    pub fn open(
        runtime: Runtime,
        bundle: &Bundle,
        device: Device,
        options: BatchOptions,
    ) -> Result<Self> {
        let contract = TowerContract {
            input: "signals",
            element: TensorElementType::Float32,
            shape: &SHAPE,
            output: EMBEDDING,
            dim: bundle.manifest().embedding_dim,
        };
        let tower = Tower::open(
            runtime,
            &bundle.verified(SIGNAL_TOWER)?,
            contract,
            device,
            options.threads,
        )?;
        let mut optional_outputs = Vec::new();
        for name in [ATTENTION, MEMORY] {
            if tower.check_optional(name, 3)? {
                optional_outputs.push(name);
            }
        }
        Ok(Self { tower, batch: Vec::new(), batch_size: options.batch_size, optional_outputs })
    }

    /// Returns the execution provider.
    pub fn provider(&self) -> &Provider {
        self.tower.provider()
    }

    /// Returns the number of epochs in a batch.
    pub(crate) fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Encodes every epoch of a night, in order.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the runtime fails, [`Error::NoDirection`] if an embedding is not finite.
    pub fn encode_night(&mut self, night: &Night) -> Result<Vec<Embedding>> {
        let epochs: Vec<usize> = (0..night.epochs().len()).collect();
        self.encode_some(night, &epochs)
    }

    /// Encodes some epochs of a night in the given order, batch by batch.
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

    /// Encodes some epochs of a night in the given order, in one batch.
    ///
    /// # Errors
    ///
    /// Those of [`encode_night`](Self::encode_night).
    pub fn encode_epochs(&mut self, night: &Night, epochs: &[usize]) -> Result<Vec<Embedding>> {
        self.fill(night, epochs);
        self.tower.run(&[epochs.len(), Channel::COUNT, EPOCH_SAMPLES], &self.batch)
    }

    /// Returns all outputs of the tower for some epochs of a night in the given order, in one batch.
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

    /// Encodes raw inputs, `[n, 10, 1920]`, in one batch.
    ///
    /// # Errors
    ///
    /// Those of [`encode_night`](Self::encode_night).
    ///
    /// # Panics
    ///
    /// Panics if the length is not a multiple of [`INPUT_LEN`].
    pub fn encode_inputs(&mut self, inputs: &[f32]) -> Result<Vec<Embedding>> {
        assert_eq!(inputs.len() % INPUT_LEN, 0, "inputs consist of whole epochs");
        self.tower.run(&[inputs.len() / INPUT_LEN, Channel::COUNT, EPOCH_SAMPLES], inputs)
    }

    /// Returns all outputs of the tower for raw inputs, `[n, 10, 1920]`, in one batch.
    ///
    /// # Errors
    ///
    /// Those of [`encode_night`](Self::encode_night).
    ///
    /// # Panics
    ///
    /// Panics if the length is not a multiple of [`INPUT_LEN`].
    pub fn read_inputs(&mut self, inputs: &[f32]) -> Result<Vec<EpochReading>> {
        assert_eq!(inputs.len() % INPUT_LEN, 0, "inputs consist of whole epochs");
        let n = inputs.len() / INPUT_LEN;
        let names = [&[EMBEDDING], self.optional_outputs.as_slice()].concat();
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

    /// Returns whether the tower reports its attention.
    pub fn has_attention(&self) -> bool {
        self.optional_outputs.contains(&ATTENTION)
    }

    fn attention_maps(&self, output: &TowerOutput, n: usize) -> Result<Vec<Option<AttentionMap>>> {
        let maps = output.rows(n).map(|row| AttentionMap::new(row.to_vec()));
        let maps: Vec<Option<AttentionMap>> = maps.collect();
        let is_whole =
            output.shape.first() == Some(&Channel::COUNT) && maps.iter().all(Option::is_some);
        is_whole.then_some(maps).ok_or_else(|| {
            self.unexpected_shape(ATTENTION, output, "[10, patches], with whole patches per second")
        })
    }

    fn memories(&self, output: &TowerOutput, n: usize) -> Result<Vec<Option<Memory>>> {
        match output.shape.as_slice() {
            [tokens, width] if tokens * width > 0 => {
                Ok(output.rows(n).map(|row| Some(Memory::new(*width, row.to_vec()))).collect())
            }
            _ => Err(self.unexpected_shape(MEMORY, output, "[tokens, width], both above 0")),
        }
    }

    fn unexpected_shape(&self, name: &str, output: &TowerOutput, expected: &str) -> Error {
        let problem = format!("its `{name}` has the shape {:?}; expected {expected}", output.shape);
        Error::model(self.tower.path(), problem)
    }
}
