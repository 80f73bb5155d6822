//! Cleans text as CLIP does before it is cut into tokens.

use super::ftfy;

/// Returns the text repaired, without HTML entities, with single blanks, in lower case.
///
/// The steps are those of `open_clip`'s tokenizer with its `lower` cleaning: `ftfy.fix_text`, `html.unescape` twice,
/// whitespace squeezed as by Python's `str.split`, `str.lower`.
pub(super) fn clean(text: &str) -> String {
    let text = ftfy::fix_text(text);
    let text = ftfy::unescape(&ftfy::unescape(&text));
    let words: Vec<&str> =
        text.split(is_python_whitespace).filter(|word| !word.is_empty()).collect();
    words.join(" ").to_lowercase()
}

/// Returns whether Python's `str.split` cuts at a character: Unicode white space and the four ASCII separators.
fn is_python_whitespace(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}
