//! Segments with correct checksums and wrong content.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EventSet, Quality, RecordingId, ZScore};
use proptest::prelude::*;

use super::*;
use crate::error::Result;
use crate::recording::{
    CaptionPoint, EmbeddingSpace, EpochPoint, RecordingDraft, RecordingEntry, SegmentRef,
};
use crate::storage::FileContent;
use crate::storage::envelope::{ALIGNMENT, Envelope, EnvelopeBuilder};

const NAMES: [&str; 17] = [
    NUMBERS,
    ONSETS,
    STAGES,
    EVENTS,
    MASKS,
    QUALITY,
    VECTORS,
    CAPTION_ROWS,
    CAPTION_KINDS,
    CAPTION_ENDS,
    CAPTION_TEXT,
    CAPTION_VECTORS,
    SIGNALS,
    DETAILS,
    CODES,
    SCALES,
    ERRORS,
];

fn space() -> EmbeddingSpace {
    EmbeddingSpace {
        bundle: "small".to_owned(),
        fingerprint: "5d41".to_owned(),
        dim: 2,
        preprocessing: Preprocessing { montage: "m".to_owned(), z_score: ZScore::Recording },
    }
}

/// Returns two epochs with a caption each.
fn draft() -> RecordingDraft {
    let vector = Embedding::new(vec![3.0, 4.0]).unwrap();
    let numbers = [EpochNumber(4), EpochNumber(6)];
    let epoch = |number: EpochNumber| EpochPoint {
        number,
        onset_s: 30.0 * f64::from(number.0),
        mask: ChannelMask::ALL,
        quality: Quality::default(),
        stage: None,
        events: EventSet::EMPTY,
        vector: vector.clone(),
    };
    let caption = |epoch| CaptionPoint {
        epoch,
        kind: CaptionKind::Heart,
        text: "é".to_owned(),
        vector: vector.clone(),
    };
    RecordingDraft {
        id: RecordingId::new("a").unwrap(),
        source: String::new(),
        source_sha256: String::new(),
        annotations_sha256: None,
        origin: RecordingOrigin::Recorded,
        declared_events: EventSet::EMPTY,
        start: None,
        metadata: BTreeMap::new(),
        montage: serde_json::Value::Null,
        events: None,
        signals: None,
        epochs: numbers.map(epoch).to_vec(),
        captions: numbers.map(caption).to_vec(),
    }
}

