//! What `and`, `or`, `but`, `with` and commas join: concepts, bounds or clauses.

use nocturne_concepts::{Concept, Kind};

use super::super::cursor::Parsed;
use super::super::problem::Reason;
use super::super::question::Scope;
use super::clause::{Clause, Joint, Subject};
use super::lexicon::{Class, Lexeme};
use super::reader::{PHRASE, Previous, Reader};

impl<'a> Reader<'a> {
    /// Skips what joins two clauses.
    pub(super) fn joint(&mut self) -> Joint {
        let mut joint = Joint::And;
        while let Some(lexeme) = self.peek() {
            match lexeme {
                Lexeme::Phrase(Class::Or) => joint = Joint::Or,
                Lexeme::Phrase(Class::And | Class::But | Class::With) | Lexeme::Sign("," | "&") => {
                }
                Lexeme::Concept(_)
                | Lexeme::Number(_)
                | Lexeme::Clock(_)
                | Lexeme::Sign(_)
                | Lexeme::Phrase(_)
                | Lexeme::Unknown => break,
            }
            self.at += 1;
        }
        joint
    }

    /// Decides what a conjunction joins: `true` if the clause goes on after it.
    pub(super) fn continues(
        &mut self,
        clause: &mut Clause<'a>,
        previous: Previous,
    ) -> Parsed<bool> {
        let start = self.at;
        let mut at = start;
        let (mut is_or, mut is_but, mut is_with, mut is_comma) = (false, false, false, true);
        while let Some(lexed) = self.lexed.get(at) {
            match lexed.lexeme {
                Lexeme::Phrase(Class::Or) => is_or = true,
                Lexeme::Phrase(Class::But) => is_but = true,
                Lexeme::Phrase(Class::With) => is_with = true,
                Lexeme::Phrase(Class::And) | Lexeme::Sign("&") => {}
                Lexeme::Phrase(Class::Filler | Class::Noun) | Lexeme::Sign(",") => {
                    at += 1;
                    continue;
                }
                Lexeme::Concept(_)
                | Lexeme::Number(_)
                | Lexeme::Clock(_)
                | Lexeme::Sign(_)
                | Lexeme::Phrase(_)
                | Lexeme::Unknown => break,
            }
            is_comma = false;
            at += 1;
        }
        let Some(next) = self.lexed.get(at).map(|lexed| lexed.lexeme) else {
            if is_comma {
                self.at = at;
                return Ok(true);
            }
            self.at = at;
            return self.refuse(at, Reason::NotUnderstood, "a condition");
        };
        if clause.is_blank() && is_or {
            return self.refuse(start, Reason::Ambiguous, "one group of people or recordings");
        }
        if clause.is_blank() && (is_comma || is_with || !self.filters.is_empty()) {
            self.at = at;
            return Ok(true);
        }
        if clause.is_blank() {
            return self.refuse(start, Reason::NotUnderstood, PHRASE);
        }
        if let Lexeme::Concept(concept) = next
            && !is_but
            && !is_with
            && previous == Previous::Subject
            && clause.can_be_joined_with(concept)
        {
            let joint = match (is_or, is_comma) {
                (true, _) => Some(Joint::Or),
                (false, false) => Some(Joint::And),
                // The conjunction comes later: `apneas, hypopneas and arousals`.
                (false, true) => None,
            };
            self.at = at + 1;
            self.join(clause, concept, joint, at)?;
            return Ok(true);
        }
        let is_after_bound = matches!(previous, Previous::Bound | Previous::Subject)
            && clause.scope == Scope::default();
        let has_open_range = is_after_bound
            && clause.bound.is_some_and(|it| it.range.lower.is_none() != it.range.upper.is_none());
        let is_bound = matches!(
            next,
            Lexeme::Phrase(Class::Compare(_)) | Lexeme::Sign("<" | "<=" | ">" | ">=")
        );
        if is_bound && has_open_range && !is_or && !self.starts_full_clause(clause, at) {
            self.at = at;
            self.second_bound(clause)?;
            return Ok(true);
        }
        if is_with
            && clause.is_bare()
            && matches!(next, Lexeme::Concept(_))
            && !is_but
            && at == start + 1
        {
            let expected = "`and` for nights with both, or a time such as `within 30 s after`";
            return self.refuse(start, Reason::Ambiguous, expected);
        }
        Ok(false)
    }

    /// Returns whether a bound is followed by a concept of its own, so that it starts a clause.
    fn starts_full_clause(&self, clause: &Clause<'a>, at: usize) -> bool {
        if clause.subject.is_none() {
            return false;
        }
        let mut rest = self.lexed[at..].iter().map(|lexed| lexed.lexeme).skip(1);
        rest.find(|lexeme| {
            !matches!(lexeme, Lexeme::Number(_) | Lexeme::Phrase(Class::Filler | Class::Unit(_)))
        })
        .is_some_and(|lexeme| matches!(lexeme, Lexeme::Concept(_)))
    }
}

impl Clause<'_> {
    /// Returns whether a concept can be joined to the concepts before it, as in `apneas and hypopneas`.
    fn can_be_joined_with(&self, concept: &Concept) -> bool {
        let Self { subject: Some(Subject::Concepts(terms)), .. } = self else {
            return false;
        };
        let is_same_kind = match concept.kind {
            Kind::Event => terms.is_event,
            Kind::Stage | Kind::State => !terms.is_event,
            Kind::Measure => false,
        };
        is_same_kind && self.comparison.as_ref().is_none_or(|it| it.than.is_none())
    }
}
