//! The file of inverted lists.
//!
//! # Format 1
//!
//! A sealed file (see `storage::envelope`) named `ivf/<hash>.ivf`. The header is `"NOCTIVF1"`, then u32 each: format,
//! dimension, number of lists, 1 if the centroids are stored; then u64 number of rows and 32 zeros.
//!
//! | section | content |
//! |---|---|
//! | `details` | JSON, see [`Details`]; names the recordings, each with the hash of its segment |
//! | `centroids` | 8-bit codes of each centroid, padded to whole lines of 64 |
//! | `centroid_scales` | an f32 for each centroid |
//! | `list_ends` | for each list a u64: the row at which it ends |
//! | `codes` | 4-bit codes of each row's residual, padded to whole lines of 128, list after list |
//! | `steps` | an f32 for each row: the difference between neighbouring 4-bit codes |
//! | `rows` | for each row two u32: the recording's position in `details`, and the row in it |
//!
//! The file is a cache of the segments. Where it contradicts a segment, the segment is right.

use serde::{Deserialize, Serialize};

use super::calibration::ProbeRanks;
use crate::recording::ContentHash;
use crate::search::ExactIndex;
use crate::search::cache_check::MemberSegments;
use crate::search::cache_member::CacheMember;
use crate::search::centroid_sections::{read_centroids, read_ends, write_centroids, write_ends};
use crate::storage::FileContent;
use crate::storage::envelope::{ALIGNMENT, Damage, Envelope, EnvelopeBuilder};
use crate::vector::kernel::{self, LINE, Line};
use crate::vector::{Int8Codes, four_bit_codes};

const FORMAT: u32 = 1;
const MAGIC: &[u8; 8] = b"NOCTIVF1";

const DETAILS: &str = "details";
const CODES: &str = "codes";
const STEPS: &str = "steps";
const ROWS: &str = "rows";

/// What fits no column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Details {
    /// Fingerprint of the bundle that computed the vectors.
    pub(super) fingerprint: String,
    /// The recordings whose rows are in the lists.
    pub(super) recordings: Vec<CacheMember>,
    /// Number of rows when the centroids were trained.
    pub(super) n_rows_at_training: usize,
    /// Imbalance factor of the lists then.
    pub(super) imbalance_at_training: f64,
    /// Ranks of lists from which the number of probes for a recall follows.
    pub(super) probe_ranks: ProbeRanks,
}

/// A row of the file: the position of the recording among the [members](Details::recordings), and the row in it.
pub(super) type MemberRow = [u32; 2];

/// An open file of inverted lists.
#[derive(Debug)]
pub(super) struct InvertedLists {
    envelope: Envelope,
    pub(super) details: Details,
    dim: usize,
    /// The row at which each list ends; not descending.
    ends: Vec<usize>,
    /// Byte offsets of the columns.
    codes: usize,
    steps: usize,
    rows: usize,
}

/// The verified rows of one list.
pub(super) struct InvertedList<'a> {
    pub(super) codes: &'a [Line],
    pub(super) steps: &'a [[u8; 4]],
    rows: &'a [[u8; 8]],
}

/// A member of a file to be written: the codes of a recording, and the list of each of its rows.
pub(super) type MemberLists<'a> = (&'a Int8Codes, &'a [u32]);

