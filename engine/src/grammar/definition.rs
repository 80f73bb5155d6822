//! From a concept of the registry to what is computed for it.

use nocturne_concepts::{Aggregate as Computed, Concept, Kind, Unit};

use super::question::{Aggregate, Expression, Measure, Scope};

/// What a concept means in a question.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Defined {
    /// A stage, an event or a state.
    Expression(Expression),
    /// A number for a night.
    Measure(Measure),
}

/// Returns what a concept means: measures that count concepts are written out.
pub(super) fn defined(concept: &Concept) -> Defined {
    match concept.kind {
        Kind::Stage | Kind::Event | Kind::State => {
            Defined::Expression(Expression::concept(&concept.id))
        }
        Kind::Measure => Defined::Measure(measure(concept)),
    }
}

fn measure(concept: &Concept) -> Measure {
    let member = |id: &String| Expression::Concept {
        id: id.clone(),
        least_fall_percent: concept.least_fall_percent,
    };
    let members = Expression::any(concept.members.iter().map(member));
    let sleep = Scope { states: Some(Expression::concept("sleep")), part: None };
    let (aggregate, scope) = match concept.aggregate {
        Some(Computed::Rate) => (Aggregate::Rate(members), Scope::default()),
        Some(Computed::Count) => (Aggregate::Count(members), Scope::default()),
        Some(Computed::Share) => (Aggregate::Share(members), sleep),
        Some(Computed::LongestRun) => (Aggregate::LongestRun(members), Scope::default()),
        Some(Computed::Statistic) | None => {
            let unit = concept.unit.unwrap_or(Unit::Number);
            (Aggregate::Statistic { id: concept.id.clone(), unit }, Scope::default())
        }
    };
    Measure { aggregate, scope }
}
