//! Reads a segment as far as it is needed; nothing that fails a check is given away.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, Event, EventSet, Quality, Stage};

use super::columns::{self, in_order};
use super::writer::MAGIC;
use super::{
    CAPTION_ENDS, CAPTION_KINDS, CAPTION_ROWS, CAPTION_TEXT, CAPTION_VECTORS, DETAILS, Details,
    EVENTS, FORMAT, FORMAT_WITH_CODES, MASKS, NO_STAGE, NUMBERS, ONSETS, QUALITY, STAGES, VECTORS,
};
use crate::error::{Error, Result};
use crate::recording::Captions;
use crate::recording::EpochColumns;
use crate::recording::Vectors;
use crate::recording::{RecordingEntry, Space};
use crate::storage::FileContent;
use crate::storage::envelope::{ALIGNMENT, Damage, Envelope, Section};
use crate::vector::Codes;

/// What a segment holds beside what the manifest says of it.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) epochs: EpochColumns,
    pub(crate) vectors: Vectors,
    pub(crate) captions: Captions,
    pub(crate) events: Option<Vec<Event>>,
    pub(crate) montage: serde_json::Value,
    /// As it was when the recording was committed.
    pub(crate) metadata: BTreeMap<String, String>,
}

/// The file of one recording.
///
/// All that reads it may end with [`Error::DamagedSegment`], where a byte differs from what was written or it is another
/// recording's segment, or with [`Error::Format`].
#[derive(Debug)]
pub(crate) struct Segment {
    path: PathBuf,
    entry: Arc<RecordingEntry>,
    space: Arc<Space>,
    content: FileContent,
    opened: OnceLock<Opened>,
}

#[derive(Debug)]
struct Opened {
    envelope: Envelope,
    format: u32,
}

impl Segment {
    /// Takes the file of the recording that `entry` describes, without a look at it.
    pub(crate) fn new(
        path: PathBuf,
        entry: Arc<RecordingEntry>,
        space: Arc<Space>,
        content: FileContent,
    ) -> Self {
        Self { path, entry, space, content, opened: OnceLock::new() }
    }

    /// Returns what the manifest says of the recording.
    pub(crate) fn entry(&self) -> &Arc<RecordingEntry> {
        &self.entry
    }

    /// Reads all but vectors and codes.
    pub(crate) fn content(self: &Arc<Self>) -> Result<Content> {
        let envelope = &self.opened()?.envelope;
        self.named(content(self, envelope))
    }

    /// Reads the codes of the vectors, or makes them where the format had none yet.
    pub(crate) fn codes(self: &Arc<Self>) -> Result<Codes> {
        let Opened { envelope, format } = self.opened()?;
        if *format >= FORMAT_WITH_CODES {
            return self.named(columns::codes(envelope, self.entry.n_epochs, self.space.dim));
        }
        let vectors = self.named(vectors(self, envelope, VECTORS, self.entry.n_epochs))?;
        let mut codes = Codes::with_room(vectors.dim(), vectors.len());
        vectors.for_each(|_| true, |_, vector| codes.push(vector))?;
        Ok(codes)
    }

    /// Reads and checks every byte, whether it has been read before or not.
    pub(crate) fn verify(self: &Arc<Self>) -> Result<()> {
        self.named(self.opened()?.envelope.check_all())?;
        let Content { vectors, captions, .. } = self.content()?;
        for vectors in [&vectors, captions.vectors()] {
            vectors.for_each(|_| true, |_, _| {})?;
        }
        self.codes().map(|_| ())
    }

    /// Copies bytes from a place on, once they have passed their checksum.
    pub(crate) fn read(&self, start: usize, bytes: &mut [u8]) -> Result<()> {
        self.named(self.opened()?.envelope.read(start, bytes))
    }

    /// Returns the error for damage that was found at a place.
    pub(crate) fn damaged(&self, offset: usize, problem: impl Into<String>) -> Error {
        let (path, offset) = (self.path.clone(), offset as u64);
        Error::DamagedSegment { path, offset, problem: problem.into() }
    }

    fn named<T>(&self, result: Result<T, Damage>) -> Result<T> {
        result.map_err(|Damage { offset, problem }| self.damaged(offset, problem))
    }

    fn opened(&self) -> Result<&Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let envelope = self.named(open(self.content.clone(), &self.entry))?;
        let header = self.named(envelope.header().and_then(Header::read))?;
        if header.format > FORMAT {
            let path = self.path.clone();
            return Err(Error::Format { path, found: header.format, supported: FORMAT });
        }
        self.named(header.check(&self.entry, &self.space))?;
        Ok(self.opened.get_or_init(|| Opened { envelope, format: header.format }))
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
        let problem = format!("it is the segment {}, whole, under a wrong name", envelope.hash());
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
            return Err(Damage::at(0, "it does not begin like a segment"));
        }
        let number = |place: usize| {
            let bytes = bytes[8 + 4 * place..].first_chunk();
            u32::from_le_bytes(*bytes.expect("a header has 64 bytes"))
        };
        Ok(Self { format: number(0), dim: number(1), n_epochs: number(2), n_captions: number(3) })
    }

    fn check(&self, entry: &RecordingEntry, space: &Space) -> Result<(), Damage> {
        let pairs = [
            ("numbers in a vector", self.dim, space.dim),
            ("epochs", self.n_epochs, entry.n_epochs),
            ("captions", self.n_captions, entry.n_captions),
        ];
        for (place, (what, found, expected)) in pairs.into_iter().enumerate() {
            if found as usize != expected {
                let problem = format!("it has {found} {what}; the manifest expects {expected}");
                return Err(Damage::at(12 + 4 * place, problem));
            }
        }
        Ok(())
    }
}

