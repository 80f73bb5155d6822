//! Detects mojibake by sequences of characters that do not occur in intended text.
//!
//! The rules are those of ftfy's `BADNESS_RE`, except those implied by another rule.

use unicode_normalization::char::is_combining_mark;

use super::character_categories::{
    ASCII_LOWER, ASCII_UPPER, BAD, BOX, C1, COMMON, CURRENCY, Categories, END, KAOMOJI, LAW, LOWER,
    LOWER_COMMON, NUMERIC, SPACE, START, UPPER, UPPER_COMMON, categories_of,
};

/// Pairs of categories whose members do not follow each other in intended text.
const PAIRS: [(Categories, Categories); 10] = [
    (BAD | LOWER | UPPER | BOX | START | END | CURRENCY | NUMERIC | LAW, BAD),
    (BAD, LOWER | UPPER | BOX | START | END | CURRENCY | NUMERIC | LAW),
    (LOWER | LOWER_COMMON | BOX | END | CURRENCY | NUMERIC, UPPER),
    (BOX | END | CURRENCY | NUMERIC, LOWER),
    (LOWER | BOX | END, CURRENCY),
    (UPPER | BOX, NUMERIC | LAW),
    (CURRENCY | NUMERIC | BOX, START),
    (BOX, KAOMOJI),
    (LOWER | UPPER | CURRENCY | NUMERIC | START | END | LAW, BOX),
    (BOX, END),
];

/// Triples of categories whose members do not follow each other in intended text.
const TRIPLES: [(Categories, Categories, Categories); 5] = [
    (ASCII_LOWER | ASCII_UPPER, LOWER_COMMON | UPPER_COMMON, BAD),
    (SPACE, UPPER, CURRENCY),
    (LOWER | UPPER | BOX | CURRENCY | END, START, NUMERIC),
    (LOWER | UPPER | CURRENCY | NUMERIC | BOX | LAW, END, START),
    (ASCII_LOWER, UPPER, START | CURRENCY),
];

/// Returns whether part of the text looks like mojibake.
pub(super) fn is_bad(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let categories: Vec<Categories> = chars.iter().map(|&c| categories_of(c)).collect();
    let bad_from = |start: usize| {
        let (chars, categories) = (&chars[start..], &categories[start..]);
        let may_be_bad = chars.iter().take(3).any(|c| !c.is_ascii());
        may_be_bad
            && (has_bad_categories(categories)
                || is_quote_within_word(chars, categories)
                || is_space_after_a(chars, categories)
                || is_known_mojibake(chars, categories))
    };
    matches!(chars[..], ['Ã' | 'Â', ' ', ..]) || (0..chars.len()).any(bad_from)
}

/// Returns whether the text starts with characters whose categories do not follow each other.
fn has_bad_categories(categories: &[Categories]) -> bool {
    let is_pair = |a, b| PAIRS.iter().any(|(first, second)| a & first != 0 && b & second != 0);
    let is_triple = |a, b, c| {
        TRIPLES
            .iter()
            .any(|&(first, second, third)| a & first != 0 && b & second != 0 && c & third != 0)
    };
    match *categories {
        [a, ..] if a & C1 != 0 => true,
        [a, b, ..] if is_pair(a, b) => true,
        [a, b, c, ..] => is_triple(a, b, c),
        _ => false,
    }
}

/// Returns whether the text starts with an accented letter, a quotation mark or similar, and the rest of a word.
fn is_quote_within_word(chars: &[char], categories: &[Categories]) -> bool {
    match (chars, categories) {
        (&[_, _, c, ..], &[letter, quote, ..]) => {
            letter & (LOWER | UPPER) != 0 && quote & (START | END) != 0 && is_word(c)
        }
        _ => false,
    }
}

/// Returns whether the text starts with the end of a word, `Ã` or `Â`, and a space that was a no-break space.
fn is_space_after_a(chars: &[char], categories: &[Categories]) -> bool {
    match *chars {
        ['a'..='z', 'Ã' | 'Â', ' ', ..] | ['.' | ',' | '?' | '!', 'Â', ' ', ..] => true,
        ['a'..='z', _, 'Ã' | 'Â', ' ', ..] => categories[1] & SPACE != 0,
        _ => false,
    }
}

