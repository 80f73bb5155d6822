//! Numbers written as words.

use super::super::cursor::Cursor;
use super::super::token::TokenKind;

const UNITS: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Returns the number that the words at a place spell, up to 999, and how many tokens they are.
pub(super) fn number_words(cursor: &Cursor<'_>, at: usize) -> Option<(usize, f64)> {
    let word = |i: usize| match cursor.get(at + i).map(|token| &token.kind) {
        Some(TokenKind::Word(word)) => word.as_str(),
        Some(TokenKind::Number(_) | TokenKind::Clock(_) | TokenKind::Sign(_)) | None => "",
    };
    let is_article = ["a", "an", "one"].contains(&word(0));
    match word(1) {
        "dozen" if is_article => return Some((2, 12.0)),
        "hundred" if is_article => return Some((2, 100.0)),
        _ => {}
    }
    if word(0) == "dozen" {
        return Some((1, 12.0));
    }
    if let Some(tens) = TENS.iter().position(|it| !it.is_empty() && *it == word(0)) {
        let units = UNITS[1..10].iter().position(|it| *it == word(1)).map(|at| at + 1);
        let n = 1 + usize::from(units.is_some());
        return Some((n, (10 * tens + units.unwrap_or(0)) as f64));
    }
    let units = UNITS[1..].iter().position(|it| *it == word(0))? + 1;
    match word(1) {
        "hundred" if units < 10 => Some((2, (100 * units) as f64)),
        _ => Some((1, units as f64)),
    }
}
