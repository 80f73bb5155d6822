//! From which score on an epoch counts.

use serde::Serialize;

use crate::error::{Error, Result};

/// From which score on an epoch counts; the bound is included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// A cosine, in [−1, 1].
    Cosine(f32),
    /// A calibrated probability, in [0, 1].
    Probability(f32),
}

impl Threshold {
    /// Returns whether a score on the same scale reaches the threshold.
    pub fn is_reached_by(self, score: f32) -> bool {
        match self {
            Self::Cosine(least) | Self::Probability(least) => score >= least,
        }
    }

    /// Returns the cosine, for a query whose scores are cosines.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] if it is a probability, or not a number.
    pub(crate) fn expect_cosine(self, field: &'static str) -> Result<f32> {
        match self {
            Self::Cosine(cosine) if cosine.is_finite() => Ok(cosine),
            Self::Cosine(cosine) => Err(Error::field(field, cosine, "a number")),
            Self::Probability(_) => {
                Err(Error::field(field, "a probability", "a cosine: the query has no calibration"))
            }
        }
    }

    /// Returns the probability, for a query whose scores are probabilities.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] if it is a cosine, or not from 0 to 1.
    pub(crate) fn expect_probability(self, field: &'static str) -> Result<f32> {
        let expected = "a probability from 0 to 1";
        match self {
            Self::Probability(it) if (0.0..=1.0).contains(&it) => Ok(it),
            Self::Probability(it) => Err(Error::field(field, it, expected)),
            Self::Cosine(_) => Err(Error::field(field, "a cosine", expected)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(result: Result<f32>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn bound_is_included() {
        assert!(Threshold::Cosine(0.5).is_reached_by(0.5));
        assert!(!Threshold::Probability(0.5).is_reached_by(0.499));
        assert!(!Threshold::Cosine(f32::INFINITY).is_reached_by(1.0));
    }

    #[test]
    fn threshold_must_be_on_the_scale_of_the_scores() {
        assert_eq!(Threshold::Cosine(-0.2).expect_cosine("x").unwrap(), -0.2);
        assert_eq!(Threshold::Probability(1.0).expect_probability("x").unwrap(), 1.0);
        assert_eq!(
            refusal(Threshold::Probability(0.5).expect_cosine("x")),
            "`x` is a probability; expected a cosine: the query has no calibration"
        );
        assert_eq!(
            refusal(Threshold::Cosine(0.5).expect_probability("x")),
            "`x` is a cosine; expected a probability from 0 to 1"
        );
    }

    #[test]
    fn thresholds_out_of_range_are_refused() {
        assert_eq!(
            refusal(Threshold::Cosine(f32::NAN).expect_cosine("x")),
            "`x` is NaN; expected a number"
        );
        for probability in [-0.1, 1.5, f32::NAN] {
            let expected = format!("`x` is {probability}; expected a probability from 0 to 1");
            assert_eq!(
                refusal(Threshold::Probability(probability).expect_probability("x")),
                expected
            );
        }
    }
}
