//! What can be asked about a night of sleep: the registry of concepts.
//!
//! # Modules
//!
//! From the ground up; each uses only those above it.
//!
//! - `error`.
//! - `registry`: concepts, their names, and the files that define them.

mod error;
pub mod registry;

pub use error::{Error, Result};
pub use registry::concept::{Aggregate, Class, Concept, Direction, Input, Kind, Source, Unit};
pub use registry::{Registry, Suggestion};
