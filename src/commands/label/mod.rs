//! `nocturne label`

mod files;
mod night;
mod parquet;

use std::collections::BTreeMap;

use anyhow::Result;
use nocturne_encoder::metrics::ConfusionMatrix;
use nocturne_engine::{Engine, EpochLabels, LearnedConcept};
use nocturne_index::Filter;
use nocturne_psg::Stage;

use self::files::LabelFiles;
use crate::args::{Common, Label};
use crate::console;
use crate::error::CommandOutcome;
use crate::session;
use crate::table::{hypnogram, number, table};

/// Width of a hypnogram in columns.
const WIDTH: usize = 96;

pub(super) fn run(common: &Common, arguments: Label) -> Result<CommandOutcome> {
    let Label { recordings, filter, set, concept, json, collection, output } = arguments;
    let expression = filter.filter.clone();
    let filter = filter.on(&recordings)?;
    let engine = session::engine(common, &collection)?;
    if let Some(folder) = &output.out {
        let (formats, sets, is_forced) = (&output.format[..], &output.labels[..], output.force);
        let expression = expression.as_deref();
        let files = LabelFiles { folder, formats, sets, expression, is_forced };
        return files.write(&engine, &filter);
    }
    let labeller = match concept {
        Some(file) => Labeller::Concept(engine.read_concept(&file)?),
        None => Labeller::Set(set),
    };
    match (labeller, json) {
        (labeller, true) => print_lines(&engine, &filter, &labeller)?,
        (Labeller::Set(set), false) if set == "stages" => print_stages(&engine, &filter)?,
        (labeller, false) => print_counts(&engine, &filter, &labeller)?,
    }
    Ok(CommandOutcome::Done)
}

/// The label set or concept that labels epochs.
enum Labeller {
    Set(String),
    Concept(LearnedConcept),
}

impl Labeller {
    fn label(
        &self,
        engine: &Engine,
        filter: &Filter,
        take: impl FnMut(EpochLabels) -> bool,
    ) -> Result<()> {
        match self {
            Self::Set(set) => engine.label_epochs(filter, set, take)?,
            Self::Concept(concept) => engine.label_epochs_by(filter, concept, take)?,
        }
        Ok(())
    }
}

fn print_lines(engine: &Engine, filter: &Filter, labeller: &Labeller) -> Result<()> {
    let mut printed = Ok(());
    labeller.label(engine, filter, |labels| {
        printed = console::print_json(&labels);
        printed.is_ok()
    })?;
    Ok(printed?)
}

/// Prints the predicted and the scored hypnogram of each recording, and their agreement.
pub(super) fn print_stages(engine: &Engine, filter: &Filter) -> Result<()> {
    let mut nights: BTreeMap<String, Vec<EpochLabels>> = BTreeMap::new();
    engine.label_epochs(filter, "stages", |labels| {
        nights.entry(labels.recording.clone()).or_default().push(labels);
        true
    })?;
    for (recording, epochs) in &nights {
        print_night(recording, epochs)?;
    }
    Ok(())
}

fn print_night(recording: &str, epochs: &[EpochLabels]) -> Result<()> {
    let predicted: Vec<Option<Stage>> =
        epochs.iter().map(|epoch| epoch.labels.first()?.parse().ok()).collect();
    let scored: Vec<Option<Stage>> = epochs.iter().map(|epoch| epoch.scored_stage).collect();
    console::print(format_args!("{recording}: stages by the model"))?;
    hypnogram(&predicted, WIDTH).iter().try_for_each(console::print)?;
    let abstained = predicted.iter().filter(|stage| stage.is_none()).count();
    if abstained > 0 {
        console::note(format_args!(
            "{recording}: no label for {abstained} epochs without the required channels"
        ));
    }
    if scored.iter().all(Option::is_none) {
        console::print("this recording has no scored stages")?;
        return Ok(());
    }
    console::print("as scored")?;
    hypnogram(&scored, WIDTH).iter().try_for_each(console::print)?;
    let pairs = scored.iter().zip(&predicted).filter_map(|(truth, predicted)| {
        Some((truth.as_ref()?.index(), predicted.as_ref()?.index()))
    });
    let agreement = ConfusionMatrix::count(Stage::ALL.len(), pairs);
    console::print(format_args!(
        "agreement over {} epochs: balanced accuracy {}, Cohen's kappa {}",
        agreement.total(),
        number(agreement.balanced_accuracy(), 2),
        number(agreement.kappa(), 2)
    ))?;
    Ok(())
}

fn print_counts(engine: &Engine, filter: &Filter, labeller: &Labeller) -> Result<()> {
    // For each recording and label: the epochs with the label, and all judged epochs.
    let mut counts: BTreeMap<(String, &'static str), (usize, usize)> = BTreeMap::new();
    labeller.label(engine, filter, |epoch| {
        for (label, _) in &epoch.probabilities {
            let count = counts.entry((epoch.recording.clone(), *label)).or_default();
            count.0 += usize::from(epoch.labels.contains(label));
            count.1 += 1;
        }
        true
    })?;
    let rows = counts.iter().map(|((recording, label), (n, judged))| {
        vec![recording.clone(), (*label).to_owned(), n.to_string(), judged.to_string()]
    });
    console::print(table(&["recording", "label", ">epochs", ">judged"], rows))?;
    Ok(())
}
