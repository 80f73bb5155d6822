//! The error of a filter expression, with its position.

use std::fmt;

/// Maximum number of characters of the expression in a message.
const MAX_SHOWN: usize = 24;

/// Why a filter expression was refused; the caller's mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterProblem {
    /// Position of the mistake in the expression, in characters, from 1.
    pub column: usize,
    /// The expression from there on, shortened.
    pub near: String,
    /// What is wrong, as a sentence without a final dot.
    pub problem: String,
    /// What may be written instead.
    pub hint: String,
}

impl FilterProblem {
    /// Describes a mistake at a byte offset.
    pub(super) fn new(
        expression: &str,
        at: usize,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let (before, rest) = expression.split_at(expression.floor_char_boundary(at));
        let is_cut = rest.chars().nth(MAX_SHOWN).is_some();
        let near = rest.chars().take(MAX_SHOWN).chain(is_cut.then_some('…')).collect();
        let column = before.chars().count() + 1;
        Self { column, near, problem: problem.into(), hint: hint.into() }
    }
}

impl fmt::Display for FilterProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, near, problem, hint: _ } = self;
        match near.as_str() {
            "" => write!(f, "filter, column {column}, at its end: {problem}"),
            near => write!(f, "filter, column {column}, at `{near}`: {problem}"),
        }
    }
}

impl std::error::Error for FilterProblem {}
