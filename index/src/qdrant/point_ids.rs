//! Ids of points: a version 5 UUID of what a point is about, so that sending a point twice leaves one.

use nocturne_psg::{EpochNumber, RecordingId};
use qdrant_client::qdrant::PointId;
use uuid::Uuid;

/// The namespace of the ids, drawn at random once.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f2b_54b1_0c0d_4c8e_9a5e_2d13_7b61_88f4);

/// Returns the id of the point of an epoch.
pub(super) fn epoch_id(recording: &RecordingId, epoch: EpochNumber) -> PointId {
    id_of(&format!("epoch {epoch} of {recording}"))
}

/// Returns the id of the point of a caption, by its place among the captions of the epoch.
pub(super) fn caption_id(recording: &RecordingId, epoch: EpochNumber, ordinal: u32) -> PointId {
    id_of(&format!("caption {ordinal} of epoch {epoch} of {recording}"))
}

/// Returns the id of the concept track of a recording.
pub(super) fn track_id(recording: &RecordingId) -> PointId {
    id_of(&format!("track of {recording}"))
}

/// Returns the id of the entry of a recording in the manifest.
pub(super) fn manifest_entry_id(recording: &RecordingId) -> PointId {
    id_of(&format!("recording {recording}"))
}

/// Returns the id of the point of the manifest that holds the space and the generation.
pub(super) fn space_id() -> PointId {
    id_of("space")
}

/// Returns the id of a note in the manifest.
pub(super) fn note_id(note: &str) -> PointId {
    id_of(&format!("note {note}"))
}

fn id_of(name: &str) -> PointId {
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_points_stay_the_same() {
        let id = RecordingId::new("night-001").unwrap();
        let uuid = |point: PointId| match point.point_id_options {
            Some(qdrant_client::qdrant::point_id::PointIdOptions::Uuid(uuid)) => uuid,
            other => panic!("{other:?} is not a UUID"),
        };
        let ids = [
            epoch_id(&id, EpochNumber(7)),
            caption_id(&id, EpochNumber(7), 1),
            manifest_entry_id(&id),
            space_id(),
        ];
        // From the `uuid` module of Python.
        let expect = [
            "aac6d701-3a3a-5030-907f-30f9deda5c1e",
            "9e5b338f-64d0-594e-9b37-6bfb81aba187",
            "e8d7e61e-f7b5-5494-958a-ed9f1ef373bc",
            "72f7eeba-de88-5cd1-98c9-fe01ae603e26",
        ];
        assert_eq!(ids.map(uuid), expect);
    }
}
