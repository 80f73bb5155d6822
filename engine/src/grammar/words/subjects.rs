//! What a clause is about: measures, concepts, and events near other events.

use nocturne_concepts::{Concept, Kind};

use super::super::cursor::Parsed;
use super::super::definition::{Defined, defined};
use super::super::problem::Reason;
use super::super::question::{Expression, Relation};
use super::clause::{Clause, Joint, Number, Subject, Terms};
use super::lexicon::{Class, Lexeme, Unit};
use super::reader::{Previous, Reader, scope_of};

const WINDOW: &str = "a time such as `within 30 s`";
const ONE_SUBJECT: &str = "`and`, `or` or `but` between two concepts";

impl<'a> Reader<'a> {
    /// Adds the concept that was read to a clause: as its subject, or as a scope.
    pub(super) fn subject(
        &mut self,
        clause: &mut Clause<'a>,
        concept: &'a Concept,
        start: usize,
        previous: Previous,
    ) -> Parsed<()> {
        let is_state = matches!(concept.kind, Kind::Stage | Kind::State);
        match (&mut clause.subject, defined(concept)) {
            (None, Defined::Measure(measure)) => {
                clause.subject = Some(Subject::Measure(concept, measure));
            }
            (None, Defined::Expression(expression)) => {
                let expression = self.with_relation(concept, expression)?;
                clause.subject = Some(Subject::Concepts(Terms::of(concept, expression)));
            }
            // `supine REM sleep`, `REM apneas`, `supine AHI`
            (Some(Subject::Concepts(terms)), defined)
                if !terms.is_event && terms.parts.len() == 1 && previous == Previous::Subject =>
            {
                let first = terms.parts[0].1.clone();
                match defined {
                    Defined::Expression(second) if is_state => {
                        terms.parts[0] = (concept, both(first, second));
                    }
                    Defined::Expression(event) => {
                        let event = self.with_relation(concept, event)?;
                        clause.subject = Some(Subject::Concepts(Terms::of(concept, event)));
                        self.add_scope(clause, scope_of(first), start)?;
                    }
                    Defined::Measure(measure) => {
                        clause.subject = Some(Subject::Measure(concept, measure));
                        self.add_scope(clause, scope_of(first), start)?;
                    }
                }
            }
            // `apneas supine`, `AHI above 15 supine`
            (Some(Subject::Measure(..)), Defined::Expression(states)) if is_state => {
                self.add_scope(clause, scope_of(states), start)?;
            }
            (
                Some(Subject::Concepts(Terms { is_event: true, .. })),
                Defined::Expression(states),
            ) if is_state => {
                self.add_scope(clause, scope_of(states), start)?;
            }
            (Some(_), _) => return self.refuse(start, Reason::NotUnderstood, ONE_SUBJECT),
        }
        Ok(())
    }

    /// Joins another concept to those of a clause.
    pub(super) fn join(
        &mut self,
        clause: &mut Clause<'a>,
        concept: &'a Concept,
        joint: Option<Joint>,
        start: usize,
    ) -> Parsed<()> {
        let Some(Subject::Concepts(terms)) = &mut clause.subject else {
            return self.refuse(start, Reason::NotUnderstood, ONE_SUBJECT);
        };
        if joint.is_some() && terms.joint.is_some() && terms.joint != joint {
            let expected = "only `and` or only `or` between concepts";
            return self.refuse(start, Reason::Ambiguous, expected);
        }
        terms.joint = terms.joint.or(joint);
        terms.parts.push((concept, Expression::concept(&concept.id)));
        if self.is_relation() {
            // `arousals or awakenings within 30 s after apneas`: the time belongs to both.
            let union = terms.union();
            let within = self.with_relation(concept, union)?;
            if let Some(Subject::Concepts(terms)) = &mut clause.subject {
                terms.parts = vec![(concept, within)];
            }
        }
        Ok(())
    }

    fn is_relation(&self) -> bool {
        let next = self.next_content(self.at + 1);
        match self.peek() {
            Some(Lexeme::Phrase(
                Class::Within
                | Class::FollowedBy
                | Class::PrecededBy
                | Class::Followed
                | Class::Preceded,
            )) => true,
            Some(Lexeme::Phrase(Class::After | Class::Before)) => {
                matches!(next, Some(Lexeme::Concept(it)) if it.kind == Kind::Event)
            }
            Some(_) | None => false,
        }
    }

    /// Reads the time relation behind an event, if there is one.
    fn with_relation(&mut self, concept: &Concept, event: Expression) -> Parsed<Expression> {
        if concept.kind != Kind::Event || !self.is_relation() {
            return Ok(event);
        }
        let start = self.at;
        // `hypopneas followed by arousals` counts hypopneas, which begin before the arousals.
        let mut relation = match self.peek() {
            Some(Lexeme::Phrase(Class::After | Class::PrecededBy | Class::Preceded)) => {
                Some(Relation::After)
            }
            Some(Lexeme::Phrase(Class::Before | Class::FollowedBy | Class::Followed)) => {
                Some(Relation::Before)
            }
            Some(_) | None => None,
        };
        let mut window_s = None;
        if relation.is_some() {
            self.at += 1;
            if self.peek() == Some(Lexeme::Phrase(Class::Within)) {
                window_s = Some(self.window()?);
                self.take(Class::By);
            }
        } else {
            window_s = Some(self.window()?);
            relation = Some(self.relation()?);
        }
        let anchor = self.events()?;
        let window_s = match window_s {
            Some(window_s) => window_s,
            None if self.peek() == Some(Lexeme::Phrase(Class::Within)) => self.window()?,
            None => return self.refuse(start, Reason::NotUnderstood, WINDOW),
        };
        let relation = relation.unwrap_or(Relation::Of);
        Ok(Expression::Within {
            event: Box::new(event),
            relation,
            window_s,
            anchor: Box::new(anchor),
        })
    }

