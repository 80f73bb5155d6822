//! Arithmetic on weights before they become constants of a graph.

/// Returns cosines and sines `[positions, repeats · frequencies]` of the rotation angles.
pub(super) fn rotation_tables(
    frequencies: &[f32],
    positions: usize,
    repeats: usize,
) -> (Vec<f32>, Vec<f32>) {
    let mut angles = Vec::with_capacity(positions * repeats * frequencies.len());
    for position in 0..positions {
        for _ in 0..repeats {
            // The angle is rounded to 32 bits as in training.
            angles.extend(frequencies.iter().map(|frequency| position as f32 * frequency));
        }
    }
    (
        angles.iter().map(|angle| angle.cos()).collect(),
        angles.iter().map(|angle| angle.sin()).collect(),
    )
}

/// Returns `left · right` of `[n, inner]` and `[inner, m]`, accumulated in 64 bits.
pub(super) fn product(left: &[f32], right: &[f32], inner: usize) -> Vec<f32> {
    let columns = right.len() / inner;
    let mut out = Vec::with_capacity(left.len() / inner * columns);
    for row in left.chunks_exact(inner) {
        for column in 0..columns {
            let terms = row.iter().zip(right[column..].iter().step_by(columns));
            let sum: f64 = terms.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            out.push(sum as f32);
        }
    }
    out
}

/// Returns `Σ aᵢ bᵢ`, accumulated in 64 bits.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Returns `[rows, columns]` as `[columns, rows]`.
pub(super) fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for column in 0..columns {
        out.extend((0..rows).map(|row| values[row * columns + column]));
    }
    out
}

/// Returns the values times a factor.
pub(super) fn scaled(values: &[f32], factor: f64) -> Vec<f32> {
    values.iter().map(|value| (f64::from(*value) * factor) as f32).collect()
}
