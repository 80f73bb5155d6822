//! Vectors in half precision, and the cosine from which every score of this crate comes.

use half::f16;
use half::slice::HalfFloatSliceExt;
use nocturne_encoder::Embedding;

/// Returns the cosine of two vectors of unit length and the same dimension, in `[-1, 1]`.
///
/// Every score of a hit is computed here, so that equal vectors have equal scores whichever index found them.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    // One sum per lane, so that the compiler uses vector registers: it may not reorder a single floating-point sum.
    const LANES: usize = 16;
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    // Adding zero turns -0 into 0, so that the two are a tie.
    (sums.iter().sum::<f32>() + rest).clamp(-1.0, 1.0) + 0.0
}

/// Why bytes in half precision are not a vector with a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoDirection {
    /// The value at this position is infinite or not a number.
    NotFinite(usize),
    /// Every value is zero.
    Zero,
}

/// Converts a vector from little-endian half precision; both slices must have the same dimension.
///
/// # Errors
///
/// [`NoDirection`] if the vector is zero or not finite.
pub(crate) fn f32_from_half(bytes: &[u8], vector: &mut [f32]) -> Result<(), NoDirection> {
    /// Values converted at a time, in an array on the stack.
    const BLOCK: usize = 64;
    const WITHOUT_SIGN: u16 = 0x7fff;
    let bytes = bytes.as_chunks().0;
    let mut halves = [f16::ZERO; BLOCK];
    let mut max_bits = f16::ZERO.to_bits();
    for (values, bytes) in vector.chunks_mut(BLOCK).zip(bytes.chunks(BLOCK)) {
        let halves = &mut halves[..values.len()];
        for (half, bytes) in halves.iter_mut().zip(bytes) {
            *half = f16::from_le_bytes(*bytes);
            max_bits = max_bits.max(half.to_bits() & WITHOUT_SIGN);
        }
        halves.convert_to_f32_slice(values);
    }
    // Without the sign, the bits are ordered as the values are, and infinity and NaN come last. One comparison of the
    // largest therefore checks the whole vector.
    if (1..f16::INFINITY.to_bits()).contains(&max_bits) {
        return Ok(());
    }
    match vector.iter().position(|value| !value.is_finite()) {
        Some(position) => Err(NoDirection::NotFinite(position)),
        None => Err(NoDirection::Zero),
    }
}

/// Appends an embedding as little-endian half precision.
pub(crate) fn extend_with_half(bytes: &mut Vec<u8>, embedding: &Embedding) {
    bytes.extend(halves(embedding).iter().flat_map(|half| half.to_le_bytes()));
}

/// Returns the values of an embedding after rounding to half precision.
pub(crate) fn rounded_to_half(embedding: &Embedding) -> Vec<f32> {
    let halves = halves(embedding);
    let mut values = vec![0.0; halves.len()];
    halves.convert_to_f32_slice(&mut values);
    values
}

fn halves(embedding: &Embedding) -> Vec<f16> {
    let values = embedding.as_slice();
    let mut halves = vec![f16::ZERO; values.len()];
    halves.convert_from_f32_slice(values);
    halves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_preserves_the_direction() {
        let embedding = Embedding::new((0..512).map(|i| (i as f32).sin()).collect()).unwrap();
        let rounded = Embedding::new(rounded_to_half(&embedding)).unwrap();
        assert!(rounded.cosine(&embedding) > 0.999_999);
        let score = cosine(rounded.as_slice(), embedding.as_slice());
        assert!((score - 1.0).abs() < 1e-6);
    }

    #[test]
    fn vectors_without_direction_are_refused() {
        let check = |values: [f32; 3]| {
            let halves = values.map(f16::from_f32);
            let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
            f32_from_half(&bytes, &mut [0.0; 3])
        };
        assert_eq!(check([0.5, -0.25, 0.0]), Ok(()));
        assert_eq!(check([0.5, f32::NAN, 0.0]), Err(NoDirection::NotFinite(1)));
        assert_eq!(check([f32::NEG_INFINITY, 0.0, 0.0]), Err(NoDirection::NotFinite(0)));
        assert_eq!(check([0.0, -0.0, 0.0]), Err(NoDirection::Zero));
    }
}
