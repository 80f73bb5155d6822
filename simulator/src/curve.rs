//! An evenly sampled quantity that changes slowly over the night, and the shapes that are added to it.

/// Values at a fixed rate from the start of the recording, with linear interpolation between them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    rate_hz: f64,
    values: Vec<f32>,
}

impl Curve {
    /// Creates a curve from its values.
    pub(super) fn new(rate_hz: f64, values: Vec<f32>) -> Self {
        Self { rate_hz, values }
    }

    /// Creates a curve that covers `duration_s` by calling `value` with each time in seconds.
    pub(super) fn from_fn(
        rate_hz: f64,
        duration_s: f64,
        mut value: impl FnMut(f64) -> f64,
    ) -> Self {
        let n = (duration_s * rate_hz).ceil() as usize + 1;
        Self { rate_hz, values: (0..n).map(|i| value(i as f64 / rate_hz) as f32).collect() }
    }

    /// Creates a constant curve.
    pub(super) fn constant(rate_hz: f64, duration_s: f64, value: f64) -> Self {
        Self::from_fn(rate_hz, duration_s, |_| value)
    }

    pub(super) fn rate_hz(&self) -> f64 {
        self.rate_hz
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns the value at a time; the first and last values extend beyond the ends.
    pub(super) fn at(&self, time_s: f64) -> f64 {
        let position = (time_s * self.rate_hz).max(0.0);
        let i = position as usize;
        let Some(next) = self.values.get(i + 1) else {
            return self.values.last().copied().map_or(0.0, f64::from);
        };
        let fraction = (position - i as f64) as f32;
        f64::from(self.values[i] + (next - self.values[i]) * fraction)
    }

    /// Replaces the values in `[start_s, end_s)` by `change(time in seconds, value)`.
    pub(super) fn change(
        &mut self,
        (start_s, end_s): (f64, f64),
        mut change: impl FnMut(f64, f64) -> f64,
    ) {
        let first = (start_s.max(0.0) * self.rate_hz).ceil() as usize;
        let last = ((end_s.max(0.0) * self.rate_hz).ceil() as usize).min(self.values.len());
        for i in first..last.max(first) {
            let time_s = i as f64 / self.rate_hz;
            self.values[i] = change(time_s, f64::from(self.values[i])) as f32;
        }
    }

    /// Resamples the curve and adds it, scaled by `gain` and delayed by `delay_s`, to samples at `rate_hz`.
    ///
    /// Catmull-Rom interpolation preserves frequencies well below the rate of the curve.
    pub(super) fn add_to(&self, samples: &mut [f32], rate_hz: f64, gain: f64, delay_s: f64) {
        let gain = gain as f32;
        let mut cursor = CurveCursor::new(self.rate_hz, rate_hz, -delay_s);
        for sample in samples {
            *sample += gain * cubic(self.neighbours(cursor.index()), cursor.fraction());
            cursor.advance();
        }
    }

    /// Returns the values at `i - 1` to `i + 2`; the first and last values extend beyond the ends.
    fn neighbours(&self, i: usize) -> [f32; 4] {
        if let Some(Ok(window)) =
            self.values.get(i.wrapping_sub(1)..i + 3).map(<[f32; 4]>::try_from)
        {
            return window;
        }
        let last = self.values.len().saturating_sub(1);
        [i.saturating_sub(1), i, i + 1, i + 2].map(|k| self.values[k.min(last)])
    }
}

/// A position between two values of a curve that advances one output sample at a time.
///
/// It counts in integers, so that no rounding error accumulates over a night.
#[derive(Debug, Clone, Copy)]
pub(super) struct CurveCursor {
    /// Index of the value before the position; negative before the start of the curve.
    whole: i32,
    /// Numerator of the fraction behind it; the denominator is `to`.
    part: i32,
    from: i32,
    to: i32,
    per_part: f32,
}

impl CurveCursor {
    /// Starts at `start_s` on a curve of `curve_hz` and advances at `rate_hz`; both rates are rounded to integers.
    pub(super) fn new(curve_hz: f64, rate_hz: f64, start_s: f64) -> Self {
        let (from, to) = (curve_hz.round() as i32, rate_hz.round() as i32);
        let parts = (start_s * f64::from(from) * f64::from(to)).round() as i32;
        let (whole, part) = (parts.div_euclid(to), parts.rem_euclid(to));
        Self { whole, part, from, to, per_part: 1.0 / to as f32 }
    }

    /// Returns the index of the value before the position, 0 before the start.
    #[inline]
    pub(super) fn index(&self) -> usize {
        self.whole.max(0) as usize
    }

    /// Returns the fraction of an interval behind that value, `[0, 1)`.
    #[inline]
    pub(super) fn fraction(&self) -> f32 {
        if self.whole < 0 { 0.0 } else { self.part as f32 * self.per_part }
    }

    /// Advances by one output sample.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.part += self.from;
        while self.part >= self.to {
            self.part -= self.to;
            self.whole += 1;
        }
    }
}

/// Interpolates between `b` (`t = 0`) and `c` (`t = 1`) with a Catmull-Rom cubic.
fn cubic([a, b, c, d]: [f32; 4], t: f32) -> f32 {
    let bent = 2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a);
    b + 0.5 * t * (c - a + t * bent)
}

/// Returns a raised cosine over `[0, 1]`: 0 at both ends and outside, 1 in the middle.
pub(super) fn bump(x: f64) -> f64 {
    if (0.0..=1.0).contains(&x) { 0.5 - 0.5 * (std::f64::consts::TAU * x).cos() } else { 0.0 }
}

/// Returns a plateau over `[0, duration_s]`: 1 in the middle, smooth flanks of `flank_s`, 0 outside.
pub(super) fn plateau(time_s: f64, duration_s: f64, flank_s: f64) -> f64 {
    let rising = (time_s / flank_s).clamp(0.0, 1.0);
    let falling = ((duration_s - time_s) / flank_s).clamp(0.0, 1.0);
    smooth(rising.min(falling))
}

/// Returns the smoothstep of `x`, clamped to `[0, 1]`.
pub(super) fn smooth(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_interpolated_linearly_and_extended_at_the_ends() {
        let curve = Curve::new(2.0, vec![0.0, 1.0, 3.0]);
        assert_eq!(
            [curve.at(-1.0), curve.at(0.25), curve.at(0.5), curve.at(9.0)],
            [0.0, 0.5, 1.0, 3.0]
        );
    }

    #[test]
    fn resampling_preserves_slow_sines() {
        let sine = |time_s: f64| (std::f64::consts::TAU * 1.3 * time_s).sin();
        let curve = Curve::from_fn(32.0, 10.0, sine);
        let mut samples = vec![0.0; 1250];
        curve.add_to(&mut samples, 125.0, 1.0, 0.0);
        // The first and last intervals have a neighbour on one side only.
        let worst = (8..1200)
            .map(|n| (f64::from(samples[n]) - sine(n as f64 / 125.0)).abs())
            .fold(0.0, f64::max);
        assert!(worst < 0.01, "{worst}");
    }

    #[test]
    fn plateaus_are_one_in_the_middle_and_zero_outside() {
        assert_eq!(
            [plateau(-1.0, 4.0, 1.0), plateau(2.0, 4.0, 1.0), plateau(5.0, 4.0, 1.0)],
            [0.0, 1.0, 0.0]
        );
    }
}
