//! The normal form of a question.

use std::fmt::{self, Display, Formatter, Write as _};

use nocturne_concepts::{Direction, Unit};

use super::question::{
    Aggregate, Bound, Condition, Expression, Limit, Measure, Order, Part, Quantity, Question,
    Range, Relation, Scope,
};

impl Display for Question {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (&self.condition, &self.order) {
            (Some(condition), None) => condition.fmt(f)?,
            (None, Some(order)) => {
                write!(f, "{}, {} first", order.by, end_name(order))?;
            }
            (Some(condition), Some(order)) => {
                condition.fmt(f)?;
                let is_first = condition.bounds().first().is_some_and(|it| it.quantity == order.by);
                if !is_first {
                    write!(f, ", by {}", order.by)?;
                }
                write!(f, ", {} first", end_name(order))?;
            }
            (None, None) => {}
        }
        match &self.filter {
            Some(filter) => write!(f, " where {}", with_keywords(filter, str::to_lowercase)),
            None => Ok(()),
        }
    }
}

/// Returns the name of the end that comes first: times are long or short, other numbers high or low.
pub(super) fn end_name(order: &Order) -> &'static str {
    let is_time = order.by.over.is_none() && order.by.measure.aggregate.is_time();
    match (order.direction, is_time) {
        (Direction::Highest, true) => "longest",
        (Direction::Lowest, true) => "shortest",
        (Direction::Highest, false) => "highest",
        (Direction::Lowest, false) => "lowest",
    }
}

/// Changes the case of the keywords of a filter, outside of its quoted texts.
pub(super) fn with_keywords(filter: &str, change: impl Fn(&str) -> String) -> String {
    let mut changed = String::with_capacity(filter.len());
    let mut quote = None;
    let mut word = String::new();
    let mut is_escaped = false;
    for character in filter.chars().chain([' ']) {
        let is_inside = quote.is_some();
        if character.is_alphanumeric() || character == '_' {
            word.push(character);
        } else {
            let is_keyword = ["and", "or", "not"].contains(&word.to_lowercase().as_str());
            changed.push_str(&if is_keyword && !is_inside { change(&word) } else { word.clone() });
            word.clear();
            changed.push(character);
            match quote {
                Some(_) if is_escaped => {}
                Some(open) if open == character => quote = None,
                None if ['"', '\''].contains(&character) => quote = Some(character),
                Some(_) | None => {}
            }
        }
        is_escaped = is_inside && character == '\\' && !is_escaped;
    }
    changed.pop();
    changed
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bound(bound) => bound.fmt(f),
            Self::All(parts) => {
                joined(f, parts, " and ", |it| matches!(it, Self::Any(_) | Self::All(_)))
            }
            Self::Any(parts) => joined(f, parts, " or ", |it| matches!(it, Self::Any(_))),
        }
    }
}

fn joined<T: Display>(
    f: &mut Formatter<'_>,
    parts: &[T],
    word: &str,
    needs_parentheses: impl Fn(&T) -> bool,
) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(word)?;
        }
        if needs_parentheses(part) {
            write!(f, "({part})")?;
        } else {
            part.fmt(f)?;
        }
    }
    Ok(())
}

impl Display for Bound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let quantity = &self.quantity;
        let number = |limit: Limit| with_unit(limit.value, quantity.unit());
        let sign = |limit: Limit, strict, loose| if limit.inclusive { loose } else { strict };
        let Range { lower, upper } = self.range;
        match (lower, upper) {
            (Some(low), Some(high)) if low == high && low.inclusive => {
                write!(f, "{quantity} = {}", number(low))
            }
            (Some(low), Some(high)) => {
                let (first, second) = (sign(low, "<", "<="), sign(high, "<", "<="));
                write!(f, "{} {first} {quantity} {second} {}", number(low), number(high))
            }
            (Some(low), None) => write!(f, "{quantity} {} {}", sign(low, ">", ">="), number(low)),
            (None, Some(high)) => {
                write!(f, "{quantity} {} {}", sign(high, "<", "<="), number(high))
            }
            (None, None) => quantity.fmt(f),
        }
    }
}

/// Writes a number with its unit; zero is zero in every unit.
pub(super) fn with_unit(value: f64, unit: Unit) -> String {
    match unit.sign() {
        "" => value.to_string(),
        _ if value == 0.0 => "0".to_owned(),
        sign => format!("{value} {sign}"),
    }
}

