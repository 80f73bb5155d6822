//! The 95 % intervals of figures.

use std::collections::BTreeMap;

/// Ends of the 95 % intervals of figures, by the names of the figures; `None` if there are too few units to resample.
pub type Intervals = BTreeMap<&'static str, Option<[f64; 2]>>;
