//! Finds runs of characters that could be UTF-8 decoded with a single-byte encoding.
//!
//! The character classes are `UTF8_CLUES` of ftfy 6.3.1 (Apache-2.0, Robyn Speer); the runs match its `UTF8_DETECTOR_RE`.

use std::ops::Range;

/// Returns the first run at or after a byte position.
///
/// A run does not start after a character that is almost certainly the end of another sequence.
pub(super) fn next_run(text: &str, from: usize) -> Option<Range<usize>> {
    let mut previous = text[..from].chars().next_back();
    for (offset, c) in text[from..].char_indices() {
        let start = from + offset;
        if !previous.is_some_and(is_strict_continuation) {
            let length = run_length(&text[start..]);
            if length > 0 {
                return Some(start..start + length);
            }
        }
        previous = Some(c);
    }
    None
}

/// Returns the length of the run of sequences at the start of the text, perhaps 0.
fn run_length(text: &str) -> usize {
    let mut length = 0;
    while let Some(sequence) = sequence_length(&text[length..]) {
        length += sequence;
    }
    length
}

/// Returns the length of the sequence at the start of the text.
fn sequence_length(text: &str) -> Option<usize> {
    let mut chars = text.chars();
    for _ in 0..n_continuations(chars.next()?)? {
        chars.next().filter(|&c| is_continuation(c))?;
    }
    Some(text.len() - chars.as_str().len())
}

/// Returns the number of continuation bytes after the byte of a character, if that byte starts a UTF-8 sequence.
#[rustfmt::skip] // It would put every alternative on its own line.
const fn n_continuations(c: char) -> Option<usize> {
    match c {
        'Â'..='ß' | 'Ā' | 'Ă' | 'Ć' | 'Č' | 'Ď' | 'Đ' | 'Ē' | 'Ė' | 'Ę' | 'Ě' | 'Ğ' | 'Ģ' | 'Ī' | 'İ' | 'Ķ'
        | 'Ĺ' | 'Ļ' | 'Ł' | 'Ń' | 'Ņ' | 'Ň' | 'Ō' | 'Ő' | 'Ř' | 'Ś' | 'Ş' | 'Š' | 'Ţ' | 'Ū' | 'Ů' | 'Ű' | 'Ų'
        | 'Ź' | 'Ż' | 'Ž' | 'Β'..='Ρ' | 'Σ'..='ί' | 'В'..='Я' => Some(1),
        'à'..='ï' | 'ā' | 'ă' | 'ą' | 'ć' | 'č' | 'ď' | 'ē' | 'ė' | 'ę' | 'ě' | 'ģ' | 'ī' | 'į' | 'ķ' | 'ĺ'
        | 'ļ' | 'ŕ' | 'ź' | 'ΰ'..='ο' | 'а'..='п' => Some(2),
        'ð' | 'ó' | 'đ' | 'ğ' | 'š' | 'π' | 'σ' | 'р' | 'у' => Some(3),
        _ => None,
    }
}

/// Returns whether a character can be a continuation byte; a space counts, in place of a no-break space.
const fn is_continuation(c: char) -> bool {
    is_strict_continuation(c) || matches!(c, ' ' | '–'..='―' | '‘'..='‚' | '“'..='„' | '•' | '…')
}

/// Returns whether a character next to mojibake is almost certainly a continuation byte.
#[rustfmt::skip] // It would put every alternative on its own line.
const fn is_strict_continuation(c: char) -> bool {
    matches!(c,
        '\u{80}'..='¿' | 'Æ' | 'Ø' | 'æ' | 'ø' | 'Ą' | 'ą' | 'Ľ' | 'ľ' | 'Ł' | 'ł' | 'Œ' | 'œ' | 'Ŗ' | 'ŗ' | 'Ś'
        | 'ś' | 'Ş'..='š' | 'Ť' | 'ť' | 'Ÿ'..='ž' | 'ƒ' | 'ˆ' | 'ˇ' | '˘' | '˛'..='˝' | '΄'..='Ά' | 'Έ'..='Ί'
        | 'Ό' | 'Ύ' | 'Ώ' | 'Ё'..='Ќ' | 'Ў' | 'Џ' | 'ё'..='ќ' | 'ў' | 'џ' | 'Ґ' | 'ґ' | '†' | '‡' | '‰' | '‹'
        | '›' | '€' | '№' | '™'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut runs = Vec::new();
        let mut from = 0;
        while let Some(run) = next_run(text, from) {
            from = run.end;
            runs.push(&text[run]);
        }
        assert_eq!(runs, expected, "{text:?}");
    }

    #[test]
    fn adjacent_sequences_are_one_run() {
        check("a Ã©Ã¨ b â€™ c ðŸ˜´", &["Ã©Ã¨", "â€™", "ðŸ˜´"]);
    }

    #[test]
    fn space_counts_as_a_no_break_space() {
        check("Ã la", &["Ã "]);
    }

    #[test]
    fn runs_do_not_start_inside_a_sequence() {
        check("¿Ã©", &[]);
        check("…Ã©", &["Ã©"]);
    }

    #[test]
    fn incomplete_sequences_are_not_runs() {
        check("â€ Ãé ðŸ˜", &["â€ "]);
    }
}
