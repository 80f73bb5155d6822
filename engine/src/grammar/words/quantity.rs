//! Which quantity a clause measures, and its bounds in the quantity's unit.

use nocturne_concepts::{Concept, Kind, Registry, Unit as Measured};

use super::super::cursor::Parsed;
use super::super::problem::Reason;
use super::super::question::{Aggregate, Expression, Limit, Measure, Quantity, Range};
use super::super::typed::unit_name;
use super::clause::{Amount, Asked, Clause, Number, Whole};
use super::lexicon::Unit;
use super::reader::Reader;

/// Minutes are not assumed for numbers up to this one, which may be hours.
const MOST_HOURS: f64 = 24.0;

/// What a clause is about.
#[derive(Debug, Clone)]
pub(super) enum Resolved<'a> {
    Measure(&'a Concept, Measure),
    /// Total sleep time, from words such as `7 hours of sleep`.
    TotalSleep(Measure),
    Events {
        of: Expression,
        single: Option<&'a Concept>,
    },
    States {
        of: Expression,
        /// Whether all of them are stages.
        is_stage: bool,
        /// Stage of which their share is taken.
        within: Option<Expression>,
    },
}

impl Resolved<'_> {
    pub(super) fn states(of: Expression, registry: &Registry) -> Self {
        let concepts = of.concepts();
        let concept = |id: &&str| registry.get(id);
        let is_stage = concepts.iter().filter_map(concept).all(|it| it.kind == Kind::Stage);
        let within = concepts.iter().filter_map(concept).find_map(|it| it.within);
        let within = within.map(|stage| Expression::concept(stage.code()));
        Self::States { of, is_stage, within }
    }
}

/// Returns the quantity that a clause measures.
pub(super) fn default_quantity(
    reader: &Reader<'_>,
    clause: &Clause<'_>,
    resolved: &Resolved<'_>,
) -> Parsed<Quantity> {
    match resolved {
        Resolved::Measure(_, measure) | Resolved::TotalSleep(measure) => {
            of_measure(reader, clause, measure)
        }
        Resolved::Events { of, .. } => of_events(reader, clause, of),
        Resolved::States { of, is_stage, within } => {
            of_states(reader, clause, of, *is_stage, within.as_ref())
        }
    }
}

fn of_measure(reader: &Reader<'_>, clause: &Clause<'_>, measure: &Measure) -> Parsed<Quantity> {
    let refuse = |expected: &str| {
        reader.refuse_tokens(clause.tokens.clone(), Reason::NotUnderstood, expected)
    };
    if clause.aggregate.is_some() {
        return refuse("the measure alone: it is already a number for a night");
    }
    let mut scope = measure.scope.clone();
    if clause.scope.states.is_some() {
        if scope.states.is_some() {
            return refuse("a share of sleep, or `time in` for another scope");
        }
        scope.states.clone_from(&clause.scope.states);
    }
    scope.part = clause.scope.part;
    Ok(Quantity { measure: Measure { aggregate: measure.aggregate.clone(), scope }, over: None })
}

fn of_events(reader: &Reader<'_>, clause: &Clause<'_>, of: &Expression) -> Parsed<Quantity> {
    let refuse = |expected: &str| {
        reader.refuse_tokens(clause.tokens.clone(), Reason::NotUnderstood, expected)
    };
    let of = of.clone();
    let number_unit = clause.bound.and_then(|bound| bound.unit);
    if clause.bound.is_some_and(|bound| bound.is_length) {
        return refuse("`at least`, or a rate: the length of single events is not measured");
    }
    let counts = matches!(clause.amount, Some(Amount::Any | Amount::No | Amount::Single));
    let aggregate = match (clause.aggregate, clause.per, number_unit) {
        (None | Some(Asked::Time), None, Some(Unit::Hour | Unit::Minute))
        | (Some(Asked::Time), None, None) => Aggregate::Time(of),
        (_, _, Some(_)) => return refuse("a number per hour or per night"),
        (Some(Asked::Rate), None, None)
        | (None | Some(Asked::Rate | Asked::Count), Some(Unit::PerHour | Unit::PerMinute), None) => {
            Aggregate::Rate(of)
        }
        (None | Some(Asked::Count), Some(Unit::PerNight), None)
        | (Some(Asked::Count), None, None) => Aggregate::Count(of),
        (None, None, None) if counts || clause.bound.is_some() => Aggregate::Count(of),
        (None, None, None) => Aggregate::Rate(of),
        (Some(_), _, _) | (None, Some(_), None) => {
            return refuse(
                "a rate per hour, a count or a time: events have no share and no longest run",
            );
        }
    };
    // `no apneas per hour` is still none at all.
    let aggregate = match (aggregate, counts) {
        (Aggregate::Rate(of), true) => Aggregate::Count(of),
        (other, _) => other,
    };
    Ok(Quantity { measure: Measure { aggregate, scope: clause.scope.clone() }, over: None })
}

