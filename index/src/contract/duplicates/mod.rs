//! Finds nights that are in a collection under two ids.

mod alignment;
mod candidates;

use nocturne_psg::RecordingId;
use serde::Serialize;

use crate::contract::CollectionReader;
use crate::error::Result;
use alignment::{NightVectors, align};
use candidates::{MeanVector, candidates};

/// What counts as the same night.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DuplicateSettings {
    /// Minimum share of agreeing epochs among those that two nights have in common, above 0 and up to 1.
    pub min_share: f64,
    /// Minimum cosine of two vectors of the same half minute.
    pub min_cosine: f32,
}

impl Default for DuplicateSettings {
    /// Half of the epochs, at a cosine of 0.95.
    fn default() -> Self {
        Self { min_share: 0.5, min_cosine: 0.95 }
    }
}

/// Two recordings of the same night, or of parts of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicate {
    /// The first of them by id.
    pub first: RecordingId,
    /// The other one.
    pub second: RecordingId,
    /// Epoch `n` of the first is epoch `n + offset_epochs` of the second.
    pub offset_epochs: i64,
    /// Number of epochs that both have at this offset.
    pub n_overlapping: usize,
    /// Number of these whose vectors agree.
    pub n_agreeing: usize,
    /// Mean cosine of the vectors of these epochs.
    pub mean_cosine: f32,
}

impl Duplicate {
    /// Returns the share of overlapping epochs that agree, in `[0, 1]`.
    pub fn share(&self) -> f64 {
        self.n_agreeing as f64 / self.n_overlapping as f64
    }
}

/// The duplicates of a collection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Duplicates {
    /// Pairs of recordings, by ascending ids.
    pub pairs: Vec<Duplicate>,
    /// Damaged recordings, which were not compared.
    pub missing: Vec<RecordingId>,
}

/// Finds nights that are in a collection under two ids: copied, cut, shifted by whole epochs, or written again.
///
/// Each night is compared with the nights whose mean vector is nearest, and with those of the same file. Two nights are
/// shifted so that most epochs of the shorter one meet their nearest epoch in the longer one. They are duplicates if most
/// epochs agree at that offset. Two nights of one person have similar vectors, but not in the same order, and so no such
/// offset.
///
/// # What is not found?
///
/// - A copy that starts a fraction of an epoch later than the original, because no half minute is the same.
/// - Parts of less than ten epochs.
/// - In collections of more than 64 nights, a part so short that its mean is far from that of the whole night.
///
/// # Errors
///
/// Those of [`CollectionReader::read_epochs`] except damage.
pub fn find_duplicates(
    collection: &dyn CollectionReader,
    settings: DuplicateSettings,
) -> Result<Duplicates> {
    let (mut means, mut missing) = (Vec::new(), Vec::new());
    for entry in collection.entries() {
        match read(collection, &entry.id) {
            Ok(night) => means.push(MeanVector::of(entry, &night)),
            Err(error) if error.is_damage() => missing.push(entry.id.clone()),
            Err(error) => return Err(error),
        }
    }
    let mut pairs = Vec::new();
    for (i, others) in candidates(&means).into_iter().enumerate() {
        if others.is_empty() {
            continue;
        }
        let first = means[i].id;
        let night = read(collection, first)?;
        for other in others {
            let second = means[other].id;
            let found = align(&night, &read(collection, second)?, settings);
            pairs.extend(found.map(|found| found.of(first.clone(), second.clone())));
        }
    }
    Ok(Duplicates { pairs, missing })
}

fn read(collection: &dyn CollectionReader, id: &RecordingId) -> Result<NightVectors> {
    let recording = collection.read_epochs(id)?;
    let (vectors, dim) = (recording.vectors(), recording.vectors().dim());
    let mut values = Vec::with_capacity(recording.n_epochs() * dim);
    vectors.for_each(|_| true, |_, vector| values.extend_from_slice(vector))?;
    let epochs = recording.numbers().iter().map(|number| i64::from(number.0)).collect();
    Ok(NightVectors { epochs, values, dim })
}
