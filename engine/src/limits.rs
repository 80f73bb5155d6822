//! What a question may ask for.

use crate::{Error, Result};

/// Most hits of an answer.
pub const MOST_HITS: usize = 1000;

/// Longest text in bytes.
pub const LONGEST_TEXT: usize = 8192;

/// Refuses a number of hits that is out of range.
pub(crate) fn check_k(field: &'static str, k: usize) -> Result<usize> {
    if (1..=MOST_HITS).contains(&k) {
        Ok(k)
    } else {
        Err(Error::field(field, k, format!("1 to {MOST_HITS}")))
    }
}

/// Refuses a text that is empty or too long, and returns it without the blanks around it.
pub(crate) fn check_text<'a>(field: &'static str, text: &'a str) -> Result<&'a str> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Error::field(field, "empty", "a sentence"));
    }
    if text.len() > LONGEST_TEXT {
        let value = format!("{} bytes long", text.len());
        return Err(Error::field(field, value, format!("at most {LONGEST_TEXT} bytes")));
    }
    Ok(trimmed)
}
