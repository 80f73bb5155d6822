//! What can be asked about a night of sleep, and what a bundle knows about it: the registry of concepts, calibrations,
//! stages with the context of the night, and concept tracks.
//!
//! # Modules
//!
//! From the ground up; each uses only those above it.
//!
//! - `error`.
//! - `registry`: concepts, their names, and the files that define them.
//! - `stages`: posterior probabilities of stages, decoded with the context of the night.
//! - `night`: a night with its embeddings and its scoring.
//! - `calibration`: how far a bundle can be believed, learned from scored nights.
//! - `track`: what is known of each epoch, as compact bytes; every answer about known concepts is computed from it.

pub mod calibration;
mod error;
pub mod night;
pub mod registry;
pub mod stages;
pub mod track;

pub use calibration::Calibration;
pub use error::{Error, Result};
pub use night::EncodedNight;
pub use registry::concept::{Aggregate, Class, Concept, Direction, Input, Kind, Source, Unit};
pub use registry::{Registry, Suggestion};
pub use track::{Track, TrackBuilder, TrackContents, TrackEvent};
