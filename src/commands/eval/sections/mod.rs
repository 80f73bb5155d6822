//! The sections of an evaluation card.

mod labels;
mod trust;

use nocturne_eval::{
    Evaluation, FewShot, FewShotAccuracy, FewShotPoint, HeldOut, Intervals, ResamplingUnit,
    Retrieval,
};

use super::card::{Card, Section};
use crate::table::number;

/// Creates the card of an evaluation.
pub(super) fn card(evaluation: &Evaluation) -> Card {
    let Evaluation { bundle, recordings, epochs, bundle_fingerprint, .. } = evaluation;
    let sections = [
        Some(how(evaluation, bundle_fingerprint)),
        labels::stages(evaluation),
        labels::confusion(evaluation),
        labels::events(evaluation),
        labels::wordings(evaluation),
        labels::calibration(evaluation),
        retrieval(evaluation),
        nights(evaluation),
        evaluation.few_shot.as_ref().map(few_shot),
        trust::by_channels(evaluation),
        trust::localisation(evaluation),
        trust::captions(evaluation),
        not_judged(evaluation),
    ];
    let s = if *recordings == 1 { "" } else { "s" };
    Card {
        title: format!("{bundle} on {recordings} recording{s} with {epochs} epochs"),
        sections: sections.into_iter().flatten().collect(),
    }
}

fn how(evaluation: &Evaluation, fingerprint: &str) -> Section {
    let drawn = evaluation.resampling;
    let unit = match drawn.unit {
        ResamplingUnit::Subject => "subjects, each with all their recordings",
        ResamplingUnit::HalfHour => {
            "half hours of the only subject, which do not show the variation between subjects"
        }
    };
    let mut before = vec![
        format!("Fingerprint of the bundle: `{fingerprint}`."),
        format!(
            "Brackets contain 95 % bootstrap intervals: {} {unit}, resampled {} times.",
            drawn.units, drawn.draws
        ),
    ];
    if drawn.units < 10 {
        before.push("With fewer than ten of them the intervals are too narrow.".to_owned());
    }
    Section { heading: "Method", before, ..Section::default() }
}

fn retrieval(evaluation: &Evaluation) -> Option<Section> {
    let report = evaluation.retrieval.as_ref()?;
    let row = |way: &str, it: &Retrieval| {
        vec![
            way.to_owned(),
            it.gallery.to_string(),
            it.captions.to_string(),
            with_interval(Some(it.r1), &it.ci95, "r1"),
            with_interval(Some(it.r5), &it.ci95, "r5"),
            with_interval(Some(it.r10), &it.ci95, "r10"),
            with_interval(Some(it.mrr), &it.ci95, "mrr"),
            it.label_map.map_or_else(
                || "–".to_owned(),
                |map| format!("{map:.3} (random {})", number(it.label_map_by_chance, 3)),
            ),
        ]
    };
    let mut rows = vec![
        row("caption to epoch", &report.text_to_epoch),
        row("epoch to caption", &report.epoch_to_text),
    ];
    if let Some(large) = &report.large_gallery {
        rows.push(row("caption to epoch", &large.text_to_epoch));
        rows.push(row("epoch to caption", &large.epoch_to_text));
    }
    let columns = vec![
        "",
        ">gallery",
        ">captions",
        ">R@1",
        ">R@5",
        ">R@10",
        ">MRR",
        ">mAP of stage and events",
    ];
    Some(Section { heading: "Retrieval", columns, rows, ..Section::default() })
}

fn nights(evaluation: &Evaluation) -> Option<Section> {
    let rows = evaluation.nights.iter().map(|(name, nights)| {
        let spearman = with_interval(nights.spearman, &nights.ci95, "spearman");
        vec![name.clone(), spearman, nights.nights.to_string()]
    });
    (!evaluation.nights.is_empty()).then(|| Section {
        heading: "Ranking of nights by rate per hour of sleep",
        columns: vec!["rate of", ">Spearman", ">nights"],
        rows: rows.collect(),
        ..Section::default()
    })
}

fn few_shot(few_shot: &FewShot) -> Section {
    let FewShot { held_out, folds, seeds, curve } = few_shot;
    let origin = match held_out {
        HeldOut::Subjects => format!(
            "Labelled epochs come from other subjects than the evaluated ones ({folds} folds)."
        ),
        HeldOut::Hours => format!(
            "There is only one subject: labelled epochs come from other hours than the evaluated ones ({folds} folds), \
             so the figures do not show variation between subjects."
        ),
    };
    let accuracy = |it: &FewShotAccuracy| {
        let mean = with_interval(it.balanced_accuracy, &it.ci95, "balanced_accuracy");
        format!("{mean} ± {}", number(it.sd, 3))
    };
    let row = |point: &FewShotPoint| {
        vec![
            point.shots.to_string(),
            point.fewest.to_string(),
            accuracy(&point.alone),
            accuracy(&point.with_neighbours),
        ]
    };
    Section {
        heading: "Stages from a few labelled epochs",
        before: vec![format!(
            "{origin} ± is the standard deviation over {seeds} random choices of labelled epochs."
        )],
        columns: vec![
            ">labelled epochs per stage",
            ">fewest available",
            ">balanced accuracy",
            ">with two neighbours on each side",
        ],
        rows: curve.iter().map(row).collect(),
        ..Section::default()
    }
}

fn not_judged(evaluation: &Evaluation) -> Option<Section> {
    let before: Vec<String> =
        evaluation.not_judged.iter().map(|reason| format!("- {reason}")).collect();
    (!before.is_empty()).then(|| Section { heading: "Not evaluated", before, ..Section::default() })
}

/// Formats a value with its interval.
fn with_interval(figure: Option<f64>, intervals: &Intervals, name: &str) -> String {
    let figure = number(figure, 3);
    match intervals.get(name).copied().flatten() {
        Some([low, high]) => format!("{figure} [{low:.3}, {high:.3}]"),
        None => figure,
    }
}
