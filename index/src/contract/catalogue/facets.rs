//! Counts recordings and epochs by stage, event, channel or metadata.

use std::collections::BTreeMap;

use nocturne_psg::montage::Channel;
use nocturne_psg::{EventKind, RecordingId, Stage};
use serde::Serialize;

use super::{AllowedEpochs, Catalogue};
use crate::contract::CollectionReader;
use crate::error::{Error, Result};
use crate::filter::metadata_columns;
use crate::recording::{EpochRow, RecordingEntry};

/// Index of epochs and recordings without a value, which come last.
const NO_VALUE: usize = usize::MAX;

/// What recordings and epochs are counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facet {
    /// The scored stage.
    Stage,
    /// The kinds of scored event; an epoch may have several.
    Event,
    /// The channels with a usable signal; an epoch has several.
    Channel,
    /// A column of metadata.
    Metadata(String),
}

/// The number of recordings and epochs of each value, among those that a filter allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetCounts {
    /// Name of the facet.
    pub facet: String,
    /// The values that occur: stages, events and channels in their own order, metadata by value.
    pub values: Vec<FacetValue>,
    /// Damaged recordings, which were not counted.
    pub missing: Vec<RecordingId>,
}

/// The counts of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    /// The value, or `None` for epochs that were not scored and recordings without the column.
    pub value: Option<String>,
    /// Number of recordings with at least one epoch of that value.
    pub n_recordings: usize,
    /// Number of epochs of that value.
    pub n_epochs: usize,
}

impl Facet {
    /// Returns the facet of a name: `stage`, `event`, `channel`, or a column of the collection's metadata, with or without
    /// the prefix `metadata.`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFacet`].
    pub fn of(name: &str, collection: &dyn CollectionReader) -> Result<Self> {
        match name {
            "stage" => return Ok(Self::Stage),
            "event" => return Ok(Self::Event),
            "channel" => return Ok(Self::Channel),
            _ => {}
        }
        let column = name.strip_prefix("metadata.").unwrap_or(name);
        let entries = collection.entries();
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

    /// Returns the indices of the values that an epoch has, in the order of values; empty if it has none.
    fn value_indices(&self, epoch: &EpochRow) -> Vec<usize> {
        match self {
            Self::Stage => epoch.stage.iter().map(|stage| stage.index()).collect(),
            Self::Event => {
                let kinds = EventKind::ALL.iter().enumerate();
                let kinds = kinds.filter(|(_, kind)| epoch.events.contains(**kind));
                kinds.map(|(index, _)| index).collect()
            }
            Self::Channel => epoch.mask.iter().map(Channel::index).collect(),
            Self::Metadata(_) => vec![],
        }
    }

    /// Returns the value of an index.
    fn value(&self, index: usize) -> String {
        match self {
            Self::Stage => Stage::ALL[index].to_string(),
            Self::Event => EventKind::ALL[index].to_string(),
            Self::Channel => Channel::ALL[index].name().to_owned(),
            Self::Metadata(column) => column.clone(),
        }
    }
}

/// Numbers of recordings and epochs by index and value.
type Counts = BTreeMap<(usize, Option<String>), (usize, usize)>;

impl Catalogue<'_> {
    /// Counts the allowed recordings and epochs by a facet.
    ///
    /// # Errors
    ///
    /// Those of [`CollectionReader::epochs`].
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
                AllowedEpochs::None => return Ok(true),
                AllowedEpochs::Unknown => return Ok(false),
                AllowedEpochs::All => entry.n_epochs,
                AllowedEpochs::Some(epochs) => epochs.len(),
            };
            let value = entry.metadata.get(column).cloned();
            let index = if value.is_some() { 0 } else { NO_VALUE };
            add(counts, (index, value), n_epochs);
            return Ok(true);
        }
        let epochs = match allowed {
            AllowedEpochs::None => return Ok(true),
            AllowedEpochs::Unknown => None,
            AllowedEpochs::All => self.collection.epochs(entry)?,
            AllowedEpochs::Some(epochs) => Some(epochs),
        };
        let Some(epochs) = epochs else { return Ok(false) };
        let mut n_by_index: BTreeMap<usize, usize> = BTreeMap::new();
        for epoch in &epochs {
            let indices = facet.value_indices(epoch);
            let indices = if indices.is_empty() { vec![NO_VALUE] } else { indices };
            indices.into_iter().for_each(|index| *n_by_index.entry(index).or_default() += 1);
        }
        for (index, n_epochs) in n_by_index {
            let value = (index != NO_VALUE).then(|| facet.value(index));
            add(counts, (index, value), n_epochs);
        }
        Ok(true)
    }
}

/// Adds a recording that has `n_epochs` epochs of a value.
fn add(counts: &mut Counts, value: (usize, Option<String>), n_epochs: usize) {
    let (recordings, epochs) = counts.entry(value).or_default();
    *recordings += 1;
    *epochs += n_epochs;
}
