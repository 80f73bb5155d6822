//! The file of a frozen graph: neighbours and codes of epochs in columns.
//!
//! # Format 1
//!
//! A sealed file (see `storage::envelope`) named `hnsw/<hash>.hnsw`. The header is `"NOCTHNSW"`, then u32 each: format,
//! dimension, number of clusters, maximum number `m` of neighbours of a row; then u64 number of rows and 32 zeros.
//!
//! | section | content |
//! |---|---|
//! | `details` | JSON, see [`Details`]; names the recordings, each with the hash of its segment |
//! | `centroids` | 8-bit codes of each cluster's centroid, padded to whole lines of 64 |
//! | `centroid_scales` | an f32 for each centroid |
//! | `list_ends` | for each cluster a u64: the row at which it ends |
//! | `neighbours` | for each row `m` u32: its neighbours, the nearest first, then 2³² − 1 for none |
//! | `codes` | 8-bit codes of each row, padded to whole lines of 64, cluster after cluster |
//! | `scales` | an f32 for each row |
//! | `rows` | for each row two u32: the recording's position in `details`, and the row in it |
//!
//! The file is a cache of the segments. It is verified whole when it is opened, because a search reads anywhere in it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::calibration::Trial;
use crate::recording::ContentHash;
use crate::search::ExactIndex;
use crate::search::cache_check::MemberSegments;
use crate::search::cache_member::CacheMember;
use crate::search::centroid_sections::{
    padded_dim, read_centroids, read_ends, write_centroids, write_ends, write_lines,
};
use crate::storage::FileContent;
use crate::storage::envelope::{ALIGNMENT, Damage, Envelope, EnvelopeBuilder};
use crate::vector::Int8Codes;
use crate::vector::kernel::{self, LINE, Line, MAX_DIM};

const FORMAT: u32 = 1;
const MAGIC: &[u8; 8] = b"NOCTHNSW";

const DETAILS: &str = "details";
const NEIGHBOURS: &str = "neighbours";
const CODES: &str = "codes";
const SCALES: &str = "scales";
const ROWS: &str = "rows";

/// In place of a neighbour if a row has fewer than the maximum.
pub(super) const NO_NEIGHBOUR: u32 = u32::MAX;

/// What fits no column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Details {
    /// Fingerprint of the bundle that computed the vectors.
    pub(super) fingerprint: String,
    /// The recordings whose rows are in the graph.
    pub(super) recordings: Vec<CacheMember>,
    /// Results of searches when the graph was built, by ascending number of candidates.
    pub(super) calibration: Vec<Trial>,
}

/// The content of a file to be written; rows are in the order of the file.
pub(super) struct GraphDraft<'a> {
    pub(super) details: Details,
    pub(super) centroids: Int8Codes,
    pub(super) ends: Vec<usize>,
    /// Maximum number of neighbours of a row.
    pub(super) max_neighbours: usize,
    pub(super) neighbours: Vec<u32>,
    /// Codes of each member.
    pub(super) members: Vec<&'a Int8Codes>,
    pub(super) rows: Vec<MemberRow>,
}

/// A row of the file: the position of the recording among the [members](Details::recordings), and the row in it.
pub(super) type MemberRow = [u32; 2];

/// An open file of a graph, verified whole.
#[derive(Debug)]
pub(super) struct FrozenGraph {
    envelope: Envelope,
    pub(super) details: Details,
    dim: usize,
    n_rows: usize,
    max_neighbours: usize,
    centroids: Int8Codes,
    /// The row at which each cluster ends; not descending.
    ends: Vec<usize>,
    scales: Vec<f32>,
    /// Byte ranges of the columns.
    neighbours: Range<usize>,
    codes: Range<usize>,
    rows: Range<usize>,
}

impl GraphDraft<'_> {
    /// Writes the file.
    pub(super) fn seal(&self) -> FileContent {
        let mut builder = EnvelopeBuilder::new(self.header());
        builder.section(DETAILS, |bytes| {
            serde_json::to_writer(bytes, &self.details)
                .expect("text keys and finite numbers always make JSON");
        });
        write_centroids(&mut builder, &self.centroids);
        write_ends(&mut builder, &self.ends);
        builder.section(NEIGHBOURS, |bytes| {
            bytes.extend(self.neighbours.iter().flat_map(|row| row.to_le_bytes()));
        });
        builder.section(CODES, |bytes| {
            for (codes, row) in self.member_rows() {
                write_lines(bytes, codes.lines(row..row + 1));
            }
        });
        builder.section(SCALES, |bytes| {
            bytes.extend(
                self.member_rows().flat_map(|(codes, row)| codes.scales()[row].to_le_bytes()),
            );
        });
        builder.section(ROWS, |bytes| {
            bytes.extend(self.rows.iter().flatten().flat_map(|number| number.to_le_bytes()));
        });
        let (_, bytes) = builder.seal();
        FileContent::from(bytes)
    }

    /// Returns the codes of each row's recording, and the row in it.
    fn member_rows(&self) -> impl Iterator<Item = (&Int8Codes, usize)> {
        self.rows.iter().map(|[member, row]| (self.members[*member as usize], *row as usize))
    }

    fn header(&self) -> [u8; ALIGNMENT] {
        let mut header = [0; ALIGNMENT];
        header[..8].copy_from_slice(MAGIC);
        let (dim, n_clusters) = (self.centroids.dim() as u32, self.ends.len() as u32);
        let numbers = [FORMAT, dim, n_clusters, self.max_neighbours as u32];
        for (bytes, number) in header[8..].chunks_exact_mut(4).zip(numbers) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        header[24..32].copy_from_slice(&(self.rows.len() as u64).to_le_bytes());
        header
    }
}

