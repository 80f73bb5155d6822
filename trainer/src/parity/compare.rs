//! How far a tensor is from the one that was written down, and how far it may be.

use serde::Serialize;

use crate::HostTensor;

/// How far numbers may be apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tolerance {
    /// Not at all: ids.
    Exact,
    /// So far each.
    Absolute(f64),
    /// So far each for every unit of the tensor's largest number, or for one unit where that is below 1.
    Relative(f64),
}

/// How one runtime did on one tensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The numbers lie side by side.
    Compared(Comparison),
    /// The shapes cannot be laid over each other.
    OtherShape {
        /// What was computed.
        found: Vec<usize>,
        /// What was written down.
        expected: Vec<usize>,
    },
    /// The runtime computes nothing of that name.
    NotComputed,
    /// The runtime is not made for it: no gradients come from ONNX Runtime.
    NotAsked,
}

/// Two tensors side by side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Greatest difference; of ids, how many differ. Infinite where a number is none.
    pub absolute: f64,
    /// Greatest difference over the largest number, where that is above 1.
    pub relative: f64,
    /// What is allowed.
    pub tolerance: Tolerance,
    /// Whether the difference is within it.
    pub passes: bool,
}

impl Outcome {
    /// Returns whether the runtime failed.
    pub fn fails(&self) -> bool {
        match self {
            Self::Compared(comparison) => !comparison.passes,
            Self::OtherShape { .. } | Self::NotComputed => true,
            Self::NotAsked => false,
        }
    }
}

impl Tolerance {
    /// Returns the tolerance of a tensor of a fixture.
    ///
    /// Single precision and other orders of summing up leave unit vectors 2e-5 apart and logits 2e-4;
    /// tensors on the way there are of any length and are measured by their largest number.
    /// Losses and gradients sum up over a batch, as logits do over a row;
    /// Adam's first step divides each gradient by its own size, so that what comes after it is 1e-3 apart.
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

/// Lays a tensor over the begin of what was computed: a fixture may hold the first rows of each axis only.
pub(super) fn compare(
    found: Option<&HostTensor>,
    expected: &HostTensor,
    tolerance: Tolerance,
) -> Outcome {
    let Some(found) = found else { return Outcome::NotComputed };
    let Some(values) = leading(found, &expected.shape) else {
        return Outcome::OtherShape {
            found: found.shape.clone(),
            expected: expected.shape.clone(),
        };
    };
    let pairs = || values.iter().zip(&expected.values);
    let largest = expected.values.iter().fold(1.0, |most: f64, value| most.max(value.abs().into()));
    let absolute = if tolerance == Tolerance::Exact {
        pairs().filter(|(found, expected)| found != expected).count() as f64
    } else {
        pairs().map(|(found, expected)| difference(*found, *expected)).fold(0.0, f64::max)
    };
    let relative = absolute / largest;
    let passes = match tolerance {
        Tolerance::Exact => absolute == 0.0,
        Tolerance::Absolute(limit) => absolute <= limit,
        Tolerance::Relative(limit) => relative <= limit,
    };
    Outcome::Compared(Comparison { absolute, relative, tolerance, passes })
}

/// Returns how far two numbers are apart; what is no number is infinitely far from everything.
fn difference(found: f32, expected: f32) -> f64 {
    let difference = (f64::from(found) - f64::from(expected)).abs();
    if difference.is_nan() { f64::INFINITY } else { difference }
}

/// Returns the numbers at the begin of every axis, where the tensor has that many.
///
/// A tensor with one axis is whole: of a caption no id may be left over.
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

    fn check(found: &HostTensor, expected: &HostTensor, tolerance: Tolerance, result: (f64, bool)) {
        let Outcome::Compared(comparison) = compare(Some(found), expected, tolerance) else {
            panic!("the shapes fit");
        };
        assert_eq!((comparison.absolute, comparison.passes), result);
    }

    #[test]
    fn a_fixture_may_hold_the_begin_of_each_axis() {
        let whole = tensor(&[2, 2, 3], &[0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11.]);
        let corner = tensor(&[2, 1, 2], &[0., 1., 6., 7.5]);
        check(&whole, &corner, Tolerance::Absolute(0.5), (0.5, true));
        check(&whole, &corner, Tolerance::Absolute(0.4), (0.5, false));
        let larger = tensor(&[3, 1, 1], &[0., 6., 9.]);
        let outcome = compare(Some(&whole), &larger, Tolerance::Absolute(1.0));
        assert!(matches!(outcome, Outcome::OtherShape { .. }) && outcome.fails());
    }

    #[test]
    fn relative_tolerance_is_that_of_the_largest_number() {
        let expected = tensor(&[2], &[100.0, 0.0]);
        check(&tensor(&[2], &[100.0, 0.5]), &expected, Tolerance::Relative(0.01), (0.5, true));
        check(&tensor(&[2], &[100.0, 2.0]), &expected, Tolerance::Relative(0.01), (2.0, false));
    }

    #[test]
    fn ids_are_counted_and_must_be_the_same() {
        let expected = tensor(&[3], &[1.0, 2.0, 3.0]);
        check(&expected, &expected, Tolerance::Exact, (0.0, true));
        check(&tensor(&[3], &[1.0, 5.0, 9.0]), &expected, Tolerance::Exact, (2.0, false));
        let longer = tensor(&[4], &[1.0, 2.0, 3.0, 4.0]);
        assert!(compare(Some(&longer), &expected, Tolerance::Exact).fails());
    }

    #[test]
    fn what_is_no_number_fails() {
        let outcome = compare(
            Some(&tensor(&[1], &[f32::NAN])),
            &tensor(&[1], &[0.0]),
            Tolerance::Absolute(1e9),
        );
        assert!(outcome.fails());
        assert!(compare(None, &tensor(&[1], &[0.0]), Tolerance::Exact).fails());
    }
}
