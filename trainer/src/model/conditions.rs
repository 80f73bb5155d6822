//! The condition of a caption: which kinds it should have.

use std::ops::Range;

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// The number of an unused slot.
pub const NO_CONDITION: i64 = -1;

/// The caption kinds that each row of a batch asks for, `[rows, slots]`.
///
/// SleepLM has 0 brain, 1 heart, 2 respiratory, 3 position and muscle, 4 stage and events, and [`NO_CONDITION`] for an
/// unused slot. The order of the slots does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionConditions {
    numbers: Vec<i64>,
    rows: usize,
    slots: usize,
}

impl CaptionConditions {
    /// Collects the conditions of several rows.
    ///
    /// # Panics
    ///
    /// If there is no row, or the rows have different numbers of slots.
    pub fn new<T: AsRef<[i64]>>(rows: &[T]) -> Self {
        let slots = rows.first().expect("a batch has at least one row").as_ref().len();
        assert!(
            rows.iter().all(|row| row.as_ref().len() == slots),
            "all rows have the same number of slots"
        );
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

    /// Returns for each slot its row in a table of `kinds` vectors followed by the vector of the unused slot.
    ///
    /// # Panics
    ///
    /// If a slot names an unknown kind.
    pub(super) fn table_rows<B: Backend>(
        &self,
        kinds: usize,
        device: &Device<B>,
    ) -> Tensor<B, 1, Int> {
        let row = |number: i64| match number {
            NO_CONDITION => kinds as i64,
            number => {
                let holds = (0..kinds as i64).contains(&number);
                assert!(holds, "caption kind {number} does not exist; there are {kinds}");
                number
            }
        };
        let rows: Vec<i64> = self.numbers.iter().map(|number| row(*number)).collect();
        Tensor::from_data(TensorData::new(rows, [self.numbers.len()]), device)
    }
}
