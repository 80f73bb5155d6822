//! Bounds: comparisons, ranges, and numbers followed by `or more`.

use nocturne_concepts::{Direction, Kind};

use super::super::cursor::Parsed;
use super::super::problem::Reason;
use super::super::question::{Expression, Limit, Range, Scope};
use super::clause::{Amount, Clause, Comparison, Number, Subject};
use super::lexicon::{Class, Comparator, Lexeme, Unit};
use super::reader::{Previous, Reader};

const NUMBER: &str = "a number that is not negative";
const BOUND: &str = "a bound such as `at least 15`, `exactly 15` or `5 to 15`";

impl<'a> Reader<'a> {
    /// Reads a bound; it may belong to the clause, to the age of people, or to the window or the depth of events.
    pub(super) fn bound(
        &mut self,
        clause: &mut Clause<'a>,
        previous: Previous,
    ) -> Parsed<Previous> {
        let start = self.at;
        if self.take(Class::Between) {
            if self.is_clock(self.at) {
                self.clock_range(clause)?;
                return Ok(Previous::Other);
            }
            let number = self.range(start)?;
            return self.set_bound(clause, number, previous, start);
        }
        if self.take(Class::From) {
            let number = self.range(start)?;
            return self.set_bound(clause, number, previous, start);
        }
        let comparator = self.comparator()?;
        if comparator.is_some() {
            self.skip_fillers();
            if self.take(Class::Twice) {
                let factor = comparator.map(|it| (it, 2.0));
                self.ratio(clause, factor, start)?;
                return Ok(Previous::Other);
            }
        }
        let is_length = comparator.is_some()
            && ["longer", "shorter"].iter().any(|it| self.words_at(start).contains(it));
        let (value, unit) = self.value()?;
        if self.take(Class::TimesAs) {
            let factor = Some((comparator.unwrap_or(Comparator::AtLeast), value));
            self.ratio(clause, factor, start)?;
            return Ok(Previous::Other);
        }
        // `5/h to 15/h`
        let per_at = self.at;
        self.take_per();
        if comparator.is_none() && self.continues_range() {
            self.at = start;
            let number = self.range(start)?;
            return self.set_bound(clause, number, previous, start);
        }
        self.at = per_at;
        if comparator.is_none()
            && let Some(mirrored) = self.mirrored()
        {
            let range = range_of(mirrored, value);
            return self.set_bound(clause, Number { range, unit, is_length }, previous, start);
        }
        let per = self.take_per();
        let after = match self.or_more() {
            None if comparator.is_none() => self.take_later_or_more(),
            after => after,
        };
        if after.is_none() && per.is_some() {
            // The unit is read again by the clause.
            self.at = per_at;
        } else if let Some(per) = per {
            self.set_per(clause, per, per_at)?;
        }
        // `15 or more %`
        let unit = unit.or_else(|| if after.is_some() { self.take_unit() } else { None });
        let comparator = match (comparator, after) {
            (Some(first), None) | (None, Some(first)) => first,
            (None, None) if value == 0.0 => Comparator::Equal,
            (None, None) if self.is_fall(unit) => Comparator::AtLeast,
            // `60-year-old men`
            (None, None) if unit == Some(Unit::Year) => Comparator::Equal,
            (None, None) | (Some(_), Some(_)) => {
                return self.refuse(start, Reason::NotUnderstood, BOUND);
            }
        };
        let range = range_of(comparator, value);
        let number = Number { range, unit, is_length };
        self.set_bound(clause, number, previous, start)
    }

    /// Reads a comparison after `not` and turns it round.
    pub(super) fn negated_bound(
        &mut self,
        clause: &mut Clause<'a>,
        previous: Previous,
    ) -> Parsed<Previous> {
        let start = self.at;
        let turned = match self.comparator()? {
            Some(Comparator::Above) => Comparator::AtMost,
            Some(Comparator::AtLeast) => Comparator::Below,
            Some(Comparator::Below) => Comparator::AtLeast,
            Some(Comparator::AtMost) => Comparator::Above,
            Some(Comparator::Equal) | None => {
                return self.refuse(start, Reason::NotUnderstood, BOUND);
            }
        };
        self.skip_fillers();
        let (value, unit) = self.value()?;
        let number = Number { range: range_of(turned, value), unit, is_length: false };
        self.set_bound(clause, number, previous, start)
    }

    /// Reads the second half of `above 5 and below 15`.
    pub(super) fn second_bound(&mut self, clause: &mut Clause<'a>) -> Parsed<()> {
        let start = self.at;
        let Some(comparator) = self.comparator()? else {
            return self.refuse(start, Reason::NotUnderstood, BOUND);
        };
        self.skip_fillers();
        let (value, unit) = self.value()?;
        let second = Number { range: range_of(comparator, value), unit, is_length: false };
        self.merge(clause, second, start)
    }