/// Reads a segment after changing its header and the content of a section, with new checksums.
fn reread(
    change_header: impl FnOnce(&mut [u8; ALIGNMENT]),
    changed: &str,
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<()> {
    let (mut entry, bytes) = seal(&space(), draft()).unwrap();
    let opened = Envelope::open(FileContent::from(bytes)).unwrap();
    let mut header = opened.header().unwrap();
    change_header(&mut header);
    let mut change = Some(change);
    let mut builder = EnvelopeBuilder::new(header);
    for name in NAMES {
        let mut content = opened.section(name).unwrap().bytes;
        if let Some(change) = change.take_if(|_| name == changed) {
            change(&mut content);
        }
        builder.section(name, |bytes| bytes.extend(content));
    }
    let (hash, bytes) = builder.seal();
    entry.segment = SegmentRef { hash, length: bytes.len() as u64 };
    segment(bytes, entry).verify()
}

fn segment(bytes: Vec<u8>, entry: RecordingEntry) -> Arc<SegmentFile> {
    let (entry, space) = (Arc::new(entry), Arc::new(space()));
    Arc::new(SegmentFile::new("a.seg".into(), entry, space, FileContent::from(bytes)))
}

#[track_caller]
fn check(section: &str, change: impl FnOnce(&mut Vec<u8>), expect: &str) {
    let message = reread(|_| {}, section, change).unwrap_err().to_string();
    assert_eq!(message, format!("`a.seg` is damaged at byte {expect}"));
}

#[test]
fn unchanged_content_is_read() {
    reread(|_| {}, NUMBERS, |_| {}).unwrap();
}

#[test]
fn other_formats_are_refused_by_name() {
    let message = reread(|header| header[8] = 7, NUMBERS, |_| {}).unwrap_err().to_string();
    assert_eq!(message, "`a.seg` has format 7; this build reads format 1");
}

#[test]
fn invalid_content_is_refused() {
    check(STAGES, |bytes| bytes[1] = 5, "193: row 1 of `stages` has the invalid bytes [05]");
    check(NUMBERS, |bytes| bytes[4] = 4, "68: row 1 of `numbers` is out of order");
    check(NUMBERS, Vec::clear, "64: `numbers` has 0 bytes; expected 2 of 4");
    check(
        ONSETS,
        |bytes| bytes[6..8].fill(0xff),
        "128: row 0 of `onsets` has the invalid bytes [00, 00, 00, 00, 00, 00, ff, ff]",
    );
    check(MASKS, |bytes| bytes[1] = 0x80, "320: row 0 of `masks` has the invalid bytes [ff, 80]");
    check(VECTORS, |bytes| bytes[3] = 0x7c, "450: `vectors` has a number that is not finite");
    check(VECTORS, |bytes| bytes[4..8].fill(0), "452: `vectors` has a row of zeros");
    check(
        CAPTION_ROWS,
        |bytes| bytes[4] = 2,
        "516: row 1 of `cap_rows` has the invalid bytes [02, 00, 00, 00]",
    );
    check(
        CAPTION_KINDS,
        |bytes| bytes[0] = 5,
        "576: row 0 of `cap_kinds` has the invalid bytes [05]",
    );
    check(
        CAPTION_ENDS,
        |bytes| bytes[0] = 1,
        "640: row 0 of `cap_ends` has the invalid bytes [01, 00, 00, 00]",
    );
    check(CAPTION_TEXT, |bytes| bytes[3] = b'x', "706: a caption is not UTF-8");
    check(DETAILS, Vec::clear, "832: its details: EOF while parsing a value at line 1 column 0");
}

#[test]
fn invalid_codes_are_refused() {
    let message = |section, change: fn(&mut Vec<u8>)| {
        let message = reread(|_| {}, section, change).unwrap_err().to_string();
        message.split_once(": ").unwrap().1.to_owned()
    };
    assert_eq!(message(CODES, |bytes| bytes[3] = 0x80), "row 1 of `codes` has the value -128");
    assert_eq!(
        message(SCALES, |bytes| bytes[..4].copy_from_slice(&(-1.0_f32).to_le_bytes())),
        "row 0 of `scales` has the invalid bytes [00, 00, 80, bf]"
    );
    assert_eq!(message(ERRORS, Vec::clear), "`errors` has 0 bytes; expected 2 of 4");
}

/// Changes one byte of many blocks.
#[test]
fn damage_is_found_when_its_block_is_read() {
    let numbers = (0..40_000).map(EpochNumber);
    let point = draft().epochs.swap_remove(0);
    let epochs = numbers.map(|number| EpochPoint { number, ..point.clone() }).collect();
    let long = RecordingDraft { epochs, captions: Vec::new(), ..draft() };
    let (entry, mut bytes) = seal(&space(), long).unwrap();
    let vectors = Envelope::open(FileContent::from(bytes.clone())).unwrap().range(VECTORS).unwrap();
    let row = vectors.len() / 8;
    bytes[vectors.start + 4 * row] ^= 1;
    let segment = segment(bytes, entry);
    let content = segment.content().unwrap();
    segment.codes().unwrap();
    content.vectors.embedding(0).unwrap();
    content.vectors.embedding(content.vectors.len() - 1).unwrap();
    let message = content.vectors.embedding(row).unwrap_err().to_string();
    let block = (vectors.start + 4 * row) / 65536 * 65536;
    let expect = "the checksum of its 65536 bytes is wrong";
    assert_eq!(message, format!("`a.seg` is damaged at byte {block}: {expect}"));
    assert_eq!(segment.verify().unwrap_err().to_string(), message);
}

#[test]
fn segment_that_contradicts_the_manifest_is_refused() {
    let message = reread(|header| header[16] = 3, NUMBERS, |_| {}).unwrap_err().to_string();
    assert_eq!(message, "`a.seg` is damaged at byte 16: it has 3 epochs; the manifest expects 2");
    let (entry, bytes) = seal(&space(), draft()).unwrap();
    let entry = RecordingEntry { id: RecordingId::new("b").unwrap(), ..entry };
    let message = segment(bytes, entry).verify().unwrap_err().to_string();
    let expect = "it belongs to the recording `a` of the bundle 5d41";
    assert_eq!(message, format!("`a.seg` is damaged at byte 832: {expect}"));
}

proptest! {
    #[test]
    fn reader_never_panics(
        section in 0..NAMES.len(),
        bytes: Vec<u8>,
        header: Option<[u8; 16]>,
    ) {
        let change_header = |old: &mut [u8; ALIGNMENT]| {
            if let Some(new) = header {
                old[8..24].copy_from_slice(&new);
            }
        };
        let _ = reread(change_header, NAMES[section], |old| *old = bytes);
    }

    #[test]
    fn envelope_never_panics(bytes: Vec<u8>, footer: [u64; 3]) {
        let mut bytes = bytes;
        bytes.extend(footer.iter().flat_map(|number| (number % 4096).to_le_bytes()));
        bytes.extend([0; 16]);
        bytes.extend(b"NOCTSEAL");
        assert!(Envelope::open(FileContent::from(bytes)).is_err());
    }
}
