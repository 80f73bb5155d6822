//! The captioner of a bundle: its caption decoder with its tokenizer.

use serde::Serialize;

use super::condition::CaptionCondition;
use super::decoder::Decoder;
use super::decoding::{DecodingOptions, FinishReason, TextLimits};
use super::formatting::format_caption;
use crate::bundle::{Bundle, CAPTIONER, SIGNAL_TOWER, VOCABULARY};
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::runtime::{Device, Provider, Runtime};
use crate::tokenizer::Tokenizer;

/// A generated caption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caption {
    /// Its tokens, with the start token, and with the end token if it was chosen.
    pub ids: Vec<u32>,
    /// The decoded tokens: lower case, with a space between digits.
    pub raw: String,
    /// The text with numbers, sentences and abbreviations restored.
    pub text: String,
    /// The reason why decoding ended.
    pub finish_reason: FinishReason,
}

/// Progress of a caption, reported after each decoding step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptionProgress<'a> {
    /// A step without a final token: beam search still compares its beams.
    Step,
    /// A final token.
    Token {
        /// The token.
        id: u32,
        /// The text that it appends to [`Caption::raw`]; empty while its bytes are an incomplete character.
        raw: &'a str,
    },
}

/// The caption decoder of a bundle with its tokenizer.
#[expect(missing_debug_implementations, reason = "an ONNX Runtime session does not implement it")]
pub struct Captioner {
    decoder: Decoder,
    tokenizer: Tokenizer,
    context: usize,
    /// The second to last token of the vocabulary.
    start_token: u32,
    /// The last token of the vocabulary.
    end_token: u32,
}

impl Captioner {
    /// Opens the decoder of a bundle on `threads` threads.
    ///
    /// # Errors
    ///
    /// [`Error::NoCaptioner`] if the bundle has none, [`Error::Model`] if the graph is not a caption decoder of this
    /// bundle, [`Error::NoCuda`] if CUDA was requested and is not available, [`Error::Hash`], [`Error::Vocabulary`] and
    /// [`Error::Io`].
    pub fn open(runtime: Runtime, bundle: &Bundle, device: Device, threads: usize) -> Result<Self> {
        bundle.expect_captioner()?;
        let spec = &bundle.manifest().tokenizer;
        let path = bundle.verified(CAPTIONER)?;
        let size = spec.vocabulary_size;
        let Some(start_token) = size.checked_sub(2) else {
            let problem = format!("a vocabulary of {size} has no start and end token");
            return Err(Error::model(&path, problem));
        };
        let decoder = Decoder::open(runtime, &path, size, device, threads)?;
        let tokenizer = Tokenizer::open(&bundle.verified(VOCABULARY)?)?;
        let (start_token, end_token) = (start_token as u32, start_token as u32 + 1);
        Ok(Self { decoder, tokenizer, context: spec.context, start_token, end_token })
    }

    /// Returns the execution provider.
    pub fn provider(&self) -> &Provider {
        self.decoder.provider()
    }

    /// Returns the memory of an epoch, if the signal tower returned one.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the signal tower of the bundle has no memory output.
    pub fn expect_memory(&self, memory: Option<Memory>) -> Result<Memory> {
        memory.ok_or_else(|| {
            let problem =
                format!("it expects a `memory` output, which `{SIGNAL_TOWER}` does not have");
            Error::model(self.decoder.path(), problem)
        })
    }

    /// Generates a caption of an epoch; calls `on_progress` after each step and stops when it returns `false`.
    ///
    /// The time per token does not grow with the length of the text, because keys and values are cached.
    ///
    /// # Errors
    ///
    /// [`Error::DecodingOption`] if an option is out of range, [`Error::Model`] if the memory is of another bundle or
    /// the runtime fails.
    pub fn caption(
        &mut self,
        memory: &Memory,
        condition: CaptionCondition,
        options: &DecodingOptions,
        on_progress: &mut dyn FnMut(CaptionProgress<'_>) -> bool,
    ) -> Result<Caption> {
        options.check(self.context)?;
        let end_token = options.end_token.unwrap_or(self.end_token);
        if end_token > self.end_token {
            let (field, value) = ("end_token", end_token.to_string());
            let expected = format!("a token below {}", self.end_token + 1);
            return Err(Error::DecodingOption { field, value, expected });
        }
        let DecodingOptions { min_length, max_length, .. } = *options;
        let limits =
            TextLimits { start_token: self.start_token, end_token, min_length, max_length };
        let tokenizer = &self.tokenizer;
        let mut streamed = StreamedText::default();
        let mut decoding = self.decoder.start(memory, condition)?;
        let decoded =
            options.decode(&mut decoding, limits, &mut |final_token| match final_token {
                None => on_progress(CaptionProgress::Step),
                Some(id) => {
                    on_progress(CaptionProgress::Token { id, raw: &streamed.push(tokenizer, id) })
                }
            })?;
        let words: Vec<u32> =
            decoded.ids[1..].iter().copied().filter(|id| *id != end_token).collect();
        let raw = tokenizer.decode(&words);
        let text = format_caption(&raw);
        Ok(Caption { ids: decoded.ids, raw, text, finish_reason: decoded.finish_reason })
    }

    /// Returns the logits after every token of a given text, `[ids, vocabulary]` (teacher forcing).
    ///
    /// `ids` starts with the start token.
    ///
    /// # Errors
    ///
    /// [`Error::DecodingOption`] if the text is empty or longer than the context, and [`Error::Model`].
    pub fn logits(
        &mut self,
        memory: &Memory,
        condition: CaptionCondition,
        ids: &[u32],
    ) -> Result<Vec<f32>> {
        if !(1..=self.context).contains(&ids.len()) {
            let (value, expected) =
                (format!("{} tokens long", ids.len()), format!("1 to {} tokens", self.context));
            return Err(Error::DecodingOption { field: "ids", value, expected });
        }
        self.decoder.start(memory, condition)?.logits(&[ids.to_vec()])
    }
}

/// The text of a caption so far, decoded token by token.
#[derive(Debug, Default)]
struct StreamedText {
    ids: Vec<u32>,
    /// Bytes of the decoded text that were returned.
    returned: usize,
}

impl StreamedText {
    /// Adds a token and returns the text that it completes; an incomplete character is held back.
    fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> String {
        self.ids.push(id);
        let text = tokenizer.decode(&self.ids);
        let complete = text.trim_end_matches('\u{fffd}');
        let new = complete.get(self.returned..).unwrap_or_default().to_owned();
        self.returned = self.returned.max(complete.len());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streamed_pieces_add_up_to_the_text() {
        let tokenizer = Tokenizer::clip();
        for text in ["Delta 14.7%, naïve", "睡眠 of 😴 nights"] {
            let ids = tokenizer.encode(text).ids;
            let words = &ids[1..ids.len() - 1];
            let mut streamed = StreamedText::default();
            let pieces: String = words.iter().map(|id| streamed.push(&tokenizer, *id)).collect();
            assert_eq!(pieces, tokenizer.decode(words));
        }
    }
}
