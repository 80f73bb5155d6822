//! What of an evaluation goes into its card.

mod labels;
mod trust;

use nocturne_eval::{
    Evaluation, FewShot, FewShotAccuracy, FewShotPoint, HeldOut, Intervals, ResamplingUnit,
    Retrieval,
};

use super::card::{Card, Section};
use crate::table::number;

/// Makes the card of an evaluation.
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
        evaluation.occlusion.as_ref().map(trust::occlusion),
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
        ResamplingUnit::Subject => "people, each with all recordings",
        ResamplingUnit::HalfHour => {
            "half hours of the only person, which say nothing of other people"
        }
    };
    let mut before = vec![
        format!("The bundle's fingerprint is `{fingerprint}`."),
        format!(
            "In brackets are 95 % intervals of a bootstrap: {} {unit}, were drawn again {} times.",
            drawn.units, drawn.draws
        ),
    ];
    if drawn.units < 10 {
        before.push("With so few of them the intervals are too narrow.".to_owned());
    }
    Section { heading: "How this was measured", before, ..Section::default() }
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
                |map| format!("{map:.3} (chance {})", number(it.label_map_by_chance, 3)),
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
        heading: "Nights by rate per hour of sleep",
        columns: vec!["nights by rate of", ">Spearman", ">nights"],
        rows: rows.collect(),
        ..Section::default()
    })
}

fn few_shot(few_shot: &FewShot) -> Section {
    let FewShot { held_out, folds, seeds, curve } = few_shot;
    let others = match held_out {
        HeldOut::Subjects => "people",
        HeldOut::Hours => "hours of the only person, which says nothing of other people",
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
            "The labelled epochs come from other {others}; {folds} parts were held out in turn, for {seeds} choices of \
             labelled epochs, whose deviation stands behind ±."
        )],
        columns: vec![
            ">labelled of each stage",
            ">fewest there are",
            ">balanced accuracy",
            ">with two neighbours each side",
        ],
        rows: curve.iter().map(row).collect(),
        ..Section::default()
    }
}

fn not_judged(evaluation: &Evaluation) -> Option<Section> {
    let before: Vec<String> =
        evaluation.not_judged.iter().map(|silence| format!("- {silence}")).collect();
    (!before.is_empty()).then(|| Section { heading: "Not judged", before, ..Section::default() })
}

/// Returns a figure with its interval behind it.
fn with_interval(figure: Option<f64>, intervals: &Intervals, name: &str) -> String {
    let figure = number(figure, 3);
    match intervals.get(name).copied().flatten() {
        Some([low, high]) => format!("{figure} [{low:.3}, {high:.3}]"),
        None => figure,
    }
}