    /// Merges a lower and an upper limit.
    fn merge(&self, clause: &mut Clause<'a>, second: Number, start: usize) -> Parsed<()> {
        let first = clause.bound.as_mut().expect("the clause has a bound");
        let range = match (first.range, second.range) {
            (Range { lower, upper: None }, Range { lower: None, upper })
            | (Range { lower: None, upper }, Range { lower, upper: None }) => {
                Range { lower, upper }
            }
            _ => return self.refuse(start, Reason::NotUnderstood, "a bound of the other side"),
        };
        let is_same_unit =
            second.unit.is_none() || first.unit.is_none() || second.unit == first.unit;
        if !is_same_unit || !is_ordered(range) {
            return self.refuse(
                start,
                Reason::NotUnderstood,
                "a range whose first number is lower",
            );
        }
        first.unit = first.unit.or(second.unit);
        first.range = range;
        Ok(())
    }

    /// Takes a comparison if it is next.
    fn comparator(&mut self) -> Parsed<Option<Comparator>> {
        let comparator = match self.peek() {
            Some(Lexeme::Phrase(Class::Compare(comparator))) => comparator,
            Some(Lexeme::Sign(">")) => Comparator::Above,
            Some(Lexeme::Sign(">=")) => Comparator::AtLeast,
            Some(Lexeme::Sign("<")) => Comparator::Below,
            Some(Lexeme::Sign("<=")) => Comparator::AtMost,
            Some(Lexeme::Sign("=")) => Comparator::Equal,
            Some(Lexeme::Sign("-")) => return self.refuse(self.at, Reason::NotUnderstood, NUMBER),
            Some(Lexeme::Sign("~")) => return self.refuse(self.at, Reason::Ambiguous, BOUND),
            Some(Lexeme::Sign(_)) => {
                let expected = "words; the normal form of a question is read only as such";
                return self.refuse(self.at, Reason::NotUnderstood, expected);
            }
            Some(_) | None => return Ok(None),
        };
        self.at += 1;
        Ok(Some(comparator))
    }

    /// Reads a number and its unit.
    fn value(&mut self) -> Parsed<(f64, Option<Unit>)> {
        let words = self.words_at(self.at);
        match self.peek() {
            Some(Lexeme::Number(number)) => {
                self.at += 1;
                Ok((number, self.take_unit()))
            }
            // `more than an hour of REM sleep`
            Some(Lexeme::Phrase(Class::Unit(Unit::PerHour))) if words == "an hour" => {
                self.at += 1;
                Ok((1.0, Some(Unit::Hour)))
            }
            Some(Lexeme::Phrase(Class::Unit(Unit::PerMinute))) if words == "a minute" => {
                self.at += 1;
                Ok((1.0, Some(Unit::Minute)))
            }
            Some(Lexeme::Phrase(Class::Half)) => {
                self.at += 1;
                // `half of the night`
                if matches!(self.peek(), Some(Lexeme::Phrase(Class::OfSleep | Class::OfNight))) {
                    return Ok((50.0, Some(Unit::Percent)));
                }
                match self.take_unit() {
                    Some(unit @ (Unit::Hour | Unit::Minute)) => Ok((0.5, Some(unit))),
                    Some(_) | None => self.refuse(self.at, Reason::NotUnderstood, "an hour"),
                }
            }
            Some(_) | None => self.refuse(self.at, Reason::NotUnderstood, NUMBER),
        }
    }

    /// Takes the unit of a number, but not `per hour` and the like.
    fn take_unit(&mut self) -> Option<Unit> {
        match self.peek() {
            Some(Lexeme::Phrase(Class::Unit(
                unit @ (Unit::Percent
                | Unit::Hour
                | Unit::Minute
                | Unit::Second
                | Unit::BeatsPerMinute
                | Unit::Year),
            ))) => {
                self.at += 1;
                Some(unit)
            }
            Some(_) | None => None,
        }
    }

    fn take_per(&mut self) -> Option<Unit> {
        match self.peek() {
            Some(Lexeme::Phrase(Class::Unit(
                unit @ (Unit::PerHour | Unit::PerMinute | Unit::PerNight),
            ))) => {
                self.at += 1;
                Some(unit)
            }
            Some(_) | None => None,
        }
    }

