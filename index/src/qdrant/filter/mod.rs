//! Translates a filter into one of Qdrant: conditions on recordings are decided here by the manifest, conditions on epochs
//! by the server.

mod expression;

use std::collections::BTreeSet;

use nocturne_psg::montage::Channel;
use nocturne_psg::{EventKind, EventSet, RecordingId};
use qdrant_client::qdrant::{Condition, Filter};

use expression::Translation;

use super::payload::{CAPTION_POINT, EPOCH_POINT};
use super::point_ids::epoch_id;
use crate::filter::{Expression, RowCondition, Verdict};
use crate::recording::RecordingEntry;

/// The kind of points to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchedPoints {
    Epochs,
    Captions,
}

/// A filter of Qdrant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TranslatedFilter {
    /// Every matching point meets it.
    pub(super) filter: Filter,
    /// Whether only matching points meet it.
    pub(super) is_exact: bool,
}

/// Translates a filter, and excludes the recordings in `unserved`; `None` if no epoch of the recordings can match.
///
/// The filter is destructured, so that a new field cannot be forgotten.
pub(super) fn translate<'a>(
    filter: &crate::filter::Filter,
    searched: SearchedPoints,
    list: impl Iterator<Item = &'a RecordingEntry>,
    unserved: &BTreeSet<RecordingId>,
) -> Option<TranslatedFilter> {
    let crate::filter::Filter {
        recordings,
        stages,
        channels,
        any_event,
        no_event,
        excluded_recordings,
        excluded_epochs,
        expression,
    } = filter;
    let mut must = vec![one_of("point", [searched.name()])];
    let mut must_not = Vec::new();
    if let Some(recordings) = recordings {
        let left = recordings.difference(excluded_recordings).map(RecordingId::as_str);
        must.push(any_of("recording", left)?);
    }
    if let Some(stages) = stages {
        must.push(any_of("stage", stages.iter().map(|stage| stage.code()))?);
    }
    must.extend(channels.iter().map(|channel| one_of("channels", [Channel::name(channel)])));
    if !any_event.is_empty() {
        must.push(any_of("events", names(*any_event))?);
    }
    must_not.extend(any_of("events", names(*no_event)));
    let hidden = excluded_recordings.union(unserved).map(RecordingId::as_str);
    must_not.extend(any_of("recording", hidden));
    if !excluded_epochs.is_empty() {
        must_not.push(match searched {
            SearchedPoints::Epochs => {
                let ids = excluded_epochs.iter().map(|it| epoch_id(&it.recording, it.epoch));
                Condition::has_id(ids)
            }
            // Captions have other ids than their epochs.
            SearchedPoints::Captions => Filter::should(excluded_epochs.iter().map(|it| {
                let recording = one_of("recording", [it.recording.as_str()]);
                let epoch = Condition::matches("epoch", i64::from(it.epoch.0));
                Filter::must([recording, epoch]).into()
            }))
            .into(),
        });
    }
    let mut is_exact = true;
    if let Some(expression) = expression {
        let translation = translate_expression(expression, list)?;
        must.extend(translation.condition);
        is_exact = translation.is_exact;
    }
    Some(TranslatedFilter { filter: Filter { must, must_not, ..Filter::default() }, is_exact })
}

/// Translates an expression; `None` if no recording can match.
///
/// The conditions on recordings are decided here. The conditions on epochs that remain are the same for most recordings,
/// so recordings are grouped by them.
fn translate_expression<'a>(
    expression: &Expression,
    list: impl Iterator<Item = &'a RecordingEntry>,
) -> Option<Translation> {
    let mut groups: Vec<(Option<RowCondition>, Vec<&str>)> = Vec::new();
    let mut n_recordings = 0;
    for entry in list {
        n_recordings += 1;
        let rest = match expression.on(entry) {
            Verdict::Known(false) => continue,
            Verdict::Known(true) => None,
            Verdict::Depends(rest) => Some(rest),
        };
        match groups.iter_mut().find(|(other, _)| *other == rest) {
            Some((_, recordings)) => recordings.push(entry.id.as_str()),
            None => groups.push((rest, vec![entry.id.as_str()])),
        }
    }
    let of_group = |(rest, recordings): (Option<RowCondition>, Vec<&str>)| {
        let rest = rest.map_or(Translation::any(true), |rest| Translation::of(&rest, true));
        if recordings.len() == n_recordings {
            return rest;
        }
        Translation::all(vec![Translation::exact(one_of("recording", recordings)), rest])
    };
    let groups: Vec<Translation> = groups.into_iter().map(of_group).collect();
    (!groups.is_empty()).then(|| Translation::any_of(groups))
}

impl SearchedPoints {
    fn name(self) -> &'static str {
        match self {
            Self::Epochs => EPOCH_POINT,
            Self::Captions => CAPTION_POINT,
        }
    }
}

fn names(events: EventSet) -> impl Iterator<Item = &'static str> {
    events.iter().map(EventKind::name)
}

/// Returns the condition that a field has one of the words; `None` without words, so that the meaning of an empty list is
/// not left to the server.
fn any_of<'a>(field: &str, words: impl IntoIterator<Item = &'a str>) -> Option<Condition> {
    let mut words = words.into_iter().peekable();
    words.peek()?;
    Some(one_of(field, words))
}

/// Returns the condition that a field is one of the words. A list even for one: the client turns a single word with a blank
/// into a full-text search.
pub(super) fn one_of<'a>(field: &str, words: impl IntoIterator<Item = &'a str>) -> Condition {
    Condition::matches(field, words.into_iter().map(str::to_owned).collect::<Vec<String>>())
}

/// Returns a condition that no point meets.
pub(super) fn never() -> Condition {
    one_of("point", ["neither"])
}

#[cfg(test)]
mod tests {
    use nocturne_psg::Stage;

    use super::*;

    #[test]
    fn filters_that_allow_nothing_make_no_request() {
        let list = std::iter::empty;
        let none =
            |filter| translate(&filter, SearchedPoints::Epochs, list(), &BTreeSet::new()).is_none();
        let id = RecordingId::new("a").unwrap();
        assert!(none(crate::filter::Filter { stages: Some([].into()), ..Default::default() }));
        assert!(none(crate::filter::Filter { recordings: Some([].into()), ..Default::default() }));
        assert!(none(crate::filter::Filter {
            recordings: Some([id.clone()].into()),
            excluded_recordings: [id].into(),
            ..Default::default()
        }));
        assert!(!none(crate::filter::Filter {
            stages: Some([Stage::N2].into()),
            ..Default::default()
        }));
    }

    #[test]
    fn unserved_recordings_are_always_excluded() {
        let unserved = [RecordingId::new("late").unwrap()].into();
        let (filter, list) = (crate::filter::Filter::default(), std::iter::empty());
        let translated = translate(&filter, SearchedPoints::Epochs, list, &unserved).unwrap();
        assert_eq!(translated.filter.must_not, [one_of("recording", ["late"])]);
        assert!(translated.is_exact);
    }
}
