//! Reads a segment as far as it is needed, and returns nothing that fails a check.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, Event, EventSet, Quality, SignalMeasures, Stage};

use super::codes::{self, expect_order};
use super::signals;
use super::writer::MAGIC;
use super::{
    CAPTION_ENDS, CAPTION_KINDS, CAPTION_ROWS, CAPTION_TEXT, CAPTION_VECTORS, Captions, DETAILS,
    Details, EVENTS, FORMAT, MASKS, NO_STAGE, NUMBERS, ONSETS, QUALITY, Recording, SIGNALS, STAGES,
    StoredVectors, VECTORS,
};
use crate::error::{Error, LocationName, Result, StoredFile};
use crate::recording::{EmbeddingSpace, EpochColumns, RecordingEntry};
use crate::storage::FileContent;
use crate::storage::envelope::{ALIGNMENT, Damage, Envelope, Section};
use crate::vector::Int8Codes;

/// The content of a segment except its codes; vectors stay in the file.
#[derive(Debug)]
pub(super) struct SegmentContent {
    pub(super) columns: EpochColumns,
    pub(super) vectors: StoredVectors,
    pub(super) captions: Captions,
    pub(super) events: Option<Vec<Event>>,
    pub(super) signals: Option<SignalMeasures>,
    pub(super) montage: serde_json::Value,
    /// Metadata at the time of the commit.
    pub(super) metadata: BTreeMap<String, String>,
}

/// The file of one recording.
///
/// Every method that reads it may return [`Error::Damaged`], if a byte differs from what was written or the file belongs to
/// another recording, or [`Error::Format`].
#[derive(Debug)]
pub(crate) struct SegmentFile {
    path: PathBuf,
    entry: Arc<RecordingEntry>,
    space: Arc<EmbeddingSpace>,
    content: FileContent,
    /// The envelope, once its header has been checked.
    envelope: OnceLock<Envelope>,
}

impl SegmentFile {
    /// Returns the file of the recording that `entry` describes, without reading it.
    pub(crate) fn new(
        path: PathBuf,
        entry: Arc<RecordingEntry>,
        space: Arc<EmbeddingSpace>,
        content: FileContent,
    ) -> Self {
        Self { path, entry, space, content, envelope: OnceLock::new() }
    }

    /// Returns the entry of the recording in the manifest.
    pub(crate) fn entry(&self) -> &Arc<RecordingEntry> {
        &self.entry
    }

    /// Reads everything except vectors and codes.
    pub(super) fn content(self: &Arc<Self>) -> Result<SegmentContent> {
        let envelope = self.envelope()?;
        self.with_path(content(self, envelope))
    }

    /// Reads the recording; its vectors stay in the file.
    pub(crate) fn recording(self: &Arc<Self>) -> Result<Recording> {
        self.recording_with(Arc::clone(&self.entry))
    }

    /// Reads the recording and gives it a later entry, which may have other metadata.
    pub(crate) fn recording_with(
        self: &Arc<Self>,
        entry: Arc<RecordingEntry>,
    ) -> Result<Recording> {
        Ok(Recording::new(entry, self.content()?))
    }

    /// Reads the codes of the vectors.
    pub(crate) fn codes(&self) -> Result<Int8Codes> {
        let envelope = self.envelope()?;
        self.with_path(codes::codes(envelope, self.entry.n_epochs, self.space.dim))
    }

    /// Reads and verifies every byte again, and every value.
    pub(crate) fn verify(self: &Arc<Self>) -> Result<()> {
        self.with_path(self.envelope()?.verify_all())?;
        let SegmentContent { vectors, captions, .. } = self.content()?;
        for vectors in [&vectors, captions.vectors()] {
            vectors.for_each(|_| true, |_, _| {})?;
        }
        self.codes().map(|_| ())
    }

    /// Fills `bytes` with the verified content from `start` on.
    pub(super) fn read(&self, start: usize, bytes: &mut [u8]) -> Result<()> {
        self.with_path(self.envelope()?.read(start, bytes))
    }

