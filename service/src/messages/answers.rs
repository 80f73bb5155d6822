//! Answers: types of the engine to messages of the contract.

use nocturne_concepts::Source;
use nocturne_concepts::calibration::Origin;
use nocturne_encoder::PromptSet;
use nocturne_engine::{
    CaptionAnswer, EngineInfo, EpochAnswer, EpochHit, EpochLabels, Measurement, NightAnswer,
    NightBlock, NightHit, NightRank, NightRanking, NoInterval, RecordingPage, ScoreKind,
    SkipReason, SkippedNight, TextReading,
};
use nocturne_index::{FacetCounts, FacetValue, Recording, RecordingEntry};
use nocturne_proto::v1;
use nocturne_psg::{Stage, ZScore};

pub(crate) fn epoch_answer(answer: EpochAnswer) -> v1::SearchEpochsResponse {
    let EpochAnswer { hits, score, reading, nothing_matches, skipped, missing, plan } = answer;
    let score = match score {
        ScoreKind::Cosine => v1::ScoreKind::Cosine,
        ScoreKind::Probability => v1::ScoreKind::Probability,
    };
    v1::SearchEpochsResponse {
        hits: hits.into_iter().map(epoch_hit).collect(),
        reading: reading.map(text_reading),
        missing,
        plan,
        score: score.into(),
        nothing_matches,
        skipped: skipped.into_iter().map(skipped_night).collect(),
    }
}

pub(crate) fn night_ranking(ranking: NightRanking) -> v1::RankNightsResponse {
    let NightRanking { nights, reading, nothing_matches, missing } = ranking;
    let night = |night: NightRank| v1::NightRank {
        recording: night.recording,
        score: night.score,
        epochs: night.epochs.into_iter().map(epoch_hit).collect(),
    };
    v1::RankNightsResponse {
        nights: nights.into_iter().map(night).collect(),
        reading: Some(text_reading(reading)),
        nothing_matches,
        missing,
    }
}

fn skipped_night(night: SkippedNight) -> v1::SkippedNight {
    v1::SkippedNight { reason: night.reason.to_string(), recording: night.recording }
}

fn epoch_hit(hit: EpochHit) -> v1::EpochHit {
    v1::EpochHit {
        epoch: Some(v1::EpochRef { recording: hit.recording, number: hit.epoch }),
        score: hit.score,
        onset_s: hit.onset_s,
        local_time: hit.local_time.unwrap_or_default(),
        stage: stage(hit.stage).into(),
        events: hit.events.into_iter().map(str::to_owned).collect(),
        channels: hit.channels.into_iter().map(str::to_owned).collect(),
    }
}

fn text_reading(reading: TextReading) -> v1::TextReading {
    let TextReading { truncated, unknown_words, typed } = reading;
    v1::TextReading { truncated, unknown_words, typed: typed.unwrap_or_default() }
}

pub(crate) fn night_answer(answer: NightAnswer) -> v1::SearchNightsResponse {
    let NightAnswer { reading, cautions, blocks, judged, uncertain_left_out, skipped, population } =
        answer;
    let population = population.map(|it| v1::Population {
        simulated: it.origin == Origin::Simulated,
        name: it.name,
        nights: it.nights as u64,
        min_channels: it.min_channels as u32,
    });
    v1::SearchNightsResponse {
        blocks: blocks.into_iter().map(night_block).collect(),
        skipped: skipped.into_iter().map(skipped_night).collect(),
        reading: Some(v1::QuestionReading { typed: reading.typed, sentence: reading.sentence }),
        cautions,
        population,
        judged: judged as u64,
        uncertain_left_out: uncertain_left_out as u64,
    }
}

fn night_block(block: NightBlock) -> v1::NightBlock {
    v1::NightBlock {
        source: source(block.source).into(),
        nights: block.nights.into_iter().map(night_hit).collect(),
        total: block.total as u64,
    }
}

fn night_hit(night: NightHit) -> v1::NightHit {
    v1::NightHit {
        recording: night.recording,
        uncertain: night.uncertain,
        values: night.values.into_iter().map(measurement).collect(),
        stage_source: source(night.stage_source).into(),
        evidence: night.evidence.into_iter().map(epoch_hit).collect(),
        same_night: night.same_night,
    }
}

