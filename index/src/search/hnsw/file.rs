//! The file of a frozen graph: neighbours and codes of epochs, flat and in one order.
//!
//! # Format 1
//!
//! `graphs/<hash>.graph`, in the same envelope of checksums as a segment:
//!
//! ```text
//! header      "NOCGRAPH", u32 format, u32 dim, u32 groups, u32 neighbours of a row at most, u64 rows, 32 zeros
//! ```
//!
//! | section | content |
//! |---|---|
//! | `details` | JSON, see [`Details`]: among others the recordings, each named by its segment's hash |
//! | `middles` | codes of each group's middle, in whole lines of 64 |
//! | `mid_scales` | an f32 for each of them |
//! | `ends` | for each group a u64: the row at which it ends |
//! | `neighbours` | for each row so many u32: its neighbours, the nearest first, then 2³² − 1 where there are no more |
//! | `codes` | codes of each row, in whole lines of 64, group after group |
//! | `scales` | an f32 for each row |
//! | `places` | for each row two u32: the recording's place in `details`, and the row in it |
//!
//! It is a cache of what segments hold. It is checked whole before it is used, because a walk steps anywhere in it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::effort::Effort;
use crate::recording::SegmentHash;
use crate::search::ExactIndex;
use crate::search::check::Members;
use crate::search::member::Member;
use crate::storage::FileContent;
use crate::storage::envelope::{ALIGNMENT, Builder, Damage, Envelope};
use crate::vector::Codes;
use crate::vector::kernel;
use crate::vector::kernel::{LINE, Line, MAX_DIM};

const FORMAT: u32 = 1;
const MAGIC: &[u8; 8] = b"NOCGRAPH";

const DETAILS: &str = "details";
const MIDDLES: &str = "middles";
const MIDDLE_SCALES: &str = "mid_scales";
const ENDS: &str = "ends";
const NEIGHBOURS: &str = "neighbours";
const CODES: &str = "codes";
const SCALES: &str = "scales";
const PLACES: &str = "places";

/// Stands where a row has no more neighbours.
pub(super) const NONE: u32 = u32::MAX;

/// What fits no column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Details {
    /// Fingerprint of the bundle that made the vectors.
    pub(super) fingerprint: String,
    /// The recordings whose rows are in the graph.
    pub(super) recordings: Vec<Member>,
    /// What walks found when the graph was built, by ascending candidates.
    pub(super) efforts: Vec<Effort>,
}

/// What a file is made of; rows are in the graph's order.
pub(super) struct Draft<'a> {
    pub(super) details: Details,
    pub(super) middles: Codes,
    pub(super) ends: Vec<usize>,
    /// Neighbours of a row at most.
    pub(super) stride: usize,
    pub(super) neighbours: Vec<u32>,
    /// Codes of each member.
    pub(super) members: Vec<&'a Codes>,
    pub(super) places: Vec<Place>,
}

/// Where a row is: the recording's place among the [members](Details::recordings), and the row in it.
pub(super) type Place = [u32; 2];

/// A graph over rows of some recordings, all of which has passed its checksums.
#[derive(Debug)]
pub(super) struct Frozen {
    envelope: Envelope,
    pub(super) details: Details,
    dim: usize,
    n_rows: usize,
    stride: usize,
    middles: Codes,
    /// Where each group ends, in rows; not descending.
    ends: Vec<usize>,
    scales: Vec<f32>,
    /// Where these columns are in the file.
    neighbours: Range<usize>,
    codes: Range<usize>,
    places: Range<usize>,
}

