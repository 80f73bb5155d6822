//! Parts of the night: stages, positions, halves and thirds, and the clock; and what is compared with them.

use nocturne_concepts::Kind;

use super::super::cursor::Parsed;
use super::super::problem::Reason;
use super::super::question::{Expression, Part, Scope};
use super::clause::{Clause, Subject, Terms, Than};
use super::lexicon::{Class, Lexeme, Unit};
use super::reader::{Reader, scope_of};

const SCOPE: &str = "a stage, a position or a part of the night";
const CLOCK: &str = "a time of day such as 23:30 or 3 am";

impl<'a> Reader<'a> {
    /// Reads a scope into a clause, or an event during which those of the clause begin.
    pub(super) fn scope(&mut self, clause: &mut Clause<'a>) -> Parsed<()> {
        let start = self.at;
        let is_outside = self.peek() == Some(Lexeme::Phrase(Class::Outside));
        let introduces = [Class::In, Class::Outside, Class::From];
        if introduces.into_iter().any(|class| self.take(class)) {
            // `while in the`
            while self.take(Class::In) || self.take(Class::Filler) {}
        }
        let people = matches!(
            self.peek(),
            Some(Lexeme::Phrase(
                Class::Person(_) | Class::Noun | Class::Aged | Class::KnownMetadata
            ))
        );
        if people && !is_outside {
            return Ok(());
        }
        if let Some(Lexeme::Concept(concept)) = self.peek()
            && concept.kind == Kind::Event
            && self.words_at(start) == "during"
            && !is_outside
        {
            return self.during(clause);
        }
        if self.is_clock(self.at) && !is_outside {
            return self.clock_range(clause);
        }
        let scope = self.scope_alone()?;
        let scope = match (is_outside, scope) {
            (false, scope) => scope,
            (true, Scope { states: Some(states), part: None }) => {
                Scope { states: Some(states.negated()), part: None }
            }
            (true, _) => return self.refuse(start, Reason::NotUnderstood, "a stage or a position"),
        };
        self.add_scope(clause, scope, start)
    }

    /// Reads a scope behind its preposition.
    fn scope_alone(&mut self) -> Parsed<Scope> {
        match self.peek() {
            Some(Lexeme::Phrase(Class::Part(part))) => {
                self.at += 1;
                Ok(Scope { states: None, part: Some(part) })
            }
            Some(Lexeme::Phrase(Class::First | Class::Last)) => {
                let part = self.first_or_last()?;
                Ok(Scope { states: None, part: Some(part) })
            }
            Some(Lexeme::Concept(concept)) if matches!(concept.kind, Kind::Stage | Kind::State) => {
                Ok(scope_of(self.states()?))
            }
            Some(_) | None => self.refuse(self.at, Reason::NotUnderstood, SCOPE),
        }
    }

    /// Adds a scope; two of them hold together.
    pub(super) fn add_scope(
        &self,
        clause: &mut Clause<'a>,
        scope: Scope,
        start: usize,
    ) -> Parsed<()> {
        if scope.part.is_some() && clause.scope.part.is_some() {
            return self.refuse(start, Reason::NotUnderstood, "one part of the night");
        }
        // `above 5 in REM, below 15 in NREM`: nothing is in both.
        if let (Some(first), Some(second)) = (&clause.scope.states, &scope.states)
            && self.is_stage(first) == self.is_stage(second)
        {
            return self.refuse(
                start,
                Reason::Ambiguous,
                "one stage or position, or `or` between them",
            );
        }
        clause.scope.part = clause.scope.part.or(scope.part);
        clause.scope.states = match (clause.scope.states.take(), scope.states) {
            (Some(first), Some(second)) => Some(Expression::all([first, second])),
            (first, second) => first.or(second),
        };
        Ok(())
    }

    /// Returns whether an expression is about stages alone.
    fn is_stage(&self, states: &Expression) -> bool {
        let mut kinds = states.concepts().into_iter().filter_map(|id| self.cursor.registry.get(id));
        kinds.all(|concept| concept.kind == Kind::Stage)
    }

    /// Reads `first 2 hours` or `last hour`.
    fn first_or_last(&mut self) -> Parsed<Part> {
        let is_first = self.peek() == Some(Lexeme::Phrase(Class::First));
        self.at += 1;
        let number = match self.peek() {
            Some(Lexeme::Number(number)) => {
                self.at += 1;
                number
            }
            Some(_) | None => 1.0,
        };
        let minutes = match self.peek() {
            Some(Lexeme::Phrase(Class::Unit(Unit::Hour))) => 60.0 * number,
            Some(Lexeme::Phrase(Class::Unit(Unit::Minute))) => number,
            Some(_) | None => {
                return self.refuse(self.at, Reason::NotUnderstood, "hours or minutes");
            }
        };
        if minutes <= 0.0 {
            return self.refuse(self.at - 1, Reason::NotUnderstood, "a time above 0");
        }
        self.at += 1;
        Ok(if is_first { Part::First { minutes } } else { Part::Last { minutes } })
    }

