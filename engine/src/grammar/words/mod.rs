//! Reads a question in words.
//!
//! The words are split into phrases (`lexicon`), read clause by clause (`reader`), and each clause becomes a condition or an
//! order (`assemble`). Every phrase is consumed by a rule, or the question is refused at its position.
//!
//! ```text
//! question   = clause { ( "and" | "or" | "but" | "with" | "," ) clause }
//! clause     = { amount | bound | subject | unit | scope | comparison | people }      each at most once
//! amount     = "frequent" | "few" | "no" | "severe" | …
//! bound      = comparator number [ unit ] | number "or more" | "between" number "and" number | number "-" number | …
//! subject    = measure | concept { ( "and" | "or" | "," ) concept } [ relation concept ]
//! relation   = "within" number unit ( "after" | "before" | "of" ) | "during"
//! scope      = ( "in" | "during" | … ) ( stage | position | part of the night ) | ( "before" | "after" ) clock
//! comparison = ( "more" | "worse" | "twice as many" | … ) … [ ( "than" | "as" ) ( scope | subject ) ]
//! people     = "men" | "women" | … [ bound ] | column ( bound | value )
//! ```

mod assemble;
mod bounds;
mod clause;
mod foreign;
mod joints;
mod lexicon;
mod metadata;
mod negation;
mod numbers;
mod quantity;
mod reader;
mod scopes;
mod search;
mod subjects;
mod unknown;

use nocturne_concepts::Registry;

use super::problem::Unreadable;
use super::question::Question;
pub use metadata::MetadataColumn;
pub use search::parse_expression;
pub(crate) use search::{Named, named_concepts};

/// Reads a question about nights in words.
///
/// `columns` are those of the collection's metadata, for questions such as `men over 60 with many arousals`.
///
/// # Errors
///
/// [`Unreadable`], with the position: nothing is dropped.
///
/// ```
/// use nocturne_concepts::Registry;
/// use nocturne_engine::grammar::parse_words;
///
/// let question = parse_words("no more than 15 arousals per hour of REM sleep", Registry::shipped(), &[]);
/// assert_eq!(question.unwrap().to_string(), "rate(arousal) in R <= 15");
/// ```
pub fn parse_words(
    text: &str,
    registry: &Registry,
    columns: &[MetadataColumn],
) -> Result<Question, Unreadable> {
    reader::read(text, registry, columns)
}
