//! Splits a question into words, numbers and signs with their positions.

use std::ops::Range;

use nocturne_concepts::registry::words::word;

use super::problem::{Reason, Unreadable};

/// Maximum length of a question in bytes.
pub const MAX_QUESTION_BYTES: usize = 2000;

/// Largest number in a question.
pub(super) const MAX_NUMBER: f64 = 1e6;

const NUMBER: &str = "a number such as 15, 2.5 or 1,000, at most a million";

/// A piece of a question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Bytes of the question.
    pub(super) range: Range<usize>,
}

/// What a piece is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A word in the form in which names are compared; `%` is `percent`.
    Word(String),
    /// A number, not negative.
    Number(f64),
    /// Minutes after midnight.
    Clock(u16),
    /// One of `<`, `<=`, `>`, `>=`, `=`, `,`, `/`, `-`, `+`, `&`, `|`, `!`, `(`, `)`, and `.` or `?` at the end.
    Sign(&'static str),
}

impl Token {
    /// Returns the text by which phrases and names are matched.
    pub(super) fn key(&self) -> String {
        match &self.kind {
            TokenKind::Word(word) => word.clone(),
            TokenKind::Number(number) => number.to_string(),
            TokenKind::Clock(minutes) => format!("{}:{}", minutes / 60, minutes % 60),
            TokenKind::Sign(sign) => (*sign).to_owned(),
        }
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(&self.kind, TokenKind::Sign(own) if *own == sign)
    }
}

/// Signs by their spellings; longer ones precede their prefixes.
const SIGNS: [(&str, &str); 33] = [
    (">=", ">="),
    ("=>", ">="),
    ("<=", "<="),
    ("=<", "<="),
    ("≥", ">="),
    ("⩾", ">="),
    ("≧", ">="),
    ("≤", "<="),
    ("⩽", "<="),
    ("≦", "<="),
    ("==", "="),
    ("!=", "!="),
    ("≠", "!="),
    ("<>", "!="),
    (">", ">"),
    ("<", "<"),
    ("=", "="),
    ("&&", "&"),
    ("&", "&"),
    ("||", "|"),
    ("|", "|"),
    ("!", "!"),
    ("¬", "!"),
    ("(", "("),
    (")", ")"),
    (",", ","),
    (";", ","),
    ("/", "/"),
    ("–", "-"),
    ("-", "-"),
    ("+", "+"),
    ("~", "~"),
    (":", ":"),
];

/// Splits a text. Full stops, question marks and quotation marks around words are dropped.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Unreadable> {
    if text.len() > MAX_QUESTION_BYTES {
        let expected = format!("at most {MAX_QUESTION_BYTES} bytes");
        return Err(Unreadable::new(text, 0..text.len(), Reason::TooLong, expected));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let token = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if first.is_ascii_digit() || starts_decimal(rest) {
            number(text, at)?
        } else if first.is_alphabetic() {
            word_token(text, at)
        } else if first == '%' {
            Token { kind: TokenKind::Word("percent".to_owned()), range: at..at + 1 }
        } else if let Some((spelling, sign)) = SIGNS.iter().find(|(it, _)| rest.starts_with(it)) {
            Token { kind: TokenKind::Sign(sign), range: at..at + spelling.len() }
        } else if is_punctuation(first) {
            at += first.len_utf8();
            continue;
        } else {
            let range = at..at + first.len_utf8();
            let expected = "words, numbers and comparisons such as `>=`";
            return Err(Unreadable::new(text, range, Reason::NotUnderstood, expected));
        };
        at = token.range.end;
        tokens.push(token);
    }
    Ok(without_hyphens_in_words(&without_final_exclamation(tokens)))
}

/// Returns whether a character only ends or quotes.
fn is_punctuation(character: char) -> bool {
    ['.', '?', '"', '\'', '`', '“', '”', '‘', '’', '_', '[', ']'].contains(&character)
}

fn starts_decimal(rest: &str) -> bool {
    let mut characters = rest.chars();
    characters.next() == Some('.') && characters.next().is_some_and(|it| it.is_ascii_digit())
}

