//! A quantity that changes slowly over the night, sampled evenly.

/// Values at a fixed rate from the start of the recording, joined by straight lines.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    rate_hz: f64,
    values: Vec<f32>,
}

impl Curve {
    /// Makes a curve from its values.
    pub(super) fn new(rate_hz: f64, values: Vec<f32>) -> Self {
        Self { rate_hz, values }
    }

    /// Makes a curve that covers `duration_s`, from the value at each time in seconds.
    pub(super) fn from_fn(rate_hz: f64, duration_s: f64, mut value: impl FnMut(f64) -> f64) -> Self {
        let n = (duration_s * rate_hz).ceil() as usize + 1;
        Self { rate_hz, values: (0..n).map(|i| value(i as f64 / rate_hz) as f32).collect() }
    }

    /// Makes a constant curve.
    pub(super) fn constant(rate_hz: f64, duration_s: f64, value: f64) -> Self {
        Self::from_fn(rate_hz, duration_s, |_| value)
    }

    pub(super) fn rate_hz(&self) -> f64 {
        self.rate_hz
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns the value at a time; beyond the ends it stays what it was there.
    pub(super) fn at(&self, time_s: f64) -> f64 {
        let place = (time_s * self.rate_hz).max(0.0);
        let i = place as usize;
        let Some(next) = self.values.get(i + 1) else {
            return self.values.last().copied().map_or(0.0, f64::from);
        };
        let share = (place - i as f64) as f32;
        f64::from(self.values[i] + (next - self.values[i]) * share)
    }

    /// Changes the values in `[start_s, end_s)`; `change` receives the time in seconds and the value.
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

    /// Adds the curve's values, times `gain` and `delay_s` later, to samples at another rate.
    ///
    /// The curve is read through a cubic (Catmull and Rom), which keeps what is well below its rate.
    pub(super) fn add_to(&self, samples: &mut [f32], rate_hz: f64, gain: f64, delay_s: f64) {
        let step = self.rate_hz / rate_hz;
        let offset = -delay_s * self.rate_hz;
        let last = self.values.len().saturating_sub(1);
        let value = |i: isize| self.values[(i.max(0) as usize).min(last)];
        for (n, sample) in samples.iter_mut().enumerate() {
            let place = n as f64 * step + offset;
            let i = place.floor();
            let t = (place - i) as f32;
            let i = i as isize;
            let [a, b, c, d] = [value(i - 1), value(i), value(i + 1), value(i + 2)];
            let cubic = b
                + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)));
            *sample += cubic * gain as f32;
        }
    }
}

/// Returns a bump that rises from 0 to 1 and falls back over `[0, 1]` like a raised cosine; 0 outside.
pub(super) fn bump(place: f64) -> f64 {
    if (0.0..=1.0).contains(&place) { 0.5 - 0.5 * (std::f64::consts::TAU * place).cos() } else { 0.0 }
}

/// Returns a plateau over `[0, duration_s]` with smooth flanks of `flank_s`, 1 in the middle and 0 outside.
pub(super) fn plateau(time_s: f64, duration_s: f64, flank_s: f64) -> f64 {
    let rising = (time_s / flank_s).clamp(0.0, 1.0);
    let falling = ((duration_s - time_s) / flank_s).clamp(0.0, 1.0);
    smooth(rising.min(falling))
}

/// Returns the smooth step of `x` in `[0, 1]`.
pub(super) fn smooth(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_on_straight_lines() {
        let curve = Curve::new(2.0, vec![0.0, 1.0, 3.0]);
        assert_eq!([curve.at(-1.0), curve.at(0.25), curve.at(0.5), curve.at(9.0)], [0.0, 0.5, 1.0, 3.0]);
    }

    #[test]
    fn slow_sines_keep_their_shape_at_a_higher_rate() {
        let sine = |time_s: f64| (std::f64::consts::TAU * 1.3 * time_s).sin();
        let curve = Curve::from_fn(32.0, 10.0, sine);
        let mut samples = vec![0.0; 1250];
        curve.add_to(&mut samples, 125.0, 1.0, 0.0);
        let worst = (0..1200)
            .map(|n| (f64::from(samples[n]) - sine(n as f64 / 125.0)).abs())
            .fold(0.0, f64::max);
        assert!(worst < 0.01, "{worst}");
    }

    #[test]
    fn plateaus_are_flat_in_the_middle() {
        assert_eq!([plateau(-1.0, 4.0, 1.0), plateau(2.0, 4.0, 1.0), plateau(5.0, 4.0, 1.0)], [0.0, 1.0, 0.0]);
    }
}
