//! Arithmetic on slices that compiles to vectors of the machine's width.
//!
//! Everything here is inlined into the closure given to [`run`], which is compiled once for each instruction set.

#![expect(
    clippy::inline_always,
    reason = "code in vectors must be part of the function that is compiled for them"
)]

/// Numbers that are added up side by side, so that the compiler may keep them in vectors.
const LANES: usize = 16;

/// Runs a closure with the widest vectors that the machine has.
pub(super) fn run<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Returns `Σ aᵢ bᵢ`.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] = a[lane].mul_add(b[lane], sums[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Returns the largest value, minus infinity of none.
#[inline(always)]
pub(super) fn largest(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            largest[lane] = if chunk[lane] > largest[lane] { chunk[lane] } else { largest[lane] };
        }
    }
    largest.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// Returns the sum.
#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += chunk[lane];
        }
    }
    sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// Returns eˣ to two units in the last place, and 0 below e⁻⁸⁷.
///
/// x = n ln 2 + r with |r| ≤ ln 2 / 2, and a polynomial for eʳ (Cephes, `expf`).
/// Adding 1.5 · 2²³ rounds to an integer and leaves it in the low bits.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const ROUNDER: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let bounded = x.clamp(-87.0, 88.0);
    let shifted = bounded.mul_add(std::f32::consts::LOG2_E, ROUNDER);
    let n = shifted - ROUNDER;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, bounded));
    let mut p = 1.987_569_1e-4f32;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5] {
        p = p.mul_add(r, coefficient);
    }
    let p = p.mul_add(r * r, r + 1.0);
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if x < -87.0 { 0.0 } else { p * power }
}

/// Returns `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        for step in -8700..=8800 {
            let x = step as f32 / 100.0;
            let (found, truth) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / truth - 1.0).abs() < 2.4e-7, "exp({x}) = {found}, not {truth}");
        }
        assert_eq!(exp(-1e30), 0.0);
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn reductions_count_every_value() {
        let values: Vec<f32> = (0..37).map(|value| value as f32).collect();
        assert_eq!(sum(&values), 666.0);
        assert_eq!(dot(&values, &values), 16_206.0);
        assert_eq!(largest(&values), 36.0);
        assert_eq!(largest(&[]), f32::NEG_INFINITY);
    }
}
