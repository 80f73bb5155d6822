//! Positive pairs of a batch: which texts describe which epochs.

/// A square table of whether a text (column) describes an epoch (row).
///
/// A text always describes its own epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositivePairs {
    n: usize,
    is_positive: Vec<bool>,
}

impl PositivePairs {
    /// Fills the table of `n` epochs; `is_true(epoch, text)` is called only off the diagonal.
    pub fn new(n: usize, is_true: impl Fn(usize, usize) -> bool) -> Self {
        let is_positive = (0..n * n)
            .map(|cell| (cell / n, cell % n))
            .map(|(epoch, text)| epoch == text || is_true(epoch, text))
            .collect();
        Self { n, is_positive }
    }

    /// Returns the table in which each text describes only its own epoch.
    pub fn pairs(n: usize) -> Self {
        Self::new(n, |_, _| false)
    }

    /// Returns the number of epochs.
    pub const fn len(&self) -> usize {
        self.n
    }

    /// Returns whether the table is empty.
    pub const fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Returns whether the text describes the epoch.
    pub fn is_positive(&self, epoch: usize, text: usize) -> bool {
        self.is_positive[epoch * self.n + text]
    }

    /// Returns for each epoch the uniform distribution over its positive texts, in row-major order.
    pub fn row_targets(&self) -> Vec<f32> {
        let counts: Vec<f32> = (0..self.n)
            .map(|epoch| (0..self.n).filter(|text| self.is_positive(epoch, *text)).count() as f32)
            .collect();
        self.targets(|epoch, _| counts[epoch])
    }

    /// Returns for each text the uniform distribution over its positive epochs, in row-major order.
    pub fn column_targets(&self) -> Vec<f32> {
        let counts: Vec<f32> = (0..self.n)
            .map(|text| (0..self.n).filter(|epoch| self.is_positive(*epoch, text)).count() as f32)
            .collect();
        self.targets(|_, text| counts[text])
    }

    fn targets(&self, count: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        (0..self.n * self.n)
            .map(|cell| (cell / self.n, cell % self.n))
            .map(
                |(epoch, text)| {
                    if self.is_positive(epoch, text) { 1.0 / count(epoch, text) } else { 0.0 }
                },
            )
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_distributions() {
        let positives = PositivePairs::new(3, |epoch, text| epoch == 0 && text == 2);
        assert_eq!(positives.row_targets(), [0.5, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(positives.column_targets(), [1.0, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5]);
    }
}
