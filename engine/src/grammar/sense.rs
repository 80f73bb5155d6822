//! Refuses quantities that have no meaning, however they were written.

use nocturne_concepts::{Kind, Registry, Unit};

use super::cursor::Parsed;
use super::problem::{Reason, Unreadable};
use super::question::{Aggregate, Expression, Measure, Question, Scope};

/// Statistics that are measured in any part of a night; the others describe the whole of it.
const OF_ANY_PART: [&str; 5] = ["tst", "mean_spo2", "lowest_spo2", "t90", "mean_heart_rate"];

/// Checks every measure and bound of a question.
pub(super) fn check_sense(text: &str, question: &Question, registry: &Registry) -> Parsed<()> {
    let refuse = |expected: String| {
        Err(Unreadable::new(text, 0..text.len(), Reason::NotUnderstood, expected))
    };
    for quantity in question.quantities() {
        for measure in std::iter::once(&quantity.measure).chain(&quantity.over) {
            if let Some(expected) = expected_instead(measure, registry) {
                return refuse(expected);
            }
        }
    }
    let bounds = question.condition.iter().flat_map(|condition| condition.bounds());
    for bound in bounds.filter(|bound| bound.quantity.unit() == Unit::Percent) {
        let limits = [bound.range.lower, bound.range.upper];
        if let Some(limit) = limits.into_iter().flatten().find(|limit| limit.value > 100.0) {
            return refuse(format!("at most 100 % instead of {} %", limit.value));
        }
    }
    Ok(())
}

/// Returns what was expected instead of a measure without a meaning.
pub(super) fn expected_instead(measure: &Measure, registry: &Registry) -> Option<String> {
    match &measure.aggregate {
        Aggregate::Rate(of) | Aggregate::Count(of) if !of.counts_events(registry) => Some(format!(
            "`share({of})` or `time({of})`, because stages and states are not counted"
        )),
        Aggregate::Share(of) | Aggregate::Time(of) | Aggregate::LongestRun(of)
            if of.counts_events(registry) =>
        {
            Some(format!("`rate({of})` or `count({of})`, because events are counted, not timed"))
        }
        Aggregate::Statistic { id, .. }
            if measure.scope != Scope::default() && !OF_ANY_PART.contains(&id.as_str()) =>
        {
            let instead = match id.as_str() {
                "waso" => ", or `time(W)` in a part of it",
                "sleep_efficiency" | "sleep_maintenance" => ", or `share(sleep)` in a part of it",
                _ => "",
            };
            Some(format!("`{id}` of the whole night{instead}"))
        }
        Aggregate::Rate(_)
        | Aggregate::Count(_)
        | Aggregate::Share(_)
        | Aggregate::Time(_)
        | Aggregate::LongestRun(_)
        | Aggregate::Statistic { .. } => None,
    }
}

impl Expression {
    /// Returns whether what holds is an event, which has an onset, and not a state.
    pub(crate) fn counts_events(&self, registry: &Registry) -> bool {
        match self {
            Self::Concept { id, .. } => registry.get(id).is_some_and(|it| it.kind == Kind::Event),
            Self::Within { .. } | Self::During { .. } => true,
            Self::Any(parts) => parts.iter().all(|part| part.counts_events(registry)),
            Self::All(parts) => parts.iter().any(|part| part.counts_events(registry)),
            Self::Not(_) => false,
        }
    }
}
