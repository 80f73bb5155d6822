//! The typed question: what is measured, where, within which bounds, and in which order nights are listed.

use nocturne_concepts::{Direction, Unit};
use serde::{Deserialize, Serialize};

/// A question about nights. At least one of `condition` and `order` is present.
///
/// Its [`Display`](std::fmt::Display) is the normal form, which [`parse_typed`](super::parse_typed) reads back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Which nights are listed; `None` for all that can be measured.
    pub condition: Option<Condition>,
    /// In which order; `None` for that of [`Question::ordering`].
    pub order: Option<Order>,
    /// Which recordings are asked about, as a filter expression (AIP-160), such as `sex = male AND age > 60`.
    pub filter: Option<String>,
}

/// A condition on a night.
#[expect(clippy::large_enum_variant, reason = "a question has few conditions")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// A quantity is within bounds.
    Bound(Bound),
    /// All hold; at least two.
    All(Vec<Self>),
    /// At least one holds; at least two.
    Any(Vec<Self>),
}

/// A quantity and its bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// What is bounded.
    pub quantity: Quantity,
    /// The bounds, in the [`unit`](Quantity::unit) of the quantity.
    pub range: Range,
}

/// A range of numbers with at least one limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Lower limit.
    pub lower: Option<Limit>,
    /// Upper limit; at or above the lower one.
    pub upper: Option<Limit>,
}

/// A limit of a range; finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// The number.
    pub value: f64,
    /// Whether the number itself is within the range.
    pub inclusive: bool,
}

/// The order in which nights are listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// What they are ordered by.
    pub by: Quantity,
    /// Which end comes first.
    pub direction: Direction,
}

/// A measure, or the ratio of two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// The measure, or the numerator.
    pub measure: Measure,
    /// The denominator of a ratio.
    pub over: Option<Measure>,
}

/// A number for a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// What is computed.
    pub aggregate: Aggregate,
    /// In which part of the night.
    pub scope: Scope,
}

/// How a number is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Events per hour of the scope.
    Rate(Expression),
    /// Number of events in the scope.
    Count(Expression),
    /// Share of the scope in per cent.
    Share(Expression),
    /// Time in minutes.
    Time(Expression),
    /// Longest uninterrupted run in minutes.
    LongestRun(Expression),
    /// A statistic of the registry, by its id.
    Statistic {
        /// Id of the concept.
        id: String,
        /// Its unit.
        unit: Unit,
    },
}

/// A part of the night.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// States and stages; `None` means all sleep for a rate or a count, and the whole night for the others.
    pub states: Option<Expression>,
    /// A part of the sleep period.
    pub part: Option<Part>,
}

/// A part of the sleep period, from the first to the last epoch of sleep, or of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// One of equal parts: half, third or quarter.
    Fraction {
        /// Its number, from 1.
        number: u8,
        /// Number of parts: 2, 3 or 4.
        of: u8,
    },
    /// The first minutes.
    First {
        /// Their number, above 0.
        minutes: f64,
    },
    /// The last minutes.
    Last {
        /// Their number, above 0.
        minutes: f64,
    },
    /// A range of the clock; it may contain midnight.
    Clock {
        /// Start in minutes after midnight (included); `None` for the start of the night.
        from: Option<u16>,
        /// End in minutes after midnight (excluded); `None` for the end of the night.
        to: Option<u16>,
    },
}

/// An expression over concepts, true or false at each moment of a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    /// A concept of the registry.
    Concept {
        /// Its id.
        id: String,
        /// For desaturations: the least fall in per cent.
        least_fall_percent: Option<f64>,
    },
    /// All hold; at least two.
    All(Vec<Self>),
    /// At least one holds; at least two.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// Events near other events.
    Within {
        /// The events that count.
        event: Box<Self>,
        /// Where they begin.
        relation: Relation,
        /// Length of the window in seconds, above 0.
        window_s: f64,
        /// The other events.
        anchor: Box<Self>,
    },
    /// Events that begin while another event lasts.
    During {
        /// The events that count.
        event: Box<Self>,
        /// The other events.
        other: Box<Self>,
    },
}

/// Where an event begins relative to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// After its end, within the window.
    After,
    /// Before its onset, within the window.
    Before,
    /// In either window, or during it.
    Of,
}

/// Maximum number of conditions and nodes of expressions in a question.
pub const MAX_NODES: usize = 256;

impl Expression {
    /// Returns the concept with an id.
    pub fn concept(id: impl Into<String>) -> Self {
        Self::Concept { id: id.into(), least_fall_percent: None }
    }

    /// Returns the expression that holds if any of the parts does.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for part in parts {
            if let Self::Any(inner) = part {
                flat.extend(inner);
            } else {
                flat.push(part);
            }
        }
        single_or(flat, Self::Any)
    }

    /// Returns the expression that holds if all of the parts do.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for part in parts {
            if let Self::All(inner) = part {
                flat.extend(inner);
            } else {
                flat.push(part);
            }
        }
        single_or(flat, Self::All)
    }

    /// Returns the expression that holds where this does not.
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Returns the ids of its concepts, each once, in order.
    pub fn concepts(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = Vec::new();
        for (id, _) in self.leaves() {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// Returns its concepts in order, with the least fall in per cent of desaturations.
    pub fn leaves(&self) -> Vec<(&str, Option<f64>)> {
        match self {
            Self::Concept { id, least_fall_percent } => vec![(id, *least_fall_percent)],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::leaves).collect(),
            Self::Not(inner) => inner.leaves(),
            Self::Within { event, anchor: other, .. } | Self::During { event, other } => {
                [event.leaves(), other.leaves()].concat()
            }
        }
    }

    /// Returns the number of its nodes.
    pub fn n_nodes(&self) -> usize {
        1 + match self {
            Self::Concept { .. } => 0,
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::n_nodes).sum(),
            Self::Not(inner) => inner.n_nodes(),
            Self::Within { event, anchor: other, .. } | Self::During { event, other } => {
                event.n_nodes() + other.n_nodes()
            }
        }
    }
}

