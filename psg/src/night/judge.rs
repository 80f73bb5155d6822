//! Brings the native samples of a channel, also one that is a difference, before its [`Vitals`].

use super::findings::Finding;
use super::vitals::Vitals;
use crate::montage::Channel;

/// A channel that is judged, fed by one signal or by two.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) channel: Channel,
    plus: usize,
    minus: Option<usize>,
    /// Samples of either signal that wait for those of the other.
    waiting: [Vec<f32>; 2],
    vitals: Vitals,
}

impl Judge {
    /// Prepares for a channel whose signals have these numbers; `None` where there is nothing to judge, or where the
    /// two signals have not one rate.
    pub(super) fn new(
        channel: Channel,
        (plus, plus_hz): (usize, f64),
        minus: Option<(usize, f64)>,
    ) -> Option<Self> {
        if minus.is_some_and(|(_, minus_hz)| minus_hz != plus_hz) {
            return None;
        }
        let vitals = Vitals::new(channel, plus_hz)?;
        let minus = minus.map(|(minus, _)| minus);
        Some(Self { channel, plus, minus, waiting: [Vec::new(), Vec::new()], vitals })
    }

    /// Takes the next samples of a signal, if it is one of the channel's.
    pub(super) fn push(&mut self, signal: usize, samples: &[f32]) {
        let is_plus = signal == self.plus;
        match self.minus {
            None if is_plus => self.vitals.push(samples),
            Some(minus) if is_plus || signal == minus => {
                if is_plus {
                    self.waiting[0].extend_from_slice(samples);
                }
                if signal == minus {
                    self.waiting[1].extend_from_slice(samples);
                }
                self.push_difference();
            }
            None | Some(_) => {}
        }
    }

    fn push_difference(&mut self) {
        let [plus, minus] = &mut self.waiting;
        let n = plus.len().min(minus.len());
        plus.iter_mut().zip(&*minus).for_each(|(x, reference)| *x -= reference);
        self.vitals.push(&plus[..n]);
        plus.drain(..n);
        minus.drain(..n);
    }

    /// Returns what was found in each complete epoch.
    pub(super) fn finish(self) -> Vec<Finding> {
        self.vitals.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hum_of_a_common_reference_vanishes_in_a_difference() {
        let hum = |i: i32| 80.0 * (f64::from(i) * 0.25 * std::f64::consts::TAU).sin();
        let eeg = |i: i32| 40.0 * (f64::from(i) * 0.05).sin();
        let with_hum: Vec<f32> = (0..6000).map(|i| (hum(i) + eeg(i)) as f32).collect();
        let hum: Vec<f32> = (0..6000).map(|i| hum(i) as f32).collect();
        let check = |minus: Option<(usize, f64)>, expected| {
            let mut judge = Judge::new(Channel::EegC3A2, (3, 200.0), minus).unwrap();
            for (with_hum, hum) in with_hum.chunks(700).zip(hum.chunks(700)) {
                judge.push(3, with_hum);
                judge.push(5, hum);
            }
            let findings = judge.finish();
            assert_eq!(findings.iter().map(|it| it.mains).collect::<Vec<_>>(), [expected]);
        };
        check(None, true);
        check(Some((5, 200.0)), false);
        assert!(Judge::new(Channel::EegC3A2, (3, 200.0), Some((5, 100.0))).is_none());
    }
}
