//! Turns pairs of components by an angle for each token, and back.

#![expect(
    clippy::inline_always,
    reason = "code in vectors must be part of the function that is compiled for them"
)]

/// Cosines and sines of the angles of each token, none for text.
pub(super) struct Rotation {
    turns: Option<Turns>,
    head_dim: usize,
}

/// For each component of each token, so that the arithmetic is the same for both of a pair.
struct Turns {
    /// The cosine of the pair's angle.
    cos: Vec<f32>,
    /// The sine of the pair's angle, negative for the even component.
    sin: Vec<f32>,
}

impl Rotation {
    /// Takes the angles `[tokens, head_dim / 2]`.
    pub(super) fn new(angles: Option<&[f32]>, head_dim: usize) -> Self {
        let turns = angles.map(|angles| Turns {
            cos: angles.iter().flat_map(|angle| [angle.cos(), angle.cos()]).collect(),
            sin: angles.iter().flat_map(|angle| [-angle.sin(), angle.sin()]).collect(),
        });
        Self { turns, head_dim }
    }

    /// Copies tokens that begin `stride` numbers apart, scaled and turned, to `[tokens, head_dim]`.
    #[inline(always)]
    pub(super) fn turn(&self, tokens: &[f32], stride: usize, scale: f32, out: &mut [f32]) {
        let head_dim = self.head_dim;
        for (token, out) in out.chunks_exact_mut(head_dim).enumerate() {
            let input = &tokens[token * stride..][..head_dim];
            match self.of(token) {
                None => scaled(input, scale, out),
                Some((cos, sin)) => turned(input, cos, sin, scale, out),
            }
        }
    }

    /// Writes the gradient of tokens that begin `stride` numbers apart from that of the turned ones.
    #[inline(always)]
    pub(super) fn back(&self, turned: &[f32], scale: f32, out: &mut [f32], stride: usize) {
        let head_dim = self.head_dim;
        for (token, turned) in turned.chunks_exact(head_dim).enumerate() {
            let out = &mut out[token * stride..][..head_dim];
            match self.of(token) {
                None => scaled(turned, scale, out),
                Some((cos, sin)) => turned_back(turned, cos, sin, scale, out),
            }
        }
    }

    /// Adds the gradient of the angles: a turned pair `(a, b)` moves along `(−b, a)`.
    #[inline(always)]
    pub(super) fn add_gradient(&self, turned: &[f32], gradient: &[f32], angles: &mut [f32]) {
        if self.turns.is_none() {
            return;
        }
        let pairs = turned.as_chunks::<2>().0.iter().zip(gradient.as_chunks::<2>().0);
        for (([a, b], [of_a, of_b]), angle) in pairs.zip(angles) {
            *angle += of_b * a - of_a * b;
        }
    }

    #[inline(always)]
    fn of(&self, token: usize) -> Option<(&[f32], &[f32])> {
        let range = token * self.head_dim..(token + 1) * self.head_dim;
        self.turns.as_ref().map(|turns| (&turns.cos[range.clone()], &turns.sin[range]))
    }
}

#[inline(always)]
fn scaled(input: &[f32], scale: f32, out: &mut [f32]) {
    for (out, value) in out.iter_mut().zip(input) {
        *out = scale * value;
    }
}

#[inline(always)]
fn turned(input: &[f32], cos: &[f32], sin: &[f32], scale: f32, out: &mut [f32]) {
    let turns = cos.as_chunks::<2>().0.iter().zip(sin.as_chunks::<2>().0);
    let pairs = out.as_chunks_mut::<2>().0.iter_mut().zip(input.as_chunks::<2>().0);
    for ((out, [a, b]), (cos, sin)) in pairs.zip(turns) {
        *out = [scale * (a * cos[0] + b * sin[0]), scale * (b * cos[1] + a * sin[1])];
    }
}

#[inline(always)]
fn turned_back(input: &[f32], cos: &[f32], sin: &[f32], scale: f32, out: &mut [f32]) {
    let turns = cos.as_chunks::<2>().0.iter().zip(sin.as_chunks::<2>().0);
    let pairs = out.as_chunks_mut::<2>().0.iter_mut().zip(input.as_chunks::<2>().0);
    for ((out, [a, b]), (cos, sin)) in pairs.zip(turns) {
        *out = [scale * (a * cos[0] - b * sin[0]), scale * (b * cos[1] - a * sin[1])];
    }
}
