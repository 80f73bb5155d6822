//! From what the clauses say to the typed question.

use nocturne_concepts::{Concept, Direction, Unit as Measured};

use super::super::cursor::Parsed;
use super::super::problem::Reason;
use super::super::question::{
    Aggregate, Bound, Condition, Expression, Measure, Order, Part, Quantity, Question, Range, Scope,
};
use super::clause::{Amount, Asked, Clause, Joint, Subject, Than, Whole};
use super::lexicon::Unit;
use super::quantity::{Resolved, default_quantity, range_in};
use super::reader::Reader;

/// What one clause becomes.
struct Piece {
    condition: Option<Condition>,
    order: Option<Order>,
    /// The clause only names something: an order if it is alone, else that it occurs.
    is_bare: bool,
}

/// Assembles the clauses of a question, all joined in the same way.
pub(super) fn assemble(
    reader: &Reader<'_>,
    clauses: Vec<Clause<'_>>,
    joint: Joint,
) -> Parsed<Question> {
    if clauses.is_empty() {
        if reader.filters.is_empty() {
            return reader.unknown();
        }
        return reader.refuse(
            reader.at,
            Reason::NotUnderstood,
            "a measure such as `many arousals`",
        );
    }
    let is_alone = clauses.len() == 1;
    let clauses = with_shared_unit(clauses);
    let (mut conditions, mut order) = (Vec::new(), None::<Order>);
    for clause in clauses {
        let tokens = clause.tokens.clone();
        let piece = piece(reader, clause)?;
        // Alone, `apneas` asks for an order; beside another clause, it asks whether there are any.
        let (condition, by) = match (piece.is_bare, is_alone) {
            (true, true) => (None, piece.order),
            (true, false) => (piece.condition, None),
            (false, _) => (piece.condition, piece.order),
        };
        if condition.is_none() && by.is_none() {
            let expected = "a bound, because it is joined to another condition";
            return reader.refuse_tokens(tokens, Reason::Ambiguous, expected);
        }
        conditions.extend(condition);
        if let Some(by) = by {
            if order.is_some() || (joint == Joint::Or && !is_alone) {
                let expected = "a bound: nights are listed in one order only";
                return reader.refuse_tokens(tokens, Reason::Ambiguous, expected);
            }
            order = Some(by);
        }
    }
    let join = match joint {
        Joint::And => Condition::all,
        Joint::Or => Condition::any,
    };
    let condition = (!conditions.is_empty()).then(|| join(conditions));
    let filter = (!reader.filters.is_empty()).then(|| reader.filters.join(" AND "));
    Ok(Question { condition, order, filter })
}

