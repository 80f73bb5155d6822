//! Conditions on people and recordings, through the collection's metadata.

use std::collections::BTreeSet;

use super::super::cursor::Parsed;
use super::super::problem::Reason;
use super::super::question::{Limit, Range};
use super::bounds::range_of;
use super::clause::Number;
use super::lexicon::{Class, Comparator, Lexeme, Person, Unit};
use super::reader::{Previous, Reader};

/// Oldest age in years that a question may name.
const OLDEST: f64 = 130.0;

/// What men are called in a column of metadata, in lower case.
const MALE: [&str; 4] = ["male", "m", "man", "men"];
/// What women are called in a column of metadata, in lower case.
const FEMALE: [&str; 5] = ["female", "f", "w", "woman", "women"];
/// What a column of metadata has where the sex is not known, in lower case.
const UNKNOWN_SEX: [&str; 7] = ["", "unknown", "na", "n/a", "x", "u", "other"];

/// A column of the collection's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataColumn {
    /// Its name.
    pub name: String,
    /// Its values; empty if they are not known.
    pub values: BTreeSet<String>,
}

impl From<&str> for MetadataColumn {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), values: BTreeSet::new() }
    }
}

impl<'a> Reader<'a> {
    /// Adds the condition of a word such as `men`.
    pub(super) fn person(&mut self, person: Person, start: usize) -> Parsed<()> {
        match person {
            Person::Male => self.add_sex("male", &MALE, start),
            Person::Female => self.add_sex("female", &FEMALE, start),
            Person::Adult => self.add_age(Range::above(18.0, true), start),
            Person::Child => self.add_age(Range::below(18.0, false), start),
        }
    }

    /// Adds the condition that the sex is one of some names; values that nothing is known of are named.
    fn add_sex(&mut self, sex: &str, names: &[&str], start: usize) -> Parsed<()> {
        let found = self.column_called("sex", &["gender"], start)?;
        let (values, column) = (&found.values, quoted(&found.name));
        let is_one_group = |filter: &String| {
            !filter.starts_with(&format!("{column} ="))
                && !filter.starts_with(&format!("({column}"))
        };
        if !self.filters.iter().all(is_one_group) {
            return self.refuse(start, Reason::Ambiguous, "one group of people");
        }
        let lower = |value: &String| value.trim().to_lowercase();
        let is_known = |value: &String| {
            let value = lower(value);
            [&MALE[..], &FEMALE, &UNKNOWN_SEX].iter().any(|names| names.contains(&value.as_str()))
        };
        if let Some(unknown) = values.iter().find(|value| !is_known(value)) {
            let expected = format!(
                "a condition such as `where {column} = {}`, because it is not known what that value means",
                quoted(unknown)
            );
            return self.refuse(start, Reason::NotUnderstood, &expected);
        }
        let named: Vec<String> = values
            .iter()
            .filter(|value| names.contains(&lower(value).as_str()))
            .map(|value| format!("{column} = {}", quoted(value)))
            .collect();
        self.filters.push(match named.as_slice() {
            [] => format!("{column} = {sex}"),
            [one] => one.clone(),
            several => format!("({})", several.join(" OR ")),
        });
        Ok(())
    }

    /// Adds a condition on the age in years.
    pub(super) fn add_age(&mut self, range: Range, start: usize) -> Parsed<()> {
        let limits = [range.lower, range.upper];
        if limits.into_iter().flatten().any(|limit| limit.value > OLDEST) {
            return self.refuse(start, Reason::NotUnderstood, "an age in years");
        }
        let column = quoted(&self.column_called("age", &["age_years"], start)?.name);
        self.filters.push(comparisons(&column, range));
        Ok(())
    }

