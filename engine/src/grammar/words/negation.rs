//! Negation: absence, a bound turned round, or a refusal.

use super::super::cursor::Parsed;
use super::super::problem::Reason;
use super::clause::{Amount, Clause};
use super::lexicon::{Class, Lexeme};
use super::reader::{Previous, Reader};

impl<'a> Reader<'a> {
    /// Reads a negation; `None` if it starts the next clause.
    pub(super) fn negation(
        &mut self,
        class: Class,
        clause: &mut Clause<'a>,
        previous: Previous,
    ) -> Parsed<Option<Previous>> {
        let start = self.at;
        let next = self.next_content(self.at + 1);
        let precedes_concept = matches!(next, Some(Lexeme::Concept(_)));
        let is_after = class == Class::AbsentAfter || (class == Class::Absent && !precedes_concept);
        let is_subject_before = clause.is_bare() && previous == Previous::Subject;
        if clause.amount == Some(Amount::No) || is_negation(next) {
            let expected = "one negation: a double negation has several meanings";
            return self.refuse(start, Reason::Ambiguous, expected);
        }
        if is_after && is_subject_before {
            self.at += 1;
            clause.amount = Some(Amount::No);
            clause.amount_tokens = self.tokens_at(start);
            return Ok(Some(Previous::Other));
        }
        // `not above 15`, `do not have more than 15`
        let words = self.words_at(start);
        let is_not = ["not", "n't", "n’t", "never"].iter().any(|it| words.contains(it));
        if is_not
            && matches!(
                next,
                Some(Lexeme::Phrase(Class::Compare(_)) | Lexeme::Sign("<" | ">" | "<=" | ">="))
            )
        {
            self.at += 1;
            self.skip_fillers();
            return self.negated_bound(clause, previous).map(Some);
        }
        if clause.is_blank() && class != Class::AbsentAfter {
            self.at += 1;
            clause.amount = Some(Amount::No);
            clause.amount_tokens = self.tokens_at(start);
            return Ok(Some(Previous::Other));
        }
        // `AHI above 15 without desaturations` is two conditions; `hypopneas without arousals` may mean nights or events.
        let is_complete = clause.subject.is_some() && !clause.is_bare();
        if is_complete && matches!(class, Class::No | Class::Absent) {
            return Ok(None);
        }
        let expected = "`but no` for nights without any; or a bound of its own for each side";
        self.refuse(start, Reason::Ambiguous, expected)
    }
}

fn is_negation(lexeme: Option<Lexeme<'_>>) -> bool {
    matches!(
        lexeme,
        Some(Lexeme::Phrase(
            Class::No
                | Class::Not
                | Class::Absent
                | Class::AbsentAfter
                | Class::Unclear
                | Class::NotOnly
        ))
    )
}
