//! Reads the normal form of a question, as [`Display`](std::fmt::Display) writes it.
//!
//! ```text
//! question   = ( conditions [ "," [ "by" quantity "," ] end "first" ] | quantity "," end "first" ) [ "where" filter ]
//! end        = "highest" | "lowest" | "longest" | "shortest"
//! conditions = conjuncts { "or" conjuncts }
//! conjuncts  = condition { "and" condition }
//! condition  = "(" conditions ")" | number ( "<" | "<=" ) quantity ( "<" | "<=" ) number | quantity sign number
//! quantity   = measure [ "/" ( "outside" "of" "it" | scope | measure ) ]
//! measure    = ( "rate" | "count" | "share" | "time" | "longest_run" ) "(" expression ")" [ scope ] | name [ scope ]
//! scope      = [ ( "in" | "of" ) unary ] [ part ]
//! part       = "in" "the" ( ordinal ( "half" | "third" | "quarter" ) | ( "first" | "last" ) number unit )
//!            | [ "from" clock ] [ "to" clock ]
//! expression = all { "or" all };  all = item { "&" item };  item = "!" unary | unary [ relation unary ]
//! relation   = "within" number unit ( "after" | "before" | "of" ) | "during"
//! unary      = "!" unary | "(" expression ")" | name [ ">=" number "%" ]
//! ```
//!
//! Numbers may have a unit: `h`, `min`, `s`, `%`.

use nocturne_concepts::{Concept, Direction, Kind, Registry, Unit};
use nocturne_index::Expression as Filter;

use super::cursor::{Cursor, Parsed};
use super::definition::{Defined, defined};
use super::display::with_keywords;
use super::problem::{Reason, Unreadable};
use super::question::{
    Aggregate, Bound, Condition, Expression, Limit, MAX_NODES, Measure, Order, Part, Quantity,
    Question, Range, Relation, Scope,
};
use super::sense::check_sense;

/// Maximum depth of parentheses and negations.
const MAX_DEPTH: usize = 32;

const CONDITION: &str = "a condition such as `rate(arousal) in R > 15`";

/// The words of a function, and what it computes of an expression.
type Function = (&'static [&'static str], fn(Expression) -> Aggregate);

/// Reads the normal form of a question.
///
/// # Errors
///
/// [`Unreadable`], with the position.
pub fn parse_typed(text: &str, registry: &Registry) -> Result<Question, Unreadable> {
    let (conditions, filter) = split_filter(text);
    let filter = filter.map(|(at, filter)| checked_filter(text, at, filter)).transpose()?;
    let mut parser = Typed { cursor: Cursor::new(conditions, registry)?, depth: 0 };
    let (condition, order) = parser.question()?;
    let question = Question { condition, order, filter };
    check_size(text, &question)?;
    check_sense(text, &question, registry)?;
    Ok(question)
}

/// Refuses a question with too many conditions.
pub(super) fn check_size(text: &str, question: &Question) -> Parsed<()> {
    if question.n_nodes() <= MAX_NODES {
        return Ok(());
    }
    let expected = format!("at most {MAX_NODES} conditions and concepts");
    Err(Unreadable::new(text, 0..text.len(), Reason::TooLong, expected))
}

/// Splits the text at the word `where`; the filter comes with its byte offset.
pub(super) fn split_filter(text: &str) -> (&str, Option<(usize, &str)>) {
    let is_edge = |it: Option<char>| it.is_none_or(char::is_whitespace);
    let is_word = |at: &usize| {
        is_edge(text[..*at].chars().next_back()) && is_edge(text[at + 5..].chars().next())
    };
    let found = text.match_indices("where").map(|(at, _)| at).find(is_word);
    match found {
        Some(at) => (&text[..at], Some((at + 5, &text[at + 5..]))),
        None => (text, None),
    }
}

