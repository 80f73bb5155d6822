//! Byte-pair encoding with the vocabulary of CLIP.

use std::collections::HashMap;
use std::io::Read;

use flate2::read::GzDecoder;

use crate::error::Cause;

/// Number of merges used; the rest of the file belongs to a larger vocabulary.
const N_MERGES: usize = 48_894;
/// Number of tokens for single bytes within a word, and again for single bytes at its end.
const N_BYTES: u32 = 256;

/// Token that starts a text.
pub(super) const START: u32 = 2 * N_BYTES + N_MERGES as u32;
/// Token that ends a text.
pub(super) const END: u32 = START + 1;
/// Number of tokens.
pub(super) const SIZE: usize = END as usize + 1;

/// The vocabulary: the pairs of tokens that merge, and the bytes of each token.
pub(super) struct Vocabulary {
    /// The token that a pair of tokens merges into. Lower tokens were learned earlier and merge first.
    merges: HashMap<(u32, u32), u32>,
    /// For each token except the last two, its bytes and whether it ends a word.
    tokens: Vec<(Vec<u8>, bool)>,
    /// The token of each byte within a word.
    byte_tokens: [u32; N_BYTES as usize],
}

impl Vocabulary {
    /// Reads `bpe_simple_vocab_16e6.txt.gz`: a header line, then a merge in each line.
    ///
    /// The error does not name the file.
    pub(super) fn read(gzip: &[u8]) -> Result<Self, Cause> {
        let mut text = String::new();
        GzDecoder::new(gzip)
            .read_to_string(&mut text)
            .map_err(|error| format!("cannot decompress it: {error}"))?;
        let bytes = byte_order();
        let mut byte_tokens = [0; N_BYTES as usize];
        let mut tokens = Vec::with_capacity(SIZE);
        for (token, byte) in (0..).zip(bytes) {
            byte_tokens[usize::from(byte)] = token;
            tokens.push((vec![byte], false));
        }
        tokens.extend(bytes.map(|byte| (vec![byte], true)));
        let mut vocabulary = Self { merges: HashMap::with_capacity(N_MERGES), tokens, byte_tokens };
        let mut names: HashMap<String, u32> = HashMap::with_capacity(SIZE);
        for (token, byte) in (0..).zip(bytes) {
            names.insert(char_of_byte(byte).to_string(), token);
            names.insert(format!("{}</w>", char_of_byte(byte)), token + N_BYTES);
        }
        for (line, token) in text.lines().skip(1).zip(2 * N_BYTES..START) {
            vocabulary.add_merge(line, token, &mut names)?;
        }
        if vocabulary.tokens.len() != START as usize {
            let n = vocabulary.tokens.len() - 2 * N_BYTES as usize;
            return Err(format!("it has {n} merges; expected at least {N_MERGES}").into());
        }
        Ok(vocabulary)
    }

    fn add_merge(
        &mut self,
        line: &str,
        token: u32,
        names: &mut HashMap<String, u32>,
    ) -> Result<(), String> {
        let problem = || {
            format!("merge {} is `{}`; expected two known tokens", token - 2 * N_BYTES + 1, line)
        };
        let (left, right) = line.split_once(' ').ok_or_else(problem)?;
        let pair = (*names.get(left).ok_or_else(problem)?, *names.get(right).ok_or_else(problem)?);
        let (right_bytes, ends_word) = self.tokens[pair.1 as usize].clone();
        let bytes = [self.tokens[pair.0 as usize].0.clone(), right_bytes].concat();
        self.merges.insert(pair, token);
        self.tokens.push((bytes, ends_word));
        names.insert(format!("{left}{right}"), token);
        Ok(())
    }

    /// Appends the tokens of a word: its bytes, with pairs merged in the order in which they were learned.
    pub(super) fn encode_word(&self, word: &str, ids: &mut Vec<u32>) {
        let mut tokens: Vec<u32> =
            word.bytes().map(|byte| self.byte_tokens[usize::from(byte)]).collect();
        if let Some(last) = tokens.last_mut() {
            *last += N_BYTES;
        }
        while let Some(merged) =
            tokens.windows(2).filter_map(|pair| self.merges.get(&(pair[0], pair[1]))).min()
        {
            tokens = self.merge_all(&tokens, *merged);
        }
        ids.extend(tokens);
    }

    /// Replaces every pair that merges into `merged`, from left to right.
    fn merge_all(&self, tokens: &[u32], merged: u32) -> Vec<u32> {
        let mut result = Vec::with_capacity(tokens.len());
        let mut i = 0;
        while i < tokens.len() {
            let pair = tokens.get(i + 1).map(|next| (tokens[i], *next));
            if pair.is_some_and(|pair| self.merges.get(&pair) == Some(&merged)) {
                result.push(merged);
                i += 2;
            } else {
                result.push(tokens[i]);
                i += 1;
            }
        }
        result
    }

    /// Returns the text of tokens, with a space after each word; invalid UTF-8 becomes U+FFFD.
    pub(super) fn decode(&self, ids: impl IntoIterator<Item = u32>) -> String {
        let mut bytes = Vec::new();
        for id in ids {
            match id {
                START => bytes.extend_from_slice(b"<start_of_text>"),
                END => bytes.extend_from_slice(b"<end_of_text>"),
                _ => {
                    if let Some((token, ends_word)) = self.tokens.get(id as usize) {
                        bytes.extend_from_slice(token);
                        bytes.extend(ends_word.then_some(b' '));
                    }
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Returns the bytes in the order of their tokens, as in GPT-2: printable ones first, then the others.
fn byte_order() -> [u8; N_BYTES as usize] {
    let mut order = [0; N_BYTES as usize];
    let all = (0..=u8::MAX)
        .filter(|byte| is_printable(*byte))
        .chain((0..=u8::MAX).filter(|byte| !is_printable(*byte)));
    order.iter_mut().zip(all).for_each(|(slot, byte)| *slot = byte);
    order
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

/// Returns the character that represents a byte in the vocabulary file: the byte itself if printable, else one after
/// Latin-1.
fn char_of_byte(byte: u8) -> char {
    if is_printable(byte) {
        return char::from(byte);
    }
    let n_before = (0..byte).filter(|lower| !is_printable(*lower)).count() as u32;
    char::from_u32(0x100 + n_before).expect("the 256 code points after Latin-1 are characters")
}
