//! The text encoder: maps texts to embeddings.

use ort::value::TensorElementType;

use crate::bundle::{Bundle, TEXT_TOWER, TRAINED_TOKENS, VOCABULARY};
use crate::embedding::Embedding;
use crate::error::{Error, Result};
use crate::runtime::{Device, Provider, Runtime};
use crate::tokenizer::{CONTEXT, Tokenizer, Tokens};
use crate::tower::{BatchOptions, Tower, TowerContract};

/// Shape of the input.
const SHAPE: [i64; 2] = [-1, -1];

/// The text tower of a bundle with its tokenizer.
#[expect(missing_debug_implementations, reason = "an ONNX Runtime session does not implement it")]
pub struct TextEncoder {
    tower: Tower,
    tokenizer: Tokenizer,
    /// `None` if the bundle does not list them.
    trained_tokens: Option<TrainedTokens>,
    batch_size: usize,
}

/// A text with its embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedText {
    /// The embedding.
    pub embedding: Embedding,
    /// Whether the text was too long and its end was cut off.
    pub truncated: bool,
    /// Words that did not occur in the training of the bundle.
    pub unknown_words: Vec<String>,
}

impl TextEncoder {
    /// Opens the text tower and the vocabulary of a bundle.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the graph is not a text tower of this bundle, [`Error::NoCuda`] if CUDA was requested and is not
    /// available, [`Error::Hash`], [`Error::Vocabulary`] and [`Error::Io`].
    pub fn open(
        runtime: Runtime,
        bundle: &Bundle,
        device: Device,
        options: BatchOptions,
    ) -> Result<Self> {
        let contract = TowerContract {
            input: "tokens",
            element: TensorElementType::Int64,
            shape: &SHAPE,
            output: "text_embedding",
            dim: bundle.manifest().embedding_dim,
        };
        let tower =
            Tower::open(runtime, &bundle.verified(TEXT_TOWER)?, contract, device, options.threads)?;
        let tokenizer = Tokenizer::open(&bundle.verified(VOCABULARY)?)?;
        let trained_tokens = TrainedTokens::read(bundle)?;
        Ok(Self { tower, tokenizer, trained_tokens, batch_size: options.batch_size })
    }

    /// Returns the execution provider.
    pub fn provider(&self) -> &Provider {
        self.tower.provider()
    }

    /// Encodes a text.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the runtime fails, [`Error::NoDirection`] if an embedding is not finite.
    pub fn encode(&mut self, text: &str) -> Result<EncodedText> {
        let mut encoded = self.encode_all(&[text])?;
        Ok(encoded.pop().expect("one text has one embedding"))
    }

    /// Encodes texts in order.
    ///
    /// Texts of similar length share a batch, and only the positions that matter are computed: for `n` tokens, those
    /// `n`, the first padding and the class position.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode).
    pub fn encode_all(&mut self, texts: &[impl AsRef<str>]) -> Result<Vec<EncodedText>> {
        let tokens: Vec<Tokens> =
            texts.iter().map(|text| self.tokenizer.encode(text.as_ref())).collect();
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|i| tokens[*i].ids.len());
        let mut embeddings: Vec<Option<Embedding>> = vec![None; texts.len()];
        for batch in order.chunks(self.batch_size) {
            let rows: Vec<&[u32]> = batch.iter().map(|i| tokens[*i].ids.as_slice()).collect();
            for (i, embedding) in batch.iter().zip(self.encode_tokens(&rows)?) {
                embeddings[*i] = Some(embedding);
            }
        }
        let encoded =
            embeddings.into_iter().zip(&tokens).zip(texts).map(|((embedding, tokens), text)| {
                EncodedText {
                    embedding: embedding.expect("every text is in exactly one batch"),
                    truncated: tokens.truncated,
                    unknown_words: self.unknown_words(text.as_ref()),
                }
            });
        Ok(encoded.collect())
    }

    /// Encodes rows of tokens in one batch, each from its start token to its end token.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode).
    pub fn encode_tokens(&mut self, rows: &[&[u32]]) -> Result<Vec<Embedding>> {
        let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        // The mask of the model includes the first padding, so every row needs one unless it fills the context.
        let length = (longest + 1).min(CONTEXT);
        let mut batch = vec![0i64; rows.len() * length];
        for (row, padded) in rows.iter().zip(batch.chunks_exact_mut(length)) {
            padded.iter_mut().zip(*row).for_each(|(padded, id)| *padded = i64::from(*id));
        }
        self.tower.run(&[rows.len(), length], &batch)
    }

    fn unknown_words(&self, text: &str) -> Vec<String> {
        let Some(trained_tokens) = &self.trained_tokens else { return Vec::new() };
        let is_unknown = |ids: &[u32]| ids.iter().any(|id| !trained_tokens.contains(*id));
        self.tokenizer
            .words(text)
            .into_iter()
            .filter(|(_, ids)| is_unknown(ids))
            .map(|(word, _)| word)
            .collect()
    }
}

/// The tokens that occurred in training, one bit each, the lowest bit of a byte first.
struct TrainedTokens(Vec<u8>);

impl TrainedTokens {
    /// Reads the file; `None` if the bundle does not list it.
    fn read(bundle: &Bundle) -> Result<Option<Self>> {
        if !bundle.manifest().files.contains_key(TRAINED_TOKENS) {
            return Ok(None);
        }
        let path = bundle.verified(TRAINED_TOKENS)?;
        let bits = std::fs::read(&path).map_err(Error::io(&path, "read"))?;
        Ok(Some(Self(bits)))
    }

    fn contains(&self, token: u32) -> bool {
        let byte = self.0.get(token as usize / 8).copied().unwrap_or(0);
        byte >> (token % 8) & 1 == 1
    }
}
