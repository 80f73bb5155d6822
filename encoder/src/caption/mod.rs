//! Epochs to words: the caption decoder of a bundle and the search for what it says.
//!
//! The decoder reads the memory that the signal tower makes of an epoch ([`SignalEncoder::read_epochs`]) and says the
//! words one token at a time. A bundle may do without one.
//!
//! # The graph
//!
//! `caption.onnx` is one graph for the first token and for every later one. It reads all tokens of a text so far, but
//! computes only those that its caches do not hold, and gives the caches back with what is new.
//!
//! ```text
//! tokens         [batch, length] i64                          begin token first
//! conditions     [batch, prefix] i64                          kinds of caption, -1 for none; only in the first call
//! memory         [batch, memory_tokens, width] f32            only in the first call
//! text_cache     [2 · layers, batch, heads, past, head_dim]   keys of layer i at 2 i, values at 2 i + 1
//! decoder_cache  [2 · layers, batch, heads, past, head_dim]   with the conditions
//! cross_cache    [2 · layers, batch, heads, seen, head_dim]   of the memory
//!   → logits     [batch, length - past, vocabulary] f32
//!     text_cache_out, decoder_cache_out, cross_cache_out
//! ```
//!
//! The caches of the first call have a length of 0, and so have the conditions and the memory of later ones. The
//! metadata tells what no shape does, such as `condition_kinds`.
//!
//! [`SignalEncoder::read_epochs`]: crate::SignalEncoder::read_epochs

mod beams;
mod decoder;
mod line;
mod search;
mod tidy;

use nocturne_psg::caption::CaptionKind;
use serde::Serialize;

use crate::bundle::{Bundle, CAPTIONER, SIGNAL_TOWER, VOCABULARY};
use crate::runtime::{Device, Provider, Runtime};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

pub use decoder::{Decoder, Dictation};
pub use search::{Continue, Ended, Found, Limits, MOST_BEAMS, Search, Strategy, Watch};

/// What the decoder reads of an epoch: `[tokens, width]`, not normalised.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    width: usize,
    values: Vec<f32>,
}

impl Memory {
    /// Takes the rows of a memory, one after the other.
    ///
    /// # Panics
    ///
    /// Panics where the numbers do not fill whole rows of `width`, or where there is no row.
    pub fn new(width: usize, values: Vec<f32>) -> Self {
        let is_whole = width > 0 && !values.is_empty() && values.len().is_multiple_of(width);
        assert!(is_whole, "a memory is made of whole rows");
        Self { width, values }
    }

    /// Returns the number of rows.
    pub fn tokens(&self) -> usize {
        self.values.len() / self.width
    }

    /// Returns the length of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the rows, one after the other.
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }
}

/// What a caption is to speak of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing is asked for; the decoder was never trained without a wish.
    #[default]
    Open,
    /// Up to two kinds; their order does not matter, and `None` fills the place.
    Kinds([Option<CaptionKind>; 2]),
}

impl From<CaptionKind> for Condition {
    fn from(kind: CaptionKind) -> Self {
        Self::Kinds([Some(kind), None])
    }
}

impl Condition {
    /// Returns what the graph reads: the place of each kind in [`CaptionKind::ALL`], or -1.
    fn columns(self) -> Vec<i64> {
        let place = |kind: CaptionKind| CaptionKind::ALL.iter().position(|it| *it == kind);
        let column =
            |kind: Option<CaptionKind>| kind.and_then(place).map_or(-1, |place| place as i64);
        match self {
            Self::Open => Vec::new(),
            Self::Kinds(kinds) => kinds.map(column).to_vec(),
        }
    }
}

/// A caption that the decoder has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caption {
    /// Its tokens, with the begin token and the end token where there is one.
    pub ids: Vec<u32>,
    /// Its words as the tokenizer joins them: lower case, with a blank between digits.
    pub raw: String,
    /// Its words as people write them: numbers, sentences and abbreviations put back together.
    pub text: String,
    /// How it came to its end.
    pub ended: Ended,
}

/// What is told while a caption is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A step was made, and no token is settled: beams are still being compared.
    Step,
    /// A token is settled.
    Token {
        /// The token.
        id: u32,
        /// What it adds to [`Caption::raw`]; nothing where its bytes are the beginning of a character.
        raw: &'a str,
    },
}

/// The caption decoder of a bundle, with its tokenizer.
#[expect(missing_debug_implementations, reason = "a session of the runtime has none")]
pub struct Captioner {
    decoder: Decoder,
    tokenizer: Tokenizer,
    context: usize,
    /// Tokens that begin and end a text: the last two of the vocabulary.
    begin: u32,
    end: u32,
}