    /// Takes `or more`, `or fewer`, `+`, `at least` or `at most` behind a number.
    fn or_more(&mut self) -> Option<Comparator> {
        let words = self.words_at(self.at);
        let is_number_next = matches!(self.next_content(self.at + 1), Some(Lexeme::Number(_)));
        let found = match self.peek()? {
            Lexeme::Phrase(Class::OrMore) | Lexeme::Sign("+") => Comparator::AtLeast,
            Lexeme::Phrase(Class::OrLess) => Comparator::AtMost,
            Lexeme::Phrase(Class::Compare(
                comparator @ (Comparator::AtLeast | Comparator::AtMost),
            )) if !is_number_next
                && ["at least", "at most", "minimum", "maximum"].contains(&words.as_str()) =>
            {
                comparator
            }
            Lexeme::Concept(_)
            | Lexeme::Number(_)
            | Lexeme::Clock(_)
            | Lexeme::Sign(_)
            | Lexeme::Phrase(_)
            | Lexeme::Unknown => return None,
        };
        self.at += 1;
        Some(found)
    }

    /// Takes a comparison between a number and a concept, turned round, as in `15 < AHI`.
    fn mirrored(&mut self) -> Option<Comparator> {
        let mirrored = match self.peek()? {
            Lexeme::Sign("<") => Comparator::Above,
            Lexeme::Sign("<=") => Comparator::AtLeast,
            Lexeme::Sign(">") => Comparator::Below,
            Lexeme::Sign(">=") => Comparator::AtMost,
            Lexeme::Concept(_)
            | Lexeme::Number(_)
            | Lexeme::Clock(_)
            | Lexeme::Sign(_)
            | Lexeme::Phrase(_)
            | Lexeme::Unknown => return None,
        };
        let is_concept = matches!(self.next_content(self.at + 1), Some(Lexeme::Concept(_)));
        self.at += usize::from(is_concept);
        is_concept.then_some(mirrored)
    }

    /// Takes `or more` behind the concept, as in `15 arousals per hour or more`.
    fn take_later_or_more(&mut self) -> Option<Comparator> {
        let start = self.at;
        while let Some(lexeme) = self.peek() {
            let is_between = matches!(
                lexeme,
                Lexeme::Concept(_)
                    | Lexeme::Phrase(
                        Class::Filler | Class::Unit(_) | Class::OfSleep | Class::OfNight
                    )
            );
            if !is_between {
                break;
            }
            self.at += 1;
        }
        let at = self.at;
        let found = if at > start { self.or_more() } else { None };
        self.at = start;
        if found.is_some() {
            self.forget(at);
        }
        found
    }

    fn continues_range(&self) -> bool {
        let is_joint = self.is_up_to()
            || matches!(self.peek(), Some(Lexeme::Phrase(Class::To) | Lexeme::Sign("-")));
        let is_number = |it| matches!(it, Some(Lexeme::Number(_)));
        let next = self.next_content(self.at + 1);
        let is_below = matches!(
            next,
            Some(
                Lexeme::Sign("<" | "<=")
                    | Lexeme::Phrase(Class::Compare(Comparator::Below | Comparator::AtMost))
            )
        ) && is_number(self.next_content(self.at + 2));
        is_joint && (is_number(next) || is_below)
    }

    fn is_up_to(&self) -> bool {
        self.peek() == Some(Lexeme::Phrase(Class::Compare(Comparator::AtMost)))
            && self.words_at(self.at) == "up to"
    }

    /// Returns whether `from` starts a range of numbers.
    pub(super) fn starts_range(&self) -> bool {
        matches!(self.next_content(self.at + 1), Some(Lexeme::Number(_)))
            && !self.is_clock(self.at + 1)
    }

    /// Reads `5 and 15`, `5 to 15` or `5-15`, both included.
    fn range(&mut self, start: usize) -> Parsed<Number> {
        self.skip_fillers();
        let (low, low_unit) = self.value()?;
        self.take_per();
        let is_sign = self.is_up_to() || self.peek() == Some(Lexeme::Sign("-"));
        self.at += usize::from(is_sign);
        let is_joined = is_sign || self.take(Class::And) || self.take(Class::To);
        if !is_joined {
            return self.refuse(
                self.at,
                Reason::NotUnderstood,
                "`and` or `to`, and a second number",
            );
        }
        self.skip_fillers();
        // `15 to less than 30`
        let inclusive = match self.comparator()? {
            Some(Comparator::Below) => false,
            Some(Comparator::AtMost) | None => true,
            Some(Comparator::Above | Comparator::AtLeast | Comparator::Equal) => {
                return self.refuse(start, Reason::NotUnderstood, BOUND);
            }
        };
        let (high, high_unit) = self.value()?;
        let lower = Some(Limit { value: low, inclusive: true });
        let range = Range { lower, upper: Some(Limit { value: high, inclusive }) };
        let is_same_unit = low_unit.is_none() || low_unit == high_unit;
        if !is_same_unit || !is_ordered(range) {
            return self.refuse(
                start,
                Reason::NotUnderstood,
                "a range whose first number is lower",
            );
        }
        Ok(Number { range, unit: high_unit, is_length: false })
    }

