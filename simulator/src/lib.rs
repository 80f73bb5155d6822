//! Simulates whole nights of polysomnography with known stages, events and recording faults.
//!
//! | module | what it does |
//! |---|---|
//! | [`Subject`], [`Recorder`], [`Site`] | draw the traits of a sleeper, an amplifier and a laboratory |
//! | `plan` | draws everything that happens in a night: stages, breathing, arousals, graphoelements, movements, faults |
//! | `render` | computes the signals of a plan as a site records them |
//! | [`SimulatedNight`] | writes the recording (EDF+C), the scoring (NSRR XML) and the truth file (JSON) |
//! | [`Truth`] | the truth file: everything that is known of a simulated night |
//! | `profile_format` | stores a night under the labels, units and rates of any profile |
//!
//! A night depends only on its seed and number, so nights can be simulated in any order and in parallel.
//! `docs/simulator.md` gives the physiology, its sources and its limits.
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
mod night_spec;
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
pub use night_spec::NightSpec;
pub use plan::NightPlan;
pub use plan::channel_fault::{ChannelFault, FaultKind};
pub use recorder::{FlowSensor, Recorder};
pub use simulated_night::{SimulatedNight, WrittenNight};
pub use site::Site;
pub use subject::{BrainTraits, BreathingTraits, HeartTraits, MuscleTraits, SleepTraits, Subject};
pub use truth::{Indices, Truth};

/// Simulates a night: draws its plan and renders its signals.
pub fn simulate(spec: &NightSpec) -> SimulatedNight {
    NightPlan::draw(spec).render()
}

/// Simulates a night at [`Site::Plain`] and stores it with the labels, derivations, units, rates, polarity and position
/// codes of a profile.
///
/// `spec.site` is ignored. Properties that the profile does not define stay as at the plain site. Channels that the
/// profile does not record are left out; labels by which the profile is detected are added as small filler signals.
pub fn simulate_as(spec: &NightSpec, profile: &Profile) -> SimulatedNight {
    let plain = NightSpec { site: Some(Site::Plain), ..spec.clone() };
    profile_format::convert(simulate(&plain), profile)
}
