//! Seals a draft into the bytes of a segment.

use std::borrow::Cow;

use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EPOCH_S, Stage};

use super::signals;
use super::validate::validated;
use super::{
    CAPTION_ENDS, CAPTION_KINDS, CAPTION_ROWS, CAPTION_TEXT, CAPTION_VECTORS, CODES, DETAILS,
    Details, ERRORS, EVENTS, FORMAT, MASKS, NO_STAGE, NUMBERS, ONSETS, QUALITY, SCALES, SIGNALS,
    STAGES, VECTORS,
};
use crate::error::Result;
use crate::recording::{
    CaptionPoint, EmbeddingSpace, EpochPoint, RecordingDraft, RecordingEntry, SegmentRef,
};
use crate::storage::envelope::{ALIGNMENT, EnvelopeBuilder};
use crate::vector::{Int8Codes, extend_with_half, rounded_to_half};

/// The first bytes of a segment.
pub(super) const MAGIC: &[u8; 8] = b"NOCTSEGM";

/// Returns the bytes of a recording's segment, and its entry for the manifest.
///
/// The same draft always gives the same bytes.
///
/// # Errors
///
/// [`Error::InvalidDraft`](crate::Error::InvalidDraft) and [`Error::Dimension`](crate::Error::Dimension).
pub(crate) fn seal(
    space: &EmbeddingSpace,
    draft: RecordingDraft,
) -> Result<(RecordingEntry, Vec<u8>)> {
    let draft = validated(draft, space)?;
    let mut builder = EnvelopeBuilder::new(header(space, &draft));
    add_epochs(&mut builder, &draft.epochs);
    add_captions(&mut builder, &draft);
    builder.section(SIGNALS, |bytes| {
        draft.signals.iter().for_each(|measures| signals::encode(measures, bytes));
    });
    builder.section(DETAILS, |bytes| {
        serde_json::to_writer(bytes, &details(space, &draft))
            .expect("text keys and finite numbers always make JSON");
    });
    add_codes(&mut builder, &codes(space, &draft));
    let (hash, bytes) = builder.seal();
    let segment = SegmentRef { hash, length: bytes.len() as u64 };
    Ok((entry(draft, segment), bytes))
}

fn header(space: &EmbeddingSpace, draft: &RecordingDraft) -> [u8; ALIGNMENT] {
    let mut header = [0; ALIGNMENT];
    header[..8].copy_from_slice(MAGIC);
    let numbers =
        [FORMAT, space.dim as u32, draft.epochs.len() as u32, draft.captions.len() as u32];
    for (bytes, number) in header[8..].chunks_exact_mut(4).zip(numbers) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    header
}

fn add_epochs(builder: &mut EnvelopeBuilder, epochs: &[EpochPoint]) {
    builder.section(NUMBERS, |bytes| {
        bytes.extend(epochs.iter().flat_map(|epoch| epoch.number.0.to_le_bytes()));
    });
    builder.section(ONSETS, |bytes| {
        bytes.extend(epochs.iter().flat_map(|epoch| epoch.onset_s.to_le_bytes()));
    });
    builder.section(STAGES, |bytes| {
        let code = |stage: Option<Stage>| stage.map_or(NO_STAGE, |stage| stage.index() as u8);
        bytes.extend(epochs.iter().map(|epoch| code(epoch.stage)));
    });
    builder.section(EVENTS, |bytes| {
        bytes.extend(epochs.iter().flat_map(|epoch| epoch.events.bits().to_le_bytes()));
    });
    builder.section(MASKS, |bytes| {
        bytes.extend(epochs.iter().flat_map(|epoch| epoch.mask.bits().to_le_bytes()));
    });
    builder.section(QUALITY, |bytes| {
        let masks = epochs.iter().map(|epoch| epoch.quality);
        let masks = masks.flat_map(|quality| [quality.missing, quality.flat, quality.clipped]);
        bytes.extend(masks.flat_map(|mask| mask.bits().to_le_bytes()));
    });
    builder.section(VECTORS, |bytes| {
        epochs.iter().for_each(|epoch| extend_with_half(bytes, &epoch.vector));
    });
}

