//! Reads the bytes of a segment; nothing that fails a check is given away.

use std::path::Path;

use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, Event, EventSet, Quality, Stage};

use super::columns::{self, in_order};
use super::envelope::{Damage, Opened};
use super::writer::MAGIC;
use super::{
    CAPTION_ENDS, CAPTION_KINDS, CAPTION_ROWS, CAPTION_TEXT, CAPTION_VECTORS, CODES, DETAILS,
    Details, ERRORS, EVENTS, FORMAT, FORMAT_WITH_CODES, MASKS, NO_STAGE, NUMBERS, ONSETS, QUALITY,
    SCALES, STAGES, VECTORS,
};
use crate::captions::Captions;
use crate::codes::Codes;
use crate::recording::EpochColumns;
use crate::vectors::Vectors;
use crate::{Error, RecordingEntry, Result, Space};

/// What a segment holds beside what the manifest says of it.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) epochs: EpochColumns,
    pub(crate) vectors: Vectors,
    pub(crate) captions: Captions,
    pub(crate) events: Option<Vec<Event>>,
    pub(crate) montage: serde_json::Value,
}

/// Reads the segment that `entry` describes, and the codes of its vectors.
///
/// # Errors
///
/// [`Error::DamagedSegment`] where one byte differs from what was written, or it is another recording's segment;
/// [`Error::Format`].
pub(crate) fn read(
    bytes: &[u8],
    path: &Path,
    entry: &RecordingEntry,
    space: &Space,
) -> Result<(Content, Codes)> {
    let damaged = |damage: Damage| Error::DamagedSegment {
        path: path.to_owned(),
        offset: damage.offset as u64,
        problem: damage.problem,
    };
    let opened = open(bytes, entry).map_err(damaged)?;
    let header = Header::read(opened.header).map_err(damaged)?;
    if header.format > FORMAT {
        let path = path.to_owned();
        return Err(Error::Format { path, found: header.format, supported: FORMAT });
    }
    header.check(entry, space).map_err(damaged)?;
    let content = content(&opened, entry, space).map_err(damaged)?;
    let codes = codes(&opened, &header, &content.vectors).map_err(damaged)?;
    Ok((content, codes))
}

fn open<'a>(bytes: &'a [u8], entry: &RecordingEntry) -> Result<Opened<'a>, Damage> {
    let (found, expected) = (bytes.len() as u64, entry.segment.length);
    if found != expected {
        let problem = format!("it has {found} bytes; the manifest expects {expected}");
        return Err(Damage::at(found.min(expected) as usize, problem));
    }
    let opened = Opened::open(bytes)?;
    if opened.hash != entry.segment.hash {
        let problem = format!("it is the segment {}, whole, under a wrong name", opened.hash);
        return Err(Damage::at(0, problem));
    }
    Ok(opened)
}

struct Header {
    format: u32,
    dim: u32,
    n_epochs: u32,
    n_captions: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Damage> {
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

fn content(opened: &Opened<'_>, entry: &RecordingEntry, space: &Space) -> Result<Content, Damage> {
    let details = details(opened, entry, space)?;
    let vectors = opened.section(VECTORS)?.vectors(entry.n_epochs, space.dim)?;
    let epochs = epochs(opened, entry.n_epochs)?;
    let captions = captions(opened, entry, space.dim)?;
    let events = details.events.map(std::borrow::Cow::into_owned);
    let montage = details.montage.into_owned();
    Ok(Content { epochs, vectors, captions, events, montage })
}

/// Returns the codes of the vectors, made anew where the format had none yet.
fn codes(opened: &Opened<'_>, header: &Header, vectors: &Vectors) -> Result<Codes, Damage> {
    if header.format < FORMAT_WITH_CODES {
        let mut codes = Codes::with_room(vectors.dim(), vectors.len());
        vectors.for_each(|_| true, |_, vector| codes.push(vector));
        return Ok(codes);
    }
    let sections = [opened.section(CODES)?, opened.section(SCALES)?, opened.section(ERRORS)?];
    columns::codes(sections, vectors.len(), vectors.dim())
}

fn details<'a>(
    opened: &Opened<'a>,
    entry: &RecordingEntry,
    space: &Space,
) -> Result<Details<'a>, Damage> {
    let section = opened.section(DETAILS)?;
    let details: Details<'_> = serde_json::from_slice(section.bytes)
        .map_err(|error| Damage::at(section.offset, format!("its details: {error}")))?;
    let (id, fingerprint) = (details.id.as_ref(), details.fingerprint.as_ref());
    if *id != entry.id || *fingerprint != space.fingerprint {
        let problem = format!("it belongs to the recording `{id}` of the bundle {fingerprint}");
        return Err(Damage::at(section.offset, problem));
    }
    Ok(details)
}

fn epochs(opened: &Opened<'_>, n: usize) -> Result<EpochColumns, Damage> {
    let section = opened.section(NUMBERS)?;
    let number = |bytes| Some(EpochNumber(u32::from_le_bytes(bytes)));
    let numbers = section.column(n, number)?;
    in_order(section, 4, &numbers, |a, b| a < b)?;
    let onset_s = |bytes| Some(f64::from_le_bytes(bytes)).filter(|onset_s| onset_s.is_finite());
    let event_set = |bytes| Some(EventSet::from_bits(u32::from_le_bytes(bytes)));
    Ok(EpochColumns {
        numbers,
        onsets_s: opened.section(ONSETS)?.column(n, onset_s)?,
        stages: opened.section(STAGES)?.column(n, |[code]| stage(code))?,
        events: opened.section(EVENTS)?.column(n, event_set)?,
        masks: opened.section(MASKS)?.column(n, mask)?,
        qualities: opened.section(QUALITY)?.column(n, quality)?,
    })
}

fn captions(opened: &Opened<'_>, entry: &RecordingEntry, dim: usize) -> Result<Captions, Damage> {
    let n = entry.n_captions;
    let rows_section = opened.section(CAPTION_ROWS)?;
    let row =
        |bytes| Some(u32::from_le_bytes(bytes)).filter(|row| (*row as usize) < entry.n_epochs);
    let rows = rows_section.column(n, row)?;
    in_order(rows_section, 4, &rows, |a, b| a <= b)?;
    let text_section = opened.section(CAPTION_TEXT)?;
    let text = str::from_utf8(text_section.bytes).map_err(|error| {
        Damage::at(text_section.offset + error.valid_up_to(), "a caption is not UTF-8")
    })?;
    let ends_section = opened.section(CAPTION_ENDS)?;
    let end =
        |bytes| Some(u32::from_le_bytes(bytes)).filter(|end| text.is_char_boundary(*end as usize));
    let ends = ends_section.column(n, end)?;
    in_order(ends_section, 4, &ends, |a, b| a <= b)?;
    Ok(Captions {
        rows,
        kinds: opened
            .section(CAPTION_KINDS)?
            .column(n, |[place]| CaptionKind::ALL.get(usize::from(place)).copied())?,
        ends,
        text: text.to_owned(),
        vectors: opened.section(CAPTION_VECTORS)?.vectors(n, dim)?,
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
