//! A parsed filter expression: conditions on recordings and epochs in one text.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::condition::{Condition, FIELDS, MetadataTest, RecordingTest};
use super::evaluate::Verdict;
use super::grammar::{Comparator, number};
use super::parse::parse;
use super::problem::FilterProblem;
use crate::recording::RecordingEntry;

/// Conditions on recordings and epochs, written in the grammar of [AIP-160](https://google.aip.dev/160).
///
/// `docs/filters.md` describes the fields. In short: `recording`, `start`, `epoch`, `onset`, `clock`, `stage`, `event`,
/// `channel`, `missing`, `flat`, `clipped`, and every column of metadata by its name or as `metadata.NAME`.
/// A comparison with a value that a recording or an epoch does not have is false, also with `!=`; `NOT` inverts it.
///
/// It is at most 8192 bytes long, with parentheses nested at most 50 deep.
///
/// ```
/// use nocturne_index::Expression;
///
/// let expression = Expression::parse("cohort = shhs* (stage = N2 OR stage = N3) -event:arousal").unwrap();
/// assert_eq!(
///     expression.to_string(),
///     r#"cohort = "shhs*" AND (stage = "N2" OR stage = "N3") AND (NOT event : "arousal")"#
/// );
/// let problem = Expression::parse("stage = N4").unwrap_err();
/// assert_eq!(problem.to_string(), "filter, column 9, at `N4`: there is no stage `N4`");
/// ```
#[derive(Debug, Clone)]
pub struct Expression {
    /// The text as given, for messages.
    text: Arc<str>,
    /// In canonical form, so that equal conditions are equal texts.
    canonical: Arc<str>,
    condition: Arc<Condition>,
}

impl Expression {
    /// Parses an expression; an empty or blank one allows everything.
    ///
    /// # Errors
    ///
    /// [`FilterProblem`] if it violates the grammar, is too long or too deep, or names an unknown stage, event or channel.
    /// Names of metadata are checked against a collection when it is searched.
    pub fn parse(text: &str) -> Result<Self, FilterProblem> {
        let node = parse(text)?;
        let canonical = node.to_string().into();
        let condition = Arc::new(Condition::of(node, text)?);
        Ok(Self { text: text.into(), canonical, condition })
    }

    /// Evaluates as much as the entry of a recording decides.
    pub(crate) fn on(&self, entry: &RecordingEntry) -> Verdict {
        self.condition.on(entry)
    }

    /// Refuses metadata that no recording has, and comparisons of numbers with words.
    ///
    /// A collection without recordings has no columns and refuses nothing.
    pub(super) fn check<'a>(
        &self,
        entries: &(impl Iterator<Item = &'a RecordingEntry> + Clone),
    ) -> Result<(), FilterProblem> {
        let mut tests = Vec::new();
        collect(&self.condition, &mut tests);
        tests.into_iter().try_for_each(|test| self.check_metadata(test, entries))
    }

    fn check_metadata<'a>(
        &self,
        test: &MetadataTest,
        entries: &(impl Iterator<Item = &'a RecordingEntry> + Clone),
    ) -> Result<(), FilterProblem> {
        let MetadataTest { name, at, value } = test;
        let (mut n_numbers, mut a_word) = (0, None);
        for text in entries.clone().filter_map(|entry| entry.metadata.get(name)) {
            match number(text).filter(|_| !value.is_name) {
                Some(_) => n_numbers += 1,
                None => a_word = a_word.or(Some(text)),
            }
        }
        let problem = |at, problem: String, hint: String| {
            Err(FilterProblem::new(&self.text, at, problem, hint))
        };
        let literal = &value.literal;
        let is_number = literal.number().is_some();
        match (n_numbers, a_word) {
            (0, None) if entries.clone().next().is_none() => Ok(()),
            (0, None) => {
                let hint = known_fields(entries.clone());
                problem(*at, format!("no recording has a field `{name}`"), hint)
            }
            (0, Some(word)) if is_number && value.comparator.is_order() && !value.is_name => {
                let mismatch =
                    format!("`{name}` is a word such as `{word}` and compared with a number");
                problem(
                    literal.at,
                    mismatch,
                    format!("compare it with a word, as in `{name} = {word}`"),
                )
            }
            (1.., None) if !is_number && !literal.is_pattern() => {
                let text = literal.text();
                let mismatch = format!("`{name}` is a number and compared with the word `{text}`");
                let sign = Comparator::AtLeast.sign();
                problem(
                    literal.at,
                    mismatch,
                    format!("compare it with a number, as in `{name} {sign} 60`"),
                )
            }
            (_, _) => Ok(()),
        }
    }
}

/// Lists the existing fields.
fn known_fields<'a>(entries: impl Iterator<Item = &'a RecordingEntry>) -> String {
    let columns = metadata_columns(entries);
    let metadata = match columns.len() {
        0 => "the recordings have no metadata".to_owned(),
        _ => format!("metadata is `{}`", Vec::from_iter(columns).join("`, `")),
    };
    format!("fields are `{}`; {metadata}", FIELDS.join("`, `"))
}

/// Returns the existing columns of metadata.
pub(crate) fn metadata_columns<'a>(
    entries: impl Iterator<Item = &'a RecordingEntry>,
) -> BTreeSet<&'a str> {
    entries.flat_map(|entry| entry.metadata.keys().map(String::as_str)).collect()
}

fn collect<'a>(condition: &'a Condition, tests: &mut Vec<&'a MetadataTest>) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().for_each(|condition| collect(condition, tests));
        }
        Condition::Not(condition) => collect(condition, tests),
        Condition::OfRecording(RecordingTest::Metadata(test)) => tests.push(test),
        Condition::OfRecording(
            RecordingTest::Name(_) | RecordingTest::HasStart | RecordingTest::Start(_),
        )
        | Condition::OfEpoch(_) => {}
    }
}

impl fmt::Display for Expression {
    /// Writes the expression in canonical form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical)
    }
}

impl std::str::FromStr for Expression {
    type Err = FilterProblem;

    fn from_str(text: &str) -> Result<Self, FilterProblem> {
        Self::parse(text)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for Expression {}
