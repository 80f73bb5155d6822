//! What kind of caption is asked for.

use std::ops::Range;

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// The number of a slot that asks for nothing.
pub const NO_CONDITION: i64 = -1;

/// The kinds of caption that each row of a batch asks for, `[rows, slots]`.
///
/// `SleepLM` has 0 brain, 1 heart, 2 respiratory, 3 position and muscle, 4 stage and events,
/// and [`NO_CONDITION`] for a slot that is not used. The order of the slots says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditions {
    numbers: Vec<i64>,
    rows: usize,
    slots: usize,
}

impl Conditions {
    /// Lays the conditions of several rows side by side.
    ///
    /// # Panics
    ///
    /// Where there is no row, or one has another number of slots than the first.
    pub fn new<T: AsRef<[i64]>>(rows: &[T]) -> Self {
        let slots = rows.first().expect("a batch holds at least one row").as_ref().len();
        assert!(rows.iter().all(|row| row.as_ref().len() == slots), "rows have the same slots");
        let numbers = rows.iter().flat_map(AsRef::as_ref).copied().collect();
        Self { numbers, rows: rows.len(), slots }
    }

    /// Returns the number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the slots of each row.
    pub const fn slots(&self) -> usize {
        self.slots
    }

    /// Returns the conditions of some of the rows.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        let numbers = self.numbers[rows.start * self.slots..rows.end * self.slots].to_vec();
        Self { numbers, rows: rows.len(), slots: self.slots }
    }

    /// Returns which row of a table of `kinds` vectors, with that of the unused slot behind them, each slot has.
    ///
    /// # Panics
    ///
    /// Where a slot names a kind that there is not.
    pub(super) fn table_rows<B: Backend>(
        &self,
        kinds: usize,
        device: &Device<B>,
    ) -> Tensor<B, 1, Int> {
        let row = |number: i64| match number {
            NO_CONDITION => kinds as i64,
            number => {
                let holds = (0..kinds as i64).contains(&number);
                assert!(holds, "there is no kind of caption {number}; there are {kinds}");
                number
            }
        };
        let rows: Vec<i64> = self.numbers.iter().map(|number| row(*number)).collect();
        Tensor::from_data(TensorData::new(rows, [self.numbers.len()]), device)
    }
}
