//! Converts request messages to the types of the engine, and refuses invalid fields.

use std::collections::BTreeSet;

use nocturne_concepts::Source;
use nocturne_engine::{
    AskedQuestion, CaptionRequest, EpochQuery, EpochRequest, Error, NightRequest, RankRequest,
    Threshold,
};
use nocturne_index::{Expression, Filter};
use nocturne_proto::v1;
use nocturne_proto::v1::search_epochs_request::Query;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EpochNumber, EpochRef, EventKind, EventSet, RecordingId, Stage};
use tonic::Status;

use crate::status::{invalid, status};

/// Number of hits if a request leaves it 0.
const DEFAULT_HITS: u32 = 10;
/// Number of epochs of evidence if a request leaves it 0.
const DEFAULT_EVIDENCE: u32 = 3;
/// Number of recordings on a page if a request leaves it 0.
const DEFAULT_PAGE_SIZE: u32 = 100;
/// Maximum number of recordings on a page.
const MAX_PAGE_SIZE: u32 = 1000;
/// Maximum number of facets in a request.
const MAX_FACETS: usize = 20;

/// The result of reading a message; the status is boxed because it is large.
pub(crate) type Parsed<T> = Result<T, Box<Status>>;

pub(crate) fn search_epochs(
    request: v1::SearchEpochsRequest,
) -> Parsed<(EpochQuery, EpochRequest)> {
    let v1::SearchEpochsRequest { query, filter, top_k, min_score, recall } = request;
    let query = match query {
        Some(Query::Text(text)) => EpochQuery::Text(text),
        Some(Query::Epoch(epoch)) => EpochQuery::Epoch(epoch_ref(Some(epoch))?),
        Some(Query::Vector(vector)) => EpochQuery::Vector(vector.values),
        None => return Err(Box::new(invalid("query", "absent", "`text`, `epoch` or `vector`"))),
    };
    let request = EpochRequest {
        k: or_default(top_k, DEFAULT_HITS),
        filter: self::filter(filter)?,
        min_score: min_score.map(Threshold::Cosine),
        recall,
    };
    Ok((query, request))
}

pub(crate) fn search_nights(request: v1::SearchNightsRequest) -> Parsed<NightRequest> {
    let v1::SearchNightsRequest { question, filter, top_k, evidence, ask, source, certain } =
        request;
    let question = match (question.is_empty(), ask.is_empty()) {
        (_, true) => AskedQuestion::Words(question),
        (true, false) => AskedQuestion::Typed(ask),
        (false, false) => {
            return Err(Box::new(invalid("ask", "given with `question`", "one of them")));
        }
    };
    Ok(NightRequest {
        question,
        source: self::source(source)?,
        certain,
        filter: self::filter(filter)?,
        k: or_default(top_k, DEFAULT_HITS),
        evidence: or_default(evidence, DEFAULT_EVIDENCE),
    })
}

pub(crate) fn rank_nights(request: v1::RankNightsRequest) -> Parsed<RankRequest> {
    let v1::RankNightsRequest { text, filter, top_k } = request;
    Ok(RankRequest { text, filter: self::filter(filter)?, k: or_default(top_k, DEFAULT_HITS) })
}

pub(crate) fn search_captions(
    request: v1::SearchCaptionsRequest,
) -> Parsed<(EpochRef, CaptionRequest)> {
    let v1::SearchCaptionsRequest { epoch, top_k, kinds, other_recordings_only } = request;
    let request = CaptionRequest {
        k: or_default(top_k, DEFAULT_HITS),
        kinds: caption_kinds(&kinds)?,
        other_recordings_only,
    };
    Ok((epoch_ref(epoch)?, request))
}

/// Returns the source that is asked for; `None` for the best of each night.
fn source(source: i32) -> Parsed<Option<Source>> {
    match v1::Source::try_from(source) {
        Ok(v1::Source::Unspecified) => Ok(None),
        Ok(v1::Source::Scored) => Ok(Some(Source::Scored)),
        Ok(v1::Source::Signal) => Ok(Some(Source::Signal)),
        Ok(v1::Source::Model) => Ok(Some(Source::Model)),
        Err(_) => Err(Box::new(invalid("source", source, "0 to 3"))),
    }
}