impl Captioner {
    /// Opens the decoder of a bundle on `threads` threads.
    ///
    /// # Errors
    ///
    /// [`Error::NoCaptioner`] where the bundle has none, [`Error::Model`] where the graph is not a caption decoder of
    /// this bundle, [`Error::Vocabulary`], [`Error::Io`], and [`Error::NoCuda`] where CUDA was asked for and cannot be
    /// had.
    pub fn open(runtime: Runtime, bundle: &Bundle, device: Device, threads: usize) -> Result<Self> {
        bundle.expect_captioner()?;
        let spec = &bundle.manifest().tokenizer;
        let path = bundle.file(CAPTIONER);
        let size = spec.vocabulary_size;
        let Some(begin) = size.checked_sub(2) else {
            let problem = format!("a vocabulary of {size} has no begin and end token");
            return Err(Error::Model { path, problem });
        };
        let decoder = Decoder::open(runtime, &path, size, device, threads)?;
        let tokenizer = Tokenizer::open(&bundle.file(VOCABULARY))?;
        let (begin, end) = (begin as u32, begin as u32 + 1);
        Ok(Self { decoder, tokenizer, context: spec.context, begin, end })
    }

    /// Returns what the decoder runs on.
    pub fn provider(&self) -> &Provider {
        self.decoder.provider()
    }

    /// Returns the memory that the signal tower gave, which must be there.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] where the bundle's signal tower gives none.
    pub fn expect_memory(&self, memory: Option<Memory>) -> Result<Memory> {
        memory.ok_or_else(|| {
            let problem = format!("it reads a `memory` that `{SIGNAL_TOWER}` does not give");
            Error::Model { path: self.decoder.path().to_owned(), problem }
        })
    }

    /// Makes a caption of an epoch and tells `watch` of each token; it ends early where `watch` returns `false`.
    ///
    /// The time that a token takes does not grow with the text: what was computed of it is kept.
    ///
    /// # Errors
    ///
    /// [`Error::Search`] where the search is out of range, [`Error::Model`] where the memory is of another bundle or
    /// the runtime fails.
    pub fn caption(
        &mut self,
        memory: &Memory,
        condition: Condition,
        search: &Search,
        watch: &mut dyn FnMut(Progress<'_>) -> bool,
    ) -> Result<Caption> {
        search.check(self.context)?;
        let end = search.end.unwrap_or(self.end);
        if end > self.end {
            let expected = format!("a token below {}", self.end + 1);
            return Err(Error::Search { field: "end", value: end.to_string(), expected });
        }
        let Search { min_length, max_length, .. } = *search;
        let limits = Limits { begin: self.begin, end, min_length, max_length };
        let tokenizer = &self.tokenizer;
        let mut said = Said::default();
        let mut dictation = self.decoder.begin(memory, condition)?;
        let found = search.run(&mut dictation, limits, &mut |settled| match settled {
            None => watch(Progress::Step),
            Some(id) => watch(Progress::Token { id, raw: &said.add(tokenizer, id) }),
        })?;
        let words: Vec<u32> = found.ids[1..].iter().copied().filter(|id| *id != end).collect();
        let raw = tokenizer.decode(&words);
        Ok(Caption { text: tidy::tidy(&raw), raw, ids: found.ids, ended: found.ended })
    }

    /// Returns the logits behind every token of a text, `[ids, vocabulary]`: what the decoder thinks of a text that is
    /// given to it, begin token first.
    ///
    /// # Errors
    ///
    /// [`Error::Search`] where the text is empty or longer than the context, and [`Error::Model`].
    pub fn logits(
        &mut self,
        memory: &Memory,
        condition: Condition,
        ids: &[u32],
    ) -> Result<Vec<f32>> {
        if !(1..=self.context).contains(&ids.len()) {
            let (value, expected) =
                (format!("{} tokens long", ids.len()), format!("1 to {} tokens", self.context));
            return Err(Error::Search { field: "ids", value, expected });
        }
        self.decoder.begin(memory, condition)?.logits(&[ids.to_vec()])
    }
}

/// What was told of a caption so far.
#[derive(Debug, Default)]
struct Said {
    ids: Vec<u32>,
    /// Bytes of the text that were told.
    told: usize,
}

impl Said {
    /// Takes one more token and returns what it adds; a character whose bytes are not all there waits.
    fn add(&mut self, tokenizer: &Tokenizer, id: u32) -> String {
        self.ids.push(id);
        let text = tokenizer.decode(&self.ids);
        let whole = text.trim_end_matches('\u{fffd}');
        let new = whole.get(self.told..).unwrap_or_default().to_owned();
        self.told = self.told.max(whole.len());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_the_decoder_was_trained() {
        let columns = |condition: Condition| condition.columns();
        assert!(columns(Condition::Open).is_empty());
        assert_eq!(columns(CaptionKind::Brain.into()), [0, -1]);
        let two = [Some(CaptionKind::StageEvent), Some(CaptionKind::PositionMuscle)];
        assert_eq!(columns(Condition::Kinds(two)), [4, 3]);
    }

    #[test]
    fn pieces_make_the_whole_text() {
        let tokenizer = Tokenizer::clip();
        for text in ["Delta 14.7%, naïve", "睡眠 of 😴 nights"] {
            let ids = tokenizer.encode(text).ids;
            let words = &ids[1..ids.len() - 1];
            let mut said = Said::default();
            let pieces: String = words.iter().map(|id| said.add(&tokenizer, *id)).collect();
            assert_eq!(pieces, tokenizer.decode(words));
        }
    }
}
