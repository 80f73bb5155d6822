//! The tokenizer of CLIP, by which texts reach the text tower.
//!
//! Cleaning, cutting and byte pairs are those of `open_clip` (context 256, vocabulary of 49,408), checked against its
//! results string by string.

mod bpe;
mod clean;
mod ftfy;

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::{Error, Result};

/// The vocabulary file of CLIP, by its licence part of this program (see `vocabulary/LICENSE`).
pub const CLIP_VOCABULARY: &[u8] = include_bytes!("../../vocabulary/bpe_simple_vocab_16e6.txt.gz");

/// Number of tokens in the vocabulary.
pub const VOCABULARY_SIZE: usize = bpe::SIZE;

/// Longest text in tokens, with begin and end.
pub const CONTEXT: usize = 256;

/// Cuts texts into tokens.
#[expect(missing_debug_implementations, reason = "49,408 tokens tell nobody anything")]
pub struct Tokenizer {
    vocabulary: bpe::Vocabulary,
}

/// A text as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The tokens from the begin token to the end token, at most [`CONTEXT`] of them, without padding.
    pub ids: Vec<u32>,
    /// Whether the text was longer and its end was left out.
    pub truncated: bool,
}

impl Tokenizer {
    /// Reads a vocabulary file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and [`Error::Vocabulary`] where the file is not CLIP's.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
        let vocabulary = bpe::Vocabulary::read(&bytes)
            .map_err(|problem| Error::Vocabulary { path: path.to_owned(), problem })?;
        Ok(Self { vocabulary })
    }

    /// Returns the tokenizer with CLIP's vocabulary, which is embedded in the program.
    pub fn clip() -> Self {
        let vocabulary = bpe::Vocabulary::read(CLIP_VOCABULARY)
            .expect("the embedded vocabulary is checked by a test");
        Self { vocabulary }
    }

    /// Cuts a text into tokens; a text that is too long keeps its first tokens, and its last becomes the end token.
    pub fn encode(&self, text: &str) -> Tokens {
        let mut ids = vec![bpe::START];
        for word in WORD.find_iter(&clean::clean(text)) {
            self.encode_piece(word.as_str(), &mut ids);
        }
        ids.push(bpe::END);
        let truncated = ids.len() > CONTEXT;
        if truncated {
            ids.truncate(CONTEXT);
            ids[CONTEXT - 1] = bpe::END;
        }
        Tokens { ids, truncated }
    }

    /// Returns the text of tokens, as `open_clip` decodes it: lower case, a blank after each word.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.vocabulary.decode(ids.iter().copied())
    }

    /// Returns each word of a text, as it is cut after cleaning, with its tokens.
    pub fn words(&self, text: &str) -> Vec<(String, Vec<u32>)> {
        let text = clean::clean(text);
        let tokens = |word: regex::Match<'_>| {
            let mut ids = Vec::new();
            self.encode_piece(word.as_str(), &mut ids);
            (word.as_str().to_owned(), ids)
        };
        WORD.find_iter(&text).map(tokens).collect()
    }

    fn encode_piece(&self, piece: &str, ids: &mut Vec<u32>) {
        match piece {
            "<start_of_text>" => ids.push(bpe::START),
            "<end_of_text>" => ids.push(bpe::END),
            word => self.vocabulary.encode_word(word, ids),
        }
    }
}

/// What a text is cut into: the special tokens, English contractions, runs of letters, single digits, runs of others.
static WORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+",
    )
    .expect("the expression is constant and checked by every test")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_vocabulary_is_that_of_clip() {
        let expected = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a";
        assert_eq!(nocturne_psg::hash::sha256(CLIP_VOCABULARY), expected);
        assert_eq!((bpe::START, bpe::END, VOCABULARY_SIZE), (49_406, 49_407, 49_408));
    }

    /// Identities of `open_clip` 3.3.0's tokenizer with a context of 256.
    #[test]
    fn tokens_are_those_of_open_clip() {
        let tokenizer = Tokenizer::clip();
        let check = |text, expected: &[u32]| {
            let ids = tokenizer.encode(text).ids;
            assert_eq!(ids[1..ids.len() - 1], *expected, "{text:?}");
        };
        check("", &[]);
        check(
            "REM Sleep epoch. Hypopnea from 2.5 to 11.0 seconds,",
            &[
                21637, 3840, 25810, 634, 269, 1441, 6530, 24068, 633, 273, 269, 276, 531, 272, 272,
                269, 271, 6541, 267,
            ],
        );
    }

    #[test]
    fn long_text_keeps_its_beginning() {
        let tokens = Tokenizer::clip().encode(&"delta ".repeat(300));
        assert!(tokens.truncated);
        assert_eq!(tokens.ids.len(), CONTEXT);
        assert_eq!(tokens.ids[CONTEXT - 1], bpe::END);
    }

    #[test]
    fn decoded_tokens_are_lower_case_words_with_blanks() {
        let tokenizer = Tokenizer::clip();
        let ids = tokenizer.encode("Delta 14.7%, naïve").ids;
        assert_eq!(tokenizer.decode(&ids[1..ids.len() - 1]), "delta 1 4 . 7 %, naïve ");
    }

    #[test]
    fn damaged_vocabulary_is_refused() {
        let message = |bytes: &[u8]| bpe::Vocabulary::read(bytes).err().unwrap();
        assert_eq!(message(b"x"), "it cannot be unpacked: unexpected end of file");
    }
}