fn add_captions(builder: &mut EnvelopeBuilder, draft: &RecordingDraft) {
    let RecordingDraft { epochs, captions, .. } = draft;
    builder.section(CAPTION_ROWS, |bytes| {
        let row = |caption: &CaptionPoint| {
            epochs
                .binary_search_by_key(&caption.epoch, |epoch| epoch.number)
                .expect("a validated draft has the epoch of every caption") as u32
        };
        bytes.extend(captions.iter().flat_map(|caption| row(caption).to_le_bytes()));
    });
    builder.section(CAPTION_KINDS, |bytes| {
        bytes.extend(captions.iter().map(|caption| caption.kind as u8));
    });
    builder.section(CAPTION_ENDS, |bytes| {
        let mut end = 0_u32;
        for caption in captions {
            end += caption.text.len() as u32;
            bytes.extend(end.to_le_bytes());
        }
    });
    builder.section(CAPTION_TEXT, |bytes| {
        captions.iter().for_each(|caption| bytes.extend(caption.text.as_bytes()));
    });
    builder.section(CAPTION_VECTORS, |bytes| {
        captions.iter().for_each(|caption| extend_with_half(bytes, &caption.vector));
    });
}

/// Quantises the vectors as they are stored, in half precision, so that their errors are those of the stored vectors.
fn codes(space: &EmbeddingSpace, draft: &RecordingDraft) -> Int8Codes {
    let mut codes = Int8Codes::with_capacity(space.dim, draft.epochs.len());
    draft.epochs.iter().for_each(|epoch| codes.push(&rounded_to_half(&epoch.vector)));
    codes
}

fn add_codes(builder: &mut EnvelopeBuilder, codes: &Int8Codes) {
    builder.section(CODES, |bytes| {
        let all = (0..codes.len()).flat_map(|row| codes.row(row));
        bytes.extend(all.map(i8::cast_unsigned));
    });
    for (name, values) in [(SCALES, codes.scales()), (ERRORS, codes.errors())] {
        builder.section(name, |bytes| {
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        });
    }
}

fn details<'a>(space: &'a EmbeddingSpace, draft: &'a RecordingDraft) -> Details<'a> {
    Details {
        id: Cow::Borrowed(&draft.id),
        fingerprint: Cow::Borrowed(&space.fingerprint),
        source: Cow::Borrowed(&draft.source),
        source_sha256: Cow::Borrowed(&draft.source_sha256),
        annotations_sha256: draft.annotations_sha256.as_deref().map(Cow::Borrowed),
        origin: draft.origin,
        declared_events: draft.declared_events,
        start: draft.start,
        metadata: Cow::Borrowed(&draft.metadata),
        montage: Cow::Borrowed(&draft.montage),
        events: draft.events.as_deref().map(Cow::Borrowed),
    }
}

fn entry(draft: RecordingDraft, segment: SegmentRef) -> RecordingEntry {
    let stages: Vec<Stage> = draft.epochs.iter().filter_map(|epoch| epoch.stage).collect();
    let n_asleep = stages.iter().filter(|stage| stage.is_sleep()).count();
    RecordingEntry {
        n_epochs: draft.epochs.len(),
        n_captions: draft.captions.len(),
        sleep_s: (!stages.is_empty()).then_some(n_asleep as f64 * EPOCH_S),
        n_events: draft.events.as_ref().map(Vec::len),
        mask: draft.epochs.iter().fold(ChannelMask::NONE, |mask, epoch| mask.union(epoch.mask)),
        segment,
        id: draft.id,
        source: draft.source,
        source_sha256: draft.source_sha256,
        annotations_sha256: draft.annotations_sha256,
        origin: draft.origin,
        declared_events: draft.declared_events,
        start: draft.start,
        metadata: draft.metadata,
    }
}