/// Checks a filter and returns it in the spelling of AIP-160.
pub(super) fn checked_filter(text: &str, at: usize, filter: &str) -> Parsed<String> {
    let trimmed = filter.trim();
    let start = at + (filter.len() - filter.trim_start().len());
    let refuse = |expected: String| {
        let range = start..start + trimmed.len();
        Unreadable::new(text, range, Reason::NotUnderstood, expected)
    };
    let upper = with_keywords(trimmed, str::to_uppercase);
    match Filter::parse(&upper) {
        Ok(_) if upper.is_empty() => {
            Err(refuse("a filter such as `sex = male and age > 60`".to_owned()))
        }
        Ok(_) => Ok(upper),
        Err(problem) => Err(refuse(format!("a filter ({problem})"))),
    }
}

pub(super) struct Typed<'a> {
    pub(super) cursor: Cursor<'a>,
    depth: usize,
}

impl<'a> Typed<'a> {
    pub(super) fn at(cursor: Cursor<'a>) -> Self {
        Self { cursor, depth: 0 }
    }

    fn question(&mut self) -> Parsed<(Option<Condition>, Option<Order>)> {
        let start = self.cursor.at;
        // A quantity alone is followed by an order; a condition goes on with a sign.
        if let Ok(quantity) = self.quantity()
            && self.cursor.take_sign(",")
        {
            let direction = self.direction()?;
            self.end()?;
            return Ok((None, Some(Order { by: quantity, direction })));
        }
        self.cursor.at = start;
        self.depth = 0;
        let condition = self.conditions()?;
        let order = if self.cursor.take_sign(",") { Some(self.order(&condition)?) } else { None };
        self.end()?;
        Ok((Some(condition), order))
    }

    fn end(&self) -> Parsed<()> {
        if self.cursor.is_at_end() {
            return Ok(());
        }
        self.cursor.unexpected("`and`, `or`, an order such as `, highest first`, or the end")
    }

    fn order(&mut self, condition: &Condition) -> Parsed<Order> {
        let by = if self.cursor.take_words(&["by"]) {
            let by = self.quantity()?;
            if !self.cursor.take_sign(",") {
                return self.cursor.unexpected("`, highest first` or `, lowest first`");
            }
            by
        } else {
            condition.bounds()[0].quantity.clone()
        };
        Ok(Order { by, direction: self.direction()? })
    }

    fn direction(&mut self) -> Parsed<Direction> {
        let ends = [
            ("highest", Direction::Highest),
            ("longest", Direction::Highest),
            ("lowest", Direction::Lowest),
            ("shortest", Direction::Lowest),
        ];
        for (name, direction) in ends {
            if self.cursor.take_words(&[name, "first"]) {
                return Ok(direction);
            }
        }
        self.cursor
            .unexpected("`highest first`, `lowest first`, `longest first` or `shortest first`")
    }

    fn conditions(&mut self) -> Parsed<Condition> {
        let mut parts = vec![self.conjuncts()?];
        while self.cursor.take_words(&["or"]) {
            parts.push(self.conjuncts()?);
        }
        Ok(Condition::any(parts))
    }

    fn conjuncts(&mut self) -> Parsed<Condition> {
        let mut parts = vec![self.condition()?];
        while self.cursor.take_words(&["and"]) {
            parts.push(self.condition()?);
        }
        Ok(Condition::all(parts))
    }

    fn condition(&mut self) -> Parsed<Condition> {
        if self.cursor.take_sign("(") {
            let inner = self.nested(Self::conditions)?;
            self.close()?;
            return Ok(inner);
        }
        let start = self.cursor.at;
        if let Some(low) = self.cursor.take_number() {
            return self.range(start, low);
        }
        let quantity = self.quantity()?;
        let sign_at = self.cursor.at;
        let sign = self.sign()?;
        let value = self.number(quantity.unit())?;
        let range = match sign {
            ">" => Range::above(value, false),
            ">=" => Range::above(value, true),
            "<" => Range::below(value, false),
            "<=" => Range::below(value, true),
            "=" => Range::equal(value),
            _ => {
                let expected = "`<`, `<=`, `=`, `>=` or `>`";
                let at = sign_at..sign_at + 1;
                return Err(self.cursor.problem(at, Reason::NotUnderstood, expected));
            }
        };
        self.check_below_zero(sign_at, &range)?;
        Ok(Condition::Bound(Bound { quantity, range }))
    }

