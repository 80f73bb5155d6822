//! Questions about nights: from the typed question and the tracks to nights with numbers.

pub(crate) mod answer;
mod cautions;
pub(crate) mod evidence;
mod judge;
mod measure;
pub(crate) mod night;
mod presence;
mod same_night;
#[cfg(test)]
mod tests;
pub(crate) mod unanswered;
pub(crate) mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nocturne_concepts::{Direction, Registry, Source, Track};
use nocturne_index::{Filter, RecordingEntry};

use crate::error::{Error, Result};
use crate::grammar::{MetadataColumn, Question, parse_typed, parse_words};
use crate::live::live_collection::PinnedSpace;
use crate::live::snapshot::MissingReason;
use crate::question::limits::{check_hits, check_text};
use crate::question::nights::answer::{
    NightAnswer, NightBlock, NightHit, QuestionReading, SkippedNight,
};
use crate::question::nights::judge::{JudgedNight, NightJudge};
use crate::question::nights::unanswered::Unanswered;

/// Number of nights below which another thread costs more than it saves.
const MIN_NIGHTS_PER_THREAD: usize = 200;

/// Maximum number of epochs shown as evidence for a night.
pub const MAX_EVIDENCE: usize = 20;

/// A question about nights.
#[derive(Debug, Clone, PartialEq)]
pub struct NightRequest {
    /// The question.
    pub question: AskedQuestion,
    /// The source that may answer; `None` for the best of each night: annotations, then signals, then the model.
    pub source: Option<Source>,
    /// Whether to leave out nights whose interval crosses a bound of the question, and those of the model without an
    /// interval.
    pub certain: bool,
    /// Which epochs count. A recording without such epochs is not part of the answer.
    pub filter: Filter,
    /// Maximum number of nights in each block (1–1000).
    pub k: usize,
    /// Number of epochs shown as evidence for each night (0–20).
    pub evidence: usize,
}

/// A question in words or typed.
#[derive(Debug, Clone, PartialEq)]
pub enum AskedQuestion {
    /// In plain English.
    Words(String),
    /// In the normal form of the typed question, such as `rate(arousal) in R > 15`.
    Typed(String),
}

impl Default for NightRequest {
    fn default() -> Self {
        Self {
            question: AskedQuestion::Words(String::new()),
            source: None,
            certain: false,
            filter: Filter::default(),
            k: 10,
            evidence: 3,
        }
    }
}

/// See [`Engine::search_nights`](crate::Engine::search_nights).
pub(crate) fn search_nights(space: &PinnedSpace, request: &NightRequest) -> Result<NightAnswer> {
    let k = check_hits("top_k", request.k)?;
    if request.evidence > MAX_EVIDENCE {
        let expected = format!("0 to {MAX_EVIDENCE}");
        return Err(Error::field("evidence", request.evidence, expected));
    }
    let snapshot = space.snapshot();
    let registry = space.bundle.registry();
    let question = read(&request.question, registry, &metadata_columns(space))?;
    snapshot.check_filter(&request.filter)?;
    let filter = filter_of(&question, &request.filter)?;
    snapshot.check_filter(&filter)?;
    let judge = NightJudge::new(&question, registry, space.bundle.calibration(), request)?;
    let (judged, skipped) = judge_nights(space, &judge, &filter)?;
    refuse_if_none_can_be_answered(&judged, &skipped)?;
    let n_judged = judged.len();
    let uncertain_left_out = judged.iter().filter(|night| judge.leaves_out(night)).count();
    let fitting: Vec<JudgedNight> =
        judged.into_iter().filter(|night| judge.is_listed(night)).collect();
    let fitting = same_night::merged(fitting);
    let cautions = cautions::cautions(space, &question, &fitting);
    Ok(NightAnswer {
        reading: QuestionReading {
            typed: question.to_string(),
            sentence: question.sentence(registry),
            question: question.clone(),
        },
        cautions,
        blocks: blocks(space, &judge, &fitting, k),
        judged: n_judged,
        uncertain_left_out,
        skipped,
        population: space.bundle.calibration().map(|it| it.population.clone()),
    })
}

