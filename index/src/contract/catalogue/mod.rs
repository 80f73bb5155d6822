//! The recordings that a filter allows: listed page by page, and counted by facet.

mod facets;
mod token;

use nocturne_psg::RecordingId;
use serde::Serialize;

use crate::contract::CollectionReader;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::recording::{EpochRow, RecordingEntry};

pub use facets::{Facet, FacetCounts, FacetValue};

/// The recordings of a snapshot that a filter allows, by ascending id.
///
/// A recording is allowed if at least one of its epochs is. If the filter has no conditions on epochs, no column of any
/// recording is read, and a recording without epochs is allowed too.
#[derive(Debug, Clone)]
pub struct Catalogue<'a> {
    collection: &'a dyn CollectionReader,
    entries: Vec<&'a RecordingEntry>,
    filter: &'a Filter,
}

/// A page of a catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingPage<'a> {
    /// The recordings.
    pub recordings: Vec<ListedRecording<'a>>,
    /// Token of the next page, or `None` on the last one.
    pub next_token: Option<String>,
    /// Number of recordings on all pages.
    pub n_recordings: usize,
    /// Damaged recordings, for which the filter cannot be decided.
    pub missing: Vec<RecordingId>,
}

/// A recording of a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ListedRecording<'a> {
    /// Its entry in the manifest.
    #[serde(flatten)]
    pub entry: &'a RecordingEntry,
    /// Number of its epochs that the filter allows.
    pub n_epochs_allowed: usize,
}

/// The epochs of a recording that a filter allows.
enum AllowedEpochs {
    None,
    /// Every epoch, even if there is none.
    All,
    Some(Vec<EpochRow>),
    /// The recording is damaged.
    Unknown,
}

impl<'a> Catalogue<'a> {
    /// Returns the recordings of a snapshot that a filter allows.
    ///
    /// # Errors
    ///
    /// [`Error::Filter`], and [`Error::UnknownRecording`] if the filter names a recording that does not exist.
    pub fn new(collection: &'a dyn CollectionReader, filter: &'a Filter) -> Result<Self> {
        let entries = collection.entries();
        filter.check(&entries.iter().copied())?;
        let mut named = filter.recordings.iter().flatten();
        let is_unknown = |id: &&RecordingId| entries.binary_search_by_key(id, |it| &it.id).is_err();
        if let Some(id) = named.find(is_unknown) {
            return Err(Error::UnknownRecording { recording: id.clone() });
        }
        Ok(Self { collection, entries, filter })
    }

    /// Returns the page after the one that ended with `token`, or the first page if it is empty.
    ///
    /// A token holds the id after which the page starts: recordings that are added or removed meanwhile move no other
    /// recording to a page that was seen, or away from one that was not.
    ///
    /// # Errors
    ///
    /// [`Error::PageToken`] for a token of another filter, [`Error::Setting`] for a page size of 0, and those of
    /// [`CollectionReader::epochs`].
    pub fn page(&self, page_size: usize, token: &str) -> Result<ListingPage<'a>> {
        if page_size == 0 {
            let expected = "1 or more";
            return Err(Error::Setting { name: "page_size", value: page_size, expected });
        }
        let after = token::id_in(token, self.filter)?;
        let is_after =
            |entry: &RecordingEntry| after.as_deref().is_none_or(|it| entry.id.as_str() > it);
        let mut page = ListingPage {
            recordings: Vec::new(),
            next_token: None,
            n_recordings: 0,
            missing: Vec::new(),
        };
        // Every recording is decided, not only those of the page, because the page reports their total number.
        for entry in self.entries.iter().copied() {
            let n_epochs_allowed = match self.allowed(entry)? {
                AllowedEpochs::None => continue,
                AllowedEpochs::All => entry.n_epochs,
                AllowedEpochs::Some(epochs) => epochs.len(),
                AllowedEpochs::Unknown => {
                    page.missing.push(entry.id.clone());
                    continue;
                }
            };
            page.n_recordings += 1;
            if !is_after(entry) {
                continue;
            }
            match page.recordings.last() {
                Some(last) if page.recordings.len() == page_size => {
                    let token = || token::token(last.entry.id.as_str(), self.filter);
                    page.next_token.get_or_insert_with(token);
                }
                Some(_) | None => page.recordings.push(ListedRecording { entry, n_epochs_allowed }),
            }
        }
        Ok(page)
    }

    /// Returns the allowed epochs of a recording. Its columns are read only if the filter has conditions on epochs.
    fn allowed(&self, entry: &RecordingEntry) -> Result<AllowedEpochs> {
        let conditions = match self.filter.conditions(entry) {
            None => return Ok(AllowedEpochs::None),
            Some(None) => return Ok(AllowedEpochs::All),
            Some(Some(conditions)) => conditions,
        };
        let Some(mut epochs) = self.collection.epochs(entry)? else {
            return Ok(AllowedEpochs::Unknown);
        };
        epochs.retain(|epoch| conditions.hold(entry, epoch));
        Ok(if epochs.is_empty() { AllowedEpochs::None } else { AllowedEpochs::Some(epochs) })
    }
}
