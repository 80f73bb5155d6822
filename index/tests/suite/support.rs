//! Recordings and collections for tests, generated from a seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_index::storage::Simulated;
use nocturne_index::{
    CaptionPoint, CollectionReader, CollectionWriter, EmbeddingSpace, EpochPoint, FolderReader,
    FolderWriter, RecordingDraft,
};
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::{Channel, ChannelMask, Position};
use nocturne_psg::signal_rules::{
    ByteScale, Desaturation, EpochColumn, HEART_RATE_BPM, LegMeasures, LegMovement, NoSignal,
    SaturationMeasures,
};
use nocturne_psg::{
    EpochNumber, EpochRef, Event, EventKind, EventSet, Quality, RecordingId, RecordingOrigin,
    SignalMeasures, Stage, ZScore,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

pub(crate) const DIM: usize = 8;

/// The embedding space of a bundle of this name.
pub(crate) fn space_of(bundle: &str, dim: usize) -> EmbeddingSpace {
    EmbeddingSpace {
        bundle: bundle.to_owned(),
        fingerprint: format!("fingerprint-of-{bundle}"),
        dim,
        preprocessing: Preprocessing {
            montage: "sleeplm-10".to_owned(),
            z_score: ZScore::Recording,
        },
    }
}

/// The embedding space of a bundle named `small`.
pub(crate) fn space() -> EmbeddingSpace {
    space_of("small", DIM)
}

pub(crate) fn id(name: &str) -> RecordingId {
    RecordingId::new(name).unwrap()
}

pub(crate) fn epoch(name: &str, number: u32) -> EpochRef {
    EpochRef { recording: id(name), epoch: EpochNumber(number) }
}

pub(crate) fn embedding(numbers: &[f32]) -> Embedding {
    Embedding::new(numbers.to_vec()).unwrap()
}

pub(crate) fn random_embedding(random: &mut Pcg64Mcg, dim: usize) -> Embedding {
    Embedding::new((0..dim).map(|_| random.random_range(-1.0..1.0)).collect()).unwrap()
}

/// An epoch with a vector, all channels, and neither stage nor events.
pub(crate) fn plain_epoch(number: u32, vector: Embedding) -> EpochPoint {
    EpochPoint {
        number: EpochNumber(number),
        onset_s: 30.0 * f64::from(number),
        mask: ChannelMask::ALL,
        quality: Quality::default(),
        stage: None,
        events: EventSet::EMPTY,
        vector,
    }
}

/// A recording with these epochs, and defaults in all other fields.
pub(crate) fn plain_draft(name: &str, epochs: Vec<EpochPoint>) -> RecordingDraft {
    RecordingDraft {
        id: id(name),
        source: format!("nights/{name}.edf"),
        source_sha256: "00".repeat(32),
        annotations_sha256: None,
        origin: RecordingOrigin::Recorded,
        declared_events: EventSet::EMPTY,
        start: None,
        metadata: BTreeMap::new(),
        montage: serde_json::Value::Null,
        events: None,
        signals: None,
        epochs,
        captions: Vec::new(),
    }
}

/// A recording that uses every field, with a gap after the third epoch.
pub(crate) fn draft(name: &str, seed: u64, n_epochs: u32) -> RecordingDraft {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let number = |row| if row < 3 { row } else { row + 10 };
    let epochs: Vec<_> = (0..n_epochs).map(|row| any_epoch(&mut random, number(row))).collect();
    let captions = epochs.iter().step_by(2).flat_map(|epoch| {
        [CaptionKind::Brain, CaptionKind::StageEvent].map(|kind| CaptionPoint {
            epoch: epoch.number,
            kind,
            text: format!("Épisode {} de {name}: {kind}.", epoch.number),
            vector: random_embedding(&mut random, DIM),
        })
    });
    RecordingDraft {
        annotations_sha256: Some(format!("{seed:064x}")),
        start: Some("2026-03-01T22:58:30".parse().unwrap()),
        metadata: BTreeMap::from([("cohort".to_owned(), "zzz".to_owned())]),
        montage: serde_json::json!({"EEG_C3_A2": {"signal": "C3-M2", "rate_hz": 256.0}}),
        events: Some(vec![Event::new(EventKind::Arousal, 0.1 + 0.2, 1.0 / 3.0)]),
        captions: captions.collect(),
        origin: RecordingOrigin::Simulated,
        declared_events: EventSet::EMPTY,
        signals: Some(any_signals(n_epochs as usize)),
        ..plain_draft(name, epochs)
    }
}

/// Measures that differ between epochs; one of them is missing.
fn any_signals(n_epochs: usize) -> SignalMeasures {
    let column = |scale, first: u8| {
        let codes = (0..n_epochs).map(|row| first.wrapping_add(row as u8));
        EpochColumn::from_codes(scale, codes.collect())
    };
    SignalMeasures {
        saturation: Ok(SaturationMeasures {
            mean: column(SaturationMeasures::PERCENT, 216),
            lowest: column(SaturationMeasures::PERCENT, 200),
            valid_s: column(ByteScale::WHOLE, 0),
            below_90_s: column(ByteScale::WHOLE, 0),
            desaturations: vec![Desaturation {
                onset_s: 31.0,
                duration_s: 22.0,
                depth_percent: 3.5,
            }],
        }),
        heart_rate: Ok(column(HEART_RATE_BPM, 40)),
        position: Ok((0..n_epochs).map(|row| Position::ALL.get(row % 6).copied()).collect()),
        chin_tone: Err(NoSignal::PoorSignal),
        legs: Ok(LegMeasures {
            valid_s: column(ByteScale::WHOLE, 1),
            movements: vec![LegMovement { onset_s: 0.35, duration_s: 1.5, is_periodic: false }],
            n_legs: 2,
            excludes_respiratory: true,
        }),
    }
}

fn any_epoch(random: &mut Pcg64Mcg, number: u32) -> EpochPoint {
    let stage = random.random_range(0..6);
    EpochPoint {
        onset_s: 30.0 * f64::from(number) + 0.125,
        mask: ChannelMask::from_bits(random.random::<u16>()),
        quality: Quality {
            missing: ChannelMask::from_iter([Channel::Position]),
            flat: ChannelMask::from_bits(random.random::<u16>()),
            clipped: ChannelMask::NONE,
        },
        stage: Stage::ALL.get(stage).copied(),
        events: EventSet::from_bits(random.random_range(0..1 << 21)),
        ..plain_epoch(number, random_embedding(random, DIM))
    }
}

/// A collection in memory.
pub(crate) fn collection(space: &EmbeddingSpace, drafts: Vec<RecordingDraft>) -> FolderReader {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), space).unwrap();
    for draft in drafts {
        writer.commit(draft).unwrap();
    }
    FolderReader::open_in(storage).unwrap()
}

