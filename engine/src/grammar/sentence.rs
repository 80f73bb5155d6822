//! A question as one plain sentence.

use nocturne_concepts::{Class, Kind, Registry};

use super::definition::{Defined, defined};
use super::display::{end_name, with_keywords, with_unit};
use super::question::{
    Aggregate, Bound, Condition, Expression, Measure, Quantity, Question, Range, Relation, Scope,
};

impl Question {
    /// Returns a sentence that says how the question was read; classes of severity are named with their bounds.
    ///
    /// ```
    /// use nocturne_concepts::Registry;
    /// use nocturne_engine::grammar::parse_words;
    ///
    /// let registry = Registry::shipped();
    /// let question = parse_words("severe sleep apnea", registry, &[]).unwrap();
    /// assert_eq!(
    ///     question.sentence(registry),
    ///     "Nights with at least 30 apneas or hypopneas per hour of sleep (severe), highest first."
    /// );
    /// ```
    pub fn sentence(&self, registry: &Registry) -> String {
        let words = Words { registry };
        let mut parts = vec![match (&self.condition, &self.order) {
            (Some(condition), _) => format!("Nights {}", words.condition(condition)),
            (None, Some(order)) => format!("Nights by {}", words.quantity(&order.by)),
            (None, None) => "Nights".to_owned(),
        }];
        if let Some(order) = self.ordering() {
            let bounds = self.condition.as_ref().map(Condition::bounds).unwrap_or_default();
            if bounds.first().is_some_and(|bound| bound.quantity != order.by) {
                parts.push(format!("by {}", words.quantity(&order.by)));
            }
            parts.push(format!("{} first", end_name(&order)));
        }
        if let Some(filter) = &self.filter {
            let filter = with_keywords(filter, str::to_lowercase);
            parts.push(format!("of recordings where {filter}"));
        }
        format!("{}.", parts.join(", "))
    }
}

/// Writes the parts of a question in words.
struct Words<'a> {
    registry: &'a Registry,
}

