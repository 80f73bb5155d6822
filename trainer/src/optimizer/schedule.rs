//! The learning-rate schedule.

use std::f64::consts::PI;

/// Linear warm-up, then cosine decay to a share of the peak rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Number of warm-up steps.
    pub warmup_steps: u64,
    /// Total number of steps.
    pub steps: u64,
    /// Share of the peak rate at the end.
    pub final_share: f64,
}

impl Schedule {
    /// Returns the learning rate of a step, counted from 0.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.learning_rate * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let length = self.steps.saturating_sub(self.warmup_steps).max(1) as f64;
        let done = ((step - self.warmup_steps) as f64 / length).min(1.0);
        let share = self.final_share + (1.0 - self.final_share) * 0.5 * (1.0 + (PI * done).cos());
        self.learning_rate * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_linearly_and_falls_as_a_cosine() {
        let schedule =
            Schedule { learning_rate: 2.0, warmup_steps: 4, steps: 104, final_share: 0.1 };
        let check = |step, rate: f64| {
            assert!((schedule.rate(step) - rate).abs() < 1e-12, "step {step}");
        };
        check(0, 0.5);
        check(3, 2.0);
        check(4, 2.0);
        check(54, 1.1);
        check(104, 0.2);
        check(1000, 0.2);
    }
}
