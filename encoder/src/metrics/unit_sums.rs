//! Sums by unit, from which metrics of any weights of the units follow without another pass over the epochs.

/// Sums of `width` quantities for each unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitSums {
    width: usize,
    sums: Vec<f64>,
}

impl UnitSums {
    /// Creates sums of zero.
    ///
    /// # Panics
    ///
    /// Panics if `width` is 0.
    pub fn new(n_units: usize, width: usize) -> Self {
        assert!(width > 0, "there is at least one quantity");
        Self { width, sums: vec![0.0; n_units * width] }
    }

    /// Adds to a quantity of a unit.
    ///
    /// # Panics
    ///
    /// Panics if there is no such unit or quantity.
    pub fn add(&mut self, unit: usize, quantity: usize, value: f64) {
        assert!(quantity < self.width, "quantity out of range");
        self.sums[unit * self.width + quantity] += value;
    }

    /// Returns the weighted sum of each quantity over all units.
    ///
    /// # Panics
    ///
    /// Panics unless there is one weight for each unit.
    pub fn weighted(&self, weights: &[u32]) -> Vec<f64> {
        assert_eq!(weights.len() * self.width, self.sums.len(), "each unit has a weight");
        let mut total = vec![0.0; self.width];
        for (sums, weight) in self.sums.chunks_exact(self.width).zip(weights) {
            if *weight > 0 {
                total
                    .iter_mut()
                    .zip(sums)
                    .for_each(|(total, sum)| *total += f64::from(*weight) * sum);
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_weighted() {
        let mut sums = UnitSums::new(3, 2);
        for (unit, quantity, value) in [(0, 0, 1.0), (1, 0, 10.0), (1, 1, 5.0), (2, 1, 7.0)] {
            sums.add(unit, quantity, value);
        }
        assert_eq!(sums.weighted(&[1, 1, 1]), [11.0, 12.0]);
        assert_eq!(sums.weighted(&[0, 3, 0]), [30.0, 15.0]);
    }
}
