//! The syntax tree of a filter expression, and its canonical text.
//!
//! The grammar is that of [AIP-160](https://google.aip.dev/160):
//!
//! ```text
//! expression  = sequence {"AND" sequence}            AND, or only a blank: both hold …
//! sequence    = factor {factor}
//! factor      = term {"OR" term}                     … and OR binds more tightly than either
//! term        = ["NOT" | "-"] simple
//! simple      = restriction | "(" expression ")"
//! restriction = member comparator arg
//! member      = value {"." value}
//! comparator  = "<=" | "<" | ">=" | ">" | "!=" | "=" | ":"
//! arg         = text | string | "(" expression of args ")"
//! value       = text | string
//! ```
//!
//! A string is enclosed in `"` or `'`; in it, `\` escapes the next character. A text has no blanks, none of
//! `( ) , : = < > ! " '`, and to the left of a comparator no `.`. An unescaped `*` in an arg matches any characters.
//! Functions, and words without a comparator, are part of AIP-160 and are refused by name.

use std::fmt;

/// A node of the syntax tree.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// All hold; an empty list always holds.
    All(Vec<Self>),
    /// At least one holds.
    Any(Vec<Self>),
    /// The inner node does not hold.
    Not(Box<Self>),
    /// A field is compared with a literal.
    Is(Comparison),
}

/// A field, a comparator and a literal.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub(super) field: Member,
    pub(super) comparator: Comparator,
    pub(super) literal: Literal,
}

/// The name of a field: parts joined by dots.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) parts: Vec<String>,
    /// Byte offset in the expression.
    pub(super) at: usize,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Has,
}

/// The value that a field is compared with.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    /// The text between the wildcards; there is one wildcard fewer than pieces.
    pub(super) pieces: Vec<String>,
    /// Byte offset in the expression.
    pub(super) at: usize,
}

impl Comparator {
    /// Every comparator; a longer one precedes its own prefix.
    pub(super) const ALL: [Self; 7] = [
        Self::AtMost,
        Self::Less,
        Self::AtLeast,
        Self::Greater,
        Self::NotEqual,
        Self::Equal,
        Self::Has,
    ];

    /// Returns its spelling.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Has => ":",
        }
    }

    /// Returns whether it needs values with an order.
    pub(super) const fn is_order(self) -> bool {
        match self {
            Self::Less | Self::AtMost | Self::Greater | Self::AtLeast => true,
            Self::Equal | Self::NotEqual | Self::Has => false,
        }
    }

    /// Returns the comparator that holds exactly when this does not.
    pub(crate) const fn turned(self) -> Self {
        match self {
            Self::Equal | Self::Has => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::Greater,
            Self::Greater => Self::AtMost,
            Self::AtLeast => Self::Less,
        }
    }

    /// Returns whether two values with this order satisfy it; `None` for values without an order.
    pub(super) fn accepts(self, order: Option<std::cmp::Ordering>) -> bool {
        let Some(order) = order else { return false };
        match self {
            Self::Equal | Self::Has => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

impl Literal {
    /// Returns whether it holds a wildcard.
    pub(super) fn is_pattern(&self) -> bool {
        self.pieces.len() > 1
    }

    /// Returns whether it is a wildcard alone.
    pub(super) fn is_anything(&self) -> bool {
        self.is_pattern() && self.pieces.iter().all(String::is_empty)
    }

    /// Returns it as text, a wildcard as `*`.
    pub(super) fn text(&self) -> String {
        self.pieces.join("*")
    }

    /// Returns it as a number, where it is one.
    pub(super) fn number(&self) -> Option<f64> {
        if self.is_pattern() { None } else { number(&self.text()) }
    }

    /// Returns whether a text matches, each wildcard matching any characters.
    pub(super) fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|only| only == text);
        };
        let rest = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last));
        let Some(mut rest) = rest else { return false };
        for piece in middle {
            let Some((_, after)) = rest.split_once(piece.as_str()) else { return false };
            rest = after;
        }
        true
    }
}

/// Parses a finite number written with digits.
pub(super) fn number(text: &str) -> Option<f64> {
    let is_written_with_digits = text.bytes().all(|byte| b"0123456789+-.eE".contains(&byte));
    text.parse().ok().filter(|number: &f64| is_written_with_digits && number.is_finite())
}

/// Returns whether a character may occur in a text without quotes; a dot may only in an arg.
pub(super) fn is_text(character: char) -> bool {
    !character.is_whitespace() && !r#"().,:=<>!"'\"#.contains(character)
}

/// Returns whether a text is a keyword.
pub(super) fn is_keyword(text: &str) -> bool {
    ["AND", "OR", "NOT"].contains(&text)
}

impl fmt::Display for Node {
    /// Writes an expression that parses into the same tree.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |nodes: &[Self], word| {
            let parts: Vec<String> = nodes.iter().map(Self::in_parentheses).collect();
            parts.join(word)
        };
        match self {
            Self::All(nodes) => f.write_str(&joined(nodes, " AND ")),
            Self::Any(nodes) => f.write_str(&joined(nodes, " OR ")),
            Self::Not(node) => write!(f, "NOT {}", node.in_parentheses()),
            Self::Is(comparison) => comparison.fmt(f),
        }
    }
}

impl Node {
    /// Writes the node so that its neighbours do not capture a part of it.
    fn in_parentheses(&self) -> String {
        match self {
            Self::All(_) | Self::Any(_) | Self::Not(_) => format!("({self})"),
            Self::Is(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.field, self.comparator.sign(), self.literal)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &String| {
            let is_bare = !part.is_empty()
                && !is_keyword(part)
                && !part.starts_with('-')
                && part.chars().all(is_text);
            if is_bare { part.clone() } else { format!("\"{}\"", escaped(part, "\\\"")) }
        };
        let parts: Vec<String> = self.parts.iter().map(part).collect();
        f.write_str(&parts.join("."))
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces: Vec<String> = self.pieces.iter().map(|it| escaped(it, "\\\"*")).collect();
        write!(f, "\"{}\"", pieces.join("*"))
    }
}

/// Escapes special characters by a backslash.
fn escaped(text: &str, special: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if special.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(pattern: &str) -> Literal {
        Literal { pieces: pattern.split('*').map(str::to_owned).collect(), at: 0 }
    }

    #[test]
    fn wildcards_match_any_characters() {
        let matches = |pattern: &str, text: &str| literal(pattern).matches(text);
        assert!(matches("shhs*", "shhs1/200001") && matches("*", "") && matches("a*c*e", "abcde"));
        assert!(matches("shhs", "shhs") && !matches("shhs", "shhs1") && !matches("*b", "bc"));
        // The prefix and the suffix must not overlap.
        assert!(!matches("aba*aba", "ababa") && matches("aba*aba", "abaaba"));
        assert!(!matches("a*b*b", "ab") && matches("a*b*b", "abb"));
    }

    #[test]
    fn numbers_are_written_with_digits() {
        assert_eq!((number("-4.50"), number("1e3")), (Some(-4.5), Some(1000.0)));
        for text in ["", "90+", "inf", "nan", "61 years", "1e999", "."] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
