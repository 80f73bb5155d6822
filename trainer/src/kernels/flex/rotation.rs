//! Rotary position embedding: rotates pairs of components by an angle per token, and the inverse for gradients.

#![expect(
    clippy::inline_always,
    reason = "SIMD code must be inlined into the function compiled for the instruction set"
)]

/// Cosines and sines of the angles of each token; `None` for text, which is not rotated.
pub(super) struct Rotation {
    factors: Option<RotationFactors>,
    head_dim: usize,
}

/// Cosines and sines for each component of each token, so that both components of a pair use the same arithmetic.
struct RotationFactors {
    /// The cosine of the pair's angle.
    cos: Vec<f32>,
    /// The sine of the pair's angle, negative for the even component.
    sin: Vec<f32>,
}

impl Rotation {
    /// Computes cosines and sines of `angles`, `[tokens, head_dim / 2]`.
    pub(super) fn new(angles: Option<&[f32]>, head_dim: usize) -> Self {
        let factors = angles.map(|angles| RotationFactors {
            cos: angles.iter().flat_map(|angle| [angle.cos(), angle.cos()]).collect(),
            sin: angles.iter().flat_map(|angle| [-angle.sin(), angle.sin()]).collect(),
        });
        Self { factors, head_dim }
    }

    /// Writes the scaled and rotated tokens, which start `stride` numbers apart, to `out`, `[tokens, head_dim]`.
    #[inline(always)]
    pub(super) fn rotate(&self, tokens: &[f32], stride: usize, scale: f32, out: &mut [f32]) {
        let head_dim = self.head_dim;
        for (token, out) in out.chunks_exact_mut(head_dim).enumerate() {
            let input = &tokens[token * stride..][..head_dim];
            match self.factors_of(token) {
                None => write_scaled(input, scale, out),
                Some((cos, sin)) => write_rotated(input, cos, sin, scale, out),
            }
        }
    }

    /// Writes the gradient of tokens that start `stride` numbers apart, for `rotated`, the gradient of the rotated ones.
    #[inline(always)]
    pub(super) fn rotate_back(&self, rotated: &[f32], scale: f32, out: &mut [f32], stride: usize) {
        let head_dim = self.head_dim;
        for (token, rotated) in rotated.chunks_exact(head_dim).enumerate() {
            let out = &mut out[token * stride..][..head_dim];
            match self.factors_of(token) {
                None => write_scaled(rotated, scale, out),
                Some((cos, sin)) => write_rotated_back(rotated, cos, sin, scale, out),
            }
        }
    }

    /// Adds the gradient of the angles: the derivative of a rotated pair `(a, b)` is `(−b, a)`.
    #[inline(always)]
    pub(super) fn add_gradient(&self, rotated: &[f32], gradient: &[f32], angles: &mut [f32]) {
        if self.factors.is_none() {
            return;
        }
        let pairs = rotated.as_chunks::<2>().0.iter().zip(gradient.as_chunks::<2>().0);
        for (([a, b], [a_gradient, b_gradient]), angle) in pairs.zip(angles) {
            *angle += b_gradient * a - a_gradient * b;
        }
    }

    #[inline(always)]
    fn factors_of(&self, token: usize) -> Option<(&[f32], &[f32])> {
        let range = token * self.head_dim..(token + 1) * self.head_dim;
        self.factors.as_ref().map(|factors| (&factors.cos[range.clone()], &factors.sin[range]))
    }
}

#[inline(always)]
fn write_scaled(input: &[f32], scale: f32, out: &mut [f32]) {
    for (out, value) in out.iter_mut().zip(input) {
        *out = scale * value;
    }
}

#[inline(always)]
fn write_rotated(input: &[f32], cos: &[f32], sin: &[f32], scale: f32, out: &mut [f32]) {
    let factors = cos.as_chunks::<2>().0.iter().zip(sin.as_chunks::<2>().0);
    let pairs = out.as_chunks_mut::<2>().0.iter_mut().zip(input.as_chunks::<2>().0);
    for ((out, [a, b]), (cos, sin)) in pairs.zip(factors) {
        *out = [scale * (a * cos[0] + b * sin[0]), scale * (b * cos[1] + a * sin[1])];
    }
}

#[inline(always)]
fn write_rotated_back(input: &[f32], cos: &[f32], sin: &[f32], scale: f32, out: &mut [f32]) {
    let factors = cos.as_chunks::<2>().0.iter().zip(sin.as_chunks::<2>().0);
    let pairs = out.as_chunks_mut::<2>().0.iter_mut().zip(input.as_chunks::<2>().0);
    for ((out, [a, b]), (cos, sin)) in pairs.zip(factors) {
        *out = [scale * (a * cos[0] - b * sin[0]), scale * (b * cos[1] - a * sin[1])];
    }
}
