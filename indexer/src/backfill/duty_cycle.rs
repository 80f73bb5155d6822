//! The share of time that a backfill works, so that it leaves the machine to a server.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Share of the time that is spent working, in (0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DutyCycle(f64);

impl Default for DutyCycle {
    /// Works all the time.
    fn default() -> Self {
        Self(1.0)
    }
}

impl DutyCycle {
    /// Returns a duty cycle; `None` if the share is not in (0, 1].
    pub fn new(share: f64) -> Option<Self> {
        (share > 0.0 && share <= 1.0).then_some(Self(share))
    }

    /// Does some work, then pauses for as long as the share requires.
    pub(crate) fn work<T>(self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        pause(self.pause_after(start.elapsed()));
        done
    }

    fn pause_after(self, work: Duration) -> Duration {
        work.mul_f64(1.0 / self.0 - 1.0)
    }
}

/// Waits.
pub(crate) fn pause(duration: Duration) {
    if duration.is_zero() {
        return;
    }
    // Nothing is ever sent, so this waits for the timeout.
    let (_sender, receiver) = channel::<()>();
    let _ = receiver.recv_timeout(duration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_makes_work_the_share_of_the_time() {
        let second = Duration::from_secs(1);
        assert_eq!(DutyCycle::default().pause_after(second), Duration::ZERO);
        assert_eq!(DutyCycle::new(0.25).unwrap().pause_after(second), 3 * second);
    }

    #[test]
    fn share_is_above_0_and_at_most_1() {
        assert!(DutyCycle::new(1.0).is_some());
        for share in [0.0, -0.5, 1.5, f64::NAN] {
            assert_eq!(DutyCycle::new(share), None);
        }
    }

    #[test]
    fn work_returns_its_result() {
        assert_eq!(DutyCycle::new(0.9).unwrap().work(|| 7), 7);
    }
}
