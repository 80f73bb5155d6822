//! Cleans text as CLIP does before tokenization.

use super::ftfy;

/// Returns the text with mojibake fixed, HTML entities resolved and white space collapsed, in lower case.
///
/// The steps are those of `open_clip`'s tokenizer with its `lower` cleaning: `ftfy.fix_text`, `html.unescape` twice,
/// collapsing white space as Python's `str.split` defines it, `str.lower`.
pub(super) fn clean_text(text: &str) -> String {
    let text = ftfy::fix_text(text);
    let text = ftfy::unescape(&ftfy::unescape(&text));
    let words: Vec<&str> =
        text.split(is_python_whitespace).filter(|word| !word.is_empty()).collect();
    words.join(" ").to_lowercase()
}

/// Returns whether Python's `str.split` splits at a character: Unicode white space and the four ASCII separators.
fn is_python_whitespace(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}
