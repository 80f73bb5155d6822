//! Invents whole nights of polysomnography, with everything that is true of them.
//!
//! A night is drawn in two steps. [`NightPlan::draw`] decides what happens: who sleeps, the course of the night, every
//! breath that stops and every spindle. [`NightPlan::render`] makes the signals of that plan as one of six sites
//! would record them. [`SimulatedNight::write`] writes an EDF+C file, the scoring as NSRR XML, and the truth as JSON.
//!
//! Every night follows from the seed and its number alone, so that nights can be made in any order and by many
//! programs at once. What the physiology rests on, and what is left out, is told in `docs/simulator.md`.
//!
//! ```
//! use nocturne_simulator::{NightPlan, NightSpec};
//!
//! let spec = NightSpec { seed: 7, night: 1, hours: 8.0, site: None };
//! let truth = NightPlan::draw(&spec).truth();
//! assert_eq!(truth.stages.len(), 960);
//! ```

mod curve;
mod error;
mod filter;
mod plan;
mod profile_format;
mod random;
mod recorder;
mod render;
mod scoring_xml;
mod simulated_night;
mod site;
mod subject;
mod truth;

#[cfg(test)]
mod tests;

use nocturne_psg::montage::Profile;

pub use error::{Error, Result};
pub use plan::NightPlan;
pub use plan::channel_fault::{ChannelFault, FaultKind};
pub use recorder::{FlowSensor, Recorder};
pub use simulated_night::{SimulatedNight, WrittenNight};
pub use site::Site;
pub use subject::{BrainTraits, BreathingTraits, HeartTraits, MuscleTraits, SleepTraits, Subject};
pub use truth::{Indices, Truth};

/// Which night is to be simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct NightSpec {
    /// Seed of the cohort.
    pub seed: u64,
    /// Number of the night in the cohort; every night has a sleeper of its own.
    pub night: u32,
    /// Length in hours, rounded to whole epochs and kept between 0.1 and 16.
    pub hours: f64,
    /// Where it is recorded; chosen by the seed where it is `None`.
    pub site: Option<Site>,
}

/// Simulates a night: plan and signals.
pub fn simulate(spec: &NightSpec) -> SimulatedNight {
    NightPlan::draw(spec).render()
}

/// Simulates a night at [`Site::Plain`] and writes it down as a file of a profile would: under the profile's own labels,
/// in its derivations, units, rates, polarity and position codes.
///
/// The site of the specification is not looked at. What the profile does not know stays as it is at the plain site; what
/// it knows and the simulator does not record is left out, but for signals by which the profile is recognised.
pub fn simulate_as(spec: &NightSpec, profile: &Profile) -> SimulatedNight {
    let plain = NightSpec { site: Some(Site::Plain), ..spec.clone() };
    profile_format::convert(simulate(&plain), profile)
}
