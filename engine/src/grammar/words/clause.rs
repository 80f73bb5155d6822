//! What one clause of a question says, as its words are read.

use std::ops::Range as Tokens;

use nocturne_concepts::{Concept, Direction, Kind};

use super::super::question::{Expression, Measure, Range, Scope};
use super::lexicon::{Comparator, Unit};

/// What one clause says; its parts may come in any order, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Clause<'a> {
    pub(super) subject: Option<Subject<'a>>,
    pub(super) amount: Option<Amount>,
    pub(super) bound: Option<Number>,
    /// Unit beside a number, such as `per hour`.
    pub(super) per: Option<Unit>,
    pub(super) aggregate: Option<Asked>,
    pub(super) scope: Scope,
    /// `of sleep` or `of the night`.
    pub(super) whole: Option<Whole>,
    pub(super) comparison: Option<Comparison<'a>>,
    /// Tokens that were read.
    pub(super) tokens: Tokens<usize>,
    /// Tokens of the bound or the amount, for messages.
    pub(super) amount_tokens: Tokens<usize>,
}

/// What a clause is about.
#[derive(Debug, Clone)]
pub(super) enum Subject<'a> {
    /// Concepts, joined by `and` or `or`.
    Concepts(Terms<'a>),
    /// A measure of the registry.
    Measure(&'a Concept, Measure),
}

/// Concepts of one kind.
#[derive(Debug, Clone)]
pub(super) struct Terms<'a> {
    pub(super) parts: Vec<(&'a Concept, Expression)>,
    /// How they are joined, if there are several.
    pub(super) joint: Option<Joint>,
    /// Number of states at the start that all hold, as in `supine REM sleep`.
    pub(super) is_event: bool,
}

/// How two things are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    And,
    Or,
}

/// How much of it a clause asks for, in words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Amount {
    Frequent(Direction),
    Long(Direction),
    Quality { is_good: bool },
    Any,
    Single,
    Severity(&'static str, &'static str),
    NotSeverity(&'static str, &'static str),
    No,
}

/// Numbers with their unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    pub(super) range: Range,
    pub(super) unit: Option<Unit>,
    /// Whether it bounds how long something lasts, as in `longer than`.
    pub(super) is_length: bool,
}

/// What is computed, if the words say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Rate,
    Count,
    Share,
    Time,
    LongestRun,
    /// Runs, without saying which.
    Runs,
}

/// Denominator of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Sleep,
    Night,
}

/// Two scopes, or two subjects, are compared.
#[derive(Debug, Clone)]
pub(super) struct Comparison<'a> {
    pub(super) direction: Direction,
    /// `at least twice as many`: how the ratio is bounded.
    pub(super) factor: Option<(Comparator, f64)>,
    /// Whether it describes the subject (`worse`), not its number (`more`).
    pub(super) is_adjective: bool,
    pub(super) than: Option<Than<'a>>,
}

/// What follows `than`.
#[derive(Debug, Clone)]
pub(super) enum Than<'a> {
    Scope(Scope),
    /// The rest of the sleep.
    Elsewhere,
    Subject(Subject<'a>),
}

impl Clause<'_> {
    /// Returns whether nothing was read that a measure needs.
    pub(super) fn is_blank(&self) -> bool {
        self.subject.is_none()
            && self.amount.is_none()
            && self.bound.is_none()
            && self.per.is_none()
            && self.aggregate.is_none()
            && self.comparison.is_none()
            && self.whole.is_none()
            && self.scope == Scope::default()
    }

    /// Returns whether it names concepts and says nothing else of them.
    pub(super) fn is_bare(&self) -> bool {
        self.subject.is_some()
            && self.amount.is_none()
            && self.bound.is_none()
            && self.comparison.is_none()
            && self.aggregate.is_none()
    }
}

impl<'a> Terms<'a> {
    pub(super) fn of(concept: &'a Concept, expression: Expression) -> Self {
        let is_event = concept.kind == Kind::Event;
        Self { parts: vec![(concept, expression)], joint: None, is_event }
    }

    /// Returns the concepts as one expression: whether they are joined by `and` or `or`, events of any of them count.
    pub(super) fn union(&self) -> Expression {
        Expression::any(self.parts.iter().map(|(_, expression)| expression.clone()))
    }

    /// Returns whether there is one of them, or scorers mark all of them together, so that their sum is a measure.
    pub(super) fn is_one_family(&self) -> bool {
        if self.parts.len() == 1 {
            return true;
        }
        let family = |(concept, _): &(&Concept, Expression)| concept.family.clone();
        let first = self.parts.first().and_then(family);
        !self.is_event || (first.is_some() && self.parts.iter().all(|part| family(part) == first))
    }

    /// Returns the only concept.
    pub(super) fn single(&self) -> Option<&'a Concept> {
        match self.parts.as_slice() {
            [(concept, _)] => Some(concept),
            _ => None,
        }
    }
}