fn of_states(
    reader: &Reader<'_>,
    clause: &Clause<'_>,
    of: &Expression,
    is_stage: bool,
    within: Option<&Expression>,
) -> Parsed<Quantity> {
    let refuse = |expected: &str| {
        reader.refuse_tokens(clause.tokens.clone(), Reason::NotUnderstood, expected)
    };
    if clause.per.is_some_and(|per| per != Unit::PerNight) {
        return refuse("a share in per cent or a time: stages and states are not counted");
    }
    let number = clause.bound;
    let is_time_unit = number.is_some_and(|it| matches!(it.unit, Some(Unit::Hour | Unit::Minute)));
    let is_long = matches!(clause.amount, Some(Amount::Long(_))) || clause.comparison.is_some();
    let asked = match clause.aggregate {
        Some(Asked::Runs) if matches!(clause.amount, Some(Amount::Long(_))) => Asked::LongestRun,
        Some(Asked::Runs) if number.is_some_and(|it| it.is_length) => Asked::LongestRun,
        Some(asked) => asked,
        None if number.is_some_and(|it| it.is_length) => {
            return refuse("`at least` for the time in all, or `longest run` for one run");
        }
        None if is_time_unit || is_long => Asked::Time,
        None if number.is_some_and(|it| it.unit != Some(Unit::Percent)) => {
            return refuse("a share in per cent, or a time in minutes or hours");
        }
        None => Asked::Share,
    };
    let expression = of.clone();
    let mut scope = clause.scope.clone();
    let sleep = || Expression::concept("sleep");
    let aggregate = match asked {
        Asked::Share => {
            // None at all is none of any whole.
            let is_none = clause.amount == Some(Amount::No) && is_stage && within.is_none();
            let is_awake = of.concepts().contains(&"W");
            let asks_for_night =
                clause.whole == Some(Whole::Night) || clause.per == Some(Unit::PerNight);
            let is_night = is_none || is_awake || asks_for_night;
            scope.states = match (scope.states, within) {
                (Some(states), _) => Some(states),
                (None, Some(within)) => Some(within.clone()),
                (None, None) if is_night => None,
                (None, None) => Some(sleep()),
            };
            Aggregate::Share(expression)
        }
        Asked::Time => {
            if scope.states.is_none() && !is_stage {
                scope.states = Some(sleep());
            }
            Aggregate::Time(expression)
        }
        Asked::LongestRun => Aggregate::LongestRun(expression),
        Asked::Rate | Asked::Count | Asked::Runs => {
            return refuse("a share, a time or the longest run: stages and states are not counted");
        }
    };
    Ok(Quantity { measure: Measure { aggregate, scope }, over: None })
}

/// Returns the bounds of a clause in the unit of its quantity.
pub(super) fn range_in(
    reader: &Reader<'_>,
    clause: &Clause<'_>,
    unit: Measured,
    number: Number,
) -> Parsed<Range> {
    let limits = [number.range.lower, number.range.upper];
    let largest = limits.into_iter().flatten().map(|limit| limit.value).fold(0.0, f64::max);
    let may_be_hours = largest > 0.0 && largest <= MOST_HOURS;
    let may_be_fraction = largest > 0.0 && largest <= 1.0;
    let factor = match (unit, number.unit, clause.per) {
        (Measured::Percent, _, _) if largest > 100.0 => None,
        (Measured::PerHour, None, None | Some(Unit::PerHour))
        | (Measured::Number, None, None | Some(Unit::PerNight))
        | (Measured::Percent, Some(Unit::Percent), None | Some(Unit::PerNight))
        | (Measured::Minutes, Some(Unit::Minute), None | Some(Unit::PerNight))
        | (
            Measured::BeatsPerMinute,
            None | Some(Unit::BeatsPerMinute),
            None | Some(Unit::PerMinute),
        ) => Some(1.0),
        (Measured::PerHour, None, Some(Unit::PerMinute))
        | (Measured::Minutes, Some(Unit::Hour), None | Some(Unit::PerNight)) => Some(60.0),
        (Measured::Percent, None, None) if !may_be_fraction => Some(1.0),
        (Measured::Minutes, None, None) if !may_be_hours => Some(1.0),
        (_, _, _) => None,
    };
    let Some(factor) = factor else {
        let expected = format!("a number in {}", unit_name(unit));
        let tokens = clause.amount_tokens.clone();
        return reader.refuse_tokens(tokens, Reason::NotUnderstood, &expected);
    };
    let scaled = |limit: Limit| Limit { value: limit.value * factor, ..limit };
    let Range { lower, upper } = number.range;
    Ok(Range { lower: lower.map(scaled), upper: upper.map(scaled) })
}
