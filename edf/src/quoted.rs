//! Quotes text of a file for a message.

/// Longest text in a message, in characters.
const MAX_CHARS: usize = 60;

/// Returns the text in back-ticks, with control characters escaped and long text cut: messages may go to a terminal.
pub(crate) fn quoted(text: &str) -> String {
    let escaped: String = text.chars().take(MAX_CHARS).flat_map(char::escape_debug).collect();
    let ellipsis = if text.chars().nth(MAX_CHARS).is_some() { "…" } else { "" };
    format!("`{escaped}{ellipsis}`")
}

/// Returns a count with its noun: `1 gap`, `2 gaps`.
pub(crate) fn counted(n: impl Into<u64>, singular: &str) -> String {
    let n = n.into();
    format!("{n} {singular}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_long_text_is_cut() {
        assert_eq!(quoted("a\x1b[2J"), "`a\\u{1b}[2J`");
        assert_eq!(quoted(&"é".repeat(61)), format!("`{}…`", "é".repeat(60)));
        assert_eq!(quoted(&"é".repeat(60)), format!("`{}`", "é".repeat(60)));
    }
}
