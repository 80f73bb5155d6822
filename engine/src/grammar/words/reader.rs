//! Reads the clauses of a question.

use std::ops::Range;

use nocturne_concepts::{Direction, Registry};

use super::super::cursor::{Cursor, Parsed};
use super::super::problem::Reason;
use super::super::question::{Expression, Question, Scope};
use super::super::sense::check_sense;
use super::super::typed::{check_size, checked_filter, split_filter};
use super::assemble::assemble;
use super::clause::{Amount, Asked, Clause, Comparison, Joint, Subject, Whole};
use super::foreign::foreign_word;
use super::lexicon::{Class, Comparator, Lexed, Lexeme, Unit, lexemes};
use super::metadata::MetadataColumn;

/// Reads the phrases of a question one after another.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) lexed: Vec<Lexed<'a>>,
    pub(super) at: usize,
    pub(super) columns: &'a [MetadataColumn],
    /// Conditions on metadata.
    pub(super) filters: Vec<String>,
}

/// What was read before a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Previous {
    Start,
    Person,
    Subject,
    Bound,
    Other,
}

pub(super) const PHRASE: &str =
    "an amount, a bound such as `more than 15`, a concept, or a part of the night";
const ONE: &str = "one clause after the other, joined by `and`, `or` or `but`";

/// Reads a question.
pub(super) fn read<'a>(
    text: &'a str,
    registry: &'a Registry,
    columns: &'a [MetadataColumn],
) -> Parsed<Question> {
    let (words, filter) = match split_filter(text) {
        // `where` also starts plain sentences.
        (words, Some((at, filter))) if starts_filter(filter, columns) => {
            (words, Some(checked_filter(text, at, filter)?))
        }
        (_, Some(_) | None) => (text, None),
    };
    let mut reader = Reader::new(words, registry, columns)?;
    reader.filters.extend(filter);
    let question = reader.question()?;
    check_size(text, &question)?;
    check_sense(text, &question, registry)?;
    Ok(question)
}