impl Draft<'_> {
    /// Writes the file.
    pub(super) fn seal(&self) -> FileContent {
        let mut builder = Builder::new(self.header());
        builder.section(DETAILS, |bytes| {
            serde_json::to_writer(bytes, &self.details)
                .expect("text keys and finite numbers always make JSON");
        });
        builder.section(MIDDLES, |bytes| {
            extend_with_lines(bytes, self.middles.lines(0..self.middles.len()));
        });
        builder.section(MIDDLE_SCALES, |bytes| {
            bytes.extend(self.middles.scales().iter().flat_map(|scale| scale.to_le_bytes()));
        });
        builder.section(ENDS, |bytes| {
            bytes.extend(self.ends.iter().flat_map(|end| (*end as u64).to_le_bytes()));
        });
        builder.section(NEIGHBOURS, |bytes| {
            bytes.extend(self.neighbours.iter().flat_map(|row| row.to_le_bytes()));
        });
        builder.section(CODES, |bytes| {
            for (codes, row) in self.rows() {
                extend_with_lines(bytes, codes.lines(row..row + 1));
            }
        });
        builder.section(SCALES, |bytes| {
            bytes.extend(self.rows().flat_map(|(codes, row)| codes.scales()[row].to_le_bytes()));
        });
        builder.section(PLACES, |bytes| {
            bytes.extend(self.places.iter().flatten().flat_map(|number| number.to_le_bytes()));
        });
        let (_, bytes) = builder.seal();
        FileContent::from(bytes)
    }

    fn rows(&self) -> impl Iterator<Item = (&Codes, usize)> {
        self.places.iter().map(|[member, row]| (self.members[*member as usize], *row as usize))
    }

    fn header(&self) -> [u8; ALIGNMENT] {
        let mut header = [0; ALIGNMENT];
        header[..8].copy_from_slice(MAGIC);
        let numbers =
            [FORMAT, self.middles.dim() as u32, self.ends.len() as u32, self.stride as u32];
        for (place, number) in header[8..].chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        header[24..32].copy_from_slice(&(self.places.len() as u64).to_le_bytes());
        header
    }
}