/// Checks that a recording is stored as it was committed.
#[track_caller]
pub(crate) fn assert_stored(collection: &dyn CollectionReader, draft: &RecordingDraft) {
    let recording = collection.read_recording(&draft.id).unwrap();
    let entry = recording.entry();
    assert_eq!(entry, collection.entry(&draft.id).unwrap());
    assert_eq!((&entry.source, &entry.source_sha256), (&draft.source, &draft.source_sha256));
    assert_eq!(entry.annotations_sha256, draft.annotations_sha256);
    assert_eq!((entry.start, &entry.metadata), (draft.start, &draft.metadata));
    assert_eq!(recording.events(), draft.events.as_deref());
    assert_eq!(recording.signals(), draft.signals.as_ref());
    assert_eq!(recording.entry().origin, draft.origin);
    assert_eq!(recording.montage(), &draft.montage);
    assert_eq!(recording.n_epochs(), draft.epochs.len());
    for (row, point) in draft.epochs.iter().enumerate() {
        let epoch = recording.row(row);
        assert_eq!((epoch.number, epoch.onset_s), (point.number, point.onset_s));
        assert_eq!((epoch.stage, epoch.events), (point.stage, point.events));
        assert_eq!((epoch.mask, epoch.quality), (point.mask, point.quality));
        assert!(recording.vectors().embedding(row).unwrap().cosine(&point.vector) > 0.9999);
    }
    let captions = recording.captions();
    assert_eq!(captions.len(), draft.captions.len());
    for (caption, point) in draft.captions.iter().enumerate() {
        assert_eq!(recording.numbers()[captions.row(caption)], point.epoch);
        assert_eq!((captions.kind(caption), captions.text(caption)), (point.kind, &*point.text));
        assert!(captions.vectors().embedding(caption).unwrap().cosine(&point.vector) > 0.9999);
    }
}