/// Reads a number, a time of day such as 23:30, or an ordinal such as 2nd.
fn number(text: &str, at: usize) -> Result<Token, Unreadable> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|it| it.is_ascii_digit()).count();
    let mut end = at + digits(at);
    if bytes.get(end) == Some(&b':') && digits(end + 1) == 2 {
        let minutes = clock(&text[at..end], &text[end + 1..end + 3]);
        let range = at..end + 3;
        return match minutes {
            Some(minutes) => Ok(Token { kind: TokenKind::Clock(minutes), range }),
            None => Err(Unreadable::new(
                text,
                range,
                Reason::NotUnderstood,
                "a time of day such as 23:30",
            )),
        };
    }
    while bytes.get(end) == Some(&b',') && end > at && digits(end + 1) == 3 {
        end += 4;
    }
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    let range = at..end;
    let ordinal = ["st", "nd", "rd", "th"].into_iter().find(|it| {
        text[end..].starts_with(it)
            && !text[end + 2..].starts_with(|next: char| next.is_alphanumeric())
    });
    if ordinal.is_some() {
        let word = text[at..end + 2].to_lowercase();
        return Ok(Token { kind: TokenKind::Word(word), range: at..end + 2 });
    }
    let value: Option<f64> = text[range.clone()].replace(',', "").parse().ok();
    // A second comma or point is part of a number in no English notation.
    let is_broken = matches!(bytes.get(end), Some(b',' | b'.')) && digits(end + 1) > 0;
    match value.filter(|value| *value <= MAX_NUMBER && !is_broken) {
        Some(value) => Ok(Token { kind: TokenKind::Number(value), range }),
        None => Err(Unreadable::new(text, range, Reason::NotUnderstood, NUMBER)),
    }
}

fn clock(hours: &str, minutes: &str) -> Option<u16> {
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(60 * hours + minutes)
}

/// Reads a run of letters and digits; an apostrophe inside is dropped, as in `don't`.
fn word_token(text: &str, at: usize) -> Token {
    let mut raw = String::new();
    let mut end = at;
    let mut characters = text[at..].char_indices().peekable();
    while let Some((offset, character)) = characters.next() {
        let next_is_letter = characters.peek().is_some_and(|(_, next)| next.is_alphabetic());
        if character.is_alphanumeric() {
            raw.push(character);
        } else if !(['\'', '’'].contains(&character) && next_is_letter) {
            break;
        }
        end = at + offset + character.len_utf8();
    }
    Token { kind: TokenKind::Word(word(&raw)), range: at..end }
}

/// Drops hyphens that join two words, or a number and a word, as in `non-REM` and `30-minute`.
fn without_hyphens_in_words(tokens: &[Token]) -> Vec<Token> {
    let is_joining = |i: usize| {
        let (Some(before), Some(after)) =
            (i.checked_sub(1).and_then(|i| tokens.get(i)), tokens.get(i + 1))
        else {
            return false;
        };
        let is_word = |token: &Token| matches!(token.kind, TokenKind::Word(_));
        let is_number = |token: &Token| matches!(token.kind, TokenKind::Number(_));
        let is_tight =
            before.range.end == tokens[i].range.start && tokens[i].range.end == after.range.start;
        is_tight
            && is_word(after) | (is_word(before) && is_number(after) && !is_unit(before))
            && (is_word(before) || is_number(before))
    };
    let keep = (0..tokens.len()).filter(|i| !(tokens[*i].is_sign("-") && is_joining(*i)));
    let keep: Vec<usize> = keep.collect();
    keep.into_iter().map(|i| tokens[i].clone()).collect()
}

/// A hyphen after a unit is a range, as in `5%-15%`.
fn is_unit(token: &Token) -> bool {
    ["percent", "h", "min", "hour", "minute"].contains(&token.key().as_str())
}

fn without_final_exclamation(mut tokens: Vec<Token>) -> Vec<Token> {
    while tokens.last().is_some_and(|token| token.is_sign("!")) {
        tokens.pop();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        tokens(text).unwrap().iter().map(Token::key).collect()
    }

    #[test]
    fn words_numbers_and_signs_are_separated() {
        assert_eq!(keys("AHI≥15/h"), ["ahi", ">=", "15", "/", "h"]);
        assert_eq!(
            keys("non-REM K-complexes, 30s?"),
            ["non", "rem", "k", "complex", ",", "30", "s"]
        );
        assert_eq!(keys("5-15%"), ["5", "-", "15", "percent"]);
        assert_eq!(keys("1,000.5 don't 2nd N2"), ["1000.5", "dont", "2nd", "n2"]);
    }

    #[test]
    fn times_of_day_are_read() {
        assert_eq!(tokens("23:30").unwrap()[0].kind, TokenKind::Clock(23 * 60 + 30));
        assert_eq!(tokens("25:30").unwrap_err().text, "25:30");
    }

    #[test]
    fn numbers_that_english_does_not_write_are_refused() {
        for text in ["2,5", "1.2.3", "99999999999", "1,0000"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }

    #[test]
    fn positions_are_in_bytes_and_characters() {
        let problem = tokens("≥ 5 €").unwrap_err();
        assert_eq!((problem.byte, problem.character, problem.text.as_str()), (6, 5, "€"));
    }
}