/// Gives the unit of the last clause to those before it, as in `more than 5 apneas and more than 10 arousals per hour`.
fn with_shared_unit(mut clauses: Vec<Clause<'_>>) -> Vec<Clause<'_>> {
    let per = clauses.last().and_then(|clause| clause.per);
    for clause in &mut clauses {
        let is_plain = clause.bound.is_some_and(|bound| bound.unit.is_none());
        let is_event = matches!(&clause.subject, Some(Subject::Concepts(terms)) if terms.is_event);
        if is_plain && is_event && clause.per.is_none() && clause.aggregate.is_none() {
            clause.per = per;
        }
    }
    clauses
}

/// Returns the end that comes first if only a quantity is named: the lowest value of a quantity that is called so.
fn bare_direction(quantity: &Quantity) -> Direction {
    match &quantity.measure.aggregate {
        Aggregate::Statistic { id, .. } if id.starts_with("lowest_") => Direction::Lowest,
        Aggregate::Statistic { .. }
        | Aggregate::Rate(_)
        | Aggregate::Count(_)
        | Aggregate::Share(_)
        | Aggregate::Time(_)
        | Aggregate::LongestRun(_) => Direction::Highest,
    }
}

fn piece(reader: &Reader<'_>, mut clause: Clause<'_>) -> Parsed<Piece> {
    let resolved = resolve(reader, &mut clause)?;
    if clause.comparison.is_some() {
        return comparison(reader, &clause, &resolved);
    }
    if let Some(Amount::Severity(from, to) | Amount::NotSeverity(from, to)) = clause.amount {
        return severity(reader, &clause, &resolved, (from, to));
    }
    let quantity = default_quantity(reader, &clause, &resolved)?;
    let bound = match clause.bound {
        Some(number) => {
            let range = range_in(reader, &clause, quantity.unit(), number)?;
            Some(Condition::Bound(Bound { quantity: quantity.clone(), range }))
        }
        None => None,
    };
    let order = |direction| Some(Order { by: quantity.clone(), direction });
    let bounded = |range| Some(Condition::Bound(Bound { quantity: quantity.clone(), range }));
    let piece = |condition, order| Ok(Piece { condition, order, is_bare: false });
    let refuse = |expected: &str| {
        reader.refuse_tokens(clause.amount_tokens.clone(), Reason::NotUnderstood, expected)
    };
    match clause.amount {
        None if bound.is_some() => piece(bound, None),
        None => {
            // A measure of a night does not occur; concepts do.
            let is_measure = matches!(resolved, Resolved::Measure(..) | Resolved::TotalSleep(_));
            let occurs = if is_measure { None } else { occurrence(reader, &clause, &resolved)? };
            if clause.aggregate == Some(Asked::LongestRun) {
                return piece(None, order(Direction::Highest));
            }
            let order = order(bare_direction(&quantity));
            Ok(Piece { condition: occurs, order, is_bare: true })
        }
        Some(Amount::Frequent(direction)) => piece(bound, order(direction)),
        Some(Amount::Long(direction)) if quantity.measure.aggregate.is_time() => {
            piece(None, order(direction))
        }
        Some(Amount::Long(_)) => {
            refuse("`frequent` or `few`: the length of single events is not measured")
        }
        Some(Amount::Quality { is_good }) => match &resolved {
            Resolved::Measure(Concept { poor: Some(poor), .. }, _) => {
                let good = match poor {
                    Direction::Highest => Direction::Lowest,
                    Direction::Lowest => Direction::Highest,
                };
                piece(None, order(if is_good { good } else { *poor }))
            }
            Resolved::Measure(..)
            | Resolved::TotalSleep(_)
            | Resolved::Events { .. }
            | Resolved::States { .. } => reader.refuse_tokens(
                clause.amount_tokens.clone(),
                Reason::FreeWords,
                "`many`, `few`, or a bound",
            ),
        },
        Some(Amount::Any) => piece(occurrence(reader, &clause, &resolved)?, None),
        Some(Amount::Single) => match &resolved {
            Resolved::Events { .. } => piece(bounded(Range::equal(1.0)), None),
            Resolved::Measure(..) | Resolved::TotalSleep(_) | Resolved::States { .. } => {
                refuse("an event, which can be counted")
            }
        },
        Some(Amount::No) => match &resolved {
            Resolved::Measure(concept, _) => match concept.class("none") {
                Some(class) => {
                    piece(bounded(Range { lower: None, upper: class.below.map(exclusive) }), None)
                }
                None => refuse("an event, a stage or a state after the negation; or a bound"),
            },
            Resolved::TotalSleep(_) => refuse("a bound"),
            Resolved::Events { .. } | Resolved::States { .. } => {
                piece(bounded(Range::equal(0.0)), None)
            }
        },
        Some(Amount::Severity(..) | Amount::NotSeverity(..)) => {
            unreachable!("classes of severity were handled above")
        }
    }
}

fn exclusive(value: f64) -> super::super::question::Limit {
    super::super::question::Limit { value, inclusive: false }
}

/// Returns the condition that something occurs at all.
fn occurrence(
    reader: &Reader<'_>,
    clause: &Clause<'_>,
    resolved: &Resolved<'_>,
) -> Parsed<Option<Condition>> {
    if matches!(resolved, Resolved::Measure(..) | Resolved::TotalSleep(_)) {
        let expected = "a bound, `high` or `low`";
        return reader.refuse_tokens(clause.amount_tokens.clone(), Reason::NotUnderstood, expected);
    }
    let mut any = clause.clone();
    any.amount = Some(Amount::Any);
    let quantity = default_quantity(reader, &any, resolved)?;
    Ok(Some(Condition::Bound(Bound { quantity, range: Range::above(0.0, false) })))
}

/// Finds out what a clause is about, from its subject or from its scope.
fn resolve<'a>(reader: &Reader<'_>, clause: &mut Clause<'a>) -> Parsed<Resolved<'a>> {
    let sleep = Expression::concept("sleep");
    let resolved = if let Some(subject) = clause.subject.take() {
        of_subject(reader, clause, subject)?
    } else {
        // `at least 20 minutes in REM`, `7 hours of sleep`
        let states = match (clause.scope.states.take(), clause.whole) {
            (Some(states), _) => Some(states),
            (None, Some(Whole::Sleep)) => Some(sleep.clone()),
            (None, _) => None,
        };
        // In `apneas in NREM but none in REM`, `none` means the apneas.
        let is_amount = clause.amount.is_some_and(|it| !matches!(it, Amount::No | Amount::Any));
        let says_how_much = is_amount || clause.bound.is_some() || clause.aggregate.is_some();
        let Some(of) = states.filter(|_| says_how_much) else {
            let end = clause.tokens.end;
            let expected = "a concept or a measure";
            return reader.refuse_tokens(end..end + 1, Reason::NotUnderstood, expected);
        };
        Resolved::states(of, reader.cursor.registry)
    };
    let is_run = clause.aggregate == Some(Asked::LongestRun);
    if matches!(&resolved, Resolved::States { of, .. } if *of == sleep && !is_run) {
        return total_sleep(reader, clause);
    }
    Ok(resolved)
}

fn of_subject<'a>(
    reader: &Reader<'_>,
    clause: &Clause<'_>,
    subject: Subject<'a>,
) -> Parsed<Resolved<'a>> {
    match subject {
        Subject::Measure(concept, measure) => Ok(Resolved::Measure(concept, measure)),
        Subject::Concepts(terms) if !terms.is_event => {
            Ok(Resolved::states(terms.union(), reader.cursor.registry))
        }
        Subject::Concepts(terms) => {
            let is_sum = terms.is_one_family() || terms.joint == Some(Joint::Or);
            // `no apneas and arousals` and `neither … nor` are clear: none of them.
            let is_none = clause.amount == Some(Amount::No);
            if !is_sum && !is_none {
                let expected = "a bound or an amount for each of them, or `or` for their sum";
                return reader.refuse_tokens(clause.tokens.clone(), Reason::Ambiguous, expected);
            }
            Ok(Resolved::Events { of: terms.union(), single: terms.single() })
        }
    }
}

