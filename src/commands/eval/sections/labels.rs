//! The sections of a card about stages and events.

use nocturne_eval::{Agreement, ByPrompt, CalibrationError, Evaluation};

use super::super::card::Section;
use super::with_interval;
use crate::table::number;

pub(super) fn stages(evaluation: &Evaluation) -> Option<Section> {
    let stages = evaluation.stages.as_ref()?;
    let row = |name: &str, it: &Agreement| {
        vec![
            name.to_owned(),
            with_interval(it.balanced_accuracy, &it.ci95, "balanced_accuracy"),
            with_interval(it.macro_f1, &it.ci95, "macro_f1"),
            with_interval(it.kappa, &it.ci95, "kappa"),
            it.epochs.to_string(),
        ]
    };
    let alone = row("each epoch alone", &stages.agreement);
    let neighbours =
        stages.with_neighbours.as_ref().map(|it| row("with two neighbours on each side", it));
    let wake = with_interval(evaluation.wake_vs_deep_auroc, &evaluation.ci95, "wake_vs_deep_auroc");
    Some(Section {
        heading: "Stages by nearest prompt",
        columns: vec!["", ">balanced accuracy", ">macro F1", ">kappa", ">epochs"],
        rows: [Some(alone), neighbours].into_iter().flatten().collect(),
        after: vec![format!("AUROC of wake against N3: {wake}.")],
        ..Section::default()
    })
}

pub(super) fn confusion(evaluation: &Evaluation) -> Option<Section> {
    let stages = evaluation.stages.as_ref()?;
    let rows = stages.labels.iter().zip(&stages.confusion).map(|(label, row)| {
        let counts = row.iter().map(usize::to_string);
        let f1 = number(stages.f1.get(label).copied(), 3);
        std::iter::once((*label).to_owned()).chain(counts).chain([f1]).collect()
    });
    Some(Section {
        heading: "Scored stages (rows) and predictions (columns)",
        columns: vec!["scored", ">W", ">N1", ">N2", ">N3", ">R", ">F1"],
        rows: rows.collect(),
        ..Section::default()
    })
}

pub(super) fn events(evaluation: &Evaluation) -> Option<Section> {
    let rows = evaluation.events.iter().map(|(name, event)| {
        vec![
            name.clone(),
            with_interval(Some(event.auroc), &event.ci95, "auroc"),
            with_interval(event.auprc, &event.ci95, "auprc"),
            number(Some(event.prevalence), 3),
            event.epochs.to_string(),
        ]
    });
    let mean = evaluation.events_mean.as_ref().map(|mean| {
        let figure = with_interval(Some(mean.auroc), &mean.ci95, "auroc");
        format!("Mean AUROC {figure} over {}.", mean.over.join(", "))
    });
    (!evaluation.events.is_empty()).then(|| Section {
        heading: "Events by their prompts, in epochs of sleep",
        columns: vec!["event", ">AUROC", ">AUPRC", ">prevalence", ">epochs"],
        rows: rows.collect(),
        after: mean.into_iter().collect(),
        ..Section::default()
    })
}

pub(super) fn wordings(evaluation: &Evaluation) -> Option<Section> {
    let row = |name: &str, it: &ByPrompt| {
        vec![
            name.to_owned(),
            it.prompts.to_string(),
            format!("{:.3}", it.mean),
            number(it.sd, 3),
            format!("{:.3}", it.worst),
            it.worst_prompt.clone(),
        ]
    };
    let stages = evaluation.stages.iter().filter_map(|it| it.by_prompt.as_ref());
    let stages = stages.map(|it| row("stages, balanced accuracy", it));
    let events = evaluation.events.iter().filter_map(|(name, event)| {
        event.by_prompt.as_ref().map(|it| row(&format!("{name}, AUROC"), it))
    });
    let rows: Vec<Vec<String>> = stages.chain(events).collect();
    (!rows.is_empty()).then(|| Section {
        heading: "Single prompts",
        columns: vec!["", ">prompts", ">mean", ">sd", ">worst", "worst prompt"],
        rows,
        ..Section::default()
    })
}

pub(super) fn calibration(evaluation: &Evaluation) -> Option<Section> {
    let row = |name: &str, it: &CalibrationError| {
        vec![
            name.to_owned(),
            with_interval(it.ece, &it.ci95, "ece"),
            with_interval(it.brier, &it.ci95, "brier"),
        ]
    };
    let stages = evaluation.stages.iter().map(|it| row("stages", &it.calibration));
    let events = evaluation.events.iter();
    let events = events.filter_map(|(name, it)| Some(row(name, it.calibration.as_ref()?)));
    let rows: Vec<Vec<String>> = stages.chain(events).collect();
    (!rows.is_empty()).then(|| Section {
        heading: "Calibration",
        columns: vec!["", ">calibration error", ">Brier"],
        rows,
        ..Section::default()
    })
}