    /// Refuses `< 0`, which holds for no night.
    fn check_below_zero(&self, at: usize, range: &Range) -> Parsed<()> {
        let is_empty = range.upper.is_some_and(|it| it.value == 0.0 && !it.inclusive);
        if !is_empty {
            return Ok(());
        }
        Err(self.cursor.problem(at..at + 2, Reason::NotUnderstood, "`= 0`: nothing is below 0"))
    }

    /// Reads the rest of `5 <= quantity <= 15`, whose first number was read.
    fn range(&mut self, start: usize, low: f64) -> Parsed<Condition> {
        let low_unit = self.unit();
        let first = self.sign()?;
        let quantity = self.quantity()?;
        let second = self.sign()?;
        let is_range = ["<", "<="].contains(&first) && ["<", "<="].contains(&second);
        let high = self.number(quantity.unit())?;
        let factor = low_unit.map_or(Some(1.0), |unit| unit.factor_to(quantity.unit()));
        let low = factor.map(|factor| low * factor);
        let Some(low) = low.filter(|low| is_range && *low < high) else {
            let expected = "a range such as `5 <= rate(arousal) <= 15`";
            let at = start..self.cursor.at;
            return Err(self.cursor.problem(at, Reason::NotUnderstood, expected));
        };
        let limit = |value, sign| Some(Limit { value, inclusive: sign == "<=" });
        let range = Range { lower: limit(low, first), upper: limit(high, second) };
        Ok(Condition::Bound(Bound { quantity, range }))
    }