/// Reads what is asked about sleep itself as a question about the total sleep time, or about states during sleep.
fn total_sleep<'a>(reader: &Reader<'_>, clause: &mut Clause<'a>) -> Parsed<Resolved<'a>> {
    // `20 minutes of sleep on the back`
    if let Some(states) = clause.scope.states.take() {
        return Ok(Resolved::states(states, reader.cursor.registry));
    }
    let is_time = clause.bound.is_some_and(|it| matches!(it.unit, Some(Unit::Hour | Unit::Minute)));
    let is_amount = matches!(clause.amount, Some(Amount::Frequent(_) | Amount::Long(_)));
    let is_asked = matches!(clause.aggregate, None | Some(Asked::Time));
    let registry = reader.cursor.registry;
    let tst = registry.get("tst").filter(|_| (is_time || is_amount) && is_asked);
    let Some(concept) = tst else {
        let expected = "a measure such as `total sleep time` or `sleep efficiency`";
        return reader.refuse_tokens(clause.tokens.clone(), Reason::FreeWords, expected);
    };
    clause.aggregate = None;
    let aggregate = Aggregate::Statistic { id: concept.id.clone(), unit: Measured::Minutes };
    Ok(Resolved::TotalSleep(Measure { aggregate, scope: Scope::default() }))
}

