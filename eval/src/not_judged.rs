//! The sections that could not be judged, with reasons, so that no section is omitted silently.

use nocturne_encoder::PromptSet;

use crate::evaluation::Evaluation;
use crate::resampling::ResamplingUnit;

/// Returns a sentence for each figure that could not be judged, after the name of its field.
pub(crate) fn of(evaluation: &Evaluation) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut note = |is_missing: bool, sentence: &str| {
        if is_missing {
            sentences.push(sentence.to_owned());
        }
    };
    let Evaluation { stages, events, retrieval, nights, few_shot, resampling, .. } = evaluation;
    note(stages.is_none(), "stages: no epoch is scored and has an EEG or EOG channel");
    note(
        evaluation.wake_vs_deep_auroc.is_none(),
        "wake_vs_deep_auroc: there are no scored epochs of both wake and N3",
    );
    note(
        events.is_empty(),
        "events: no epoch of sleep with the channels of an event has a scored event",
    );
    note(retrieval.is_none(), "retrieval: fewer than two epochs have a caption");
    note(
        retrieval.as_ref().is_some_and(|retrieval| retrieval.large_gallery.is_none()),
        "retrieval.large_gallery: 1000 captions or fewer are available or were requested",
    );
    note(
        nights.is_empty(),
        "nights: fewer than three recordings have stages, scored events and the channels of an event",
    );
    note(
        few_shot.is_none(),
        "few_shot: nothing to hold out; only one fold or only one stage is scored",
    );
    note(
        evaluation.localisation.is_empty(),
        "localisation: not requested, or no epoch of sleep has a scored event",
    );
    for (name, reason) in [
        ("all", "no scored epoch was encoded with channels hidden"),
        ("eeg_eog_emg", "the recordings have none of these channels, or no others"),
        ("one_eeg", "the recordings have no EEG channel, or no other channel"),
        ("cardio_respiratory", "the recordings have none of these channels, or no others"),
    ] {
        note(!evaluation.by_channels.contains_key(name), &format!("by_channels.{name}: {reason}"));
    }
    note(
        evaluation.captions.is_empty(),
        "captions: the bundle has no captioner, or no caption was requested",
    );
    note(resampling.units < 2, "ci95: there is only one unit, so nothing can be resampled");
    note(
        resampling.unit == ResamplingUnit::HalfHour && resampling.units > 1,
        "ci95 across people: there is only one person, so half hours were resampled",
    );
    let names = PromptSet::events().labels.iter().map(|label| label.name.as_str());
    let missing: Vec<&str> = names.filter(|name| !events.contains_key(*name)).collect();
    if !missing.is_empty() && !events.is_empty() {
        sentences.push(format!(
            "events.NAME: {}: not scored, or in none or all epochs of sleep with the channels",
            missing.join(", ")
        ));
    }
    sentences
}