/// Returns the size of a page, at most [`MAX_PAGE_SIZE`].
pub(crate) fn page_size(page_size: u32) -> Parsed<usize> {
    if page_size > MAX_PAGE_SIZE {
        return Err(Box::new(invalid("page_size", page_size, "0 to 1000")));
    }
    Ok(or_default(page_size, DEFAULT_PAGE_SIZE))
}

/// Returns the names of facets, 1 to [`MAX_FACETS`] of them.
pub(crate) fn facets(facets: Vec<String>) -> Parsed<Vec<String>> {
    if (1..=MAX_FACETS).contains(&facets.len()) {
        return Ok(facets);
    }
    Err(Box::new(invalid("facets", format!("{} names", facets.len()), "1 to 20 names")))
}

/// Returns a number; 0, the value of an absent field in proto3, becomes the default.
fn or_default(number: u32, default: u32) -> usize {
    if number == 0 { default as usize } else { number as usize }
}

fn epoch_ref(epoch: Option<v1::EpochRef>) -> Parsed<EpochRef> {
    let absent = || Box::new(invalid("epoch", "absent", "a recording and a number"));
    let epoch = epoch.ok_or_else(absent)?;
    Ok(EpochRef { recording: recording_id(epoch.recording)?, epoch: EpochNumber(epoch.number) })
}

pub(crate) fn recording_id(name: String) -> Parsed<RecordingId> {
    RecordingId::new(name).map_err(|error| Box::new(Status::invalid_argument(error.to_string())))
}

/// Reads a filter; an absent one allows every epoch.
pub(crate) fn filter(filter: Option<v1::Filter>) -> Parsed<Filter> {
    let v1::Filter { recordings, stages, channels, events, expression } =
        filter.unwrap_or_default();
    let recordings: BTreeSet<RecordingId> =
        recordings.into_iter().map(recording_id).collect::<Parsed<_>>()?;
    let stages: BTreeSet<Stage> = stages.into_iter().map(stage).collect::<Parsed<_>>()?;
    let channels = channels.iter().map(|name| channel("filter.channels", name));
    let channels: ChannelMask = channels.collect::<Parsed<_>>()?;
    let any_event: EventSet = events.iter().map(|name| event(name)).collect::<Parsed<_>>()?;
    Ok(Filter {
        recordings: (!recordings.is_empty()).then_some(recordings),
        stages: (!stages.is_empty()).then_some(stages),
        channels,
        any_event,
        expression: self::expression(&expression)?,
        ..Filter::default()
    })
}

/// Reads an expression; `None` if it is empty.
fn expression(text: &str) -> Parsed<Option<Expression>> {
    let is_given = !text.trim().is_empty();
    let parsed = is_given.then(|| text.parse::<Expression>()).transpose();
    parsed
        .map_err(|problem| Box::new(status(&Error::Index(nocturne_index::Error::Filter(problem)))))
}

