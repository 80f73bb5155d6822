//! A collection in memory that grows, for the tests of what is made beside one.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EventSet, Quality, RecordingId, Stage, ZScore};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::folder::{Collection, CollectionWriter};
use crate::recording::{CaptionPoint, EpochPoint, RecordingDraft, Space};
use crate::search::ExactIndex;
use crate::storage::CacheFiles;
use crate::storage::Simulated;

const DIM: usize = 24;

pub(crate) struct Growing {
    pub(crate) storage: Arc<Simulated>,
    pub(crate) writer: CollectionWriter,
}

impl Growing {
    /// Makes a collection of nights, each with its name, the seed of its vectors and how many epochs it has.
    pub(crate) fn new(nights: &[(&str, u64, u32)]) -> Self {
        let storage = Arc::new(Simulated::default());
        let writer = CollectionWriter::create_in(storage.clone(), &space()).unwrap();
        let mut growing = Self { storage, writer };
        nights.iter().for_each(|(name, seed, n)| growing.commit(name, *seed, *n));
        growing
    }

    pub(crate) fn commit(&mut self, name: &str, seed: u64, n_epochs: u32) {
        self.writer.commit(night(name, seed, n_epochs)).unwrap();
    }

    pub(crate) fn exact(&self) -> Arc<ExactIndex> {
        let collection = Collection::open_in(self.storage.clone()).unwrap();
        Arc::new(ExactIndex::open(&collection).unwrap())
    }

    /// Returns the only file of a kind.
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

/// Twenty queries in no relation to any night.
pub(crate) fn queries() -> impl Iterator<Item = Embedding> {
    let mut random = Pcg64Mcg::seed_from_u64(77);
    (0..20).map(move |_| random_embedding(&mut random))
}

fn space() -> Space {
    Space {
        bundle: "small".to_owned(),
        fingerprint: "5d41".to_owned(),
        dim: DIM,
        preprocessing: Preprocessing { montage: "m".to_owned(), z_score: ZScore::Recording },
    }
}

fn random_embedding(random: &mut Pcg64Mcg) -> Embedding {
    Embedding::new((0..DIM).map(|_| random.random_range(-1.0..1.0)).collect()).unwrap()
}

/// A night every fifth epoch of which is in REM sleep, with a caption for every fourth.
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
        start: None,
        metadata: BTreeMap::new(),
        montage: serde_json::Value::Null,
        events: None,
        captions: (0..n_epochs).step_by(4).map(caption).collect(),
        epochs,
    }
}
