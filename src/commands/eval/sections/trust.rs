//! The sections of a card about missing channels, localisation and captions.

use nocturne_eval::Evaluation;

use super::super::card::Section;
use super::with_interval;

pub(super) fn by_channels(evaluation: &Evaluation) -> Option<Section> {
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
        heading: "Subsets of channels",
        before: vec![
            "An even sample of the scored epochs, encoded again with the other channels hidden."
                .to_owned(),
        ],
        columns: vec!["channels", "", ">value", ">epochs"],
        rows: stages.chain(events).collect(),
        ..Section::default()
    })
}

pub(super) fn localisation(evaluation: &Evaluation) -> Option<Section> {
    let rows = evaluation.localisation.iter().map(|(name, it)| {
        vec![
            name.clone(),
            with_interval(Some(it.hit_rate), &it.ci95, "hit_rate"),
            format!("{:.3}", it.hit_rate_by_chance),
            with_interval(Some(it.channel_rate), &it.ci95, "channel_rate"),
            format!("{:.3}", it.channel_rate_by_chance),
            with_interval(Some(it.iou), &it.ci95, "iou"),
            format!("{:.3}", it.iou_by_chance),
            it.epochs.to_string(),
        ]
    });
    (!evaluation.localisation.is_empty()).then(|| Section {
        heading: "Localisation of events by words",
        before: vec![
            "`hit`: share of epochs in which the second that matches the prompts best is within the event. \
             `channel`: share in which the channel that matches best at that second shows the event. \
             `IoU`: overlap of the event with as many of the seconds that match best as it has."
                .to_owned(),
        ],
        columns: vec![
            "event", ">hit", ">random", ">channel", ">random", ">IoU", ">random", ">epochs",
        ],
        rows: rows.collect(),
        ..Section::default()
    })
}

pub(super) fn captions(evaluation: &Evaluation) -> Option<Section> {
    let rows = evaluation.captions.iter().map(|(kind, it)| {
        let share = |figure: Option<f64>, name: &str| with_interval(figure, &it.ci95, name);
        vec![
            (*kind).to_owned(),
            it.captions.to_string(),
            share(it.token_accuracy, "token_accuracy"),
            share(it.numbers_right, "numbers_right"),
            it.numbers.to_string(),
            share(it.stage_right, "stage_right"),
            share(it.event_precision, "event_precision"),
            share(it.event_recall, "event_recall"),
        ]
    });
    (!evaluation.captions.is_empty()).then(|| Section {
        heading: "Captions",
        before: vec![
            "`tokens`: share of the tokens of a correct caption that were the most likely after their predecessors. \
             Numbers are correct within a fifth, times within a second."
                .to_owned(),
        ],
        columns: vec![
            "kind", ">captions", ">tokens", ">numbers correct", ">numbers", ">stage correct",
            ">event precision", ">event recall",
        ],
        rows: rows.collect(),
        ..Section::default()
    })
}
