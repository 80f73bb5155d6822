//! A collection in a folder: snapshots for readers, the writer, the manifest, embedding spaces and backups.

mod backup;
mod collection;
mod duplicates;
mod listing;
pub(crate) mod manifest;
pub(crate) mod spaces;
pub(crate) mod writer;

pub use backup::{Copied, Existing};
pub use collection::Collection;
pub(crate) use collection::{SEGMENTS, expect_space};
pub use duplicates::{Duplicate, DuplicateSettings, Duplicates, find_duplicates};
pub use spaces::{Coverage, Demand, Promoted, Serving, SpaceRecord, Spaces, SpacesCopied};
pub use writer::CollectionWriter;
