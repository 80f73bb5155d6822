//! Band-limited noise in four lanes at once: one that all channels share and three of their own.

use crate::filter::{Biquad, BiquadFilter};
use crate::random::Random;

/// Number of lanes: the first is shared, the others belong to one channel each.
pub(super) const LANES: usize = 4;

/// Noise of unit variance in each lane, filtered by two second-order sections.
///
/// Why four lanes? A recursive filter is bound by the latency of its recursion, so four independent lanes cost little more
/// than one, and the two sections overlap.
#[derive(Debug, Clone)]
pub(super) struct LaneNoise {
    random: Random,
    sections: [LaneBiquad; 2],
    scale: f32,
}

/// A section with its state in each lane.
#[derive(Debug, Clone, Copy)]
struct LaneBiquad {
    b: [f32; 3],
    a: [f32; 2],
    state: [[f32; LANES]; 2],
}

impl LaneNoise {
    /// Creates a noise generator with a filter of two sections.
    pub(super) fn new(sections: [Biquad; 2], random: Random) -> Self {
        let gain = BiquadFilter::new(sections.to_vec()).noise_gain();
        let scale = (1.0 / (gain * INPUT_DEVIATION)) as f32;
        Self { random, sections: sections.map(LaneBiquad::new), scale }
    }

    /// Fills `block` with the next samples.
    pub(super) fn fill(&mut self, block: &mut [[f32; LANES]]) {
        let [mut first, mut second] = self.sections;
        for sample in block {
            *sample = second.run(first.run(self.input()));
        }
        self.sections = [first, second];
    }

    /// Returns white noise with a triangular distribution: the difference of two uniform 16-bit numbers per lane.
    ///
    /// The filter averages many samples, which makes its output nearly normal.
    fn input(&mut self) -> [f32; LANES] {
        let (a, b) = (self.random.bits(), self.random.bits());
        let lane = |shift: u32| {
            let pair = ((a >> shift) & 0xffff) as i32 - ((b >> shift) & 0xffff) as i32;
            pair as f32 * self.scale
        };
        [lane(0), lane(16), lane(32), lane(48)]
    }
}

/// Standard deviation of the difference of two uniform 16-bit numbers.
const INPUT_DEVIATION: f64 = 26_754.7;

impl LaneBiquad {
    fn new(section: Biquad) -> Self {
        Self {
            b: section.b.map(|b| b as f32),
            a: section.a.map(|a| a as f32),
            state: [[0.0; LANES]; 2],
        }
    }

    /// Filters the next sample of every lane (transposed direct form II).
    #[inline]
    fn run(&mut self, sample: [f32; LANES]) -> [f32; LANES] {
        let mut out = [0.0; LANES];
        for lane in 0..LANES {
            let value = sample[lane];
            let y = self.b[0] * value + self.state[0][lane];
            self.state[0][lane] = self.b[1] * value - self.a[0] * y + self.state[1][lane];
            self.state[1][lane] = self.b[2] * value - self.a[1] * y;
            out[lane] = y;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_have_unit_variance_and_are_independent() {
        let sections = [Biquad::band_pass(4.0, 1.0, 100.0); 2];
        let mut noise = LaneNoise::new(sections, Random::new(1, 1, "lanes"));
        let mut block = vec![[0.0; LANES]; 200_000];
        noise.fill(&mut block);
        for i in 0..LANES {
            for j in 0..LANES {
                let product =
                    block.iter().map(|sample| f64::from(sample[i] * sample[j])).sum::<f64>()
                        / 200_000.0;
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 0.06, "lanes {i} and {j}: {product}");
            }
        }
    }
}
