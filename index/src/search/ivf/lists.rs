//! The file of lists: epochs that point the same way, side by side.
//!
//! # Format 2
//!
//! `partitions/<hash>.lists`, in the same envelope of checksums as a segment:
//!
//! ```text
//! header      "NOCTLIST", u32 format, u32 dim, u32 lists, u32 1 where the middles are in it, u64 rows, 32 zeros
//! ```
//!
//! | section | content |
//! |---|---|
//! | `details` | JSON, see [`Details`]: among others the recordings, each named by its segment's hash |
//! | `middles` | codes of each list's middle, in whole lines of 64 |
//! | `mid_scales` | an f32 for each of them |
//! | `ends` | for each list a u64: the row at which it ends |
//! | `nibbles` | 4 bits for each number of what is left of a row without its list's middle, in whole lines of 128, list after list |
//! | `steps` | an f32 for each row: what a nibble more stands for |
//! | `places` | for each row two u32: the recording's place in `details`, and the row in it |
//!
//! It is a cache of what segments hold, and nothing in it is believed that a segment contradicts.

use serde::{Deserialize, Serialize};

use super::remainders;
use crate::recording::SegmentHash;
use crate::search::ExactIndex;
use crate::search::check::Members;
use crate::search::member::Member;
use crate::storage::FileContent;
use crate::storage::envelope::{ALIGNMENT, Builder, Damage, Envelope};
use crate::vector::Codes;
use crate::vector::kernel;
use crate::vector::kernel::{LINE, Line};

const FORMAT: u32 = 2;
const MAGIC: &[u8; 8] = b"NOCTLIST";

const DETAILS: &str = "details";
const MIDDLES: &str = "middles";
const MIDDLE_SCALES: &str = "mid_scales";
const ENDS: &str = "ends";
const NIBBLES: &str = "nibbles";
const STEPS: &str = "steps";
const PLACES: &str = "places";

/// What fits no column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Details {
    /// Fingerprint of the bundle that made the vectors.
    pub(super) fingerprint: String,
    /// The recordings whose rows are in the lists.
    pub(super) recordings: Vec<Member>,
    /// How many rows there were when the middles were found.
    pub(super) n_rows_at_training: usize,
    /// How uneven the lists were then, see `unevenness`.
    pub(super) unevenness_at_training: f64,
    /// For near epochs of some epochs, and of some captions, how many lists are nearer than theirs; ascending.
    pub(super) ranks: [Vec<u32>; 2],
}

/// Where a row is: the recording's place among the [members](Details::recordings), and the row in it.
pub(super) type Place = [u32; 2];

/// Rows of some recordings, in lists.
#[derive(Debug)]
pub(super) struct Lists {
    envelope: Envelope,
    pub(super) details: Details,
    dim: usize,
    /// Where each list ends, in rows; not descending.
    ends: Vec<usize>,
    /// Where the columns begin in the file.
    nibbles: usize,
    steps: usize,
    places: usize,
}

/// Rows of one list.
pub(super) struct List<'a> {
    pub(super) nibbles: &'a [Line],
    pub(super) steps: &'a [[u8; 4]],
    places: &'a [[u8; 8]],
}

impl Lists {
    /// Puts the rows of recordings into lists; for each member its codes and the list of each of its rows.
    pub(super) fn seal(
        details: &Details,
        middles: &Codes,
        keeps_middles: bool,
        members: &[(&Codes, &[u32])],
    ) -> FileContent {
        let n_rows: usize = members.iter().map(|(_, lists)| lists.len()).sum();
        let order = Order::of(middles.len(), members);
        let mut builder = Builder::new(header(middles, keeps_middles, n_rows));
        builder.section(DETAILS, |bytes| {
            serde_json::to_writer(bytes, details)
                .expect("text keys and finite numbers always make JSON");
        });
        if keeps_middles {
            let rows = 0..middles.len();
            builder.section(MIDDLES, |bytes| extend_with_lines(bytes, middles.lines(rows)));
            builder.section(MIDDLE_SCALES, |bytes| {
                bytes.extend(middles.scales().iter().flat_map(|scale| scale.to_le_bytes()));
            });
        }
        builder.section(ENDS, |bytes| {
            bytes.extend(order.ends.iter().flat_map(|end| (*end as u64).to_le_bytes()));
        });
        let mut steps = Vec::with_capacity(4 * n_rows);
        builder.section(NIBBLES, |bytes| {
            bytes.reserve(n_rows * remainders::n_lines(middles.dim()) * LINE);
            for (list, rows) in order.lists().enumerate() {
                let middle = middles.numbers(list);
                for [member, row] in rows {
                    let codes = members[*member as usize].0;
                    let step = remainders::push(bytes, codes, *row as usize, &middle);
                    steps.extend(step.to_le_bytes());
                }
            }
        });
        builder.section(STEPS, |bytes| bytes.append(&mut steps));
        builder.section(PLACES, |bytes| {
            let numbers = order.places.iter().flatten();
            bytes.extend(numbers.flat_map(|number| number.to_le_bytes()));
        });
        let (_, bytes) = builder.seal();
        FileContent::from(bytes)
    }

