//! Nights that are the same recording under two names.

mod alignment;
mod sketch;

use nocturne_psg::RecordingId;
use serde::Serialize;

use crate::error::{Error, Result, StoredFile};
use crate::folder::Collection;
use alignment::{Night, aligned};
use sketch::{Sketch, candidates};

/// What counts as the same night.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DuplicateSettings {
    /// Least share of the epochs that two nights have in common that must agree, above 0 and up to 1.
    pub min_share: f64,
    /// Least cosine of two vectors of the same half minute.
    pub min_cosine: f32,
}

impl Default for DuplicateSettings {
    /// Half of the epochs, at a cosine of 0.95.
    fn default() -> Self {
        Self { min_share: 0.5, min_cosine: 0.95 }
    }
}

/// Two recordings that hold the same night, or parts of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicate {
    /// One of them, the first by name.
    pub first: RecordingId,
    /// The other one.
    pub second: RecordingId,
    /// Epoch `n` of the first is epoch `n + offset_epochs` of the second.
    pub offset_epochs: i64,
    /// Number of epochs that both have, so shifted.
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
    /// Pairs of recordings, by ascending names.
    pub pairs: Vec<Duplicate>,
    /// Recordings that are damaged and were not compared.
    pub missing: Vec<RecordingId>,
}

/// Finds nights that are in a collection under two names: copied, cut, shifted by whole epochs, or written anew.
///
/// Nights are sketched by the mean of their vectors, and each is compared with those whose sketch is nearest, and with
/// those of the same file. Two nights are shifted against each other so that most epochs of the shorter one fall on
/// their nearest in the longer; they are the same where most of them do, and agree. Two nights of one person have
/// vectors that are alike, but not in the same order, and so no such shift.
///
/// # What is not found?
///
/// A copy that begins a part of an epoch later than the original: no half minute is the same. Parts of less than ten
/// epochs. In collections of more than 64 nights, a part so short that its mean is far from that of the whole.
///
/// # Errors
///
/// Those of [`Collection::recording`] but for damage.
pub fn find_duplicates(collection: &Collection, settings: DuplicateSettings) -> Result<Duplicates> {
    let (mut sketches, mut missing) = (Vec::new(), Vec::new());
    for entry in collection.recordings() {
        match read(collection, &entry.id) {
            Ok(night) => sketches.push(Sketch::of(entry, &night)),
            Err(Error::Damaged { file: StoredFile::Segment, .. }) => missing.push(entry.id.clone()),
            Err(error) => return Err(error),
        }
    }
    let mut pairs = Vec::new();
    for (place, others) in candidates(&sketches).into_iter().enumerate() {
        if others.is_empty() {
            continue;
        }
        let first = sketches[place].id;
        let night = read(collection, first)?;
        for other in others {
            let second = sketches[other].id;
            let found = aligned(&night, &read(collection, second)?, settings);
            pairs.extend(found.map(|found| found.of(first.clone(), second.clone())));
        }
    }
    Ok(Duplicates { pairs, missing })
}

fn read(collection: &Collection, id: &RecordingId) -> Result<Night> {
    let recording = collection.read_recording(id)?;
    let (vectors, dim) = (recording.vectors(), recording.vectors().dim());
    let mut numbers = Vec::with_capacity(recording.n_epochs() * dim);
    vectors.for_each(|_| true, |_, vector| numbers.extend_from_slice(vector))?;
    let epochs = recording.numbers().iter().map(|number| i64::from(number.0)).collect();
    Ok(Night { epochs, numbers, dim })
}
