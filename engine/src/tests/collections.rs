//! Collections in a double of Qdrant, for tests.

use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_index::qdrant::double::Double;
use nocturne_index::qdrant::{QdrantSettings, copy_to_qdrant};
use nocturne_index::{Collection, CollectionWriter, EpochPoint, RecordingDraft, Space};
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EventSet, Quality, RecordingId, Stage, ZScore};

/// The space of vectors of a length.
pub(crate) fn space(dim: usize) -> Space {
    let preprocessing =
        Preprocessing { montage: "sleeplm-10".to_owned(), z_score: ZScore::Recording };
    let (bundle, fingerprint) = ("small".to_owned(), "5d41".to_owned());
    Space { bundle, fingerprint, dim, preprocessing }
}

/// A recording of scored epochs.
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
        source: String::new(),
        source_sha256: String::new(),
        annotations_sha256: None,
        start: None,
        metadata: std::collections::BTreeMap::new(),
        montage: "none".into(),
        events: None,
        epochs: (0..).zip(epochs).map(epoch).collect(),
        captions: Vec::new(),
    }
}

/// Returns settings that lose no time.
pub(crate) fn settings(double: &Double) -> QdrantSettings {
    let mut settings = QdrantSettings::at(double.url("sleep").parse().unwrap());
    settings.first_pause = std::time::Duration::from_millis(1);
    settings
}

/// Copies recordings of vectors of a length into a double, beside those that it has.
pub(crate) fn send(double: &Double, dim: usize, drafts: Vec<RecordingDraft>) {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = CollectionWriter::create(folder.path(), &space(dim)).unwrap();
    drafts.into_iter().for_each(|draft| drop(writer.commit(draft).unwrap()));
    let collection = Collection::open(folder.path()).unwrap();
    copy_to_qdrant(&collection, settings(double), &mut |_, _| {}).unwrap();
}
