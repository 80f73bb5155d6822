//! Fixes text as Python's `ftfy.fix_text` does by default, and resolves HTML references as `html.unescape` does.
//!
//! The algorithm, its expressions and its character tables are those of ftfy 6.3.1 by Robyn Speer (Apache-2.0,
//! <https://ftfy.readthedocs.io>), reimplemented in Rust; `tables.py` prints the tables from the original.
//! There is no counterpart to ftfy's handling of unpaired surrogates, which a `str` cannot contain.
//!
//! # Why not `plsfix`?
//!
//! The tokens must match those of training exactly, and that crate (0.1.8) differs from ftfy on terminal escapes and on
//! invalid numeric entities; see [the tokenizer](super).
//!
//! # Where can results differ from Python?
//!
//! Characters that are newer than the Unicode version of the Python in use (14 in Python 3.11) have no properties there.
//! For text with many layers of mojibake, ftfy takes time quadratic in its length; here the work is bounded by
//! [`WorkBudget`], and the remaining layers stay.

mod badness;
mod byte_repairs;
mod character_categories;
mod character_fixes;
mod html;
mod mojibake;
mod single_byte_codec;
mod terminal_escapes;
#[cfg(test)]
mod tests;
mod utf8_runs;
mod utf8_variants;
mod work_budget;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use work_budget::WorkBudget;

pub(crate) use html::unescape;

/// Maximum length of a segment, in characters.
const MAX_SEGMENT: usize = 1_000_000;

/// Returns the text with mojibake fixed, HTML entities resolved (up to the first segment with a `<`), terminal escapes
/// and control characters removed, and ligatures, widths, quotes and line breaks normalised, in Unicode form NFC.
pub(crate) fn fix_text(text: &str) -> String {
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let mut budget = WorkBudget::for_text(text);
    let mut entities = true;
    let mut fixed = String::with_capacity(text.len());
    for segment in text.split_inclusive('\n').flat_map(split_long) {
        entities &= !segment.contains('<');
        match fix_segment(segment, entities, &mut budget) {
            Some(segment) => fixed.push_str(&segment),
            None => fixed.push_str(segment),
        }
    }
    fixed
}

/// Returns whether no step changes a text of only such bytes.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b' '..=b'~') && byte != b'&'
}

/// Splits a line into segments of at most [`MAX_SEGMENT`] characters.
fn split_long(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(MAX_SEGMENT).map_or(rest.len(), |(end, _)| end);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Repeats passes over a segment until none of them changes it; `None` if the first pass changes nothing.
fn fix_segment(segment: &str, entities: bool, budget: &mut WorkBudget) -> Option<String> {
    let mut fixed = pass(segment, entities, budget)?;
    while budget.allows_pass(&fixed)
        && let Some(further) = pass(&fixed, entities, budget)
    {
        fixed = further;
    }
    Some(fixed)
}

/// Applies every step once, in the order of ftfy; `None` if nothing changed.
fn pass(text: &str, entities: bool, budget: &mut WorkBudget) -> Option<String> {
    let mut fixed = if entities { html::unescape_entities(text) } else { None };
    let current = fixed.as_deref().unwrap_or(text);
    if current.bytes().all(|byte| is_plain(byte) || byte == b'&') {
        return fixed;
    }
    fixed = mojibake::fix_encoding(current, budget).or(fixed);
    let steps = [
        character_fixes::fix_c1_controls,
        character_fixes::fix_latin_ligatures,
        character_fixes::fix_width,
        character_fixes::uncurl_quotes,
        character_fixes::fix_line_breaks,
        terminal_escapes::remove_terminal_escapes,
        character_fixes::remove_control_chars,
        compose,
    ];
    for step in steps {
        fixed = step(fixed.as_deref().unwrap_or(text)).or(fixed);
    }
    fixed.filter(|fixed| fixed != text)
}

/// Returns the text in Unicode form NFC; `None` if it already is.
fn compose(text: &str) -> Option<String> {
    (is_nfc_quick(text.chars()) != IsNormalized::Yes).then(|| text.nfc().collect())
}
