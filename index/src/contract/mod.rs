//! What every store of recordings can do, a folder as well as a Qdrant server: search, read, write, list.

mod answer;
mod catalogue;
mod destination;
mod index;
mod keeper;
mod reader;

pub use answer::{SearchAnswer, SearchPlan};
pub use catalogue::{Catalogue, Facet, FacetCounts, FacetValue, Listed, Page, Recordings};
pub use destination::Destination;
pub(crate) use index::expect_dim;
pub use index::{CaptionHit, Hit, SearchRequest, VectorIndex};
pub use keeper::SpaceKeeper;
pub use reader::SpaceReader;
