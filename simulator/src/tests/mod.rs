//! Tests of whole simulated nights.

mod cohort;
mod events_in_signals;
mod files;
mod profile_format;
mod read_back;
mod recorder_faults;
mod respiration_in_signals;
mod scored_hypnograms;
mod signal_measures;
mod stages_in_signals;

use nocturne_psg::EventKind;

use super::{NightPlan, NightSpec, Site};

/// Plans the first night of the test cohort that satisfies a condition, so that tests do not depend on a specific night.
///
/// Each site has a seed of its own.
fn plan_with(hours: f64, site: Site, fits: impl Fn(&NightPlan) -> bool) -> NightPlan {
    let seed = 11 + site as u64;
    (0..120)
        .map(|night| NightPlan::draw(&NightSpec { seed, night, hours, site: Some(site) }))
        .find(fits)
        .expect("one of the first 120 nights satisfies the condition")
}

/// Plans any night and removes its faults.
fn plan_without_faults(hours: f64, site: Site) -> NightPlan {
    let mut plan = plan_with(hours, site, |_| true);
    plan.faults.clear();
    plan
}

fn count(plan: &NightPlan, kind: EventKind) -> usize {
    plan.truth().events.iter().filter(|event| event.kind == kind).count()
}