fn content(segment: &Arc<Segment>, envelope: &Envelope) -> Result<Content, Damage> {
    let entry = segment.entry();
    let section = envelope.section(DETAILS)?;
    let details = details(&section, entry, &segment.space)?;
    Ok(Content {
        epochs: epochs(envelope, entry.n_epochs)?,
        vectors: vectors(segment, envelope, VECTORS, entry.n_epochs)?,
        captions: captions(segment, envelope)?,
        events: details.events.map(std::borrow::Cow::into_owned),
        montage: details.montage.into_owned(),
        metadata: details.metadata.into_owned(),
    })
}

/// Finds `n` vectors, without reading one of them.
fn vectors(
    segment: &Arc<Segment>,
    envelope: &Envelope,
    name: &'static str,
    n: usize,
) -> Result<Vectors, Damage> {
    let place = envelope.place(name)?;
    let dim = segment.space.dim;
    if n.checked_mul(2 * dim) != Some(place.len()) {
        let problem = format!("`{name}` has {} bytes; expected {n} of {}", place.len(), 2 * dim);
        return Err(Damage::at(place.start, problem));
    }
    Ok(Vectors::new(Arc::clone(segment), name, place.start, n, dim))
}

fn details<'a>(
    section: &'a Section,
    entry: &RecordingEntry,
    space: &Space,
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

fn epochs(envelope: &Envelope, n: usize) -> Result<EpochColumns, Damage> {
    let section = envelope.section(NUMBERS)?;
    let number = |bytes| Some(EpochNumber(u32::from_le_bytes(bytes)));
    let numbers = section.column(n, number)?;
    in_order(&section, 4, &numbers, |a, b| a < b)?;
    let onset_s = |bytes| Some(f64::from_le_bytes(bytes)).filter(|onset_s| onset_s.is_finite());
    let event_set = |bytes| Some(EventSet::from_bits(u32::from_le_bytes(bytes)));
    Ok(EpochColumns {
        numbers,
        onsets_s: envelope.section(ONSETS)?.column(n, onset_s)?,
        stages: envelope.section(STAGES)?.column(n, |[code]| stage(code))?,
        events: envelope.section(EVENTS)?.column(n, event_set)?,
        masks: envelope.section(MASKS)?.column(n, mask)?,
        qualities: envelope.section(QUALITY)?.column(n, quality)?,
    })
}

fn captions(segment: &Arc<Segment>, envelope: &Envelope) -> Result<Captions, Damage> {
    let entry = segment.entry();
    let n = entry.n_captions;
    let rows_section = envelope.section(CAPTION_ROWS)?;
    let row =
        |bytes| Some(u32::from_le_bytes(bytes)).filter(|row| (*row as usize) < entry.n_epochs);
    let rows = rows_section.column(n, row)?;
    in_order(&rows_section, 4, &rows, |a, b| a <= b)?;
    let text_section = envelope.section(CAPTION_TEXT)?;
    let text = str::from_utf8(&text_section.bytes).map_err(|error| {
        Damage::at(text_section.offset + error.valid_up_to(), "a caption is not UTF-8")
    })?;
    let ends_section = envelope.section(CAPTION_ENDS)?;
    let end =
        |bytes| Some(u32::from_le_bytes(bytes)).filter(|end| text.is_char_boundary(*end as usize));
    let ends = ends_section.column(n, end)?;
    in_order(&ends_section, 4, &ends, |a, b| a <= b)?;
    Ok(Captions {
        rows,
        kinds: envelope
            .section(CAPTION_KINDS)?
            .column(n, |[place]| CaptionKind::ALL.get(usize::from(place)).copied())?,
        ends,
        text: text.to_owned(),
        vectors: vectors(segment, envelope, CAPTION_VECTORS, n)?,
    })
}

#[expect(
    clippy::option_option,
    reason = "the outer one is about the code, the inner one about the epoch"
)]
fn stage(code: u8) -> Option<Option<Stage>> {
    match code {
        NO_STAGE => Some(None),
        place => Stage::ALL.get(usize::from(place)).map(|stage| Some(*stage)),
    }
}

/// Returns the mask, unless it has channels that this build does not know.
fn mask(bytes: [u8; 2]) -> Option<ChannelMask> {
    let bits = u16::from_le_bytes(bytes);
    Some(ChannelMask::from_bits(bits)).filter(|mask| mask.bits() == bits)
}

fn quality([a, b, c, d, e, f]: [u8; 6]) -> Option<Quality> {
    Some(Quality { missing: mask([a, b])?, flat: mask([c, d])?, clipped: mask([e, f])? })
}
