//! How much of its time a backfill may take.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Share of the time that is spent at work, above 0 and up to 1; the rest is left to others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace(f64);

impl Default for Pace {
    /// Without a rest.
    fn default() -> Self {
        Self(1.0)
    }
}

impl Pace {
    /// Takes a share; nothing where it is none.
    pub fn new(share: f64) -> Option<Self> {
        (share > 0.0 && share <= 1.0).then_some(Self(share))
    }

    /// Does some work and then rests for as long as the share demands.
    pub(crate) fn work<T>(self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        let rest = self.rest_after(begun.elapsed());
        pause(rest);
        done
    }

    fn rest_after(self, work: Duration) -> Duration {
        work.mul_f64(1.0 / self.0 - 1.0)
    }
}

/// Waits.
pub(crate) fn pause(length: Duration) {
    if length.is_zero() {
        return;
    }
    // Nobody sends: this waits for the time alone.
    let (_sender, receiver) = channel::<()>();
    let _ = receiver.recv_timeout(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_make_up_what_the_share_leaves() {
        let second = Duration::from_secs(1);
        assert_eq!(Pace::default().rest_after(second), Duration::ZERO);
        assert_eq!(Pace::new(0.25).unwrap().rest_after(second), 3 * second);
        for share in [0.0, -0.5, 1.5, f64::NAN] {
            assert_eq!(Pace::new(share), None);
        }
    }
}
