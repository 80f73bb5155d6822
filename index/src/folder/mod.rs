//! A collection in a folder: the manifest, readers, the writer, and the embedding spaces.
//!
//! ```text
//! sleep/                       the collection, and its embedding space `main`
//!   manifest-000042.jsonl      a log: full manifests, and deltas after them; see `manifest`
//!   segments/<hash>.seg        one recording each; see `storage::segment`
//!   ivf/<hash>.ivf             a cache: the IVF index
//!   hnsw/<hash>.hnsw           a cache: the HNSW graph
//!   tracks/<…>.trk             a cache: concept tracks; see `storage::track_file`
//!   writer.lock                held while a writer is open
//!   space.jsonl                record of the bundle that fills the space
//!   serving.jsonl              the pointer to the served space; see `spaces`
//!   spaces.lock                held while the pointer is changed, or a space created or dropped
//!   spaces/v2/                 another space, laid out like a collection
//! ```

mod cleanup;
mod manifest;
mod reader;
mod spaces;
mod tracks;
mod writer;

pub use reader::FolderReader;
pub use spaces::FolderSpaces;
pub use writer::FolderWriter;

/// Name of the folder of segments in a space.
const SEGMENTS: &str = "segments";
