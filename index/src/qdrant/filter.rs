//! A filter of ours in the words of Qdrant.

use std::collections::BTreeSet;

use nocturne_psg::montage::Channel;
use nocturne_psg::{EventKind, EventSet, RecordingId};
use qdrant_client::qdrant::{Condition, Filter};

use super::payload::{CAPTION_POINT, EPOCH_POINT};
use super::schema::epoch_point;

/// What the points that are wanted are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Epochs,
    Captions,
}

/// Returns the same conditions for Qdrant, which must not return anything of the recordings in `unserved` either; nothing
/// where no epoch can meet them.
///
/// Every field of the filter is named here, so that a new one cannot be forgotten in silence.
pub(super) fn translate(
    filter: &crate::Filter,
    wanted: Wanted,
    unserved: &BTreeSet<RecordingId>,
) -> Option<Filter> {
    let crate::Filter {
        recordings,
        stages,
        channels,
        any_event,
        no_event,
        excluded_recordings,
        excluded_epochs,
        // The index refuses it before it comes here.
        expression: _,
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
    Some(Filter { must, must_not, ..Filter::default() })
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

fn one_of<'a>(field: &str, words: impl IntoIterator<Item = &'a str>) -> Condition {
    Condition::matches(field, words.into_iter().map(str::to_owned).collect::<Vec<String>>())
}

#[cfg(test)]
mod tests {
    use nocturne_psg::Stage;

    use super::*;

    #[test]
    fn nothing_is_asked_where_nothing_is_allowed() {
        let none = |filter| translate(&filter, Wanted::Epochs, &BTreeSet::new()).is_none();
        let id = RecordingId::new("a").unwrap();
        assert!(none(crate::Filter { stages: Some([].into()), ..Default::default() }));
        assert!(none(crate::Filter { recordings: Some([].into()), ..Default::default() }));
        assert!(none(crate::Filter {
            recordings: Some([id.clone()].into()),
            excluded_recordings: [id].into(),
            ..Default::default()
        }));
        assert!(!none(crate::Filter { stages: Some([Stage::N2].into()), ..Default::default() }));
    }

    #[test]
    fn unserved_recordings_are_always_left_out() {
        let unserved = [RecordingId::new("late").unwrap()].into();
        let filter = translate(&crate::Filter::default(), Wanted::Epochs, &unserved).unwrap();
        assert_eq!(filter.must_not, [one_of("recording", ["late"])]);
    }
}
