//! A column with a value for each epoch, in steps of a byte.

/// The values that the codes of a column have: code 0 is `first`, and each further code is a `step` more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ByteScale {
    /// Value of code 0.
    pub first: f32,
    /// Difference between the values of neighbouring codes.
    pub step: f32,
}

/// Code of an epoch without a value.
const NONE: u8 = 255;

/// A value for each epoch of a night, or none, each kept in a byte.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochColumn {
    scale: ByteScale,
    codes: Vec<u8>,
}

impl ByteScale {
    /// Whole numbers from 0 to 254.
    pub const WHOLE: Self = Self { first: 0.0, step: 1.0 };

    /// Returns the code that is nearest to a value: 0 to 254, or 255 without one.
    fn code(self, value: Option<f64>) -> u8 {
        let nearest = |value: f64| ((value - f64::from(self.first)) / f64::from(self.step)).round();
        value.map_or(NONE, |value| nearest(value).clamp(0.0, f64::from(NONE - 1)) as u8)
    }

    fn value(self, code: u8) -> Option<f32> {
        (code != NONE).then(|| self.first + self.step * f32::from(code))
    }
}

impl EpochColumn {
    /// Rounds values to the steps of a scale; those beyond its ends become its ends.
    pub fn of(scale: ByteScale, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        Self { scale, codes: values.into_iter().map(|value| scale.code(value)).collect() }
    }

    /// Returns the column with these codes: steps of the scale, 255 for an epoch without a value.
    pub fn from_codes(scale: ByteScale, codes: Vec<u8>) -> Self {
        Self { scale, codes }
    }

    /// Returns the codes, one for each epoch: steps of the scale, 255 for an epoch without a value.
    pub fn codes(&self) -> &[u8] {
        &self.codes
    }

    /// Returns the number of epochs.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Returns whether there are no epochs.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Returns the value of an epoch, if it has one.
    ///
    /// # Panics
    ///
    /// Panics if there is no such epoch.
    pub fn get(&self, epoch_idx: usize) -> Option<f32> {
        self.scale.value(self.codes[epoch_idx])
    }

    /// Returns the value of each epoch.
    pub fn values(&self) -> impl Iterator<Item = Option<f32>> {
        self.codes.iter().map(|code| self.scale.value(*code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_steps_and_clamped_to_the_scale() {
        let scale = ByteScale { first: 40.0, step: 0.25 };
        let column = EpochColumn::of(scale, [Some(40.0), Some(94.6), None, Some(200.0), Some(0.0)]);
        assert_eq!(column.codes(), [0, 218, 255, 254, 0]);
        let values: Vec<Option<f32>> = column.values().collect();
        assert_eq!(values, [Some(40.0), Some(94.5), None, Some(103.5), Some(40.0)]);
        assert_eq!(column.get(1), Some(94.5));
        assert_eq!(EpochColumn::from_codes(scale, column.codes().to_vec()), column);
    }
}
