//! Collections for tests, in folders and in a double of Qdrant.

use std::path::Path;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_index::qdrant::{QdrantSettings, QdrantWriter};
use nocturne_index::{
    CollectionReader, CollectionWriter, EmbeddingSpace, EpochPoint, FolderReader, FolderWriter,
    RecordingDraft,
};
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EventSet, Quality, RecordingId, Stage, ZScore};
use nocturne_qdrant_double::QdrantDouble;

use crate::live::live_collection::{LiveCollection, LiveSpace, PinnedSpace};
use crate::live::snapshot::Snapshot;
use crate::options::EngineOptions;
use crate::tests::models::{DIM, epoch_vector, opened_bundle};

/// Fingerprint of the bundle that fills the collections.
pub(crate) const FINGERPRINT: &str = "5d41";

/// Returns the embedding space of vectors of a length.
pub(crate) fn space(dim: usize) -> EmbeddingSpace {
    let preprocessing =
        Preprocessing { montage: "sleeplm-10".to_owned(), z_score: ZScore::Recording };
    let (bundle, fingerprint) = ("small".to_owned(), FINGERPRINT.to_owned());
    EmbeddingSpace { bundle, fingerprint, dim, preprocessing }
}

/// Returns a recording of scored epochs with all channels.
pub(crate) fn draft(
    name: &str,
    epochs: impl IntoIterator<Item = (Stage, Vec<f32>)>,
) -> RecordingDraft {
    let epoch = |(number, (stage, vector)): (u32, (Stage, Vec<f32>))| EpochPoint {
        number: EpochNumber(number),
        onset_s: 30.0 * f64::from(number),
        mask: ChannelMask::ALL,
        quality: Quality::default(),
        stage: Some(stage),
        events: EventSet::EMPTY,
        vector: Embedding::new(vector).unwrap(),
    };
    RecordingDraft {
        id: RecordingId::new(name).unwrap(),
        source: format!("{name}.edf"),
        source_sha256: format!("sha-256 of {name}"),
        annotations_sha256: None,
        origin: nocturne_psg::RecordingOrigin::Recorded,
        declared_events: EventSet::EMPTY,
        start: None,
        metadata: std::collections::BTreeMap::new(),
        montage: "none".into(),
        events: None,
        signals: None,
        epochs: (0..).zip(epochs).map(epoch).collect(),
        captions: Vec::new(),
    }
}

/// Returns a night of epochs, one for each character: `W`, `1`, `2`, `3` or `R`, with an arousal in epochs followed by
/// `!`.
pub(crate) fn night(name: &str, epochs: &str) -> RecordingDraft {
    let mut drafted: Vec<(Stage, bool)> = Vec::new();
    for c in epochs.chars() {
        let stage = match c {
            'W' => Stage::Wake,
            '1' => Stage::N1,
            '2' => Stage::N2,
            '3' => Stage::N3,
            'R' => Stage::Rem,
            _ => {
                drafted.last_mut().expect("an epoch comes first").1 = true;
                continue;
            }
        };
        drafted.push((stage, false));
    }
    let epoch = |(stage, has_arousal): (Stage, bool)| (stage, epoch_vector(stage, has_arousal));
    draft(name, drafted.into_iter().map(epoch))
}

/// Writes recordings to a new collection in a folder.
pub(crate) fn fill(folder: &Path, drafts: impl IntoIterator<Item = RecordingDraft>) {
    let mut writer = FolderWriter::create(folder, &space(DIM)).unwrap();
    drafts.into_iter().for_each(|draft| drop(writer.commit(draft).unwrap()));
}

/// Overwrites the segment of a recording with zeros.
pub(crate) fn damage(folder: &Path, recording: &str) {
    let collection = FolderReader::open(folder).unwrap();
    let entry = collection.entry(&recording.parse().unwrap()).unwrap();
    let path = folder.join("segments").join(entry.segment.file_name());
    let length = std::fs::metadata(&path).unwrap().len() as usize;
    std::fs::write(path, vec![0; length]).unwrap();
}

/// Opens a collection with the bundle for tests.
pub(crate) fn live(folder: &Path) -> LiveCollection {
    let snapshot = Snapshot::open(&folder.into()).unwrap();
    let bundle = Arc::new(opened_bundle(FINGERPRINT, folder));
    LiveCollection::new(LiveSpace::new(bundle, snapshot, EngineOptions::default()))
}

/// Returns a pinned space with recordings. The folder is deleted when the first value is dropped.
pub(crate) fn pinned(
    drafts: impl IntoIterator<Item = RecordingDraft>,
) -> (tempfile::TempDir, PinnedSpace) {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), drafts);
    let space = live(folder.path()).newest().unwrap();
    (folder, space)
}

/// Returns settings without pauses.
pub(crate) fn settings(double: &QdrantDouble) -> QdrantSettings {
    let mut settings = QdrantSettings::at(double.url("sleep").parse().unwrap());
    settings.first_pause = std::time::Duration::from_millis(1);
    settings
}

/// Commits recordings of vectors of a length to a double, beside those that it has.
pub(crate) fn send(double: &QdrantDouble, dim: usize, drafts: Vec<RecordingDraft>) {
    let mut writer = QdrantWriter::open_or_create(settings(double), &space(dim)).unwrap();
    drafts.into_iter().for_each(|draft| drop(writer.commit(draft).unwrap()));
}
