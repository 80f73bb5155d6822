//! Tests of whole simulated nights.

mod cohort;
mod files;
mod measure;
mod rendered;
mod stages;

use super::{NightPlan, NightSpec, Site};

/// Plans the first night of the test cohort that fits; how nights are drawn may change, what is tested may not.
fn plan_with(hours: f64, site: Site, fits: impl Fn(&NightPlan) -> bool) -> NightPlan {
    (0..60)
        .map(|night| NightPlan::draw(&NightSpec { seed: 11, night, hours, site: Some(site) }))
        .find(fits)
        .expect("one of the first sixty nights fits")
}
