//! Between the messages of the contract and the engine's own types.

use std::collections::BTreeSet;

use nocturne_index::{
    Expression, FacetCounts, FacetValue, Filter, Page, Recording, RecordingEntry,
};
use nocturne_proto::v1;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EpochNumber, EpochRef, EventKind, EventSet, RecordingId, Stage, ZScore};
use tonic::Status;

use super::status::{invalid, status};
use crate::{
    CaptionAnswer, EpochHit, EpochLabels, EpochQuery, Error, NightAnswer, NightHit, StageSource,
    TextReading,
};

/// Hits where a request names no number.
const DEFAULT_HITS: u32 = 10;
/// Epochs of evidence where a request names no number.
const DEFAULT_EVIDENCE: u32 = 3;

pub(super) type Checked<T> = Result<T, Box<Status>>;

pub(super) fn hits_or_default(top_k: u32) -> usize {
    if top_k == 0 { DEFAULT_HITS as usize } else { top_k as usize }
}

pub(super) fn evidence_or_default(evidence: u32) -> usize {
    if evidence == 0 { DEFAULT_EVIDENCE as usize } else { evidence as usize }
}

pub(super) fn query(query: Option<v1::search_epochs_request::Query>) -> Checked<EpochQuery> {
    use v1::search_epochs_request::Query;
    match query {
        Some(Query::Text(text)) => Ok(EpochQuery::Text(text)),
        Some(Query::Epoch(epoch)) => Ok(EpochQuery::Epoch(epoch_ref(Some(epoch))?)),
        Some(Query::Vector(vector)) => Ok(EpochQuery::Vector(vector.values)),
        None => Err(Box::new(invalid("query", "absent", "`text`, `epoch` or `vector`"))),
    }
}

pub(super) fn epoch_ref(epoch: Option<v1::EpochRef>) -> Checked<EpochRef> {
    let epoch =
        epoch.ok_or_else(|| Box::new(invalid("epoch", "absent", "a recording and a number")))?;
    Ok(EpochRef { recording: recording_id(epoch.recording)?, epoch: EpochNumber(epoch.number) })
}

pub(super) fn recording_id(name: String) -> Checked<RecordingId> {
    RecordingId::new(name).map_err(|error| Box::new(Status::invalid_argument(error.to_string())))
}

fn recording_ids(names: Vec<String>) -> Checked<BTreeSet<RecordingId>> {
    names.into_iter().map(recording_id).collect()
}

pub(super) fn filter(filter: Option<v1::Filter>) -> Checked<Filter> {
    let filter = filter.unwrap_or_default();
    let recordings = recording_ids(filter.recordings)?;
    let stages: BTreeSet<Stage> =
        filter.stages.into_iter().map(stage_of).collect::<Checked<_>>()?;
    let channels: ChannelMask = filter
        .channels
        .iter()
        .map(|name| channel("filter.channels", name))
        .collect::<Checked<_>>()?;
    let any_event: EventSet =
        filter.events.iter().map(|name| event(name)).collect::<Checked<_>>()?;
    Ok(Filter {
        recordings: (!recordings.is_empty()).then_some(recordings),
        stages: (!stages.is_empty()).then_some(stages),
        channels,
        any_event,
        expression: expression(&filter.expression)?,
        ..Filter::default()
    })
}

/// Returns a filter of names, of which none means all, and an expression.
pub(super) fn filter_of(names: Vec<String>, expression: &str) -> Checked<Filter> {
    let recordings = recording_ids(names)?;
    Ok(Filter {
        recordings: (!recordings.is_empty()).then_some(recordings),
        expression: self::expression(expression)?,
        ..Filter::default()
    })
}

/// Reads an expression; an empty one is none.
pub(super) fn expression(text: &str) -> Checked<Option<Expression>> {
    let is_given = !text.trim().is_empty();
    let read = is_given.then(|| text.parse::<Expression>()).transpose();
    read.map_err(|problem| Box::new(status(&Error::Index(nocturne_index::Error::Filter(problem)))))
}

fn stage_of(stage: i32) -> Checked<Stage> {
    match v1::Stage::try_from(stage) {
        Ok(v1::Stage::Wake) => Ok(Stage::Wake),
        Ok(v1::Stage::N1) => Ok(Stage::N1),
        Ok(v1::Stage::N2) => Ok(Stage::N2),
        Ok(v1::Stage::N3) => Ok(Stage::N3),
        Ok(v1::Stage::Rem) => Ok(Stage::Rem),
        Ok(v1::Stage::Unspecified) | Err(_) => {
            Err(Box::new(invalid("filter.stages", stage, "stages 1 to 5")))
        }
    }
}

pub(super) fn channel(field: &'static str, name: &str) -> Checked<Channel> {
    let known = Channel::ALL.map(Channel::name).join("`, `");
    Channel::from_name(name)
        .ok_or_else(|| Box::new(invalid(field, format!("`{name}`"), &format!("some of `{known}`"))))
}

fn event(name: &str) -> Checked<EventKind> {
    let known = EventKind::ALL.map(EventKind::name).join("`, `");
    EventKind::from_name(name).ok_or_else(|| {
        Box::new(invalid("filter.events", format!("`{name}`"), &format!("some of `{known}`")))
    })
}

