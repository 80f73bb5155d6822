//! Counts recordings and epochs by what is known of them.

use std::collections::BTreeMap;

use nocturne_psg::montage::Channel;
use nocturne_psg::{EventKind, RecordingId, Stage};
use serde::Serialize;

use super::{Allowed, Catalogue, Recordings};
use crate::error::{Error, Result};
use crate::filter::metadata_columns;
use crate::recording::{EpochRow, RecordingEntry};

/// What recordings and epochs are counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facet {
    /// The scored stage.
    Stage,
    /// The kinds of scored event; an epoch may have several.
    Event,
    /// The channels that carried something; an epoch has several.
    Channel,
    /// A column of metadata.
    Metadata(String),
}

/// How often each value occurs among the recordings and epochs that a filter allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetCounts {
    /// Name of the facet.
    pub facet: String,
    /// The values that occur: stages, events and channels in their own order, metadata by value.
    pub values: Vec<FacetValue>,
    /// Recordings that are damaged and were not counted.
    pub missing: Vec<RecordingId>,
}

/// A value and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    /// The value; nothing stands for its absence: an epoch that was not scored, a recording without the column.
    pub value: Option<String>,
    /// Number of recordings with at least one epoch of that value.
    pub n_recordings: usize,
    /// Number of epochs of that value.
    pub n_epochs: usize,
}

impl Facet {
    /// Returns the facet of a name: `stage`, `event`, `channel`, or a column of the collection's metadata, also behind
    /// `metadata.`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFacet`].
    pub fn of(name: &str, recordings: &dyn Recordings) -> Result<Self> {
        match name {
            "stage" => return Ok(Self::Stage),
            "event" => return Ok(Self::Event),
            "channel" => return Ok(Self::Channel),
            _ => {}
        }
        let column = name.strip_prefix("metadata.").unwrap_or(name);
        let entries = recordings.entries();
        let columns = metadata_columns(entries.into_iter());
        if columns.contains(column) {
            return Ok(Self::Metadata(column.to_owned()));
        }
        let known: Vec<&str> = ["stage", "event", "channel"].into_iter().chain(columns).collect();
        Err(Error::UnknownFacet { name: name.to_owned(), known: known.join("`, `") })
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Stage => "stage",
            Self::Event => "event",
            Self::Channel => "channel",
            Self::Metadata(column) => column,
        }
    }

    /// Returns the places of the values that an epoch has, in the order of values; nothing where it has none.
    fn places(&self, epoch: &EpochRow) -> Vec<usize> {
        match self {
            Self::Stage => epoch.stage.iter().map(|stage| stage.index()).collect(),
            Self::Event => {
                let kinds = EventKind::ALL.iter().enumerate();
                let kinds = kinds.filter(|(_, kind)| epoch.events.contains(**kind));
                kinds.map(|(place, _)| place).collect()
            }
            Self::Channel => epoch.mask.iter().map(Channel::index).collect(),
            Self::Metadata(_) => vec![],
        }
    }

    /// Returns the value in a place.
    fn value(&self, place: usize) -> String {
        match self {
            Self::Stage => Stage::ALL[place].to_string(),
            Self::Event => EventKind::ALL[place].to_string(),
            Self::Channel => Channel::ALL[place].name().to_owned(),
            Self::Metadata(column) => column.clone(),
        }
    }
}

/// Counts by place and value, the absence of a value last.
type Counts = BTreeMap<(usize, Option<String>), (usize, usize)>;

impl Catalogue<'_> {
    /// Counts the recordings and epochs that are allowed by a facet.
    ///
    /// # Errors
    ///
    /// Those of [`Recordings::epochs`].
    pub fn facet(&self, facet: &Facet) -> Result<FacetCounts> {
        let (mut counts, mut missing) = (Counts::new(), Vec::new());
        for entry in &self.entries {
            if !self.count(facet, entry, &mut counts)? {
                missing.push(entry.id.clone());
            }
        }
        let values = counts.into_iter().map(|((_, value), (n_recordings, n_epochs))| FacetValue {
            value,
            n_recordings,
            n_epochs,
        });
        Ok(FacetCounts { facet: facet.name().to_owned(), values: values.collect(), missing })
    }

    /// Adds a recording to the counts; returns whether it could be read.
    fn count(&self, facet: &Facet, entry: &RecordingEntry, counts: &mut Counts) -> Result<bool> {
        let allowed = self.allowed(entry)?;
        if let Facet::Metadata(column) = facet {
            let n_epochs = match &allowed {
                Allowed::Nothing => return Ok(true),
                Allowed::Unknown => return Ok(false),
                Allowed::All => entry.n_epochs,
                Allowed::Some(epochs) => epochs.len(),
            };
            let value = entry.metadata.get(column).cloned();
            let place = if value.is_some() { 0 } else { usize::MAX };
            add(counts, (place, value), n_epochs);
            return Ok(true);
        }
        let epochs = match allowed {
            Allowed::Nothing => return Ok(true),
            Allowed::Unknown => None,
            Allowed::All => self.recordings.epochs(entry)?,
            Allowed::Some(epochs) => Some(epochs),
        };
        let Some(epochs) = epochs else { return Ok(false) };
        let mut n_by_place: BTreeMap<usize, usize> = BTreeMap::new();
        for epoch in &epochs {
            let places = facet.places(epoch);
            let places = if places.is_empty() { vec![usize::MAX] } else { places };
            places.into_iter().for_each(|place| *n_by_place.entry(place).or_default() += 1);
        }
        for (place, n_epochs) in n_by_place {
            let value = (place != usize::MAX).then(|| facet.value(place));
            add(counts, (place, value), n_epochs);
        }
        Ok(true)
    }
}

/// Adds a recording with so many epochs of a value.
fn add(counts: &mut Counts, value: (usize, Option<String>), n_epochs: usize) {
    let (recordings, epochs) = counts.entry(value).or_default();
    *recordings += 1;
    *epochs += n_epochs;
}
