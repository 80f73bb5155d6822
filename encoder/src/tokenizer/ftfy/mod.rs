//! Repairs text as Python's `ftfy.fix_text` does by default, and resolves HTML references as `html.unescape` does.
//!
//! The algorithm, its expressions and its tables of characters are those of ftfy 6.3.1 by Robyn Speer (Apache-2.0,
//! <https://ftfy.readthedocs.io>), written anew for Rust; `tables.py` prints the tables from it.
//! What ftfy does with unpaired surrogates has no counterpart, since a `str` cannot hold them.
//!
//! # Where can results differ from Python's?
//!
//! Characters that are younger than the Unicode of the Python in question (14 in Python 3.11) have no properties there.
//! Text that is broken layer upon layer takes ftfy time that grows with the square of its length: here the work ends
//! when [`Effort`] is spent, and the layers that are left stay.

mod badness;
mod bytes;
mod categories;
mod characters;
mod clues;
mod codec;
mod encoding;
mod escapes;
mod html;
#[cfg(test)]
mod tests;
mod utf8;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

pub(crate) use html::unescape;

/// Longest segment that is looked at as one, in characters.
const SEGMENT: usize = 1_000_000;

/// Passes over a long text before it is left as it is; real text takes two or three.
const PASSES: usize = 16;

/// Length in bytes up to which a text gets as many passes as it has bytes.
const SHORT: usize = 2048;

/// Returns the text with mojibake decoded, HTML entities resolved (until a `<` is seen), terminal escapes and control
/// characters removed, ligatures, widths, quotes and line breaks made plain, in normal form C.
pub(crate) fn fix_text(text: &str) -> String {
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let mut effort = Effort::for_text(text);
    let mut entities = true;
    let mut fixed = String::with_capacity(text.len());
    for segment in text.split_inclusive('\n').flat_map(cut) {
        entities &= !segment.contains('<');
        match fix_segment(segment, entities, &mut effort) {
            Some(better) => fixed.push_str(&better),
            None => fixed.push_str(segment),
        }
    }
    fixed
}

/// What may still be spent on repeated passes over a text.
struct Effort {
    bytes_left: usize,
}

impl Effort {
    fn for_text(text: &str) -> Self {
        Self { bytes_left: SHORT * SHORT + PASSES * text.len() }
    }

    /// Takes the cost of one more pass and returns whether there was enough left.
    fn allows_pass_over(&mut self, text: &str) -> bool {
        let left = self.bytes_left.checked_sub(text.len());
        self.bytes_left = left.unwrap_or(0);
        left.is_some()
    }
}

/// Returns whether no step changes a text of such bytes.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b' '..=b'~') && byte != b'&'
}

/// Cuts a line into pieces of at most [`SEGMENT`] characters.
fn cut(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(SEGMENT).map_or(rest.len(), |(end, _)| end);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Returns the segment after as many passes as it takes until nothing changes, or `None` where nothing did.
fn fix_segment(segment: &str, entities: bool, effort: &mut Effort) -> Option<String> {
    let mut fixed = pass(segment, entities, effort)?;
    while effort.allows_pass_over(&fixed)
        && let Some(further) = pass(&fixed, entities, effort)
    {
        fixed = further;
    }
    Some(fixed)
}

/// Takes every step once, in ftfy's order, and returns the text where it is another one then.
fn pass(text: &str, entities: bool, effort: &mut Effort) -> Option<String> {
    let mut fixed = if entities { html::unescape_entities(text) } else { None };
    let current = fixed.as_deref().unwrap_or(text);
    if current.bytes().all(|byte| is_plain(byte) || byte == b'&') {
        return fixed;
    }
    fixed = encoding::fix_encoding(current, effort).or(fixed);
    let steps = [
        characters::fix_c1_controls,
        characters::fix_latin_ligatures,
        characters::fix_width,
        characters::uncurl_quotes,
        characters::fix_line_breaks,
        escapes::remove_terminal_escapes,
        characters::remove_control_chars,
        compose,
    ];
    for step in steps {
        fixed = step(fixed.as_deref().unwrap_or(text)).or(fixed);
    }
    fixed.filter(|fixed| fixed != text)
}

/// Returns the text in normal form C where it is not in it.
fn compose(text: &str) -> Option<String> {
    (is_nfc_quick(text.chars()) != IsNormalized::Yes).then(|| text.nfc().collect())
}