/// Returns whether a text starts with a field of a filter.
fn starts_filter(text: &str, columns: &[MetadataColumn]) -> bool {
    let text = text.trim_start();
    let end = text.find(|it: char| !(it.is_alphanumeric() || it == '_')).unwrap_or(text.len());
    let field = &text[..end];
    let is_field = ["recording", "start", "metadata"].contains(&field);
    is_field || columns.iter().any(|column| column.name.eq_ignore_ascii_case(field))
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        text: &'a str,
        registry: &'a Registry,
        columns: &'a [MetadataColumn],
    ) -> Parsed<Self> {
        let cursor = Cursor::new(text, registry)?;
        if let Some(at) = foreign_word(&cursor) {
            return Err(cursor.problem(at..at + 1, Reason::NotEnglish, "English"));
        }
        let lexed = lexemes(&cursor);
        Ok(Self { cursor, lexed, at: 0, columns, filters: Vec::new() })
    }

    fn question(mut self) -> Parsed<Question> {
        let mut clauses = Vec::new();
        let mut joints: Vec<Joint> = Vec::new();
        loop {
            let n_filters = self.filters.len();
            let clause = self.clause()?;
            // In `men with … or women with …`, each group has its own condition.
            if self.filters.len() > n_filters && joints.contains(&Joint::Or) {
                let expected = "one group of people or recordings";
                return self.refuse_tokens(clause.tokens, Reason::Ambiguous, expected);
            }
            if !clause.is_blank() {
                clauses.push(clause);
            }
            if self.at == self.lexed.len() {
                break;
            }
            let start = self.at;
            let joint = self.joint();
            if joints.first().is_some_and(|first| *first != joint) {
                let expected = "only `and` or only `or` between conditions";
                return self.refuse(start, Reason::Ambiguous, expected);
            }
            joints.push(joint);
        }
        let joint = joints.first().copied().unwrap_or(Joint::And);
        assemble(&self, clauses, joint)
    }

    /// Reads one clause, up to what joins it to the next.
    fn clause(&mut self) -> Parsed<Clause<'a>> {
        let mut clause = Clause { tokens: self.tokens_at(self.at), ..Clause::default() };
        let mut previous = Previous::Start;
        while let Some(lexeme) = self.peek() {
            let start = self.at;
            let next = match lexeme {
                Lexeme::Concept(concept) => {
                    self.at += 1;
                    self.subject(&mut clause, concept, start, previous)?;
                    Previous::Subject
                }
                Lexeme::Sign("," | "&")
                | Lexeme::Phrase(Class::And | Class::Or | Class::But | Class::With) => {
                    if !self.continues(&mut clause, previous)? {
                        return Ok(clause);
                    }
                    if self.at == start {
                        Previous::Other
                    } else {
                        previous_after_join(&clause, previous)
                    }
                }
                // `arousals: none`
                Lexeme::Sign(":") if previous == Previous::Subject => {
                    self.at += 1;
                    previous
                }
                Lexeme::Number(_) | Lexeme::Sign(_) => self.bound(&mut clause, previous)?,
                Lexeme::Phrase(class) => match self.phrase(class, &mut clause, previous)? {
                    Some(next) => next,
                    None => return Ok(clause),
                },
                Lexeme::Unknown if self.is_column(start) => {
                    self.column(start)?;
                    Previous::Person
                }
                Lexeme::Clock(_) | Lexeme::Unknown => return self.unknown(),
            };
            previous = next;
            clause.tokens.end = self.tokens_at(self.at).start.max(clause.tokens.start);
        }
        Ok(clause)
    }

    /// Reads a phrase that is not a concept; `None` if it starts the next clause.
    #[expect(clippy::too_many_lines, reason = "one arm for each class of phrases")]
    fn phrase(
        &mut self,
        class: Class,
        clause: &mut Clause<'a>,
        previous: Previous,
    ) -> Parsed<Option<Previous>> {
        let start = self.at;
        let next = match class {
            Class::Filler => {
                self.at += 1;
                previous
            }
            Class::Noun | Class::Person(_)
                if clause.amount == Some(Amount::No) && clause.subject.is_none() =>
            {
                let expected = "a concept after the negation";
                return self.refuse(start, Reason::Ambiguous, expected);
            }
            Class::Noun if clause.amount.is_some() && clause.subject.is_none() => {
                let expected = "a concept after the amount, such as `bad sleep efficiency`, because nights have no amount of their own";
                return self.refuse(start, Reason::Ambiguous, expected);
            }
            Class::Noun => {
                self.at += 1;
                Previous::Person
            }
            Class::Person(person) => {
                self.at += 1;
                self.person(person, start)?;
                Previous::Person
            }
            Class::Aged | Class::CompareAge(_) => {
                self.age(start)?;
                Previous::Person
            }
            Class::KnownMetadata => {
                self.column(start)?;
                Previous::Person
            }
            Class::Frequent(direction) => {
                self.amount(clause, Amount::Frequent(direction))?;
                Previous::Other
            }
            Class::Long(direction) => {
                self.amount(clause, Amount::Long(direction))?;
                Previous::Other
            }
            Class::Quality { is_good } => {
                self.amount(clause, Amount::Quality { is_good })?;
                Previous::Other
            }
            Class::Any => {
                self.amount(clause, Amount::Any)?;
                Previous::Other
            }
            Class::Single => {
                self.amount(clause, Amount::Single)?;
                Previous::Other
            }
            Class::Severity(from, to) => {
                self.amount(clause, Amount::Severity(from, to))?;
                Previous::Other
            }
            Class::Compare(_) | Class::Between | Class::From | Class::Half => {
                if class == Class::From && !self.starts_range() {
                    self.scope(clause)?;
                    Previous::Other
                } else {
                    self.bound(clause, previous)?
                }
            }
            Class::Rate => self.asked(clause, Asked::Rate)?,
            Class::Count => self.asked(clause, Asked::Count)?,
            // `REM % below 15`
            Class::Share | Class::Unit(Unit::Percent) => self.asked(clause, Asked::Share)?,
            Class::Time => self.asked(clause, Asked::Time)?,
            Class::LongestRun => self.asked(clause, Asked::LongestRun)?,
            // `apnea episodes` are apneas, `REM periods` are runs of epochs.
            Class::RunWord => match &clause.subject {
                Some(Subject::Concepts(terms)) if !terms.is_event && clause.aggregate.is_none() => {
                    self.asked(clause, Asked::Runs)?
                }
                Some(_) | None => {
                    self.at += 1;
                    previous
                }
            },
            Class::Unit(unit @ (Unit::PerHour | Unit::PerMinute | Unit::PerNight)) => {
                self.at += 1;
                self.set_per(clause, unit, start)?;
                Previous::Other
            }
            Class::OfSleep => {
                self.at += 1;
                self.set_whole(clause, Whole::Sleep, start)?;
                Previous::Other
            }
            Class::OfNight => {
                self.at += 1;
                self.set_whole(clause, Whole::Night, start)?;
                Previous::Other
            }
            Class::In | Class::Outside | Class::Part(_) | Class::First | Class::Last => {
                self.scope(clause)?;
                Previous::Other
            }
            Class::After | Class::Before => {
                self.clock_scope(clause)?;
                Previous::Other
            }
            Class::More | Class::Fewer | Class::Worse | Class::Better | Class::Twice => {
                self.at += 1;
                self.comparison(clause, class, start)?;
                Previous::Other
            }
            Class::Than | Class::As => {
                self.than(clause)?;
                Previous::Other
            }
            Class::No | Class::Not | Class::Absent | Class::AbsentAfter => {
                return self.negation(class, clause, previous);
            }
            Class::NotOnly => {
                if !clause.is_blank() {
                    return self.refuse(start, Reason::Ambiguous, ONE);
                }
                self.at += 1;
                previous
            }
            Class::Unclear => {
                let expected = "a statement that holds or does not hold; this one does neither";
                return self.refuse(start, Reason::NotUnderstood, expected);
            }
            Class::NotMeasurable => {
                return self.refuse(start, Reason::NotMeasurable, "what a recording shows");
            }
            Class::About => {
                let expected = "a bound such as `at least 15` or `between 10 and 20`";
                return self.refuse(start, Reason::Ambiguous, expected);
            }
            Class::With | Class::And | Class::Or | Class::But => {
                unreachable!("`clause` reads what joins clauses")
            }
            Class::OrMore
            | Class::OrLess
            | Class::To
            | Class::Unit(_)
            | Class::Elsewhere
            | Class::Midnight
            | Class::Noon
            | Class::Am
            | Class::Pm
            | Class::OClock
            | Class::Within
            | Class::Followed
            | Class::FollowedBy
            | Class::Preceded
            | Class::PrecededBy
            | Class::By
            | Class::TimesAs => return self.unknown(),
        };
        Ok(Some(next))
    }

    fn amount(&mut self, clause: &mut Clause<'a>, amount: Amount) -> Parsed<()> {
        let start = self.at;
        self.at += 1;
        let both = match (clause.amount, amount) {
            (None, amount) => amount,
            (Some(first), second) if first == second => second,
            (Some(Amount::No), Amount::Severity(from, to)) => Amount::NotSeverity(from, to),
            // `any` after a negation adds nothing, as in `without having any arousals`.
            (Some(Amount::No), Amount::Any) => Amount::No,
            (Some(few @ Amount::Frequent(Direction::Lowest)), Amount::Any) => few,
            (Some(Amount::No), _) => {
                let expected = "a bound: a negated amount has several meanings";
                return self.refuse(start, Reason::Ambiguous, expected);
            }
            (Some(_), _) => return self.refuse(start, Reason::NotUnderstood, ONE),
        };
        clause.amount_tokens = self.tokens_at(start);
        clause.amount = Some(both);
        Ok(())
    }

    fn asked(&mut self, clause: &mut Clause<'a>, asked: Asked) -> Parsed<Previous> {
        let start = self.at;
        self.at += 1;
        match clause.aggregate {
            Some(first) if first != asked => self.refuse(start, Reason::NotUnderstood, ONE),
            Some(_) | None => {
                clause.aggregate = Some(asked);
                Ok(Previous::Other)
            }
        }
    }

    pub(super) fn set_per(&self, clause: &mut Clause<'a>, unit: Unit, start: usize) -> Parsed<()> {
        match clause.per.replace(unit) {
            Some(first) if first != unit => self.refuse(start, Reason::NotUnderstood, "one unit"),
            Some(_) | None => Ok(()),
        }
    }

    fn set_whole(&self, clause: &mut Clause<'a>, whole: Whole, start: usize) -> Parsed<()> {
        match clause.whole.replace(whole) {
            Some(first) if first != whole => {
                self.refuse(start, Reason::NotUnderstood, "one denominator")
            }
            Some(_) | None => Ok(()),
        }
    }

    fn comparison(&mut self, clause: &mut Clause<'a>, class: Class, start: usize) -> Parsed<()> {
        let is_adjective = matches!(class, Class::Worse | Class::Better);
        let is_fewer = matches!(class, Class::Fewer | Class::Better);
        let direction = if is_fewer { Direction::Lowest } else { Direction::Highest };
        let factor = (class == Class::Twice).then_some((Comparator::AtLeast, 2.0));
        self.set_comparison(
            clause,
            Comparison { direction, factor, is_adjective, than: None },
            start,
        )
    }

    pub(super) fn set_comparison(
        &self,
        clause: &mut Clause<'a>,
        comparison: Comparison<'a>,
        start: usize,
    ) -> Parsed<()> {
        if clause.comparison.is_some() || clause.amount.is_some() || clause.bound.is_some() {
            return self.refuse(start, Reason::NotUnderstood, ONE);
        }
        clause.comparison = Some(comparison);
        clause.amount_tokens = self.tokens_at(start);
        Ok(())
    }

    /// Returns the phrase at the position.
    pub(super) fn peek(&self) -> Option<Lexeme<'a>> {
        self.lexed.get(self.at).map(|lexed| lexed.lexeme)
    }

    /// Returns a phrase.
    pub(super) fn lexeme_at(&self, at: usize) -> Option<Lexeme<'a>> {
        self.lexed.get(at).map(|lexed| lexed.lexeme)
    }

    /// Marks a phrase as read.
    pub(super) fn forget(&mut self, at: usize) {
        self.lexed[at].lexeme = Lexeme::Phrase(Class::Filler);
    }

    /// Returns the first phrase from a position on that is not a filler.
    pub(super) fn next_content(&self, from: usize) -> Option<Lexeme<'a>> {
        let rest = self.lexed.get(from..)?;
        let content = rest.iter().find(|it| it.lexeme != Lexeme::Phrase(Class::Filler));
        content.map(|lexed| lexed.lexeme)
    }

    pub(super) fn skip_fillers(&mut self) {
        while self.peek() == Some(Lexeme::Phrase(Class::Filler)) {
            self.at += 1;
        }
    }

    /// Skips a phrase of a class if it is next.
    pub(super) fn take(&mut self, class: Class) -> bool {
        let is_next = self.peek() == Some(Lexeme::Phrase(class));
        self.at += usize::from(is_next);
        is_next
    }

    /// Returns the tokens of a phrase; behind the last one, an empty range.
    pub(super) fn tokens_at(&self, at: usize) -> Range<usize> {
        let end = self.cursor.len();
        self.lexed.get(at).map_or(end..end, |lexed| lexed.tokens.clone())
    }

    /// Returns the words of a phrase, in lower case.
    pub(super) fn words_at(&self, at: usize) -> String {
        self.cursor.text[self.cursor.range(self.tokens_at(at))].to_lowercase()
    }

    /// Refuses a phrase.
    pub(super) fn refuse<T>(&self, at: usize, reason: Reason, expected: &str) -> Parsed<T> {
        Err(self.cursor.problem(self.tokens_at(at), reason, expected))
    }

    /// Refuses tokens.
    pub(super) fn refuse_tokens<T>(
        &self,
        tokens: Range<usize>,
        reason: Reason,
        expected: &str,
    ) -> Parsed<T> {
        Err(self.cursor.problem(tokens, reason, expected))
    }

    /// Refuses the phrase at the position, which has no place there.
    pub(super) fn unknown<T>(&self) -> Parsed<T> {
        Err(self.unknown_problem())
    }
}

fn previous_after_join(clause: &Clause<'_>, previous: Previous) -> Previous {
    if clause.is_blank() { previous } else { Previous::Subject }
}

/// Returns a scope that is one state.
pub(super) fn scope_of(states: Expression) -> Scope {
    // All sleep is the default of rates.
    let is_all = states == Expression::concept("sleep");
    Scope { states: (!is_all).then_some(states), part: None }
}