    /// Opens what [`seal`](Self::seal) has made; nibbles, steps and places are read when they are needed.
    pub(super) fn open(content: FileContent) -> Result<Self, Damage> {
        let envelope = Envelope::open(content)?;
        let header = envelope.header()?;
        let number = |at: usize| u32::from_le_bytes(*header[at..].first_chunk().expect("64 bytes"));
        if !header.starts_with(MAGIC) || number(8) != FORMAT {
            return Err(Damage::at(0, "it does not begin like lists of this format"));
        }
        let (dim, n_lists) = (number(12) as usize, number(16) as usize);
        let n_rows = u64::from_le_bytes(*header[24..].first_chunk().expect("64 bytes"));
        let n_rows = usize::try_from(n_rows).unwrap_or(usize::MAX);
        let section = envelope.section(DETAILS)?;
        let details: Details = serde_json::from_slice(&section.bytes)
            .map_err(|error| Damage::at(section.offset, format!("its details: {error}")))?;
        let ends = ends(&envelope, n_lists, n_rows)?;
        let place = |name, size: usize| -> Result<usize, Damage> {
            let place = envelope.place(name)?;
            if n_rows.checked_mul(size) == Some(place.len()) {
                return Ok(place.start);
            }
            let problem =
                format!("`{name}` has {} bytes; expected {n_rows} of {size}", place.len());
            Err(Damage::at(place.start, problem))
        };
        let nibbles = place(NIBBLES, remainders::n_lines(dim) * LINE)?;
        let (steps, places) = (place(STEPS, 4)?, place(PLACES, 8)?);
        Ok(Self { envelope, details, dim, ends, nibbles, steps, places })
    }

    /// Returns the hash that stands for the whole content.
    pub(super) fn hash(&self) -> SegmentHash {
        self.envelope.hash()
    }

    /// Returns the file.
    pub(super) fn bytes(&self) -> &[u8] {
        self.envelope.bytes()
    }

    /// Reads the middles of the lists.
    pub(super) fn middles(&self) -> Result<Codes, Damage> {
        let codes = self.envelope.section(MIDDLES)?;
        let scale = |bytes| Some(f32::from_le_bytes(bytes)).filter(|scale| scale.is_finite());
        let scales = self.envelope.section(MIDDLE_SCALES)?.column(self.n_lists(), scale)?;
        let width = self.dim.div_ceil(LINE) * LINE;
        if codes.bytes.len() != scales.len() * width {
            let problem = format!("`{MIDDLES}` has {} bytes", codes.bytes.len());
            return Err(Damage::at(codes.offset, problem));
        }
        let errors = vec![0.0; scales.len()];
        let codes = Codes::of_file(width, self.envelope.bytes(), codes.offset, scales, errors);
        Ok(codes.with_dim(self.dim))
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

    /// Returns the rows of a list, once they have passed their checksums.
    pub(super) fn list(&self, list: usize) -> Result<List<'_>, Damage> {
        let rows = list.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[list];
        let bytes = |start: usize, size: usize| {
            self.envelope.checked(start + rows.start * size..start + rows.end * size)
        };
        let nibbles = bytes(self.nibbles, remainders::n_lines(self.dim) * LINE)?;
        let nibbles = Line::in_bytes(nibbles)
            .ok_or_else(|| Damage::at(self.nibbles, "its nibbles are not aligned"))?;
        let steps = bytes(self.steps, 4)?.as_chunks().0;
        Ok(List { nibbles, steps, places: bytes(self.places, 8)?.as_chunks().0 })
    }

    /// Asks for the first rows of a list, which will be needed soon.
    pub(super) fn ask_for(&self, list: usize) {
        const BYTES: usize = 2048;
        let row = list.checked_sub(1).map_or(0, |before| self.ends[before]);
        let start = self.nibbles + row * remainders::n_lines(self.dim) * LINE;
        let bytes = self.envelope.bytes();
        kernel::prefetch(&bytes[start..bytes.len().min(start + BYTES)]);
    }