impl FrozenGraph {
    /// Opens a file, and verifies every byte.
    pub(super) fn open(content: FileContent) -> Result<Self, Damage> {
        let envelope = Envelope::open(content)?;
        envelope.verify_all()?;
        let header = envelope.header()?;
        let number = |at: usize| u32::from_le_bytes(*header[at..].first_chunk().expect("64 bytes"));
        if !header.starts_with(MAGIC) || number(8) != FORMAT {
            return Err(Damage::at(0, "it does not start like a graph of this format"));
        }
        let [dim, n_clusters, max_neighbours] = [12, 16, 20].map(|at| number(at) as usize);
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(Damage::at(
                12,
                format!("it has {dim} dimensions; expected 1 to {MAX_DIM}"),
            ));
        }
        let n_rows = u64::from_le_bytes(*header[24..].first_chunk().expect("64 bytes"));
        let n_rows = usize::try_from(n_rows).unwrap_or(usize::MAX);
        let section = envelope.section(DETAILS)?;
        let details: Details = serde_json::from_slice(&section.bytes)
            .map_err(|error| Damage::at(section.offset, format!("its details: {error}")))?;
        let centroids = read_centroids(&envelope, dim, n_clusters)?;
        let ends = read_ends(&envelope, n_clusters, n_rows)?;
        let finite = |bytes| Some(f32::from_le_bytes(bytes)).filter(|scale| scale.is_finite());
        let scales = envelope.section(SCALES)?.column(n_rows, finite)?;
        let neighbours = envelope.rows(NEIGHBOURS, n_rows, 4 * max_neighbours)?;
        let codes = envelope.rows(CODES, n_rows, padded_dim(dim))?;
        let rows = envelope.rows(ROWS, n_rows, 8)?;
        if Line::in_bytes(&envelope.bytes()[codes.clone()]).is_none() {
            return Err(Damage::at(codes.start, "its codes are not aligned"));
        }
        let graph = Self {
            envelope,
            details,
            dim,
            n_rows,
            max_neighbours,
            centroids,
            ends,
            scales,
            neighbours,
            codes,
            rows,
        };
        graph.expect_member_rows()?;
        Ok(graph)
    }

    /// Compares every row with its segment; returns the hash of the whole.
    pub(super) fn check(&self, exact: &ExactIndex) -> Result<ContentHash, Damage> {
        let rows = self.lines().chunks_exact(self.dim.div_ceil(LINE)).zip(&self.scales).enumerate();
        let members = MemberSegments::of(&self.details.recordings, exact);
        for (row, (codes, scale)) in rows {
            members.expect(self.member_row(row as u32), self.codes.start, |segment, row| {
                let is_same_scale = segment.scales()[row].to_bits() == scale.to_bits();
                is_same_scale && segment.lines(row..row + 1) == codes
            })?;
        }
        Ok(self.hash())
    }

    /// Refuses rows that no recording has.
    fn expect_member_rows(&self) -> Result<(), Damage> {
        let members = &self.details.recordings;
        let exists = |[member, row]: MemberRow| {
            members.get(member as usize).is_some_and(|member| (row as usize) < member.n_epochs)
        };
        let mut rows = (0..self.n_rows).map(|row| self.member_row(row as u32));
        match rows.find(|row| !exists(*row)) {
            None => Ok(()),
            Some([member, row]) => {
                let problem =
                    format!("it refers to row {row} of recording {member}, which does not exist");
                Err(Damage::at(self.rows.start, problem))
            }
        }
    }

    /// Returns the hash of the whole content.
    pub(super) fn hash(&self) -> ContentHash {
        self.envelope.hash()
    }

    /// Returns the bytes of the file.
    pub(super) fn bytes(&self) -> &[u8] {
        self.envelope.bytes()
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Returns the centroids of the clusters.
    pub(super) fn centroids(&self) -> &Int8Codes {
        &self.centroids
    }

    /// Returns the rows of a cluster.
    pub(super) fn cluster(&self, cluster: usize) -> Range<usize> {
        cluster.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[cluster]
    }

    /// Returns the neighbours of a row; numbers that are not rows, such as [`NO_NEIGHBOUR`], must be skipped.
    pub(super) fn neighbours(&self, row: u32) -> impl Iterator<Item = u32> {
        let numbers = self.neighbour_bytes(row).as_chunks().0;
        numbers.iter().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Prefetches the neighbours of a row.
    pub(super) fn prefetch_neighbours(&self, row: u32) {
        kernel::prefetch(self.neighbour_bytes(row));
    }

    fn neighbour_bytes(&self, row: u32) -> &[u8] {
        let column = &self.envelope.bytes()[self.neighbours.clone()];
        let width = 4 * self.max_neighbours;
        &column[row as usize * width..][..width]
    }

    /// Returns the codes of all rows.
    pub(super) fn lines(&self) -> &[Line] {
        let codes = &self.envelope.bytes()[self.codes.clone()];
        Line::in_bytes(codes).expect("`open` has checked the alignment")
    }

    /// Returns the scale of each row.
    pub(super) fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Returns the recording of a row, and the row in it.
    pub(super) fn member_row(&self, row: u32) -> MemberRow {
        let column = &self.envelope.bytes()[self.rows.clone()];
        let numbers: &[[u8; 4]] = column[row as usize * 8..][..8].as_chunks().0;
        [numbers[0], numbers[1]].map(u32::from_le_bytes)
    }
}
