//! Rates of events per hour, and their comparison between scopes.

use serde::Serialize;

use crate::statistics::least_minutes;
use crate::statistics::not_measured::NotMeasured;

/// A number of events in the minutes of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EventRate {
    /// Number of events with their onset in the scope.
    pub n_events: usize,
    /// Minutes of the scope; over 0.
    pub minutes: f64,
}

impl EventRate {
    /// Returns the events per hour of the scope.
    pub fn per_hour(self) -> f64 {
        self.n_events as f64 / (self.minutes / 60.0)
    }

    /// Returns the rate if its scope has at least these minutes, see [`least_minutes`].
    ///
    /// # Errors
    ///
    /// [`NotMeasured::TooShort`].
    pub fn over_at_least(self, least_min: f64) -> Result<Self, NotMeasured> {
        if self.minutes < least_min {
            return Err(NotMeasured::TooShort { minutes: self.minutes, least_min });
        }
        Ok(self)
    }
}

/// The rates of one kind of event in two scopes, such as supine sleep and the rest of sleep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RateComparison {
    /// The rate that is compared.
    pub here: EventRate,
    /// The rate that it is compared with.
    pub there: EventRate,
}

impl RateComparison {
    /// Compares two rates.
    ///
    /// # Errors
    ///
    /// [`NotMeasured::TooShort`] if one side has less than [`least_minutes::COMPARED_SIDE`].
    pub fn of(here: EventRate, there: EventRate) -> Result<Self, NotMeasured> {
        Ok(Self {
            here: here.over_at_least(least_minutes::COMPARED_SIDE)?,
            there: there.over_at_least(least_minutes::COMPARED_SIDE)?,
        })
    }

    /// Returns the ratio of the rates.
    ///
    /// # Errors
    ///
    /// [`NotMeasured::NothingToCompareWith`] if the other side has no events.
    pub fn ratio(self) -> Result<f64, NotMeasured> {
        if self.there.n_events == 0 {
            return Err(NotMeasured::NothingToCompareWith);
        }
        Ok(self.here.per_hour() / self.there.per_hour())
    }

    /// Returns the difference of the rates per hour.
    pub fn difference_per_hour(self) -> f64 {
        self.here.per_hour() - self.there.per_hour()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(n_events: usize, minutes: f64) -> EventRate {
        EventRate { n_events, minutes }
    }

    #[test]
    fn rates_are_compared_by_ratio_and_difference() {
        let comparison = RateComparison::of(rate(30, 60.0), rate(20, 120.0)).unwrap();
        assert_eq!(comparison.ratio(), Ok(3.0));
        assert_eq!(comparison.difference_per_hour(), 20.0);
    }

    #[test]
    fn ratio_to_a_scope_without_events_is_refused() {
        let comparison = RateComparison::of(rate(30, 60.0), rate(0, 120.0)).unwrap();
        assert_eq!(comparison.ratio(), Err(NotMeasured::NothingToCompareWith));
        assert_eq!(comparison.difference_per_hour(), 30.0);
    }

    #[test]
    fn comparison_needs_thirty_minutes_of_each_side() {
        let too_short = NotMeasured::TooShort { minutes: 29.5, least_min: 30.0 };
        assert_eq!(RateComparison::of(rate(1, 29.5), rate(1, 30.0)), Err(too_short));
        assert_eq!(RateComparison::of(rate(1, 30.0), rate(1, 29.5)), Err(too_short));
        assert!(RateComparison::of(rate(1, 30.0), rate(1, 30.0)).is_ok());
    }
}