fn measurement(measured: Measurement) -> v1::Measurement {
    v1::Measurement {
        quantity: measured.quantity,
        value: measured.value,
        unit: measured.unit.name().to_owned(),
        source: source(measured.source).into(),
        interval: measured.interval.map(|(low, high)| v1::Interval { low, high }),
        no_interval: measured.no_interval.map(NoInterval::name).unwrap_or_default().to_owned(),
        hours: measured.hours,
    }
}

fn source(source: Source) -> v1::Source {
    match source {
        Source::Scored => v1::Source::Scored,
        Source::Signal => v1::Source::Signal,
        Source::Model => v1::Source::Model,
    }
}

/// Returns a reason, and the channels of which at least one is needed.
fn skip_reason(reason: Option<SkipReason>) -> (v1::SkipReason, Vec<String>) {
    match reason {
        None => (v1::SkipReason::Unspecified, vec![]),
        Some(SkipReason::NoSleep) => (v1::SkipReason::NoSleep, vec![]),
        Some(SkipReason::NoChannels { needs }) => {
            (v1::SkipReason::NoChannels, needs.into_iter().map(str::to_owned).collect())
        }
        Some(SkipReason::Damaged) => (v1::SkipReason::Damaged, vec![]),
        Some(SkipReason::NotUploaded) => (v1::SkipReason::NotUploaded, vec![]),
    }
}

pub(crate) fn epoch_labels(labels: EpochLabels) -> v1::LabelEpochsResponse {
    let probability = |(label, probability): (&str, f32)| v1::LabelProbability {
        label: label.to_owned(),
        probability,
    };
    let (skip_reason, needed_channels) = skip_reason(labels.skipped);
    v1::LabelEpochsResponse {
        epoch: Some(v1::EpochRef { recording: labels.recording, number: labels.epoch }),
        onset_s: labels.onset_s,
        labels: labels.labels.into_iter().map(str::to_owned).collect(),
        probabilities: labels.probabilities.into_iter().map(probability).collect(),
        skip_reason: skip_reason.into(),
        needed_channels,
        scored_stage: stage(labels.scored_stage).into(),
    }
}

pub(crate) fn captions(hits: Vec<CaptionAnswer>) -> v1::SearchCaptionsResponse {
    let hit = |hit: CaptionAnswer| v1::CaptionHit {
        text: hit.text,
        kind: hit.kind.name().to_owned(),
        score: hit.score,
        epoch: Some(v1::EpochRef { recording: hit.recording, number: hit.epoch }),
    };
    v1::SearchCaptionsResponse { hits: hits.into_iter().map(hit).collect() }
}

pub(crate) fn recording_page(page: &RecordingPage) -> v1::ListRecordingsResponse {
    v1::ListRecordingsResponse {
        recordings: page.recordings.iter().map(recording_entry).collect(),
        next_page_token: page.next_token.clone().unwrap_or_default(),
        total_size: page.n_recordings as u32,
        missing: page.missing.iter().map(ToString::to_string).collect(),
    }
}

fn recording_entry(entry: &RecordingEntry) -> v1::Recording {
    v1::Recording {
        name: entry.id.to_string(),
        local_start_time: entry.start.map(|start| start.to_string()).unwrap_or_default(),
        epochs: entry.n_epochs as u32,
        captions: entry.n_captions as u32,
        channels: entry.mask.iter().map(|channel| channel.name().to_owned()).collect(),
        hours_of_sleep: entry.sleep_s.map(|sleep_s| sleep_s / 3600.0),
        events: entry.n_events.map(|n| n as u32),
        metadata: entry.metadata.clone().into_iter().collect(),
    }
}

