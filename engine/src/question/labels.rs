//! Labels of every epoch, from the concept tracks: stages with the context of the night, or events.

use nocturne_concepts::calibration::EpochModel;
use nocturne_concepts::{Concept, Track};
use nocturne_encoder::{Embedding, PromptSet};
use nocturne_index::{Filter, Recording, RecordingEntry, RowFilter};
use nocturne_psg::Stage;
use nocturne_psg::montage::ChannelMask;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::live::live_collection::PinnedSpace;
use crate::question::label_verdict::LabelVerdict;
use crate::question::learned_concept::{LearnedConcept, expect_concept};

/// The labels of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochLabels {
    /// Name of the recording.
    pub recording: String,
    /// Number of the epoch, from 0.
    pub epoch: u32,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// The labels assigned: at most one stage, any number of events.
    pub labels: Vec<&'static str>,
    /// Every label that was judged, with its probability.
    pub probabilities: Vec<(&'static str, f32)>,
    /// Why no label was judged; `None` if one was.
    pub skipped: Option<crate::question::skip_reason::SkipReason>,
    /// The scored stage, for comparison.
    pub scored_stage: Option<Stage>,
}

/// What epochs are labelled with.
enum LabelSet {
    /// The most probable stage, with the context of the night.
    Stages,
    /// The events whose probability reaches their threshold.
    Events(Vec<(&'static Concept, EpochModel)>),
}

/// See [`Engine::label_epochs`](crate::Engine::label_epochs).
pub(crate) fn label_epochs(
    space: &PinnedSpace,
    filter: &Filter,
    set: &str,
    mut take: impl FnMut(EpochLabels) -> bool,
) -> Result<()> {
    let set = match set {
        "stages" => LabelSet::Stages,
        "events" => LabelSet::Events(event_labels(space)?),
        _ => return Err(Error::field("label_set", format!("`{set}`"), "`stages` or `events`")),
    };
    let snapshot = space.snapshot();
    snapshot.check_filter(filter)?;
    let builder = space.bundle.track_builder()?;
    let entries = snapshot.entries();
    let allowed: Vec<&RecordingEntry> =
        entries.into_iter().filter(|entry| filter.may_allow(entry)).collect();
    let mut damage = None;
    for entry in allowed {
        let (_, track) = space.tracks().tracks(snapshot, builder, &[entry])?.remove(0);
        let Some(track) = track else {
            // Its error is that of reading the recording.
            damage = damage.or(snapshot.recording(&entry.id).err());
            continue;
        };
        let rows = space.allowed_rows(entry, filter)?;
        for epoch in 0..track.n_epochs() {
            if rows.as_ref().is_some_and(|rows| !rows[epoch]) {
                continue;
            }
            let verdict = set.judge(&track, epoch);
            let goes_on = take(EpochLabels {
                recording: entry.id.to_string(),
                epoch: track.number(epoch),
                onset_s: track.onset_s(epoch),
                labels: verdict.labels,
                probabilities: verdict.probabilities,
                skipped: verdict.skipped,
                scored_stage: track.scored_stage(epoch),
            });
            if !goes_on {
                return Ok(());
            }
        }
    }
    damage.map_or(Ok(()), |damage| Err(damage.into()))
}

/// Returns the events that the bundle can label: those whose probabilities were better than their base rate on nights held
/// out.
///
/// # Errors
///
/// [`Error::Unsupported`] if there is none.
fn event_labels(space: &PinnedSpace) -> Result<Vec<(&'static Concept, EpochModel)>> {
    let calibrated = space.bundle.calibration().map(|it| &it.concepts);
    let registry = space.bundle.registry();
    let mut labels: Vec<_> = registry
        .concepts()
        .iter()
        .filter_map(|concept| Some((concept, calibrated?.get(&concept.id)?.clone())))
        .filter(|(_, model)| model.quality.is_useful())
        .collect();
    // Members precede what contains them.
    labels.sort_by_key(|(concept, _)| registry.members(&concept.id).len());
    if labels.is_empty() {
        return Err(Error::Unsupported {
            bundle: space.bundle.manifest.name.clone(),
            feature: "labels of events, because it has no calibration for any",
        });
    }
    Ok(labels)
}

impl LabelSet {
    fn judge(&self, track: &Track, epoch: usize) -> LabelVerdict {
        match self {
            Self::Stages => judge_stage(track, epoch),
            Self::Events(concepts) => judge_events(concepts, track, epoch),
        }
    }
}

/// Assigns the most probable stage. An epoch without a channel that shows stages has none.
fn judge_stage(track: &Track, epoch: usize) -> LabelVerdict {
    let Some(posterior) = track.posterior(epoch) else {
        let labels = PromptSet::stages().labels.iter();
        let hidden = labels.filter(|label| !label.is_visible_in(track.mask(epoch)));
        return LabelVerdict::skipped(hidden);
    };
    let probabilities: Vec<(&'static str, f32)> =
        Stage::ALL.iter().map(|stage| stage.code()).zip(posterior).collect();
    let best = probabilities.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(label, _)| *label);
    LabelVerdict { labels: best.into_iter().collect(), probabilities, skipped: None }
}

/// Assigns every event whose probability reaches its threshold. An event that no channel of the epoch shows is not judged.
fn judge_events(
    concepts: &[(&'static Concept, EpochModel)],
    track: &Track,
    epoch: usize,
) -> LabelVerdict {
    let mut verdict = LabelVerdict { labels: vec![], probabilities: vec![], skipped: None };
    for (concept, model) in concepts {
        let column = track.concept(&concept.id);
        let Some(p) = column.and_then(|column| track.probability(column, epoch)) else { continue };
        verdict.probabilities.push((&concept.id, p));
        // What contains an event of the epoch is there, too.
        let has_member = concept.members.iter().any(|id| verdict.labels.contains(&id.as_str()));
        if p >= model.threshold || has_member {
            verdict.labels.push(&concept.id);
        }
    }
    if verdict.probabilities.is_empty() {
        let needs = concepts.iter().flat_map(|(concept, _)| concept.channels());
        return LabelVerdict::without_channels(needs.collect());
    }
    verdict
}

/// See [`Engine::label_epochs_by`](crate::Engine::label_epochs_by).
pub(crate) fn label_epochs_by(
    space: &PinnedSpace,
    filter: &Filter,
    concept: &LearnedConcept,
    mut take: impl FnMut(EpochLabels) -> bool,
) -> Result<()> {
    expect_concept(space, concept)?;
    let verdict = |scores: &[f32], mask| concept.judge(scores[0], mask);
    let direction = std::slice::from_ref(&concept.direction);
    let snapshot = space.snapshot();
    snapshot.check_filter(filter)?;
    let mut damage = None;
    let entries = snapshot.entries().into_iter();
    for entry in entries.filter(|entry| filter.may_allow(entry)) {
        let recording = match snapshot.recording(&entry.id) {
            Err(error) if error.is_damage() => {
                damage.get_or_insert(error);
                continue;
            }
            other => other?,
        };
        let Some(rows) = recording.filter(filter) else { continue };
        if !label_recording(&recording, &rows, direction, verdict, &mut take)? {
            return Ok(());
        }
    }
    damage.map_or(Ok(()), |damage| Err(damage.into()))
}

/// Labels the allowed epochs of a recording; returns whether `take` accepts more.
fn label_recording(
    recording: &Recording,
    rows: &RowFilter<'_>,
    prompts: &[Embedding],
    verdict: impl Fn(&[f32], ChannelMask) -> LabelVerdict,
    take: &mut impl FnMut(EpochLabels) -> bool,
) -> Result<bool> {
    for row in (0..recording.n_epochs()).filter(|row| rows.allows(*row)) {
        let info = recording.row(row);
        let verdict = verdict(&recording.cosines(row, prompts)?, info.mask);
        let goes_on = take(EpochLabels {
            recording: recording.id().to_string(),
            epoch: info.number.0,
            onset_s: info.onset_s,
            labels: verdict.labels,
            probabilities: verdict.probabilities,
            skipped: verdict.skipped,
            scored_stage: info.stage,
        });
        if !goes_on {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use nocturne_psg::montage::Channel;

    use super::*;
    use crate::question::skip_reason::SkipReason;
    use crate::tests::collections::{damage, fill, live, night, pinned};

    fn label_all(space: &PinnedSpace, filter: &Filter, set: &str) -> Vec<EpochLabels> {
        let mut all = Vec::new();
        let take = |labels| {
            all.push(labels);
            true
        };
        label_epochs(space, filter, set, take).unwrap();
        all
    }

    #[test]
    fn every_allowed_epoch_is_labelled_in_order() {
        let (_folder, space) = pinned([night("b", "RR"), night("a", "WW223")]);
        let labels = label_all(&space, &Filter::default(), "stages");
        let named: Vec<_> =
            labels.iter().map(|it| (it.recording.as_str(), it.epoch, it.labels[0])).collect();
        let expected = [
            ("a", 0, "W"),
            ("a", 1, "W"),
            ("a", 2, "N2"),
            ("a", 3, "N2"),
            ("a", 4, "N3"),
            ("b", 0, "R"),
            ("b", 1, "R"),
        ];
        assert_eq!(named, expected);
        assert_eq!((labels[2].scored_stage, labels[2].onset_s), (Some(Stage::N2), 60.0));
        let sum: f32 = labels[2].probabilities.iter().map(|(_, p)| p).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{labels:?}");
        let filter = Filter { stages: Some([Stage::N2].into()), ..Filter::default() };
        assert_eq!(label_all(&space, &filter, "stages").len(), 2);
    }

    #[test]
    fn events_are_labelled_by_their_threshold() {
        let (_folder, space) = pinned([night("a", "22!")]);
        let labels = label_all(&space, &Filter::default(), "events");
        assert!(labels[0].labels.is_empty());
        assert_eq!(labels[1].labels, ["arousal"]);
        assert_eq!(labels[1].probabilities.len(), 1);
    }

    #[test]
    fn epochs_without_the_channels_are_skipped() {
        let mut draft = night("a", "22!");
        draft.epochs[1].mask = ChannelMask::from_iter([Channel::Ecg]);
        let (_folder, space) = pinned([draft]);
        for set in ["stages", "events"] {
            let labels = label_all(&space, &Filter::default(), set);
            let Some(SkipReason::NoChannels { needs }) = &labels[1].skipped else {
                panic!("{labels:?}")
            };
            assert!(needs.contains(&"EEG_C3_A2") && !needs.contains(&"ECG"), "{needs:?}");
            assert!(labels[1].labels.is_empty() && labels[1].probabilities.is_empty());
        }
    }

    #[test]
    fn labelling_stops_when_no_more_are_taken() {
        let (_folder, space) = pinned([night("a", "W23"), night("b", "W")]);
        let mut n = 0;
        let take = |_| {
            n += 1;
            n < 2
        };
        label_epochs(&space, &Filter::default(), "stages", take).unwrap();
        assert_eq!(n, 2);
    }

    #[test]
    fn unknown_label_set_is_refused() {
        let (_folder, space) = pinned([night("a", "W")]);
        let error = label_epochs(&space, &Filter::default(), "moods", |_| true).unwrap_err();
        assert_eq!(error.to_string(), "`label_set` is `moods`; expected `stages` or `events`");
    }

    #[test]
    fn damage_is_returned_after_the_other_recordings_are_labelled() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), [night("a", "W2"), night("b", "W")]);
        damage(folder.path(), "a");
        let space = live(folder.path()).newest().unwrap();
        let mut labelled = Vec::new();
        let take = |labels: EpochLabels| {
            labelled.push(labels.recording);
            true
        };
        let error = label_epochs(&space, &Filter::default(), "stages", take).unwrap_err();
        assert!(matches!(&error, Error::Index(error) if error.is_damage()), "{error}");
        assert_eq!(labelled, ["b"]);
    }
}