    fn sign(&mut self) -> Parsed<&'static str> {
        for sign in ["<=", ">=", "<", ">", "="] {
            if self.cursor.take_sign(sign) {
                return Ok(sign);
            }
        }
        self.cursor.unexpected("`<`, `<=`, `=`, `>=` or `>`")
    }

    /// Reads a number and converts it to a unit.
    fn number(&mut self, unit: Unit) -> Parsed<f64> {
        let start = self.cursor.at;
        let Some(number) = self.cursor.take_number() else {
            return self.cursor.unexpected("a number that is not negative");
        };
        let factor = match self.unit() {
            Some(written) => written.factor_to(unit),
            None => Some(1.0),
        };
        let Some(factor) = factor else {
            let expected = format!("a number in {}", unit_name(unit));
            let at = start..self.cursor.at;
            return Err(self.cursor.problem(at, Reason::NotUnderstood, &expected));
        };
        Ok(number * factor)
    }

    /// Takes a unit if it is next.
    fn unit(&mut self) -> Option<WrittenUnit> {
        let found = WrittenUnit::ALL
            .into_iter()
            .find_map(|(name, unit)| self.cursor.is_words(&[name]).then_some(unit))?;
        self.cursor.at += 1;
        Some(found)
    }

    pub(super) fn quantity(&mut self) -> Parsed<Quantity> {
        let measure = self.measure()?;
        if !self.cursor.take_sign("/") {
            return Ok(Quantity { measure, over: None });
        }
        let over = if self.cursor.take_words(&["outside", "of", "it"]) {
            let Some(states) =
                measure.scope.states.clone().filter(|_| measure.scope.part.is_none())
            else {
                self.cursor.at -= 3;
                return self.cursor.unexpected("a scope, because the numerator has none");
            };
            let scope = Scope { states: Some(states.negated()), part: None };
            Measure { aggregate: measure.aggregate.clone(), scope }
        } else {
            let scope = self.scope()?;
            if scope == Scope::default() {
                self.measure()?
            } else {
                Measure { aggregate: measure.aggregate.clone(), scope }
            }
        };
        Ok(Quantity { measure, over: Some(over) })
    }

    fn measure(&mut self) -> Parsed<Measure> {
        let functions: [Function; 5] = [
            (&["rate"], Aggregate::Rate),
            (&["count"], Aggregate::Count),
            (&["share"], Aggregate::Share),
            (&["time"], Aggregate::Time),
            (&["longest", "run"], Aggregate::LongestRun),
        ];
        for (words, function) in functions {
            let start = self.cursor.at;
            if self.cursor.take_words(words) {
                if self.cursor.take_sign("(") {
                    let of = self.nested(Self::expression)?;
                    self.close()?;
                    return Ok(Measure { aggregate: function(of), scope: self.scope()? });
                }
                self.cursor.at = start;
            }
        }
        let start = self.cursor.at;
        let concept = self.cursor.take_concept().filter(|it| it.kind == Kind::Measure);
        let Some(concept) = concept else {
            self.cursor.at = start;
            return self.cursor.unexpected(CONDITION);
        };
        let mut measure = match defined(concept) {
            Defined::Measure(measure) => measure,
            Defined::Expression(of) => {
                return Ok(Measure { aggregate: Aggregate::Rate(of), scope: self.scope()? });
            }
        };
        let scope = self.scope()?;
        if scope != Scope::default() {
            measure.scope = scope;
        }
        Ok(measure)
    }

    fn scope(&mut self) -> Parsed<Scope> {
        let mut scope = Scope { states: None, part: self.part()? };
        let is_in = scope.part.is_none()
            && (self.cursor.take_words(&["in"]) || self.cursor.take_words(&["of"]));
        if is_in {
            scope.states = Some(self.nested(Self::unary)?);
            scope.part = self.part()?;
        }
        Ok(scope)
    }

    /// Takes a part of the night if it is next.
    fn part(&mut self) -> Parsed<Option<Part>> {
        let start = self.cursor.at;
        if self.cursor.is_words(&["from"]) || self.cursor.is_words(&["to"]) {
            return self.clock_part().map(Some);
        }
        if !self.cursor.take_words(&["in"]) {
            return Ok(None);
        }
        self.cursor.take_words(&["the"]);
        let ordinals = ["first", "second", "third", "fourth"];
        let parts = [("half", 2), ("third", 3), ("quarter", 4)];
        for (number, ordinal) in (1..).zip(ordinals) {
            for (name, of) in parts.into_iter().filter(|(_, of)| number <= *of) {
                if self.cursor.take_words(&[ordinal, name]) {
                    return Ok(Some(Part::Fraction { number, of }));
                }
            }
        }
        for (word, is_first) in [("first", true), ("last", false)] {
            if self.cursor.take_words(&[word]) {
                let at = self.cursor.at;
                let minutes = self.number(Unit::Minutes)?;
                if minutes == 0.0 {
                    self.cursor.at = at;
                    return self.cursor.unexpected("a time above 0");
                }
                let part = if is_first { Part::First { minutes } } else { Part::Last { minutes } };
                return Ok(Some(part));
            }
        }
        self.cursor.at = start;
        Ok(None)
    }

    fn clock_part(&mut self) -> Parsed<Part> {
        let mut limit = |word| {
            if !self.cursor.take_words(&[word]) {
                return Ok(None);
            }
            match self.cursor.take_clock() {
                Some(clock) => Ok(Some(clock)),
                None => self.cursor.unexpected("a time of day such as 23:30"),
            }
        };
        Ok(Part::Clock { from: limit("from")?, to: limit("to")? })
    }

    /// Reads an expression; also used for searches, which are expressions alone.
    pub(super) fn expression(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.all()?];
        while self.cursor.take_words(&["or"]) || self.cursor.take_sign("|") {
            parts.push(self.all()?);
        }
        Ok(Expression::any(parts))
    }

    fn all(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.item()?];
        while self.cursor.take_sign("&") || self.cursor.take_words(&["and"]) {
            parts.push(self.item()?);
        }
        Ok(Expression::all(parts))
    }

    fn item(&mut self) -> Parsed<Expression> {
        let event = self.unary()?;
        if self.cursor.take_words(&["during"]) {
            let other = Box::new(self.unary()?);
            return Ok(Expression::During { event: Box::new(event), other });
        }
        if !self.cursor.take_words(&["within"]) {
            return Ok(event);
        }
        let start = self.cursor.at;
        let Some(number) = self.cursor.take_number() else {
            return self.cursor.unexpected("a time such as `30 s`");
        };
        let window_s = match self.unit() {
            Some(WrittenUnit::Seconds) => number,
            Some(WrittenUnit::Minutes) => 60.0 * number,
            Some(WrittenUnit::Hours | WrittenUnit::Percent | WrittenUnit::BeatsPerMinute)
            | None => 0.0,
        };
        if window_s <= 0.0 {
            let at = start..self.cursor.at;
            let expected = "a time above 0 such as `30 s` or `2 min`";
            return Err(self.cursor.problem(at, Reason::NotUnderstood, expected));
        }
        let relations = [Relation::After, Relation::Before, Relation::Of];
        let Some(relation) = relations.into_iter().find(|it| self.cursor.take_words(&[it.name()]))
        else {
            return self.cursor.unexpected("`after`, `before` or `of`");
        };
        let anchor = Box::new(self.unary()?);
        Ok(Expression::Within { event: Box::new(event), relation, window_s, anchor })
    }

    fn unary(&mut self) -> Parsed<Expression> {
        if self.cursor.take_sign("!") {
            if self.cursor.is_sign("!") {
                return self.cursor.unexpected("a concept: a double negation cancels itself");
            }
            return Ok(self.nested(Self::unary)?.negated());
        }
        if self.cursor.take_sign("(") {
            let inner = self.nested(Self::expression)?;
            self.close()?;
            return Ok(inner);
        }
        let start = self.cursor.at;
        let Some(concept) = self.cursor.take_concept() else {
            return self.cursor.unexpected("the name of a concept");
        };
        let Defined::Expression(expression) = defined(concept) else {
            self.cursor.at = start;
            return self.cursor.unexpected("a stage, an event or a state");
        };
        self.with_least_fall(concept, expression)
    }

    fn with_least_fall(&mut self, concept: &Concept, expression: Expression) -> Parsed<Expression> {
        // `>=` after a concept belongs to it only in parentheses, that is, before a percentage.
        if concept.id != "desaturation" || !self.cursor.take_sign(">=") {
            return Ok(expression);
        }
        let least = self.number(Unit::Percent)?;
        Ok(Expression::Concept { id: concept.id.clone(), least_fall_percent: Some(least) })
    }

    fn close(&mut self) -> Parsed<()> {
        if self.cursor.take_sign(")") { Ok(()) } else { self.cursor.unexpected("`)`") }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            let expected = format!("at most {MAX_DEPTH} nested parentheses");
            let at = self.cursor.at..self.cursor.at + 1;
            return Err(self.cursor.problem(at, Reason::TooLong, &expected));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }
}

