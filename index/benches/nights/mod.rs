//! Nights with vectors and no other data.

use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_index::{EmbeddingSpace, EpochPoint, RecordingDraft};
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EventSet, Quality, RecordingId, ZScore};

/// Returns an embedding space with this number of dimensions.
pub(crate) fn space(dim: usize) -> EmbeddingSpace {
    EmbeddingSpace {
        bundle: "bench".into(),
        fingerprint: "bench".into(),
        dim,
        preprocessing: Preprocessing { montage: "sleeplm-10".into(), z_score: ZScore::Recording },
    }
}

/// Returns the id of a night.
pub(crate) fn name(night: usize) -> RecordingId {
    RecordingId::new(format!("night-{night:05}"))
        .expect("letters, digits and a hyphen are valid in an id")
}

/// Returns a night with an epoch for each vector.
pub(crate) fn draft(night: usize, vectors: Vec<Embedding>) -> RecordingDraft {
    let epochs = vectors.into_iter().enumerate().map(|(number, vector)| EpochPoint {
        number: EpochNumber(number as u32),
        onset_s: 30.0 * number as f64,
        mask: ChannelMask::ALL,
        quality: Quality::default(),
        stage: None,
        events: EventSet::EMPTY,
        vector,
    });
    let id = name(night);
    RecordingDraft {
        source: format!("{id}.edf"),
        id,
        source_sha256: String::new(),
        annotations_sha256: None,
        origin: nocturne_psg::RecordingOrigin::Recorded,
        declared_events: EventSet::EMPTY,
        start: None,
        metadata: std::collections::BTreeMap::default(),
        montage: serde_json::Value::Null,
        events: None,
        signals: None,
        epochs: epochs.collect(),
        captions: vec![],
    }
}
