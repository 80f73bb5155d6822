//! The codes of all epochs in few great blocks, so that a scan reads memory from end to end.

use std::ops::Range;
use std::sync::Arc;

use crate::codes::Codes;

/// Rows of a block: 64 MiB of codes of 512 numbers.
const ROWS: usize = 131_072;

/// Where the rows of each recording are, by the recording's place among those of an index.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    blocks: Vec<Arc<Codes>>,
    slots: Vec<Slot>,
}

/// Rows of one recording.
#[derive(Debug, Clone)]
struct Slot {
    block: usize,
    rows: Range<usize>,
}

impl Blocks {
    /// Returns the codes of a recording: some rows of a block.
    pub(crate) fn rows(&self, recording: usize) -> (&Codes, Range<usize>) {
        let Slot { block, rows } = &self.slots[recording];
        (&self.blocks[*block], rows.clone())
    }
}

/// Blocks in the making.
#[derive(Debug)]
pub(crate) struct Filling<'a> {
    previous: &'a Blocks,
    /// For each block of the previous index, its place in the next one, where it stays as it is.
    kept: Vec<Option<usize>>,
    blocks: Vec<Arc<Codes>>,
    fresh: Vec<Codes>,
    slots: Vec<Slot>,
    dim: usize,
    /// Rows that are still to come, at most.
    n_to_come: usize,
}

impl<'a> Filling<'a> {
    /// Begins with the blocks of an index before, of whose recordings `stay` will come again.
    ///
    /// A block stays where it is at least half full of what stays; the rows of others are copied.
    pub(crate) fn new(
        dim: usize,
        n_rows: usize,
        previous: &'a Blocks,
        stay: impl Iterator<Item = usize>,
    ) -> Self {
        let mut live = vec![0; previous.blocks.len()];
        stay.for_each(|recording| {
            let slot = &previous.slots[recording];
            live[slot.block] += slot.rows.len();
        });
        let mut blocks = Vec::new();
        let mut keep = |(live, block): (usize, &Arc<Codes>)| {
            (2 * live >= block.len().max(ROWS)).then(|| {
                blocks.push(Arc::clone(block));
                blocks.len() - 1
            })
        };
        let kept = live.into_iter().zip(&previous.blocks).map(&mut keep).collect();
        Self {
            previous,
            kept,
            blocks,
            fresh: Vec::new(),
            slots: Vec::new(),
            dim,
            n_to_come: n_rows,
        }
    }

    /// Takes the rows of the next recording from the index before.
    pub(crate) fn keep(&mut self, recording: usize) {
        let Slot { block, rows } = self.previous.slots[recording].clone();
        match self.kept[block] {
            Some(block) => {
                self.n_to_come = self.n_to_come.saturating_sub(rows.len());
                self.slots.push(Slot { block, rows });
            }
            None => self.add(&self.previous.blocks[block], rows),
        }
    }

    /// Copies the rows of the next recording.
    pub(crate) fn add(&mut self, codes: &Codes, rows: Range<usize>) {
        let n = rows.len();
        let has_room = |last: &Codes| last.room() - last.len() >= n;
        if !self.fresh.last().is_some_and(has_room) {
            let room = self.n_to_come.min(ROWS).max(n);
            self.fresh.push(Codes::with_room(self.dim, room));
        }
        self.n_to_come = self.n_to_come.saturating_sub(n);
        let block = self.blocks.len() + self.fresh.len() - 1;
        let last = self.fresh.last_mut().expect("there is one, or it was just made");
        let start = last.len();
        last.extend(codes, rows);
        self.slots.push(Slot { block, rows: start..start + n });
    }

    pub(crate) fn finish(self) -> Blocks {
        let Self { mut blocks, fresh, slots, .. } = self;
        blocks.extend(fresh.into_iter().map(Arc::new));
        Blocks { blocks, slots }
    }
}

#[cfg(test)]
mod tests {
    use nocturne_encoder::Embedding;

    use super::*;

    /// Codes of rows that tell them apart.
    fn codes(first: usize, n: usize) -> Codes {
        let row = |row: usize| Embedding::new(vec![1.0, row as f32 / 1000.0]).unwrap();
        Codes::of(2, &(first..first + n).map(row).collect::<Vec<_>>())
    }

    fn fill(recordings: &[Codes]) -> Blocks {
        let previous = Blocks::default();
        let n_rows = recordings.iter().map(Codes::len).sum();
        let mut filling = Filling::new(2, n_rows, &previous, std::iter::empty());
        recordings.iter().for_each(|codes| filling.add(codes, 0..codes.len()));
        filling.finish()
    }

    #[track_caller]
    fn assert_rows(blocks: &Blocks, recording: usize, expect: &Codes) {
        let (codes, rows) = blocks.rows(recording);
        let mut found = Codes::with_room(2, rows.len());
        found.extend(codes, rows);
        assert_eq!((found.scales(), found.errors()), (expect.scales(), expect.errors()));
        let all =
            |codes: &Codes| (0..codes.len()).flat_map(|row| codes.row(row)).collect::<Vec<_>>();
        assert_eq!(all(&found), all(expect));
    }

    #[test]
    fn recordings_lie_in_one_block_in_order() {
        let recordings = [codes(0, 3), codes(3, 0), codes(3, 4)];
        let blocks = fill(&recordings);
        assert_eq!(blocks.blocks.len(), 1);
        (0..3).for_each(|number| assert_rows(&blocks, number, &recordings[number]));
    }

    #[test]
    fn great_blocks_are_shared_and_small_ones_are_joined() {
        let recordings = [codes(0, ROWS), codes(1, 3), codes(4, 4)];
        let before = fill(&recordings);
        assert_eq!(before.blocks.len(), 2);
        let mut filling = Filling::new(2, ROWS + 10, &before, [0, 2].into_iter());
        filling.keep(0);
        filling.keep(2);
        filling.add(&recordings[1], 0..2);
        let after = filling.finish();
        assert!(Arc::ptr_eq(&before.blocks[0], &after.blocks[0]));
        assert_eq!(after.blocks.len(), 2);
        assert_rows(&after, 0, &recordings[0]);
        assert_rows(&after, 1, &recordings[2]);
        assert_rows(&after, 2, &codes(1, 2));
    }
}