/// Returns the only part, or all of them joined.
pub(super) fn single_or<T>(mut parts: Vec<T>, join: impl FnOnce(Vec<T>) -> T) -> T {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

impl Aggregate {
    /// Returns what is counted; `None` for a statistic.
    pub fn expression(&self) -> Option<&Expression> {
        match self {
            Self::Rate(of)
            | Self::Count(of)
            | Self::Share(of)
            | Self::Time(of)
            | Self::LongestRun(of) => Some(of),
            Self::Statistic { .. } => None,
        }
    }

    /// Returns the unit of its values.
    pub fn unit(&self) -> Unit {
        match self {
            Self::Rate(_) => Unit::PerHour,
            Self::Count(_) => Unit::Number,
            Self::Share(_) => Unit::Percent,
            Self::Time(_) | Self::LongestRun(_) => Unit::Minutes,
            Self::Statistic { unit, .. } => *unit,
        }
    }

    /// Returns whether its values are times, so that they are long or short, not high or low.
    pub fn is_time(&self) -> bool {
        self.unit() == Unit::Minutes
    }
}

impl Quantity {
    /// Returns a measure in its default scope.
    pub fn of(aggregate: Aggregate) -> Self {
        Self { measure: Measure { aggregate, scope: Scope::default() }, over: None }
    }

    /// Returns the unit of its values; a ratio is a plain number.
    pub fn unit(&self) -> Unit {
        match self.over {
            Some(_) => Unit::Number,
            None => self.measure.aggregate.unit(),
        }
    }

    fn n_nodes(&self) -> usize {
        let measures = std::iter::once(&self.measure).chain(&self.over);
        let expressions =
            measures.flat_map(|it| [it.aggregate.expression(), it.scope.states.as_ref()]);
        1 + expressions.flatten().map(Expression::n_nodes).sum::<usize>()
    }
}

impl Range {
    /// Returns the range of a single number.
    pub fn equal(value: f64) -> Self {
        let limit = Some(Limit { value, inclusive: true });
        Self { lower: limit, upper: limit }
    }

    /// Returns the range from a lower limit.
    pub fn above(value: f64, inclusive: bool) -> Self {
        Self { lower: Some(Limit { value, inclusive }), upper: None }
    }

    /// Returns the range up to an upper limit.
    pub fn below(value: f64, inclusive: bool) -> Self {
        Self { lower: None, upper: Some(Limit { value, inclusive }) }
    }

    /// Returns whether a number is in the range; NaN is not.
    pub fn contains(&self, value: f64) -> bool {
        let above = |it: Limit| value > it.value || (it.inclusive && value == it.value);
        let below = |it: Limit| value < it.value || (it.inclusive && value == it.value);
        !value.is_nan() && self.lower.is_none_or(above) && self.upper.is_none_or(below)
    }
}

impl Condition {
    /// Returns its bounds, in the order in which they are printed.
    pub fn bounds(&self) -> Vec<&Bound> {
        match self {
            Self::Bound(bound) => vec![bound],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::bounds).collect(),
        }
    }

    /// Returns the condition that holds if all of the parts do.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            if let Self::All(inner) = part {
                flat.extend(inner);
            } else {
                flat.push(part);
            }
        }
        single_or(flat, Self::All)
    }

    /// Returns the condition that holds if any of the parts does.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            if let Self::Any(inner) = part {
                flat.extend(inner);
            } else {
                flat.push(part);
            }
        }
        single_or(flat, Self::Any)
    }

    fn n_nodes(&self) -> usize {
        1 + match self {
            Self::Bound(bound) => bound.quantity.n_nodes(),
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::n_nodes).sum(),
        }
    }
}

impl Question {
    /// Returns the number of its conditions and nodes, at most [`MAX_NODES`] in a question that was parsed.
    pub fn n_nodes(&self) -> usize {
        let condition = self.condition.as_ref().map_or(0, Condition::n_nodes);
        condition + self.order.as_ref().map_or(0, |order| order.by.n_nodes())
    }

    /// Returns the order in which its nights are listed: the stated one, or that of the first bound, whose open end comes
    /// first.
    ///
    /// `None` only for a question without condition and order.
    pub fn ordering(&self) -> Option<Order> {
        if let Some(order) = &self.order {
            return Some(order.clone());
        }
        let bound = self.condition.as_ref()?.bounds().into_iter().next()?.clone();
        let direction = match bound.range {
            Range { lower: Some(low), upper } if upper != Some(low) => Direction::Highest,
            Range { .. } => Direction::Lowest,
        };
        Some(Order { by: bound.quantity, direction })
    }

    /// Returns every quantity that has to be measured, each once: those of the condition, then that of the order.
    pub fn quantities(&self) -> Vec<&Quantity> {
        let bounds = self.condition.iter().flat_map(Condition::bounds).map(|bound| &bound.quantity);
        let mut found: Vec<&Quantity> = Vec::new();
        for quantity in bounds.chain(self.order.as_ref().map(|order| &order.by)) {
            if !found.contains(&quantity) {
                found.push(quantity);
            }
        }
        found
    }
}
