//! The recordings that a filter allows: page by page, and counted by what is known of them.

mod facets;
mod token;

use nocturne_psg::RecordingId;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::recording::{EpochRow, RecordingEntry};

pub use facets::{Facet, FacetCounts, FacetValue};

/// The recordings of a snapshot that a filter allows, by ascending name.
///
/// A recording belongs to it where at least one of its epochs is allowed; where a filter has no conditions on epochs,
/// no column of any recording is read, and one without epochs belongs to it too.
#[derive(Debug, Clone)]
pub struct Catalogue<'a> {
    recordings: &'a dyn Recordings,
    entries: Vec<&'a RecordingEntry>,
    filter: &'a Filter,
}

/// A snapshot whose recordings can be listed and counted.
pub trait Recordings: std::fmt::Debug {
    /// Returns what is said of the recordings, by ascending name.
    fn entries(&self) -> Vec<&RecordingEntry>;

    /// Returns what is known of the epochs of a recording, in their order; nothing where it is damaged.
    ///
    /// # Errors
    ///
    /// Those of reading it but for damage.
    fn epochs(&self, entry: &RecordingEntry) -> Result<Option<Vec<EpochRow>>>;
}

/// A part of a catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<'a> {
    /// The recordings.
    pub recordings: Vec<Listed<'a>>,
    /// Asks for what comes after them; nothing on the last page.
    pub next_token: Option<String>,
    /// Number of recordings on all pages.
    pub n_recordings: usize,
    /// Recordings that are damaged, so that nobody can tell whether they belong here.
    pub missing: Vec<RecordingId>,
}

/// A recording of a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Listed<'a> {
    /// What the manifest says of it.
    #[serde(flatten)]
    pub entry: &'a RecordingEntry,
    /// Number of its epochs that the filter allows.
    pub n_epochs_allowed: usize,
}

/// What a filter allows of a recording.
enum Allowed {
    Nothing,
    /// Every epoch, whether there is one or not.
    All,
    /// These epochs.
    Some(Vec<EpochRow>),
    /// Nobody can tell: the recording is damaged.
    Unknown,
}

impl<'a> Catalogue<'a> {
    /// Takes what a filter allows of a snapshot.
    ///
    /// # Errors
    ///
    /// [`Error::Filter`], and [`Error::UnknownRecording`] where the filter names a recording that is not there.
    pub fn new(recordings: &'a dyn Recordings, filter: &'a Filter) -> Result<Self> {
        let entries = recordings.entries();
        filter.check(&entries.iter().copied())?;
        let mut named = filter.recordings.iter().flatten();
        let is_unknown = |id: &&RecordingId| entries.binary_search_by_key(id, |it| &it.id).is_err();
        if let Some(id) = named.find(is_unknown) {
            return Err(Error::UnknownRecording { recording: id.clone() });
        }
        Ok(Self { recordings, entries, filter })
    }

    /// Returns the first recordings behind the page that `token` ends, or the first of all where it is empty.
    ///
    /// A token holds the name that the next page comes after: what is added or removed meanwhile moves no other
    /// recording to a page that has been seen, or away from one that has not.
    ///
    /// # Errors
    ///
    /// [`Error::PageToken`] for a token that this filter has not given, [`Error::Setting`] for pages without
    /// recordings, and those of [`Recordings::epochs`].
    pub fn page(&self, page_size: usize, token: &str) -> Result<Page<'a>> {
        if page_size == 0 {
            let expected = "1 or more";
            return Err(Error::Setting { name: "page_size", value: page_size, expected });
        }
        let after = token::name_in(token, self.filter)?;
        let is_behind =
            |entry: &RecordingEntry| after.as_deref().is_none_or(|it| entry.id.as_str() > it);
        let mut page =
            Page { recordings: Vec::new(), next_token: None, n_recordings: 0, missing: Vec::new() };
        for entry in self.entries.iter().copied() {
            let n_epochs_allowed = match self.allowed(entry)? {
                Allowed::Nothing => continue,
                Allowed::All => entry.n_epochs,
                Allowed::Some(epochs) => epochs.len(),
                Allowed::Unknown => {
                    page.missing.push(entry.id.clone());
                    continue;
                }
            };
            page.n_recordings += 1;
            if !is_behind(entry) {
                continue;
            }
            match page.recordings.last() {
                Some(last) if page.recordings.len() == page_size => {
                    let token = || token::token(last.entry.id.as_str(), self.filter);
                    page.next_token.get_or_insert_with(token);
                }
                Some(_) | None => page.recordings.push(Listed { entry, n_epochs_allowed }),
            }
        }
        Ok(page)
    }

    /// Decides about a recording, and reads its columns where the filter has conditions on epochs.
    fn allowed(&self, entry: &RecordingEntry) -> Result<Allowed> {
        let conditions = match self.filter.conditions(entry) {
            None => return Ok(Allowed::Nothing),
            Some(None) => return Ok(Allowed::All),
            Some(Some(conditions)) => conditions,
        };
        let Some(mut epochs) = self.recordings.epochs(entry)? else { return Ok(Allowed::Unknown) };
        epochs.retain(|epoch| conditions.hold(entry, epoch));
        Ok(if epochs.is_empty() { Allowed::Nothing } else { Allowed::Some(epochs) })
    }
}