    /// Returns the error for damage at a byte offset.
    pub(super) fn damaged(&self, offset: usize, problem: impl Into<String>) -> Error {
        let (path, offset) = (self.path.clone(), offset as u64);
        Error::Damaged { file: StoredFile::Segment, path, offset, problem: problem.into() }
    }

    fn with_path<T>(&self, result: Result<T, Damage>) -> Result<T> {
        result.map_err(|Damage { offset, problem }| self.damaged(offset, problem))
    }

    /// Returns the envelope; it is opened and its header checked on the first call.
    fn envelope(&self) -> Result<&Envelope> {
        if let Some(envelope) = self.envelope.get() {
            return Ok(envelope);
        }
        let envelope = self.with_path(open(self.content.clone(), &self.entry))?;
        let header = self.with_path(envelope.header().and_then(Header::read))?;
        if header.format != FORMAT {
            let location = LocationName::Path(self.path.clone());
            return Err(Error::Format { location, found: header.format, supported: FORMAT });
        }
        self.with_path(header.check(&self.entry, &self.space))?;
        Ok(self.envelope.get_or_init(|| envelope))
    }
}

fn open(content: FileContent, entry: &RecordingEntry) -> Result<Envelope, Damage> {
    let (found, expected) = (content.len() as u64, entry.segment.length);
    if found != expected {
        let problem = format!("it has {found} bytes; the manifest expects {expected}");
        return Err(Damage::at(found.min(expected) as usize, problem));
    }
    let envelope = Envelope::open(content)?;
    if envelope.hash() != entry.segment.hash {
        let problem =
            format!("it is the segment {}, undamaged but under a wrong name", envelope.hash());
        return Err(Damage::at(0, problem));
    }
    Ok(envelope)
}

struct Header {
    format: u32,
    dim: u32,
    n_epochs: u32,
    n_captions: u32,
}

impl Header {
    fn read(bytes: [u8; ALIGNMENT]) -> Result<Self, Damage> {
        if !bytes.starts_with(MAGIC) {
            return Err(Damage::at(0, "it does not start like a segment"));
        }
        let number = |i: usize| {
            let bytes = bytes[8 + 4 * i..].first_chunk();
            u32::from_le_bytes(*bytes.expect("a header has 64 bytes"))
        };
        Ok(Self { format: number(0), dim: number(1), n_epochs: number(2), n_captions: number(3) })
    }

    fn check(&self, entry: &RecordingEntry, space: &EmbeddingSpace) -> Result<(), Damage> {
        let pairs = [
            ("dimensions", self.dim, space.dim),
            ("epochs", self.n_epochs, entry.n_epochs),
            ("captions", self.n_captions, entry.n_captions),
        ];
        for (i, (what, found, expected)) in pairs.into_iter().enumerate() {
            if found as usize != expected {
                let problem = format!("it has {found} {what}; the manifest expects {expected}");
                return Err(Damage::at(12 + 4 * i, problem));
            }
        }
        Ok(())
    }
}

fn content(file: &Arc<SegmentFile>, envelope: &Envelope) -> Result<SegmentContent, Damage> {
    let entry = file.entry();
    let section = envelope.section(DETAILS)?;
    let details = details(&section, entry, &file.space)?;
    Ok(SegmentContent {
        columns: columns(envelope, entry.n_epochs)?,
        vectors: vectors(file, envelope, VECTORS, entry.n_epochs)?,
        captions: captions(file, envelope)?,
        events: details.events.map(std::borrow::Cow::into_owned),
        signals: signals(envelope, entry.n_epochs)?,
        montage: details.montage.into_owned(),
        metadata: details.metadata.into_owned(),
    })
}

/// Locates `n` vectors without reading them.
fn vectors(
    file: &Arc<SegmentFile>,
    envelope: &Envelope,
    name: &'static str,
    n: usize,
) -> Result<StoredVectors, Damage> {
    let dim = file.space.dim;
    let range = envelope.rows(name, n, 2 * dim)?;
    Ok(StoredVectors::new(Arc::clone(file), name, range.start, n, dim))
}