/// Number of values of a column that a question may depend on; a column with more has no values of its own.
const MAX_VALUES: usize = 20;

/// Returns the columns of metadata that at least one recording has.
fn metadata_columns(space: &PinnedSpace) -> Vec<MetadataColumn> {
    let mut columns: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in space.snapshot().entries() {
        for (name, value) in &entry.metadata {
            let values = columns.entry(name).or_default();
            if values.len() <= MAX_VALUES {
                values.insert(value);
            }
        }
    }
    let column = |(name, values): (&str, BTreeSet<&str>)| {
        let is_short = values.len() <= MAX_VALUES;
        let values = values.into_iter().filter(|_| is_short).map(str::to_owned).collect();
        MetadataColumn { name: name.to_owned(), values }
    };
    columns.into_iter().map(column).collect()
}

/// Reads the question.
fn read(
    asked: &AskedQuestion,
    registry: &Registry,
    columns: &[MetadataColumn],
) -> Result<Question> {
    let question = match asked {
        AskedQuestion::Words(words) => {
            parse_words(check_text("question", words)?, registry, columns)
        }
        AskedQuestion::Typed(typed) => parse_typed(check_text("ask", typed)?, registry),
    };
    question.map_err(|problem| Error::Unreadable(Box::new(problem)))
}

/// Adds the filter of the question to that of the request.
fn filter_of(question: &Question, filter: &Filter) -> Result<Filter> {
    let Some(asked) = &question.filter else { return Ok(filter.clone()) };
    let asked = match &filter.expression {
        Some(given) => format!("({asked}) AND ({given})"),
        None => asked.clone(),
    };
    let expression = asked.parse().map_err(nocturne_index::Error::from)?;
    Ok(Filter { expression: Some(expression), ..filter.clone() })
}

/// A night to judge: its entry, its track, and which epochs count.
type NightToJudge<'a> = (&'a RecordingEntry, Arc<Track>, Option<Vec<bool>>);

/// Judges every night that the filter may allow.
fn judge_nights(
    space: &PinnedSpace,
    judge: &NightJudge<'_>,
    filter: &Filter,
) -> Result<(Vec<JudgedNight>, Vec<SkippedNight>)> {
    let snapshot = space.snapshot();
    let entries = snapshot.entries();
    let allowed: Vec<_> = entries.into_iter().filter(|entry| filter.may_allow(entry)).collect();
    let builder = space.bundle.track_builder()?;
    let mut skipped = Vec::new();
    let skip = |recording: String, reason| SkippedNight { recording, reason };
    let mut nights: Vec<NightToJudge<'_>> = Vec::with_capacity(allowed.len());
    for (entry, track) in space.tracks().tracks(snapshot, builder, &allowed)? {
        let Some(track) = track else {
            skipped.push(skip(entry.id.to_string(), Unanswered::Damaged));
            continue;
        };
        let rows = space.allowed_rows(entry, filter)?;
        if rows.as_ref().is_none_or(|rows| rows.contains(&true)) {
            nights.push((entry, track, rows));
        }
    }
    let mut judged = Vec::with_capacity(nights.len());
    for (entry, result) in judge_all(judge, nights) {
        match result {
            Ok(night) => judged.push(night),
            Err(reason) => skipped.push(skip(entry.id.to_string(), reason)),
        }
    }
    for (id, reason) in
        snapshot.missing().into_iter().filter(|(id, _)| snapshot.may_allow(id, filter))
    {
        let reason = match reason {
            MissingReason::Damaged => Unanswered::Damaged,
            MissingReason::NotUploaded => Unanswered::NotUploaded,
        };
        if !skipped.iter().any(|night| night.recording == id.to_string()) {
            skipped.push(skip(id.to_string(), reason));
        }
    }
    Ok((judged, skipped))
}

