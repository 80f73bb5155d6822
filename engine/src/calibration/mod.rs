//! How far the model can be believed: learned from scored nights, and checked on others.

mod calibrate;
mod coverage;
mod evaluate;
mod scored_nights;
#[cfg(test)]
mod tests;

pub(crate) use calibrate::calibrate;
pub use calibrate::{CalibrationReport, CalibrationRequest};
pub use coverage::IntervalCoverage;
pub(crate) use evaluate::evaluate;
pub use evaluate::{ClassCheck, ConceptCheck, ConceptEvaluation, MeasureCheck, RiskPoint};
pub use scored_nights::{LeftOut, LeftOutNight};
