//! Feeds the samples of a channel, which may be a difference of two signals, to its [`DisconnectionDetector`].

use super::disconnection::DisconnectionDetector;
use super::signal_findings::SignalFinding;
use crate::sleep::Channel;

/// The detector of a channel with one or two signals.
#[derive(Debug)]
pub(super) struct ChannelDetector {
    pub(super) channel: Channel,
    plus: usize,
    minus: Option<usize>,
    /// Samples of each signal for which those of the other have not arrived.
    pending: [Vec<f32>; 2],
    detector: DisconnectionDetector,
}

impl ChannelDetector {
    /// Creates the detector of a channel from the index and rate of its signals.
    ///
    /// Returns `None` if nothing can be detected, or if the two signals have different rates.
    pub(super) fn new(
        channel: Channel,
        (plus, plus_hz): (usize, f64),
        minus: Option<(usize, f64)>,
    ) -> Option<Self> {
        if minus.is_some_and(|(_, minus_hz)| minus_hz != plus_hz) {
            return None;
        }
        let detector = DisconnectionDetector::new(channel, plus_hz)?;
        let minus = minus.map(|(minus, _)| minus);
        Some(Self { channel, plus, minus, pending: [Vec::new(), Vec::new()], detector })
    }

    /// Processes the next samples of a signal; ignores signals of other channels.
    pub(super) fn push(&mut self, signal: usize, samples: &[f32]) {
        let is_plus = signal == self.plus;
        match self.minus {
            None if is_plus => self.detector.push(samples),
            Some(minus) if is_plus || signal == minus => {
                if is_plus {
                    self.pending[0].extend_from_slice(samples);
                }
                if signal == minus {
                    self.pending[1].extend_from_slice(samples);
                }
                self.push_difference();
            }
            None | Some(_) => {}
        }
    }

    fn push_difference(&mut self) {
        let [plus, minus] = &mut self.pending;
        let n = plus.len().min(minus.len());
        plus.iter_mut().zip(&*minus).for_each(|(x, reference)| *x -= reference);
        self.detector.push(&plus[..n]);
        plus.drain(..n);
        minus.drain(..n);
    }

    /// Returns the findings of each complete epoch.
    pub(super) fn finish(self) -> Vec<SignalFinding> {
        self.detector.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hum_of_a_common_reference_cancels_in_a_difference() {
        let hum = |i: i32| 80.0 * (f64::from(i) * 0.25 * std::f64::consts::TAU).sin();
        let eeg = |i: i32| 40.0 * (f64::from(i) * 0.05).sin();
        let with_hum: Vec<f32> = (0..6000).map(|i| (hum(i) + eeg(i)) as f32).collect();
        let hum: Vec<f32> = (0..6000).map(|i| hum(i) as f32).collect();
        let check = |minus: Option<(usize, f64)>, expected| {
            let mut detector = ChannelDetector::new(Channel::EegC3A2, (3, 200.0), minus).unwrap();
            for (with_hum, hum) in with_hum.chunks(700).zip(hum.chunks(700)) {
                detector.push(3, with_hum);
                detector.push(5, hum);
            }
            let findings = detector.finish();
            assert_eq!(findings.iter().map(|it| it.mains).collect::<Vec<_>>(), [expected]);
        };
        check(None, true);
        check(Some((5, 200.0)), false);
        assert!(ChannelDetector::new(Channel::EegC3A2, (3, 200.0), Some((5, 100.0))).is_none());
    }
}
