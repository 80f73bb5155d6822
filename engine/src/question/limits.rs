//! The limits of a question.

use crate::error::{Error, Result};

/// Maximum number of hits of an answer.
pub const MAX_HITS: usize = 1000;

/// Maximum length of a text, in bytes.
pub const MAX_TEXT_BYTES: usize = 8192;

/// Returns a number of hits from 1 to [`MAX_HITS`].
///
/// # Errors
///
/// [`Error::Field`] if it is out of range.
pub(crate) fn check_hits(field: &'static str, hits: usize) -> Result<usize> {
    if (1..=MAX_HITS).contains(&hits) {
        Ok(hits)
    } else {
        Err(Error::field(field, hits, format!("1 to {MAX_HITS}")))
    }
}

/// Returns a text without the white space around it.
///
/// # Errors
///
/// [`Error::Field`] if nothing remains or the text is too long.
pub(crate) fn check_text<'a>(field: &'static str, text: &'a str) -> Result<&'a str> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Error::field(field, "empty", "a sentence"));
    }
    if text.len() > MAX_TEXT_BYTES {
        let value = format!("{} bytes long", text.len());
        return Err(Error::field(field, value, format!("at most {MAX_TEXT_BYTES} bytes")));
    }
    Ok(trimmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_hits_is_from_1_to_1000() {
        assert!(check_hits("k", 1).is_ok() && check_hits("k", 1000).is_ok());
        for hits in [0, 1001] {
            let error = check_hits("k", hits).unwrap_err();
            assert_eq!(error.to_string(), format!("`k` is {hits}; expected 1 to 1000"));
        }
    }

    #[test]
    fn text_is_trimmed() {
        assert_eq!(check_text("text", "  slow waves\n").unwrap(), "slow waves");
    }

    #[test]
    fn empty_and_long_texts_are_refused() {
        let refusal = |text: &str| check_text("text", text).unwrap_err().to_string();
        assert_eq!(refusal(" \t\n"), "`text` is empty; expected a sentence");
        assert!(check_text("text", &"x".repeat(MAX_TEXT_BYTES)).is_ok());
        let expected = "`text` is 8193 bytes long; expected at most 8192 bytes";
        assert_eq!(refusal(&"x".repeat(MAX_TEXT_BYTES + 1)), expected);
    }
}