    /// Reads stages and positions: side by side they hold together, joined by `and` or `or` any of one kind holds.
    fn states(&mut self) -> Parsed<Expression> {
        let Some(Lexeme::Concept(first)) = self.peek() else {
            return self.refuse(self.at, Reason::NotUnderstood, SCOPE);
        };
        self.at += 1;
        let mut expression = Expression::concept(&first.id);
        let mut kind = first.kind;
        loop {
            let start = self.at;
            let is_joined = self.take(Class::And) || self.take(Class::Or) || {
                let is_comma = self.peek() == Some(Lexeme::Sign(",")) && self.is_state(self.at + 1);
                self.at += usize::from(is_comma);
                is_comma
            };
            let is_or = is_joined && self.words_at(start).contains("or");
            while self.take(Class::Filler) || (is_joined && self.take(Class::In)) {}
            let next = match self.peek() {
                Some(Lexeme::Concept(next))
                    if self.is_state(self.at) && !(is_joined && self.is_bounded(self.at + 1)) =>
                {
                    next
                }
                Some(_) | None => {
                    self.at = start;
                    return Ok(expression);
                }
            };
            self.at += 1;
            let other = Expression::concept(&next.id);
            expression = match (is_joined && (is_or || next.kind == kind), next.id.as_str()) {
                (false, "sleep") => expression,
                (true, _) => Expression::any([expression, other]),
                (false, _) if expression == Expression::concept("sleep") => other,
                (false, _) => Expression::all([expression, other]),
            };
            kind = next.kind;
        }
    }

    fn is_state(&self, at: usize) -> bool {
        matches!(self.lexeme_at(at), Some(Lexeme::Concept(it)) if matches!(it.kind, Kind::Stage | Kind::State))
    }

    /// Returns whether a bound follows, so that the concept before it is the subject of another clause.
    fn is_bounded(&self, at: usize) -> bool {
        matches!(
            self.next_content(at),
            Some(
                Lexeme::Phrase(Class::Compare(_) | Class::Between)
                    | Lexeme::Sign("<" | "<=" | ">" | ">=" | "=")
            )
        )
    }

    /// Returns whether a time of day starts at a phrase.
    pub(super) fn is_clock(&self, at: usize) -> bool {
        match self.lexeme_at(at) {
            Some(Lexeme::Clock(_) | Lexeme::Phrase(Class::Midnight | Class::Noon)) => true,
            Some(Lexeme::Number(_)) => matches!(
                self.lexeme_at(at + 1),
                Some(Lexeme::Phrase(Class::Am | Class::Pm | Class::OClock))
            ),
            Some(_) | None => false,
        }
    }

    /// Reads a time of day in minutes after midnight.
    fn clock(&mut self) -> Parsed<u16> {
        let start = self.at;
        let minutes = match self.peek() {
            Some(Lexeme::Phrase(Class::Midnight)) => Some(0),
            Some(Lexeme::Phrase(Class::Noon)) => Some(12 * 60),
            Some(Lexeme::Clock(minutes)) => Some(minutes),
            Some(Lexeme::Number(hour))
                if self.is_clock(self.at) && hour.fract() == 0.0 && hour < 24.0 =>
            {
                Some(60 * hour as u16)
            }
            Some(_) | None => None,
        };
        let Some(minutes) = minutes else {
            return self.refuse(start, Reason::NotUnderstood, CLOCK);
        };
        self.at += 1;
        let is_half_day = (1..=12).contains(&(minutes / 60));
        let (is_am, is_pm) = (self.take(Class::Am), self.take(Class::Pm));
        self.take(Class::OClock);
        match (is_am || is_pm, is_half_day) {
            (false, _) => Ok(minutes),
            (true, true) => Ok(minutes % (12 * 60) + if is_pm { 12 * 60 } else { 0 }),
            (true, false) => self.refuse(start, Reason::NotUnderstood, CLOCK),
        }
    }