    /// Returns whether a bound is an age: in years, or directly behind people and before nothing that could be counted.
    pub(super) fn is_age(&self, number: &Number, previous: Previous) -> bool {
        if number.unit == Some(Unit::Year) {
            return true;
        }
        let ends = matches!(
            self.next_content(self.at),
            None | Some(
                Lexeme::Phrase(
                    Class::With
                        | Class::And
                        | Class::Noun
                        | Class::Person(_)
                        | Class::But
                        | Class::No
                ) | Lexeme::Sign(",")
            )
        ) || self.is_filler_of_people();
        number.unit.is_none() && previous == Previous::Person && ends
    }

    /// Returns whether a relative clause follows, as in `men over 60 who have many arousals`.
    fn is_filler_of_people(&self) -> bool {
        ["who", "that have", "having", "whose"].contains(&self.words_at(self.at).as_str())
    }

    /// Reads `aged 40 to 60`, `older than 60` or `age over 60`.
    pub(super) fn age(&mut self, start: usize) -> Parsed<()> {
        let range = if let Some(Lexeme::Phrase(Class::CompareAge(comparator))) = self.peek() {
            self.at += 1;
            let Some(Lexeme::Number(value)) = self.peek() else {
                return self.refuse(self.at, Reason::NotUnderstood, "an age in years");
            };
            self.at += 1;
            range_of(comparator, value)
        } else {
            self.at += 1;
            self.skip_fillers();
            self.number_range()?
        };
        self.take(Class::Unit(Unit::Year));
        self.take(Class::Aged);
        self.add_age(range, start)
    }

    /// Reads a comparison with a number, a range, or a number alone.
    fn number_range(&mut self) -> Parsed<Range> {
        let comparator = match self.peek() {
            Some(Lexeme::Phrase(Class::Compare(it) | Class::CompareAge(it))) => Some(it),
            Some(Lexeme::Sign(">")) => Some(Comparator::Above),
            Some(Lexeme::Sign(">=")) => Some(Comparator::AtLeast),
            Some(Lexeme::Sign("<")) => Some(Comparator::Below),
            Some(Lexeme::Sign("<=")) => Some(Comparator::AtMost),
            Some(Lexeme::Sign("=")) => Some(Comparator::Equal),
            Some(Lexeme::Phrase(Class::Between | Class::From)) => None,
            Some(_) | None => return self.number_or_range(),
        };
        self.at += 1;
        let Some(comparator) = comparator else { return self.number_or_range() };
        let Some(Lexeme::Number(value)) = self.peek() else {
            return self.refuse(self.at, Reason::NotUnderstood, "a number");
        };
        self.at += 1;
        Ok(range_of(comparator, value))
    }

    fn number_or_range(&mut self) -> Parsed<Range> {
        let Some(Lexeme::Number(low)) = self.peek() else {
            return self.refuse(self.at, Reason::NotUnderstood, "a number");
        };
        self.at += 1;
        let is_range = match self.peek() {
            Some(Lexeme::Phrase(Class::To | Class::And) | Lexeme::Sign("-")) => {
                matches!(self.lexeme_at(self.at + 1), Some(Lexeme::Number(_)))
            }
            Some(_) | None => false,
        };
        if is_range && let Some(Lexeme::Number(high)) = self.lexeme_at(self.at + 1) {
            self.at += 2;
            if low >= high {
                let expected = "a range whose first number is lower";
                return self.refuse(self.at - 1, Reason::NotUnderstood, expected);
            }
            let limit = |value| Some(Limit { value, inclusive: true });
            return Ok(Range { lower: limit(low), upper: limit(high) });
        }
        self.take(Class::Unit(Unit::Year));
        if self.take(Class::OrMore) || self.take_plus() {
            return Ok(Range::above(low, true));
        }
        if self.take(Class::OrLess) {
            return Ok(Range::below(low, true));
        }
        Ok(Range::equal(low))
    }

    fn take_plus(&mut self) -> bool {
        let is_next = self.peek() == Some(Lexeme::Sign("+"));
        self.at += usize::from(is_next);
        is_next
    }

