//! A recording as points: what is sent, and what is read back.

use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochNumber, RecordingId};
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{NamedVectors, PointStruct, Vectors};
use xxhash_rust::xxh3::Xxh3;

use super::payload::{PayloadReader, payload};
use super::point_ids::{caption_id, epoch_id};
use super::schema::{CAPTION, SIGNAL};
use crate::error::Result;
use crate::recording::{EpochRow, RecordingEntry};
use crate::storage::segment::Recording;

/// The points of one recording; each epoch is followed by its captions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RecordingPoints {
    pub(super) points: Vec<RecordingPoint>,
}

/// An epoch, or a caption of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RecordingPoint {
    /// The epoch, or the one that the caption describes.
    pub(super) epoch: EpochRow,
    pub(super) kind: PointKind,
    pub(super) vector: Vec<f32>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PointKind {
    Epoch,
    Caption(CaptionDetails),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CaptionDetails {
    /// Place among the captions of the epoch, from 0.
    pub(super) ordinal: u32,
    pub(super) kind: CaptionKind,
    pub(super) text: String,
}

impl RecordingPoints {
    /// Returns the points of a recording, with its vectors as they are stored.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`](crate::Error::Damaged).
    pub(super) fn of(recording: &Recording) -> Result<Self> {
        let captions = recording.captions();
        let mut points = Vec::with_capacity(recording.n_epochs() + captions.len());
        for row in 0..recording.n_epochs() {
            let epoch = recording.row(row);
            let mut vector = vec![0.0; recording.vectors().dim()];
            recording.vectors().copy_row(row, &mut vector)?;
            points.push(RecordingPoint { epoch, kind: PointKind::Epoch, vector });
            for (ordinal, caption) in (0..).zip(captions.of_row(row)) {
                let mut vector = vec![0.0; captions.vectors().dim()];
                captions.vectors().copy_row(caption, &mut vector)?;
                let (kind, text) = (captions.kind(caption), captions.text(caption).to_owned());
                let kind = PointKind::Caption(CaptionDetails { ordinal, kind, text });
                points.push(RecordingPoint { epoch, kind, vector });
            }
        }
        Ok(Self { points })
    }

    /// Sorts points that were read in any order.
    pub(super) fn sorted(mut points: Vec<RecordingPoint>) -> Self {
        points.sort_by(|a, b| (a.epoch.number, &a.kind).cmp(&(b.epoch.number, &b.kind)));
        Self { points }
    }

    /// Returns XXH3-128 over every field of every point, to compare what was sent with what was read back, bit by bit.
    pub(super) fn checksum(&self) -> u128 {
        let mut hash = Xxh3::new();
        hash.update(&(self.points.len() as u64).to_le_bytes());
        for RecordingPoint { epoch, kind, vector } in &self.points {
            let EpochRow { number: EpochNumber(number), onset_s, stage, events, mask, quality } =
                epoch;
            hash.update(&number.to_le_bytes());
            hash.update(&onset_s.to_bits().to_le_bytes());
            hash.update(&[stage.map_or(u8::MAX, |stage| stage.index() as u8)]);
            hash.update(&events.bits().to_le_bytes());
            for mask in [*mask, quality.missing, quality.flat, quality.clipped] {
                hash.update(&mask.bits().to_le_bytes());
            }
            match kind {
                PointKind::Epoch => hash.update(&[0]),
                PointKind::Caption(CaptionDetails { ordinal, kind, text }) => {
                    hash.update(&[1]);
                    hash.update(&ordinal.to_le_bytes());
                    hash.update(kind.name().as_bytes());
                    hash.update(&(text.len() as u64).to_le_bytes());
                    hash.update(text.as_bytes());
                }
            }
            vector.iter().for_each(|number| hash.update(&number.to_le_bytes()));
        }
        hash.digest128()
    }
}

impl RecordingPoint {
    /// Reads a point that the server returned.
    pub(super) fn read(answer: &PayloadReader<'_>, dim: usize) -> Result<Self> {
        let kind = answer.kind()?;
        let name = kind.vector_name();
        Ok(Self { epoch: answer.epoch()?, vector: answer.vector(name, dim)?, kind })
    }

    /// Returns the point as the server takes it, written with a revision.
    pub(super) fn to_point(&self, entry: &RecordingEntry, revision: u64) -> PointStruct {
        let vectors = [(self.kind.vector_name().to_owned(), self.vector.clone().into())].into();
        PointStruct {
            id: Some(self.kind.id(&entry.id, self.epoch.number)),
            payload: payload(entry, &self.epoch, &self.kind, revision),
            vectors: Some(Vectors {
                vectors_options: Some(VectorsOptions::Vectors(NamedVectors { vectors })),
            }),
        }
    }
}

impl PointKind {
    fn vector_name(&self) -> &'static str {
        match self {
            Self::Epoch => SIGNAL,
            Self::Caption(_) => CAPTION,
        }
    }

    fn id(&self, recording: &RecordingId, epoch: EpochNumber) -> qdrant_client::qdrant::PointId {
        match self {
            Self::Epoch => epoch_id(recording, epoch),
            Self::Caption(caption) => caption_id(recording, epoch, caption.ordinal),
        }
    }
}