    /// Reads `within 30 s`.
    fn window(&mut self) -> Parsed<f64> {
        self.at += 1;
        self.skip_fillers();
        let number = match self.peek() {
            Some(Lexeme::Number(number)) => number,
            Some(Lexeme::Phrase(Class::Half)) => 0.5,
            // `within a minute of`
            Some(Lexeme::Phrase(Class::Unit(Unit::PerMinute)))
                if self.words_at(self.at) == "a minute" =>
            {
                self.at += 1;
                return Ok(60.0);
            }
            Some(_) | None => return self.refuse(self.at, Reason::NotUnderstood, "a number"),
        };
        self.at += 1;
        let factor = match self.peek() {
            Some(Lexeme::Phrase(Class::Unit(Unit::Second))) => 1.0,
            Some(Lexeme::Phrase(Class::Unit(Unit::Minute))) => 60.0,
            Some(_) | None => {
                return self.refuse(self.at, Reason::NotUnderstood, "seconds or minutes");
            }
        };
        if number <= 0.0 {
            return self.refuse(self.at - 1, Reason::NotUnderstood, "a time above 0");
        }
        self.at += 1;
        Ok(number * factor)
    }

    /// Reads `after`, `before` or `of` behind a window.
    fn relation(&mut self) -> Parsed<Relation> {
        let relation = match self.peek() {
            Some(Lexeme::Phrase(Class::After)) => Relation::After,
            Some(Lexeme::Phrase(Class::Before)) => Relation::Before,
            Some(Lexeme::Phrase(Class::From)) => Relation::Of,
            Some(Lexeme::Phrase(Class::Filler)) if self.words_at(self.at).starts_with("of") => {
                Relation::Of
            }
            Some(_) | None => {
                return self.refuse(self.at, Reason::NotUnderstood, "`after`, `before` or `of`");
            }
        };
        self.at += 1;
        Ok(relation)
    }

    /// Reads events joined by `and` or `or`: any of them.
    pub(super) fn events(&mut self) -> Parsed<Expression> {
        let mut events = Vec::new();
        loop {
            self.skip_fillers();
            match self.peek() {
                Some(Lexeme::Concept(concept)) if concept.kind == Kind::Event => {
                    events.push(Expression::concept(&concept.id));
                }
                Some(_) | None => return self.refuse(self.at, Reason::NotUnderstood, "an event"),
            }
            self.at += 1;
            let is_next = matches!(self.next_content(self.at + 1), Some(Lexeme::Concept(it)) if it.kind == Kind::Event);
            let is_joint = matches!(self.peek(), Some(Lexeme::Phrase(Class::And | Class::Or)));
            if !(is_next && is_joint) {
                return Ok(Expression::any(events));
            }
            self.at += 1;
        }
    }

    /// Returns whether a bound is the window of a relation, as in `up to 30 s after hypopneas`.
    pub(super) fn is_window(&self, clause: &Clause<'a>, number: &Number) -> bool {
        let is_time = matches!(number.unit, Some(Unit::Second | Unit::Minute));
        let is_relation = matches!(self.peek(), Some(Lexeme::Phrase(Class::After | Class::Before)));
        let is_event = matches!(
            self.next_content(self.at + 1),
            Some(Lexeme::Concept(it)) if it.kind == Kind::Event
        );
        let is_subject =
            matches!(&clause.subject, Some(Subject::Concepts(terms)) if terms.is_event);
        is_time && is_relation && is_event && is_subject
    }

    /// Reads the relation behind its window.
    pub(super) fn window_after(
        &mut self,
        clause: &mut Clause<'a>,
        number: &Number,
        start: usize,
    ) -> Parsed<Previous> {
        let upper = number.range.upper.filter(|it| number.range.lower.is_none() && it.value > 0.0);
        let Some(upper) = upper else {
            return self.refuse(start, Reason::NotUnderstood, WINDOW);
        };
        let factor = if number.unit == Some(Unit::Minute) { 60.0 } else { 1.0 };
        let relation = self.relation()?;
        let anchor = Box::new(self.events()?);
        if let Some(Subject::Concepts(terms)) = &mut clause.subject {
            let event = Box::new(terms.union());
            let window_s = upper.value * factor;
            let (concept, _) = terms.parts[0];
            let within = Expression::Within { event, relation, window_s, anchor };
            terms.parts = vec![(concept, within)];
        }
        Ok(Previous::Subject)
    }
}

/// Returns the expression for two states side by side; `sleep` beside a stage or a position adds nothing.
fn both(first: Expression, second: Expression) -> Expression {
    let sleep = Expression::concept("sleep");
    match (first == sleep, second == sleep) {
        (true, _) => second,
        (false, true) => first,
        (false, false) => Expression::all([first, second]),
    }
}