pub(super) fn caption_kinds(names: &[String]) -> Checked<BTreeSet<CaptionKind>> {
    let known = CaptionKind::ALL.map(CaptionKind::name).join("`, `");
    let kind = |name: &String| {
        CaptionKind::from_name(name).ok_or_else(|| {
            Box::new(invalid("kinds", format!("`{name}`"), &format!("some of `{known}`")))
        })
    };
    names.iter().map(kind).collect()
}

pub(super) fn stage(stage: Option<Stage>) -> v1::Stage {
    match stage {
        None => v1::Stage::Unspecified,
        Some(Stage::Wake) => v1::Stage::Wake,
        Some(Stage::N1) => v1::Stage::N1,
        Some(Stage::N2) => v1::Stage::N2,
        Some(Stage::N3) => v1::Stage::N3,
        Some(Stage::Rem) => v1::Stage::Rem,
    }
}

pub(super) fn epoch_hit(hit: EpochHit) -> v1::EpochHit {
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

pub(super) fn reading(reading: TextReading) -> v1::TextReading {
    v1::TextReading { truncated: reading.truncated, unknown_words: reading.unknown_words }
}

pub(super) fn night_answer(answer: NightAnswer) -> v1::SearchNightsResponse {
    let NightAnswer { nights, skipped, reading: question, plan } = answer;
    v1::SearchNightsResponse {
        nights: nights.into_iter().map(night_hit).collect(),
        skipped: skipped
            .into_iter()
            .map(|night| v1::NightSkipped { recording: night.recording, reason: night.reason })
            .collect(),
        reading: Some(v1::QuestionReading {
            concept: question.concept,
            known: question.known,
            sentence: question.sentence,
            cautions: question.cautions,
            text: Some(reading(question.text)),
        }),
        plan,
    }
}

fn night_hit(night: NightHit) -> v1::NightHit {
    let source = match night.stage_source {
        StageSource::Scored => v1::StageSource::Scored,
        StageSource::ZeroShot => v1::StageSource::ZeroShot,
    };
    v1::NightHit {
        recording: night.recording,
        rate_per_hour: night.rate_per_hour,
        rate_low: night.rate_ci95.0,
        rate_high: night.rate_ci95.1,
        epochs_found: night.epochs_found as u32,
        epochs_judged: night.epochs_judged as u32,
        epochs_not_judged: night.epochs_not_judged as u32,
        hours_of_sleep: night.hours_of_sleep,
        stage_source: source.into(),
        scored_rate_per_hour: night.scored_rate_per_hour,
        evidence: night.evidence.into_iter().map(epoch_hit).collect(),
    }
}

pub(super) fn epoch_labels(labels: EpochLabels) -> v1::LabelEpochsResponse {
    let probability = |(label, probability): (&str, f32)| v1::LabelProbability {
        label: label.to_owned(),
        probability,
    };
    v1::LabelEpochsResponse {
        epoch: Some(v1::EpochRef { recording: labels.recording, number: labels.epoch }),
        onset_s: labels.onset_s,
        labels: labels.labels.into_iter().map(str::to_owned).collect(),
        probabilities: labels.probabilities.into_iter().map(probability).collect(),
        abstained: labels.abstained.unwrap_or_default(),
        scored_stage: stage(labels.scored_stage).into(),
    }
}

pub(super) const fn z_score(z_score: ZScore) -> &'static str {
    match z_score {
        ZScore::Recording => "recording",
        ZScore::Epoch => "epoch",
    }
}

pub(super) fn caption_hit(hit: CaptionAnswer) -> v1::CaptionHit {
    v1::CaptionHit {
        text: hit.text,
        kind: hit.kind.name().to_owned(),
        score: hit.score,
        epoch: Some(v1::EpochRef { recording: hit.recording, number: hit.epoch }),
    }
}

pub(super) fn recording(entry: &RecordingEntry) -> v1::Recording {
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

pub(super) fn page(page: &Page<'_>) -> v1::ListRecordingsResponse {
    v1::ListRecordingsResponse {
        recordings: page.recordings.iter().map(|listed| recording(listed.entry)).collect(),
        next_page_token: page.next_token.clone().unwrap_or_default(),
        total_size: page.n_recordings as u32,
        missing: page.missing.iter().map(ToString::to_string).collect(),
    }
}

pub(super) fn facet(counts: FacetCounts) -> v1::FacetCounts {
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

pub(super) fn recording_details(recording: &Recording) -> v1::GetRecordingResponse {
    let events = recording.events().unwrap_or_default().iter().map(|event| v1::Event {
        kind: event.kind.name().to_owned(),
        onset_s: event.onset_s,
        duration_s: event.duration_s,
    });
    v1::GetRecordingResponse {
        recording: Some(self::recording(recording.entry())),
        stages: recording.stages().iter().map(|it| stage(*it).into()).collect(),
        epoch_numbers: recording.numbers().iter().map(|number| number.0).collect(),
        events: events.collect(),
        montage_json: recording.montage().to_string(),
    }
}
