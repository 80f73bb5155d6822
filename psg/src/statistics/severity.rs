//! Classes of severity of sleep apnea.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Severity of sleep apnea by the apnea–hypopnea index, with the bounds of 5, 15 and 30 events per hour of sleep
/// (AASM Task Force 1999).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Fewer than 5 per hour.
    None,
    /// 5 to fewer than 15 per hour.
    Mild,
    /// 15 to fewer than 30 per hour.
    Moderate,
    /// 30 per hour or more.
    Severe,
}

impl Severity {
    /// Every class, from none to severe.
    pub const ALL: [Self; 4] = [Self::None, Self::Mild, Self::Moderate, Self::Severe];

    /// Returns the class of an index per hour; `None` if it is not a number from 0.
    pub fn of_ahi(per_hour: f64) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.bounds_per_hour().contains(&per_hour))
    }

    /// Returns the bounds per hour, without the upper one.
    pub const fn bounds_per_hour(self) -> std::ops::Range<f64> {
        match self {
            Self::None => 0.0..5.0,
            Self::Mild => 5.0..15.0,
            Self::Moderate => 15.0..30.0,
            Self::Severe => 30.0..f64::INFINITY,
        }
    }

    /// Returns the name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Mild => "mild",
            Self::Moderate => "moderate",
            Self::Severe => "severe",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_class_above() {
        let classes = [0.0, 4.99, 5.0, 15.0, 29.99, 30.0, 120.0].map(Severity::of_ahi);
        let expected = ["none", "none", "mild", "moderate", "moderate", "severe", "severe"];
        assert_eq!(classes.map(|class| class.unwrap().name()), expected);
    }

    #[test]
    fn numbers_that_are_not_rates_have_no_class() {
        assert_eq!([-1.0, f64::NAN, f64::INFINITY].map(Severity::of_ahi), [None; 3]);
    }
}