    /// Reads every byte and compares every row with its segment; returns the hash of the whole.
    pub(super) fn check(&self, exact: &ExactIndex) -> Result<SegmentHash, Damage> {
        self.envelope.check_all()?;
        let middles = self.middles()?;
        let members = Members::of(&self.details.recordings, exact);
        for number in 0..self.n_lists() {
            let list = self.list(number)?;
            let middle = middles.numbers(number);
            let rows = list.nibbles.chunks_exact(remainders::n_lines(self.dim)).zip(list.steps);
            for (row, (nibbles, step)) in rows.enumerate() {
                members.expect(list.place(row), self.nibbles, |codes, row| {
                    let mut known = Vec::new();
                    let known_step = remainders::push(&mut known, codes, row, &middle);
                    let known = known.iter().map(|byte| byte.cast_signed());
                    known.eq(nibbles.iter().flat_map(|line| line.0))
                        && known_step.to_le_bytes() == *step
                })?;
            }
        }
        Ok(self.hash())
    }

    /// Returns how many rows each list has.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| end - start)
    }

    /// Returns the list of every row of every member.
    pub(super) fn assigned(&self) -> Result<Vec<Vec<u32>>, Damage> {
        let members = &self.details.recordings;
        let mut assigned: Vec<_> = members.iter().map(|it| vec![0; it.n_epochs]).collect();
        for list in 0..self.n_lists() {
            for place in self.list(list)?.places.iter().copied().map(place_of) {
                let [member, row] = place.map(|number| number as usize);
                let row =
                    assigned.get_mut(member).and_then(|rows: &mut Vec<u32>| rows.get_mut(row));
                *row.ok_or_else(|| self.strange(place))? = list as u32;
            }
        }
        Ok(assigned)
    }

    /// Returns the damage of a place that is in no recording.
    pub(super) fn strange(&self, [member, row]: Place) -> Damage {
        Damage::at(self.places, format!("a place in it is row {row} of recording {member}"))
    }
}

impl List<'_> {
    pub(super) fn place(&self, row: usize) -> Place {
        place_of(self.places[row])
    }
}

/// The rows of members, list after list; in each list as the members have them.
struct Order {
    ends: Vec<usize>,
    places: Vec<Place>,
}

impl Order {
    fn of(n_lists: usize, members: &[(&Codes, &[u32])]) -> Self {
        let mut ends = vec![0; n_lists];
        members.iter().flat_map(|(_, lists)| *lists).for_each(|list| ends[*list as usize] += 1);
        let mut next = Vec::with_capacity(n_lists);
        let mut end = 0;
        for length in &mut ends {
            next.push(end);
            end += *length;
            *length = end;
        }
        let mut places = vec![[0; 2]; end];
        for (member, (_, lists)) in members.iter().enumerate() {
            for (row, list) in lists.iter().enumerate() {
                let next = &mut next[*list as usize];
                places[*next] = [member as u32, row as u32];
                *next += 1;
            }
        }
        Self { ends, places }
    }

    /// Returns the rows of each list.
    fn lists(&self) -> impl Iterator<Item = &[Place]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.places[start..*end])
    }
}

fn header(middles: &Codes, keeps_middles: bool, n_rows: usize) -> [u8; ALIGNMENT] {
    let mut header = [0; ALIGNMENT];
    header[..8].copy_from_slice(MAGIC);
    let numbers = [FORMAT, middles.dim() as u32, middles.len() as u32, u32::from(keeps_middles)];
    for (place, number) in header[8..].chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    header[24..32].copy_from_slice(&(n_rows as u64).to_le_bytes());
    header
}

fn ends(envelope: &Envelope, n_lists: usize, n_rows: usize) -> Result<Vec<usize>, Damage> {
    let section = envelope.section(ENDS)?;
    let end = |bytes| usize::try_from(u64::from_le_bytes(bytes)).ok();
    let ends = section.column(n_lists, end)?;
    if !ends.is_sorted() || ends.last().copied().unwrap_or(0) != n_rows {
        return Err(Damage::at(section.offset, format!("its lists do not end at row {n_rows}")));
    }
    Ok(ends)
}

fn extend_with_lines(bytes: &mut Vec<u8>, lines: &[Line]) {
    lines.iter().for_each(|line| bytes.extend(line.0.map(i8::cast_unsigned)));
}

fn place_of([a, b, c, d, e, f, g, h]: [u8; 8]) -> Place {
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}
