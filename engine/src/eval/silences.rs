//! What could not be judged, and why: nothing is left out in silence.

use nocturne_encoder::PromptSet;

use super::Evaluation;
use super::units::Unit;

/// Says what could not be judged, by the name of its field.
pub(super) fn of(evaluation: &Evaluation) -> Vec<String> {
    let mut silences = Vec::new();
    let mut note = |is_missing: bool, text: &str| {
        if is_missing {
            silences.push(text.to_owned());
        }
    };
    let Evaluation { stages, events, retrieval, nights, few_shot, resampling, .. } = evaluation;
    note(stages.is_none(), "stages: no epoch is scored and has an EEG or EOG channel");
    note(
        evaluation.wake_vs_deep_auroc.is_none(),
        "wake_vs_deep_auroc: the epochs are not both of wake and of N3",
    );
    note(
        events.is_empty(),
        "events: no epoch of sleep with the channels for it has a scored event",
    );
    note(retrieval.is_none(), "retrieval: fewer than two epochs have a caption");
    note(
        retrieval.as_ref().is_some_and(|retrieval| retrieval.large_gallery.is_none()),
        "retrieval.large_gallery: no more captions than in the gallery of 1000 are there or were asked for",
    );
    note(
        nights.is_empty(),
        "nights: fewer than three recordings have stages, scored events and the channels for a concept",
    );
    note(
        few_shot.is_none(),
        "few_shot: one part of one recording is scored, or only one stage; there is nothing to hold out",
    );
    note(
        evaluation.localisation.is_empty(),
        "localisation: the bundle does not tell where it looks, or no epoch of sleep has a scored event",
    );
    for (name, lack) in [
        ("all", "no scored epoch was to be encoded with channels hidden"),
        ("eeg_eog_emg", "the recordings have none of these channels, or no other"),
        ("one_eeg", "the recordings have no EEG channel, or no other channel"),
        ("cardio_respiratory", "the recordings have none of these channels, or no other"),
    ] {
        note(!evaluation.by_channels.contains_key(name), &format!("by_channels.{name}: {lack}"));
    }
    note(
        evaluation.captions.is_empty(),
        "captions: the bundle has no captioner, or no caption was to be made",
    );
    note(resampling.units < 2, "ci95: there is one unit, and drawing it again says nothing");
    note(
        resampling.unit == Unit::HalfHour && resampling.units > 1,
        "ci95 across people: there is one person, so half hours of the recordings were drawn",
    );
    let names = PromptSet::events().labels.iter().map(|label| label.name.as_str());
    let missing: Vec<&str> = names.filter(|name| !events.contains_key(*name)).collect();
    if !missing.is_empty() && !events.is_empty() {
        silences.push(format!(
            "events.NAME: of {}, no or every epoch of sleep with the channels has one, or none was scored",
            missing.join(", ")
        ));
    }
    silences
}
