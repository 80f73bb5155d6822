//! `nocturne concepts list` and `show`

use anyhow::{Result, bail};
use nocturne_concepts::{Calibration, Concept, Input, Kind, Registry, Source};
use serde_json::{Value, json};

use crate::args::{ConceptsList, ConceptsShow};
use crate::commands::concepts::known;
use crate::console;
use crate::error::CommandOutcome;
use crate::table::table;

pub(super) fn list(arguments: &ConceptsList) -> Result<CommandOutcome> {
    let (registry, calibration) = known(&arguments.with)?;
    if arguments.json {
        let all: Vec<Value> = registry
            .concepts()
            .iter()
            .map(|concept| described(concept, registry, calibration.as_ref()))
            .collect();
        console::print_pretty_json(&all)?;
        return Ok(CommandOutcome::Done);
    }
    let rows = registry.concepts().iter().map(|concept| {
        let names: Vec<&str> = concept.names.iter().take(3).map(String::as_str).collect();
        let of = |source: Source| match source {
            Source::Scored => "annotations".to_owned(),
            Source::Signal => "signal".to_owned(),
            Source::Model => match belief(concept, registry, calibration.as_ref()) {
                Belief::Calibrated => "model".to_owned(),
                Belief::WithoutInterval => "model (no interval)".to_owned(),
                Belief::Refused(_) => "(model: refused)".to_owned(),
            },
        };
        let sources: Vec<String> = concept.sources.iter().map(|source| of(*source)).collect();
        vec![
            concept.id.clone(),
            concept.kind.name().to_owned(),
            sources.join(", "),
            names.join(", "),
        ]
    });
    console::print(table(&["concept", "kind", "answered from", "names"], rows))?;
    console::note(
        "`nocturne concepts show CONCEPT` says why the model is refused, and lists every name",
    );
    Ok(CommandOutcome::Done)
}

pub(super) fn show(arguments: &ConceptsShow) -> Result<CommandOutcome> {
    let (registry, calibration) = known(&arguments.with)?;
    let name = &arguments.concept;
    let Some(concept) = registry.get(name).or_else(|| registry.named(name)) else {
        let nearest: Vec<String> =
            registry.nearest(name).iter().map(|it| format!("`{}`", it.name)).collect();
        let similar = if nearest.is_empty() {
            "`nocturne concepts list` lists them".to_owned()
        } else {
            format!("similar names are {}", nearest.join(", "))
        };
        bail!("there is no concept `{name}`; {similar}");
    };
    if arguments.json {
        console::print_pretty_json(&described(concept, registry, calibration.as_ref()))?;
        return Ok(CommandOutcome::Done);
    }
    let line = |name: &str, value: String| {
        if value.is_empty() { Ok(()) } else { console::print(format_args!("{name:10} {value}")) }
    };
    line("concept", format!("{} ({})", concept.id, concept.kind.name()))?;
    line("names", concept.names.join(", "))?;
    line("members", concept.members.join(", "))?;
    line("unit", concept.unit.map(|unit| unit.name().to_owned()).unwrap_or_default())?;
    let groups = concept.needs.iter().map(|group| {
        group.iter().map(|input: &Input| input.name()).collect::<Vec<_>>().join(" or ")
    });
    line("channels", groups.collect::<Vec<_>>().join("; and "))?;
    let classes = concept.classes.iter().map(|class| {
        let from = class.from.map(|from| format!(" from {from}")).unwrap_or_default();
        let below = class.below.map(|below| format!(" below {below}")).unwrap_or_default();
        format!("{}{from}{below}", class.name)
    });
    line("classes", classes.collect::<Vec<_>>().join(", "))?;
    let sources: Vec<&str> = concept.sources.iter().map(|source| source.name()).collect();
    line("sources", sources.join(", "))?;
    if concept.has_source(Source::Model) {
        line("model", model_line(concept, registry, calibration.as_ref()))?;
    }
    line("evidence", concept.evidence.clone())?;
    Ok(CommandOutcome::Done)
}

/// How far the model is believed about a concept.
enum Belief {
    /// Its measure has an interval on nights like those of the calibration.
    Calibrated,
    /// It is computed and has no interval.
    WithoutInterval,
    /// It is refused, and why.
    Refused(String),
}

fn belief(concept: &Concept, registry: &Registry, calibration: Option<&Calibration>) -> Belief {
    let measure = nocturne_engine::grammar::measure_name(concept, registry);
    let model = measure.as_ref().and_then(|measure| calibration?.measure(measure));
    match model {
        Some(model) => match &model.refused {
            Some(why) => Belief::Refused(why.clone()),
            None => Belief::Calibrated,
        },
        None if concept.kind == Kind::Event && concept.id != "awakening" => {
            Belief::Refused("the bundle has no calibration of it".to_owned())
        }
        None => {
            // What contains or counts a refused concept is refused, too.
            let members = concept.members.iter().filter_map(|id| registry.get(id));
            let refused = members
                .filter(|member| !member.has_source(Source::Model))
                .map(|member| format!("`{}` does not come from the model", member.id));
            let beliefs = concept.members.iter().filter_map(|id| {
                match belief(registry.get(id)?, registry, calibration) {
                    Belief::Refused(why) => Some(why),
                    Belief::Calibrated | Belief::WithoutInterval => None,
                }
            });
            refused.chain(beliefs).next().map_or(Belief::WithoutInterval, Belief::Refused)
        }
    }
}

fn model_line(concept: &Concept, registry: &Registry, calibration: Option<&Calibration>) -> String {
    let of_nights = match belief(concept, registry, calibration) {
        Belief::Calibrated => "numbers of nights have an interval".to_owned(),
        Belief::WithoutInterval => "numbers of nights have no interval".to_owned(),
        Belief::Refused(why) => format!("numbers of nights are refused: {why}"),
    };
    let epochs = calibration.and_then(|it| it.concepts.get(&concept.id)).map(|model| {
        let (ece, skill) = (model.quality.ece, model.quality.brier_skill);
        let use_ = if model.quality.is_useful() { "labelled" } else { "not labelled" };
        format!("; single epochs are {use_} (calibration error {ece:.3}, Brier skill {skill:.2})")
    });
    format!("{of_nights}{}", epochs.unwrap_or_default())
}

fn described(concept: &Concept, registry: &Registry, calibration: Option<&Calibration>) -> Value {
    let quality = calibration.and_then(|it| it.concepts.get(&concept.id)).map(|it| it.quality);
    let model =
        concept.has_source(Source::Model).then(|| match belief(concept, registry, calibration) {
            Belief::Calibrated => json!({ "numbers": "interval" }),
            Belief::WithoutInterval => json!({ "numbers": "no_interval" }),
            Belief::Refused(why) => json!({ "numbers": "refused", "why": why }),
        });
    json!({ "concept": concept, "model": model, "epochs": quality })
}
