//! `nocturne concepts calibrate`

use anyhow::{Context, Result};
use nocturne_concepts::calibration::FILE_NAME;
use nocturne_engine::{CalibrationChoice, CalibrationRequest, Engine, EngineOptions};
use nocturne_psg::edf::durable;

use crate::args::{Common, ConceptsCalibrate};
use crate::console;
use crate::error::CommandOutcome;
use crate::session::Session;
use crate::table::{number, table};

pub(super) fn run(common: &Common, arguments: ConceptsCalibrate) -> Result<CommandOutcome> {
    let ConceptsCalibrate { recordings, filter, name, output, collection, concepts, encoder } =
        arguments;
    let location = collection.location();
    let session = Session::open_for(common, &encoder, &location)?;
    let options = EngineOptions {
        registry: concepts.registry()?,
        calibration: CalibrationChoice::Without,
        ..session.options()
    };
    let engine = Engine::open(location, &session.bundle, session.runtime, options)?;
    let request = CalibrationRequest { filter: filter.on(&recordings)?, name };
    let report = engine.calibrate(&request, |step| console::note(step))?;
    let calibration = &report.calibration;
    for night in &report.left_out {
        console::note(format_args!("not used: {}: {}", night.recording, night.reason));
    }
    let rows = calibration.measures.iter().map(|model| {
        vec![
            model.measure.clone(),
            model.nights.to_string(),
            number(Some(model.spearman), 3),
            number(Some(model.relative_width), 2),
            model
                .refused
                .clone()
                .map_or_else(|| "answered".to_owned(), |why| format!("refused: {why}")),
        ]
    });
    console::print(table(&["measure", ">nights", ">Spearman", ">relative width", ""], rows))?;
    let file = output.unwrap_or_else(|| session.bundle.folder().join(FILE_NAME));
    durable::write(&file, calibration.to_toml().as_bytes())
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    console::print(format_args!("wrote {}", file.display()))?;
    Ok(CommandOutcome::Done)
}