impl InvertedLists {
    /// Writes the rows of recordings into lists.
    pub(super) fn seal(
        details: &Details,
        centroids: &Int8Codes,
        stores_centroids: bool,
        members: &[MemberLists<'_>],
    ) -> FileContent {
        let n_rows: usize = members.iter().map(|(_, lists)| lists.len()).sum();
        let order = ListOrder::of(centroids.len(), members);
        let mut builder = EnvelopeBuilder::new(header(centroids, stores_centroids, n_rows));
        builder.section(DETAILS, |bytes| {
            serde_json::to_writer(bytes, details)
                .expect("text keys and finite numbers always make JSON");
        });
        if stores_centroids {
            write_centroids(&mut builder, centroids);
        }
        write_ends(&mut builder, &order.ends);
        let mut steps = Vec::with_capacity(4 * n_rows);
        builder.section(CODES, |bytes| {
            bytes.reserve(n_rows * row_bytes(centroids.dim()));
            for (list, rows) in order.lists().enumerate() {
                let centroid = centroids.reconstruct(list);
                for [member, row] in rows {
                    let codes = members[*member as usize].0;
                    let step = four_bit_codes::push(bytes, codes, *row as usize, &centroid);
                    steps.extend(step.to_le_bytes());
                }
            }
        });
        builder.section(STEPS, |bytes| bytes.append(&mut steps));
        builder.section(ROWS, |bytes| {
            let numbers = order.rows.iter().flatten();
            bytes.extend(numbers.flat_map(|number| number.to_le_bytes()));
        });
        let (_, bytes) = builder.seal();
        FileContent::from(bytes)
    }

    /// Opens a file. Codes, steps and rows are verified when they are read.
    pub(super) fn open(content: FileContent) -> Result<Self, Damage> {
        let envelope = Envelope::open(content)?;
        let header = envelope.header()?;
        let number = |at: usize| u32::from_le_bytes(*header[at..].first_chunk().expect("64 bytes"));
        if !header.starts_with(MAGIC) || number(8) != FORMAT {
            return Err(Damage::at(0, "it does not start like inverted lists of this format"));
        }
        let (dim, n_lists) = (number(12) as usize, number(16) as usize);
        let n_rows = u64::from_le_bytes(*header[24..].first_chunk().expect("64 bytes"));
        let n_rows = usize::try_from(n_rows).unwrap_or(usize::MAX);
        let section = envelope.section(DETAILS)?;
        let details: Details = serde_json::from_slice(&section.bytes)
            .map_err(|error| Damage::at(section.offset, format!("its details: {error}")))?;
        let ends = read_ends(&envelope, n_lists, n_rows)?;
        let offset = |name, width| envelope.rows(name, n_rows, width).map(|range| range.start);
        let codes = offset(CODES, row_bytes(dim))?;
        let (steps, rows) = (offset(STEPS, 4)?, offset(ROWS, 8)?);
        Ok(Self { envelope, details, dim, ends, codes, steps, rows })
    }

    /// Returns the hash of the whole content.
    pub(super) fn hash(&self) -> ContentHash {
        self.envelope.hash()
    }

    /// Returns the bytes of the file.
    pub(super) fn bytes(&self) -> &[u8] {
        self.envelope.bytes()
    }

    /// Reads the centroids.
    pub(super) fn centroids(&self) -> Result<Int8Codes, Damage> {
        read_centroids(&self.envelope, self.dim, self.n_lists())
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    pub(super) fn n_lists(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn n_rows(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Returns the rows of a list, after verifying them.
    pub(super) fn list(&self, list: usize) -> Result<InvertedList<'_>, Damage> {
        let rows = self.start(list)..self.ends[list];
        let column = |offset: usize, width: usize| {
            self.envelope.verified(offset + rows.start * width..offset + rows.end * width)
        };
        let codes = Line::in_bytes(column(self.codes, row_bytes(self.dim))?)
            .ok_or_else(|| Damage::at(self.codes, "its codes are not aligned"))?;
        let steps = column(self.steps, 4)?.as_chunks().0;
        Ok(InvertedList { codes, steps, rows: column(self.rows, 8)?.as_chunks().0 })
    }

    /// Prefetches the first rows of a list that is probed next.
    pub(super) fn prefetch(&self, list: usize) {
        // A few lines are enough: the hardware prefetcher continues once they are read.
        const BYTES: usize = 2048;
        let start = self.codes + self.start(list) * row_bytes(self.dim);
        let bytes = self.envelope.bytes();
        kernel::prefetch(&bytes[start..bytes.len().min(start + BYTES)]);
    }

    /// Verifies every byte and compares every row with its segment; returns the hash of the content.
    pub(super) fn check(&self, exact: &ExactIndex) -> Result<ContentHash, Damage> {
        self.envelope.verify_all()?;
        let centroids = self.centroids()?;
        let members = MemberSegments::of(&self.details.recordings, exact);
        for number in 0..self.n_lists() {
            let list = self.list(number)?;
            let centroid = centroids.reconstruct(number);
            let rows = list.codes.chunks_exact(four_bit_codes::n_lines(self.dim)).zip(list.steps);
            for (row, (codes, step)) in rows.enumerate() {
                members.expect(list.row(row), self.codes, |segment, row| {
                    let mut expected = Vec::new();
                    let expected_step =
                        four_bit_codes::push(&mut expected, segment, row, &centroid);
                    let expected = expected.iter().map(|byte| byte.cast_signed());
                    expected.eq(codes.iter().flat_map(|line| line.0))
                        && expected_step.to_le_bytes() == *step
                })?;
            }
        }
        Ok(self.hash())
    }

    /// Returns the number of rows of each list.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        (0..self.n_lists()).map(|list| self.ends[list] - self.start(list))
    }

    /// Returns the list of every row of every member.
    pub(super) fn lists_of_rows(&self) -> Result<Vec<Vec<u32>>, Damage> {
        let members = &self.details.recordings;
        let mut lists: Vec<_> = members.iter().map(|it| vec![0; it.n_epochs]).collect();
        for list in 0..self.n_lists() {
            for [member, row] in self.list(list)?.rows.iter().copied().map(member_row) {
                let slot = lists
                    .get_mut(member as usize)
                    .and_then(|rows: &mut Vec<u32>| rows.get_mut(row as usize));
                *slot.ok_or_else(|| self.unknown_row([member, row]))? = list as u32;
            }
        }
        Ok(lists)
    }

    /// Returns the damage of a row that no recording has.
    pub(super) fn unknown_row(&self, [member, row]: MemberRow) -> Damage {
        Damage::at(
            self.rows,
            format!("it refers to row {row} of recording {member}, which does not exist"),
        )
    }

    /// Returns the row at which a list starts.
    fn start(&self, list: usize) -> usize {
        list.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

impl InvertedList<'_> {
    pub(super) fn row(&self, row: usize) -> MemberRow {
        member_row(self.rows[row])
    }
}

/// The rows of all members, list after list; within a list, in the order of the members.
struct ListOrder {
    ends: Vec<usize>,
    rows: Vec<MemberRow>,
}

impl ListOrder {
    /// Sorts by counting, in two passes: the lengths of the lists first, then each row into its place.
    fn of(n_lists: usize, members: &[MemberLists<'_>]) -> Self {
        let mut ends = vec![0; n_lists];
        members.iter().flat_map(|(_, lists)| *lists).for_each(|list| ends[*list as usize] += 1);
        let mut next = Vec::with_capacity(n_lists);
        let mut end = 0;
        for length in &mut ends {
            next.push(end);
            end += *length;
            *length = end;
        }
        let mut rows = vec![[0; 2]; end];
        for (member, (_, lists)) in members.iter().enumerate() {
            for (row, list) in lists.iter().enumerate() {
                let next = &mut next[*list as usize];
                rows[*next] = [member as u32, row as u32];
                *next += 1;
            }
        }
        Self { ends, rows }
    }

    /// Returns the rows of each list.
    fn lists(&self) -> impl Iterator<Item = &[MemberRow]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.rows[start..*end])
    }
}

fn header(centroids: &Int8Codes, stores_centroids: bool, n_rows: usize) -> [u8; ALIGNMENT] {
    let mut header = [0; ALIGNMENT];
    header[..8].copy_from_slice(MAGIC);
    let numbers =
        [FORMAT, centroids.dim() as u32, centroids.len() as u32, u32::from(stores_centroids)];
    for (bytes, number) in header[8..].chunks_exact_mut(4).zip(numbers) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    header[24..32].copy_from_slice(&(n_rows as u64).to_le_bytes());
    header
}

/// Returns the number of bytes of a row's 4-bit codes.
fn row_bytes(dim: usize) -> usize {
    four_bit_codes::n_lines(dim) * LINE
}

fn member_row([a, b, c, d, e, f, g, h]: [u8; 8]) -> MemberRow {
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}
