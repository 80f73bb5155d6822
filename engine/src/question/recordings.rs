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
    let catalogue = Catalogue::new(space.snapshot().recordings(), filter)?;
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
    let recordings = space.snapshot().recordings();
    let catalogue = Catalogue::new(recordings, filter)?;
    let count = |name: &String| Ok(catalogue.facet(&Facet::of(name, recordings)?)?);
    names.iter().map(count).collect()
}
