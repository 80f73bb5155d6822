//! A collection in memory, for the tests of approximate indexes.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EventSet, Quality, RecordingId, Stage, ZScore};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::contract::CollectionWriter;
use crate::folder::{FolderReader, FolderWriter};
use crate::recording::{CaptionPoint, EmbeddingSpace, EpochPoint, RecordingDraft};
use crate::search::ExactIndex;
use crate::storage::Simulated;
use crate::storage::cache_files::CacheFiles;
use crate::storage::segment::SegmentSet;

const DIM: usize = 24;

pub(crate) struct TestCollection {
    pub(crate) storage: Arc<Simulated>,
    pub(crate) writer: FolderWriter,
}

impl TestCollection {
    /// Creates a collection of nights, each with an id, the seed of its vectors and its number of epochs.
    pub(crate) fn new(nights: &[(&str, u64, u32)]) -> Self {
        let storage = Arc::new(Simulated::default());
        let writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
        let mut collection = Self { storage, writer };
        nights.iter().for_each(|(name, seed, n)| collection.commit(name, *seed, *n));
        collection
    }

    pub(crate) fn commit(&mut self, name: &str, seed: u64, n_epochs: u32) {
        self.writer.commit(night(name, seed, n_epochs)).unwrap();
    }

    /// Returns the segments of the newest snapshot.
    pub(crate) fn segments(&self) -> SegmentSet {
        FolderReader::open_in(self.storage.clone()).unwrap().segments().unwrap()
    }

    pub(crate) fn exact(&self) -> Arc<ExactIndex> {
        Arc::new(ExactIndex::new(self.segments()))
    }

    /// Returns the name of the only file of a kind.
    pub(crate) fn file(&self, kind: CacheFiles) -> String {
        let files = kind.list(self.storage.as_ref()).unwrap();
        let [(name, _)] = files.as_slice() else { panic!("{files:?}") };
        name.clone()
    }

    pub(crate) fn content(&self, file: &str) -> Vec<u8> {
        let mut content = Vec::new();
        self.storage.tamper(file, |bytes| content.clone_from(bytes));
        content
    }
}

/// Returns twenty random queries.
pub(crate) fn queries() -> impl Iterator<Item = Embedding> {
    let mut random = Pcg64Mcg::seed_from_u64(77);
    (0..20).map(move |_| random_embedding(&mut random))
}

fn space() -> EmbeddingSpace {
    EmbeddingSpace {
        bundle: "small".to_owned(),
        fingerprint: "5d41".to_owned(),
        dim: DIM,
        preprocessing: Preprocessing { montage: "m".to_owned(), z_score: ZScore::Recording },
    }
}

fn random_embedding(random: &mut Pcg64Mcg) -> Embedding {
    Embedding::new((0..DIM).map(|_| random.random_range(-1.0..1.0)).collect()).unwrap()
}

/// Returns a night with REM sleep in every fifth epoch and a caption for every fourth.
fn night(name: &str, seed: u64, n_epochs: u32) -> RecordingDraft {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let epoch = |number| EpochPoint {
        number: EpochNumber(number),
        onset_s: 30.0 * f64::from(number),
        mask: ChannelMask::ALL,
        quality: Quality::default(),
        stage: Some(if number % 5 == 0 { Stage::Rem } else { Stage::N2 }),
        events: EventSet::EMPTY,
        vector: random_embedding(&mut random),
    };
    let epochs: Vec<_> = (0..n_epochs).map(epoch).collect();
    let caption = |number| CaptionPoint {
        epoch: EpochNumber(number),
        kind: CaptionKind::Brain,
        text: format!("Epoch {number}."),
        vector: random_embedding(&mut random),
    };
    RecordingDraft {
        id: RecordingId::new(name).unwrap(),
        source: String::new(),
        source_sha256: String::new(),
        annotations_sha256: None,
        origin: nocturne_psg::RecordingOrigin::Recorded,
        declared_events: EventSet::EMPTY,
        start: None,
        metadata: BTreeMap::new(),
        montage: serde_json::Value::Null,
        events: None,
        captions: (0..n_epochs).step_by(4).map(caption).collect(),
        signals: None,
        epochs,
    }
}