/// A unit as written after a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WrittenUnit {
    Hours,
    Minutes,
    Seconds,
    Percent,
    BeatsPerMinute,
}

impl WrittenUnit {
    const ALL: [(&str, Self); 9] = [
        ("h", Self::Hours),
        ("hour", Self::Hours),
        ("min", Self::Minutes),
        ("minute", Self::Minutes),
        ("s", Self::Seconds),
        ("sec", Self::Seconds),
        ("second", Self::Seconds),
        ("percent", Self::Percent),
        ("bpm", Self::BeatsPerMinute),
    ];

    /// Returns the factor from this unit to that of a measure, if they measure the same.
    fn factor_to(self, unit: Unit) -> Option<f64> {
        match (self, unit) {
            (Self::Hours, Unit::Minutes) => Some(60.0),
            (Self::Minutes, Unit::Minutes)
            | (Self::Percent, Unit::Percent)
            | (Self::BeatsPerMinute, Unit::BeatsPerMinute) => Some(1.0),
            (Self::Seconds, Unit::Minutes) => Some(1.0 / 60.0),
            (
                Self::Hours | Self::Minutes | Self::Seconds | Self::Percent | Self::BeatsPerMinute,
                _,
            ) => None,
        }
    }
}

/// Returns the name of a unit for messages.
pub(super) fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::PerHour => "events per hour",
        Unit::Percent => "per cent, at most 100",
        Unit::Minutes => "minutes or hours",
        Unit::Number => "no unit",
        Unit::BeatsPerMinute => "beats per minute",
    }
}