impl Words<'_> {
    fn condition(&self, condition: &Condition) -> String {
        let joined = |parts: &[Condition], word: &str| {
            let parts: Vec<String> = parts.iter().map(|part| self.condition(part)).collect();
            parts.join(word)
        };
        match condition {
            Condition::Bound(bound) => self.bound(bound),
            Condition::All(parts) => joined(parts, ", and "),
            Condition::Any(parts) => joined(parts, ", or "),
        }
    }

    fn bound(&self, bound: &Bound) -> String {
        let Bound { quantity, range } = bound;
        let class = self.class_of(bound).map(|class| format!(" ({class})")).unwrap_or_default();
        if quantity.over.is_none() {
            let scope = self.scope(&quantity.measure);
            match &quantity.measure.aggregate {
                Aggregate::Rate(of) => {
                    return format!("with {} {} {scope}{class}", amount(range), self.plural(of));
                }
                Aggregate::Count(of) => {
                    return format!("with {} {}{scope}{class}", amount(range), self.plural(of));
                }
                Aggregate::Share(_)
                | Aggregate::Time(_)
                | Aggregate::LongestRun(_)
                | Aggregate::Statistic { .. } => {}
            }
        }
        let unit = quantity.unit();
        let number = |value| with_unit(value, unit);
        let quantity = self.quantity(quantity);
        let quantity = quantity.strip_prefix("the ").unwrap_or(&quantity);
        format!("whose {quantity} is {}{class}", range_words(range, number))
    }

    /// Returns the name of the class of severity whose bounds these are.
    fn class_of(&self, bound: &Bound) -> Option<String> {
        if bound.quantity.over.is_some() {
            return None;
        }
        let aggregate = &bound.quantity.measure.aggregate;
        let is_defined = |it: &&nocturne_concepts::Concept| matches!(defined(it), Defined::Measure(measure) if measure.aggregate == *aggregate);
        let lower = bound.range.lower.map(|it| (it.value, it.inclusive));
        let upper = bound.range.upper.map(|it| (it.value, it.inclusive));
        let fits = |from: &Class, to: &Class| {
            lower == from.from.map(|it| (it, true)) && upper == to.below.map(|it| (it, false))
        };
        let concept = self.registry.concepts().iter().find(is_defined)?;
        let classes = &concept.classes;
        for (i, from) in classes.iter().enumerate() {
            for (j, to) in classes.iter().enumerate().skip(i) {
                if fits(from, to) {
                    return Some(match (i == j, from.name.as_str()) {
                        (true, "none") => "below the mildest class".to_owned(),
                        (true, name) => name.to_owned(),
                        (false, name) => format!("{name} to {}", to.name),
                    });
                }
            }
        }
        None
    }

    fn quantity(&self, quantity: &Quantity) -> String {
        let measure = self.measure(&quantity.measure);
        match &quantity.over {
            None => measure,
            Some(over) => format!("the ratio of {measure} to {}", self.measure(over)),
        }
    }

    fn measure(&self, measure: &Measure) -> String {
        let scope = self.scope(measure);
        match &measure.aggregate {
            Aggregate::Rate(of) => format!("the number of {} {scope}", self.plural(of)),
            Aggregate::Count(of) => format!("the number of {}{scope}", self.plural(of)),
            Aggregate::Share(of) => format!("the share of {}{scope}", self.expression(of)),
            Aggregate::Time(of) => format!("the time in {}{scope}", self.expression(of)),
            Aggregate::LongestRun(of) => {
                format!("the longest run of {}{scope}", self.expression(of))
            }
            Aggregate::Statistic { id, .. } => format!("the {}{scope}", self.name(id)),
        }
    }

    /// Returns where a measure is taken, with a blank before it except for rates, which always say it.
    fn scope(&self, measure: &Measure) -> String {
        let Scope { states, part } = &measure.scope;
        let part = part.map(|part| format!(" {part}")).unwrap_or_default();
        let states = states.as_ref().map(|states| {
            if let Expression::Not(inner) = states {
                return format!("sleep outside of {}", self.expression(inner));
            }
            self.expression(states)
        });
        match (&measure.aggregate, states) {
            (Aggregate::Rate(_), Some(states)) => {
                format!("per hour of {}{part}", self.sleep_in(measure, states))
            }
            (Aggregate::Rate(_), None) => format!("per hour of sleep{part}"),
            (Aggregate::Share(_), None) => format!(" in the whole night{part}"),
            (_, Some(states)) => format!(" in {states}{part}"),
            (_, None) => part,
        }
    }

    /// Returns the sleep of a scope: a body position becomes sleep in that position.
    fn sleep_in(&self, measure: &Measure, states: String) -> String {
        let is_position = |states: &Expression| {
            let mut ids = states.concepts().into_iter();
            ids.all(|id| self.registry.get(id).is_some_and(|it| it.kind == Kind::State))
        };
        match &measure.scope.states {
            Some(Expression::Not(_)) | None => states,
            Some(expression) if is_position(expression) => format!("sleep in {states} position"),
            Some(_) => states,
        }
    }

    fn plural(&self, of: &Expression) -> String {
        match of {
            Expression::Concept { id, least_fall_percent } => {
                let least = least_fall_percent.map(|it| format!(" of at least {it} %"));
                format!("{}{}", plural(&self.name(id)), least.unwrap_or_default())
            }
            Expression::Any(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.plural(part)).collect();
                parts.join(" or ")
            }
            Expression::Within { event, relation, window_s, anchor } => {
                let (event, anchor) = (self.plural(event), self.plural(anchor));
                let relation = match relation {
                    Relation::After => "after the end of",
                    Relation::Before => "before the start of",
                    Relation::Of => "of",
                };
                format!("{event} within {window_s} s {relation} {anchor}")
            }
            Expression::During { event, other } => {
                format!("{} during {}", self.plural(event), self.plural(other))
            }
            Expression::All(_) | Expression::Not(_) => {
                format!("events with {}", self.expression(of))
            }
        }
    }

    fn expression(&self, of: &Expression) -> String {
        let joined = |parts: &[Expression], word: &str| {
            let parts: Vec<String> = parts.iter().map(|part| self.expression(part)).collect();
            parts.join(word)
        };
        match of {
            Expression::Concept { id, least_fall_percent: None } => self.name(id),
            Expression::All(parts) => joined(parts, " and "),
            Expression::Any(parts) => joined(parts, " or "),
            Expression::Not(inner) => format!("not {}", self.expression(inner)),
            Expression::Concept { .. } | Expression::Within { .. } | Expression::During { .. } => {
                self.plural(of)
            }
        }
    }

    /// Returns the plain name of a concept: the code of a stage, else its id in words.
    fn name(&self, id: &str) -> String {
        let concept = self.registry.get(id);
        let name = match concept {
            Some(concept) if concept.kind == Kind::Measure => concept.names.first(),
            Some(_) | None => None,
        };
        match (id, name) {
            ("R", _) => "REM sleep".to_owned(),
            ("W", _) => "wakefulness".to_owned(),
            (_, Some(name)) if name.len() > 4 || name == "tst" => with_capitals(name),
            // An abbreviation that is not known everywhere is written out.
            (_, Some(name)) => {
                let longer = concept.and_then(|it| it.names.iter().find(|name| name.contains(' ')));
                with_capitals(longer.unwrap_or(name))
            }
            (id, None) => with_capitals(&id.replace('_', " ")),
        }
    }
}

/// Writes the abbreviations in a name of the registry in capitals, as clinicians do.
fn with_capitals(name: &str) -> String {
    const CAPITALS: [&str; 10] =
        ["rem", "nrem", "ahi", "odi", "rdi", "waso", "tst", "ct90", "n1", "n3"];
    let word = |word: &str| match word {
        "spo2" => "SpO2".to_owned(),
        "rera" => "RERA".to_owned(),
        word if CAPITALS.contains(&word) => word.to_uppercase(),
        word => word.to_owned(),
    };
    name.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn plural(name: &str) -> String {
    let ending = if name.ends_with('x') { "es" } else { "s" };
    format!("{name}{ending}")
}

/// Returns the range in words before something that is counted.
fn amount(range: &Range) -> String {
    match (range.lower, range.upper) {
        (Some(low), Some(high)) if low == high && low.value == 0.0 => "no".to_owned(),
        (Some(low), None) if low.value == 0.0 && !low.inclusive => "any".to_owned(),
        _ => range_words(range, |value| value.to_string()),
    }
}

fn range_words(range: &Range, number: impl Fn(f64) -> String) -> String {
    let (lower, upper) = (range.lower, range.upper);
    match (lower, upper) {
        (Some(low), Some(high)) if low == high => format!("exactly {}", number(low.value)),
        (Some(low), Some(high)) => {
            let least = if low.inclusive { "at least" } else { "more than" };
            let most = if high.inclusive { "at most" } else { "less than" };
            format!("{least} {} and {most} {}", number(low.value), number(high.value))
        }
        (Some(low), None) if low.inclusive => format!("at least {}", number(low.value)),
        (Some(low), None) => format!("more than {}", number(low.value)),
        (None, Some(high)) if high.inclusive => format!("at most {}", number(high.value)),
        (None, Some(high)) => format!("less than {}", number(high.value)),
        (None, None) => "any".to_owned(),
    }
}
