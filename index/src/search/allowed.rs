//! The rows of a snapshot that a filter allows, evaluated once per search.

use crate::vector::RowId;

/// The rows of a snapshot that a filter allows.
///
/// Planning needs their number and searching needs the rows, so they are evaluated once and shared by both. A bit per
/// epoch keeps 12 million of them in 1.5 MB.
#[derive(Debug)]
pub(crate) struct AllowedRows {
    /// By recording of the snapshot; `None` if every row is allowed.
    recordings: Option<Vec<RowSet>>,
    n_rows: usize,
}

/// The allowed rows of one recording.
#[derive(Debug)]
pub(crate) enum RowSet {
    Empty,
    All(usize),
    /// At least one row, and not all.
    Some(Bitmap),
}

/// A bit per row.
#[derive(Debug)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
    n_set: usize,
}

impl AllowedRows {
    /// Allows all of `n_rows` rows.
    pub(crate) fn all(n_rows: usize) -> Self {
        Self { recordings: None, n_rows }
    }

    /// Allows the given rows of each recording of a snapshot.
    pub(crate) fn of(recordings: Vec<RowSet>) -> Self {
        let n_rows = recordings.iter().map(RowSet::len).sum();
        Self { recordings: Some(recordings), n_rows }
    }

    /// Returns the number of allowed rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Returns whether a row is allowed.
    pub(crate) fn contains(&self, id: RowId) -> bool {
        let Some(recordings) = &self.recordings else { return true };
        match &recordings[id.recording] {
            RowSet::Empty => false,
            RowSet::All(_) => true,
            RowSet::Some(bitmap) => bitmap.contains(id.row),
        }
    }

    /// Returns the allowed rows of a recording, ascending; `None` if all are.
    pub(crate) fn rows_of(&self, recording: usize) -> Option<Vec<u32>> {
        match &self.recordings.as_ref()?[recording] {
            RowSet::Empty => Some(Vec::new()),
            RowSet::All(_) => None,
            RowSet::Some(bitmap) => Some(bitmap.rows().collect()),
        }
    }
}

impl RowSet {
    /// Converts a value per row.
    pub(crate) fn of(is_allowed: &[bool]) -> Self {
        let words: Vec<u64> = is_allowed
            .chunks(64)
            .map(|bits| (0..).zip(bits).fold(0, |word, (i, bit)| word | u64::from(*bit) << i))
            .collect();
        let n_set = words.iter().map(|word| word.count_ones() as usize).sum();
        match n_set {
            0 => Self::Empty,
            n_set if n_set == is_allowed.len() => Self::All(n_set),
            n_set => Self::Some(Bitmap { words, n_set }),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::All(n_rows) => *n_rows,
            Self::Some(bitmap) => bitmap.n_set,
        }
    }
}

impl Bitmap {
    fn contains(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    fn rows(&self) -> impl Iterator<Item = u32> {
        (0..).step_by(64).zip(&self.words).flat_map(|(start, word)| {
            // Clearing the lowest set bit leads to the next one, so that a sparse word costs its set bits only.
            let rests =
                std::iter::successors(Some(*word), |rest| Some(rest & rest.wrapping_sub(1)));
            rests.take_while(|rest| *rest != 0).map(move |rest| start + rest.trailing_zeros())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is_allowed: &[bool]) {
        let allowed = AllowedRows::of(vec![RowSet::Empty, RowSet::of(is_allowed)]);
        let n_rows = is_allowed.len() as u32;
        let expect: Vec<u32> = (0..n_rows).filter(|row| is_allowed[*row as usize]).collect();
        assert_eq!(allowed.n_rows(), expect.len());
        assert_eq!(allowed.rows_of(1).unwrap_or_else(|| (0..n_rows).collect()), expect);
        for (row, is_allowed) in is_allowed.iter().enumerate() {
            assert_eq!(allowed.contains(RowId { recording: 1, row }), *is_allowed);
            assert!(!allowed.contains(RowId { recording: 0, row }));
        }
    }

    #[test]
    fn rows_are_found_in_bitmaps() {
        for n_rows in [0, 1, 63, 64, 65, 200] {
            check(&vec![true; n_rows]);
            check(&vec![false; n_rows]);
            check(&(0..n_rows).map(|row| row % 3 == 0).collect::<Vec<_>>());
            check(&(0..n_rows).map(|row| row + 1 == n_rows).collect::<Vec<_>>());
        }
    }
}