/// Returns whether the text starts with a sequence known from decoding with the wrong encoding.
fn is_known_mojibake(chars: &[char], categories: &[Categories]) -> bool {
    let is = |position: usize, set| categories[position] & set != 0;
    match *chars {
        [_, '°', ..] if is(0, UPPER) => true,
        // Windows-1252: a ligature at the end of a word, two-byte and three-byte sequences, Arabic.
        ['Œ' | 'œ', next, ..] => !next.is_ascii_alphabetic(),
        ['Â' | 'Ã' | 'Î' | 'Ð', next, ..] => {
            is(1, START | END)
                || matches!(next, '€' | 'œ' | 'Š' | 'š' | '¢' | '£' | 'Ÿ' | 'ž' | '\u{a0}')
                || matches!(next, '\u{ad}' | '°' | '·' | '–' | '—' | '´')
        }
        ['×', next, ..] => matches!(next, '²' | '³'),
        ['à', next, ..] => matches!(next, '²' | 'µ' | '¹' | '¼'..='¾'),
        ['Ø' | 'Ù', a, 'Ø' | 'Ù', b, ..] => {
            let set = COMMON | CURRENCY | BAD | NUMERIC | START;
            let is_second = |c| matches!(c, 'Ÿ' | 'Š' | '®' | '°' | '»');
            (is(1, set) || is_second(a)) && (is(3, set) || is_second(b))
        }
        // MacRoman.
        ['√', next, ..] => {
            matches!(next, '±' | '∂' | '†' | '≠' | '®' | '™' | '´' | '≤' | '≥' | '¥' | 'µ' | 'ø')
        }
        ['≈', next, ..] => matches!(next, '°' | '¢'),
        ['‚', 'Ä', next, ..] => {
            matches!(next, 'ì' | 'î' | 'ï' | 'ò' | 'ô' | 'ú' | 'ù' | 'û' | '†' | '°' | '¢' | 'π')
        }
        ['‚', 'â' | 'ó', next, ..] => matches!(next, 'à' | 'ä' | '°' | 'ê'),
        // Characters from U+2000 on in Windows-1251 and in Windows-1257.
        ['в', 'Ђ', ..] | ['ā', '€', ..] => true,
        // Windows-1251; the longest sequence is mojibake of mojibake.
        ['В' | 'Г' | 'Р' | 'С', next, 'В' | 'Г' | 'Р' | 'С', ..]
            if is(1, C1 | BAD | START | END | CURRENCY) || matches!(next, '°' | 'µ') =>
        {
            true
        }
        ['Г', 'ў', 'В', 'Ђ', 'В', any, next, ..] => {
            any != '\n' && (next == ' ' || next.is_ascii_alphabetic())
        }
        // Windows-1253.
        ['β', '€', next, ..] => matches!(next, '™' | '\u{a0}' | 'Ά' | '\u{ad}' | '®' | '°'),
        ['Β' | 'Γ' | 'Ξ' | 'Ο', next, 'Β' | 'Γ' | 'Ξ' | 'Ο', ..] => {
            is(1, C1 | BAD | START | END | CURRENCY) || next == '°'
        }
        _ => false,
    }
}

/// Returns whether Python's `\w` matches a character.
fn is_word(c: char) -> bool {
    let is_circled_letter = matches!(c, 'Ⓐ'..='ⓩ' | '🄰'..='🅉' | '🅐'..='🅩' | '🅰'..='🆉');
    c == '_' || c.is_alphanumeric() && !is_combining_mark(c) && !is_circled_letter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mojibake_is_bad() {
        let check = |text| assert!(is_bad(text), "{text:?}");
        check("sÃ³");
        check("voilÃ le travail");
        check("âœ” No problems");
        check("â€œquotesâ€\u{9d}");
        check("РџСЂРёРІРµС‚ РІСЃРµРј");
        check("√©l√®ve");
        check("Ã ");
        check("word Â word");
    }

    #[test]
    fn intended_text_is_not_bad() {
        let check = |text| assert!(!is_bad(text), "{text:?}");
        check("");
        check("déjà vu — naïve façade, 25 °C ± 0.5");
        check("«Привет», сказал он; Ελλάδα №5");
        check("(╯°□°)╯︵ ┻━┻ and ┌(┌ﾟдﾟ)┐");
        check("Ångström · Œuvre · Ørsted · €5 · §3");
        check("日本語 한국어 العربية");
    }

    #[test]
    fn word_characters_match_python() {
        let words: String = "aé字٣½Ⅻ_ªʰ²".chars().filter(|&c| !is_word(c)).collect();
        assert_eq!(words, "");
        let others: String = "-\u{301}\u{93f}Ⓐ🅰💤 ".chars().filter(|&c| is_word(c)).collect();
        assert_eq!(others, "");
    }
}