    /// Sets the ratio of a comparison, as in `at least twice as many`.
    fn ratio(
        &mut self,
        clause: &mut Clause<'a>,
        factor: Option<(Comparator, f64)>,
        start: usize,
    ) -> Parsed<()> {
        let direction = Direction::Highest;
        let comparison = Comparison { direction, factor, is_adjective: false, than: None };
        self.set_comparison(clause, comparison, start)
    }

    /// Returns whether a percentage without a comparison is the depth of the desaturations that follow.
    fn is_fall(&self, unit: Option<Unit>) -> bool {
        unit == Some(Unit::Percent)
            && matches!(self.next_content(self.at), Some(Lexeme::Concept(it)) if it.id == "desaturation")
    }

    /// Decides what a bound belongs to.
    fn set_bound(
        &mut self,
        clause: &mut Clause<'a>,
        number: Number,
        previous: Previous,
        start: usize,
    ) -> Parsed<Previous> {
        if number.range.upper.is_some_and(|it| it.value == 0.0 && !it.inclusive) {
            return self.refuse(start, Reason::NotUnderstood, "`no`: nothing is below 0");
        }
        if self.is_age(&number, previous) {
            self.add_age(number.range, start)?;
            return Ok(Previous::Person);
        }
        if number.unit == Some(Unit::Percent) && self.set_least_fall(clause, &number, start)? {
            return Ok(Previous::Subject);
        }
        if self.is_window(clause, &number) {
            return self.window_after(clause, &number, start);
        }
        // `5 < AHI < 15`
        if clause.bound.is_some()
            && previous == Previous::Subject
            && clause.scope == Scope::default()
        {
            self.merge(clause, number, start)?;
            return Ok(Previous::Bound);
        }
        let is_taken = clause.bound.is_some() || clause.comparison.is_some();
        let is_amount = clause.amount.is_some_and(|it| !matches!(it, Amount::Frequent(_)));
        if is_taken || is_amount {
            let expected = "one amount or bound for each concept";
            return self.refuse(start, Reason::NotUnderstood, expected);
        }
        clause.bound = Some(number);
        clause.amount_tokens = self.tokens_at(start).start..self.tokens_at(self.at).start;
        Ok(Previous::Bound)
    }

    /// Sets the least fall of desaturations from a percentage beside them; returns whether it did.
    fn set_least_fall(
        &mut self,
        clause: &mut Clause<'a>,
        number: &Number,
        start: usize,
    ) -> Parsed<bool> {
        let next = match self.next_content(self.at) {
            Some(Lexeme::Concept(concept)) if concept.id == "desaturation" => Some(concept),
            Some(_) | None => None,
        };
        let is_behind = matches!(&clause.subject, Some(Subject::Concepts(terms))
            if terms.parts.last().is_some_and(|(concept, _)| concept.id == "desaturation"));
        if next.is_none() && !is_behind {
            return Ok(false);
        }
        let Range { lower: Some(Limit { value, inclusive: true }), upper: None } = number.range
        else {
            let expected = "the least fall of a desaturation, such as `at least 4 %`";
            return self.refuse(start, Reason::NotUnderstood, expected);
        };
        if let Some(concept) = next {
            self.skip_fillers();
            let at = self.at;
            self.at += 1;
            self.subject(clause, concept, at, Previous::Other)?;
        }
        let least =
            Expression::Concept { id: "desaturation".to_owned(), least_fall_percent: Some(value) };
        if let Some(Subject::Concepts(terms)) = &mut clause.subject
            && let Some((concept, expression)) = terms.parts.last_mut()
            && concept.kind == Kind::Event
            && matches!(expression, Expression::Concept { least_fall_percent: None, .. })
        {
            *expression = least;
            return Ok(true);
        }
        self.refuse(start, Reason::NotUnderstood, "one least fall of a desaturation")
    }
}

/// Returns the range that a comparison with a number allows.
pub(super) fn range_of(comparator: Comparator, value: f64) -> Range {
    match comparator {
        Comparator::Above => Range::above(value, false),
        Comparator::AtLeast => Range::above(value, true),
        Comparator::Below => Range::below(value, false),
        Comparator::AtMost => Range::below(value, true),
        Comparator::Equal => Range::equal(value),
    }
}

fn is_ordered(range: Range) -> bool {
    match (range.lower, range.upper) {
        (Some(low), Some(high)) => low.value < high.value,
        (_, _) => true,
    }
}