fn stage(stage: i32) -> Parsed<Stage> {
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

pub(crate) fn channel(field: &'static str, name: &str) -> Parsed<Channel> {
    let known = Channel::ALL.map(Channel::name);
    Channel::from_name(name).ok_or_else(|| not_one_of(field, name, &known).into())
}

fn event(name: &str) -> Parsed<EventKind> {
    let known = EventKind::ALL.map(EventKind::name);
    EventKind::from_name(name).ok_or_else(|| not_one_of("filter.events", name, &known).into())
}

pub(crate) fn caption_kinds(names: &[String]) -> Parsed<BTreeSet<CaptionKind>> {
    let known = CaptionKind::ALL.map(CaptionKind::name);
    let kind = |name: &String| {
        CaptionKind::from_name(name).ok_or_else(|| not_one_of("kinds", name, &known).into())
    };
    names.iter().map(kind).collect()
}

fn not_one_of(field: &'static str, name: &str, known: &[&str]) -> Status {
    let expected = format!("some of `{}`", known.join("`, `"));
    invalid(field, format!("`{name}`"), &expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T: std::fmt::Debug>(parsed: Parsed<T>) -> String {
        let status = parsed.unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        status.message().to_owned()
    }

    #[test]
    fn absent_and_empty_filters_allow_every_epoch() {
        assert_eq!(filter(None).unwrap(), Filter::default());
        let empty = v1::Filter { expression: "  ".to_owned(), ..v1::Filter::default() };
        assert_eq!(filter(Some(empty)).unwrap(), Filter::default());
    }

    #[test]
    fn filter_has_every_condition_of_the_message() {
        let message = v1::Filter {
            recordings: vec!["shhs/a".to_owned()],
            stages: vec![v1::Stage::N2.into(), v1::Stage::Rem.into()],
            channels: vec!["ECG".to_owned()],
            events: vec!["arousal".to_owned()],
            expression: "age >= 60".to_owned(),
        };
        let filter = filter(Some(message)).unwrap();
        assert_eq!(filter.recordings, Some(["shhs/a".parse().unwrap()].into()));
        assert_eq!(filter.stages, Some([Stage::N2, Stage::Rem].into()));
        assert_eq!(filter.channels, [Channel::Ecg].into_iter().collect());
        assert_eq!(filter.any_event, [EventKind::Arousal].into_iter().collect());
        assert!(filter.expression.is_some());
    }

    #[test]
    fn unknown_names_in_a_filter_are_refused_with_the_known_ones() {
        let stages = v1::Filter { stages: vec![0], ..v1::Filter::default() };
        assert_eq!(refusal(filter(Some(stages))), "`filter.stages` is 0; expected stages 1 to 5");
        let channels = v1::Filter { channels: vec!["NOSE".to_owned()], ..v1::Filter::default() };
        let message = refusal(filter(Some(channels)));
        assert!(
            message.starts_with("`filter.channels` is `NOSE`; expected some of `ECG`"),
            "{message}"
        );
        let events = v1::Filter { events: vec!["dream".to_owned()], ..v1::Filter::default() };
        let message = refusal(filter(Some(events)));
        assert!(message.starts_with("`filter.events` is `dream`; expected some of "), "{message}");
        let expression = v1::Filter { expression: "stage =".to_owned(), ..v1::Filter::default() };
        assert!(refusal(filter(Some(expression))).starts_with("filter, column "));
    }

    #[test]
    fn numbers_that_are_0_are_defaults() {
        let request = v1::SearchNightsRequest { question: "x".to_owned(), ..Default::default() };
        let request = search_nights(request).unwrap();
        assert_eq!((request.k, request.evidence), (10, 3));
        assert_eq!(page_size(0).unwrap(), 100);
    }

    #[test]
    fn query_and_epoch_must_be_present() {
        let message = refusal(search_epochs(v1::SearchEpochsRequest::default()));
        assert_eq!(message, "`query` is absent; expected `text`, `epoch` or `vector`");
        let message = refusal(search_captions(v1::SearchCaptionsRequest::default()));
        assert_eq!(message, "`epoch` is absent; expected a recording and a number");
    }

    #[test]
    fn minimum_score_of_a_search_is_a_cosine() {
        let request = v1::SearchEpochsRequest {
            query: Some(Query::Text("x".to_owned())),
            min_score: Some(0.2),
            ..Default::default()
        };
        assert_eq!(search_epochs(request).unwrap().1.min_score, Some(Threshold::Cosine(0.2)));
    }

    #[test]
    fn pages_and_facets_are_limited() {
        assert_eq!(refusal(page_size(1001)), "`page_size` is 1001; expected 0 to 1000");
        assert_eq!(refusal(facets(vec![])), "`facets` is 0 names; expected 1 to 20 names");
        assert!(facets(vec!["stage".to_owned(); 20]).is_ok());
        assert!(facets(vec!["stage".to_owned(); 21]).is_err());
    }
}