impl Frozen {
    /// Opens what [`Draft::seal`] has made, and checks every byte.
    pub(super) fn open(content: FileContent) -> Result<Self, Damage> {
        let envelope = Envelope::open(content)?;
        envelope.check_all()?;
        let header = envelope.header()?;
        let number = |at: usize| u32::from_le_bytes(*header[at..].first_chunk().expect("64 bytes"));
        if !header.starts_with(MAGIC) || number(8) != FORMAT {
            return Err(Damage::at(0, "it does not begin like a graph of this format"));
        }
        let [dim, n_groups, stride] = [12, 16, 20].map(|at| number(at) as usize);
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(Damage::at(12, format!("it has {dim} numbers a row")));
        }
        let n_rows = u64::from_le_bytes(*header[24..].first_chunk().expect("64 bytes"));
        let n_rows = usize::try_from(n_rows).unwrap_or(usize::MAX);
        let section = envelope.section(DETAILS)?;
        let details: Details = serde_json::from_slice(&section.bytes)
            .map_err(|error| Damage::at(section.offset, format!("its details: {error}")))?;
        let middles = middles(&envelope, dim, n_groups)?;
        let ends = ends(&envelope, n_groups, n_rows)?;
        let scale = |bytes| Some(f32::from_le_bytes(bytes)).filter(|scale| scale.is_finite());
        let scales = envelope.section(SCALES)?.column(n_rows, scale)?;
        let place = |name, size: usize| -> Result<Range<usize>, Damage> {
            let place = envelope.place(name)?;
            if n_rows.checked_mul(size) == Some(place.len()) {
                return Ok(place);
            }
            let problem =
                format!("`{name}` has {} bytes; expected {n_rows} of {size}", place.len());
            Err(Damage::at(place.start, problem))
        };
        let neighbours = place(NEIGHBOURS, 4 * stride)?;
        let (codes, places) = (place(CODES, width(dim))?, place(PLACES, 8)?);
        if Line::in_bytes(&envelope.bytes()[codes.clone()]).is_none() {
            return Err(Damage::at(codes.start, "its codes are not aligned"));
        }
        let frozen = Self {
            envelope,
            details,
            dim,
            n_rows,
            stride,
            middles,
            ends,
            scales,
            neighbours,
            codes,
            places,
        };
        frozen.expect_places()?;
        Ok(frozen)
    }

    /// Compares every row with its segment; returns the hash of the whole.
    pub(super) fn check(&self, exact: &ExactIndex) -> Result<SegmentHash, Damage> {
        let rows = self.lines().chunks_exact(self.dim.div_ceil(LINE)).zip(&self.scales).enumerate();
        let members = Members::of(&self.details.recordings, exact);
        for (row, (codes, scale)) in rows {
            members.expect(self.place(row as u32), self.codes.start, |known, row| {
                let has_scale = known.scales()[row].to_bits() == scale.to_bits();
                has_scale && known.lines(row..row + 1) == codes
            })?;
        }
        Ok(self.hash())
    }

    /// Refuses places that no recording has.
    fn expect_places(&self) -> Result<(), Damage> {
        let members = &self.details.recordings;
        let is_there = |[member, row]: Place| {
            members.get(member as usize).is_some_and(|member| (row as usize) < member.n_epochs)
        };
        match (0..self.n_rows).map(|row| self.place(row as u32)).find(|place| !is_there(*place)) {
            None => Ok(()),
            Some([member, row]) => {
                let problem = format!("a place in it is row {row} of recording {member}");
                Err(Damage::at(self.places.start, problem))
            }
        }
    }

    /// Returns the hash that stands for the whole content.
    pub(super) fn hash(&self) -> SegmentHash {
        self.envelope.hash()
    }

    /// Returns the file.
    pub(super) fn bytes(&self) -> &[u8] {
        self.envelope.bytes()
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Returns the middles of the groups.
    pub(super) fn middles(&self) -> &Codes {
        &self.middles
    }

    /// Returns the rows of a group.
    pub(super) fn group(&self, group: usize) -> Range<usize> {
        group.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[group]
    }

    /// Returns the neighbours of a row; what is no row stands for none.
    pub(super) fn neighbours(&self, row: u32) -> impl Iterator<Item = u32> {
        let numbers = self.neighbour_bytes(row).as_chunks().0;
        numbers.iter().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Asks for the neighbours of a row some time before they are needed.
    pub(super) fn ask_for_neighbours(&self, row: u32) {
        kernel::prefetch(self.neighbour_bytes(row));
    }

    fn neighbour_bytes(&self, row: u32) -> &[u8] {
        let column = &self.envelope.bytes()[self.neighbours.clone()];
        &column[row as usize * 4 * self.stride..][..4 * self.stride]
    }

    /// Returns the codes of all rows.
    pub(super) fn lines(&self) -> &[Line] {
        let codes = &self.envelope.bytes()[self.codes.clone()];
        Line::in_bytes(codes).expect("`open` refuses others")
    }

    /// Returns what the codes of each row are to be multiplied with.
    pub(super) fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Returns where a row is.
    pub(super) fn place(&self, row: u32) -> Place {
        let column = &self.envelope.bytes()[self.places.clone()];
        let numbers: &[[u8; 4]] = column[row as usize * 8..][..8].as_chunks().0;
        [numbers[0], numbers[1]].map(u32::from_le_bytes)
    }
}

fn middles(envelope: &Envelope, dim: usize, n: usize) -> Result<Codes, Damage> {
    let codes = envelope.section(MIDDLES)?;
    let scale = |bytes| Some(f32::from_le_bytes(bytes)).filter(|scale| scale.is_finite());
    let scales = envelope.section(MIDDLE_SCALES)?.column(n, scale)?;
    if n.checked_mul(width(dim)) != Some(codes.bytes.len()) {
        let problem = format!("`{MIDDLES}` has {} bytes", codes.bytes.len());
        return Err(Damage::at(codes.offset, problem));
    }
    let codes = Codes::of_file(width(dim), envelope.bytes(), codes.offset, scales, vec![0.0; n]);
    Ok(codes.with_dim(dim))
}

fn ends(envelope: &Envelope, n_groups: usize, n_rows: usize) -> Result<Vec<usize>, Damage> {
    let section = envelope.section(ENDS)?;
    let ends = section.column(n_groups, |bytes| usize::try_from(u64::from_le_bytes(bytes)).ok())?;
    if !ends.is_sorted() || ends.last().copied().unwrap_or(0) != n_rows {
        return Err(Damage::at(section.offset, format!("its groups do not end at row {n_rows}")));
    }
    Ok(ends)
}

/// Returns how many bytes the codes of a row take.
fn width(dim: usize) -> usize {
    dim.div_ceil(LINE) * LINE
}

fn extend_with_lines(bytes: &mut Vec<u8>, lines: &[Line]) {
    lines.iter().for_each(|line| bytes.extend(line.0.map(i8::cast_unsigned)));
}