    /// Reads a column of metadata with a number or a value, as in `BMI over 30` and `cohort shhs`.
    pub(super) fn column(&mut self, start: usize) -> Parsed<()> {
        let name = self.words_at(start).replace([' ', '-'], "_");
        let (name, others): (&str, &[&str]) = match name.as_str() {
            "body_mass_index" => ("bmi", &["body_mass_index"]),
            "gender" => ("sex", &["gender"]),
            "smoking" => ("smoker", &["smoking"]),
            name => (name, &[]),
        };
        if ["obese", "obesity"].contains(&name) {
            let column = quoted(&self.column_called("bmi", &["body_mass_index"], start)?.name);
            self.at += 1;
            self.filters.push(format!("{column} >= 30"));
            return Ok(());
        }
        let column = quoted(&self.column_called(name, others, start)?.name);
        self.at += 1;
        self.skip_fillers();
        if matches!(self.peek(), Some(Lexeme::Sign(":"))) {
            self.at += 1;
        }
        let is_number = matches!(
            self.peek(),
            Some(
                Lexeme::Number(_)
                    | Lexeme::Phrase(Class::Compare(_) | Class::Between | Class::From)
                    | Lexeme::Sign("<" | ">" | "<=" | ">=")
            )
        );
        if is_number {
            let range = self.number_range()?;
            self.filters.push(comparisons(&column, range));
            return Ok(());
        }
        if matches!(self.peek(), Some(Lexeme::Sign("="))) {
            self.at += 1;
        }
        let tokens = self.tokens_at(self.at);
        if tokens.is_empty() {
            return self.refuse(self.at, Reason::NotUnderstood, "a value or a bound");
        }
        let value = &self.cursor.text[self.cursor.range(tokens)];
        self.filters.push(format!("{column} = {}", quoted(value)));
        self.at += 1;
        Ok(())
    }

    /// Returns whether a word is the name of a column.
    pub(super) fn is_column(&self, at: usize) -> bool {
        let word = self.words_at(at);
        self.columns.iter().any(|column| column.name.eq_ignore_ascii_case(&word))
    }

    /// Returns the collection's column with a name, one of its synonyms, or one of them behind a prefix such as `nsrr_`.
    fn column_called(
        &self,
        name: &str,
        others: &[&str],
        start: usize,
    ) -> Parsed<&'a MetadataColumn> {
        let names = || std::iter::once(&name).chain(others);
        let is_called =
            |column: &&MetadataColumn| names().any(|it| column.name.eq_ignore_ascii_case(it));
        let ends = |column: &&MetadataColumn| {
            names().any(|it| column.name.to_lowercase().ends_with(&format!("_{it}")))
        };
        let found = self.columns.iter().find(is_called).or_else(|| self.columns.iter().find(ends));
        if let Some(column) = found {
            return Ok(column);
        }
        let expected = match self.columns {
            [] => "columns of metadata, of which the collection has none".to_owned(),
            columns => {
                let names: Vec<&str> = columns.iter().map(|it| it.name.as_str()).collect();
                format!("one of `{}`", names.join("`, `"))
            }
        };
        self.refuse(start, Reason::NoColumn { column: name.to_owned() }, &expected)
    }
}

/// Quotes a name or a value of a filter, where it needs quotes.
fn quoted(text: &str) -> String {
    let is_plain = text.chars().all(|it| it.is_alphanumeric() || it == '_');
    let is_keyword = ["and", "or", "not"].contains(&text.to_lowercase().as_str());
    if is_plain && !is_keyword && !text.is_empty() {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('*', "\\*"))
}

/// Writes a range as comparisons of a filter.
fn comparisons(column: &str, range: Range) -> String {
    if let (Some(low), Some(high)) = (range.lower, range.upper)
        && low == high
    {
        return format!("{column} = {}", low.value);
    }
    let lower = range.lower.map(|it| (if it.inclusive { ">=" } else { ">" }, it.value));
    let upper = range.upper.map(|it| (if it.inclusive { "<=" } else { "<" }, it.value));
    let parts = lower.into_iter().chain(upper);
    let parts: Vec<String> =
        parts.map(|(sign, value)| format!("{column} {sign} {value}")).collect();
    parts.join(" AND ")
}
