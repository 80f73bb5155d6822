//! From a concept of the registry to what is computed for it.

use nocturne_concepts::{Aggregate as Computed, Concept, Kind, Registry, Source, Unit};
use nocturne_psg::EventSet;

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

/// Returns the number that a night has for a concept: the rate of an event, the time in a stage, the measure itself; `None`
/// for a state.
pub(crate) fn measure_of(concept: &Concept) -> Option<Measure> {
    let of = Expression::concept(&concept.id);
    let in_default_scope = |aggregate| Measure { aggregate, scope: Scope::default() };
    match concept.kind {
        Kind::Event => Some(in_default_scope(Aggregate::Rate(of))),
        Kind::Stage => Some(in_default_scope(Aggregate::Time(of))),
        Kind::Measure => Some(measure(concept)),
        Kind::State => None,
    }
}

/// Returns the same as [`measure_of`], with the events of an index as one concept where there is one: the apneas and
/// hypopneas of the AHI are respiratory events.
pub(crate) fn canonical_measure_of(concept: &Concept, registry: &Registry) -> Option<Measure> {
    let mut measure = measure_of(concept)?;
    if let Aggregate::Rate(Expression::Any(parts)) = &measure.aggregate {
        let kinds = |part: &Expression| {
            let kinds = part.concepts().into_iter().flat_map(|id| registry.events_of(id).iter());
            kinds.collect::<EventSet>()
        };
        let parts: Vec<EventSet> = parts.iter().map(kinds).collect();
        // Awakenings have no kind of event, so they cannot be part of one concept.
        let are_events = parts.iter().all(|part| !part.is_empty());
        let all: EventSet = parts.into_iter().flat_map(EventSet::iter).collect();
        let is_it = |it: &&Concept| {
            it.kind == Kind::Event
                && registry.events_of(&it.id) == all
                && it.has_source(Source::Model)
        };
        if let Some(one) = registry.concepts().iter().find(is_it).filter(|_| are_events) {
            measure.aggregate = Aggregate::Rate(Expression::concept(&one.id));
        }
    }
    Some(measure)
}

/// Returns the normal form of the number that a night has for a concept, such as `rate(arousal)`; `None` for a state.
pub fn measure_name(concept: &Concept, registry: &Registry) -> Option<String> {
    canonical_measure_of(concept, registry).map(|measure| measure.to_string())
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
