//! Which text of a batch is true of which epoch.

/// A square table: which text (column) is true of which epoch (row).
///
/// A text is always true of its own epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positives {
    n: usize,
    holds: Vec<bool>,
}

impl Positives {
    /// Fills the table of `n` epochs; `is_true(epoch, text)` is asked off the diagonal only.
    pub fn new(n: usize, is_true: impl Fn(usize, usize) -> bool) -> Self {
        let holds = (0..n * n)
            .map(|cell| (cell / n, cell % n))
            .map(|(epoch, text)| epoch == text || is_true(epoch, text))
            .collect();
        Self { n, holds }
    }

    /// Returns the table in which each text is true of its own epoch only.
    pub fn pairs(n: usize) -> Self {
        Self::new(n, |_, _| false)
    }

    /// Returns the number of epochs.
    pub const fn len(&self) -> usize {
        self.n
    }

    /// Returns whether there is no epoch.
    pub const fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Returns whether the text is true of the epoch.
    pub fn holds(&self, epoch: usize, text: usize) -> bool {
        self.holds[epoch * self.n + text]
    }

    /// Returns for each epoch the uniform distribution over its texts, row after row.
    pub fn row_targets(&self) -> Vec<f32> {
        let counts: Vec<f32> = (0..self.n)
            .map(|epoch| (0..self.n).filter(|text| self.holds(epoch, *text)).count() as f32)
            .collect();
        self.targets(|epoch, _| counts[epoch])
    }

    /// Returns for each text the uniform distribution over its epochs, row after row.
    pub fn column_targets(&self) -> Vec<f32> {
        let counts: Vec<f32> = (0..self.n)
            .map(|text| (0..self.n).filter(|epoch| self.holds(*epoch, text)).count() as f32)
            .collect();
        self.targets(|_, text| counts[text])
    }

    fn targets(&self, count: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        (0..self.n * self.n)
            .map(|cell| (cell / self.n, cell % self.n))
            .map(
                |(epoch, text)| {
                    if self.holds(epoch, text) { 1.0 / count(epoch, text) } else { 0.0 }
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
        let positives = Positives::new(3, |epoch, text| epoch == 0 && text == 2);
        assert_eq!(positives.row_targets(), [0.5, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(positives.column_targets(), [1.0, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5]);
    }
}