pub(crate) fn recording(recording: &Recording) -> v1::GetRecordingResponse {
    let events = recording.events().unwrap_or_default().iter().map(|event| v1::Event {
        kind: event.kind.name().to_owned(),
        onset_s: event.onset_s,
        duration_s: event.duration_s,
    });
    v1::GetRecordingResponse {
        recording: Some(recording_entry(recording.entry())),
        stages: recording.stages().iter().map(|it| stage(*it).into()).collect(),
        epoch_numbers: recording.numbers().iter().map(|number| number.0).collect(),
        events: events.collect(),
        montage_json: recording.montage().to_string(),
    }
}

pub(crate) fn facet_counts(counts: FacetCounts) -> v1::FacetCounts {
    let FacetCounts { facet, values, missing } = counts;
    let value = |FacetValue { value, n_recordings, n_epochs }| v1::FacetValue {
        value,
        recordings: n_recordings as u32,
        epochs: n_epochs as u64,
    };
    v1::FacetCounts {
        facet,
        values: values.into_iter().map(value).collect(),
        missing: missing.iter().map(ToString::to_string).collect(),
    }
}

pub(crate) fn info(info: EngineInfo) -> v1::InfoResponse {
    let sets = [PromptSet::stages(), PromptSet::events()];
    v1::InfoResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        space: info.space,
        bundle: info.bundle,
        bundle_fingerprint: info.bundle_fingerprint,
        embedding_dim: info.embedding_dim as u32,
        provider: info.provider.to_owned(),
        recordings: info.recordings as u32,
        epochs: info.epochs as u64,
        generation: info.generation,
        label_sets: sets.iter().map(|set| set.name.clone()).collect(),
        concepts: PromptSet::events().labels.iter().map(|label| label.name.clone()).collect(),
        search: info.search.to_owned(),
        captions: info.captions,
        z_score: z_score(info.z_score).to_owned(),
    }
}

const fn stage(stage: Option<Stage>) -> v1::Stage {
    match stage {
        None => v1::Stage::Unspecified,
        Some(Stage::Wake) => v1::Stage::Wake,
        Some(Stage::N1) => v1::Stage::N1,
        Some(Stage::N2) => v1::Stage::N2,
        Some(Stage::N3) => v1::Stage::N3,
        Some(Stage::Rem) => v1::Stage::Rem,
    }
}

const fn z_score(z_score: ZScore) -> &'static str {
    match z_score {
        ZScore::Recording => "recording",
        ZScore::Epoch => "epoch",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(skipped: Option<SkipReason>) -> v1::LabelEpochsResponse {
        epoch_labels(EpochLabels {
            recording: "a".to_owned(),
            epoch: 7,
            onset_s: 210.0,
            labels: vec!["N2"],
            probabilities: vec![("N2", 0.9), ("N3", 0.1)],
            skipped,
            scored_stage: Some(Stage::Rem),
        })
    }

    #[test]
    fn labels_keep_the_order_of_the_set() {
        let message = labels(None);
        let epoch = message.epoch.clone().unwrap();
        assert_eq!((epoch.recording.as_str(), epoch.number), ("a", 7));
        let names: Vec<&str> = message.probabilities.iter().map(|it| it.label.as_str()).collect();
        assert_eq!(names, ["N2", "N3"]);
        assert_eq!(message.skip_reason(), v1::SkipReason::Unspecified);
        assert_eq!(message.scored_stage(), v1::Stage::Rem);
    }

    #[test]
    fn skipped_epoch_names_the_channels_that_it_needs() {
        let message = labels(Some(SkipReason::NoChannels { needs: vec!["ECG"] }));
        assert_eq!(message.skip_reason(), v1::SkipReason::NoChannels);
        assert_eq!(message.needed_channels, ["ECG"]);
    }

    #[test]
    fn hit_without_a_start_time_has_an_empty_local_time() {
        let hit = EpochHit {
            recording: "a".to_owned(),
            epoch: 3,
            score: 0.5,
            onset_s: 90.0,
            local_time: None,
            stage: None,
            events: vec!["arousal"],
            channels: vec!["ECG"],
        };
        let message = epoch_hit(hit);
        assert_eq!((message.local_time.as_str(), message.stage()), ("", v1::Stage::Unspecified));
        assert_eq!(
            (message.events, message.channels),
            (vec!["arousal".to_owned()], vec!["ECG".to_owned()])
        );
    }
}
