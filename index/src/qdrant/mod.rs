//! A collection in Qdrant, for what one machine's disk or memory does not hold.
//!
//! [`QdrantWriter`] sends recordings of an embedded [`Collection`](crate::Collection), [`QdrantCollection`] reads what was
//! acknowledged, and [`QdrantIndex`] searches it as any other [`VectorIndex`](crate::VectorIndex). [`copy_to_qdrant`] and
//! [`copy_from_qdrant`] bring whole collections there and back. [`QdrantSpaces`] are the spaces of a collection.
//!
//! # What is where
//!
//! Three collections of Qdrant make a space of one of ours; the modules `schema` and `sketch` describe them field by field,
//! and `spaces` says how several spaces lie side by side, and which is served.
//!
//! ```text
//! NAME             a point for each epoch (vector `signal`) and for each caption (vector `caption`)
//! NAME-recordings  a point for each recording and one for its lease, and one that says which bundle's space it is
//! NAME-nights      a few points for each recording: centroids of its epochs, a sketch of the night
//! ```
//!
//! # What can be relied on
//!
//! - A recording is **acknowledged** after all of its points were read back and had the checksum of what was sent.
//!   Its point in `NAME-recordings` says so, and is written last, waiting for the server.
//! - What is not acknowledged is in no answer: the recording is marked before its first point is sent.
//! - Points have names that follow from recording and epoch, so that sending one twice leaves one.
//!
//! # What is other than in a folder
//!
//! - While a recording is **replaced** it is in no answer: its points take the place of the old ones one by one.
//! - An index is no snapshot: Qdrant keeps one state. An index that meets a recording which was replaced after it was opened
//!   says so; [`QdrantIndex::is_current`] tells before. Recordings that were removed meanwhile are just not found.
//! - There is no lock: each recording has a lease of its own, and several writers share the work; the module `lease`
//!   says how.
//!
//! # Is it the same vector?
//!
//! Yes. Embeddings are kept here in half precision, every value of which single precision holds, and Qdrant keeps what it
//! is given, because the distance is the dot product: under `Cosine` it would bring vectors to unit length once more.
//! Scores are computed from the vectors that come with the hits, by the same function as in a folder.

mod client;
mod collection;
mod copy;
mod destination;
#[cfg(feature = "double")]
pub mod double;
mod expression;
mod filter;
mod index;
mod lease;
mod leases;
mod list;
mod manifest;
mod night;
mod pass;
mod payload;
mod problem;
mod recording;
mod repair;
mod schema;
mod sending;
mod settings;
mod settled;
mod sketch;
mod snapshot;
mod spaces;
mod upload;
mod url;
mod version;

pub use collection::QdrantCollection;
pub use copy::{QdrantCopied, copy_from_qdrant, copy_to_qdrant};
pub use index::QdrantIndex;
pub use problem::QdrantProblem;
pub use repair::{Repaired, repair};
pub use settings::{ApiKey, QdrantSettings};
pub use settled::{QdrantBuilding, wait_until_green};
pub use sketch::Sketched;
pub use snapshot::QdrantSnapshot;
pub use spaces::{QdrantAlias, QdrantSpaces};
pub use upload::{QdrantWriter, Sent};
pub use url::QdrantUrl;