/// A night and what the question says of it, or why it has no answer.
type JudgedEntry<'a> = (&'a RecordingEntry, std::result::Result<JudgedNight, Unanswered>);

/// Judges nights on all cores, in their order.
fn judge_all<'a>(judge: &NightJudge<'_>, nights: Vec<NightToJudge<'a>>) -> Vec<JudgedEntry<'a>> {
    let judge_one = |(entry, track, rows): NightToJudge<'a>| {
        let result = judge.judge(entry, &track, rows);
        (entry, result)
    };
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    let size = nights.len().div_ceil(n_threads).max(MIN_NIGHTS_PER_THREAD);
    if nights.len() <= size {
        return nights.into_iter().map(judge_one).collect();
    }
    let mut parts: Vec<Vec<NightToJudge<'a>>> = Vec::new();
    let mut rest = nights;
    while rest.len() > size {
        let tail = rest.split_off(size);
        parts.push(std::mem::replace(&mut rest, tail));
    }
    parts.push(rest);
    std::thread::scope(|threads| {
        let judge_part = |part: Vec<NightToJudge<'a>>| {
            threads.spawn(move || part.into_iter().map(judge_one).collect::<Vec<_>>())
        };
        let running: Vec<_> = parts.into_iter().map(judge_part).collect();
        let joined = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined
            .flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Refuses a question that no night can answer because of the bundle, of what was scored, or of what was recorded.
fn refuse_if_none_can_be_answered(judged: &[JudgedNight], skipped: &[SkippedNight]) -> Result<()> {
    let is_lasting = |night: &SkippedNight| night.reason.is_lasting();
    if !judged.is_empty() || skipped.is_empty() || !skipped.iter().all(is_lasting) {
        return Ok(());
    }
    let mut by_reason: Vec<(String, usize)> = Vec::new();
    for reason in skipped.iter().map(|night| night.reason.to_string()) {
        match by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, n)) => *n += 1,
            None => by_reason.push((reason, 1)),
        }
    }
    let why = match by_reason.as_slice() {
        [(reason, _)] => reason.clone(),
        several => {
            let nights =
                |n: usize| if n == 1 { "1 night".to_owned() } else { format!("{n} nights") };
            let parts = several.iter().map(|(reason, n)| format!("{}: {reason}", nights(*n)));
            parts.collect::<Vec<_>>().join("; ")
        }
    };
    let is_about_the_model =
        |night: &SkippedNight| matches!(night.reason, Unanswered::NotMeasurable { .. });
    Err(if skipped.iter().any(is_about_the_model) {
        Error::NotMeasurable { why }
    } else {
        Error::NotRecorded { why }
    })
}

/// Sorts nights into blocks by source, and each block by its first quantity; names decide between equals. The nights that
/// are listed get their evidence.
fn blocks(
    space: &PinnedSpace,
    judge: &NightJudge<'_>,
    nights: &[JudgedNight],
    k: usize,
) -> Vec<NightBlock> {
    let of_source = |source: Source| {
        let mut fitting: Vec<&JudgedNight> =
            nights.iter().filter(|night| night.hit.values[0].source == source).collect();
        fitting.sort_by(|a, b| {
            let order = a.hit.values[0].value.total_cmp(&b.hit.values[0].value);
            let order =
                if judge.direction() == Direction::Highest { order.reverse() } else { order };
            order.then_with(|| a.hit.recording.cmp(&b.hit.recording))
        });
        let total = fitting.len();
        let listed = fitting.into_iter().take(k).map(|night| {
            let id = night.hit.recording.parse().ok();
            let entry = id.and_then(|id| space.snapshot().entry(&id));
            let evidence = entry.map(|entry| judge.evidence(night, entry)).unwrap_or_default();
            NightHit { evidence, ..night.hit.clone() }
        });
        NightBlock { source, nights: listed.collect(), total }
    };
    Source::ALL.into_iter().map(of_source).filter(|block| block.total > 0).collect()
}