impl Display for Quantity {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.measure.fmt(f)?;
        let Some(over) = &self.over else { return Ok(()) };
        f.write_str(" / ")?;
        if over.aggregate != self.measure.aggregate || over.scope == Scope::default() {
            return over.fmt(f);
        }
        match (&self.measure.scope, &over.scope) {
            (
                Scope { states: Some(inside), part: None },
                Scope { states: Some(Expression::Not(outside)), part: None },
            ) if **outside == *inside => f.write_str("outside of it"),
            (_, scope) => scope_after(f, scope, "in"),
        }
    }
}

impl Display for Measure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (name, of) = match &self.aggregate {
            Aggregate::Rate(of) => ("rate", of),
            Aggregate::Count(of) => ("count", of),
            Aggregate::Share(of) => ("share", of),
            Aggregate::Time(of) => ("time", of),
            Aggregate::LongestRun(of) => ("longest_run", of),
            Aggregate::Statistic { id, .. } => {
                f.write_str(id)?;
                return self.scope_with_blank(f, "in");
            }
        };
        write!(f, "{name}({of})")?;
        // A share is `of` something.
        let is_share = matches!(self.aggregate, Aggregate::Share(_));
        self.scope_with_blank(f, if is_share { "of" } else { "in" })
    }
}

impl Measure {
    fn scope_with_blank(&self, f: &mut Formatter<'_>, preposition: &str) -> fmt::Result {
        if self.scope == Scope::default() {
            return Ok(());
        }
        f.write_char(' ')?;
        scope_after(f, &self.scope, preposition)
    }
}

fn scope_after(f: &mut Formatter<'_>, scope: &Scope, preposition: &str) -> fmt::Result {
    if let Some(states) = &scope.states {
        write!(f, "{preposition} {}", operand(states))?;
    }
    if let Some(part) = scope.part {
        let blank = if scope.states.is_some() { " " } else { "" };
        write!(f, "{blank}{part}")?;
    }
    Ok(())
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        match *self {
            Self::Fraction { number, of } => {
                let ordinals = ["first", "second", "third", "fourth"];
                let ordinal = ordinals.get(usize::from(number).wrapping_sub(1)).unwrap_or(&"?");
                let name = match of {
                    2 => "half",
                    3 => "third",
                    _ => "quarter",
                };
                write!(f, "in the {ordinal} {name}")
            }
            Self::First { minutes } => write!(f, "in the first {minutes} min"),
            Self::Last { minutes } => write!(f, "in the last {minutes} min"),
            Self::Clock { from, to } => {
                if let Some(from) = from {
                    write!(f, "from {}", clock(from))?;
                }
                let blank = if from.is_some() { " " } else { "" };
                match to {
                    Some(to) => write!(f, "{blank}to {}", clock(to)),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Concept { id, least_fall_percent: None } => f.write_str(id),
            Self::Concept { id, least_fall_percent: Some(least) } => {
                write!(f, "{id} >= {least} %")
            }
            Self::All(parts) => {
                joined(f, parts, " & ", |it| matches!(it, Self::Any(_) | Self::All(_)))
            }
            Self::Any(parts) => joined(f, parts, " or ", |it| matches!(it, Self::Any(_))),
            Self::Not(inner) => write!(f, "!{}", operand(inner)),
            Self::Within { event, relation, window_s, anchor } => {
                let relation = relation.name();
                let (event, anchor) = (operand(event), operand(anchor));
                write!(f, "{event} within {window_s} s {relation} {anchor}")
            }
            Self::During { event, other } => {
                write!(f, "{} during {}", operand(event), operand(other))
            }
        }
    }
}

impl Relation {
    /// Returns the preposition.
    pub const fn name(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::Before => "before",
            Self::Of => "of",
        }
    }
}

/// Writes an expression so that its neighbours do not capture a part of it.
fn operand(expression: &Expression) -> String {
    match expression {
        Expression::Concept { least_fall_percent: None, .. } | Expression::Not(_) => {
            expression.to_string()
        }
        Expression::Concept { .. }
        | Expression::All(_)
        | Expression::Any(_)
        | Expression::Within { .. }
        | Expression::During { .. } => format!("({expression})"),
    }
}
