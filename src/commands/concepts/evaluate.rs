//! `nocturne concepts evaluate`

use anyhow::Result;
use nocturne_engine::{ConceptEvaluation, Engine, EngineOptions, IntervalCoverage, MeasureCheck};

use crate::args::{Common, ConceptsEvaluate};
use crate::console;
use crate::error::CommandOutcome;
use crate::session::Session;
use crate::table::{number, table};

/// Number of nights below which the share of intervals that hold says little.
const MIN_NIGHTS: usize = 39;

pub(super) fn run(common: &Common, arguments: ConceptsEvaluate) -> Result<CommandOutcome> {
    let ConceptsEvaluate { recordings, filter, json, collection, concepts, encoder } = arguments;
    let location = collection.location();
    let session = Session::open_for(common, &encoder, &location)?;
    let options = EngineOptions { registry: concepts.registry()?, ..session.options() };
    let engine = Engine::open(location, &session.bundle, session.runtime, options)?;
    let bar = console::progress("nights", 0);
    let evaluation =
        engine.evaluate_calibration(&filter.on(&recordings)?, |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let evaluation = evaluation?;
    if json {
        console::print_pretty_json(&evaluation)?;
    } else {
        print(&evaluation)?;
    }
    Ok(CommandOutcome::Done)
}

fn print(evaluation: &ConceptEvaluation) -> Result<()> {
    let ConceptEvaluation { population, nights, concepts, measures, classes, left_out } =
        evaluation;
    for night in left_out {
        console::note(format_args!("not used: {}: {}", night.recording, night.reason));
    }
    console::print(format_args!(
        "calibrated on {} nights of {}; checked on {nights} nights\n",
        population.nights, population.name
    ))?;
    if *nights < MIN_NIGHTS {
        console::note(format_args!(
            "{nights} nights say little about intervals that hold in 95 of 100; check at least {MIN_NIGHTS}"
        ));
    }
    console::print("Measures of nights: share of 95 % intervals that hold the scored value")?;
    let rows = measures.iter().flat_map(measure_rows);
    console::print(table(
        &[
            "measure",
            "nights",
            ">n",
            ">Spearman",
            ">scored from",
            ">to",
            ">mean",
            ">bias",
            ">width",
            ">held",
            "95 % interval of the share",
        ],
        rows,
    ))?;
    for check in measures {
        if let Some(why) = &check.refused {
            console::print(format_args!("{} is refused: {why}", check.measure))?;
        }
    }
    console::print("\nProbabilities in epochs of scored sleep")?;
    let rows = concepts.iter().map(|check| {
        let quality = &check.quality;
        let risk: Vec<String> =
            check.risk.iter().map(|point| format!("{:.3}", point.risk)).collect();
        vec![
            check.concept.clone(),
            quality.positive.to_string(),
            quality.negative.to_string(),
            format!("{:.3}", quality.ece),
            format!("{:.2}", quality.brier_skill),
            risk.join(" "),
        ]
    });
    console::print(table(
        &[
            "concept",
            ">with it",
            ">without",
            ">calibration error",
            ">Brier skill",
            "error over the surest 100, 80, 60, 40, 20 %",
        ],
        rows,
    ))?;
    for class in classes {
        console::print(format_args!(
            "\n{}: {} of {} nights in the right class",
            class.measure, class.right, class.nights
        ))?;
    }
    Ok(())
}

/// Returns the rows of a measure: all nights, thirds of the true values, and nights with a true value of 0.
fn measure_rows(check: &MeasureCheck) -> Vec<Vec<String>> {
    if check.refused.is_some() {
        return Vec::new();
    }
    let row = |name: &str, group: &str, spearman: Option<f64>, coverage: &IntervalCoverage| {
        let (low, high) = coverage.share_interval;
        vec![
            name.to_owned(),
            group.to_owned(),
            coverage.nights.to_string(),
            spearman.map_or_else(String::new, |it| number(Some(it), 3)),
            format!("{:.1}", coverage.truth.0),
            format!("{:.1}", coverage.truth.1),
            format!("{:.1}", coverage.mean_truth),
            format!("{:+.1}", coverage.bias),
            format!("{:.1}", coverage.width),
            format!("{:.3}", coverage.share()),
            format!(
                "{low:.3} – {high:.3}{}",
                if coverage.may_be_95_percent() { "" } else { "  not 95 %" }
            ),
        ]
    };
    let mut rows = Vec::new();
    if let Some(overall) = &check.overall {
        rows.push(row(&check.measure, "all", check.spearman, overall));
    } else {
        rows.push(vec![check.measure.clone(), "no night has an interval".to_owned()]);
    }
    for (name, third) in ["low", "middle", "high"].iter().zip(&check.thirds) {
        rows.push(row("", name, None, third));
    }
    if let Some(zero) = &check.zero {
        rows.push(row("", "zero", None, zero));
    }
    rows
}
