//! Compares computed tensors with those of a fixture.

use serde::Serialize;

use crate::host_tensor::HostTensor;

/// Allowed difference between numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParityTolerance {
    /// None: for ids.
    Exact,
    /// Of each number.
    Absolute(f64),
    /// Of each number, relative to the largest number of the tensor, or to 1 if that is larger.
    Relative(f64),
}

/// The result of one runtime for one tensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonOutcome {
    /// The tensors were compared.
    Compared(TensorComparison),
    /// The shapes do not match.
    OtherShape {
        /// The computed shape.
        found: Vec<usize>,
        /// The shape in the fixture.
        expected: Vec<usize>,
    },
    /// The runtime does not compute a tensor with that name.
    NotComputed,
    /// Not applicable to the runtime: ONNX Runtime computes no gradients.
    NotApplicable,
}

/// The difference between two tensors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TensorComparison {
    /// Maximum difference; for ids, how many differ. Infinite if a number is NaN.
    pub absolute: f64,
    /// Maximum difference relative to the largest number, or to 1 if that is larger.
    pub relative: f64,
    /// The allowed difference.
    pub tolerance: ParityTolerance,
    /// Whether the difference is within the tolerance.
    pub passes: bool,
}

impl ComparisonOutcome {
    /// Returns whether the comparison failed.
    pub fn fails(&self) -> bool {
        match self {
            Self::Compared(comparison) => !comparison.passes,
            Self::OtherShape { .. } | Self::NotComputed => true,
            Self::NotApplicable => false,
        }
    }
}

impl ParityTolerance {
    /// Returns the tolerance of a tensor of a fixture.
    ///
    /// Single precision and a different order of summation leave unit vectors 2e-5 apart and logits 2e-4. Intermediate
    /// tensors have any scale, so their tolerance is relative to their largest number. Losses and gradients are sums
    /// over a batch, as logits are over a row. Adam's first step divides each gradient by its own size, so values after
    /// it are 1e-3 apart.
    pub(super) fn of(file: &str, name: &str) -> Self {
        if file.starts_with("train.") {
            return Self::Relative(if name.starts_with("after") { 1e-3 } else { 2e-4 });
        }
        if name.starts_with("generation") || name == "labels" || name.ends_with("_argmax") {
            return Self::Exact;
        }
        if name.contains("logit") || name.contains("logsumexp") {
            return Self::Absolute(2e-4);
        }
        if name == "signal_embedding" || name == "text_embedding" {
            return Self::Absolute(2e-5);
        }
        Self::Relative(2e-5)
    }
}

/// Compares a tensor with the leading part of the computed one: a fixture may hold only the first rows of each axis.
pub(super) fn compare(
    found: Option<&HostTensor>,
    expected: &HostTensor,
    tolerance: ParityTolerance,
) -> ComparisonOutcome {
    let Some(found) = found else { return ComparisonOutcome::NotComputed };
    let Some(values) = leading(found, &expected.shape) else {
        return ComparisonOutcome::OtherShape {
            found: found.shape.clone(),
            expected: expected.shape.clone(),
        };
    };
    let pairs = || values.iter().zip(&expected.values);
    let largest = expected.values.iter().fold(1.0, |most: f64, value| most.max(value.abs().into()));
    let absolute = if tolerance == ParityTolerance::Exact {
        pairs().filter(|(found, expected)| found != expected).count() as f64
    } else {
        pairs().map(|(found, expected)| difference(*found, *expected)).fold(0.0, f64::max)
    };
    let relative = absolute / largest;
    let passes = match tolerance {
        ParityTolerance::Exact => absolute == 0.0,
        ParityTolerance::Absolute(limit) => absolute <= limit,
        ParityTolerance::Relative(limit) => relative <= limit,
    };
    ComparisonOutcome::Compared(TensorComparison { absolute, relative, tolerance, passes })
}

/// Returns the absolute difference of two numbers, infinite if one is NaN.
fn difference(found: f32, expected: f32) -> f64 {
    let difference = (f64::from(found) - f64::from(expected)).abs();
    if difference.is_nan() { f64::INFINITY } else { difference }
}

/// Returns the leading numbers along every axis, or `None` if the tensor is smaller.
///
/// A tensor with one axis must match as a whole: a caption may not have extra ids.
fn leading(tensor: &HostTensor, shape: &[usize]) -> Option<Vec<f32>> {
    let fits = tensor.shape.len() == shape.len()
        && tensor.shape.iter().zip(shape).all(|(length, wanted)| wanted <= length)
        && (shape.len() != 1 || tensor.shape == shape);
    if !fits {
        return None;
    }
    let mut starts = vec![0];
    let (mut rows, mut wanted) = (tensor.shape.as_slice(), shape);
    while let ([_, inner @ ..], [n, rest @ ..]) = (rows, wanted) {
        let step: usize = inner.iter().product();
        starts = starts.iter().flat_map(|start| (0..*n).map(move |i| start + i * step)).collect();
        (rows, wanted) = (inner, rest);
    }
    Some(starts.into_iter().map(|start| tensor.values[start]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[usize], values: &[f32]) -> HostTensor {
        HostTensor { shape: shape.to_vec(), values: values.to_vec() }
    }

    fn check(
        found: &HostTensor,
        expected: &HostTensor,
        tolerance: ParityTolerance,
        result: (f64, bool),
    ) {
        let ComparisonOutcome::Compared(comparison) = compare(Some(found), expected, tolerance)
        else {
            panic!("the shapes fit");
        };
        assert_eq!((comparison.absolute, comparison.passes), result);
    }

    #[test]
    fn a_fixture_may_hold_the_leading_part_of_each_axis() {
        let whole = tensor(&[2, 2, 3], &[0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11.]);
        let corner = tensor(&[2, 1, 2], &[0., 1., 6., 7.5]);
        check(&whole, &corner, ParityTolerance::Absolute(0.5), (0.5, true));
        check(&whole, &corner, ParityTolerance::Absolute(0.4), (0.5, false));
        let larger = tensor(&[3, 1, 1], &[0., 6., 9.]);
        let outcome = compare(Some(&whole), &larger, ParityTolerance::Absolute(1.0));
        assert!(matches!(outcome, ComparisonOutcome::OtherShape { .. }) && outcome.fails());
    }

    #[test]
    fn relative_tolerance_refers_to_the_largest_number() {
        let expected = tensor(&[2], &[100.0, 0.0]);
        check(
            &tensor(&[2], &[100.0, 0.5]),
            &expected,
            ParityTolerance::Relative(0.01),
            (0.5, true),
        );
        check(
            &tensor(&[2], &[100.0, 2.0]),
            &expected,
            ParityTolerance::Relative(0.01),
            (2.0, false),
        );
    }

    #[test]
    fn ids_must_be_equal() {
        let expected = tensor(&[3], &[1.0, 2.0, 3.0]);
        check(&expected, &expected, ParityTolerance::Exact, (0.0, true));
        check(&tensor(&[3], &[1.0, 5.0, 9.0]), &expected, ParityTolerance::Exact, (2.0, false));
        let longer = tensor(&[4], &[1.0, 2.0, 3.0, 4.0]);
        assert!(compare(Some(&longer), &expected, ParityTolerance::Exact).fails());
    }

    #[test]
    fn nan_and_missing_tensors_fail() {
        let outcome = compare(
            Some(&tensor(&[1], &[f32::NAN])),
            &tensor(&[1], &[0.0]),
            ParityTolerance::Absolute(1e9),
        );
        assert!(outcome.fails());
        assert!(compare(None, &tensor(&[1], &[0.0]), ParityTolerance::Exact).fails());
    }
}
