//! Texts to embeddings.

use ort::value::TensorElementType;

use crate::bundle::{Bundle, TEXT_TOWER, TRAINED_TOKENS, VOCABULARY};
use crate::runtime::{Device, Provider, Runtime};
use crate::signal::BatchOptions;
use crate::tokenizer::{CONTEXT, Tokenizer, Tokens};
use crate::tower::{Contract, Tower};
use crate::{Embedding, Error, Result};

/// Shape of the text tower's input.
const SHAPE: [i64; 2] = [-1, -1];

/// The text tower of a bundle, with its tokenizer.
#[expect(missing_debug_implementations, reason = "a session of the runtime has none")]
pub struct TextEncoder {
    tower: Tower,
    tokenizer: Tokenizer,
    trained: Option<TrainedTokens>,
    batch_size: usize,
}

/// A text in the space that it shares with epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedText {
    /// The embedding.
    pub embedding: Embedding,
    /// Whether the text was too long and its end was left out.
    pub truncated: bool,
    /// Words that the bundle never met in its training; their meaning is not known to it.
    pub unknown_words: Vec<String>,
}

impl TextEncoder {
    /// Opens the tower and the vocabulary; texts are encoded `batch_size` at a time on `threads` threads.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] where the graph is not a text tower of this bundle, [`Error::Vocabulary`], [`Error::Io`], and
    /// [`Error::NoCuda`] where CUDA was asked for and cannot be had.
    pub fn open(
        runtime: Runtime,
        bundle: &Bundle,
        device: Device,
        options: BatchOptions,
    ) -> Result<Self> {
        let contract = Contract {
            input: "tokens",
            element: TensorElementType::Int64,
            shape: &SHAPE,
            output: "text_embedding",
            dim: bundle.manifest().embedding_dim,
        };
        let tower =
            Tower::open(runtime, &bundle.file(TEXT_TOWER), contract, device, options.threads)?;
        let tokenizer = Tokenizer::open(&bundle.file(VOCABULARY))?;
        let trained = TrainedTokens::read(bundle)?;
        Ok(Self { tower, tokenizer, trained, batch_size: options.batch_size })
    }

    /// Returns what the tower runs on.
    pub fn provider(&self) -> &Provider {
        self.tower.provider()
    }

    /// Encodes a text.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] where the runtime fails, [`Error::NoDirection`] where an embedding is not finite.
    pub fn encode(&mut self, text: &str) -> Result<EncodedText> {
        let mut encoded = self.encode_all(&[text])?;
        Ok(encoded.pop().expect("one text gives one embedding"))
    }

    /// Encodes texts, in order.
    ///
    /// Texts of like length share a batch, and only the positions that count are computed: of `n` tokens those, the
    /// first pad and the class position.
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
        for some in order.chunks(self.batch_size) {
            let rows: Vec<&[u32]> = some.iter().map(|i| tokens[*i].ids.as_slice()).collect();
            for (i, embedding) in some.iter().zip(self.encode_tokens(&rows)?) {
                embeddings[*i] = Some(embedding);
            }
        }
        let encoded =
            embeddings.into_iter().zip(&tokens).zip(texts).map(|((embedding, tokens), text)| {
                EncodedText {
                    embedding: embedding.expect("every text is in one batch"),
                    truncated: tokens.truncated,
                    unknown_words: self.unknown_words(text.as_ref()),
                }
            });
        Ok(encoded.collect())
    }

    /// Encodes rows of tokens in one batch, each from its begin token to its end token.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode).
    pub fn encode_tokens(&mut self, rows: &[&[u32]]) -> Result<Vec<Embedding>> {
        let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        // The first pad takes part in the attention, so every row needs one unless it fills the context.
        let length = (longest + 1).min(CONTEXT);
        let mut batch = vec![0i64; rows.len() * length];
        for (row, place) in rows.iter().zip(batch.chunks_exact_mut(length)) {
            place.iter_mut().zip(*row).for_each(|(place, id)| *place = i64::from(*id));
        }
        self.tower.run(&[rows.len(), length], &batch)
    }

    fn unknown_words(&self, text: &str) -> Vec<String> {
        let Some(trained) = &self.trained else { return Vec::new() };
        let is_unknown = |ids: &[u32]| ids.iter().any(|id| !trained.contains(*id));
        self.tokenizer
            .words(text)
            .into_iter()
            .filter(|(_, ids)| is_unknown(ids))
            .map(|(word, _)| word)
            .collect()
    }
}

/// Which tokens the text tower met in its training, one bit each, the lowest bit of a byte first.
struct TrainedTokens(Vec<u8>);

impl TrainedTokens {
    /// Reads the file, or returns `None` for a bundle that does not list one.
    fn read(bundle: &Bundle) -> Result<Option<Self>> {
        if !bundle.manifest().files.contains_key(TRAINED_TOKENS) {
            return Ok(None);
        }
        let path = bundle.file(TRAINED_TOKENS);
        let bits = std::fs::read(&path).map_err(Error::io(&path, "read"))?;
        Ok(Some(Self(bits)))
    }

    fn contains(&self, token: u32) -> bool {
        let byte = self.0.get(token as usize / 8).copied().unwrap_or(0);
        byte >> (token % 8) & 1 == 1
    }
}
