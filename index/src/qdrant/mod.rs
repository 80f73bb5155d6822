//! A collection on a Qdrant server, for what exceeds the disk or the memory of one machine.
//!
//! [`QdrantWriter`] writes recordings, [`QdrantReader`] reads and searches what was acknowledged, and [`QdrantSpaces`] manages
//! the embedding spaces of a collection.
//!
//! # Collections on the server
//!
//! Three collections of Qdrant store a space; the modules `schema`, `manifest` and `tracks` describe them field by field,
//! and `spaces` describes how several spaces are stored side by side, and which one is served.
//!
//! ```text
//! NAME             a point for each epoch (vector `signal`) and for each caption (vector `caption`)
//! NAME-recordings  the manifest: a point for each recording, and one for the space
//! NAME-tracks      a cache: a point for each recording with its concept track
//! ```
//!
//! # Guarantees
//!
//! - A recording is **acknowledged** after all of its points were read back with the checksum of what was sent. Its entry in
//!   the manifest is written last, and the writer waits for it.
//! - What is not acknowledged is in no answer: the recording is marked as pending before its first point is sent.
//! - The ids of points follow from recording and epoch, so that sending a point twice leaves one.
//! - Two writers of one recording are detected, and nothing is overwritten that the writer has not read; see `revision`.
//!
//! # Differences from a folder
//!
//! - While a recording is **replaced** it is in no answer, because its points replace the old ones one by one.
//! - A reader is not a snapshot: Qdrant keeps one state. A reader that meets a recording which was replaced after it was
//!   opened returns an error; [`is_current`](crate::CollectionReader::is_current) shows it beforehand. Removed recordings are
//!   no longer found.
//! - There is no lock: writers of different recordings work at the same time.
//!
//! # Are vectors the same as in a folder?
//!
//! Yes. Embeddings are stored in half precision here, every value of which is exact in single precision, and Qdrant does not
//! change them, because the distance is the dot product: under `Cosine` it would normalise them again. Scores are computed
//! from the vectors that come with the hits, by the same function as in a folder.

mod connection;
mod error;
mod filter;
mod full_scan;
mod indexing_status;
mod manifest;
mod nearest;
mod payload;
mod point_ids;
mod read_recording;
mod reader;
mod recording_points;
mod retry;
mod revision;
mod schema;
mod search;
mod server_version;
mod settings;
mod snapshot;
mod spaces;
mod stored_points;
mod tracks;
mod upload;
mod url;
mod writer;

pub use error::{QdrantError, ServerError};
pub use indexing_status::{IndexingStatus, wait_until_green};
pub use reader::QdrantReader;
pub use settings::{ApiKey, QdrantSettings};
pub use snapshot::QdrantSnapshot;
pub use spaces::{QdrantAlias, QdrantSpaces};
pub use url::{AddressProblem, QdrantUrl};
pub use writer::{QdrantWriter, Sent};
