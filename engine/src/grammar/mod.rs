//! From words to the typed question, and its normal form.
//!
//! A question about nights is a [`Question`]: what is measured, where, within which bounds, and in which order nights are
//! listed. [`parse_words`] reads it from plain English or refuses with the position; [`parse_typed`] reads the normal form
//! that its `Display` writes; [`parse_expression`] reads negation and signs in the words of a search.

mod cursor;
mod definition;
mod display;
mod problem;
mod question;
mod sense;
mod sentence;
mod token;
mod typed;
mod words;

pub(crate) use definition::canonical_measure_of;
pub use definition::measure_name;
pub use problem::{Reason, Unreadable};
pub use question::{
    Aggregate, Bound, Condition, Expression, Limit, MAX_NODES, Measure, Order, Part, Quantity,
    Question, Range, Relation, Scope,
};
pub use token::MAX_QUESTION_BYTES;
pub use typed::parse_typed;
pub use words::{MetadataColumn, parse_expression, parse_words};
pub(crate) use words::{Named, named_concepts};

#[cfg(test)]
mod tests;
