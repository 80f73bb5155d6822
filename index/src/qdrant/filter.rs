//! A filter of ours in the words of Qdrant: decided on recordings first, by our list, and then on epochs.

use std::collections::BTreeSet;

use nocturne_psg::montage::Channel;
use nocturne_psg::{EventKind, EventSet, RecordingId};
use qdrant_client::qdrant::{Condition, Filter};

use super::expression::Asked;
use super::payload::{CAPTION_POINT, EPOCH_POINT};
use super::schema::epoch_point;
use crate::filter::Expression;
use crate::filter::{RowCondition, Verdict};
use crate::recording::RecordingEntry;

/// What the points that are wanted are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Epochs,
    Captions,
}

/// A filter for Qdrant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Translated {
    /// Every point that is wanted meets it.
    pub(super) filter: Filter,
    /// Whether no other point meets it.
    pub(super) is_whole: bool,
}

/// Returns the conditions for Qdrant, which must not return anything of the recordings in `unserved` either; nothing
/// where no epoch of the recordings in the list can meet them.
///
/// Every field of the filter is named here, so that a new one cannot be forgotten in silence.
pub(super) fn translate<'a>(
    filter: &crate::filter::Filter,
    wanted: Wanted,
    list: impl Iterator<Item = &'a RecordingEntry>,
    unserved: &BTreeSet<RecordingId>,
) -> Option<Translated> {
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
    let mut must = vec![one_of("point", [wanted.name()])];
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
        must_not.push(match wanted {
            Wanted::Epochs => {
                let ids = excluded_epochs.iter().map(|it| epoch_point(&it.recording, it.epoch));
                Condition::has_id(ids)
            }
            // Captions have other names than their epochs.
            Wanted::Captions => Filter::should(excluded_epochs.iter().map(|it| {
                let recording = one_of("recording", [it.recording.as_str()]);
                let epoch = Condition::matches("epoch", i64::from(it.epoch.0));
                Filter::must([recording, epoch]).into()
            }))
            .into(),
        });
    }
    let mut is_whole = true;
    if let Some(expression) = expression {
        let asked = asked(expression, list)?;
        must.extend(asked.condition);
        is_whole = asked.is_whole;
    }
    Some(Translated { filter: Filter { must, must_not, ..Filter::default() }, is_whole })
}

/// Returns what an expression asks for of which recordings; nothing where no recording meets it.
///
/// Most recordings leave the same to be asked of their epochs, so they make few groups.
fn asked<'a>(
    expression: &Expression,
    list: impl Iterator<Item = &'a RecordingEntry>,
) -> Option<Asked> {
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
        let rest = rest.map_or(Asked::any(true), |rest| Asked::of(&rest, true));
        if recordings.len() == n_recordings {
            return rest;
        }
        Asked::all(vec![Asked::whole(one_of("recording", recordings)), rest])
    };
    let groups: Vec<Asked> = groups.into_iter().map(of_group).collect();
    (!groups.is_empty()).then(|| Asked::either(groups))
}

impl Wanted {
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

/// Returns the condition that a field holds one of some words; nothing where there is no word.
///
/// What Qdrant makes of an empty list is not left to it.
fn any_of<'a>(field: &str, words: impl IntoIterator<Item = &'a str>) -> Option<Condition> {
    let mut words = words.into_iter().peekable();
    words.peek()?;
    Some(one_of(field, words))
}

/// Returns the condition that a field holds one of some words, whole: of a single word with a blank, the client would make
/// a search for parts of it.
pub(super) fn one_of<'a>(field: &str, words: impl IntoIterator<Item = &'a str>) -> Condition {
    Condition::matches(field, words.into_iter().map(str::to_owned).collect::<Vec<String>>())
}

/// Returns a condition that no point of ours meets.
pub(super) fn never() -> Condition {
    one_of("point", ["neither"])
}

#[cfg(test)]
mod tests {
    use nocturne_psg::Stage;

    use super::*;

    #[test]
    fn nothing_is_asked_where_nothing_is_allowed() {
        let list = std::iter::empty;
        let none = |filter| translate(&filter, Wanted::Epochs, list(), &BTreeSet::new()).is_none();
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
    fn unserved_recordings_are_always_left_out() {
        let unserved = [RecordingId::new("late").unwrap()].into();
        let (filter, list) = (crate::filter::Filter::default(), std::iter::empty());
        let translated = translate(&filter, Wanted::Epochs, list, &unserved).unwrap();
        assert_eq!(translated.filter.must_not, [one_of("recording", ["late"])]);
        assert!(translated.is_whole);
    }
}
