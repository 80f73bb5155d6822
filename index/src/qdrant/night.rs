//! A recording as points: what is sent, and what comes back.

use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochNumber, RecordingId};
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{NamedVectors, PointStruct, Vectors};
use xxhash_rust::xxh3::Xxh3;

use super::payload::{Answer, payload};
use super::schema::{CAPTION, SIGNAL, caption_point, epoch_point};
use crate::error::Result;
use crate::recording::{EpochRow, Recording, RecordingEntry};

/// The points of one recording: each epoch is followed by its captions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Night {
    pub(super) points: Vec<NightPoint>,
}

/// An epoch, or a caption of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NightPoint {
    /// The epoch itself, or the one that is described.
    pub(super) epoch: EpochRow,
    pub(super) row: PointRow,
    pub(super) vector: Vec<f32>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PointRow {
    Epoch,
    Caption(CaptionRow),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CaptionRow {
    /// Place among the captions of the epoch.
    pub(super) ordinal: u32,
    pub(super) kind: CaptionKind,
    pub(super) text: String,
}

impl Night {
    /// Reads the vectors of a recording, as they are kept.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedSegment`](crate::Error::DamagedSegment).
    pub(super) fn of(recording: &Recording) -> Result<Self> {
        let captions = recording.captions();
        let mut points = Vec::with_capacity(recording.n_epochs() + captions.len());
        for row in 0..recording.n_epochs() {
            let epoch = recording.row(row);
            let mut vector = vec![0.0; recording.vectors().dim()];
            recording.vectors().copy_row(row, &mut vector)?;
            points.push(NightPoint { epoch, row: PointRow::Epoch, vector });
            for (ordinal, caption) in (0..).zip(captions.of_row(row)) {
                let mut vector = vec![0.0; captions.vectors().dim()];
                captions.vectors().copy_row(caption, &mut vector)?;
                let (kind, text) = (captions.kind(caption), captions.text(caption).to_owned());
                let row = PointRow::Caption(CaptionRow { ordinal, kind, text });
                points.push(NightPoint { epoch, row, vector });
            }
        }
        Ok(Self { points })
    }

    /// Brings points that came in any order into theirs.
    pub(super) fn sorted(mut points: Vec<NightPoint>) -> Self {
        points.sort_by(|a, b| (a.epoch.number, &a.row).cmp(&(b.epoch.number, &b.row)));
        Self { points }
    }

    /// Returns XXH3-128 over every field of every point: what was sent and what came back are the same, bit by bit, or the
    /// checksums differ.
    pub(super) fn checksum(&self) -> u128 {
        let mut hash = Xxh3::new();
        hash.update(&(self.points.len() as u64).to_le_bytes());
        for NightPoint { epoch, row, vector } in &self.points {
            let EpochRow { number: EpochNumber(number), onset_s, stage, events, mask, quality } =
                epoch;
            hash.update(&number.to_le_bytes());
            hash.update(&onset_s.to_bits().to_le_bytes());
            hash.update(&[stage.map_or(u8::MAX, |stage| stage.index() as u8)]);
            hash.update(&events.bits().to_le_bytes());
            for mask in [*mask, quality.missing, quality.flat, quality.clipped] {
                hash.update(&mask.bits().to_le_bytes());
            }
            match row {
                PointRow::Epoch => hash.update(&[0]),
                PointRow::Caption(CaptionRow { ordinal, kind, text }) => {
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

impl NightPoint {
    /// Reads a point that the server has given.
    pub(super) fn read(answer: &Answer<'_>, dim: usize) -> Result<Self> {
        let row = answer.row()?;
        let name = row.vector_name();
        Ok(Self { epoch: answer.epoch()?, vector: answer.vector(name, dim)?, row })
    }

    /// Returns the point as the server takes it, written under a lease.
    pub(super) fn to_point(&self, entry: &RecordingEntry, lease: u64) -> PointStruct {
        let vectors = [(self.row.vector_name().to_owned(), self.vector.clone().into())].into();
        PointStruct {
            id: Some(self.row.id(&entry.id, self.epoch.number)),
            payload: payload(entry, &self.epoch, &self.row, lease),
            vectors: Some(Vectors {
                vectors_options: Some(VectorsOptions::Vectors(NamedVectors { vectors })),
            }),
        }
    }
}

impl PointRow {
    fn vector_name(&self) -> &'static str {
        match self {
            Self::Epoch => SIGNAL,
            Self::Caption(_) => CAPTION,
        }
    }

    fn id(&self, recording: &RecordingId, epoch: EpochNumber) -> qdrant_client::qdrant::PointId {
        match self {
            Self::Epoch => epoch_point(recording, epoch),
            Self::Caption(caption) => caption_point(recording, epoch, caption.ordinal),
        }
    }
}
