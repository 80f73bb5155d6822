//! Sums for each unit, from which a figure of any mixture of units is made without looking at the epochs again.

/// Sums of `width` quantities for each unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitSums {
    width: usize,
    sums: Vec<f64>,
}

impl UnitSums {
    /// Makes sums of nothing.
    ///
    /// # Panics
    ///
    /// Panics where `width` is 0.
    pub fn new(n_units: usize, width: usize) -> Self {
        assert!(width > 0, "there is something to sum");
        Self { width, sums: vec![0.0; n_units * width] }
    }

    /// Adds to a quantity of a unit.
    ///
    /// # Panics
    ///
    /// Panics where there is no such unit or quantity.
    pub fn add(&mut self, unit: usize, quantity: usize, value: f64) {
        assert!(quantity < self.width, "quantity out of range");
        self.sums[unit * self.width + quantity] += value;
    }

    /// Returns the sum of each quantity over all units, each unit taken as often as its weight says.
    ///
    /// # Panics
    ///
    /// Panics where there is not one weight for each unit.
    pub fn weighted(&self, weights: &[u32]) -> Vec<f64> {
        assert_eq!(weights.len() * self.width, self.sums.len(), "each unit has a weight");
        let mut whole = vec![0.0; self.width];
        for (sums, weight) in self.sums.chunks_exact(self.width).zip(weights) {
            if *weight > 0 {
                whole.iter_mut().zip(sums).for_each(|(all, sum)| *all += f64::from(*weight) * sum);
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_count_as_often_as_they_weigh() {
        let mut sums = UnitSums::new(3, 2);
        for (unit, quantity, value) in [(0, 0, 1.0), (1, 0, 10.0), (1, 1, 5.0), (2, 1, 7.0)] {
            sums.add(unit, quantity, value);
        }
        assert_eq!(sums.weighted(&[1, 1, 1]), [11.0, 12.0]);
        assert_eq!(sums.weighted(&[0, 3, 0]), [30.0, 15.0]);
    }
}