fn details<'a>(
    section: &'a Section,
    entry: &RecordingEntry,
    space: &EmbeddingSpace,
) -> Result<Details<'a>, Damage> {
    let details: Details<'_> = serde_json::from_slice(&section.bytes)
        .map_err(|error| Damage::at(section.offset, format!("its details: {error}")))?;
    let (id, fingerprint) = (details.id.as_ref(), details.fingerprint.as_ref());
    if *id != entry.id || *fingerprint != space.fingerprint {
        let problem = format!("it belongs to the recording `{id}` of the bundle {fingerprint}");
        return Err(Damage::at(section.offset, problem));
    }
    Ok(details)
}

fn columns(envelope: &Envelope, n: usize) -> Result<EpochColumns, Damage> {
    let section = envelope.section(NUMBERS)?;
    let number = |bytes| Some(EpochNumber(u32::from_le_bytes(bytes)));
    let numbers = section.column(n, number)?;
    expect_order(&section, 4, &numbers, |a, b| a < b)?;
    let onset_s = |bytes| Some(f64::from_le_bytes(bytes)).filter(|onset_s| onset_s.is_finite());
    let event_set = |bytes| Some(EventSet::from_bits(u32::from_le_bytes(bytes)));
    Ok(EpochColumns {
        numbers,
        onsets_s: envelope.section(ONSETS)?.column(n, onset_s)?,
        stages: envelope.section(STAGES)?.column(n, |[code]| stage(code))?,
        event_sets: envelope.section(EVENTS)?.column(n, event_set)?,
        masks: envelope.section(MASKS)?.column(n, mask)?,
        qualities: envelope.section(QUALITY)?.column(n, quality)?,
    })
}

fn signals(envelope: &Envelope, n: usize) -> Result<Option<SignalMeasures>, Damage> {
    let Section { bytes, offset, .. } = envelope.section(SIGNALS)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let in_file = |damage: Damage| Damage { offset: offset + damage.offset, ..damage };
    signals::decode(&bytes, n).map(Some).map_err(in_file)
}

fn captions(file: &Arc<SegmentFile>, envelope: &Envelope) -> Result<Captions, Damage> {
    let entry = file.entry();
    let n = entry.n_captions;
    let rows_section = envelope.section(CAPTION_ROWS)?;
    let row =
        |bytes| Some(u32::from_le_bytes(bytes)).filter(|row| (*row as usize) < entry.n_epochs);
    let rows = rows_section.column(n, row)?;
    expect_order(&rows_section, 4, &rows, |a, b| a <= b)?;
    let text_section = envelope.section(CAPTION_TEXT)?;
    let text = str::from_utf8(&text_section.bytes).map_err(|error| {
        Damage::at(text_section.offset + error.valid_up_to(), "a caption is not UTF-8")
    })?;
    let ends_section = envelope.section(CAPTION_ENDS)?;
    let end =
        |bytes| Some(u32::from_le_bytes(bytes)).filter(|end| text.is_char_boundary(*end as usize));
    let ends = ends_section.column(n, end)?;
    expect_order(&ends_section, 4, &ends, |a, b| a <= b)?;
    Ok(Captions {
        rows,
        kinds: envelope
            .section(CAPTION_KINDS)?
            .column(n, |[position]| CaptionKind::ALL.get(usize::from(position)).copied())?,
        ends,
        text: text.to_owned(),
        vectors: vectors(file, envelope, CAPTION_VECTORS, n)?,
    })
}

#[expect(
    clippy::option_option,
    reason = "the outer one is about the validity of the code, the inner one about the epoch"
)]
fn stage(code: u8) -> Option<Option<Stage>> {
    match code {
        NO_STAGE => Some(None),
        position => Stage::ALL.get(usize::from(position)).map(|stage| Some(*stage)),
    }
}

/// Returns the mask, or `None` if it has channels that this build does not know.
fn mask(bytes: [u8; 2]) -> Option<ChannelMask> {
    let bits = u16::from_le_bytes(bytes);
    Some(ChannelMask::from_bits(bits)).filter(|mask| mask.bits() == bits)
}

fn quality([a, b, c, d, e, f]: [u8; 6]) -> Option<Quality> {
    Some(Quality { missing: mask([a, b])?, flat: mask([c, d])?, clipped: mask([e, f])? })
}