    /// Reads `23:00 and 02:00`, `23:00 to 02:00` or one time, behind `between` or `from`.
    pub(super) fn clock_range(&mut self, clause: &mut Clause<'a>) -> Parsed<()> {
        let start = self.at;
        let from = self.clock()?;
        let is_joined = self.take(Class::And) || self.take(Class::To) || {
            let is_hyphen = self.peek() == Some(Lexeme::Sign("-"));
            self.at += usize::from(is_hyphen);
            is_hyphen
        };
        let to = if is_joined { Some(self.clock()?) } else { None };
        if to == Some(from) {
            return self.refuse(start, Reason::NotUnderstood, "two different times");
        }
        let part = Some(Part::Clock { from: Some(from), to });
        self.add_scope(clause, Scope { states: None, part }, start)
    }

    /// Reads `after midnight` or `before 3 am`.
    pub(super) fn clock_scope(&mut self, clause: &mut Clause<'a>) -> Parsed<()> {
        let start = self.at;
        let is_after = self.peek() == Some(Lexeme::Phrase(Class::After));
        self.at += 1;
        self.skip_fillers();
        if !self.is_clock(self.at) {
            let expected =
                "a time of day, or events with a time such as `within 30 s after hypopneas`";
            return self.refuse(start, Reason::NotUnderstood, expected);
        }
        let clock = Some(self.clock()?);
        let (from, to) = if is_after { (clock, None) } else { (None, clock) };
        self.add_scope(clause, Scope { states: None, part: Some(Part::Clock { from, to }) }, start)
    }

    /// Reads what is compared, behind `than` or `as`.
    pub(super) fn than(&mut self, clause: &mut Clause<'a>) -> Parsed<()> {
        let start = self.at;
        self.at += 1;
        self.skip_fillers();
        let is_open = clause.comparison.as_ref().is_some_and(|it| it.than.is_none());
        if !is_open || clause.subject.is_none() {
            let expected = "a comparison such as `more apneas in REM than in NREM`";
            return self.refuse(start, Reason::NotUnderstood, expected);
        }
        let is_scope = clause.scope != Scope::default();
        if let Some(part) = self.other_fraction(clause) {
            let states = clause.scope.states.clone();
            let than = Than::Scope(Scope { states, part: Some(part) });
            if let Some(comparison) = &mut clause.comparison {
                comparison.than = Some(than);
            }
            return Ok(());
        }
        let than = match self.peek() {
            Some(Lexeme::Phrase(Class::Elsewhere)) if is_scope => {
                self.at += 1;
                Than::Elsewhere
            }
            Some(Lexeme::Phrase(
                Class::In | Class::Outside | Class::Part(_) | Class::First | Class::Last,
            )) if is_scope => {
                let mut other = Clause::default();
                self.scope(&mut other)?;
                Than::Scope(other.scope)
            }
            Some(Lexeme::Concept(concept)) if is_scope && self.is_state(self.at) => {
                let _ = concept;
                Than::Scope(scope_of(self.states()?))
            }
            Some(Lexeme::Concept(concept)) if !is_scope => {
                let mut other = Clause::default();
                let at = self.at;
                self.at += 1;
                self.subject(&mut other, concept, at, super::reader::Previous::Other)?;
                let Some(subject) = other.subject else {
                    return self.refuse(at, Reason::NotUnderstood, "a concept");
                };
                // A scope behind it is that of both sides.
                Than::Subject(subject)
            }
            Some(_) | None => return self.refuse(self.at, Reason::NotUnderstood, SCOPE),
        };
        if let Some(comparison) = &mut clause.comparison {
            comparison.than = Some(than);
        }
        Ok(())
    }

    /// Takes `in the first` behind `in the second half`.
    fn other_fraction(&mut self, clause: &Clause<'a>) -> Option<Part> {
        let Some(Part::Fraction { of, .. }) = clause.scope.part else { return None };
        let start = self.at;
        while self.take(Class::In) || self.take(Class::Filler) {}
        let number = match self.peek() {
            Some(Lexeme::Phrase(Class::First)) => 1,
            Some(Lexeme::Phrase(Class::Last)) => of,
            Some(_) | None => 0,
        };
        let is_end = self.next_content(self.at + 1).is_none();
        if number > 0 && is_end {
            self.at += 1;
            return Some(Part::Fraction { number, of });
        }
        self.at = start;
        None
    }

    /// Reads the event during which those of the clause begin.
    fn during(&mut self, clause: &mut Clause<'a>) -> Parsed<()> {
        let start = self.at;
        let other = self.events()?;
        let Some(Subject::Concepts(Terms { parts, is_event: true, .. })) = &mut clause.subject
        else {
            return self.refuse(start, Reason::NotUnderstood, SCOPE);
        };
        let event = Expression::any(parts.iter().map(|(_, expression)| expression.clone()));
        let (concept, _) = parts[0];
        let expression = Expression::During { event: Box::new(event), other: Box::new(other) };
        *parts = vec![(concept, expression)];
        Ok(())
    }
}