/// Reads `severe sleep apnea`: a class of severity of a measure that defines classes.
fn severity(
    reader: &Reader<'_>,
    clause: &Clause<'_>,
    resolved: &Resolved<'_>,
    (from, to): (&str, &str),
) -> Parsed<Piece> {
    let registry = reader.cursor.registry;
    let refuse = |expected: &str| {
        reader.refuse_tokens(clause.amount_tokens.clone(), Reason::NotUnderstood, expected)
    };
    // `severe apnea` is the disorder, which is graded by its index.
    let measure_id = match resolved {
        Resolved::Measure(concept, _) => Some(concept.id.as_str()),
        Resolved::Events { single: Some(concept), .. } => match concept.id.as_str() {
            "apnea" | "respiratory_event" => Some("ahi"),
            "obstructive_apnea" => Some("oahi"),
            _ => None,
        },
        Resolved::Events { single: None, .. }
        | Resolved::States { .. }
        | Resolved::TotalSleep(_) => None,
    };
    let concept = measure_id.and_then(|id| registry.get(id));
    let classes = concept.and_then(|it| it.class(from).zip(it.class(to)));
    let (Some(concept), Some((first, last))) = (concept, classes) else {
        return refuse("a bound: no classes of severity are defined for it");
    };
    let super::super::definition::Defined::Measure(mut measure) =
        super::super::definition::defined(concept)
    else {
        return refuse("a measure");
    };
    if clause.scope != Scope::default() {
        measure.scope = clause.scope.clone();
    }
    let inclusive = |value| super::super::question::Limit { value, inclusive: true };
    let range = Range { lower: first.from.map(inclusive), upper: last.below.map(exclusive) };
    let is_negated = matches!(clause.amount, Some(Amount::NotSeverity(..)));
    let range = match (is_negated, range) {
        (false, range) => range,
        (true, Range { lower: Some(lower), upper: None }) => Range::below(lower.value, false),
        (true, _) => return refuse("a bound: the nights outside of this class lie on both sides"),
    };
    let quantity = Quantity { measure, over: None };
    let condition = Some(Condition::Bound(Bound { quantity, range }));
    Ok(Piece { condition, order: None, is_bare: false })
}

/// Reads `more apneas in REM than in NREM` and `sleep apnea worse on the back`.
fn comparison(reader: &Reader<'_>, clause: &Clause<'_>, resolved: &Resolved<'_>) -> Parsed<Piece> {
    let comparison = clause.comparison.clone().expect("the caller checked that it is there");
    let refuse = |expected: &str| {
        reader.refuse_tokens(clause.amount_tokens.clone(), Reason::NotUnderstood, expected)
    };
    if matches!(clause.per, Some(Unit::PerMinute)) {
        return refuse("a comparison without a unit");
    }
    let quantity = default_quantity(reader, clause, resolved)?;
    let numerator = quantity.measure;
    let with = |scope| Measure { aggregate: numerator.aggregate.clone(), scope };
    let over = match (&comparison.than, &numerator.scope) {
        (Some(Than::Scope(scope)), _) => with(scope.clone()),
        (Some(Than::Subject(subject)), _) => {
            let other = of_subject(reader, clause, subject.clone())?;
            default_quantity(reader, clause, &other)?.measure
        }
        // The scope of a quantity that has none of its own, such as sleep, is not what is compared.
        (Some(Than::Elsewhere) | None, _) if clause.scope == Scope::default() => {
            return refuse("a stage, a position or a part of the night to compare");
        }
        (Some(Than::Elsewhere), Scope { states: Some(states), part: None }) => {
            with(Scope { states: Some(states.clone().negated()), part: None })
        }
        (None, Scope { states: Some(states), part: None }) if comparison.is_adjective => {
            with(Scope { states: Some(states.clone().negated()), part: None })
        }
        // The rest of one half is the other.
        (None, Scope { states, part: Some(Part::Fraction { number, of: 2 }) })
            if comparison.is_adjective =>
        {
            let part = Some(Part::Fraction { number: 3 - number, of: 2 });
            with(Scope { states: states.clone(), part })
        }
        (Some(Than::Elsewhere) | None, _) => {
            return refuse(
                "`than` and what it is compared with, as in `more apneas in REM than in NREM`",
            );
        }
    };
    if over == numerator || over.aggregate.unit() != numerator.aggregate.unit() {
        return refuse("two different scopes or concepts that are measured alike");
    }
    let quantity = Quantity { measure: numerator, over: Some(over) };
    if comparison.than.is_none() {
        let order = Some(Order { by: quantity, direction: comparison.direction });
        return Ok(Piece { condition: None, order, is_bare: false });
    }
    let range = match (comparison.factor, comparison.direction) {
        (Some((comparator, factor)), _) => super::bounds::range_of(comparator, factor),
        (None, Direction::Highest) => Range::above(1.0, false),
        (None, Direction::Lowest) => Range::below(1.0, false),
    };
    let condition = Some(Condition::Bound(Bound { quantity, range }));
    Ok(Piece { condition, order: None, is_bare: false })
}
