//! The statistics of a night: sleep times, latencies, shares of stages, and indices of events.
//!
//! Pure arithmetic on the stages of epochs and on scored events. `docs/measures.md` holds the definitions, the names
//! that other programs give to them, and where those programs differ.
//!
//! - [`EpochStages`] are the stages of a night, scored or as posterior probabilities.
//! - [`HypnogramStatistics`] answers each [`HypnogramMeasure`] within a time in bed ([`InBed`]).
//! - [`ScoredEvents`] counts events in a [`Scope`] of epochs; [`EventIndex`] names the clinical indices,
//!   [`Severity`] their classes.
//! - [`least_minutes`] holds how much sleep each answer needs.
//!
//! What a night does not allow is refused with a reason, [`NotMeasured`]; it is never 0.
//!
//! ```
//! use nocturne_psg::Stage::{N2, Rem, Wake};
//! use nocturne_psg::statistics::{EpochStages, HypnogramMeasure, HypnogramStatistics, InBed};
//!
//! let stages = EpochStages::consecutive(&[Some(Wake), Some(N2), Some(N2), Some(Rem), Some(Wake)]);
//! let statistics = HypnogramStatistics::of(stages, InBed::WholeRecording);
//! assert_eq!(statistics.value(HypnogramMeasure::TotalSleepTime), Ok(1.5));
//! assert_eq!(statistics.value(HypnogramMeasure::RemLatency), Ok(1.0));
//! ```

mod bouts;
mod epoch_stages;
mod events;
mod hypnogram;
mod in_bed;
mod index;
pub mod least_minutes;
mod measure;
mod not_measured;
mod rate;
mod scope;
mod severity;

pub use epoch_stages::{EpochStages, StagePosterior};
pub use events::{ScoredEvents, scored_kinds};
pub use hypnogram::HypnogramStatistics;
pub use in_bed::{InBed, LEAST_SLEEP_PERIOD_SHARE, LEAST_STAGED_SHARE, LONGEST_UNMARKED_NIGHT_MIN};
pub use index::EventIndex;
pub use measure::{HypnogramMeasure, Unit};
pub use not_measured::NotMeasured;
pub use rate::{EventRate, RateComparison};
pub use scope::Scope;
pub use severity::Severity;
