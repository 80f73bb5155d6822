//! Lists the recordings of a collection and counts them by facet.

use std::sync::Arc;

use nocturne_index::{Catalogue, Facet, FacetCounts, Filter, Recording, RecordingEntry};
use nocturne_psg::RecordingId;

use crate::error::Result;
use crate::live::live_collection::PinnedSpace;

/// A page of the recordings that a filter allows, by ascending name.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingPage {
    /// The recordings.
    pub recordings: Vec<RecordingEntry>,
    /// Requests the next page; `None` on the last one.
    pub next_token: Option<String>,
    /// Number of recordings on all pages.
    pub n_recordings: usize,
    /// Damaged recordings, for which the filter could not be evaluated.
    pub missing: Vec<RecordingId>,
}

/// See [`Engine::recording`](crate::Engine::recording).
pub(crate) fn recording(space: &PinnedSpace, id: &RecordingId) -> Result<Arc<Recording>> {
    Ok(space.snapshot().recording(id)?)
}

/// See [`Engine::list_recordings`](crate::Engine::list_recordings).
pub(crate) fn list_recordings(
    space: &PinnedSpace,
    filter: &Filter,
    page_size: usize,
    token: &str,
) -> Result<RecordingPage> {
    let catalogue = Catalogue::new(&***space.snapshot(), filter)?;
    let page = catalogue.page(page_size, token)?;
    Ok(RecordingPage {
        recordings: page.recordings.iter().map(|listed| listed.entry.clone()).collect(),
        next_token: page.next_token,
        n_recordings: page.n_recordings,
        missing: page.missing,
    })
}

/// See [`Engine::count_facets`](crate::Engine::count_facets).
pub(crate) fn count_facets(
    space: &PinnedSpace,
    filter: &Filter,
    names: &[String],
) -> Result<Vec<FacetCounts>> {
    let collection = &***space.snapshot();
    let catalogue = Catalogue::new(collection, filter)?;
    let count = |name: &String| Ok(catalogue.facet(&Facet::of(name, collection)?)?);
    names.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::tests::collections::{night, pinned};

    fn filter(expression: &str) -> Filter {
        Filter { expression: Some(expression.parse().unwrap()), ..Filter::default() }
    }

    #[test]
    fn pages_follow_each_other_by_name() {
        let (_folder, space) = pinned(["c", "a", "b"].map(|name| night(name, "W2")));
        let all = Filter::default();
        let first = list_recordings(&space, &all, 2, "").unwrap();
        let names = |page: &RecordingPage| {
            page.recordings.iter().map(|entry| entry.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!((names(&first), first.n_recordings), (vec!["a".to_owned(), "b".to_owned()], 3));
        let second = list_recordings(&space, &all, 2, &first.next_token.unwrap()).unwrap();
        assert_eq!((names(&second), second.next_token), (vec!["c".to_owned()], None));
    }

    #[test]
    fn recordings_without_an_allowed_epoch_are_not_listed() {
        let (_folder, space) = pinned([night("a", "W2"), night("b", "WW")]);
        let page = list_recordings(&space, &filter("stage = N2"), 10, "").unwrap();
        assert_eq!(page.n_recordings, 1);
        assert_eq!(page.recordings[0].id.to_string(), "a");
    }

    #[test]
    fn facets_are_counted_in_the_order_of_the_request() {
        let mut draft = night("a", "W22");
        draft.metadata.insert("cohort".to_owned(), "x".to_owned());
        let (_folder, space) = pinned([draft]);
        let names = ["cohort", "stage"].map(str::to_owned);
        let counts = count_facets(&space, &Filter::default(), &names).unwrap();
        assert_eq!(counts[0].facet, "cohort");
        let stages: Vec<_> =
            counts[1].values.iter().map(|it| (it.value.as_deref(), it.n_epochs)).collect();
        assert_eq!(stages, [(Some("W"), 1), (Some("N2"), 2)]);
        let error = count_facets(&space, &Filter::default(), &["mood".to_owned()]).unwrap_err();
        assert!(matches!(error, Error::Index(nocturne_index::Error::UnknownFacet { .. })));
    }

    #[test]
    fn recording_is_returned_by_name() {
        let (_folder, space) = pinned([night("a", "W22")]);
        assert_eq!(recording(&space, &"a".parse().unwrap()).unwrap().n_epochs(), 3);
        let error = recording(&space, &"b".parse().unwrap()).unwrap_err();
        assert!(matches!(error, Error::Index(nocturne_index::Error::UnknownRecording { .. })));
    }
}
