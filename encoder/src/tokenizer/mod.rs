//! The tokenizer of CLIP, which turns texts into the input of the text tower.
//!
//! Cleaning, word splitting and byte pairs are those of `open_clip` (context 256, vocabulary of 49,408 tokens); tests
//! compare the tokens with its results, string by string.
//!
//! # Why not the `tokenizers` crate?
//!
//! The byte pairs are the small part, and the cleaning before them must match Python's ftfy to the character.
//! With the crate `plsfix` 0.1.8, a port of ftfy, 84 of 86 reference strings gave the tokens of `open_clip`; it differed on
//! terminal escapes and on invalid numeric entities. Without an ftfy step, 13 of the 86 strings differed.
//! So [`ftfy`] is reimplemented here.

mod byte_pairs;
mod ftfy;
mod text_cleaning;

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::{Error, Result};

/// The vocabulary file of CLIP, embedded in the program under its licence (`vocabulary/LICENSE`).
pub const CLIP_VOCABULARY: &[u8] = include_bytes!("../../vocabulary/bpe_simple_vocab_16e6.txt.gz");

/// Number of tokens in the vocabulary.
pub const VOCABULARY_SIZE: usize = byte_pairs::SIZE;

/// Maximum length of a text in tokens, including start and end.
pub const CONTEXT: usize = 256;

/// Splits texts into tokens.
#[expect(missing_debug_implementations, reason = "printing 49,408 tokens helps no one")]
pub struct Tokenizer {
    vocabulary: byte_pairs::Vocabulary,
}

/// A text as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The tokens from the start token to the end token, at most [`CONTEXT`] of them, without padding.
    pub ids: Vec<u32>,
    /// Whether the text was longer and its end was cut off.
    pub truncated: bool,
}

impl Tokenizer {
    /// Reads a vocabulary file.
    ///
    /// # Errors
    ///
    /// [`Error::Vocabulary`] if the file is not the vocabulary of CLIP, and [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
        let vocabulary = byte_pairs::Vocabulary::read(&bytes)
            .map_err(|source| Error::Vocabulary { path: path.to_owned(), source })?;
        Ok(Self { vocabulary })
    }

    /// Returns the tokenizer with the embedded vocabulary of CLIP.
    pub fn clip() -> Self {
        let vocabulary = byte_pairs::Vocabulary::read(CLIP_VOCABULARY)
            .expect("a test checks the embedded vocabulary");
        Self { vocabulary }
    }

    /// Splits a text into tokens; a text that is too long keeps its first tokens, the last of which becomes the end token.
    pub fn encode(&self, text: &str) -> Tokens {
        let mut ids = vec![byte_pairs::START];
        for word in WORD.find_iter(&text_cleaning::clean_text(text)) {
            self.encode_piece(word.as_str(), &mut ids);
        }
        ids.push(byte_pairs::END);
        let truncated = ids.len() > CONTEXT;
        if truncated {
            ids.truncate(CONTEXT);
            ids[CONTEXT - 1] = byte_pairs::END;
        }
        Tokens { ids, truncated }
    }

    /// Returns the text of tokens as `open_clip` decodes it: lower case, with a space after each word.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.vocabulary.decode(ids.iter().copied())
    }

    /// Returns the words of a text after cleaning, each with its tokens.
    pub fn words(&self, text: &str) -> Vec<(String, Vec<u32>)> {
        let text = text_cleaning::clean_text(text);
        let tokens = |word: regex::Match<'_>| {
            let mut ids = Vec::new();
            self.encode_piece(word.as_str(), &mut ids);
            (word.as_str().to_owned(), ids)
        };
        WORD.find_iter(&text).map(tokens).collect()
    }

    fn encode_piece(&self, piece: &str, ids: &mut Vec<u32>) {
        match piece {
            "<start_of_text>" => ids.push(byte_pairs::START),
            "<end_of_text>" => ids.push(byte_pairs::END),
            word => self.vocabulary.encode_word(word, ids),
        }
    }
}

/// The pieces of a text: special tokens, English contractions, runs of letters, single digits, runs of other characters.
static WORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+",
    )
    .expect("the constant expression compiles in every test")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_vocabulary_is_the_one_of_clip() {
        let expected = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a";
        assert_eq!(nocturne_psg::hash::sha256(CLIP_VOCABULARY), expected);
        assert_eq!((byte_pairs::START, byte_pairs::END, VOCABULARY_SIZE), (49_406, 49_407, 49_408));
    }

    /// Tokens of `open_clip` 3.3.0 with a context of 256.
    #[test]
    fn tokens_match_open_clip() {
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
    fn long_text_keeps_its_first_tokens() {
        let tokens = Tokenizer::clip().encode(&"delta ".repeat(300));
        assert!(tokens.truncated);
        assert_eq!(tokens.ids.len(), CONTEXT);
        assert_eq!(tokens.ids[CONTEXT - 1], byte_pairs::END);
    }

    #[test]
    fn decoded_text_is_lower_case_with_spaces() {
        let tokenizer = Tokenizer::clip();
        let ids = tokenizer.encode("Delta 14.7%, naïve").ids;
        assert_eq!(tokenizer.decode(&ids[1..ids.len() - 1]), "delta 1 4 . 7 %, naïve ");
    }

    #[test]
    fn damaged_vocabulary_is_rejected() {
        let message = |bytes: &[u8]| byte_pairs::Vocabulary::read(bytes).err().unwrap().to_string();
        assert_eq!(message(b"x"), "cannot decompress it: unexpected end of file");
    }
}
