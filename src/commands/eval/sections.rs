//! What of an evaluation goes into its card.

use nocturne_engine::eval::{
    Agreement, ByPrompt, CalibrationError, Evaluation, FewShot, FewShotAccuracy, HeldOut,
    Intervals, Occlusion, Retrieval, Unit,
};

use super::card::{Card, Section};
use crate::table::number;

/// Makes the card of an evaluation.
pub(super) fn card(evaluation: &Evaluation) -> Card {
    let Evaluation { bundle, recordings, epochs, bundle_fingerprint, .. } = evaluation;
    let sections = [
        Some(how(evaluation, bundle_fingerprint)),
        stages(evaluation),
        confusion(evaluation),
        events(evaluation),
        wordings(evaluation),
        calibration(evaluation),
        retrieval(evaluation),
        nights(evaluation),
        evaluation.few_shot.as_ref().map(few_shot),
        by_channels(evaluation),
        localisation(evaluation),
        evaluation.occlusion.as_ref().map(occlusion),
        not_judged(evaluation),
    ];
    Card {
        title: format!("{bundle} on {recordings} recordings with {epochs} epochs"),
        sections: sections.into_iter().flatten().collect(),
    }
}

fn how(evaluation: &Evaluation, fingerprint: &str) -> Section {
    let drawn = evaluation.resampling;
    let unit = match drawn.unit {
        Unit::Recording => "recordings, each taken for that of another person",
        Unit::HalfHour => "half hours of the only recording, which say nothing of other people",
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

fn stages(evaluation: &Evaluation) -> Option<Section> {
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
        stages.with_neighbours.as_ref().map(|it| row("with two neighbours each side", it));
    let wake = with_interval(evaluation.wake_vs_deep_auroc, &evaluation.ci95, "wake_vs_deep_auroc");
    Some(Section {
        heading: "Stages by nearest prompt",
        columns: vec!["", ">balanced accuracy", ">macro F1", ">kappa", ">epochs"],
        rows: [Some(alone), neighbours].into_iter().flatten().collect(),
        after: vec![format!("Wake against N3: AUROC {wake}.")],
        ..Section::default()
    })
}

fn confusion(evaluation: &Evaluation) -> Option<Section> {
    let stages = evaluation.stages.as_ref()?;
    let rows = stages.labels.iter().zip(&stages.confusion).map(|(label, row)| {
        let counts = row.iter().map(usize::to_string);
        let f1 = number(stages.f1.get(label).copied(), 3);
        std::iter::once((*label).to_owned()).chain(counts).chain([f1]).collect()
    });
    Some(Section {
        heading: "Scored stages (rows) and guesses",
        columns: vec!["scored", ">W", ">N1", ">N2", ">N3", ">R", ">F1"],
        rows: rows.collect(),
        ..Section::default()
    })
}

fn events(evaluation: &Evaluation) -> Option<Section> {
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

fn wordings(evaluation: &Evaluation) -> Option<Section> {
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
        heading: "One wording instead of all",
        columns: vec!["", ">wordings", ">mean", ">sd", ">worst", "the worst"],
        rows,
        ..Section::default()
    })
}

fn calibration(evaluation: &Evaluation) -> Option<Section> {
    let row = |name: &str, it: &CalibrationError, note: &str| {
        vec![
            name.to_owned(),
            with_interval(it.ece, &it.ci95, "ece"),
            with_interval(it.brier, &it.ci95, "brier"),
            note.to_owned(),
        ]
    };
    let stages = evaluation.stages.iter().map(|it| row("stages", &it.calibration, ""));
    let events = evaluation.events.iter().map(|(name, it)| {
        row(
            name,
            &it.calibration,
            if it.is_calibrated { "" } else { "the bundle calibrates it not" },
        )
    });
    let rows: Vec<Vec<String>> = stages.chain(events).collect();
    (!rows.is_empty()).then(|| Section {
        heading: "Are the probabilities right?",
        columns: vec!["", ">calibration error", ">Brier", ""],
        rows,
        ..Section::default()
    })
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
        HeldOut::Recordings => "recordings",
        HeldOut::Hours => "hours of the only recording, which says nothing of other people",
    };
    let accuracy = |it: &FewShotAccuracy| {
        let mean = with_interval(it.balanced_accuracy, &it.ci95, "balanced_accuracy");
        format!("{mean} ± {}", number(it.sd, 3))
    };
    let row = |point: &nocturne_engine::eval::FewShotPoint| {
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

fn by_channels(evaluation: &Evaluation) -> Option<Section> {
    let choices = &evaluation.by_channels;
    let stages = choices.iter().filter_map(|(name, choice)| {
        let stages = choice.stages.as_ref()?;
        let figure = with_interval(stages.balanced_accuracy, &stages.ci95, "balanced_accuracy");
        let what = "stages, balanced accuracy".to_owned();
        Some(vec![(*name).to_owned(), what, figure, stages.epochs.to_string()])
    });
    let events = choices.iter().flat_map(|(name, choice)| {
        choice.events.iter().map(move |(event, it)| {
            let figure = with_interval(Some(it.auroc), &it.ci95, "auroc");
            vec![(*name).to_owned(), format!("{event}, AUROC"), figure, it.epochs.to_string()]
        })
    });
    (!choices.is_empty()).then(|| Section {
        heading: "With some channels only",
        before: vec![
            "An even sample of the scored epochs was encoded again with channels hidden."
                .to_owned(),
        ],
        columns: vec!["channels", "", ">figure", ">epochs"],
        rows: stages.chain(events).collect(),
        ..Section::default()
    })
}

fn localisation(evaluation: &Evaluation) -> Option<Section> {
    let rows = evaluation.localisation.iter().map(|(name, it)| {
        vec![
            name.clone(),
            with_interval(Some(it.hit_rate), &it.ci95, "hit_rate"),
            format!("{:.3}", it.hit_rate_by_chance),
            with_interval(Some(it.iou), &it.ci95, "iou"),
            format!("{:.3}", it.iou_by_chance),
            it.epochs.to_string(),
        ]
    });
    (!evaluation.localisation.is_empty()).then(|| Section {
        heading: "Does the encoder look where the event is?",
        before: vec![
            "The most attended second of the channels that show an event is one of it in the share `hit`; as many \
             seconds as it has, the most attended, overlap with it by `IoU`."
                .to_owned(),
        ],
        columns: vec!["event", ">hit", ">by chance", ">IoU", ">by chance", ">epochs"],
        rows: rows.collect(),
        ..Section::default()
    })
}

fn occlusion(occlusion: &Occlusion) -> Section {
    let Occlusion { epochs, hidden, similarity, attended, random, attended_cost_more } = occlusion;
    let sentence = format!(
        "Hiding {hidden} of 300 channel seconds in {epochs} epochs: the cosine to the caption, {similarity:.3}, \
         changes by {attended:+.3} where the most attended are hidden and by {random:+.3} where others are; \
         the attended cost more in {:.0} % of the epochs.",
        100.0 * attended_cost_more
    );
    Section {
        heading: "May the attention be believed?",
        before: vec![sentence],
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
